#include "tests/faults/round.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/http.h"
#include "tests/api/lib/process.h"

static const struct fault faults[] = {
    {FAULT_alloc, "alloc ENOMEM", ENOMEM, false},
    {FAULT_write, "write EIO", EIO, false},
    {FAULT_write, "write EIO from there on", EIO, true},
    {FAULT_write, "write ENOSPC", ENOSPC, false},
    {FAULT_write, "write of a half", FAULT_SHORT, false},
    {FAULT_sync, "sync EIO", EIO, false},
    {FAULT_read, "read EIO", EIO, false},
    {FAULT_open, "open EMFILE", EMFILE, false},
    {FAULT_lock, "lock EAGAIN", EAGAIN, false},
    {FAULT_lock, "lock EIO", EIO, false},
    {FAULT_map, "map ENOMEM", ENOMEM, false},
    {FAULT_fd, "descriptor EMFILE", EMFILE, false},
    {FAULT_spawn, "spawn EAGAIN", EAGAIN, false},
    {FAULT_thread, "thread EAGAIN", EAGAIN, false},
    {FAULT_watch, "epoll_ctl ENOSPC", ENOSPC, false},
    {FAULT_poll, "epoll_wait EINTR", EINTR, false},
    {FAULT_net, "socket ECONNRESET", ECONNRESET, false},
};
enum { FAULTS = sizeof faults / sizeof *faults };

enum {
    UNTOUCHED = 3,   /* rounds in a row: there are no more calls, though their number may vary */
    SHORT_SHARE = 3, /* one fault of so many is tried where not all rounds are */
};

static long rounds_run, faulty, ends, seed, most;

/* --- the page ---------------------------------------------------------------------- */

static void unmap(void *page)
{
    munmap(page, sizeof(struct fault_page));
}

