#include "engine/inputs.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/policy.h"
#include "model/template.h"
#include "store/rows.h"

#include <string.h>

/* What the places of one meta-task are filled from. */
struct inputs {
    struct db *db;
    struct arena *arena;
    enum wait_for wait_for;
    int64_t winner;
    struct map known; /* of struct input */
};

/* One dependency as it has ended, however many places want it. */
struct input {
    struct map_node node;
    int64_t seq;
    struct str place;    /* what stands for it */
    struct str optional; /* the same where it is optional */
};

/* {"$error":{"id","code","message"}}: a failed place under all_settled. */
static struct str error_place(struct arena *arena, struct str id, struct str error)
{
    struct json json;
    struct json_error wrong;
    struct buf text = {0};
    buf_addf(&text, "{\"$error\":{\"id\":\"%.*s\",\"code\":", STR_ARG(id));
    uint32_t code = 0, message = 0;
    if (error.data && json_parse(error, JSON_MAX_DEPTH, arena, &json, &wrong)) {
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

static struct input *input_find(const struct inputs *inputs, int64_t seq)
{
    for (struct map_node *n = map_find(&inputs->known, map_hash((uint64_t)seq)); n;
         n = map_next(n)) {
        struct input *input = container_of(n, struct input, node);
        if (input->seq == seq)
            return input;
    }
    return NULL;
}

/* The dependency of the row that stmt stands on. A result is read only if it has a place, and
 * once. */
static const struct input *input_of(struct inputs *inputs, struct stmt *stmt)
{
    int64_t seq = stmt_int(stmt, 0);
    struct input *input = input_find(inputs, seq);
    if (input)
        return input;
    input = ARENA_NEW(inputs->arena, struct input);
    *input = (struct input){.seq = seq, .place = STR("null"), .optional = STR("null")};
    bool wanted = inputs->wait_for == WAIT_ANY ? seq == inputs->winner
                                               : str_eq(stmt_text(stmt, 2), STR("succeeded"));
    if (wanted) {
        struct str value = result_read(inputs->db, seq, inputs->arena);
        if (value.data)
            input->place = input->optional = value;
    } else if (inputs->wait_for == WAIT_ALL_SETTLED) {
        input->place = error_place(inputs->arena, stmt_text(stmt, 1), stmt_text(stmt, 3));
    }
    map_put(&inputs->known, &input->node, map_hash((uint64_t)seq));
    return input;
}

/* The values for the $task places in order, in the arena; *total: bytes of them all. */
static struct str *read_places(struct db *db, const struct task_row *row, struct arena *arena,
                               size_t *total)
{
    struct inputs inputs = {.db = db, .arena = arena, .winner = row->winner};
    size_t count = 0, capacity = 0;
    struct str *places = NULL;
    wait_for_parse(row->wait_for, &inputs.wait_for);
    struct stmt *stmt = db_stmt(db, SQL_inputs);
    stmt_bind_int(stmt, ":task", row->seq);
    *total = 0;
    while (*total <= INPUTS_MAX && stmt_step(stmt)) {
        const struct input *input = input_of(&inputs, stmt);
        if (count == capacity) {
            struct str *old = places;
            capacity = capacity ? capacity * 2 : 8;
            places = ARENA_ARRAY(arena, struct str, capacity);
            if (count)
                memcpy(places, old, count * sizeof(*places));
        }
        places[count] = stmt_int(stmt, 4) ? input->optional : input->place;
        *total += places[count++].len;
    }
    stmt_end(stmt);
    map_done(&inputs.known);
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
