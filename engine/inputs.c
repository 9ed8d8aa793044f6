#include "engine/inputs.h"

#include "base/json.h"
#include "base/mem.h"
#include "model/policy.h"
#include "model/template.h"
#include "store/rows.h"

#include <string.h>

/* One dependency as it has ended. */
struct input {
    int64_t seq;
    struct str id, state, error, value;
    bool optional;
};

/* {"$error":{"id","code","message"}}: a failed place under all_settled. */
static struct str error_place(struct arena *arena, const struct input *input)
{
    struct json json;
    struct json_error wrong;
    struct buf text = {0};
    buf_addf(&text, "{\"$error\":{\"id\":\"%.*s\",\"code\":", STR_ARG(input->id));
    uint32_t code = 0, message = 0;
    if (input->error.data && json_parse(input->error, JSON_MAX_DEPTH, arena, &json, &wrong)) {
        code = json_member(&json, 0, STR("code"));
        message = json_member(&json, 0, STR("message"));
    }
    buf_add_str(&text, code ? json_raw(&json, code) : STR("null"));
    buf_add_text(&text, ",\"message\":");
    buf_add_str(&text, message ? json_raw(&json, message) : STR("null"));
    buf_add_text(&text, "}}");
    struct str kept = arena_str(arena, buf_str(&text));
    buf_done(&text);
    return kept;
}

static struct str place_of(struct arena *arena, const struct input *input, enum wait_for wait_for,
                           int64_t winner)
{
    bool succeeded = str_eq(input->state, STR("succeeded"));
    if (wait_for == WAIT_ANY)
        succeeded = input->seq == winner;
    if (succeeded)
        return input->value.data ? input->value : STR("null");
    if (wait_for == WAIT_ALL_SETTLED && !input->optional)
        return error_place(arena, input);
    return STR("null");
}

static struct input input_read(struct stmt *stmt, struct arena *arena)
{
    return (struct input){.seq = stmt_int(stmt, 0),
                          .id = arena_str(arena, stmt_text(stmt, 1)),
                          .state = arena_str(arena, stmt_text(stmt, 2)),
                          .error = arena_str(arena, stmt_text(stmt, 3)),
                          .optional = stmt_int(stmt, 4),
                          .value = arena_str(arena, stmt_text(stmt, 5))};
}

/* The values for the $task places in order, in the arena; *total: bytes of them all. */
static struct str *read_places(struct db *db, const struct task_row *row, struct arena *arena,
                               size_t *total)
{
    enum wait_for wait_for = WAIT_ALL;
    size_t count = 0, capacity = 0;
    struct str *places = NULL;
    wait_for_parse(row->wait_for, &wait_for);
    struct stmt *stmt = db_stmt(db, SQL_inputs);
    stmt_bind_int(stmt, ":task", row->seq);
    *total = 0;
    while (*total <= INPUTS_MAX && stmt_step(stmt)) {
        struct input input = input_read(stmt, arena);
        if (count == capacity) {
            struct str *old = places;
            capacity = capacity ? capacity * 2 : 8;
            places = ARENA_ARRAY(arena, struct str, capacity);
            if (count)
                memcpy(places, old, count * sizeof(*places));
        }
        places[count] = place_of(arena, &input, wait_for, row->winner);
        *total += places[count++].len;
    }
    stmt_end(stmt);
    return places;
}

struct str inputs_fill(struct db *db, int64_t task, struct arena *arena, struct str *args,
                       struct str *kwargs)
{
    struct arena scratch = {0};
    struct task_row row;
    struct payload payload;
    size_t total = 0, used = 0;
    struct str failure = STR("its arguments could not be read");
    if (row_by_seq(db, task, &row, &scratch)) {
        payload_read(db, task, &payload, &scratch);
        struct str *places = read_places(db, &row, &scratch, &total);
        if (total > INPUTS_MAX) {
            failure = STR("the results it needs are too large together");
        } else if (db_status(db) == DB_OK) {
            struct buf filled_args = {0}, filled_kwargs = {0};
            template_fill(payload.args, places, &used, &filled_args);
            template_fill(payload.kwargs, places, &used, &filled_kwargs);
            *args = arena_str(arena, buf_str(&filled_args));
            *kwargs = arena_str(arena, buf_str(&filled_kwargs));
            buf_done(&filled_args);
            buf_done(&filled_kwargs);
            failure = STR_NONE;
        }
    }
    arena_done(&scratch);
    return failure;
}

void inputs_load(struct attempt *attempt, struct db *db)
{
    struct run *run = &attempt->run;
    attempt->input_failure = inputs_fill(db, attempt->task, &run->arena, &run->args, &run->kwargs);
}
