/* Tickets: good for a minute, for their own token and server, with what they are bound to. */
#include "base/mem.h"
#include "server/ticket.h"
#include "tests/unit/check.h"

#define SECOND 1000000000LL

static const struct digest key = {{1, 2, 3}};
static const struct str channels[] = {STR_INIT("\"user-42\""), STR_INIT("\"a\\u0000b\"")};
static const struct str tasks[] = {STR_INIT("one")};

struct shown {
    struct arena arena;
    struct ticket ticket;
    const struct token *holder;
    enum ticket_state state;
};

static struct shown show(const struct digest *with, const struct tokens *tokens, struct str text,
                         int64_t now)
{
    struct shown shown = {0};
    shown.state = ticket_read(with, tokens, text, now, &shown.arena, &shown.ticket, &shown.holder);
    return shown;
}

static enum ticket_state state_of(const struct digest *with, const struct tokens *tokens,
                                  struct str text, int64_t now)
{
    struct shown shown = show(with, tokens, text, now);
    arena_done(&shown.arena);
    return shown.state;
}

static struct buf make(const struct token *token)
{
    const struct ticket ticket = {channels, tasks, array_size(channels), array_size(tasks)};
    struct buf text = {0};
    assert_true(ticket_make(&key, token, &ticket, 5 * SECOND, &text));
    return text;
}

static void says_what_it_is_bound_to(void **state)
{
    struct tokens *tokens = tokens_of(STR("secret"));
    struct buf text = make(&tokens->items[0]);
    struct shown shown = show(&key, tokens, buf_str(&text), 5 * SECOND);
    (void)state;
    assert_int_equal(shown.state, TICKET_GOOD);
    assert_ptr_equal(shown.holder, &tokens->items[0]);
    assert_int_equal(shown.ticket.channel_count, 2);
    assert_str(shown.ticket.channels[0], channels[0]);
    assert_str(shown.ticket.channels[1], channels[1]);
    assert_int_equal(shown.ticket.task_count, 1);
    assert_str(shown.ticket.tasks[0], tasks[0]);
    arena_done(&shown.arena);
    buf_done(&text);
    tokens_unref(tokens);
}

static void ends_after_a_minute(void **state)
{
    struct tokens *tokens = tokens_of(STR("secret"));
    struct buf text = make(&tokens->items[0]);
    (void)state;
    assert_int_equal(state_of(&key, tokens, buf_str(&text), 65 * SECOND - 1), TICKET_GOOD);
    assert_int_equal(state_of(&key, tokens, buf_str(&text), 65 * SECOND), TICKET_OVER);
    buf_done(&text);
    tokens_unref(tokens);
}

static void is_one_tokens_and_one_servers(void **state)
{
    static const struct digest other_key = {{1, 2, 4}};
    struct tokens *tokens = tokens_of(STR("secret")), *others = tokens_of(STR("other"));
    struct tokens *none = tokens_of(STR_NONE);
    struct buf text = make(&tokens->items[0]), free = make(NULL);
    (void)state;
    assert_int_equal(state_of(&other_key, tokens, buf_str(&text), 0), TICKET_STRANGE);
    assert_int_equal(state_of(&key, others, buf_str(&text), 0), TICKET_STRANGE);
    assert_int_equal(state_of(&key, none, buf_str(&text), 0), TICKET_STRANGE);
    assert_int_equal(state_of(&key, none, buf_str(&free), 0), TICKET_GOOD);
    assert_int_equal(state_of(&key, tokens, buf_str(&free), 0), TICKET_STRANGE);
    buf_done(&text);
    buf_done(&free);
    tokens_unref(tokens);
    tokens_unref(others);
    tokens_unref(none);
}

/* Whichever character is changed, added or left out. */
static void cannot_be_changed(void **state)
{
    struct tokens *tokens = tokens_of(STR("secret"));
    struct buf text = make(&tokens->items[0]);
    (void)state;
    for (size_t i = 0; i < text.len; i++) {
        char was = text.data[i];
        text.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(state_of(&key, tokens, buf_str(&text), 0), TICKET_STRANGE);
        text.data[i] = was;
        assert_int_equal(state_of(&key, tokens, (struct str){text.data, i}, 0), TICKET_STRANGE);
    }
    buf_add_char(&text, 'A');
    assert_int_equal(state_of(&key, tokens, buf_str(&text), 0), TICKET_STRANGE);
    assert_int_equal(state_of(&key, tokens, STR("%%%"), 0), TICKET_STRANGE);
    buf_done(&text);
    tokens_unref(tokens);
}

static void has_a_limit(void **state)
{
    static char name[TICKET_NAMES_MAX];
    const struct str fits = {name, TICKET_NAMES_MAX - 3}, long_one = {name, TICKET_NAMES_MAX - 2};
    const struct ticket good = {NULL, &fits, 0, 1}, bad = {NULL, &long_one, 0, 1};
    struct buf text = {0};
    (void)state;
    assert_false(ticket_make(&key, NULL, &bad, 0, &text));
    assert_int_equal(text.len, 0);
    assert_true(ticket_make(&key, NULL, &good, 0, &text));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is_bound_to),
        cmocka_unit_test(ends_after_a_minute),
        cmocka_unit_test(is_one_tokens_and_one_servers),
        cmocka_unit_test(cannot_be_changed),
        cmocka_unit_test(has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
