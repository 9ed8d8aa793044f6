/* A mailbox: many threads post messages, one thread takes all that is there.
 *
 * A message embeds a struct mail and is owned by the mailbox between post and
 * take; container_of leads back to it. Order is kept for each sender. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mail {
    struct mail *next;
};

struct mailbox {
    pthread_mutex_t lock; /* guards the three below */
    struct mail *first;
    struct mail **last;
    bool sleeping; /* the owner waits on the condition */
    pthread_cond_t filled;
    void (*wake)(void *arg); /* or NULL; called by post when the mailbox was empty */
    void *wake_arg;
};

/* wake: how the owner is told when it does not use mailbox_wait (it runs on the poster's thread).
 */
void mailbox_init(struct mailbox *box, void (*wake)(void *arg), void *wake_arg);
void mailbox_done(struct mailbox *box);
/* Any thread. */
void mailbox_post(struct mailbox *box, struct mail *mail);
/* Owner: everything posted so far, oldest first, or NULL. Does not wait. */
struct mail *mailbox_take(struct mailbox *box);
/* Owner: as mailbox_take, but waits for something until the clock_mono_ns() time deadline_ns;
 * INT64_MAX waits for ever. */
struct mail *mailbox_wait(struct mailbox *box, int64_t deadline_ns);

#endif
