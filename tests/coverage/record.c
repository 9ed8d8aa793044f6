/* Linked into the server of `make coverage` alone (ld --wrap): what leaves by _exit keeps
 * its counters, and each move of the state machine that was asked for is noted in the file
 * that COVERAGE_MOVES names, a line each: from, cause. */
#include "model/state.h"

#include <fcntl.h>
#include <gcov.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
const struct state_move *__real_state_move(enum task_state from, enum task_cause cause);
const struct state_move *__wrap_state_move(enum task_state from, enum task_cause cause);

static pid_t server;
static atomic_bool asked[STATE_COUNT][CAUSE_COUNT];

static const struct {
    enum task_state from;
    enum task_cause cause;
    const char *line;
} moves[] = {
#define MOVE(from, cause, to, event) {STATE_##from, CAUSE_##cause, #from " " #cause "\n"},
#include "model/state.def"
#undef MOVE
};

static const char *line_of(enum task_state from, enum task_cause cause)
{
    size_t i = 0;
    while (moves[i].from != from || moves[i].cause != cause)
        i++;
    return moves[i].line;
}

/* At once, for a server may be killed later. One write of a short line is whole. */
static void note(const char *line)
{
    const char *path = getenv("COVERAGE_MOVES");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0 && write(fd, line, strlen(line)) < 0)
        abort();
    if (fd >= 0)
        close(fd);
}

const struct state_move *__wrap_state_move(enum task_state from, enum task_cause cause)
{
    const struct state_move *move = __real_state_move(from, cause);
    if (move && !atomic_exchange(&asked[from][cause], true))
        note(line_of(from, cause));
    return move;
}

/* A child that could not become its function shares the server's memory, counters included. */
void __wrap__exit(int status)
{
    if (getpid() == server)
        __gcov_dump();
    __real__exit(status);
}

static __attribute__((constructor)) void begin(void)
{
    server = getpid();
}
