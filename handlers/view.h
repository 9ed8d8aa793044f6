/* Reads one task for a request, perhaps waiting for its end first. The request
 * is suspended meanwhile. Reading a result that may be read once takes it. */
#ifndef HANDLERS_VIEW_H
#define HANDLERS_VIEW_H

#include "engine/take.h"
#include "handlers/app.h"
#include "handlers/task_json.h"

struct view {
    struct request *request;
    struct str id;
    int64_t wait_ms; /* longest wait for the end; 0: as it is now */
    bool want_result;
    void *context;                      /* the handler's own */
    void (*ready)(struct view *view);   /* HTTP thread; the task was found, and replies */
    void (*missing)(struct view *view); /* NULL: 404 */

    struct query query;
    struct take take;
    struct waiter waiter;
    bool failed, found;
    bool payload_left_out, result_left_out; /* there was no memory, and the answer is owed */
    struct task_row row;
    struct payload payload;
    struct dependency_row *dependencies;
    size_t dependency_count;
    struct str result; /* JSON; STR_NONE: there is none, it is gone, or it was not wanted */
};

/* In the request's arena, for the task that the path names. HTTP thread. */
struct view *view_new(struct request *request, void (*ready)(struct view *view));
/* Answers 404 by itself when there is no such task. */
void view_start(struct view *view);
/* The task as JSON with these further members. */
void view_render(const struct view *view, struct str extra, struct buf *out);
/* Sets the ETag header, the version, and gives it; in the request's arena. */
struct str view_add_etag(const struct view *view);

#endif
