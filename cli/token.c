/* errand token: makes a token, and its line for the token file. Nothing is stored. */
#include "base/base64.h"
#include "cli/commands.h"
#include "server/tokens.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TOKEN_BYTES = 32 };

static const char usage[] =
    "usage: errand token [--name NAME] SCOPE...\n"
    "\n"
    "Makes a token. The first line of the output is the token, for its holder; it is kept "
    "nowhere.\n"
    "The second is its line for the file of errand serve --token-file, which holds its SHA-256.\n"
    "\n"
    "scopes:\n"
#define X(name, text, functions, about) "  " text "\n      " about "\n"
#include "server/scope.def"
#undef X
    "submit:FUNCTION and work:FUNCTION allow it for that function alone.\n";

static int misuse(const char *why)
{
    fprintf(stderr, "errand token: %s (see errand token --help)\n", why);
    return EXIT_USAGE;
}

/* "errand_" helps those who search texts for secrets that do not belong there. */
static void make_token(struct buf *token)
{
    char bytes[TOKEN_BYTES];
    while (getentropy(bytes, sizeof(bytes)) != 0)
        continue;
    buf_add_text(token, "errand_");
    base64_add(token, (struct str){bytes, sizeof(bytes)});
    explicit_bzero(bytes, sizeof(bytes));
}

/* The line is read as the server will read it: what comes out here is taken there. */
static int print_token(struct str scopes, const char *name)
{
    struct buf token = {0}, line = {0};
    char hash[SHA256_HEX + 1];
    struct tokens_fault fault;
    make_token(&token);
    sha256_hex(buf_str(&token), hash);
    buf_addf(&line, "sha256:%s %.*s%s%s", hash, STR_ARG(scopes), name ? " " : "", name ? name : "");
    bool one_line = !strpbrk(line.data, "\r\n");
    buf_add_char(&line, '\n');
    struct tokens *tokens = one_line ? tokens_parse(buf_str(&line), &fault) : NULL;
    if (tokens) {
        printf("%s\n%s", token.data, line.data);
        tokens_unref(tokens);
    }
    explicit_bzero(token.data, token.len);
    buf_done(&token);
    buf_done(&line);
    return tokens ? 0 : misuse("a name has at most 64 bytes of UTF-8 without control characters");
}

int command_token(int argc, char **argv)
{
    struct buf scopes = {0};
    const char *name = NULL;
    for (int i = 0; i < argc; i++) {
        enum scope scope;
        struct str function;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            buf_done(&scopes);
            return fputs(usage, stdout) < 0;
        }
        if (strcmp(argv[i], "--name") == 0 && i + 1 < argc) {
            name = argv[++i];
            continue;
        }
        if (!scope_parse(str_of(argv[i]), &scope, &function)) {
            buf_done(&scopes);
            return misuse("a scope is read, submit, submit:FUNCTION, cancel, work, work:FUNCTION "
                          "or admin");
        }
        buf_addf(&scopes, "%s%s", scopes.len ? "," : "", argv[i]);
    }
    int status = scopes.len ? print_token(buf_str(&scopes), name) : misuse("which scopes?");
    buf_done(&scopes);
    return status;
}
