/* Pages of tasks, newest first. However many tasks there are, a page looks at
 * no more than LIST_SCAN_MAX of them: where a rare combination of filters would
 * need more, it ends early and its cursor leads on. So it does where the caller has had enough. */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "store/rows.h"

enum { LIST_SCAN_MAX = 20000 };

/* What no time is. */
#define LIST_OPEN_AFTER  INT64_MIN
#define LIST_OPEN_BEFORE INT64_MAX

struct list_filter {
    unsigned states;                       /* bit for each enum task_state; 0: all */
    struct str kind;                       /* STR_NONE: both */
    struct str function;                   /* STR_NONE: all */
    struct str channel;                    /* STR_NONE: all */
    int64_t created_after, created_before; /* milliseconds, exclusive; LIST_OPEN_…: open */
    int64_t before; /* cursor: seq of the last task of the page before; 0: first page */
    int64_t limit;
};

/* Calls each for every task of the page, newest first; its row lives until it returns. False: that
 * was the last of this page. *next: where the next page begins, 0 if there is none. */
void list_tasks(struct db *db, const struct list_filter *filter,
                bool (*each)(void *arg, const struct task_row *row), void *arg, int64_t *next);

#endif
