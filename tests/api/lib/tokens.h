/*
 * Servers with several tokens. A token is known by its scopes: "read,cancel" is
 * the token that has these two.
 */
#ifndef TESTS_API_TOKENS_H
#define TESTS_API_TOKENS_H

#include "tests/api/lib/server.h"

/* Writes the token file, anew each time: one line for each word. Returns its path. */
const char *tokens_write(struct scenario *, const char *words);
/* A server with --token-file, and further flags. */
struct server *tokens_server(struct scenario *, const char *words, const char *flags);
/* SIGHUP; back when the server has said this in its log once more. */
void tokens_reload(struct server *, const char *said);

const char *token_text(struct scenario *, const char *scopes);
/* The header line of this token. */
const char *as(struct scenario *, const char *scopes);

/* As the token with these scopes; the body with single quotes for double ones, or NULL for a GET.
 */
struct reply *ask(struct server *, const char *scopes, const char *path, const char *body);

/* 403 insufficient-scope, and the header says which scope. */
#define expect_lacking(reply, scope) tokens_expect_lacking(reply, scope, HERE)
void tokens_expect_lacking(const struct reply *, const char *scope, struct place);

#endif
