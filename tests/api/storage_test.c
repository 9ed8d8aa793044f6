/* Section 4.6: a full disk, and room again. */
#include <string.h>

#include "tests/api/lib/disk.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/leases.h"
#include "tests/api/lib/process.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/sse.h"

#define FULL_LINE "the disk is full: until there is room"
#define ROOM_LINE "the disk has room again"

/* 4.6: creates are 503 storage-full, large or small, and nothing is changed; reads go on; it is
 * ready again by itself, without any request; the log has one line for each change. */
SCENARIO(refuses_and_resumes)
{
    disk_make(s, DISK_KB);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'echo','args':[1]}");
    expect_result(server, "a", "1");
    disk_fill_up(server);
    expect_problem(disk_create(server, DISK_BIG), 503, "storage-full");
    expect_problem(post(server, "/v1/tasks", "{'id':'b','function':'echo'}"), 503, "storage-full");
    expect_status(get(server, "/v1/tasks/b"), 404);
    expect_json(get(server, "/readyz"), "", "{'status':'storage-full'}");
    expect_status(get(server, "/healthz"), 200);
    expect_metric(server, "errand_storage_full", 1);
    expect_result(server, "a", "1");
    expect_status(get(server, "/v1/tasks?limit=10"), 200);
    struct sse *sse = sse_open(server, "/v1/tasks/a/events?last_event_id=0");
    expect_story(sse, "created a, started a, succeeded a");
    expect_end(sse);
    disk_make_room(server);
    expect_metric(server, "errand_storage_full", 0);
    create(server, "{'id':'b','function':'echo','args':[2]}");
    expect_result(server, "b", "2");
    assert_int_equal(disk_log_lines(server, FULL_LINE), 1);
    assert_int_equal(disk_log_lines(server, ROOM_LINE), 1);
    assert_int_equal(disk_log_lines(server, "requests that were refused: 3"), 1);
    assert_int_equal(disk_log_lines(server, "database or disk is full"), 0);
}

/* 4.6: the answer that was given is given again, and a request that was refused may be sent again
 * with its key. */
SCENARIO(keys_on_a_full_disk)
{
    disk_make(s, DISK_KB);
    struct server *server = server_start(s, "%s", "");
    const struct request first = {.path = "/v1/tasks",
                                  .headers = "Idempotency-Key: k1\r\n",
                                  .body = json(s, "{'id':'a','function':'echo'}")};
    const struct request second = {.path = "/v1/tasks",
                                   .headers = "Idempotency-Key: k2\r\n",
                                   .body = json(s, "{'id':'b','function':'echo'}")};
    expect_status(server_call(server, &first, HERE), 201);
    disk_fill_up(server);
    struct reply *again = server_call(server, &first, HERE);
    expect_status(again, 201);
    expect_header(again, "Idempotency-Replayed", "true");
    expect_problem(server_call(server, &second, HERE), 503, "storage-full");
    disk_make_room(server);
    again = server_call(server, &second, HERE);
    expect_status(again, 201);
    assert_null(header(again, "Idempotency-Replayed"));
}

/* 4.6, 5.3: running work can be cancelled: it is told when the process is dead. */
SCENARIO(cancels_running_work)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "--grace 0.1");
    create(server, "{'id':'a','function':'stubborn','notify_channels':['news']}");
    await_progress(server, "a", 1);
    struct sse *sse = sse_open(server, "/v1/events?channel=news");
    disk_fill_up(server);
    expect_status(cancel(server, "a", NULL), 202);
    await_event(sse, "task.cancelled", "a");
    assert_false(process_alive(folder_pid(s, "a.pids", 0)));
    eventually(!process_alive(folder_pid(s, "a.pids", 1)));
    expect_state(server, "a", "cancelled");
    assert_int_equal(disk_ready(server), 503);
    disk_make_room(server);
    expect_state(server, "a", "cancelled");
}

/* 4.6: what runs may end, and is stored; what is queued is not started before there is room. */
SCENARIO(ends_but_starts_nothing)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'hold'}");
    create(server, "{'id':'b','function':'cat'}");
    create(server, "{'id':'late','function':'echo','delay':0.3}");
    await_progress(server, "a", 1);
    disk_fill_up(server);
    release(s, "a", "7");
    expect_result(server, "a", "7");
    assert_int_equal(disk_ready(server), 503);
    expect_state(server, "b", "queued");
    disk_make_room(server);
    expect_outcome(server, "b", "succeeded");
    expect_outcome(server, "late", "succeeded");
}

/* 4.10: a worker elsewhere keeps its lease and ends it; nothing new is lent. */
SCENARIO(leases_go_on)
{
    disk_make(s, DISK_KB);
    functions_remote(s, "afar", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'afar'}");
    const char *token = lease_one(server, "afar");
    create(server, "{'id':'b','function':'afar'}");
    disk_fill_up(server);
    expect_status(heartbeat(server, token, "{}"), 200);
    expect_no_lease(server, "afar");
    expect_status(lease_result(server, token, "7"), 200);
    expect_result(server, "a", "7");
    disk_make_room(server);
    lease_one(server, "afar");
}

/* 4.6: what is larger than all the room there is, is kept until it can be stored, in its slot; and
 * keeps nobody else from ending. */
