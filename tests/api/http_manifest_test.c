/* Sections 2 and 2.3: the manifests of http functions. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/service.h"
#include "tests/api/lib/tasks.h"

#define URL "'url':'http://127.0.0.1:9/'"

/* What is wrong is named with its file and its key. */
SCENARIO(refused)
{
    static const struct {
        const char *manifest, *key;
    } rows[] = {
        {"{'mode':'http'}", "\"url\""},
        {"{'mode':'http','url':7}", "\"url\""},
        {"{'mode':'http','url':''}", "\"url\""},
        {"{'mode':'http','url':'service'}", "\"url\""},
        {"{'mode':'http','url':'//host/'}", "\"url\""},
        {"{'mode':'http','url':'http://'}", "\"url\""},
        {"{'mode':'http','url':'http://a b/'}", "\"url\""},
        {"{'mode':'http','url':'http://host:99999/'}", "\"url\""},
        {"{'mode':'http','url':'http://host/\\r\\nx: y'}", "\"url\""},
        {"{'mode':'http','url':'ftp://host/'}", "\"url\""},
        {"{'mode':'http','url':'file:///etc/passwd'}", "\"url\""},
        {"{'mode':'http','url':'unix:///run/x'}", "\"url\""},
        {"{'mode':'http','url':'http://user:word@host/'}", "\"url\""},
        {"{'mode':'http'," URL ",'method':'GET'}", "\"method\""},
        {"{'mode':'http'," URL ",'method':'post'}", "\"method\""},
        {"{'mode':'http'," URL ",'method':['POST']}", "\"method\""},
        {"{'mode':'http'," URL ",'headers':['A: b']}", "\"headers\""},
        {"{'mode':'http'," URL ",'headers':{'A':1}}", "\"headers\""},
        {"{'mode':'http'," URL ",'headers':{'':'x'}}", "\"headers\""},
        {"{'mode':'http'," URL ",'headers':{'A:':'x'}}", "\"A:\""},
        {"{'mode':'http'," URL ",'headers':{'A\\r\\nB':'x'}}", "\"headers\""},
        {"{'mode':'http'," URL ",'headers':{'A B':'x'}}", "\"A B\""},
        {"{'mode':'http'," URL ",'headers':{'A':'x\\r\\nB: y'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':'x\\n'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':''}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':' '}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'content-length':'3'}}", "\"content-length\""},
        {"{'mode':'http'," URL ",'headers':{'Transfer-Encoding':'x'}}", "\"Transfer-Encoding\""},
        {"{'mode':'http'," URL ",'headers':{'Content-Type':'text/x'}}", "\"Content-Type\""},
        {"{'mode':'http'," URL ",'headers':{'A':'${CALL_NOBODY}'}}", "CALL_NOBODY"},
        {"{'mode':'http'," URL ",'headers':{'A':'${CALL_BREAK}'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':'${CALL_EMPTY}'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':'${}'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':'${1A}'}}", "\"A\""},
        {"{'mode':'http'," URL ",'headers':{'A':'${CALL'}}", "\"A\""},
        {"{'mode':'http'," URL ",'command':['/bin/true']}", "\"command\""},
        {"{'mode':'http'," URL ",'env':{'A':'b'}}", "\"env\""},
        {"{'mode':'http'," URL ",'grace':1}", "\"grace\""},
        {"{'mode':'http'," URL ",'safe_exit_codes':[3]}", "\"safe_exit_codes\""},
        {"{'command':['/bin/true']," URL "}", "\"url\""},
        {"{'command':['/bin/true'],'method':'POST'}", "\"method\""},
        {"{'mode':'process','command':['/bin/true'],'headers':{}}", "\"headers\""},
    };
    server_environment(s, "CALL_BREAK=hush\r\nB: %s", "y");
    server_environment(s, "CALL_EMPTY=%s", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].manifest);
        function_manifest(s, "crooked.json", rows[i].manifest);
        struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                     s->folder, folder_path(s, "functions"));
        if (run->exit_status != 1 || !strstr(run->errors, "crooked.json") ||
            !strstr(run->errors, rows[i].key) || strstr(run->errors, "hush"))
            fail_at(HERE, "exit status %d: %s", run->exit_status, run->errors);
    }
}

/* The manifest alone is the function. */
SCENARIO(beside_an_executable)
{
    function_file(s, "twin.sh", "#!/bin/sh\n");
    function_manifest(s, "twin.json", "{'mode':'http'," URL "}");
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    assert_int_equal(run->exit_status, 1);
    assert_non_null(strstr(run->errors, "twin"));
}

/* SIGHUP: calls that are under way go on; the next ones go where the new manifest says. */
SCENARIO(read_again)
{
    struct service *service = service_start(s);
    service_function(service, "call", "");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'a','function':'call','args':[{'hold':true,'body':'1'}]}");
    eventually(service_count(service, "call") == 1);
    service_function(service, "call", ",'method':'PATCH','description':'new'");
    server_signal(server, SIGHUP);
    eventually(strstr(get(server, "/v1/functions")->body.text, "\"new\""));
    create(server, "{'id':'b','function':'call','args':[{'body':'2'}]}");
    expect_result(server, "b", "2");
    assert_non_null(strstr(service_request(service, "b"), "PATCH / "));
    unlink(folder_path(s, "functions/call.json"));
    server_signal(server, SIGHUP);
    eventually(!strstr(get(server, "/v1/functions")->body.text, "\"call\""));
    service_release(service);
    expect_result(server, "a", "1");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(refused),
        RUN(beside_an_executable),
        RUN(read_again),
    };
    return RUN_SCENARIOS("http_manifest", table);
}
