/* The rows of the table tasks and what hangs on them, as structs. Every call
 * runs in the caller's transaction on the caller's thread; errors stay in the
 * connection's status (store/driver.h). */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/arena.h"
#include "model/state.h"
#include "store/driver.h"

#define COLUMN_INT  int64_t
#define COLUMN_REAL double
#define COLUMN_TEXT struct str

struct task_row {
#define X(name, type) COLUMN_##type name;
#include "store/columns.def"
#undef X
};

/* Reads the row that stmt, a SELECT * FROM tasks, stands on; texts go to the arena. */
void row_read(struct stmt *stmt, struct task_row *row, struct arena *arena);
/* False: there is none. */
bool row_by_seq(struct db *db, int64_t seq, struct task_row *row, struct arena *arena);
bool row_by_id(struct db *db, struct str id, struct task_row *row, struct arena *arena);
/* Reads the row anew. For loops over rows that were read before: what is done to one may change the
 * next. False: it is gone, or in another state than it was. */
bool row_again(struct db *db, struct task_row *row, struct arena *arena);
/* What there is to know of a task that others need, however large its row is. False: there is
 * none. */
struct task_standing {
    int64_t seq;
    enum task_state state;
    bool result_gone;
    int64_t version;
};
bool standing_by_id(struct db *db, struct str id, struct task_standing *standing);
/* 0: there is none. */
int64_t row_seq_by_id(struct db *db, struct str id);
void row_insert(struct db *db, const struct task_row *row);
/* Writes what may change together with the state. Asserts that the stored row is in state from: one
 * that is not was moved since it was read. */
void row_move(struct db *db, const struct task_row *row, enum task_state from);
/* Writes what may change while the state stays. Asserts that it is the stored row's. */
void row_touch(struct db *db, const struct task_row *row);
/* When the task that has been queued for longest was queued; 0: none is. Reads a few rows however
 * long the queue is. */
int64_t row_queued_since(struct db *db);
enum task_state row_state(const struct task_row *row);
bool row_is_meta(const struct task_row *row);
/* A meta-task, or one that continued with the task that it returned. */
bool row_has_dependencies(const struct task_row *row);

/* Whether a live task waits for this one, or is to run on its result. */
bool row_needed(struct db *db, int64_t seq);

/* Deletes a task and all that hangs on it but its events. The version of those that depended on it
 * grows. */
void row_delete(struct db *db, const struct task_row *row);

/* What can be large. Absent: [] and {} and STR_NONE. Texts go to the arena. */
struct payload {
    struct str args, kwargs, metadata; /* JSON */
};
/* Bytes that the answer with a task takes for what can be large. */
struct task_sizes {
    int64_t sent; /* args, kwargs, metadata, and the dependencies as they are shown */
    int64_t result;
};
struct task_sizes task_sizes_read(struct db *db, int64_t task);
void payload_insert(struct db *db, int64_t task, const struct payload *payload);
void payload_read(struct db *db, int64_t task, struct payload *payload, struct arena *arena);

/* JSON, or STR_NONE where no result is stored. */
struct str result_read(struct db *db, int64_t task, struct arena *arena);
void result_insert(struct db *db, int64_t task, struct str value);
void result_delete(struct db *db, int64_t task);

/* One of the task's own channels, for lists. */
void channel_insert(struct db *db, int64_t task, struct str channel);

/* One $task place, as it is stored. */
struct dependency_place {
    int64_t position;   /* among the task's places, in document order */
    int64_t dependency; /* seq */
    struct str at;      /* JSON Pointer */
    bool optional;
};
void dependency_insert(struct db *db, int64_t task, const struct dependency_place *place);

/* One $task place of a meta-task, as the task's JSON shows it. */
struct dependency_row {
    struct str id, state, at;
    int64_t version;
};
/* In document order; an array in the arena. */
size_t dependencies_read(struct db *db, int64_t task, struct dependency_row **rows,
                         struct arena *arena);

#endif
