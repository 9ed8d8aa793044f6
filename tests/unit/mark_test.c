/* Marks of children: what they start carries them, and nobody but root takes them off. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/mark.h"
#include "tests/unit/check.h"

/* Runs it in a process of its own, whose exit status is what it returns. */
static int apart(int (*run)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(run());
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static uint64_t mark_of(pid_t pid)
{
    char name[24];
    snprintf(name, sizeof name, "%d", (int)pid);
    return mark_read(name);
}

static int child_is_marked(void)
{
    return mark_of(getpid()) == mark_make(7, 3) ? 0 : 1;
}

static int marks_itself(void)
{
    mark_self(mark_make(7, 3));
    if (setuid(65534) == 0) {
        const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
        if (setrlimit(RLIMIT_LOCKS, &none) == 0)
            return 2;
    }
    if (mark_of(getpid()) != mark_make(7, 3))
        return 3;
    return apart(child_is_marked);
}

static void is_carried(void **state)
{
    (void)state;
    assert_int_equal(apart(marks_itself), 0);
}

/* A server that a server started can mark its children without being root. */
static int marks_below(void)
{
    mark_self(mark_make(5, 9));
    if (setuid(65534) != 0)
        return 0; /* we were not root before */
    for (int i = 0; i < 100; i++) {
        uint32_t family = mark_family();
        if (family < 1 || family >= 5)
            return 1;
    }
    mark_self(mark_make(mark_family(), 1));
    return mark_of(getpid()) < mark_make(5, 0) ? 0 : 2;
}

static int too_deep(void)
{
    mark_self(mark_make(1, 9));
    return mark_family() == 0 && mark_make(0, 1) == 0 ? 0 : 1;
}

static void server_in_a_server(void **state)
{
    (void)state;
    assert_int_equal(apart(marks_below), 0);
    assert_int_equal(apart(too_deep), 0);
}

static void of_nobody(void **state)
{
    (void)state;
    assert_int_equal(mark_read("999999999"), 0);
}

int main(void)
{
    const struct CMUnitTest table[] = {
        cmocka_unit_test(is_carried),
        cmocka_unit_test(server_in_a_server),
        cmocka_unit_test(of_nobody),
    };
    return cmocka_run_group_tests_name("mark", table, NULL, NULL);
}
