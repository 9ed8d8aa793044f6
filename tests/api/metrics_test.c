/* Section 4: GET /metrics. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/scrape.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The format, from the first scrape on; what is known is there with zeros. */
SCENARIO(format)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 3");
    struct scrape *scrape = scrape(server);
    assert_true(scrape->families >= 30);
    scrape_expect(scrape, "errand_tasks{state='queued'}", 0, HERE);
    scrape_expect(scrape, "errand_tasks_created_total{function='hold'}", 0, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='echo',state='failed'}", 0, HERE);
    scrape_expect(scrape, "errand_task_wait_seconds_count{function='cat'}", 0, HERE);
    scrape_expect(scrape, "errand_slots", 3, HERE);
    scrape_expect(scrape, "errand_slots_used", 0, HERE);
    const struct run *version = errand_run(s, "--version");
    const char *number = strrchr(version->output, ' ');
    assert_non_null(number);
    scrape_expect(
        scrape,
        text(s, "errand_build_info{version='%.*s'}", (int)strcspn(number + 1, "\n"), number + 1), 1,
        HERE);
}

/* What Prometheus sends is fine; HEAD works; it is a GET alone; other types are not served. */
SCENARIO(requests)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply =
        call(server, .path = "/metrics",
             .headers = "Accept: application/openmetrics-text;version=1.0.0;q=0.5,"
                        "text/plain;version=0.0.4;q=0.3,*/*;q=0.1\r\n");
    expect_status(reply, 200);
    expect_header(reply, "Content-Type", TYPE);
    reply = call(server, .method = "HEAD", .path = "/metrics");
    expect_status(reply, 200);
    expect_header(reply, "Content-Type", TYPE);
    assert_int_equal(reply->body.length, 0);
    reply = call(server, .method = "POST", .path = "/metrics", .body = "{}");
    expect_problem(reply, 405, "method-not-allowed");
    reply = call(server, .path = "/metrics", .headers = "Accept: application/json\r\n");
    expect_problem(reply, 406, "not-acceptable");
    expect_status(get(server, "/metrics?name=x"), 422);
}

/* 1: with a token every route wants it. */
SCENARIO(token)
{
    server_environment(s, "ERRAND_TOKEN=secret");
    struct server *server = server_start(s, "%s", "");
    expect_problem(get(server, "/metrics"), 401, "unauthorized");
    struct reply *reply =
        call(server, .path = "/metrics", .headers = "Authorization: Bearer secret\r\n");
    expect_status(reply, 200);
    scrape_read(s, reply->body.text, reply->body.length, HERE);
}

/* A success, a failure with retries, and cancels of a task that waits and of one that runs. */
SCENARIO(tasks)
{
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'echo','args':[1]}");
    create(server, "{'id':'b','function':'fail','max_attempts':3,"
                   "'backoff':{'initial':0.01,'factor':1}}");
    create(server, "{'id':'run','function':'hold'}");
    await_progress(server, "run", 1);
    create(server, "{'id':'wait','function':'cat'}");
    finished(server, "a");
    finished(server, "b");
    struct scrape *scrape = scrape(server);
    scrape_expect(scrape, "errand_slots_used", 1, HERE);
    scrape_expect(scrape, "errand_queue_length{function='cat'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_running{function='hold'}", 1, HERE);
    scrape_expect(scrape, "errand_task_wait_seconds_count{function='cat'}", 0, HERE);
    scrape_expect(scrape, "errand_task_run_seconds_count{function='hold'}", 0, HERE);
    cancel(server, "wait", NULL);
    cancel(server, "run", NULL);
    expect_outcome(server, "run", "cancelled");

    scrape = scrape(server);
    scrape_expect(scrape, "errand_tasks{state='succeeded'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks{state='failed'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks{state='cancelled'}", 2, HERE);
    scrape_expect(scrape, "errand_tasks_created_total{function='echo'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='echo',state='succeeded'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='fail',state='failed'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='hold',state='cancelled'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='cat',state='cancelled'}", 1, HERE);
    scrape_expect(scrape, "errand_attempts_total{function='echo'}", 1, HERE);
    scrape_expect(scrape, "errand_attempts_total{function='fail'}", 3, HERE);
    scrape_expect(scrape, "errand_attempts_total{function='cat'}", 0, HERE);
    scrape_expect(scrape, "errand_retries_total{function='fail'}", 2, HERE);
    scrape_expect(scrape, "errand_retries_total{function='echo'}", 0, HERE);
    scrape_expect(scrape, "errand_task_wait_seconds_count{function='fail'}", 3, HERE);
    scrape_expect(scrape, "errand_task_wait_seconds_count{function='cat'}", 0, HERE);
    scrape_expect(scrape, "errand_task_run_seconds_count{function='fail'}", 3, HERE);
    scrape_expect(scrape, "errand_task_run_seconds_count{function='hold'}", 1, HERE);
    scrape_expect(scrape, "errand_events_total{type='task.retrying'}", 2, HERE);
    scrape_expect(scrape, "errand_events_total{type='task.cancelled'}", 2, HERE);
    scrape_expect(scrape, "errand_queue_length{function='cat'}", 0, HERE);
    scrape_expect(scrape, "errand_slots_used", 0, HERE);
}

