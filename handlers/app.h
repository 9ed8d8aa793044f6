/* What handlers share, and the table of all routes. */
#ifndef HANDLERS_APP_H
#define HANDLERS_APP_H

#include "engine/engine.h"
#include "handlers/openapi.h"
#include "server/http.h"
#include "server/hub.h"
#include "server/reply.h"

struct app {
    struct engine *engine;
    struct hub *hub;
    struct authority *authority;
    struct openapi openapi;
};

/* Every route, in handlers/routes.c. */
extern const struct route_table routes;

static inline struct app *app_of(const struct request *request)
{
    return request->app;
}

#define HANDLER(name) void name(struct request *request)
HANDLER(handle_task_create);
HANDLER(handle_task_list);
HANDLER(handle_task_get);
HANDLER(handle_task_result);
HANDLER(handle_task_cancel);
HANDLER(handle_cancel_many);
HANDLER(handle_task_supply);
HANDLER(handle_task_delete);
HANDLER(handle_task_logs);
HANDLER(handle_task_events);
HANDLER(handle_events);
HANDLER(handle_lease_poll);
HANDLER(handle_lease_heartbeat);
HANDLER(handle_lease_result);
HANDLER(handle_lease_error);
HANDLER(handle_ticket);
HANDLER(handle_functions);
HANDLER(handle_stats);
HANDLER(handle_metrics);
HANDLER(handle_live);
HANDLER(handle_ready);
HANDLER(handle_dashboard);
HANDLER(handle_openapi);
HANDLER(handle_problem);
#undef HANDLER

#endif
