#include "engine/last_error.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

void last_errors_init(struct last_errors *errors)
{
    *errors = (struct last_errors){0};
    errors->last_note = &errors->notes;
    pthread_mutex_init(&errors->lock, NULL);
}

void last_errors_done(struct last_errors *errors)
{
    struct map_node *node;
    while ((node = map_any(&errors->by_function))) {
        struct last_error *error = container_of(node, struct last_error, node);
        map_remove(&errors->by_function, node);
        mem_free((void *)(uintptr_t)error->function.data);
        buf_done(&error->json);
        mem_free(error);
    }
    map_done(&errors->by_function);
    pthread_mutex_destroy(&errors->lock);
}

static struct last_error *find(const struct last_errors *errors, struct str function)
{
    for (struct map_node *n = map_find(&errors->by_function, map_hash_str(function)); n;
         n = map_next(n)) {
        struct last_error *error = container_of(n, struct last_error, node);
        if (str_eq(error->function, function))
            return error;
    }
    return NULL;
}

static struct last_error *find_or_add(struct last_errors *errors, struct str function)
{
    struct last_error *error = find(errors, function);
    if (error)
        return error;
    error = mem_alloc(sizeof(*error));
    error->function = (struct str){mem_copy(function.data, function.len), function.len};
    map_put(&errors->by_function, &error->node, map_hash_str(function));
    return error;
}

/* --- in the transaction ------------------------------------------------------------- */

void last_error_note(struct last_errors *errors, struct txn *txn, const struct task_row *row,
                     const struct failure *failure)
{
    struct last_error_note *note = ARENA_NEW(&txn->arena, struct last_error_note);
    struct buf json = {0};
    buf_addf(&json, "{\"code\":\"%s\",\"message\":", failure_text(failure->code));
    buf_add_json(&json, failure->message);
    buf_add_text(&json, ",\"at\":\"");
    buf_add_time(&json, txn->now);
    buf_addf(&json, "\",\"task\":\"%.*s\"}", STR_ARG(row->id));
    note->function = arena_str(&txn->arena, row->function);
    note->json = arena_str(&txn->arena, buf_str(&json));
    buf_done(&json);
    *errors->last_note = note;
    errors->last_note = &note->next;
}

/* --- after it ------------------------------------------------------------------------ */

void last_errors_undo(struct last_errors *errors)
{
    errors->notes = NULL;
    errors->last_note = &errors->notes;
}

void last_errors_publish(struct last_errors *errors)
{
    if (!errors->notes)
        return;
    pthread_mutex_lock(&errors->lock);
    for (const struct last_error_note *note = errors->notes; note; note = note->next) {
        struct last_error *error = find_or_add(errors, note->function);
        error->json.len = 0;
        buf_add_str(&error->json, note->json);
    }
    pthread_mutex_unlock(&errors->lock);
    last_errors_undo(errors);
}

void last_error_render(struct last_errors *errors, struct str function, struct buf *out)
{
    pthread_mutex_lock(&errors->lock);
    const struct last_error *error = find(errors, function);
    buf_add_str(out, error ? buf_str(&error->json) : STR("null"));
    pthread_mutex_unlock(&errors->lock);
}
