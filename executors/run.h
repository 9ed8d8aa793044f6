/* One attempt of one task while it runs, and what can run it.
 *
 * A run belongs to the loop thread from start until it has ended. An executor
 * is a way to run: one file that ends in one const struct executor. */
#ifndef EXECUTORS_RUN_H
#define EXECUTORS_RUN_H

#include "base/json.h"
#include "model/failure.h"
#include "model/function.h"

#include <uv.h>

struct executor;

/* Of a report of progress: the digits of the number, the text beside it. */
enum { PROGRESS_MAX_BYTES = 32, REPORT_MAX_BYTES = 65536 };

/* How an attempt ended. */
struct outcome {
    bool succeeded;
    bool interrupted;       /* it neither succeeded nor failed: it runs again */
    bool final;             /* it failed, and trying again would not help */
    int64_t retry_after;    /* milliseconds that a next attempt has to wait at least */
    bool safe_exit;         /* it succeeded by an exit status that is no failure */
    struct str result;      /* JSON, one line; when it succeeded */
    struct failure failure; /* when it did not; attempt is filled in by others */
};

struct run {
    struct arena arena; /* owns the texts below */
    struct str id;
    const struct function *function;
    struct function_set *functions; /* one reference: keeps function alive */
    int64_t attempt;
    struct str args, kwargs; /* JSON */
    const struct executor *executor;
    void *state; /* the executor's own, between start and the end */
    struct run_host *host;
};

/* What an executor is given and whom it tells; all on the loop thread. */
struct run_host {
    uv_loop_t *loop;
    int64_t max_result; /* bytes */
    void *executors;    /* struct child_pool: all children, of whatever kind */
    void *http;         /* struct http_pool: what the http executor keeps */
    void *workers;      /* struct workers: the warm ones */
    /* value: JSON object {"value","message"}. */
    void (*progressed)(struct run *run, struct str value);
    /* One line without its end, any bytes. stream: "stderr" or "report". */
    void (*logged)(struct run *run, const char *stream, struct str line);
    /* Once, last; the run may be gone when it returns. */
    void (*ended)(struct run *run, const struct outcome *outcome);
};

struct executor {
    /* Starts the run; ended follows, perhaps before start returns. */
    void (*start)(struct run *run);
    /* Asks it to end (signal SIGTERM) or makes it (SIGKILL); ended follows sooner or later. */
    void (*stop)(struct run *run, int signal);
};

const struct executor *executor_of(enum function_mode mode);
extern const struct executor builtin_executor, process_executor, worker_executor, http_executor;

/* outcome.failure with a message made by printf, in the run's arena. */
struct outcome run_failure(struct run *run, enum failure_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The one line of JSON that a function gets (design 2.1), with its line end. */
void run_input(const struct run *run, struct buf *out);
/* A function's report {"progress":0..100,"message":"…"} as a task's progress; false: it is none. */
bool run_progress(const struct json *json, uint32_t report, struct buf *out);

#endif
