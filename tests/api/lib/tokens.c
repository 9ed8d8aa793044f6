#include "tests/api/lib/tokens.h"

#include <signal.h>
#include <string.h>

#include "base/sha256.h"
#include "tests/api/lib/folder.h"

const char *token_text(struct scenario *s, const char *scopes)
{
    return text(s, "token-of-%s", scopes);
}

const char *as(struct scenario *s, const char *scopes)
{
    return text(s, "Authorization: Bearer %s\r\n", token_text(s, scopes));
}

const char *tokens_write(struct scenario *s, const char *words)
{
    const char *file = "# the tokens of a scenario\n\n";
    char *rest = text(s, "%s", words);
    for (char *scopes; (scopes = strsep(&rest, " "));) {
        char hash[SHA256_HEX + 1];
        sha256_hex(str_of(token_text(s, scopes)), hash);
        file = text(s, "%ssha256:%s %s the one with %s\n", file, hash, scopes, scopes);
    }
    folder_write(s, "tokens", file);
    return folder_path(s, "tokens");
}

struct server *tokens_server(struct scenario *s, const char *words, const char *flags)
{
    return server_start(s, "--token-file %s %s", tokens_write(s, words), flags);
}

static int count_said(struct server *server, const char *said)
{
    int count = 0;
    for (const char *at = server_log(server); (at = strstr(at, said)); at++)
        count++;
    return count;
}

void tokens_reload(struct server *server, const char *said)
{
    int before = count_said(server, said);
    server_signal(server, SIGHUP);
    eventually(count_said(server, said) > before);
}

struct reply *ask(struct server *server, const char *scopes, const char *path, const char *body)
{
    struct scenario *s = server->scenario;
    return call(server, .path = path, .headers = as(s, scopes),
                .body = body ? requote(text(s, "%s", body)) : NULL);
}

void tokens_expect_lacking(const struct reply *reply, const char *scope, struct place place)
{
    struct scenario *s = reply->body.scenario;
    reply_expect_problem(reply, 403, "insufficient-scope", place);
    reply_expect_header(
        reply, "WWW-Authenticate",
        text(s, "Bearer realm=\"errand\", error=\"insufficient_scope\", scope=\"%s\"", scope),
        place);
}