SCENARIO(large_result_waits_for_room)
{
    disk_make(s, DISK_KB);
    functions_standard(s);
    disk_function_large(s);
    struct server *server = server_start(s, "--slots 2");
    create(server, "{'id':'a','function':'large'}");
    create(server, "{'id':'b','function':'hold'}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    disk_fill_up(server);
    release(s, "a", "go");
    eventually(folder_has(s, "scratch/a.over"));
    release(s, "b", "7");
    expect_result(server, "b", "7");
    expect_state(server, "a", "running");
    disk_make_room(server);
    expect_outcome(server, "a", "succeeded");
    expect_number(task(server, "a"), "attempt", 1);
    assert_int_equal(strlen(get(server, "/v1/tasks/a/result")->body.text), 3000002);
}

/* Each of many talks, more than the disk has room for, once the gate is open. */
static void function_talk(struct scenario *s, int bytes)
{
    function_file(s, "talk.sh",
                  text(s,
                       "#!/bin/sh\n"
                       "cd ../scratch\n"
                       "mkfifo $ERRAND_TASK_ID.gate\n"
                       "echo '{\"progress\":1}' >&3\n"
                       "read -r line <$ERRAND_TASK_ID.gate\n"
                       "yes 'a line of a log that goes on and on and on and on and on and on' |"
                       " head -c %d >&2\n"
                       "for i in $(seq 2 99); do echo '{\"progress\":'$i'}'; done >&3\n"
                       "touch $ERRAND_TASK_ID.said\n"
                       "read -r line <$ERRAND_TASK_ID.gate\n",
                       bytes));
}

/* 4.7: functions that go on talking while nothing can be stored cost a bounded part of memory, and
 * their logs say what is missing. The last progress is not lost. */
SCENARIO(talk_is_bounded)
{
    enum { TALKERS = 8, BYTES = 8000000, BOUND = 30000000 };
    disk_make(s, DISK_KB);
    function_talk(s, BYTES);
    struct server *server = server_start(s, "--reserve 0 --slots %d", TALKERS);
    for (int i = 0; i < TALKERS; i++) {
        create(server, "{'id':'t%d','function':'talk'}", i);
        await_progress(server, text(s, "t%d", i), 1);
    }
    disk_fill_up(server);
    double before = metric(server, "process_resident_memory_bytes");
    for (int i = 0; i < TALKERS; i++)
        release(s, text(s, "t%d", i), "go");
    for (int i = 0; i < TALKERS; i++)
        eventually(folder_has(s, text(s, "scratch/t%d.said", i)));
    assert_true(metric(server, "process_resident_memory_bytes") - before < BOUND);
    disk_make_room(server);
    for (int i = 0; i < TALKERS; i++) {
        const char *id = text(s, "t%d", i);
        release(s, id, "end");
        expect_outcome(server, id, "succeeded");
        expect_number(task(server, id), "progress.value", 99);
        const char *log = get(server, "/v1/tasks/%s/logs", id)->body.text;
        assert_non_null(strstr(log, "left out here"));
        assert_in_range(strlen(log), 400000, 1100000);
    }
}

/* Creates until one is refused; gives how many were acknowledged. */
static int pour(struct server *server, int most)
{
    int acknowledged = 0;
    struct reply *reply = NULL;
    while (acknowledged < most && (reply = disk_create(server, 20000))->status == 201)
        acknowledged++;
    if (acknowledged < most)
        expect_problem(reply, 503, "storage-full");
    return acknowledged;
}

/* 4.6: what was acknowledged before the disk was full is there when it has grown, and all of it
 * runs. */
SCENARIO(grows)
{
    enum { MANY = 100000 };
    disk_make(s, DISK_KB);
    struct server *server = server_start(s, "%s", "");
    int acknowledged = pour(server, MANY);
    assert_in_range(acknowledged, 10, MANY - 1);
    disk_grow(s, 3 * DISK_KB);
    eventually(disk_ready(server) == 200);
    acknowledged += pour(server, 20);
    eventually(count_tasks(server, "state=succeeded") == acknowledged);
    assert_int_equal(count_tasks(server, ""), acknowledged);
}

/* 4.6: tasks that are deleted make room, on a disk that stays as full as it is. */
SCENARIO(deleted_tasks_are_room)
{
    disk_make(s, DISK_KB);
    struct server *server = server_start(s, "%s", "");
    assert_in_range(pour(server, 100000), 10, 1000);
    disk_fill(s);
    struct reply *list = get(server, "/v1/tasks?state=succeeded&limit=1000");
    int count = json_count(list, "tasks");
    for (int i = 0; i < count; i++) {
        const char *id = json_text(list, text(s, "tasks.%d.id", i));
        expect_status(call(server, .method = "DELETE", .path = text(s, "/v1/tasks/%s", id)), 204);
    }
    eventually(disk_ready(server) == 200);
    assert_in_range(pour(server, 100000), 10, 1000);
    assert_int_equal(disk_ready(server), 503);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(refuses_and_resumes),    RUN(keys_on_a_full_disk),
        RUN(cancels_running_work),   RUN(ends_but_starts_nothing),
        RUN(leases_go_on),           RUN(large_result_waits_for_room),
        RUN(talk_is_bounded),        RUN(grows),
        RUN(deleted_tasks_are_room),
    };
    return RUN_SCENARIOS("storage", table);
}
