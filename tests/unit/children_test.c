/* The table of children: who may write where. */
#include "executors/children.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Two servers one after the other, the first of which was killed; their tables are one file. */
static void a_late_child_of_a_dead_server_writes_over_nobody(void **state)
{
    (void)state;
    char path[] = "/tmp/errand-children-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct children dead, next;
    size_t killed = 0;
    assert_true(children_open(&dead, path, 1, &killed));
    struct child_slot *late = children_take(&dead);
    assert_true(children_open(&next, path, 1, &killed));
    assert_false(children_note_self(late, dead.owner));

    struct child_slot *slot = children_take(&next);
    assert_false(children_note_self(late, dead.owner));
    assert_int_equal(slot->pid, next.owner);
    assert_true(children_note_self(slot, next.owner));
    assert_false(children_note_self(late, dead.owner));
    assert_int_equal(slot->pid, getpid());

    children_give(&next, slot);
    assert_int_equal(killed, 0);
    children_close(&next);
    children_close(&dead);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_child_of_a_dead_server_writes_over_nobody),
    };
    return cmocka_run_group_tests_name("children", tests, NULL, NULL);
}
