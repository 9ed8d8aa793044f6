/*
 * Section 5.2 on graphs that chance has drawn. What each channel should hear is
 * worked out from the graph and from the order in which things happened; a stream
 * of everything gives that order.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/folder.h"
#include "tests/api/lib/sse.h"
#include "tests/api/lib/tasks.h"

enum { TASKS = 40, LEAVES = 12, CHANNELS = 6, SEEDS = 12, NEVER = 1 << 30 };

enum kind { ECHO, FAIL, SLEEP, FAR, META, KINDS };
enum policy { ALL, ALL_SETTLED, ANY, POLICIES };

/* A task waits only for tasks with lower numbers. */
struct node {
    enum kind kind;
    enum policy policy;
    bool needs[TASKS];
    bool channels[CHANNELS];
    /* Places in the order of everything that happened; NEVER. */
    int ended;
    int first_success; /* of what it needs */
};

struct graph {
    struct scenario *s;
    int seed;
    uint64_t chance;
    struct node nodes[TASKS];
    struct events events; /* of everything */
};

/* --- drawing one ------------------------------------------------------------------- */

static int draw(struct graph *graph, int below)
{
    graph->chance = graph->chance * 6364136223846793005U + 1442695040888963407U;
    return (int)((graph->chance >> 33) % (uint64_t)below);
}

static void draw_node(struct graph *graph, int number)
{
    struct node *node = &graph->nodes[number];
    bool meta = number >= LEAVES && draw(graph, 4) > 0;
    node->kind = meta ? META : (enum kind)draw(graph, META);
    node->policy = (enum policy)draw(graph, POLICIES);
    node->ended = node->first_success = NEVER;
    for (int i = 0; i < CHANNELS; i++)
        node->channels[i] = draw(graph, 3) == 0;
    for (int i = draw(graph, 4); meta && i >= 0; i--)
        node->needs[draw(graph, number)] = true;
}

static const char *json_of(struct graph *graph, int number)
{
    static const char *const leaves[] = {
        "'function':'echo','args':[1]",
        "'function':'fail','args':['no']",
        "'function':'sleep','args':[0.003]",
        "'function':'echo','delay':3600",
    };
    static const char *const policies[] = {"all", "all_settled", "any"};
    struct scenario *s = graph->s;
    struct node *node = &graph->nodes[number];
    const char *channels = "", *places = "", *what = "";
    for (int i = 0; i < CHANNELS; i++) {
        if (node->channels[i])
            channels = json(s, "%s%s'c%d'", channels, *channels ? "," : "", i);
    }
    for (int i = 0; i < number; i++) {
        if (node->needs[i])
            places = json(s, "%s%s{'$task':'n%d'%s}", places, *places ? "," : "", i,
                          draw(graph, 4) ? "" : ",\"optional\":true");
    }
    if (node->kind == META)
        what = json(s, "'process':'collect','wait_for':'%s','args':[%s]", policies[node->policy],
                    places);
    else
        what = requote(text(s, "%s", leaves[node->kind]));
    return json(s, "{'id':'n%d',%s,'notify_channels':[%s]}", number, what, channels);
}

/* --- who should hear what --------------------------------------------------------------- */

static int number_of(const struct event *event)
{
    return atoi(json_text(event, "task") + 1);
}

static bool is(const struct event *event, const char *type)
{
    return !strcmp(event->type, type);
}

static bool is_terminal(const struct event *event)
{
    return is(event, "task.succeeded") || is(event, "task.failed") || is(event, "task.cancelled");
}

/* 5.2: exactly one terminal event a task. */
static void note_ends(struct graph *graph)
{
    for (int at = 0; at < graph->events.count; at++) {
        struct event *event = graph->events.at[at];
        int number = number_of(event);
        if (!is_terminal(event))
            continue;
        assert_int_equal(graph->nodes[number].ended, NEVER);
        graph->nodes[number].ended = at;
        for (int i = 0; i < TASKS && is(event, "task.succeeded"); i++) {
            struct node *node = &graph->nodes[i];
            if (node->needs[number] && node->first_success == NEVER)
                node->first_success = at;
        }
    }
}

/* It has not ended by then, and it is not an `any` that has won already. */
static bool waits(const struct node *node, int at)
{
    return node->ended > at && (node->policy != ANY || node->first_success >= at);
}

/* The live meta-tasks that wait for it, at any distance, and itself. */
static void mark_ancestors(const struct graph *graph, int number, int at, bool marked[TASKS])
{
    marked[number] = true;
    for (int i = number + 1; i < TASKS; i++) {
        if (graph->nodes[i].needs[number] && !marked[i] && waits(&graph->nodes[i], at))
            mark_ancestors(graph, i, at, marked);
    }
}

