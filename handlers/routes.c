#include "handlers/app.h"

#define JSON  "application/json"
#define TOKEN ACCESS_TOKEN
#define OPEN  ACCESS_OPEN
#define PAGE  ACCESS_PAGE
#define SSE   "text/event-stream"
#define ID    "/v1/tasks/{id}"

static const struct route table[] = {
    {METHOD_POST, "/v1/tasks", handle_task_create, BODY_JSON, JSON, "wait", TOKEN,
     "Create a task, a meta-task, or an array of them"},
    {METHOD_GET, "/v1/tasks", handle_task_list, BODY_NONE, JSON,
     "state kind function channel created_after created_before limit cursor", TOKEN,
     "List tasks, newest first"},
    {METHOD_GET, ID, handle_task_get, BODY_NONE, JSON, "wait", TOKEN, "One task"},
    {METHOD_GET, ID "/result", handle_task_result, BODY_NONE, JSON, "wait", TOKEN,
     "The result of a task"},
    {METHOD_PUT, ID "/result", handle_task_supply, BODY_RESULT, JSON, "", TOKEN,
     "End a task from outside, with this result"},
    {METHOD_DELETE, ID, handle_task_delete, BODY_NONE, JSON, "", TOKEN,
     "Delete a task that has ended"},
    {METHOD_POST, "/v1/tasks/cancel", handle_cancel_many, BODY_JSON, JSON, "", TOKEN,
     "Cancel all live tasks that match a filter"},
    {METHOD_POST, ID "/cancel", handle_task_cancel, BODY_OPTIONAL, JSON, "", TOKEN,
     "Cancel a task"},
    {METHOD_GET, ID "/logs", handle_task_logs, BODY_NONE, "text/plain", "follow", TOKEN,
     "What a task wrote to its standard error"},
    {METHOD_GET, ID "/events", handle_task_events, BODY_NONE, SSE, "last_event_id logs", TOKEN,
     "All events of a task, until it ends"},
    {METHOD_GET, "/v1/events", handle_events, BODY_NONE, SSE,
     "channel task type function last_event_id logs", TOKEN, "Events as they happen"},
    {METHOD_GET, "/v1/functions", handle_functions, BODY_NONE, JSON, "", TOKEN, "What can be run"},
    {METHOD_GET, "/v1/stats", handle_stats, BODY_NONE, JSON, "", TOKEN, "Counts and rates"},
    {METHOD_GET, "/metrics", handle_metrics, BODY_NONE, "text/plain", "", TOKEN,
     "Measures for Prometheus"},
    {METHOD_GET, "/healthz", handle_live, BODY_NONE, JSON, "", OPEN, "Whether the server works"},
    {METHOD_GET, "/livez", handle_live, BODY_NONE, JSON, "", OPEN, "Whether the server lives"},
    {METHOD_GET, "/readyz", handle_ready, BODY_NONE, JSON, "", OPEN,
     "Whether the server takes new tasks"},
    {METHOD_GET, "/problems/{slug}", handle_problem, BODY_NONE, "text/html, " JSON, "", TOKEN,
     "What a problem means, and what to do"},
    {METHOD_GET, "/", handle_dashboard, BODY_NONE, "text/html", "", PAGE, "The dashboard"},
};

const struct route_table routes = {table, sizeof(table) / sizeof(table[0])};
