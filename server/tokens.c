#include "server/tokens.h"

#include "base/id.h"
#include "base/mem.h"

#include <string.h>

static const struct {
    const char *text;
    bool functions; /* may be given for one function */
} scopes[SCOPES] = {
#define X(name, text, functions, about) {text, functions},
#include "server/scope.def"
#undef X
};

const char *scope_text(enum scope scope)
{
    return scopes[scope].text;
}

bool scope_parse(struct str text, enum scope *scope, struct str *function)
{
    struct str name = str_cut(&text, ':');
    *function = text;
    for (int i = 0; i < SCOPES; i++) {
        if (!str_eq(name, str_of(scopes[i].text)))
            continue;
        *scope = (enum scope)i;
        return !text.data || (scopes[i].functions && id_valid(text));
    }
    return false;
}

/* Of every line that is no comment. */
static const struct str prefix = STR_INIT("sha256:");

/* --- a line --------------------------------------------------------------------------- */

static size_t count_char(struct str text, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == c;
    return count;
}

static void grant_all(struct token *token)
{
    for (int i = 0; i < SCOPES; i++)
        token->grants[i].all = true;
}

static const char *read_scopes(struct token *token, struct str list, struct arena *arena)
{
    const size_t room = count_char(list, ',') + 1;
    struct str *names[SCOPES] = {NULL};
    while (list.data) {
        enum scope scope;
        struct str function;
        if (!scope_parse(str_cut(&list, ','), &scope, &function))
            return "the second word has to be scopes with commas between them: read, submit, "
                   "submit:FUNCTION, cancel, work, work:FUNCTION, admin";
        struct function_grant *grant = &token->grants[scope];
        grant->all = grant->all || !function.data;
        if (scope == SCOPE_ADMIN)
            grant_all(token);
        if (!function.data)
            continue;
        if (!names[scope])
            grant->names = names[scope] = ARENA_ARRAY(arena, struct str, room);
        names[scope][grant->count++] = arena_str(arena, function);
    }
    return NULL;
}

