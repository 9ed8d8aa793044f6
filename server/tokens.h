/* The tokens of this moment and what each allows.
 *
 * A set is made whole from the bytes of the token file and never changed after
 * that; whoever looks into it holds a reference, so that another set can take
 * its place meanwhile (server/authority.h). The tokens themselves are not in it,
 * only their SHA-256: they are compared in constant time, all of them. Pure; any
 * thread. */
#ifndef SERVER_TOKENS_H
#define SERVER_TOKENS_H

#include "base/arena.h"
#include "base/sha256.h"
#include "model/function.h"

enum {
    TOKENS_MAX = 1000,
    TOKEN_FILE_MAX = 262144, /* bytes */
    TOKEN_NAME_MAX = 64,     /* bytes */
};

enum scope {
#define X(name, text, functions, about) SCOPE_##name,
#include "server/scope.def"
#undef X
    SCOPES
};

struct token {
    struct digest digest; /* of its text */
    struct str name;      /* for people; STR_NONE: it has none */
    struct function_grant grants[SCOPES];
};

struct tokens {
    struct token *items;
    size_t count;       /* 0: nobody has to have one */
    bool lines;         /* each has a line with its scopes; else there is the one that has all */
    struct arena arena; /* owns all of it */
    int refs;           /* atomic */
};

/* Why a file is no token file. what names no part of the file: it may hold secrets. */
struct tokens_fault {
    size_t line; /* from 1; 0: the file as a whole */
    const char *what;
};

/* Reads a token file: a single token, which has the scope admin, or lines of the form
 *     sha256:<64 hexadecimal digits> SCOPE[,SCOPE...] [NAME]
 * with # before comments, each with a line break at its end. NULL: *fault says why. One
 * reference. */
struct tokens *tokens_parse(struct str file, struct tokens_fault *fault);
/* The one token with the scope admin; STR_NONE: nobody has to have one. One reference. */
struct tokens *tokens_of(struct str token);
struct tokens *tokens_ref(struct tokens *tokens);
void tokens_unref(struct tokens *tokens);

/* NULL: it is none of them. */
const struct token *tokens_find(const struct tokens *tokens, struct str given);
/* The one with this number (token_number), or NULL. */
const struct token *tokens_numbered(const struct tokens *tokens, uint64_t number);
/* What a token is known by where its digest is too long; 0 for NULL. */
uint64_t token_number(const struct token *token);
/* function: the one that it is about; STR_NONE: all, for a scope that can be of some alone. */
bool token_allows(const struct token *token, enum scope scope, struct str function);

const char *scope_text(enum scope scope);
/* "read", "submit:resize"; false if it is no scope. *function is STR_NONE for all. */
bool scope_parse(struct str text, enum scope *scope, struct str *function);

#endif
