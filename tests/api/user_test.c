/* Whose process it is: "user" of a manifest, for the modes process and worker. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/api/lib/kit.h"
#include "tests/api/lib/stand_in.h"
#include "tests/api/lib/tasks.h"

static struct run *start_in_vain(struct scenario *s)
{
    struct run *run = errand_run(s, "serve --listen 127.0.0.1:0 --data %s/data --functions %s",
                                 s->folder, folder_path(s, "functions"));
    if (run->exit_status != 1)
        fail_at(HERE, "exit status %d, not 1: %s", run->exit_status, run->errors);
    return run;
}

/* For others to reach: the functions, and nothing else. */
static void open_folder(struct scenario *s, const char *file, const char *manifest)
{
    chmod(s->folder, 0711);
    chmod(folder_path(s, "functions"), 0755);
    chmod(folder_path(s, text(s, "functions/%s", file)), 0755);
    chmod(folder_path(s, text(s, "functions/%s", manifest)), 0644);
}

/* Only root can give a process to somebody else. */
static void refused_without_root(struct scenario *s)
{
    function_file(s, "other", "#!/bin/sh\n");
    function_manifest(s, "other.json", "{'user':'nobody'}");
    open_folder(s, "other", "other.json");
    const char *errors = start_in_vain(s)->errors;
    assert_non_null(strstr(errors, "other.json"));
    assert_non_null(strstr(errors, "\"user\" needs a server that runs as root"));
}

/* The server as nobody, from a copy that nobody can read. */
SCENARIO(needs_root)
{
    mkdir(folder_path(s, "data"), 0755);
    chmod(folder_path(s, "data"), 0777);
    stand_in_nobody(s);
    refused_without_root(s);
}

static bool root_only(void)
{
    if (geteuid() == 0)
        return true;
    print_message("only root can start processes of other users\n");
    return false;
}

/* Its uid, gid, groups and home, no capabilities; and what root keeps to itself it cannot read. */
SCENARIO(another_user)
{
    if (!root_only())
        return;
    const struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    folder_write(s, "scratch/secret", "s");
    chmod(folder_path(s, "scratch"), 0755);
    chmod(folder_path(s, "scratch/secret"), 0600);
    function_file(s, "who",
                  "#!/bin/sh\ngrep -E '^(Uid|Gid|Groups|CapEff|CapPrm):' /proc/self/status |"
                  " tr -s '\\t ' ' '\necho $HOME\ncat ../scratch/secret || echo kept\n"
                  "cat /proc/$PPID/environ || echo kept\necho said > /dev/stderr\n");
    function_manifest(s, "who.json", "{'user':'nobody'}");
    function_file(s, "root", "#!/bin/sh\nid -u\n");
    open_folder(s, "who", "who.json");
    struct server *server = server_start(s, "%s", "");
    const char *id = create(server, "{'function':'who'}");
    int u = (int)nobody->pw_uid, g = (int)nobody->pw_gid;
    expect_result(server, id,
                  text(s,
                       "'Uid: %d %d %d %d\\nGid: %d %d %d %d\\nGroups: %d \\n"
                       "CapPrm: 0000000000000000\\nCapEff: 0000000000000000\\n%s\\nkept\\nkept'",
                       u, u, u, u, g, g, g, g, g, nobody->pw_dir));
    assert_non_null(strstr(get(server, "/v1/tasks/%s/logs", id)->body.text, "said"));
    expect_result(server, create(server, "{'function':'root'}"), "0");
}

/* A worker's process is the user's too, and is killed like any other. */
SCENARIO(user_of_a_worker)
{
    if (!root_only())
        return;
    const struct passwd *nobody = getpwnam("nobody");
    functions_kit(s, "{'max':1}", ",'user':'nobody','grace':0.1");
    open_folder(s, "kit.py", "kit.json");
    chmod(folder_path(s, "scratch"), 0777);
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'p','function':'pid'}");
    expect_outcome(server, "p", "succeeded");
    struct stat info;
    assert_int_equal(stat(text(s, "/proc/%d", kit_pid(s, 0)), &info), 0);
    assert_int_equal(info.st_uid, nobody->pw_uid);
    create(server, "{'id':'d','function':'deaf'}");
    await_progress(server, "d", 1);
    cancel(server, "d", NULL);
    expect_outcome(server, "d", "cancelled");
}

/* A program that the user cannot reach is one that cannot be started. */
SCENARIO(program_out_of_reach)
{
    if (!root_only())
        return;
    function_file(s, "shut", "#!/bin/sh\n");
    function_manifest(s, "shut.json", "{'user':'nobody'}");
    open_folder(s, "shut", "shut.json");
    chmod(folder_path(s, "functions/shut"), 0700);
    struct server *server = server_start(s, "%s", "");
    struct reply *reply =
        expect_failure(server, create(server, "{'function':'shut'}"), "start-failed");
    assert_non_null(strstr(json_text(reply, "error.message"), "Permission denied"));
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(needs_root),
        RUN(another_user),
        RUN(user_of_a_worker),
        RUN(program_out_of_reach),
    };
    return RUN_SCENARIOS("user", table);
}
