/* GET /v1/tasks. */
#include "store/list.h"

#include "base/mem.h"
#include "handlers/app.h"
#include "handlers/params.h"
#include "handlers/task_json.h"

enum { PAGE_BYTES = 16 << 20 }; /* a page ends with the task that passes it */

struct page {
    struct request *request;
    struct query query;
    struct list_filter filter;
    struct db *db; /* while it is read */
    struct buf body;
    size_t count;
    int64_t next;
    bool failed;
};

static bool add_task(void *arg, const struct task_row *row)
{
    struct page *page = arg;
    struct arena arena = {0};
    struct payload payload;
    struct dependency_row *dependencies = NULL;
    payload_read(page->db, row->seq, &payload, &arena);
    size_t count = row_has_dependencies(row)
                       ? dependencies_read(page->db, row->seq, &dependencies, &arena)
                       : 0;
    const struct task_json task = {.row = row,
                                   .payload = &payload,
                                   .dependencies = dependencies,
                                   .dependency_count = count,
                                   .retain = app_of(page->request)->engine->config.retain};
    if (page->count++)
        buf_add_char(&page->body, ',');
    task_json_render(&task, &page->body);
    arena_done(&arena);
    return page->body.len < PAGE_BYTES;
}

static void query_run(struct query *query, struct db *db)
{
    struct page *page = container_of(query, struct page, query);
    page->db = db;
    buf_add_text(&page->body, "{\"tasks\":[");
    list_tasks(db, &page->filter, add_task, page, &page->next);
    if (page->next)
        buf_addf(&page->body, "],\"next_cursor\":\"%lld\"}\n", (long long)page->next);
    else
        buf_add_text(&page->body, "],\"next_cursor\":null}\n");
}

static void page_release(void *page)
{
    buf_done(&((struct page *)page)->body);
}

static void query_done(struct query *query, bool failed)
{
    struct page *page = container_of(query, struct page, query);
    page->failed = failed;
    request_wake(page->request);
}

/* --- Link: rel="next" (RFC 8288) ----------------------------------------------------- */

static void add_encoded(struct buf *out, struct str value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < value.len; i++) {
        bool fine = false;
        for (size_t k = 0; plain[k] && !fine; k++)
            fine = plain[k] == value.data[i];
        if (fine)
            buf_add_char(out, value.data[i]);
        else
            buf_addf(out, "%%%02X", (unsigned char)value.data[i]);
    }
}

static void add_link(struct page *page)
{
    struct request *request = page->request;
    struct str names = str_of(request->route->parameters);
    struct buf link = {0};
    buf_addf(&link, "</v1/tasks?cursor=%lld", (long long)page->next);
    while (names.data) {
        struct str name = str_cut(&names, ' ');
        struct str text = arena_str(&request->arena, name), rest = request->query, value;
        if (str_eq(name, STR("cursor")))
            continue;
        while (request_query_next(request, text.data, &rest, &value)) {
            buf_addf(&link, "&%s=", text.data);
            add_encoded(&link, value);
        }
    }
    buf_add_text(&link, ">; rel=\"next\"");
    request_add_header(request, "Link", buf_str(&link));
    buf_done(&link);
}

static void listed(struct request *request)
{
    struct page *page = request->state;
    if (page->failed) {
        reply_refuse(request, PROBLEM_INTERNAL, "the database could not be read");
        return;
    }
    if (page->next)
        add_link(page);
    reply_json(request, 200, &page->body);
}

/* --- filters --------------------------------------------------------------------------- */

static bool read_states(struct request *request, unsigned *states)
{
    struct str rest = request->query, value;
    while (request_query_next(request, "state", &rest, &value)) {
        enum task_state state;
        if (!state_parse(value, &state))
            return problem_parameter(&request->problem, &request->arena, STR("state"),
                                     "there is no state of this name");
        *states |= 1u << state;
    }
    return true;
}

static bool read_filter(struct request *request, struct list_filter *filter)
{
    *filter = (struct list_filter){
        .created_after = LIST_OPEN_AFTER, .created_before = LIST_OPEN_BEFORE, .limit = 50};
    if (!read_states(request, &filter->states) || !param_once(request, "kind", &filter->kind) ||
        !param_once(request, "function", &filter->function) ||
        !param_once(request, "channel", &filter->channel) ||
        !param_time(request, "created_after", &filter->created_after) ||
        !param_time(request, "created_before", &filter->created_before) ||
        !param_int(request, "limit", 1, 1000, &filter->limit) ||
        !param_int(request, "cursor", 1, INT64_MAX, &filter->before))
        return false;
    if (filter->channel.data && !channel_fits(request, filter->channel))
        return false;
    if (filter->kind.data && !str_eq(filter->kind, STR("task")) &&
        !str_eq(filter->kind, STR("meta")))
        return problem_parameter(&request->problem, &request->arena, STR("kind"),
                                 "this has to be task or meta");
    return true;
}

void handle_task_list(struct request *request)
{
    struct page *page = ARENA_NEW(&request->arena, struct page);
    page->request = request;
    if (!read_filter(request, &page->filter)) {
        reply_problem(request, &request->problem, STR_NONE);
        return;
    }
    page->query = (struct query){.run = query_run, .done = query_done};
    request->state = page;
    request_at_end(request, page_release, page);
    request_suspend(request, listed);
    readers_post(&app_of(request)->engine->readers, &page->query);
}
