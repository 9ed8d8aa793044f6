#include "base/mailbox.h"

#include <stddef.h>
#include <time.h>

void mailbox_init(struct mailbox *box, void (*wake)(void *arg), void *wake_arg)
{
    *box = (struct mailbox){.wake = wake, .wake_arg = wake_arg};
    box->last = &box->first;
    pthread_mutex_init(&box->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&box->filled, &attr);
    pthread_condattr_destroy(&attr);
}

void mailbox_done(struct mailbox *box)
{
    pthread_cond_destroy(&box->filled);
    pthread_mutex_destroy(&box->lock);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&box->lock);
    bool was_empty = !box->first;
    *box->last = mail;
    box->last = &mail->next;
    bool signal = box->sleeping;
    box->sleeping = false;
    if (was_empty && box->wake)
        box->wake(box->wake_arg); /* inside the lock: the owner cannot go away in between */
    pthread_mutex_unlock(&box->lock);
    if (signal)
        pthread_cond_signal(&box->filled);
}

static struct mail *take_locked(struct mailbox *box)
{
    struct mail *all = box->first;
    box->first = NULL;
    box->last = &box->first;
    return all;
}

struct mail *mailbox_take(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    struct mail *all = take_locked(box);
    pthread_mutex_unlock(&box->lock);
    return all;
}

struct mail *mailbox_wait(struct mailbox *box, int64_t deadline_ns)
{
    struct timespec until = {.tv_sec = deadline_ns / 1000000000,
                             .tv_nsec = deadline_ns % 1000000000};
    int timed_out = 0;
    pthread_mutex_lock(&box->lock);
    while (!box->first && !timed_out) {
        box->sleeping = true;
        if (deadline_ns == INT64_MAX)
            pthread_cond_wait(&box->filled, &box->lock);
        else
            timed_out = pthread_cond_timedwait(&box->filled, &box->lock, &until);
    }
    box->sleeping = false;
    struct mail *all = take_locked(box);
    pthread_mutex_unlock(&box->lock);
    return all;
}
