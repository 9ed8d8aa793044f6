/* Section 4: GET /v1/tasks: filters, pages, order. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/tasks.h"

/* The ids of a page, in its order: "c,b,a". */
static const char *ids(struct reply *reply)
{
    struct scenario *s = reply->body.scenario;
    const char *all = "";
    expect_status(reply, 200);
    int count = json_count(reply, "tasks");
    for (int i = 0; i < count; i++)
        all = text(s, "%s%s%s", all, i ? "," : "", json_text(reply, text(s, "tasks.%d.id", i)));
    return all;
}

static void make_some(struct server *server)
{
    create(server, "{'id':'a','function':'echo','notify_channels':['x']}");
    create(server, "{'id':'b','function':'fail','args':['no'],'notify_channels':['x','y']}");
    create(server, "{'id':'c','function':'echo','delay':3600,'notify_channels':['y']}");
    create(server, "{'id':'d','function':'sum','delay':3600}");
    create(server, "{'id':'m','process':'collect','args':[{'$task':'c'}]}");
    finished(server, "a");
    finished(server, "b");
    expect_status(cancel(server, "d", NULL), 200);
}

/* 4: newest first, and the filters. */
SCENARIO(filters)
{
    static const struct {
        const char *query, *ids;
    } rows[] = {
        {"", "m,d,c,b,a"},
        {"?state=succeeded", "a"},
        {"?state=failed", "b"},
        {"?state=scheduled", "c"},
        {"?state=cancelled", "d"},
        {"?state=waiting", "m"},
        {"?state=queued", ""},
        {"?state=running", ""},
        {"?state=succeeded&state=failed", "b,a"},
        {"?state=waiting&state=cancelled&state=scheduled", "m,d,c"},
        {"?kind=meta", "m"},
        {"?kind=task", "d,c,b,a"},
        {"?function=echo", "c,a"},
        {"?function=sum", "d"},
        {"?function=nope", ""},
        {"?channel=x", "b,a"},
        {"?channel=y", "c,b"},
        {"?channel=z", ""},
        {"?channel=x&state=failed", "b"},
        {"?function=echo&channel=y&kind=task&state=scheduled", "c"},
        {"?created_after=2001-01-01T00:00:00Z", "m,d,c,b,a"},
        {"?created_after=2099-01-01T00:00:00Z", ""},
        {"?created_before=2001-01-01T00:00:00Z", ""},
        {"?created_after=0001-01-01T00:00:00Z", "m,d,c,b,a"},
        {"?created_after=1970-01-01T00:00:00Z", "m,d,c,b,a"},
        {"?created_before=1969-12-31T23:59:59Z", ""},
        {"?created_before=1970-01-01T00:00:00Z", ""},
        {"?created_before=2099-01-01T00%3A00%3A00Z", "m,d,c,b,a"},
        {"?limit=2", "m,d"},
        {"?limit=2&kind=task", "d,c"},
        {"?limit=1000", "m,d,c,b,a"},
        {"?limit=5000", "m,d,c,b,a"},
        {"?limit=99999999999999999999", "m,d,c,b,a"},
    };
    struct server *server = server_start(s, "%s", "");
    make_some(server);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].query);
        assert_string_equal(ids(get(server, "/v1/tasks%s", rows[i].query)), rows[i].ids);
    }
}

/* 4.10: a query that is wrong is 422 with the parameter; an unknown one too. */
SCENARIO(wrong_queries)
{
    static const struct {
        const char *query, *parameter;
    } rows[] = {
        {"limit=0", "limit"},
        {"limit=-1", "limit"},
        {"limit=x", "limit"},
        {"limit=", "limit"},
        {"limit=1.5", "limit"},
        {"limit=5x", "limit"},
        {"state=sleeping", "state"},
        {"state=succeeded&state=x", "state"},
        {"state=", "state"},
        {"kind=other", "kind"},
        {"channel=", "channel"},
        {"created_after=yesterday", "created_after"},
        {"created_before=2001-13-01T00:00:00Z", "created_before"},
        {"cursor=nonsense", "cursor"},
        {"colour=red", "colour"},
        {"State=queued", "State"},
    };
    struct server *server = server_start(s, "%s", "");
    make_some(server);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        note(s, "%s", rows[i].query);
        struct reply *reply = get(server, "/v1/tasks?%s", rows[i].query);
        expect_problem(reply, 422, "invalid-request");
        expect_parameter(reply, rows[i].parameter);
    }
}

static bool has_next(struct reply *reply)
{
    cJSON *cursor = body_at(&reply->body, "next_cursor");
    return cursor && !cJSON_IsNull(cursor);
}

/* The path of `Link: <…>; rel="next"`; NULL if there is none. */
static const char *next_link(struct reply *reply)
{
    struct scenario *s = reply->body.scenario;
    const char *link = header(reply, "Link");
    if (!link || !strstr(link, "rel=\"next\""))
        return NULL;
    assert_int_equal(link[0], '<');
    const char *target = text(s, "%.*s", (int)strcspn(link + 1, ">"), link + 1);
    const char *path = strstr(target, "/v1/tasks");
    assert_non_null(path);
    return path;
}