static bool read_digest(struct str text, struct digest *digest)
{
    if (!str_starts(text, prefix) || text.len != prefix.len + SHA256_HEX)
        return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = hex_digit(text.data[prefix.len + 2 * i]);
        int low = hex_digit(text.data[prefix.len + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* It is shown in answers and in the log. */
static bool name_fits(struct str name)
{
    bool fine = name.len <= TOKEN_NAME_MAX && str_utf8(name);
    for (size_t i = 0; i < name.len && fine; i++)
        fine = (unsigned char)name.data[i] >= ' ' && name.data[i] != 127;
    return fine;
}

/* Takes the next word off a line without spaces at its ends. */
static struct str next_word(struct str *line)
{
    size_t len = 0;
    while (len < line->len && line->data[len] != ' ' && line->data[len] != '\t')
        len++;
    struct str word = {line->data, len};
    *line = str_trim((struct str){line->data + len, line->len - len});
    return word;
}

/* What is wrong with the line, or NULL. */
static const char *read_line(struct tokens *tokens, struct str line)
{
    struct token *token = &tokens->items[tokens->count];
    if (tokens->count == TOKENS_MAX)
        return "there are too many tokens";
    if (!read_digest(next_word(&line), &token->digest))
        return "a line begins with sha256: and 64 hexadecimal digits (errand token makes one)";
    for (size_t i = 0; i < tokens->count; i++) {
        if (digest_eq(&tokens->items[i].digest, &token->digest))
            return "this token has a line already";
    }
    const char *wrong = read_scopes(token, next_word(&line), &tokens->arena);
    if (wrong)
        return wrong;
    if (!name_fits(line))
        return "a name has at most 64 bytes of UTF-8 without control characters";
    if (line.len)
        token->name = arena_str(&tokens->arena, line);
    tokens->count++;
    return NULL;
}

/* --- the file ------------------------------------------------------------------------- */

static struct tokens *tokens_new(size_t room)
{
    struct tokens *tokens = mem_alloc(sizeof(*tokens));
    tokens->refs = 1;
    tokens->items = ARENA_ARRAY(&tokens->arena, struct token, room);
    return tokens;
}

struct tokens *tokens_of(struct str token)
{
    struct tokens *tokens = tokens_new(1);
    if (!token.data)
        return tokens;
    tokens->items[0].digest = sha256(token);
    grant_all(&tokens->items[0]);
    tokens->count = 1;
    return tokens;
}

static struct str trim_end(struct str text)
{
    while (text.len && strchr(" \t\r\n", text.data[text.len - 1]) && text.data[text.len - 1])
        text.len--;
    return text;
}

/* One word on one line, as a file was before there were scopes. What a line begins with is none: it
 * is what is there of a file while it is being written. */
static bool is_single_token(struct str file)
{
    return file.len && file.data[0] != '#' && !str_starts(file, prefix) &&
           !str_starts(prefix, file) && !memchr(file.data, '\n', file.len) &&
           !memchr(file.data, ' ', file.len) && !memchr(file.data, '\t', file.len);
}

static struct tokens *refuse(struct tokens *tokens, struct tokens_fault *fault, size_t line,
                             const char *what)
{
    *fault = (struct tokens_fault){line, what};
    if (tokens)
        tokens_unref(tokens);
    return NULL;
}

/* Half of a file may allow more than the whole: "submit" is the beginning of "submit:echo". */
static bool is_whole(struct str file, struct tokens_fault *fault)
{
    const char *nul = file.len ? memchr(file.data, '\0', file.len) : NULL;
    struct str before = {file.data, nul ? (size_t)(nul - file.data) : file.len};
    if (!nul && (!file.len || file.data[file.len - 1] == '\n' || is_single_token(trim_end(file))))
        return true;
    fault->line = count_char(before, '\n') + 1;
    fault->what = nul ? "there is a byte of 0 in it"
                      : "it does not end with a line break, so the rest of it may be missing";
    return false;
}

struct tokens *tokens_parse(struct str file, struct tokens_fault *fault)
{
    struct str rest = trim_end(file);
    if (file.len > TOKEN_FILE_MAX)
        return refuse(NULL, fault, 0, "it is too long");
    if (!is_whole(file, fault))
        return NULL;
    if (is_single_token(rest))
        return tokens_of(rest);
    size_t lines = count_char(rest, '\n') + 1;
    struct tokens *tokens = tokens_new(lines < TOKENS_MAX ? lines : TOKENS_MAX + 1);
    tokens->lines = true;
    for (size_t i = 1; rest.data; i++) {
        struct str line = str_trim(trim_end(str_cut(&rest, '\n')));
        const char *wrong = line.len && line.data[0] != '#' ? read_line(tokens, line) : NULL;
        if (wrong)
            return refuse(tokens, fault, i, wrong);
    }
    return tokens->count ? tokens : refuse(tokens, fault, 0, "there is no token in it");
}

struct tokens *tokens_ref(struct tokens *tokens)
{
    __atomic_add_fetch(&tokens->refs, 1, __ATOMIC_RELAXED);
    return tokens;
}

void tokens_unref(struct tokens *tokens)
{
    if (__atomic_sub_fetch(&tokens->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_done(&tokens->arena);
    mem_free(tokens);
}

/* --- asking --------------------------------------------------------------------------- */

const struct token *tokens_find(const struct tokens *tokens, struct str given)
{
    const struct digest digest = sha256(given);
    const struct token *found = NULL;
    for (size_t i = 0; i < tokens->count; i++) { /* to the end, wherever it is */
        if (digest_eq(&tokens->items[i].digest, &digest))
            found = &tokens->items[i];
    }
    return found;
}

uint64_t token_number(const struct token *token)
{
    uint64_t number = 0;
    if (token)
        memcpy(&number, token->digest.bytes, sizeof(number));
    return number;
}

const struct token *tokens_numbered(const struct tokens *tokens, uint64_t number)
{
    for (size_t i = 0; i < tokens->count; i++) {
        if (token_number(&tokens->items[i]) == number)
            return &tokens->items[i];
    }
    return NULL;
}

bool token_allows(const struct token *token, enum scope scope, struct str function)
{
    return function_granted(&token->grants[scope], function);
}