struct fault_page *fault_page_open(struct scenario *s)
{
    const char *path = folder_path(s, "scratch/page");
    const char *library = getenv("FAULT_LIBRARY");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct fault_page)) != 0)
        abort();
    void *page = mmap(NULL, sizeof(struct fault_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        abort();
    at_end(s, unmap, page);
    char *whole = realpath(library ? library : "build/libfault.so", NULL);
    if (!whole)
        fail_at(HERE, "no library of faults (set FAULT_LIBRARY)");
    at_end(s, free, whole);
    server_environment(s, "LD_PRELOAD=%s", whole);
    server_environment(s, "FAULT_PAGE=%s", path);
    return page;
}

void fault_arm(struct fault_page *page, const struct fault *fault, long nth)
{
    atomic_store(&page->kind, FAULT_NONE);
    atomic_store(&page->nth, nth);
    atomic_store(&page->error, fault->error);
    atomic_store(&page->sticky, fault->sticky);
    atomic_store(&page->seen, 0);
    atomic_store(&page->failed, 0);
    atomic_store(&page->kind, (int)fault->kind);
}

void fault_disarm(struct fault_page *page)
{
    atomic_store(&page->kind, FAULT_NONE);
}

/* --- asking ------------------------------------------------------------------------ */

struct reply *round_ask(struct round *round, const char *method, const char *path, const char *body)
{
    struct request request = {.method = method, .path = path, .body = body};
    size_t length;
    char *bytes = request_bytes(round->server, &request, &length);
    struct http *http = http_open(round->s, round->server->port);
    struct reply *reply = http_write(http, bytes, length) ? http_read(http, false) : NULL;
    bool silent = !reply && http_timed_out(http);
    http_close(http);
    if (silent)
        fail_at(HERE, "%s %s is not answered and not closed", method, path);
    if (reply && reply->status >= 500) {
        const char *type = header(reply, "Content-Type");
        if (!type || strcmp(type, "application/problem+json") != 0 || !json_has(reply, "detail"))
            fail_at(HERE, "%s %s: %d without a problem: %s", method, path, reply->status,
                    reply->body.text);
    }
    return reply;
}

const char *round_id(struct round *round, const char *name)
{
    return text(round->s, "%s%s", name, round->id);
}

struct promise *promise_of(struct round *round, const char *name)
{
    const char *id = round_id(round, name);
    for (int i = 0; i < round->promised; i++) {
        if (!strcmp(round->promises[i].id, id))
            return &round->promises[i];
    }
    return NULL;
}

bool try_create(struct round *round, const char *name, const char *want, const char *body)
{
    struct promise *promise = &round->promises[round->promised++];
    const struct reply *reply =
        round_ask(round, "POST", "/v1/tasks", requote(text(round->s, "%s", body)));
    *promise = (struct promise){.id = round_id(round, name), .want = want};
    promise->kept = reply && reply->status == 201;
    promise->refused = reply && !promise->kept;
    if (promise->refused && reply->status < 500)
        fail_at(HERE, "the create is not at fault: %d %s", reply->status, reply->body.text);
    return promise->kept;
}

/* --- afterwards -------------------------------------------------------------------- */

/* Goes through the writer, a reader and the hub. */
static bool serves(struct round *round)
{
    const struct reply *reply =
        round_ask(round, "POST", "/v1/tasks?wait=10", "{\"function\":\"echo\"}");
    return reply && reply->status == 201 &&
           (json_has(reply, "state") && !strcmp(json_text(reply, "state"), "succeeded"));
}

/* libuv's answer to a kernel that watches no more descriptors, or has none for its first loop, is
 * abort(). */
static bool ended_well(const struct round *round)
{
    int status = round->server->exit_status;
    bool by_libuv = round->fault->kind == FAULT_watch || round->fault->kind == FAULT_fd;
    return status == 1 || (status == 128 + SIGABRT && by_libuv);
}

void expect_honest_end(struct round *round)
{
    const char *log = server_log(round->server);
    if (!ended_well(round))
        fail_at(HERE, "the server ended with %d", round->server->exit_status);
    if (!strstr(log, " error ") && !strstr(log, "errand: "))
        fail_at(HERE, "the server ended and did not say why: %s", log);
}

static void restart(struct round *round)
{
    expect_honest_end(round);
    ends++;
    round->server = server_start(round->s, "%s", round->flags);
    round->files = 0;
}

void round_recover(struct round *round)
{
    struct patience patience = patience_begin();
    fault_disarm(round->page);
    while (server_over(round->server, 0) || !serves(round)) {
        if (server_over(round->server, 5))
            restart(round);
        patience_more(&patience, "the server serves again", HERE);
    }
}

static int count_files(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    int count = 0;
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

/* Failures that are the fault's, told as what they are. */
static bool honest_failure(const struct reply *task)
{
    static const char *const codes[] = {"start-failed", "worker-lost", "interrupted",
                                        "dependency-failed"};
    const char *code = json_text(task, "error.code");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (!strcmp(code, codes[i]))
            return *json_text(task, "error.message");
    }
    return false;
}

static void check_promise(struct round *round, const struct promise *promise)
{
    const char *path = text(round->s, "/v1/tasks/%s?wait=19", promise->id);
    struct reply *task = round_ask(round, "GET", path, NULL);
    if (!task || (task->status != 200 && task->status != 404))
        fail_at(HERE, "%s cannot be read", promise->id);
    if (task->status == 404 && promise->kept)
        fail_at(HERE, "%s was answered 201 and is not there", promise->id);
    if (task->status == 200 && promise->refused)
        fail_at(HERE, "%s was refused and is there: %s", promise->id, task->body.text);
    if (task->status == 404)
        return;
    const char *state = json_text(task, "state");
    if (promise->state && strcmp(state, promise->state) != 0)
        fail_at(HERE, "%s was said to be %s: %s", promise->id, promise->state, task->body.text);
    if (!strcmp(state, "failed") && !honest_failure(task))
        fail_at(HERE, "%s failed for no good reason: %s", promise->id, task->body.text);
    if (strcmp(state, "failed") != 0 && strcmp(state, "succeeded") != 0 &&
        strcmp(state, "cancelled") != 0)
        fail_at(HERE, "%s does not end: %s", promise->id, task->body.text);
    if (!strcmp(state, "succeeded") && promise->want) {
        task = round_ask(round, "GET", text(round->s, "/v1/tasks/%s/result", promise->id), NULL);
        if (!task || strcmp(task->body.text, promise->want) != 0)
            fail_at(HERE, "%s has the result %s", promise->id, task ? task->body.text : "none");
    }
}

void round_check(struct round *round)
{
    for (int i = 0; i < round->promised; i++)
        check_promise(round, &round->promises[i]);
    round->promised = 0;
    if (!atomic_load(&round->page->failed)) /* as many as it needs for all that is done */
        round->files = count_files(round->server->pid);
    struct patience patience = patience_begin();
    while (round->files && count_files(round->server->pid) > round->files)
        patience_more(&patience, "its descriptors are closed again", HERE);
}

static int take_text(void *into, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(char **)into = values[0] ? strdup(values[0]) : NULL;
    return 0;
}

void expect_whole(struct scenario *s, const char *database)
{
    sqlite3 *db = NULL;
    char *found = NULL;
    int rc = sqlite3_open_v2(folder_path(s, database), &db, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA integrity_check", take_text, &found, NULL);
    bool whole = rc == SQLITE_OK && found && !strcmp(found, "ok");
    sqlite3_close(db);
    if (!whole)
        fail_at(HERE, "the database is broken: %s", found ? found : "it cannot be read");
    free(found);
}

bool no_children(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    return process_children(getpid()) == 0;
}

void round_end(struct round *round)
{
    int status = server_stop(round->server);
    if (status != 0)
        fail_at(HERE, "the server ended with %d after SIGTERM", status);
    eventually(no_children());
    expect_whole(round->s, "data/errand.db");
}

/* --- all of them -------------------------------------------------------------------- */

static long setting(const char *name, long otherwise)
{
    const char *value = getenv(name);
    return value ? strtol(value, NULL, 10) : otherwise;
}

static void one(struct round *round, void (*run)(struct round *), long n)
{
    static int number;
    round->n = n;
    round->id = text(round->s, "-%d", number++);
    note(round->s, "%s, call %ld", round->fault->name, n);
    run(round);
    fault_disarm(round->page);
    rounds_run++;
    faulty += atomic_load(&round->page->failed) > 0;
}

static bool wanted(const struct fault *fault)
{
    const char *only = getenv("FAULT");
    if (only)
        return strstr(fault->name, only) != NULL;
    return !most || random() % SHORT_SHARE == 0;
}

static void every_call(struct round *round, void (*run)(struct round *))
{
    one(round, run, 0);
    long calls = atomic_load(&round->page->seen);
    if (most) {
        for (long i = 0; calls && i < most; i++)
            one(round, run, 1 + random() % calls);
        return;
    }
    for (int untouched = 0; untouched < UNTOUCHED;) {
        one(round, run, round->n + 1);
        untouched = atomic_load(&round->page->failed) ? 0 : untouched + 1;
    }
}

void all_rounds(struct round *round, void (*run)(struct round *))
{
    for (int i = 0; i < FAULTS; i++) {
        round->fault = &faults[i];
        if (wanted(round->fault))
            every_call(round, run);
    }
}

void rounds_begin(const char *name)
{
    most = setting(name, 0);
    seed = setting("SEED", (long)now_ms());
    srandom((unsigned)seed);
}

void rounds_report(void)
{
    printf("faults: %ld rounds, %ld with a fault, %ld ends of a server; SEED=%ld\n", rounds_run,
           faulty, ends, seed);
}
