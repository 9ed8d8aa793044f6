/* What a process may use: "limits" of a manifest, for the modes process and worker. Bad values of
 * "user" are here too. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/tasks.h"

static struct run *start_in_vain(struct scenario *s)
{
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    if (run->exit_status != 1)
        fail_at(HERE, "exit status %d, not 1: %s", run->exit_status, run->errors);
    return run;
}

/* What is wrong is named with its file and its key. */
SCENARIO(refused)
{
    static const struct {
        const char *manifest, *key;
    } rows[] = {
        {"{'limits':7}", "\"limits\""},
        {"{'limits':[]}", "\"limits\""},
        {"{'limits':{'colour':1}}", "\"colour\""},
        {"{'limits':{'memory':'1G'}}", "\"memory\""},
        {"{'limits':{'memory':512}}", "\"memory\""},
        {"{'limits':{'memory':1e300}}", "\"memory\""},
        {"{'limits':{'cpu':0}}", "\"cpu\""},
        {"{'limits':{'cpu':1.5}}", "\"cpu\""},
        {"{'limits':{'cpu':-1}}", "\"cpu\""},
        {"{'limits':{'files':null}}", "\"files\""},
        {"{'limits':{'files':0}}", "\"files\""},
        {"{'limits':{'output':true}}", "\"output\""},
        {"{'limits':{'output':0}}", "\"output\""},
        {"{'user':7}", "\"user\""},
        {"{'user':''}", "\"user\""},
        {"{'user':'nobody-of-that-name'}", "\"user\""},
        {"{'mode':'http','url':'http://127.0.0.1:9/','limits':{'cpu':1}}", "\"limits\""},
        {"{'mode':'http','url':'http://127.0.0.1:9/','user':'root'}", "\"user\""},
        {"{'mode':'remote','limits':{}}", "\"limits\""},
        {"{'mode':'remote','user':'root'}", "\"user\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].manifest);
        function_manifest(s, "tight.json", rows[i].manifest);
        const char *errors = start_in_vain(s)->errors;
        assert_non_null(strstr(errors, "tight.json"));
        assert_non_null(strstr(errors, rows[i].key));
    }
}

static struct server *start_limited(struct scenario *s, const char *limits, const char *body)
{
    function_file(s, "tight", body);
    function_manifest(s, "tight.json", text(s, "{'limits':%s}", limits));
    return server_start(s, "%s", "");
}

static void expect_message(struct reply *reply, const char *start)
{
    const char *message = json_text(reply, "error.message");
    if (strncmp(message, start, strlen(start)) != 0)
        fail_at(HERE, "the message is \"%s\", not \"%s...\"", message, start);
}

/* A process gets ENOMEM and says so itself. */
SCENARIO(memory)
{
    struct server *server =
        start_limited(s, "{'memory':268435456}",
                      "#!/usr/bin/env python3\nimport json, sys\n"
                      "print(len(bytearray(json.loads(sys.stdin.read())['args'][0] << 20)))\n");
    expect_result(server, create(server, "{'function':'tight','args':[20]}"), "20971520");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'tight','args':[400]}"), "exit-status");
    expect_text(reply, "error.message", "MemoryError");
}

SCENARIO(cpu)
{
    struct server *server =
        start_limited(s, "{'cpu':1}", "#!/bin/sh\necho busy >&2\nwhile :; do :; done\n");
    struct reply *reply = expect_failure(server, create(server, "{'function':'tight'}"), "signal");
    expect_number(reply, "error.signal", SIGXCPU);
    expect_message(reply, "limit: ");
    assert_non_null(strstr(json_text(reply, "error.message"), "cpu"));
    assert_non_null(strstr(json_text(reply, "error.message"), "busy"));
}

/* Whoever ignores SIGXCPU is killed a second later. */
SCENARIO(cpu_ignored)
{
    struct server *server = start_limited(s, "{'cpu':1}",
                                          "#!/usr/bin/env python3\nimport signal\n"
                                          "signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
                                          "while True: pass\n");
    struct reply *reply = expect_failure(server, create(server, "{'function':'tight'}"), "signal");
    expect_number(reply, "error.signal", SIGKILL);
    expect_message(reply, "limit: ");
}

/* The limit is each process's own; a shell's exit status tells of its command's end. */
SCENARIO(cpu_of_a_grandchild)
{
    struct server *server =
        start_limited(s, "{'cpu':1}", "#!/bin/sh\nsh -c 'while :; do :; done'\nexit $?\n");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'tight'}"), "exit-status");
    expect_number(reply, "error.exit_status", 128 + SIGXCPU);
    expect_message(reply, "limit: ");
}

/* A SIGKILL that no limit explains is no limit's. */
SCENARIO(killed_by_somebody)
{
    struct server *server =
        start_limited(s, "{'cpu':100,'memory':1073741824}", "#!/bin/sh\nkill -9 $$\n");
    struct reply *reply = expect_failure(server, create(server, "{'function':'tight'}"), "signal");
    expect_text(reply, "error.message", "killed by signal 9");
}

SCENARIO(files)
{
    struct server *server =
        start_limited(s, "{'files':20}", "#!/bin/sh\nulimit -Sn; ulimit -Hn; ulimit -v\n");
    expect_result(server, create(server, "{'function':'tight'}"), "'20\\n20\\nunlimited'");
}

