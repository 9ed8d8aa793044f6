/* Section 5.7: waiting tasks whose count of dependencies is not what their dependencies say, as
 * other hands may leave it. Each start counts anew. */
#include <string.h>

#include "tests/api/lib/database.h"
#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static void change(struct scenario *s, const char *script)
{
    database_run(s, "data/errand.db", script);
}

/* m waits for two, as its row says no more. */
SCENARIO(wrong_count)
{
    functions_standard(s);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'m','process':'collect','args':[{'$task':{'id':'d','function':'hold'}},"
                   "{'$task':{'id':'e','function':'hold'}}]}");
    await_progress(server, "d", 1);
    await_progress(server, "e", 1);
    const int counts[] = {1, 3};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        server_stop(server);
        change(s, text(s, "UPDATE tasks SET unresolved = %d WHERE id = 'm'", counts[i]));
        server = server_start(s, "%s", "");
        assert_non_null(strstr(
            server_log(server),
            text(s, "task m waited for %d dependencies, but 2 are open: mended", counts[i])));
        await_progress(server, "d", 1);
        await_progress(server, "e", 1);
    }
    release(s, "d", "7");
    expect_result(server, "d", "7");
    expect_state(server, "m", "waiting");
    release(s, "e", "8");
    expect_result(server, "m", "[7,8]");
}

/* Nobody told them that what they wait for has ended. One of them has a time still to come. */
SCENARIO(ended_unseen)
{
    functions_standard(s);
    function_file(s, "next.sh",
                  "#!/bin/sh\n"
                  "echo '{\"$task\":{\"id\":\"f\",\"function\":\"hold\"}}'\n");
    function_manifest(s, "next.json", "{'continues':true}");
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'d','function':'echo','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'d'}]}");
    create(server, "{'id':'later','process':'collect','args':[{'$task':'d'}],'delay':3600}");
    create(server, "{'id':'c','function':'next'}");
    await_task(server, "f");
    await_progress(server, "f", 1);
    server_stop(server);
    change(s, "UPDATE tasks SET state = 'succeeded', finished_at = created_at, run_at = 0 "
              "WHERE id IN ('d', 'f');"
              "INSERT INTO results SELECT seq, '7' FROM tasks WHERE id IN ('d', 'f')");
    server = server_start(s, "%s", "");
    expect_result(server, "m", "[7]");
    expect_result(server, "c", "7");
    expect_state(server, "later", "scheduled");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(wrong_count),
        RUN(ended_unseen),
    };
    return RUN_SCENARIOS("mended", table);
}