/* 4: pages by cursor and by Link: each task once, newest first, whatever comes in meanwhile. */
SCENARIO(pages)
{
    enum { MANY = 25 };
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < MANY; i++)
        create(server, "{'id':'t%02d','function':'echo','delay':3600}", i);
    const char *by_cursor = "", *by_link = "";
    struct reply *page = get(server, "/v1/tasks?limit=10&function=echo");
    struct reply *linked = page;
    for (int number = 0; number < 3; number++) {
        note(s, "page %d", number);
        by_cursor = text(s, "%s%s;", by_cursor, ids(page));
        by_link = text(s, "%s%s;", by_link, ids(linked));
        assert_true(has_next(page) == (number < 2));
        assert_true((next_link(linked) != NULL) == (number < 2));
        if (number == 2)
            break;
        create(server, "{'id':'new%d','function':'echo'}", number);
        page = get(server, "/v1/tasks?limit=10&function=echo&cursor=%s",
                   json_text(page, "next_cursor"));
        linked = call(server, .path = next_link(linked));
    }
    assert_string_equal(by_cursor, "t24,t23,t22,t21,t20,t19,t18,t17,t16,t15;"
                                   "t14,t13,t12,t11,t10,t09,t08,t07,t06,t05;"
                                   "t04,t03,t02,t01,t00;");
    assert_string_equal(by_link, by_cursor);
}

/* 4: the order of a batch, made in one go, is kept in pages too. */
SCENARIO(pages_of_a_batch)
{
    struct server *server = server_start(s, "%s", "");
    const char *all = "";
    for (int i = 0; i < 9; i++)
        all = json(s, "%s%s{'id':'b%d','function':'echo'}", all, i ? "," : "", i);
    expect_status(post(server, "/v1/tasks", "[%s]", all), 201);
    struct reply *first = get(server, "/v1/tasks?limit=4");
    assert_string_equal(ids(first), "b8,b7,b6,b5");
    struct reply *second =
        get(server, "/v1/tasks?limit=4&cursor=%s", json_text(first, "next_cursor"));
    assert_string_equal(ids(second), "b4,b3,b2,b1");
    struct reply *third =
        get(server, "/v1/tasks?limit=4&cursor=%s", json_text(second, "next_cursor"));
    assert_string_equal(ids(third), "b0");
    assert_false(has_next(third));
}

/* 4: the limit is 50 by default, and 1000 when more is asked for (4.10). */
SCENARIO(limits)
{
    struct server *server = server_start(s, "%s", "");
    const char *some = "";
    for (int i = 0; i < 60; i++)
        some = json(s, "%s%s{'function':'echo'}", some, i ? "," : "");
    expect_status(post(server, "/v1/tasks", "[%s]", some), 201);
    struct reply *page = get(server, "/v1/tasks");
    assert_int_equal(json_count(page, "tasks"), 50);
    assert_true(has_next(page));
    for (int i = 0; i < 17; i++)
        expect_status(post(server, "/v1/tasks", "[%s]", some), 201);
    page = get(server, "/v1/tasks?limit=1001");
    assert_int_equal(json_count(page, "tasks"), 1000);
    assert_true(has_next(page));
}

static const char *utc_now(struct scenario *s)
{
    struct timespec now;
    struct tm parts;
    char seconds[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    return text(s, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

/* 4: created_after and created_before part what was made before a moment from what was made after.
 */
SCENARIO(created_around_a_moment)
{
    struct server *server = server_start(s, "%s", "");
    create(server, "{'id':'before','function':'echo'}");
    int64_t made = now_ms();
    eventually(now_ms() > made + 3);
    const char *moment = utc_now(s);
    made = now_ms();
    eventually(now_ms() > made + 3);
    create(server, "{'id':'after','function':'echo'}");
    assert_string_equal(ids(get(server, "/v1/tasks?created_after=%s", moment)), "after");
    assert_string_equal(ids(get(server, "/v1/tasks?created_before=%s", moment)), "before");
}

/* 4: an empty list is a list. */
SCENARIO(nothing_yet)
{
    struct server *server = server_start(s, "%s", "");
    struct reply *reply = get(server, "/v1/tasks");
    assert_int_equal(json_count(reply, "tasks"), 0);
    assert_false(has_next(reply));
    assert_null(next_link(reply));
}

/* 4: the Link of a page has all that was asked for, spelled so that it can be followed. */
SCENARIO(link_of_odd_names)
{
    struct server *server = server_start(s, "%s", "");
    for (int i = 0; i < 2; i++)
        create(server, "{'id':'t%d','function':'echo','notify_channels':['a b&c=\u00e9%%']}", i);
    struct reply *first = get(server, "/v1/tasks?limit=1&channel=a%%20b%%26c%%3D%%C3%%A9%%25");
    assert_string_equal(ids(first), "t1");
    assert_string_equal(ids(get(server, "%s", next_link(first))), "t0");
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(filters),
        RUN(wrong_queries),
        RUN(pages),
        RUN(pages_of_a_batch),
        RUN(limits),
        RUN(nothing_yet),
        RUN(link_of_odd_names),
        RUN(created_around_a_moment),
    };
    return RUN_SCENARIOS("list", table);
}
