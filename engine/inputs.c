#include "engine/inputs.h"

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/policy.h"
#include "model/template.h"
#include "store/rows.h"

#include <string.h>

/* What the places of one meta-task are filled from. */
struct sources {
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

static struct input *input_find(const struct sources *sources, int64_t seq)
{
    for (struct map_node *n = map_find(&sources->known, map_hash((uint64_t)seq)); n;
         n = map_next(n)) {
        struct input *input = container_of(n, struct input, node);
        if (input->seq == seq)
            return input;
    }
    return NULL;
}

/* Of one that has more than so many bytes only the length. */
static struct str read_result(const struct sources *sources, int64_t seq, size_t most)
{
    struct stmt *stmt = db_stmt(sources->db, SQL_result);
    stmt_bind_int(stmt, ":task", seq);
    struct str value = stmt_step(stmt) ? stmt_text(stmt, 0) : STR("null");
    value = value.len > most ? (struct str){NULL, value.len} : arena_str(sources->arena, value);
    stmt_end(stmt);
    return value;
}

/* The dependency of the row that stmt stands on. A result is read only if it has a place, and
 * once; most: the bytes of it that are kept. */
static const struct input *input_of(struct sources *sources, struct stmt *stmt, size_t most)
{
    int64_t seq = stmt_int(stmt, 0);
    struct input *input = input_find(sources, seq);
    if (input)
        return input;
    input = ARENA_NEW(sources->arena, struct input);
    *input = (struct input){.seq = seq, .place = STR("null"), .optional = STR("null")};
    bool wanted = sources->wait_for == WAIT_ANY ? seq == sources->winner
                                                : str_eq(stmt_text(stmt, 2), STR("succeeded"));
    if (wanted)
        input->place = input->optional = read_result(sources, seq, most);
    else if (sources->wait_for == WAIT_ALL_SETTLED)
        input->place = error_place(sources->arena, stmt_text(stmt, 1), stmt_text(stmt, 3));
    map_put(&sources->known, &input->node, map_hash((uint64_t)seq));
    return input;
}

/* The values for the first max $task places in order, in the arena; whole if inputs->bytes, counted
 * here, are not more than inputs->keep. */
static struct str *read_places(struct db *db, const struct task_row *row, size_t max,
                               struct arena *arena, struct inputs *inputs)
{
    struct sources sources = {.db = db, .arena = arena, .winner = row->winner};
    size_t count = 0, capacity = 0;
    struct str *places = NULL;
    wait_for_parse(row->wait_for, &sources.wait_for);
    struct stmt *stmt = db_stmt(db, SQL_inputs);
    stmt_bind_int(stmt, ":task", row->seq);
    while (count < max && inputs->bytes <= inputs->most && stmt_step(stmt)) {
        size_t left = inputs->keep > inputs->bytes ? inputs->keep - inputs->bytes : 0;
        const struct input *input = input_of(&sources, stmt, left);
        if (count == capacity) {
            struct str *old = places;
            capacity = capacity ? capacity * 2 : 8;
            places = ARENA_ARRAY(arena, struct str, capacity);
            if (count)
                memcpy(places, old, count * sizeof(*places));
        }
        places[count] = stmt_int(stmt, 4) ? input->optional : input->place;
        inputs->bytes += places[count++].len;
    }
    stmt_end(stmt);
    map_done(&sources.known);
    return places;
}

/* Reserved is what they take, so that they take no more: it may be most of what there is. */
static void fill(const struct payload *payload, const struct str *places, struct inputs *inputs)
{
    struct str args = payload->args, kwargs = payload->kwargs;
    size_t used = 0;
    buf_reserve(&inputs->args, args.len + inputs->bytes);
    template_fill(args, places, &used, &inputs->args);
    if (inputs->no_kwargs) {
        buf_add_text(&inputs->kwargs, "{}");
        return;
    }
    size_t grown = inputs->args.len > args.len ? inputs->args.len - args.len : 0;
    buf_reserve(&inputs->kwargs, kwargs.len + inputs->bytes - grown);
    template_fill(kwargs, places, &used, &inputs->kwargs);
}

struct str inputs_fill(struct db *db, int64_t task, struct inputs *inputs)
{
    struct arena scratch = {0};
    struct task_row row;
    struct payload payload;
    struct str failure = STR("its arguments could not be read");
    inputs->bytes = 0;
    if (row_by_seq(db, task, &row, &scratch)) {
        payload_read(db, task, &payload, &scratch);
        size_t count = inputs->no_kwargs ? template_places(payload.args) : SIZE_MAX;
        struct str *places = read_places(db, &row, count, &scratch, inputs);
        if (db_status(db) == DB_OK && inputs->bytes <= inputs->keep)
            fill(&payload, places, inputs);
        if (db_status(db) == DB_OK)
            failure = STR_NONE;
    }
    arena_done(&scratch);
    return failure;
}

void inputs_done(struct inputs *inputs)
{
    buf_done(&inputs->args);
    buf_done(&inputs->kwargs);
}
