/* Section 5.6: guarded tasks that fail when the server is about to end, or about to begin. */
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

static int count_words(const char *text, const char *words)
{
    int count = 0;
    for (; (text = strstr(text, words)); text++)
        count++;
    return count;
}

/* The first that fails is the one to blame; another that fails in the shutdown is only stored. */
SCENARIO(second_failure)
{
    function_file(s, "brittle.sh",
                  "#!/bin/sh\n"
                  "gate=../scratch/$ERRAND_TASK_ID.gate\n"
                  "mkfifo $gate\n"
                  "echo '{\"progress\":1}' >&3\n"
                  "read -r line <$gate\n"
                  "exit 3\n");
    struct server *server = server_start(s, "--allow-guard --slots 2 --drain 60");
    create(server, "{'id':'a','function':'brittle','guard':true}");
    create(server, "{'id':'b','function':'brittle','guard':true}");
    await_progress(server, "a", 1);
    await_progress(server, "b", 1);
    release(s, "a", "");
    eventually(strstr(server_log(server), "shutting down"));
    release(s, "b", "");
    assert_int_equal(server_wait(server), 1);
    assert_int_equal(count_words(server_log(server), "guarded task failed: "), 1);
    assert_non_null(strstr(server_log(server), "guarded task failed: brittle a: "));
    server = server_start(s, "%s", "");
    expect_state(server, "a", "failed");
    expect_state(server, "b", "failed");
}

/* One that a dead server left running, and that may not run again, fails at the start: that ends
 * this start, and not the one after it. */
SCENARIO(failed_by_a_crash)
{
    functions_standard(s);
    function_manifest(s, "hold.json", "{'on_interrupt':'fail'}");
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'a','function':'hold','guard':true}");
    await_progress(server, "a", 1);
    server_kill9(server);
    server = server_try(s, "--allow-guard");
    assert_int_equal(server_wait(server), 1);
    assert_non_null(strstr(server_log(server), "guarded task failed: hold a: "));
    server = server_start(s, "--allow-guard");
    expect_text(expect_state(server, "a", "failed"), "error.code", "interrupted");
}

/* What the task wrote is repeated in the log without what would move the cursor of who reads it. */
SCENARIO(controls_in_its_log)
{
    function_file(s, "rude.sh", "#!/bin/sh\nprintf 'a\\033[2Jb\\tc\\rd\\n' >&2\nexit 3\n");
    struct server *server = server_start(s, "--allow-guard");
    create(server, "{'id':'a','function':'rude','guard':true}");
    assert_int_equal(server_wait(server), 1);
    const char *log = server_log(server);
    assert_non_null(strstr(log, "a [2Jb c d"));
    for (const char *at = log; *at; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(second_failure),
        RUN(failed_by_a_crash),
        RUN(controls_in_its_log),
    };
    return RUN_SCENARIOS("guard_late", table);
}
