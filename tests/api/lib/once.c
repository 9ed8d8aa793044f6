#include "tests/api/lib/once.h"

#include <string.h>

#include "tests/api/lib/folder.h"

static struct http *send_one(struct server *server, const struct request *request)
{
    struct http *http = server_connect(server);
    size_t length;
    const char *bytes = request_bytes(server, request, &length);
    http_write(http, bytes, length);
    return http;
}

struct http **send_crowd(struct server *server, const struct request *request, int count)
{
    struct http **crowd = keep(server->scenario, (size_t)count * sizeof(struct http *));
    for (int i = 0; i < count; i++)
        crowd[i] = send_one(server, request);
    return crowd;
}

struct reply **read_crowd(struct http **crowd, int count)
{
    struct reply **replies = NULL;
    for (int i = 0; i < count; i++) {
        struct reply *reply = http_read(crowd[i], false);
        if (!reply)
            fail_at(HERE, "no answer to number %d of %d", i, count);
        if (!replies)
            replies = keep(reply->body.scenario, (size_t)count * sizeof(struct reply *));
        replies[i] = reply;
    }
    return replies;
}

struct reply **call_together(struct server *server, const struct request *requests, int count)
{
    struct http **crowd = keep(server->scenario, (size_t)count * sizeof(struct http *));
    for (int i = 0; i < count; i++)
        crowd[i] = send_one(server, &requests[i]);
    return read_crowd(crowd, count);
}

struct reply **call_crowd(struct server *server, const struct request *request, int count)
{
    return read_crowd(send_crowd(server, request, count), count);
}

int count_status(struct reply **replies, int count, int status)
{
    int found = 0;
    for (int i = 0; i < count; i++)
        found += replies[i]->status == status;
    return found;
}

void functions_counted(struct scenario *s)
{
    function_file(s, "work.sh",
                  "#!/bin/sh\n"
                  "echo \" $ERRAND_TASK_ID \" >>../scratch/runs\n"
                  "echo \"\\\"$ERRAND_TASK_ID\\\"\"\n");
    function_file(s, "held.sh",
                  "#!/bin/sh\n"
                  "echo \" $ERRAND_TASK_ID \" >>../scratch/runs\n"
                  "exec ./hold.sh\n");
}

void functions_that_continue(struct scenario *s)
{
    static const char first_argument[] = "#!/bin/sh\n"
                                         "echo \" $ERRAND_TASK_ID \" >>../scratch/runs\n"
                                         "IFS= read -r line\n"
                                         "line=${line#*\\\"args\\\":\\[}\n"
                                         "line=${line%\\],\\\"kwargs\\\":*}\n"
                                         "printf '%s\\n' \"$line\"\n";
    functions_standard(s);
    functions_counted(s);
    function_file(s, "next.sh", first_argument);
    function_manifest(s, "next.json", "{'continues':true}");
    function_file(s, "plain.sh", first_argument);
    function_file(
        s, "count.sh",
        "#!/bin/sh\n"
        "IFS= read -r line\n"
        "line=${line#*\\\"args\\\":\\[}\n"
        "n=${line%%\\]*}\n"
        "[ $n = 0 ] && echo '\"done\"' && exit\n"
        "echo \"{\\\"\\$task\\\":{\\\"function\\\":\\\"count\\\",\\\"args\\\":[$((n-1))]}}\"\n");
    function_manifest(s, "count.json", "{'continues':true}");
}

int count_runs(struct scenario *s, const char *id)
{
    const char *mark = id ? text(s, " %s ", id) : " \n";
    const char *rest = text(s, "%s\n", folder_read(s, "scratch/runs"));
    int runs = 0;
    while ((rest = strstr(rest, mark))) {
        rest += strlen(mark);
        runs++;
    }
    return runs;
}
