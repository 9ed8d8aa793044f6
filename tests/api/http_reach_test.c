/* Section 2.3: how http functions reach their service: connections, names, TLS, how many at once.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/service.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

#define HOLD "[{'hold':true,'body':'1'}]"

static void call_of(struct scenario *s, const char *url, const char *more)
{
    function_manifest(s, "call.json", text(s, "{'mode':'http','url':'%s'%s}", url, more));
}

static void close_socket(void *fd)
{
    close((int)(intptr_t)fd);
}

/* A port of ours that nobody answers at: connections are refused. */
static int dead_port(struct scenario *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        abort();
    at_end(s, close_socket, (void *)(intptr_t)fd);
    return ntohs(address.sin_port);
}

/* The request was never sent: start-failed, and tried again. */
SCENARIO(nobody_there)
{
    call_of(s, text(s, "http://127.0.0.1:%d/", dead_port(s)),
            ",'max_attempts':2,'backoff':{'initial':0}");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'call'}"), "start-failed");
    expect_number(reply, "attempt", 2);
    assert_non_null(strstr(json_text(reply, "error.message"), "127.0.0.1"));
}

/* RFC 6761: a name under .invalid has no address. The machine's resolver may be slow to say so. */
static void nameless(struct scenario *s)
{
    server_environment(s, "RES_OPTIONS=%s", "timeout:1 attempts:1");
    call_of(s, "http://errand.invalid/", "");
}

SCENARIO(no_such_name)
{
    nameless(s);
    struct server *server = server_start(s, "%s", "");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'call'}"), "start-failed");
    assert_non_null(strstr(json_text(reply, "error.message"), "errand.invalid"));
}

/* More lookups than are made at once, and all of them cancelled while they wait. */
SCENARIO(many_lookups)
{
    enum { COUNT = 150 };
    nameless(s);
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < COUNT; i++)
        create(server, "{'id':'a%d','function':'call'}", i);
    for (int i = 0; i < COUNT; i++)
        expect_failure(server, text(s, "a%d", i), "start-failed");
    for (int i = 0; i < COUNT; i++)
        create(server, "{'id':'b%d','function':'call'}", i);
    expect_status(post(server, "/v1/tasks/cancel", "{}"), 202);
    for (int i = 0; i < COUNT; i++)
        finished(server, text(s, "b%d", i));
    expect_result(server, create(server, "{'function':'echo','args':[1]}"), "1");
}

/* The service dies under a call, and with it the connections that were kept. */
SCENARIO(service_dies)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "1");
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 2);
    service_kill(service);
    expect_failure(server, "a", "worker-lost");
    expect_failure(server, create(server, "{'function':'call'}"), "start-failed");
}

/* --- connections ----------------------------------------------------------------------- */

/* One connection carries call after call; one that the service closed is replaced. */
SCENARIO(connections_are_kept)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 20; i++)
        expect_outcome(server,
                       create(server, "{'function':'call','args':[{'status':%d,'body':'1'}]}",
                              i % 2 ? 404 : 200),
                       i % 2 ? "failed" : "succeeded");
    assert_int_equal(service_count(service, "open"), 1);
    create(server, "{'id':'a','function':'call','args':[{'raw':"
                   "'HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n7'}]}");
    expect_result(server, "a", "7");
    eventually(service_count(service, "close") == 1);
    expect_result(server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "1");
    assert_int_equal(service_count(service, "open"), 2);
}

/* Calls take no slot, and hundreds are under way at once. */
SCENARIO(hundreds_at_once)
{
    enum { COUNT = 500 };
    struct service *service = service_start(s);
    service_function(service, "call", "");
    functions_standard(s);
    struct server *server = server_start(s, "--slots 1");
    for (int i = 0; i < COUNT; i++)
        create(server, "{'id':'t%d','function':'call','args':" HOLD "}", i);
    eventually(service_count(service, "call") == COUNT);
    assert_int_equal(service_count(service, "close"), 0);
    expect_number(get(server, "/v1/stats"), "slots.used", 0);
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
    service_release(service);
    for (int i = 0; i < COUNT; i++)
        expect_outcome(server, text(s, "t%d", i), "succeeded");
    assert_int_equal(service_count(service, "call"), COUNT);
}

/* All of them cancelled at once: each connection is closed. */
SCENARIO(hundreds_cancelled)
{
    enum { COUNT = 300 };
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < COUNT; i++)
        create(server, "{'id':'t%d','function':'call','args':" HOLD "}", i);
    eventually(service_count(service, "call") == COUNT);
    expect_status(post(server, "/v1/tasks/cancel", "{}"), 202);
    eventually(service_count(service, "close") == COUNT);
    for (int i = 0; i < COUNT; i++)
        expect_outcome(server, text(s, "t%d", i), "cancelled");
}

/* 2: `concurrency` limits calls as it limits processes; by default it is 1,000. */
SCENARIO(concurrency)
{
    struct service *service = service_start(s);
    service_function(service, "call", ",'description':'Far away'");
    service_function(service, "few", ",'concurrency':2");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/v1/functions");
    int seen = 0;
    for (int i = 0; i < json_count(reply, "functions"); i++) {
        const char *at = text(s, "functions.%d", i);
        const char *name = json_text(reply, text(s, "%s.name", at));
        if (strcmp(name, "call") && strcmp(name, "few"))
            continue;
        seen++;
        expect_text(reply, text(s, "%s.mode", at), "http");
        expect_number(reply, text(s, "%s.concurrency", at), strcmp(name, "few") ? 1000 : 2);
    }
    assert_int_equal(seen, 2);
    for (int i = 0; i < 5; i++)
        create(server, "{'id':'f%d','function':'few','args':" HOLD "}", i);
    eventually(service_count(service, "call") == 2);
    create(server, "{'id':'other','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 3);
    assert_int_equal(count_tasks(server, "state=queued"), 3);
    service_release(service);
    for (int i = 0; i < 5; i++)
        expect_result(server, text(s, "f%d", i), "1");
}

/* 4: a result from outside ends the task; the call is broken off. */
SCENARIO(ended_from_outside)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "--slots 1");
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 1);
    expect_status(call(server, .method = "PUT", .path = "/v1/tasks/a/result", .body = "7"), 200);
    eventually(service_count(service, "close") == 1);
    expect_result(server, "a", "7");
    functions_standard(s);
    server_signal(server, SIGHUP);
    eventually(strstr(get(server, "/v1/functions")->body.text, "\"cat\""));
    expect_outcome(server, create(server, "{'function':'cat'}"), "succeeded");
}

