/*
 * The n-th call fails, for each n, in a server that runs: tests/faults/round.h says
 * what has to hold.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/api/lib/tasks.h"
#include "tests/faults/scenes.h"

static void live_round(struct round *round)
{
    const struct scene *scene = round->scene;
    fault_arm(round->page, round->fault, round->n);
    scene->act(round);
    round_recover(round);
    if (scene->after)
        scene->after(round);
    round_check(round);
}

static void live(struct scenario *s, const struct scene *scene)
{
    struct round round = {.s = s, .flags = "--slots 4", .scene = scene};
    scene_functions(s);
    round.page = fault_page_open(s);
    round.server = server_start(s, "%s", round.flags);
    create(round.server, "{'id':'seen','function':'seven'}");
    create(round.server, "{'id':'summed','process':'sum','args':[{'$task':'seen'},1]}");
    finished(round.server, "summed");
    all_rounds(&round, live_round);
    round_end(&round);
}

#define X(name)                                                                                    \
    SCENARIO(live_##name)                                                                          \
    {                                                                                              \
        live(s, &scene_##name);                                                                    \
    }
SCENES(X)
#undef X

int main(void)
{
    const struct CMUnitTest table[] = {
#define X(name) RUN(live_##name),
        SCENES(X)
#undef X
    };
    rounds_begin("ROUNDS");
    int failed = RUN_SCENARIOS("faults in a server that runs", table);
    rounds_report();
    return failed;
}
