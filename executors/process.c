#include "executors/process.h"

#include "base/mem.h"
#include "executors/environment.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct process *process_of(struct child *child)
{
    return container_of(child, struct process, child);
}

/* Whoever holds a pipe still and writes on (root may hide from us) is not listened to for ever. */
static void process_drain(struct child *child)
{
    enum { ALL = 1 << 15 }; /* reads: the largest pipe that there can be */
    struct process *process = process_of(child);
    for (int i = 0; i < STREAMS; i++) {
        stream_read(&process->streams[i], ALL);
        watch_close(child->pool, &process->streams[i].watch);
    }
}

/* Nothing of the child is left, neither process nor descriptor. */
static void process_gone(struct child *child)
{
    struct process *process = process_of(child);
    struct run *run = process->run;
    streams_finish(process);
    struct outcome outcome = process_outcome(process);
    for (int i = 0; i < STREAMS; i++)
        buf_done(&process->streams[i].text);
    mem_free(process);
    run->state = NULL;
    run->host->ended(run, &outcome);
}

static const struct child_kind process_kind = {process_drain, process_gone};

/* --- start and stop ---------------------------------------------------------- */

/* The input as a file in memory: any size is there at once and ends in an end of file. */
static int input_file(const struct run *run)
{
    int fd = memfd_create("errand-input", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    struct buf input = {0};
    run_input(run, &input);
    size_t done = 0;
    ssize_t len = 0;
    /* pwrite leaves the offset where the child will read from */
    while (done < input.len &&
           (len = pwrite(fd, input.data + done, input.len - done, (off_t)done)) > 0)
        done += (size_t)len;
    buf_done(&input);
    if (len > 0)
        return fd;
    close(fd);
    return -1;
}

static char *const *environment(struct run *run)
{
    struct arena *arena = &run->arena;
    const char *const told[TOLD] = {[TOLD_TASK_ID] = run->id.data,
                                    [TOLD_FUNCTION] = run->function->name.data,
                                    [TOLD_ATTEMPT] =
                                        arena_printf(arena, "%lld", (long long)run->attempt).data};
    return environment_make(arena, run->function, told);
}

/* Three pipes: ours[i] is read here, theirs[i] is the child's. */
static bool open_pipes(int ours[STREAMS], int theirs[STREAMS])
{
    for (int i = 0; i < STREAMS; i++) {
        if (!child_pipe(&ours[i], &theirs[i], true))
            return false;
    }
    return true;
}

/* 0 or an errno; on success the process is watched. */
static int process_launch(struct process *process)
{
    struct run *run = process->run;
    int ours[STREAMS] = {-1, -1, -1};
    int theirs[1 + STREAMS] = {input_file(run), -1, -1, -1};
    int rc = theirs[0] >= 0 && open_pipes(ours, theirs + 1) ? 0 : errno;
    if (rc == 0) {
        const struct spawn spawn = {
            .path = run->function->argv[0],
            .argv = (char *const *)(uintptr_t)run->function->argv,
            .envp = environment(run),
            .folder = run->functions->folder.data,
            .limits = run->function->limits,
            .user = run->function->user,
            .fds = {theirs[0], theirs[1], theirs[2], theirs[3]},
        };
        rc = child_start(&process->child, run->host->executors, &process_kind, &spawn);
    }
    child_close(theirs, array_size(theirs));
    if (rc)
        child_close(ours, STREAMS);
    for (int i = 0; i < STREAMS && rc == 0; i++)
        stream_open(process, i, ours[i]);
    return rc;
}

static void process_start(struct run *run)
{
    struct process *process = mem_alloc(sizeof(*process));
    process->run = run;
    int rc = process_launch(process);
    if (rc == 0) {
        run->state = process;
        return;
    }
    mem_free(process);
    struct outcome outcome = run_failure(run, FAILURE_START_FAILED, "cannot start %s: %s",
                                         run->function->argv[0], strerror(rc));
    run->host->ended(run, &outcome);
}

static void process_stop(struct run *run, int signal)
{
    struct process *process = run->state;
    if (process)
        child_signal(&process->child, signal);
}

const struct executor process_executor = {process_start, process_stop};