/* A meta-task is counted under its process step; a refused create not at all. */
SCENARIO(meta_tasks_and_refusals)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'sum','args':[{'$task':{'function':'echo','args':[1]}}]}");
    expect_result(server, "m", "1");
    expect_status(post(server, "/v1/tasks", "[{'function':'concat'},{'id':'m','function':'sum'}]"),
                  409);
    struct scrape *scrape = scrape(server);
    scrape_expect(scrape, "errand_tasks_created_total{function='sum'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_created_total{function='echo'}", 1, HERE);
    scrape_expect(scrape, "errand_tasks_created_total{function='concat'}", 0, HERE);
    scrape_expect(scrape, "errand_tasks_ended_total{function='sum',state='succeeded'}", 1, HERE);
}

/* How long a task ran is in the right buckets. */
SCENARIO(run_times)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'sleep','args':[0.3]}");
    finished(server, "a");
    struct scrape *scrape = scrape(server);
    scrape_expect(scrape, "errand_task_run_seconds_bucket{function='sleep',le='0.25'}", 0, HERE);
    scrape_expect(scrape, "errand_task_run_seconds_bucket{function='sleep',le='+Inf'}", 1, HERE);
    assert_true(scrape_value(scrape, "errand_task_run_seconds_sum{function='sleep'}", HERE) >= 0.3);
}

/* The scenario's clock and the server's are not the same. */
enum { CLOCKS_MS = 5 };

/* The age of the oldest queued task, which began to queue no earlier than that. */
static void expect_younger(struct server *server, int64_t began)
{
    double age = metric(server, "errand_queue_oldest_age_seconds");
    assert_true(age * 1000 <= (double)(now_ms() - began + CLOCKS_MS));
}

/* The age grows for as long as one task is queued, whatever else comes and goes. */
SCENARIO(oldest_age)
{
    const char *age = "errand_queue_oldest_age_seconds";
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    expect_metric(server, age, 0);
    create(server, "{'id':'gate','function':'hold'}");
    await_progress(server, "gate", 1);
    expect_metric(server, age, 0);
    create(server, "{'id':'old','function':'cat','priority':-1}");
    eventually(metric(server, age) > 0.1);
    double before = metric(server, age);
    int64_t began = now_ms();
    create(server, "{'id':'new','function':'cat'}"); /* goes first, but is not the oldest */
    assert_true(metric(server, age) >= before);
    create(server, "{'id':'meta','process':'cat'}");
    assert_true(metric(server, age) >= before);
    cancel(server, "old", NULL);
    expect_younger(server, began);
    release(s, "gate", "1");
    finished(server, "meta");
    finished(server, "new");
    expect_metric(server, age, 0);
}

