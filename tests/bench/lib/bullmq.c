#include "tests/bench/lib/bullmq.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/lib/http.h"
#include "tests/bench/lib/measure.h"
#include "tests/bench/lib/tasks.h"

#define FOLDER        "tests/bench/bullmq/"
#define SOCKET        "socket"
#define START_SECONDS 20

/* It says so on its standard output; what it has said before, if it does not. */
static void redis_ready(struct child *redis)
{
    char line[512], said[2048] = "";
    size_t used = 0;

    while (child_line(redis, line, sizeof line, START_SECONDS)) {
        if (strcasestr(line, "ready to accept connections"))
            return;
        if (used < sizeof said)
            used += (size_t)snprintf(said + used, sizeof said - used, "%s\n", line);
    }
    die("redis-server does not start (tools/need bench installs it)\n%s", said);
}

static void redis_start(struct child *redis, const char *folder, const char *socket)
{
    const char *const argv[] = {"redis-server", "--port", "0", "--dir", folder, "--unixsocket",
                                SOCKET, /* in there */
                                /* An acknowledged write is on the disk, as errand's are. */
                                "--appendonly", "yes", "--appendfsync", "always",
                                /* No work on the side. */
                                "--save", "", "--auto-aof-rewrite-percentage", "0", NULL};

    if (strlen(socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
        die("too long a path for a socket: %s (BENCH_DIR names a shorter one)", socket);
    tree_remove(folder);
    mkdir(folder, 0700);
    child_start(redis, argv, NULL);
    redis_ready(redis);
}

void bullmq_start(struct bullmq *q, const struct bench *b)
{
    char folder[PATH_MAX], socket[PATH_MAX];
    const char *const argv[] = {"node", FOLDER "bullmq.mjs", socket, NULL};

    if (access(FOLDER "bullmq.mjs", R_OK) != 0)
        die("there is no " FOLDER "bullmq.mjs: run this in the project's folder");
    if (access(FOLDER "node_modules/.installed", R_OK) != 0)
        die("BullMQ is not there: `tools/need-npm " FOLDER "` installs it");
    path_join(folder, b->folder, "redis");
    path_join(socket, folder, SOCKET);
    redis_start(&q->redis, folder, socket);
    listener_start(&q->node, argv, NULL);
    q->fd = tcp_connect(q->node.port);
}

void bullmq_stop(struct bullmq *q, const struct bench *b)
{
    char folder[PATH_MAX];

    tcp_close(q->fd);
    child_stop(&q->node);
    child_stop(&q->redis);
    tree_remove(path_join(folder, b->folder, "redis"));
}

/* The answer goes to `text`. */
static void ask(struct bullmq *q, const char *path, char *text, size_t size)
{
    size_t len;
    char *request = request_make(path, NULL, NULL, &len);

    if (http_exchange(q->fd, request, len, text, size) != 200)
        die("BullMQ: %s: %s", path, text);
    free(request);
}

void bullmq_fresh(struct bullmq *q, int workers)
{
    char path[64], text[64];

    snprintf(path, sizeof path, "/fresh?workers=%d", workers);
    ask(q, path, text, sizeof text);
}

double bullmq_rate(struct bullmq *q, int batches)
{
    char path[64], text[64];

    snprintf(path, sizeof path, "/rate?batches=%d", batches);
    ask(q, path, text, sizeof text);
    return (double)TASKS_BATCH * batches / atof(text);
}

struct bullmq_latency bullmq_latency(struct bullmq *q, int jobs)
{
    struct bullmq_latency medians;
    char path[64], text[64], *end;

    snprintf(path, sizeof path, "/latency?jobs=%d", jobs);
    ask(q, path, text, sizeof text);
    medians.stream_ms = strtod(text, &end);
    medians.worker_ms = strtod(end, NULL);
    return medians;
}
