/* Section 2.3: functions of the mode http. The args of a task are how the service answers. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/service.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

/* A service, the function `call` that calls it, and a server. */
static struct server *begin(struct scenario *s, struct service **service, const char *more)
{
    *service = service_start(s);
    service_function(*service, "call", more);
    return server_start(s, "--slots 1");
}

#define HOLD "[{'hold':true,'body':'1'}]"

/* --- answers that are a success ----------------------------------------------------- */

/* 2.3 and 2.1: the body is the result, by the rules of process output. */
SCENARIO(results)
{
    static const struct {
        const char *answer, *want;
    } rows[] = {
        {"{'body':'{\"a\": [1, 2]}'}", "{'a':[1,2]}"},
        {"{'body':'12345678901234567890.10'}", "12345678901234567890.10"},
        {"{'body':' null\\n'}", "null"},
        {"{}", "null"},
        {"{'status':204}", "null"},
        {"{'status':201,'body':'true'}", "true"},
        {"{'status':299,'body':'1'}", "1"},
        {"{'body':'plain text\\n'}", "'plain text'"},
        {"{'body':'two\\n\\n'}", "'two\\n'"},
        {"{'body':'1 2'}", "'1 2'"},
        {"{'bytes':'\\u00c3\\u00a9'}", "'\\u00e9'"},
        {"{'raw':'HTTP/1.0 200 OK\\r\\n\\r\\n7'}", "7"},
        {"{'raw':'HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1\\r\\n4\\r\\n1\\r\\n2"
         "\\r\\n0\\r\\n\\r\\n'}",
         "42"},
        {"{'raw':'HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: "
         "1\\r\\n\\r\\n8'}",
         "8"},
    };
    struct service *service;
    struct server *server = begin(s, &service, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].answer);
        const char *answer = text(s, "%s", rows[i].answer);
        if (i) /* the first has its double quotes escaped for JSON inside JSON */
            answer = requote(text(s, "%s", answer));
        else
            answer = "{\"body\":\"{\\\"a\\\": [1, 2]}\"}";
        const char *id = create(server, "{'function':'call','args':[%s]}", answer);
        expect_result(server, id, rows[i].want);
    }
}

/* 2.3: the request: method, headers, and the process contract's JSON as the body. */
SCENARIO(request)
{
    server_environment(s, "CALL_TOKEN=sesame-%d", 7);
    struct service *service;
    struct server *server =
        begin(s, &service,
              ",'method':'PUT','headers':{'Authorization':'Bearer ${CALL_TOKEN}',"
              "'X-Price':'5 $'}");
    create(server, "{'id':'a','function':'call','args':[{'body':'1'},\"\\u0000 %% 1E400\"],"
                   "'kwargs':{'k': 0.10}}");
    expect_result(server, "a", "1");
    const char *request = service_request(service, "a");
    assert_non_null(strstr(request, "PUT / HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer sesame-7\r\n"));
    assert_non_null(strstr(request, "\r\nX-Price: 5 $\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: errand/"));
    assert_null(strstr(request, "Expect"));
    assert_string_equal(
        strstr(request, "\r\n\r\n") + 4,
        "{\"id\":\"a\",\"function\":\"call\",\"args\":[{\"body\":\"1\"},\"\\u0000 % "
        "1E400\"],\"kwargs\":{\"k\":0.10},\"attempt\":1}");
}

/* A body that is larger than what fits in the sockets' buffers arrives whole. */
SCENARIO(large_request)
{
    enum { LENGTH = 3000000 };
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "--max-body 4000000");
    char *filler = keep(s, LENGTH + 1);
    memset(filler, 'x', LENGTH);
    create(server, "{'id':'a','function':'call','args':[{'body':'1'},'%s']}", filler);
    expect_result(server, "a", "1");
    assert_non_null(strstr(service_request(service, "a"), filler));
}

/* A meta-task's process step may be a call, with results in its arguments. */
SCENARIO(process_step)
{
    struct service *service;
    struct server *server = begin(s, &service, "");
    create(server, "{'id':'a','process':'call','args':[{'body':'1'},"
                   "{'$task':{'function':'echo','args':['inner']}}]}");
    expect_result(server, "a", "1");
    assert_non_null(strstr(service_request(service, "a"), "[{\"body\":\"1\"},\"inner\"]"));
}

/* --- answers that are a failure ----------------------------------------------------- */

/* 2.3: other statuses fail for good, whatever attempts are left. */
SCENARIO(statuses_that_are_final)
{
    static const int statuses[] = {300, 304, 400, 401, 404, 408, 410, 422, 451};
    struct service *service;
    struct server *server = begin(s, &service, ",'max_attempts':5,'backoff':{'initial':0}");
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        note(s, "status %d", statuses[i]);
        const char *id = create(server, "{'function':'call','args':[{'status':%d,'body':'%s'}]}",
                                statuses[i], statuses[i] == 304 ? "" : "no such \\u00e9\\n");
        struct reply *reply = expect_failure(server, id, "http-status");
        expect_number(reply, "attempt", 1);
        expect_text(reply, "error.message",
                    text(s, "the service answered %d%s", statuses[i],
                         statuses[i] == 304 ? "" : ": no such \xc3\xa9"));
    }
}

