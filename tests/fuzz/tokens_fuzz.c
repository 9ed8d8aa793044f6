/* A token file, and a ticket: what tokens_parse takes gives each token what its line says and no
 * more, nor does half of it, and no bytes are a ticket that the server did not make. A first byte
 * of T: a ticket. */
#include "base/id.h"
#include "server/ticket.h"
#include "tests/fuzz/lib/fuzz.h"

static void check_token(const struct tokens *tokens, const struct token *token)
{
    bool any = false;
    for (int scope = 0; scope < SCOPES; scope++) {
        const struct function_grant *grant = &token->grants[scope];
        any = any || grant->all || grant->count;
        must(token->grants[SCOPE_ADMIN].all <= grant->all);
        must(token_allows(token, (enum scope)scope, STR_NONE) == grant->all);
        for (size_t i = 0; i < grant->count; i++) {
            must(id_valid(grant->names[i]));
            must(token_allows(token, (enum scope)scope, grant->names[i]));
        }
    }
    must(any && str_utf8(token->name) && token->name.len <= TOKEN_NAME_MAX);
    must(tokens_numbered(tokens, token_number(token)));
    for (const struct token *other = tokens->items; other < token; other++)
        must(memcmp(&other->digest, &token->digest, sizeof(token->digest)) != 0);
}

static bool same_grants(const struct token *left, const struct token *right)
{
    bool same = true;
    for (int scope = 0; scope < SCOPES; scope++)
        same = same && left->grants[scope].all == right->grants[scope].all &&
               left->grants[scope].count == right->grants[scope].count;
    return same;
}

/* A file with lines that is cut off somewhere has fewer of them. */
static void check_beginnings(const struct tokens *whole, struct str file)
{
    enum { CUTS = 200 }; /* the last ones */
    for (size_t len = file.len > CUTS ? file.len - CUTS : 0; len < file.len; len++) {
        struct tokens_fault fault;
        struct tokens *tokens = tokens_parse((struct str){file.data, len}, &fault);
        if (!tokens)
            continue;
        must(tokens->lines && tokens->count <= whole->count);
        for (size_t i = 0; i < tokens->count; i++)
            must(same_grants(&tokens->items[i], &whole->items[i]));
        tokens_unref(tokens);
    }
}

static void check_file(struct str file)
{
    struct tokens_fault fault = {0};
    struct tokens *tokens = tokens_parse(file, &fault);
    if (!tokens) {
        size_t lines = 1;
        for (size_t i = 0; i < file.len; i++)
            lines += file.data[i] == '\n';
        must(fault.what && *fault.what && fault.line <= lines);
        return;
    }
    must(tokens->count >= 1 && tokens->count <= TOKENS_MAX && file.len <= TOKEN_FILE_MAX);
    for (size_t i = 0; i < tokens->count; i++)
        check_token(tokens, &tokens->items[i]);
    must(!tokens_find(tokens, STR("")));
    if (tokens->lines)
        check_beginnings(tokens, file);
    tokens_unref(tokens);
}

/* The key is not in the corpus, and its HMAC cannot be guessed. */
static void check_ticket(struct str text)
{
    const struct digest key = {{1, 2, 3}};
    struct tokens *tokens = tokens_of(STR("secret"));
    struct arena arena = {0};
    struct ticket ticket = {0};
    const struct token *holder = NULL;
    must(ticket_read(&key, tokens, text, 0, &arena, &ticket, &holder) == TICKET_STRANGE);
    arena_done(&arena);
    tokens_unref(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size && data[0] == 'T')
        check_ticket((struct str){text.data + 1, size - 1});
    else
        check_file(text);
    return 0;
}
