/* Section 4.7, further on: what is kept of a log when there is too much, or when the task is
 * killed. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

enum { LIMIT = 1024 * 1024, LINE_HEAD = 64 }; /* LINE_HEAD: more than time and stream take */

static const char *log_of(struct server *server, const char *id)
{
    struct reply *reply = get(server, "/v1/tasks/%s/logs", id);
    expect_status(reply, 200);
    assert_int_equal(strlen(reply->body.text), reply->body.length);
    return reply->body.text;
}

/* The words of its lines without their time: "stderr one". */
static const char *words_of(struct scenario *s, const char *log)
{
    char *rest = text(s, "%s", log);
    const char *words = "";
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        size_t time = strcspn(line, " ");
        if (time != strlen("2000-01-01T00:00:00.000Z") || line[time - 1] != 'Z' || !line[time])
            fail_at(HERE, "no time: %s", line);
        words = text(s, "%s%s%s", words, *words ? "\n" : "", line + time + 1);
    }
    return words;
}

static bool is_utf8(const char *p)
{
    for (; *p; p++) {
        unsigned char first = (unsigned char)*p;
        int more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (more < 0 || first > 0xf4)
            return false;
        for (; more; more--) {
            if (((unsigned char)*++p & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

/* 4.7: each line has its stream; one that two streams have is no line of one. */
SCENARIO(streams)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "echo same >&2\n"
                  "echo same >&3\n"
                  "echo 'the result'\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    expect_outcome(server, "a", "succeeded");
    const char *words = words_of(s, log_of(server, "a"));
    note(s, "%s", words);
    assert_non_null(strstr(words, "stderr same"));
    const char *other = strchr(words, '\n');
    assert_true(other && strstr(other, "same"));
    assert_null(strstr(other, "stderr"));
    assert_null(strstr(words, "the result"));
}

/* 2.1: a report that does not parse is a log line; those that do are none. */
SCENARIO(bad_reports)
{
    static const char *const bad[] = {
        "nope",           "{\"progress\":",    "{\"progress\":5} x", "[",
        "{'progress':5}", "{\"progress\":05}", "{\"progress\":5,}",
    };
    const char *script = "#!/bin/sh\necho '{\"progress\":1}' >&3\n";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        script = text(s, "%scat >&3 <<'END'\n%s\nEND\n", script, bad[i]);
    script = text(s, "%s%s", script, "echo '{\"progress\":2,\"message\":\"last\"}' >&3\n");
    function_file(s, "talk.sh", script);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    struct reply *reply = expect_outcome(server, "a", "succeeded");
    expect_json(reply, "progress", "{'value':2,'message':'last'}");
    char *rest = text(s, "%s", words_of(s, log_of(server, "a")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        note(s, "%s", bad[i]);
        char *line = strsep(&rest, "\n");
        assert_non_null(line);
        const char *tail = line + strlen(line) - strlen(bad[i]);
        assert_true(tail >= line);
        assert_string_equal(tail, bad[i]);
    }
    assert_null(rest);
}

/* 4.7: what a task said before it was killed is kept: by a cancel, a timeout, a crash. */
SCENARIO(killed)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "trap '' TERM\n"
                  "echo \"before $ERRAND_ATTEMPT\" >&2\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "sleep 300\n");
    struct server *server = server_start(s, "--grace 0.1");
    create(server, "{'id':'cancelled','function':'talk'}");
    create(server, "{'id':'late','function':'talk','timeout':0.5}");
    await_progress(server, "cancelled", 1);
    eventually(strstr(log_of(server, "cancelled"), "before 1"));
    cancel(server, "cancelled", NULL);
    expect_outcome(server, "cancelled", "cancelled");
    assert_non_null(strstr(log_of(server, "cancelled"), "before 1"));
    expect_failure(server, "late", "timeout");
    assert_non_null(strstr(log_of(server, "late"), "before 1"));
    create(server, "{'id':'crashed','function':'talk'}");
    eventually(strstr(log_of(server, "crashed"), "before 1"));
    server_kill9(server);
    server = server_start(s, "--grace 0.1");
    eventually(strstr(log_of(server, "crashed"), "before 2"));
    cancel(server, "crashed", NULL);
    expect_outcome(server, "crashed", "cancelled");
}

/* 4.7: what is said last is there when the end is told. */
SCENARIO(last_words)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\nseq 200 >&2\necho \"last words of $ERRAND_TASK_ID\" >&2\n"
                  "exit 1\n");
    struct server *server = server_start(s, "%s", "");
    struct sse *sse = sse_open(server, "/v1/events?type=task.failed");
    for (int i = 0; i < 30; i++) {
        const char *id = create(server, "{'function':'talk'}");
        expect_event(sse, "task.failed", id);
        assert_non_null(strstr(log_of(server, id), text(s, "last words of %s", id)));
    }
}

/* 4.7: at most 1 MiB a task, also of one line that does not end. */
SCENARIO(endless_line)
{
    function_file(s, "flood.sh",
                  "#!/bin/sh\n"
                  "echo first >&2\n"
                  "head -c 5000000 /dev/zero | tr '\\0' y >&2\n"
                  "echo >&2\n"
                  "echo last >&2\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'flood'}");
    expect_outcome(server, "a", "succeeded");
    const char *log = log_of(server, "a");
    assert_non_null(strstr(log, "first"));
    assert_non_null(strstr(log, "last"));
    int lines = 0;
    for (const char *p = log; (p = strchr(p, '\n')); p++)
        lines++;
    assert_true(strlen(log) <= (size_t)LIMIT + (size_t)(lines + 2) * LINE_HEAD);
}

/* 4.7: a task: all its attempts together, and its first words stay. */
SCENARIO(attempts_together)
{
    enum { EACH = 8000, LINE = 100 };
    function_file(s, "flood.sh",
                  text(s,
                       "#!/bin/sh\n"
                       "echo \"begin $ERRAND_ATTEMPT\" >&2\n"
                       "yes %0*d | head -n %d >&2\n"
                       "echo \"end $ERRAND_ATTEMPT\" >&2\n"
                       "exit 1\n",
                       LINE - 1, 7, EACH));
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'flood','max_attempts':3,'backoff':{'initial':0.01}}");
    expect_number(expect_failure(server, "a", "exit-status"), "attempt", 3);
    const char *log = log_of(server, "a");
    assert_non_null(strstr(log, "begin 1"));
    assert_non_null(strstr(log, "end 3"));
    int said = 0;
    for (const char *p = log; (p = strstr(p, "00007\n")); p++)
        said++;
    note(s, "%d lines of %d", said, LINE);
    assert_true(said * LINE <= LIMIT);
    assert_true(said * (LINE + LINE_HEAD) >= LIMIT / 2);
}

/* 4.7: bytes that are no text become text: the answer says it is UTF-8. */
SCENARIO(garbage)
{
    function_file(s, "talk.sh",
                  "#!/bin/sh\n"
                  "printf '\\300\\200 \\355\\240\\200 \\364\\220\\200\\200 \\377\\n' >&2\n"
                  "printf 'cut \\342\\202\\n' >&2\n"
                  "printf 'good \\342\\202\\254\\n' >&2\n"
                  "printf 'zero \\000 zero\\n' >&2\n"
                  "printf 'report \\377\\n' >&3\n"
                  "printf 'crlf\\r\\n' >&2\n"
                  "head -c 3000 /dev/urandom >&2\n"
                  "exit 3\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'talk'}");
    expect_failure(server, "a", "exit-status");
    struct reply *reply = get(server, "/v1/tasks/a/logs");
    expect_status(reply, 200);
    const char *type = header(reply, "Content-Type");
    if (!type || strncmp(type, "text/plain", 10) != 0)
        fail_at(HERE, "logs of the type %s", type ? type : "(none)");
    char *copy = keep_bytes(s, reply->body.text, reply->body.length);
    for (size_t i = 0; i < reply->body.length; i++)
        copy[i] = copy[i] ? copy[i] : '0';
    assert_non_null(strstr(copy, "good \342\202\254"));
    assert_true(!strstr(type, "utf-8") || is_utf8(copy));
}

/* 4: an unknown id is 404; so is the log of one that retention has taken. */
SCENARIO(no_such_task)
{
    function_file(s, "talk.sh", "#!/bin/sh\necho one >&2\n");
    struct server *server = server_start(s, "--retain 0.5s");
    expect_problem(get(server, "/v1/tasks/none/logs"), 404, "not-found");
    create(server, "{'id':'a','function':'talk'}");
    expect_outcome(server, "a", "succeeded");
    assert_non_null(strstr(log_of(server, "a"), "one"));
    eventually(get(server, "/v1/tasks/a")->status == 404);
    expect_problem(get(server, "/v1/tasks/a/logs"), 404, "not-found");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(streams),      RUN(bad_reports),       RUN(killed),  RUN(last_words),
        RUN(endless_line), RUN(attempts_together), RUN(garbage), RUN(no_such_task),
    };
    return RUN_SCENARIOS("log_limits", table);
}
