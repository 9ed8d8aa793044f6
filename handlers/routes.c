#include "handlers/app.h"

#define JSON   "application/json"
#define OPEN   ACCESS_OPEN
#define PAGE   ACCESS_PAGE
#define ANY    ACCESS_ANY
#define READ   ACCESS_READ
#define SUBMIT ACCESS_SUBMIT
#define CANCEL ACCESS_CANCEL
#define WORK   ACCESS_WORK
#define ADMIN  ACCESS_ADMIN
#define SSE    "text/event-stream"
#define ID     "/v1/tasks/{id}"
#define LEASE  "/v1/leases/{lease}"

/* The last two texts of a row are for the API's description (handlers/openapi.c).
 * The first of them names the schema of the body, in handlers/schemas.txt.
 * The second says what the route answers: a number is a status of a good answer, with the name of
 * the body's schema (:NAME, of JSON and of events) and of headers (+NAME, each); a word is the slug
 * of a problem. What follows from the row itself is left out: 404 where the path has a {}, 400 and
 * 415 where there is a body, 401 and 403 where there is a token, 406, 408, 413, 421, 422, 500,
 * and 503 for want of connections or of memory. */
static const struct route table[] = {
    {METHOD_POST, "/v1/tasks", handle_task_create, BODY_JSON, JSON, "wait", SUBMIT,
     "Create a task, a meta-task, or an array of them", "Creation",
     "201:Created+Location+ETag+Idempotency-Replayed "
     "200:Created+Location+ETag+Idempotency-Replayed "
     "unknown-function unknown-task cycle duplicate-id idempotency-mismatch guard-disabled "
     "queue-full storage-full storage-busy draining"},
    {METHOD_GET, "/v1/tasks", handle_task_list, BODY_NONE, JSON,
     "state kind function channel created_after created_before limit cursor", READ,
     "List tasks, newest first", "", "200:TaskList+Link"},
    {METHOD_GET, ID, handle_task_get, BODY_NONE, JSON, "wait", READ, "One task", "",
     "200:Task+ETag 304+ETag"},
    {METHOD_GET, ID "/result", handle_task_result, BODY_NONE, JSON, "wait", READ,
     "The result of a task", "",
     "200:Result 202:Task+Retry-After task-failed task-cancelled result-gone storage-full "
     "storage-busy"},
    {METHOD_PUT, ID "/result", handle_task_supply, BODY_RESULT, JSON, "", ADMIN,
     "End a task from outside, with this result", "Result",
     "200:Task+ETag task-finished storage-full storage-busy"},
    {METHOD_DELETE, ID, handle_task_delete, BODY_NONE, JSON, "", ADMIN,
     "Delete a task that has ended", "", "204 task-live task-needed storage-full storage-busy"},
    {METHOD_POST, "/v1/tasks/cancel", handle_cancel_many, BODY_JSON, JSON, "", CANCEL,
     "Cancel all live tasks that match a filter", "CancelFilter",
     "202:CancelledCount storage-full storage-busy"},
    {METHOD_POST, ID "/cancel", handle_task_cancel, BODY_OPTIONAL, JSON, "", CANCEL,
     "Cancel a task", "Cancel", "200:CancelledTask 202:CancelledTask storage-full storage-busy"},
    {METHOD_GET, ID "/logs", handle_task_logs, BODY_NONE, "text/plain", "follow", READ,
     "What a task wrote to its standard error", "", "200 draining too-many-streams"},
    {METHOD_GET, ID "/events", handle_task_events, BODY_NONE, SSE, "last_event_id logs ticket",
     READ, "All events of a task, until it ends", "", "200:Event 204 draining too-many-streams"},
    {METHOD_GET, "/v1/events", handle_events, BODY_NONE, SSE,
     "channel task type function last_event_id logs ticket", READ, "Events as they happen", "",
     "200:Event draining too-many-streams"},
    {METHOD_POST, "/v1/tickets", handle_ticket, BODY_OPTIONAL, JSON, "", READ,
     "Make a ticket for an EventSource, which cannot send a token", "TicketRequest", "201:Ticket"},
    {METHOD_POST, "/v1/leases", handle_lease_poll, BODY_JSON, JSON, "", WORK,
     "Lease tasks of mode remote, to run them elsewhere", "LeaseRequest",
     "200:Leases unknown-function storage-full storage-busy draining"},
    {METHOD_POST, LEASE "/heartbeat", handle_lease_heartbeat, BODY_OPTIONAL, JSON, "", WORK,
     "Renew a lease, and hear whether to stop", "Heartbeat",
     "200:LeaseRenewed task-finished storage-full storage-busy"},
    {METHOD_PUT, LEASE "/result", handle_lease_result, BODY_RESULT, JSON, "", WORK,
     "End a leased task with this result", "Result",
     "200:LeaseEnded task-finished storage-full storage-busy"},
    {METHOD_PUT, LEASE "/error", handle_lease_error, BODY_JSON, JSON, "", WORK,
     "Say that a leased task has failed", "LeaseError",
     "200:LeaseEnded task-finished storage-full storage-busy"},
    {METHOD_GET, "/v1/functions", handle_functions, BODY_NONE, JSON, "", READ, "What can be run",
     "", "200:FunctionList"},
    {METHOD_GET, "/v1/stats", handle_stats, BODY_NONE, JSON, "", READ, "Counts and rates", "",
     "200:Stats"},
    {METHOD_GET, "/metrics", handle_metrics, BODY_NONE, "text/plain", "", READ,
     "Measures for Prometheus", "", "200"},
    {METHOD_GET, "/healthz", handle_live, BODY_NONE, JSON, "", OPEN, "Whether the server works", "",
     "200:Health"},
    {METHOD_GET, "/livez", handle_live, BODY_NONE, JSON, "", OPEN, "Whether the server lives", "",
     "200:Health"},
    {METHOD_GET, "/readyz", handle_ready, BODY_NONE, JSON, "", OPEN,
     "Whether the server takes new tasks", "", "200:Health 503:Health"},
    {METHOD_GET, "/openapi.json", handle_openapi, BODY_NONE, JSON, "", ANY,
     "This description (OpenAPI 3.1)", "", "200:Description+ETag 304+ETag"},
    {METHOD_GET, "/problems/{slug}", handle_problem, BODY_NONE, "text/html, " JSON, "", ANY,
     "What a problem means, and what to do", "", "200:ProblemPage"},
    {METHOD_GET, "/", handle_dashboard, BODY_NONE, "text/html", "", PAGE, "The dashboard", "",
     "200 401"},
};

const struct route_table routes = {table, sizeof(table) / sizeof(table[0])};