/* 3.5: an answer may be another task. */
SCENARIO(continues)
{
    struct service *service = service_start(s);
    service_function(service, "call", ",'continues':true");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'call','args':[{'body':"
                   "'{\\'$task\\':{\\'function\\':\\'echo\\',\\'args\\':[5]}}'}]}");
    expect_result(server, "a", "5");
}

/* 2.1: a child inherits no descriptor of a call that is under way. */
SCENARIO(children_inherit_nothing)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    call_of(s, text(s, "http://localhost:%d/", service->port), "");
    /* 10 is the shell's own, for its script. */
    function_file(s, "list.sh",
                  "#!/bin/sh\n"
                  "i=4\n"
                  "while [ $i -lt 100 ]; do\n"
                  "    [ $i -ne 10 ] && [ -h /proc/$$/fd/$i ] && readlink /proc/$$/fd/$i\n"
                  "    i=$((i + 1))\n"
                  "done\n"
                  "exit 0\n");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 1);
    expect_result(server, create(server, "{'function':'list'}"), "null");
}

/* Proxies that the environment names are not asked. */
SCENARIO(no_proxy)
{
    server_environment(s, "http_proxy=http://127.0.0.1:%d", dead_port(s));
    server_environment(s, "all_proxy=http://127.0.0.1:%d", dead_port(s));
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "1");
}

/* --- TLS --------------------------------------------------------------------------------- */

/* A certificate that nobody vouches for is refused before anything is sent. */
SCENARIO(unknown_certificate)
{
    struct service *service = service_start_tls(s, "IP:127.0.0.1");
    service_function(service, "call", ",'max_attempts':2,'backoff':{'initial':0}");
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = expect_failure(
        server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "start-failed");
    expect_number(reply, "attempt", 2);
    assert_non_null(strstr(json_text(reply, "error.message"), "certificate"));
    assert_int_equal(service_count(service, "call"), 0);
}

/* SSL_CERT_FILE names the authorities in place of the system's. */
SCENARIO(known_certificate)
{
    struct service *service = service_start_tls(s, "IP:127.0.0.1");
    service_function(service, "call", "");
    server_environment(s, "SSL_CERT_FILE=%s", folder_path(s, "scratch/certificate"));
    struct server *server = server_start(s, "%s", "");
    expect_result(server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "1");
    expect_result(server, create(server, "{'function':'call','args':[{'body':'2'}]}"), "2");
    assert_int_equal(service_count(service, "open"), 1);
    create(server, "{'id':'a','function':'call','args':" HOLD "}");
    eventually(service_count(service, "call") == 3);
    cancel(server, "a", NULL);
    eventually(service_count(service, "close") == 1);
}

/* A good certificate of another name is refused as well. */
SCENARIO(certificate_of_another)
{
    struct service *service = service_start_tls(s, "DNS:elsewhere.example");
    service_function(service, "call", "");
    server_environment(s, "SSL_CERT_FILE=%s", folder_path(s, "scratch/certificate"));
    struct server *server = server_start(s, "%s", "");
    expect_failure(server, create(server, "{'function':'call','args':[{'body':'1'}]}"),
                   "start-failed");
    assert_int_equal(service_count(service, "call"), 0);
}

/* A service that says nothing when it is greeted: the time for a connection is limited. */
SCENARIO(greeting_without_end)
{
    struct service *service = service_start(s);
    service->scheme = "https";
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    expect_failure(server, create(server, "{'function':'call'}"), "start-failed");
}

/* Headers that never end are as good as a broken connection, also those after the body. */
SCENARIO(headers_without_end)
{
    static const char *const heads[] = {
        "HTTP/1.1 200 OK\\r\\n",
        "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1\\r\\n7\\r\\n0\\r\\n",
    };
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        note(s, "%s", heads[i]);
        struct reply *reply = expect_failure(
            server,
            create(server, "{'function':'call','args':[{'raw':'%s','again':'X-A: %0*d\\r\\n'}]}",
                   heads[i], 2000, 0),
            "worker-lost");
        assert_non_null(strstr(json_text(reply, "error.message"),
                               "its headers and trailers have more than 300 KiB"));
    }
    expect_result(server, create(server, "{'function':'call','args':[{'body':'1'}]}"), "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(nobody_there),
        RUN(no_such_name),
        RUN(many_lookups),
        RUN(service_dies),
        RUN(connections_are_kept),
        RUN(hundreds_at_once),
        RUN(hundreds_cancelled),
        RUN(concurrency),
        RUN(ended_from_outside),
        RUN(continues),
        RUN(children_inherit_nothing),
        RUN(no_proxy),
        RUN(unknown_certificate),
        RUN(known_certificate),
        RUN(certificate_of_another),
        RUN(greeting_without_end),
        RUN(headers_without_end),
    };
    return RUN_SCENARIOS("http_reach", table);
}