/* 2.3: 429 and 5xx are tried again. */
SCENARIO(statuses_that_are_retried)
{
    struct service *service;
    struct server *server = begin(s, &service, ",'max_attempts':9,'backoff':{'initial':0.01}");
    struct sse *sse = sse_open(server, "/v1/events?task=a");
    create(server, "{'id':'a','function':'call','args':[{'status':500},{'status':429},"
                   "{'status':503,'bytes':'busy\\u00ff'},{'status':599},{'body':'1'}]}");
    expect_story(sse, "created a, started a, retrying a, started a, retrying a, started a");
    struct event *event = expect_event(sse, "task.retrying", "a");
    expect_text(event, "error.code", "http-status");
    expect_text(event, "error.message", "the service answered 503: busy\xef\xbf\xbd");
    expect_story(sse, "started a, retrying a, started a, succeeded a");
    expect_result(server, "a", "1");
    assert_int_equal(service_count(service, "call"), 5);
}

/* 2.3: Retry-After, as seconds and as a date, is the least that the next attempt waits. */
SCENARIO(retry_after)
{
    static const struct {
        const char *answer;
        int low, high; /* seconds */
    } rows[] = {
        {"{'status':429,'headers':{'Retry-After':'100'}}", 100, 130},
        {"{'status':503,'headers':{'retry-after':'100'}}", 100, 130},
        {"{'status':503,'date':100}", 98, 130},
        {"{'status':503,'date':-100}", 0, 2},
        {"{'status':503,'headers':{'Retry-After':'-5'}}", 0, 2},
        {"{'status':503,'headers':{'Retry-After':'soon'}}", 0, 2},
        {"{'status':503,'headers':{'Retry-After':'99999999999999999999'}}", 86400, 86430},
    };
    struct service *service;
    struct server *server = begin(s, &service, ",'max_attempts':2");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].answer);
        const char *id = create(server, "{'function':'call','args':[%s]}",
                                requote(text(s, "%s", rows[i].answer)));
        struct sse *sse = sse_open(server, "/v1/tasks/%s/events", id);
        struct event *event = await_event(sse, "task.retrying", id);
        int64_t wait = json_time(task(server, id), "run_at") - json_time(event, "at");
        if (wait < rows[i].low * 1000LL || wait > rows[i].high * 1000LL)
            fail_at(HERE, "it waits %lld ms", (long long)wait);
        sse_close(sse);
        cancel(server, id, NULL);
    }
    /* The backoff is kept where it is longer. */
    create(server, "{'id':'z','function':'call','backoff':{'initial':300,'max':300},"
                   "'args':[{'status':429,'headers':{'Retry-After':'1'}}]}");
    struct reply *reply = await_state(server, "z", "scheduled");
    assert_true(json_time(reply, "run_at") - json_time(reply, "created_at") > 200000);
}

/* 2.1: what is neither JSON nor UTF-8, and what is deeper than a result may be. */
SCENARIO(invalid_results)
{
    char deep[300] = "";
    memset(deep, '[', 129);
    memset(deep + 129, ']', 129);
    struct service *service;
    struct server *server = begin(s, &service, "");
    expect_failure(server, create(server, "{'function':'call','args':[{'bytes':'\\u00ff'}]}"),
                   "invalid-result");
    expect_failure(server, create(server, "{'function':'call','args':[{'body':'%s'}]}", deep),
                   "invalid-result");
}

/* 2.3: answers larger than --max-result; one that never ends is broken off. */
SCENARIO(too_large)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "--max-result 1000");
    char filler[1001] = "";
    memset(filler, '7', 1000);
    create(server, "{'id':'just','function':'call','args':[{'body':'%s'}]}", filler);
    expect_result(server, "just", filler);
    expect_failure(server, create(server, "{'function':'call','args':[{'body':'%s7'}]}", filler),
                   "result-too-large");
    expect_failure(server, create(server, "{'function':'call','args':[{'endless':true}]}"),
                   "result-too-large");
    struct reply *reply = expect_failure(
        server,
        create(server, "{'function':'call','args':[{'endless':true,'status':404,'body':'%s%s'}]}",
               filler, filler),
        "http-status");
    assert_true(strlen(json_text(reply, "error.message")) < 1100);
}