/* What was created first and queued last is not the oldest: an age begins with the queueing. */
SCENARIO(oldest_was_not_created_first)
{
    const char *age = "errand_queue_oldest_age_seconds";
    functions_standard(s);
    function_manifest(s, "narrow.json", "{'command':['./hold.sh'],'concurrency':1}");
    struct server *server = server_start(s, "--slots 4");
    create(server, "{'id':'gate','function':'narrow'}");
    await_progress(server, "gate", 1);
    create(server, "{'id':'late','process':'narrow',"
                   "'args':[{'$task':{'id':'dep','function':'hold'}}]}");
    await_progress(server, "dep", 1);
    create(server, "{'id':'early','process':'narrow'}");
    eventually(metric(server, age) > 0.1);
    double before = metric(server, age);
    int64_t began = now_ms();
    release(s, "dep", "1");
    await_state(server, "late", "queued");
    assert_true(metric(server, age) >= before);
    cancel(server, "early", NULL);
    expect_younger(server, began);
}

/* Open streams are counted. */
SCENARIO(subscribers)
{
    struct server *server = server_start(s, "%s", "");
    expect_metric(server, "errand_sse_subscribers", 0);
    struct sse *one = sse_open(server, "/v1/events");
    struct sse *two = sse_open(server, "/v1/events?channel=c");
    eventually(metric(server, "errand_sse_subscribers") == 2);
    sse_close(one);
    eventually(metric(server, "errand_sse_subscribers") == 1);
    sse_close(two);
    eventually(metric(server, "errand_sse_subscribers") == 0);
    expect_metric(server, "errand_sse_dropped_total", 0);
}

/* A reader that takes nothing falls behind, and after some heartbeats it is cut off. */
SCENARIO(stalled_reader)
{
    struct server *server = server_start(s, "--heartbeat 0.1");
    struct sse *stalled = sse_open(server, "/v1/events?type=task.succeeded");
    http_window(stalled->http, 4096);
    eventually(metric(server, "errand_sse_subscribers") == 1);
    struct patience patience = patience_begin();
    while (metric(server, "errand_sse_dropped_total") == 0) {
        const char *id = create(server, "{'function':'echo','args':['%08000d']}", 0);
        finished(server, id);
        patience_more(&patience, "the reader is cut off", HERE);
    }
    struct scrape *scrape = scrape(server);
    scrape_expect(scrape, "errand_sse_dropped_total", 1, HERE);
    assert_true(scrape_value(scrape, "errand_sse_lags_total", HERE) >= 1);
    scrape_expect(scrape, "errand_sse_subscribers", 0, HERE);
}

/* Every character that a name may have, and as many as it may have. */
SCENARIO(names)
{
    const char *name = "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    assert_int_equal(strlen(name), 64);
    function_file(s, text(s, "%s.sh", name), "#!/bin/sh\necho 1\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'%s'}", name);
    expect_result(server, "a", "1");
    expect_metric(server,
                  text(s, "errand_tasks_ended_total{function='%s',state='succeeded'}", name), 1);
}

/* A create that is answered was committed, so each of these, one by one, is a commit of its own. */
SCENARIO(commits)
{
    enum { CREATES = 5 };
    struct server *server = server_start(s, "%s", "");
    struct scrape *before = scrape(server);
    for (int i = 0; i < CREATES; i++)
        create(server, "{'function':'echo','delay':3600}");
    struct scrape *after = scrape(server);
    const char *growing[] = {"errand_commits_total", "errand_commit_seconds_count",
                             "errand_commit_batch_size_count", "errand_commit_batch_size_sum"};
    for (size_t i = 0; i < sizeof growing / sizeof *growing; i++) {
        note(s, "%s", growing[i]);
        assert_true(scrape_value(after, growing[i], HERE) >=
                    scrape_value(before, growing[i], HERE) + CREATES);
    }
    assert_true(scrape_value(after, "errand_commit_seconds_sum", HERE) >
                scrape_value(before, "errand_commit_seconds_sum", HERE));
    assert_true(scrape_value(after, "errand_database_bytes{file='errand.db'}", HERE) > 0);
    assert_true(scrape_value(after, "errand_database_bytes{file='errand.db-wal'}", HERE) > 0);
}

