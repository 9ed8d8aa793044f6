#include "engine/guard.h"

#include "base/log.h"
#include "store/logs.h"

/* Lines of the task's log that the server's log repeats. */
enum { LAST_LINES = 20 };

static struct str last_lines(struct str log)
{
    size_t start = log.len;
    int ends = 0;
    while (start > 0 && (log.data[start - 1] != '\n' || ends++ < LAST_LINES))
        start--;
    return (struct str){log.data + start, log.len - start};
}

void guard_failed(struct engine *engine, struct txn *txn, const struct task_row *row,
                  struct str message)
{
    struct buf log = {0};
    if (engine->last_words.len)
        return; /* the first is the one to blame */
    log_read(txn->db, row->seq, &log);
    if (log.len)
        buf_add_str(&engine->last_words, last_lines(buf_str(&log)));
    buf_addf(&engine->last_words, "guarded task failed: %.*s %.*s: %.*s\n", STR_ARG(row->function),
             STR_ARG(row->id), STR_ARG(message));
    buf_done(&log);
}

void guard_committed(struct engine *engine)
{
    struct str words = buf_str(&engine->last_words);
    if (!words.len || atomic_load(&engine->guard_failed))
        return;
    while (words.len) {
        struct str line = str_cut(&words, '\n');
        log_error("%.*s", STR_ARG(line));
    }
    atomic_store(&engine->guard_failed, true);
    if (engine->sink.end && !atomic_load(&engine->draining)) /* else it is ending already */
        engine->sink.end(engine->sink.arg);
}

void guard_undone(struct engine *engine)
{
    if (!atomic_load(&engine->guard_failed))
        buf_done(&engine->last_words);
}