static bool should_hear(const struct graph *graph, int at, int channel)
{
    const struct event *event = graph->events.at[at];
    int number = number_of(event);
    bool marked[TASKS] = {false};
    if (is(event, "task.succeeded"))
        mark_ancestors(graph, number, at, marked);
    marked[number] = true;
    for (int i = 0; i < TASKS; i++) {
        if (marked[i] && graph->nodes[i].channels[channel])
            return true;
    }
    return false;
}

/* --- running it ------------------------------------------------------------------------------ */

static struct events before_the_end(struct sse *sse)
{
    struct events events = collect_until(sse, "task.created", "end");
    events.count--;
    return events;
}

/* All that was told, task by task: it has the state that its one terminal event says. */
static void expect_ends(struct server *server, const struct graph *graph)
{
    struct scenario *s = graph->s;
    for (int i = 0; i < TASKS; i++) {
        note(s, "seed %d, task n%d", graph->seed, i);
        assert_int_not_equal(graph->nodes[i].ended, NEVER);
        const struct event *event = graph->events.at[graph->nodes[i].ended];
        expect_state(server, text(s, "n%d", i), event->type + strlen("task."));
    }
}

static int listeners(const struct graph *graph, int at)
{
    int count = 0;
    for (int i = 0; i < CHANNELS; i++)
        count += should_hear(graph, at, i);
    return count;
}

/* The channel has heard exactly what it should, in the order in which it happened; and events name
 * as many channels as should hear them, which with the same for each channel means: just these. */
static void expect_channel(const struct graph *graph, int channel, const struct events *heard)
{
    int next = 0;
    for (int at = 0; at < graph->events.count; at++) {
        const struct event *event = graph->events.at[at];
        if (!should_hear(graph, at, channel))
            continue;
        if (next == heard->count || heard->at[next]->number != event->number)
            fail_at(HERE, "c%d should hear %s; it has heard %s", channel, event->line,
                    next < heard->count ? heard->at[next]->line : "all else");
        assert_string_equal(heard->at[next++]->line, event->line);
        assert_int_equal(json_count(event, "channels"), listeners(graph, at));
    }
    if (next < heard->count)
        fail_at(HERE, "c%d should not have heard %s", channel, heard->at[next]->line);
}

static void play(struct server *server, struct graph *graph)
{
    struct scenario *s = graph->s;
    const char *batch = "";
    for (int i = 0; i < TASKS; i++) {
        draw_node(graph, i);
        batch = text(s, "%s%s%s", batch, i ? "," : "", json_of(graph, i));
    }
    expect_status(call(server, .path = "/v1/tasks", .body = text(s, "[%s]", batch)), 201);
    for (int i = 0; i < 3; i++)
        cancel(server, text(s, "n%d", draw(graph, TASKS)), NULL);
    for (int i = 0; i < TASKS; i++) {
        if (graph->nodes[i].kind == FAR)
            cancel(server, text(s, "n%d", i), NULL);
    }
    for (int i = 0; i < TASKS; i++)
        finished(server, text(s, "n%d", i));
    create(server, "{'id':'end','function':'echo',"
                   "'notify_channels':['c0','c1','c2','c3','c4','c5']}");
}

/* 5.2: every event of 40 tasks, which wait for each other in all ways and end in all ways, goes
 * exactly to the channels that it should go to, once. */
SCENARIO(each_channel_hears_its_own)
{
    for (int seed = 1; seed <= SEEDS; seed++) {
        struct server *server = server_start(s, "--data %s/data-%d", s->folder, seed);
        struct sse *everything = sse_open(server, "/v1/events"), *streams[CHANNELS];
        struct graph *graph = keep(s, sizeof *graph);
        graph->s = s;
        graph->seed = seed;
        graph->chance = (uint64_t)seed;
        for (int i = 0; i < CHANNELS; i++)
            streams[i] = sse_open(server, "/v1/events?channel=c%d", i);
        note(s, "seed %d", seed);
        play(server, graph);
        graph->events = before_the_end(everything);
        note_ends(graph);
        for (int i = 0; i < CHANNELS; i++) {
            struct events heard = before_the_end(streams[i]);
            note(s, "seed %d, channel c%d", seed, i);
            expect_channel(graph, i, &heard);
        }
        expect_ends(server, graph);
        assert_int_equal(server_stop(server), 0);
    }
}

int main(void)
{
    const struct CMUnitTest table[] = {
        RUN(each_channel_hears_its_own),
    };
    return RUN_SCENARIOS("notices_graph", table);
}