/* Each answer is counted once, streams and refused bodies too. */
SCENARIO(answers)
{
    struct server *server = server_start(s, "--max-body 1000");
    get(server, "/nothing");
    struct http *http = server_connect(server);
    http_say(http, "POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n"
                   "Content-Type: application/json\r\n\r\n");
    expect_status(http_read(http, false), 413);
    http_close(http);
    eventually(metric(server, "errand_http_requests_total{code='4xx'}") == 2);
    double before = metric(server, "errand_http_requests_total{code='2xx'}");
    sse_close(sse_open(server, "/v1/events"));
    int scrapes = 1; /* each knows of all before it, but not of itself */
    struct patience patience = patience_begin();
    while (metric(server, "errand_http_requests_total{code='2xx'}") != before + 1 + scrapes) {
        scrapes++;
        patience_more(&patience, "the stream is counted, and nothing twice", HERE);
    }
    expect_metric(server, "errand_http_requests_total{code='4xx'}", 2);
    expect_metric(server, "errand_http_requests_total{code='5xx'}", 0);
}

/* What the kernel says of the process. */
SCENARIO(process)
{
    time_t before = time(NULL);
    struct server *server = server_start(s, "%s", "");
    struct scrape *scrape = scrape(server);
    double start = scrape_value(scrape, "process_start_time_seconds", HERE);
    assert_true(start >= (double)before && start <= (double)time(NULL) + 1);
    assert_true(scrape_value(scrape, "process_cpu_seconds_total", HERE) > 0);
    assert_true(scrape_value(scrape, "process_resident_memory_bytes", HERE) > 1e6);
    assert_true(scrape_value(scrape, "process_virtual_memory_bytes", HERE) >=
                scrape_value(scrape, "process_resident_memory_bytes", HERE));
    double files = scrape_value(scrape, "process_open_fds", HERE);
    assert_true(files >= 4);
    assert_true(files <= scrape_value(scrape, "process_max_fds", HERE));
    struct http *more[10];
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        more[i] = server_connect(server);
    eventually(metric(server, "process_open_fds") >= files + 10);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        http_close(more[i]);
}

/* After a crash counting begins anew; nobody saw when the attempt of the dead server ended. */
SCENARIO(after_a_crash)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'hold'}");
    await_progress(server, "a", 1);
    server_kill9(server);
    server = server_start(s, "%s", "");
    await_state(server, "a", "running"); /* the progress that it told before is still there */
    struct scrape *scrape = scrape(server);
    scrape_expect(scrape, "errand_tasks_created_total{function='hold'}", 0, HERE);
    scrape_expect(scrape, "errand_interruptions_total{function='hold'}", 1, HERE);
    scrape_expect(scrape, "errand_attempts_total{function='hold'}", 1, HERE);
    scrape_expect(scrape, "errand_task_run_seconds_count{function='hold'}", 0, HERE);
    scrape_expect(scrape, "errand_tasks_running{function='hold'}", 1, HERE);
    release(s, "a", "1");
    finished(server, "a");
    expect_metric(server, "errand_task_run_seconds_count{function='hold'}", 1);
    expect_metric(server, "errand_tasks_ended_total{function='hold',state='succeeded'}", 1);
}

/* A function that comes with SIGHUP is there before its first task. */
SCENARIO(new_functions)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    assert_false(scrape_has(scrape(server), "errand_queue_length{function='later'}"));
    function_file(s, "later.sh", "#!/bin/sh\necho 1\n");
    server_signal(server, SIGHUP);
    eventually(scrape_has(scrape(server), "errand_queue_length{function='later'}"));
    expect_metric(server, "errand_tasks_created_total{function='later'}", 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(format),        RUN(requests),
        RUN(token),         RUN(tasks),
        RUN(run_times),     RUN(meta_tasks_and_refusals),
        RUN(oldest_age),    RUN(oldest_was_not_created_first),
        RUN(subscribers),   RUN(stalled_reader),
        RUN(names),         RUN(commits),
        RUN(answers),       RUN(process),
        RUN(after_a_crash), RUN(new_functions),
    };
    return RUN_SCENARIOS("metrics", table);
}
