#include "handlers/submission.h"

#include "server/authority.h"

static bool refuse(struct request *request, const struct spec *spec, const char *member,
                   enum scope scope, const char *why)
{
    struct str pointer = arena_printf(&request->arena, "%.*s/%s", STR_ARG(spec->pointer), member);
    return authority_refuse(request, scope, pointer, why);
}

static bool check_references(struct request *request, const struct spec *spec)
{
    for (size_t i = 0; i < spec->dependency_count; i++) {
        const struct dependency *dependency = &spec->dependencies[i];
        struct str pointer =
            arena_printf(&request->arena, "%.*s/$task", STR_ARG(dependency->pointer));
        if (dependency->spec < 0)
            return authority_refuse(request, SCOPE_READ, pointer, "the result of an earlier task");
    }
    return true;
}

bool submission_allowed(struct request *request, const struct plan *plan)
{
    bool reads = authority_allows(request, SCOPE_READ);
    bool rules = authority_allows(request, SCOPE_ADMIN);
    for (size_t i = 0; i < plan->count && !(reads && rules); i++) {
        const struct spec *spec = &plan->specs[i];
        if (spec->guard && !rules)
            return refuse(request, spec, "guard", SCOPE_ADMIN, "a guarded task");
        if (spec->cache_key.data && !reads)
            return refuse(request, spec, "cache_key", SCOPE_READ, "a task that is shared");
        if (!reads && !check_references(request, spec))
            return false;
    }
    return true;
}

bool submission_refused(struct request *request, const struct problem *refused)
{
    if (refused->code != PROBLEM_INSUFFICIENT_SCOPE)
        return true;
    authority_challenge(request, SCOPE_SUBMIT);
    request->problem = *refused;
    return false;
}