/* Bytes on standard output, and not one more; at most --max-result. */
SCENARIO(output)
{
    function_file(s, "tight", "#!/bin/sh\nhead -c 100 /dev/zero | tr '\\0' x\n");
    function_file(s, "over", "#!/bin/sh\nhead -c 101 /dev/zero | tr '\\0' x\n");
    function_file(s, "huge", "#!/bin/sh\nhead -c 400 /dev/zero | tr '\\0' x\n");
    function_manifest(s, "tight.json", "{'limits':{'output':100}}");
    function_manifest(s, "over.json", "{'limits':{'output':100}}");
    function_manifest(s, "huge.json", "{'limits':{'output':1000}}");
    struct server *server = server_start(s, "--max-result 300");
    expect_outcome(server, create(server, "{'function':'tight'}"), "succeeded");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'over'}"), "result-too-large");
    expect_text(reply, "error.message", "limit: the result is larger than 100 bytes");
    reply = expect_failure(server, create(server, "{'function':'huge'}"), "result-too-large");
    expect_text(reply, "error.message", "the result is larger than 300 bytes");
}

/* --- workers -------------------------------------------------------------------- */

static struct server *start_worker(struct scenario *s, const char *limits)
{
    kit_write(s, "import resource\n"
                 "async def burn(id):\n"
                 "    while True: pass\n"
                 "async def eat(id): return len(bytearray(400 << 20))\n"
                 "async def files(id): return resource.getrlimit(resource.RLIMIT_NOFILE)\n");
    function_manifest(s, "kit.json",
                      text(s,
                           "{'mode':'worker','functions':['burn','eat','files','give','pid'],"
                           "'workers':{'max':1},'limits':%s}",
                           limits));
    return server_start(s, "%s", "");
}

/* Over the whole life of the worker: it dies, and the next one has all of it again. */
SCENARIO(worker_cpu)
{
    struct server *server = start_worker(s, "{'cpu':1}");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'burn'}"), "worker-lost");
    expect_message(reply, "limit: ");
    assert_non_null(strstr(json_text(reply, "error.message"), "cpu"));
    expect_outcome(server, create(server, "{'function':'pid'}"), "succeeded");
    assert_int_equal(kit_starts(s), 2);
}

SCENARIO(worker_memory_and_files)
{
    struct server *server = start_worker(s, "{'memory':268435456,'files':40}");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'eat'}"), "function-error");
    expect_text(reply, "error.message", "MemoryError()");
    expect_result(server, create(server, "{'function':'files'}"), "[40,40]");
    assert_int_equal(kit_starts(s), 1);
}

/* Of one result: the worker stays. */
SCENARIO(worker_output)
{
    struct server *server = start_worker(s, "{'output':10}");
    expect_result(server, create(server, "{'function':'give','args':['12345678']}"), "'12345678'");
    struct reply *reply = expect_failure(
        server, create(server, "{'function':'give','args':['123456789']}"), "result-too-large");
    expect_text(reply, "error.message", "limit: the result is larger than 10 bytes");
    expect_result(server, create(server, "{'function':'give','args':[1]}"), "1");
    assert_int_equal(kit_starts(s), 1);
}

/* --- want of memory --------------------------------------------------------------- */

static bool write_to(const char *path, const char *contents)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool fine = fd >= 0 && write(fd, contents, strlen(contents)) == (ssize_t)strlen(contents);
    if (fd >= 0)
        close(fd);
    return fine;
}

static void remove_group(void *path)
{
    rmdir(path);
}

/* A memory cgroup of 64 MiB, of whichever version; NULL: none can be made here. */
static const char *memory_group(struct scenario *s)
{
    static const char *const rows[][2] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
                                          {"/sys/fs/cgroup", "memory.max"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = text(s, "%s/errand-test-%d", rows[i][0], (int)getpid());
        if (mkdir(path, 0755) != 0)
            continue;
        at_end(s, remove_group, path);
        if (write_to(text(s, "%s/%s", path, rows[i][1]), "67108864"))
            return path;
    }
    return NULL;
}

/* A SIGKILL of the kernel's, because there is no memory: the message says so. */
SCENARIO(out_of_memory)
{
    const char *group = memory_group(s);
    if (!group) {
        print_message("no memory cgroup can be made here\n");
        return;
    }
    function_file(s, "eat",
                  text(s,
                       "#!/bin/sh\necho $$ > %s/cgroup.procs\n"
                       "exec python3 -c 'print(len(b\"x\" * (200 << 20)))'\n",
                       group));
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = expect_failure(server, create(server, "{'function':'eat'}"), "signal");
    expect_number(reply, "error.signal", SIGKILL);
    expect_message(reply, "oom: ");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(refused),
        RUN(memory),
        RUN(cpu),
        RUN(cpu_ignored),
        RUN(cpu_of_a_grandchild),
        RUN(killed_by_somebody),
        RUN(files),
        RUN(output),
        RUN(worker_cpu),
        RUN(worker_memory_and_files),
        RUN(worker_output),
        RUN(out_of_memory),
    };
    return RUN_SCENARIOS("limits", table);
}
