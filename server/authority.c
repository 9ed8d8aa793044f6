#include "server/authority.h"

#include "base/clock.h"
#include "server/router.h"

#include <unistd.h>

/* --- the tokens of this moment ------------------------------------------------------------ */

void authority_init(struct authority *authority, struct tokens *tokens)
{
    *authority = (struct authority){.tokens = tokens};
    pthread_mutex_init(&authority->lock, NULL);
    while (getentropy(authority->ticket_key.bytes, sizeof(authority->ticket_key.bytes)) != 0)
        continue;
}

void authority_done(struct authority *authority)
{
    tokens_unref(authority->tokens);
    pthread_mutex_destroy(&authority->lock);
}

/* The tokens of this moment; one reference. */
static struct tokens *tokens_now(struct authority *authority)
{
    pthread_mutex_lock(&authority->lock);
    struct tokens *tokens = tokens_ref(authority->tokens);
    pthread_mutex_unlock(&authority->lock);
    return tokens;
}

void authority_replace(struct authority *authority, struct tokens *tokens)
{
    pthread_mutex_lock(&authority->lock);
    struct tokens *old = authority->tokens;
    authority->tokens = tokens;
    pthread_mutex_unlock(&authority->lock);
    tokens_unref(old);
}

/* --- who asks ------------------------------------------------------------------------------ */

/* RFC 6750, section 3: whoever sent nothing is not told of an error. */
static bool refuse_stranger(struct request *request, bool sent, const char *why)
{
    request_add_header(request, "WWW-Authenticate",
                       sent ? STR("Bearer realm=\"errand\", error=\"invalid_token\"")
                            : STR("Bearer realm=\"errand\""));
    return problem_set(&request->problem, &request->arena, PROBLEM_UNAUTHORIZED, "%s", why);
}

static bool identify_ticket(struct authority *authority, struct request *request, struct str text)
{
    struct ticket *ticket = ARENA_NEW(&request->arena, struct ticket);
    if (request_query(request, "ticket", 1).data)
        return problem_parameter(&request->problem, &request->arena, STR("ticket"),
                                 "this may be given once");
    switch (ticket_read(&authority->ticket_key, request->tokens, text, clock_mono_ns(),
                        &request->arena, ticket, &request->token)) {
    case TICKET_GOOD:
        request->ticket = ticket;
        return true;
    case TICKET_OVER:
        return refuse_stranger(request, true,
                               "this ticket is over; POST /v1/tickets gives another");
    default:
        return refuse_stranger(request, true,
                               "this ticket is not valid; POST /v1/tickets gives another");
    }
}

static bool identify_token(struct request *request)
{
    struct str value = request_header(request, "Authorization");
    struct str scheme = str_cut(&value, ' ');
    if (!request->tokens->count)
        return true;
    if (str_eq_nocase(scheme, STR("Bearer")) && value.data)
        request->token = tokens_find(request->tokens, str_trim(value));
    if (request->token)
        return true;
    return refuse_stranger(request, scheme.len > 0,
                           scheme.len ? "this token is not valid"
                                      : "send the header Authorization: Bearer TOKEN");
}

/* A ticket counts even if there is a token too, as a proxy may add one: it allows less. */
bool authority_identify(struct authority *authority, struct request *request)
{
    struct str ticket = STR_NONE;
    request->tokens = tokens_now(authority);
    if (request->route && route_takes(request->route, STR("ticket")))
        ticket = request_query(request, "ticket", 0);
    return ticket.data ? identify_ticket(authority, request, ticket) : identify_token(request);
}

/* --- what he may ----------------------------------------------------------------------------- */

const struct function_grant *authority_grant(const struct request *request, enum scope scope)
{
    return request->token ? &request->token->grants[scope] : NULL;
}

bool authority_allows(const struct request *request, enum scope scope)
{
    const struct function_grant *grant = authority_grant(request, scope);
    return !grant || grant->all;
}

void authority_challenge(struct request *request, enum scope scope)
{
    request_add_header(request, "WWW-Authenticate",
                       arena_printf(&request->arena,
                                    "Bearer realm=\"errand\", error=\"insufficient_scope\", "
                                    "scope=\"%s\"",
                                    scope_text(scope)));
}

bool authority_refuse(struct request *request, enum scope scope, struct str pointer,
                      const char *why)
{
    struct problem *problem = &request->problem;
    struct str name = request->token ? request->token->name : STR_NONE;
    authority_challenge(request, scope);
    problem_set(problem, &request->arena, PROBLEM_INSUFFICIENT_SCOPE,
                "%s wants the scope %s, which the token%s%.*s%s does not have", why,
                scope_text(scope), name.data ? " \"" : "", STR_ARG(name), name.data ? "\"" : "");
    problem->pointer = arena_str(&request->arena, pointer);
    return false;
}

bool authority_check_route(struct request *request)
{
    enum scope scope;
    if (!route_scope(request->route, &scope))
        return true;
    const struct function_grant *grant = authority_grant(request, scope);
    if (!grant || grant->all || grant->count)
        return true;
    return authority_refuse(request, scope, STR_NONE, "this");
}
