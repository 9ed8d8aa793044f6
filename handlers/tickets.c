/* POST /v1/tickets; and what a ticket lets an event stream see. */
#include "handlers/tickets.h"

#include "base/clock.h"
#include "base/id.h"
#include "handlers/app.h"
#include "handlers/body.h"

/* --- made ---------------------------------------------------------------------------------- */

struct str ticket_channel(struct request *request, struct str name)
{
    struct buf json = {0};
    buf_add_json(&json, name);
    struct str kept = arena_str(&request->arena, buf_str(&json));
    buf_done(&json);
    return kept;
}

static bool refuse_item(struct request *request, const char *member, size_t i, const char *why)
{
    struct str pointer = arena_printf(&request->arena, "/%s/%zu", member, i);
    return problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, pointer, "%s",
                      why);
}

/* An empty list is refused: whoever builds one wants to bind the ticket, and would not. */
static bool read_names(struct request *request, const char *member, bool channels,
                       const struct str **names, size_t *count)
{
    const struct json *json = &request->json;
    uint32_t list = json_member(json, 0, str_of(member));
    if (!list || json->nodes[list].type == JSON_NULL)
        return true;
    if (json->nodes[list].type != JSON_ARRAY || !json->nodes[list].count)
        return body_refuse(request, member, "this has to be an array of names, not an empty one");
    struct str *items = ARENA_ARRAY(&request->arena, struct str, json->nodes[list].count);
    *names = items;
    for (uint32_t i = list + 1; i < json->nodes[list].next; i = json->nodes[i].next) {
        struct str name =
            json->nodes[i].type == JSON_STRING ? json_string(json, i, &request->arena) : STR_NONE;
        if (channels ? !name.len : !id_valid(name))
            return refuse_item(request, member, *count,
                               channels ? "this has to be the name of a channel"
                                        : "this has to be the id of a task");
        items[(*count)++] = channels ? ticket_channel(request, name) : name;
    }
    return true;
}

static bool read_ticket(struct request *request, struct ticket *ticket)
{
    return !request->has_json ||
           (body_members(request, "channel task") &&
            read_names(request, "channel", true, &ticket->channels, &ticket->channel_count) &&
            read_names(request, "task", false, &ticket->tasks, &ticket->task_count));
}

void handle_ticket(struct request *request)
{
    const struct digest *key = &app_of(request)->authority->ticket_key;
    struct ticket ticket = {0};
    struct buf body = {0};
    bool fine = read_ticket(request, &ticket);
    buf_add_text(&body, "{\"ticket\":\"");
    if (fine && !ticket_make(key, request->token, &ticket, clock_mono_ns(), &body))
        fine = problem_at(&request->problem, &request->arena, PROBLEM_INVALID_REQUEST, STR(""),
                          "the names together are longer than %d bytes, with 3 for each",
                          TICKET_NAMES_MAX);
    if (!fine) {
        buf_done(&body);
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    buf_add_text(&body, "\",\"expires_at\":\"");
    buf_add_time(&body, clock_now() + TICKET_SECONDS * 1000LL);
    buf_add_text(&body, "\"}\n");
    request_add_header(request, "Cache-Control", STR("no-store"));
    reply_json(request, 201, &body);
}

/* --- used ------------------------------------------------------------------------------------ */

static bool refuse_stream(struct request *request, const char *why)
{
    authority_challenge(request, SCOPE_READ);
    return problem_set(&request->problem, &request->arena, PROBLEM_INSUFFICIENT_SCOPE, "%s", why);
}

/* Those that were asked for have to be among the ticket's. If none were, all of the ticket's are.
 */
static bool narrow(const struct str **asked, size_t *asked_count, const struct str *bound,
                   size_t bound_count)
{
    for (size_t i = 0; bound_count && i < *asked_count; i++) {
        if (!str_listed((*asked)[i], bound, bound_count))
            return false;
    }
    if (!*asked_count) {
        *asked = bound;
        *asked_count = bound_count;
    }
    return true;
}

bool ticket_narrow(struct request *request, struct filter *filter)
{
    const struct ticket *ticket = request->ticket;
    return !ticket ||
           (narrow(&filter->channels, &filter->channel_count, ticket->channels,
                   ticket->channel_count) &&
            narrow(&filter->tasks, &filter->task_count, ticket->tasks, ticket->task_count)) ||
           refuse_stream(request, "this ticket is bound to other channels or tasks");
}

bool ticket_opens(struct request *request, struct str task)
{
    const struct ticket *ticket = request->ticket;
    if (ticket && ticket->channel_count)
        return refuse_stream(request,
                             "this ticket is bound to channels: it opens /v1/events alone");
    return !ticket || !ticket->task_count || str_listed(task, ticket->tasks, ticket->task_count) ||
           refuse_stream(request, "this ticket is bound to other tasks");
}
