#include "server/ticket.h"

#include "base/base64.h"

#include <string.h>

/* The bytes: HMAC, end (8 bytes, clock_mono_ns), then for each name 'c' or 't', its length (2
 * bytes) and the name. Numbers have the machine's order: no other will read them. */
enum { END_BYTES = 8, NAME_BYTES = 3 };

static void add_names(struct buf *out, char kind, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t len = (uint16_t)names[i].len;
        buf_add_char(out, kind);
        buf_add(out, &len, sizeof(len));
        buf_add_str(out, names[i]);
    }
}

static bool names_fit(const struct ticket *ticket)
{
    size_t size = 0;
    for (size_t i = 0; i < ticket->channel_count && size <= TICKET_NAMES_MAX; i++)
        size += NAME_BYTES + ticket->channels[i].len;
    for (size_t i = 0; i < ticket->task_count && size <= TICKET_NAMES_MAX; i++)
        size += NAME_BYTES + ticket->tasks[i].len;
    return size <= TICKET_NAMES_MAX;
}

/* What is in it is looked at once, however many tokens there are. */
static struct digest proof(const struct digest *key, const struct token *token,
                           const struct digest *content)
{
    static const struct digest nobody;
    const struct digest *holder = token ? &token->digest : &nobody;
    return sha256_hmac(key, (struct str){(const char *)content->bytes, SHA256_BYTES},
                       (struct str){(const char *)holder->bytes, SHA256_BYTES});
}

bool ticket_make(const struct digest *key, const struct token *token, const struct ticket *ticket,
                 int64_t now, struct buf *out)
{
    struct buf content = {0}, bytes = {0};
    int64_t end = now + TICKET_SECONDS * 1000000000LL;
    if (!names_fit(ticket))
        return false;
    buf_add(&content, &end, sizeof(end));
    add_names(&content, 'c', ticket->channels, ticket->channel_count);
    add_names(&content, 't', ticket->tasks, ticket->task_count);
    const struct digest digest = sha256(buf_str(&content));
    const struct digest proved = proof(key, token, &digest);
    buf_add(&bytes, proved.bytes, sizeof(proved.bytes));
    buf_add_str(&bytes, buf_str(&content));
    base64_add(out, buf_str(&bytes));
    buf_done(&content);
    buf_done(&bytes);
    return true;
}

/* The names of one kind. What is read has been proved to be our own. */
static const struct str *read_names(struct str content, char kind, struct arena *arena,
                                    size_t *count)
{
    struct str *names = ARENA_ARRAY(arena, struct str, content.len / NAME_BYTES);
    *count = 0;
    for (size_t at = END_BYTES; at < content.len;) {
        uint16_t len;
        memcpy(&len, content.data + at + 1, sizeof(len));
        if (content.data[at] == kind)
            names[(*count)++] = (struct str){content.data + at + NAME_BYTES, len};
        at += NAME_BYTES + len;
    }
    return names;
}

/* To the end, whosever it is. */
static bool proved(const struct digest *key, const struct tokens *tokens,
                   const struct digest *content, const struct digest *given,
                   const struct token **holder)
{
    struct digest want = proof(key, NULL, content);
    bool found = !tokens->count && digest_eq(&want, given);
    *holder = NULL;
    for (size_t i = 0; i < tokens->count; i++) {
        want = proof(key, &tokens->items[i], content);
        if (!digest_eq(&want, given))
            continue;
        found = true;
        *holder = &tokens->items[i];
    }
    return found;
}

enum ticket_state ticket_read(const struct digest *key, const struct tokens *tokens,
                              struct str text, int64_t now, struct arena *arena,
                              struct ticket *ticket, const struct token **holder)
{
    struct str bytes;
    struct digest given;
    int64_t end;
    if (!base64_read(text, arena, &bytes) || bytes.len < SHA256_BYTES + END_BYTES)
        return TICKET_STRANGE;
    struct str content = {bytes.data + SHA256_BYTES, bytes.len - SHA256_BYTES};
    memcpy(given.bytes, bytes.data, sizeof(given.bytes));
    const struct digest digest = sha256(content);
    if (!proved(key, tokens, &digest, &given, holder))
        return TICKET_STRANGE;
    memcpy(&end, content.data, sizeof(end));
    if (end <= now)
        return TICKET_OVER;
    ticket->channels = read_names(content, 'c', arena, &ticket->channel_count);
    ticket->tasks = read_names(content, 't', arena, &ticket->task_count);
    return TICKET_GOOD;
}
