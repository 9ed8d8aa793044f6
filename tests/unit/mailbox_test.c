/* The mailbox, alone and between threads. */
#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "tests/unit/check.h"

enum { SENDERS = 2, EACH = 20000, MS = 1000000 };

struct letter {
    struct mail mail;
    int sender, number;
};

static void count_wake(void *arg)
{
    ++*(int *)arg;
}

static void gives_the_oldest_first(void **state)
{
    struct mailbox box;
    struct letter letters[5] = {0};
    (void)state;
    mailbox_init(&box, NULL, NULL);
    assert_null(mailbox_take(&box));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < array_size(letters); i++)
            mailbox_post(&box, &letters[i].mail);
        struct mail *mail = mailbox_take(&box);
        for (size_t i = 0; i < array_size(letters); i++, mail = mail->next)
            assert_ptr_equal(mail, &letters[i].mail);
        assert_null(mail);
        assert_null(mailbox_take(&box));
    }
    mailbox_done(&box);
}

/* Once for what is taken together, and again after it was taken. */
static void wakes_when_it_was_empty(void **state)
{
    struct mailbox box;
    struct letter letters[3] = {0};
    int woken = 0;
    (void)state;
    mailbox_init(&box, count_wake, &woken);
    mailbox_post(&box, &letters[0].mail);
    assert_int_equal(woken, 1);
    mailbox_post(&box, &letters[1].mail);
    assert_int_equal(woken, 1);
    assert_non_null(mailbox_take(&box));
    assert_null(mailbox_take(&box));
    assert_int_equal(woken, 1);
    mailbox_post(&box, &letters[2].mail);
    assert_int_equal(woken, 2);
    assert_non_null(mailbox_wait(&box, INT64_MAX));
    mailbox_done(&box);
}

static void waits_until_a_time(void **state)
{
    struct mailbox box;
    struct letter letter = {0};
    (void)state;
    mailbox_init(&box, NULL, NULL);
    int64_t start = clock_mono_ns();
    assert_null(mailbox_wait(&box, start + 30 * MS));
    assert_true(clock_mono_ns() - start >= 30 * MS);
    assert_null(mailbox_wait(&box, start)); /* past */
    assert_null(mailbox_wait(&box, 0));
    mailbox_post(&box, &letter.mail);
    assert_ptr_equal(mailbox_wait(&box, 0), &letter.mail); /* late, but there */
    mailbox_post(&box, &letter.mail);
    assert_ptr_equal(mailbox_wait(&box, INT64_MAX), &letter.mail);
    mailbox_done(&box);
}

struct sender {
    pthread_t thread;
    struct mailbox *box;
    struct letter *letters;
};

static void *send_all(void *arg)
{
    struct sender *sender = arg;
    for (size_t i = 0; i < EACH; i++)
        mailbox_post(sender->box, &sender->letters[i].mail);
    return NULL;
}

static void start_senders(struct sender *senders, struct mailbox *box)
{
    for (int i = 0; i < SENDERS; i++) {
        senders[i] =
            (struct sender){.box = box, .letters = mem_alloc(EACH * sizeof(struct letter))};
        for (int k = 0; k < EACH; k++)
            senders[i].letters[k] = (struct letter){.sender = i, .number = k};
    }
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
}

/* Every letter once, those of each sender in their order, and no wait that nobody ends. */
static void keeps_the_order_of_each_sender(void **state)
{
    struct mailbox box;
    struct sender senders[SENDERS];
    int next[SENDERS] = {0}, got = 0, wakes = 0, batches = 0;
    (void)state;
    mailbox_init(&box, count_wake, &wakes);
    start_senders(senders, &box);
    while (got < SENDERS * EACH) {
        struct mail *mail = mailbox_wait(&box, INT64_MAX);
        assert_non_null(mail);
        batches++;
        for (struct mail *following; mail; mail = following, got++) {
            const struct letter *letter = container_of(mail, struct letter, mail);
            following = mail->next;
            assert_int_equal(letter->number, next[letter->sender]++);
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        mem_free(senders[i].letters);
    }
    assert_null(mailbox_take(&box));
    assert_int_equal(wakes, batches); /* each batch began with an empty box */
    mailbox_done(&box);
}

struct player {
    struct mailbox in, *out;
    struct letter *ball;
};

static void *return_ball(void *arg)
{
    struct player *player = arg;
    for (int i = 0; i < 2000; i++) {
        struct mail *mail = mailbox_wait(&player->in, INT64_MAX);
        assert_ptr_equal(mail, &player->ball->mail);
        mailbox_post(player->out, mail);
    }
    return NULL;
}

/* Both sleep most of the time: a wake-up that is lost would hang here. */
static void wakes_a_sleeper(void **state)
{
    struct letter ball = {0};
    struct player one = {.ball = &ball}, two = {.ball = &ball};
    pthread_t thread;
    (void)state;
    mailbox_init(&one.in, NULL, NULL);
    mailbox_init(&two.in, NULL, NULL);
    one.out = &two.in;
    two.out = &one.in;
    assert_int_equal(pthread_create(&thread, NULL, return_ball, &one), 0);
    for (int i = 0; i < 2000; i++) {
        mailbox_post(&one.in, &ball.mail);
        int64_t deadline = i % 2 ? INT64_MAX : clock_mono_ns() + 60000LL * MS;
        assert_ptr_equal(mailbox_wait(&two.in, deadline), &ball.mail);
    }
    pthread_join(thread, NULL);
    mailbox_done(&one.in);
    mailbox_done(&two.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_oldest_first), cmocka_unit_test(wakes_when_it_was_empty),
        cmocka_unit_test(waits_until_a_time),     cmocka_unit_test(keeps_the_order_of_each_sender),
        cmocka_unit_test(wakes_a_sleeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