/* Broken answers are tried again; the request had been sent, so the code is worker-lost. */
SCENARIO(broken_answers)
{
    static const char *const raws[] = {
        "",
        "garbage\\r\\n\\r\\n",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\\r\\nContent-Le",
        "HTTP/1.1 404 Not Fou",
        "HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n12345",
        "HTTP/1.1 200 OK\\r\\nContent-Length: ten\\r\\n\\r\\n12345",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\n123",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n1",
        "HTTP/1.1 200 OK\\r\\nBad header\\u0000: x\\r\\n\\r\\n1",
        "\\u0000\\u0001\\u0002\\u00ff",
    };
    struct service *service;
    struct server *server = begin(s, &service, ",'max_attempts':2,'backoff':{'initial':0}");
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
        note(s, "%s", raws[i]);
        struct reply *reply = expect_failure(
            server, create(server, "{'function':'call','args':[{'raw':'%s'}]}", raws[i]),
            "worker-lost");
        expect_number(reply, "attempt", 2);
        assert_non_null(strstr(json_text(reply, "error.message"), "the call broke off"));
    }
    create(server, "{'id':'a','function':'call','args':[{'raw':''},{'body':'1'}]}");
    expect_result(server, "a", "1");
}

/* --- redirects ----------------------------------------------------------------------- */

/* Within the service they are followed: 303 asks for another place, the rest move the request. */
SCENARIO(redirects_within)
{
    static const struct {
        int status;
        const char *call;
    } rows[] = {{301, "POST"}, {302, "POST"}, {303, "GET"}, {307, "POST"}, {308, "POST"}};
    struct service *service;
    struct server *server = begin(s, &service, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "status %d", rows[i].status);
        const char *id = text(s, "to%d", rows[i].status);
        create(server,
               "{'id':'%s','function':'call','args':[{'status':%d,'headers':{'Location':'/there'},"
               "'body':'look','at':{'/there':{'body':'1'}}}]}",
               id, rows[i].status);
        expect_result(server, id, "1");
        const char *request = service_request(service, id);
        assert_non_null(strstr(request, text(s, "%s /there HTTP/1.1", rows[i].call)));
        assert_int_equal(strstr(request, "\"args\"") != NULL, rows[i].status != 303);
    }
}

/* Elsewhere they are not, and neither are more than five. */
SCENARIO(redirects_refused)
{
    struct service *service;
    struct server *server = begin(s, &service, ",'max_attempts':3,'backoff':{'initial':0}");
    const char *places[] = {
        "http://elsewhere.example/",
        text(s, "http://localhost:%d/there", service->port),
        text(s, "https://127.0.0.1:%d/there", service->port),
        text(s, "http://127.0.0.1:%d/there", service->port == 9 ? 10 : 9),
        "//elsewhere.example/there",
        "ftp://elsewhere.example/",
    };
    const char *names[] = {"elsewhere.example:80", "localhost:",           "https://127.0.0.1:",
                           "http://127.0.0.1:9,",  "elsewhere.example:80", "elsewhere.example"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        note(s, "%s", places[i]);
        const char *id = create(
            server, "{'function':'call','args':[{'status':307,'headers':{'Location':'%s'}}]}",
            places[i]);
        struct reply *reply = expect_failure(server, id, "http-status");
        expect_number(reply, "attempt", 1);
        assert_non_null(strstr(json_text(reply, "error.message"), names[i]));
    }
    int before = service_count(service, "call");
    create(server, "{'id':'round','function':'call','args':[{'status':307,"
                   "'headers':{'Location':'/'}}]}");
    expect_number(expect_failure(server, "round", "http-status"), "attempt", 1);
    assert_int_equal(service_count(service, "call") - before, 6);
    expect_failure(server, create(server, "{'function':'call','args':[{'status':302}]}"),
                   "http-status");
}

/* --- the end from outside ------------------------------------------------------------- */

/* 3.4: the attempt's timeout breaks the call off. */
SCENARIO(timeout)
{
    struct service *service;
    struct server *server = begin(s, &service, ",'timeout':60");
    create(server, "{'id':'a','function':'call','timeout':2,'args':" HOLD "}");
    expect_failure(server, "a", "timeout");
    eventually(service_count(service, "close") == 1);
}

/* 5.3: cancel breaks it off at once, whatever the grace; the service sees it. */
SCENARIO(cancelled)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "--grace 600");
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 1);
    cancel(server, "a", NULL);
    expect_outcome(server, "a", "cancelled");
    eventually(service_count(service, "close") == 1);
}

/* 5.7: a shutdown breaks it off and the next server calls again; so does one after a kill -9. */
SCENARIO(restarts)
{
    struct service *service;
    struct server *server = begin(s, &service, "");
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 1);
    assert_int_equal(server_stop(server), 0);
    eventually(service_count(service, "close") == 1);
    server = server_start(s, "%s", "");
    eventually(service_count(service, "call") == 2);
    server_kill9(server);
    eventually(service_count(service, "close") == 2);
    server = server_start(s, "%s", "");
    eventually(service_count(service, "call") == 3);
    service_release(service);
    expect_result(server, "a", "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(results),
        RUN(request),
        RUN(large_request),
        RUN(process_step),
        RUN(statuses_that_are_final),
        RUN(statuses_that_are_retried),
        RUN(retry_after),
        RUN(invalid_results),
        RUN(too_large),
        RUN(broken_answers),
        RUN(redirects_within),
        RUN(redirects_refused),
        RUN(timeout),
        RUN(cancelled),
        RUN(restarts),
    };
    return RUN_SCENARIOS("http_mode", table);
}
