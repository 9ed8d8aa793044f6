#include "store/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

/* Commands in one transaction: bounds how long the first of them waits for the last. */
enum { BATCH_MAX = 1000 };
/* Pause before internal commands are tried again on a full or failing disk. */
static const int64_t RETRY_NS = 500 * 1000000LL;

static struct command *command_of(struct mail *mail)
{
    return container_of(mail, struct command, mail);
}

static void finish(struct command *command)
{
    if (command->done)
        command->done(command);
}

static void apply(struct writer *writer, struct command *command)
{
    command->problem = (struct problem){0};
    command->apply(command, &writer->txn);
    writer->txn.writes++;
}

static bool commit(struct writer *writer)
{
    struct txn *txn = &writer->txn;
    if (db_status(txn->db) == DB_OK)
        writer->client.before_commit(writer->client.arg, txn);
    int64_t began = clock_mono_ns();
    db_commit(txn->db);
    txn->commit_ns = clock_mono_ns() - began;
    bool stored = db_status(txn->db) == DB_OK;
    if (stored) {
        atomic_fetch_add_explicit(&writer->commits, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&writer->writes, txn->writes, memory_order_relaxed);
        writer->client.after_commit(writer->client.arg, txn);
    }
    atomic_store(&writer->full, db_status(txn->db) == DB_FULL);
    return stored;
}

static void begin(struct writer *writer)
{
    writer->txn.now = clock_now();
    db_begin(writer->txn.db, DB_WRITE);
}

/* Gives the reason, undoes everything since begin. */
static enum db_status undo(struct writer *writer)
{
    enum db_status status = db_status(writer->txn.db);
    db_rollback(writer->txn.db);
    writer->client.undone(writer->client.arg, &writer->txn);
    txn_clear(&writer->txn);
    txn_load_counters(&writer->txn);
    return status;
}

static void refuse(struct command *command, enum db_status status)
{
    if (status == DB_FULL)
        problem_set(&command->problem, command->arena, PROBLEM_STORAGE_FULL,
                    "there is no room on the disk; nothing was changed");
    else
        problem_set(&command->problem, command->arena, PROBLEM_INTERNAL,
                    "the database failed; nothing was changed");
    finish(command);
}

static void hold(struct writer *writer, struct command *command)
{
    struct mail **end = &writer->held;
    while (*end)
        end = &(*end)->next;
    command->mail.next = NULL;
    *end = &command->mail;
    writer->held_until = clock_mono_ns() + RETRY_NS;
}

static void run_alone(struct writer *writer, struct command *command)
{
    begin(writer);
    apply(writer, command);
    if (commit(writer)) {
        txn_clear(&writer->txn);
        finish(command);
        return;
    }
    enum db_status status = undo(writer);
    if (command->internal)
        hold(writer, command);
    else
        refuse(command, status);
}

/* Runs the first commands of a list, at most BATCH_MAX; gives the rest. */
static struct mail *run_batch(struct writer *writer, struct mail *first)
{
    struct mail *rest = first;
    begin(writer);
    for (int i = 0; rest && i < BATCH_MAX; i++) {
        struct mail *next = rest->next;
        apply(writer, command_of(rest));
        rest = next;
    }
    bool stored = commit(writer);
    if (stored)
        txn_clear(&writer->txn);
    else
        undo(writer);
    for (struct mail *mail = first, *next; mail != rest; mail = next) {
        next = mail->next;
        if (stored)
            finish(command_of(mail));
        else
            run_alone(writer, command_of(mail));
    }
    return rest;
}

/* Held commands first: what happened earlier is stored earlier. */
static struct mail *next_commands(struct writer *writer)
{
    int64_t deadline = writer->client.deadline(writer->client.arg);
    if (writer->held && writer->held_until < deadline)
        deadline = writer->held_until;
    struct mail *posted = mailbox_wait(&writer->mailbox, deadline);
    if (!writer->held || clock_mono_ns() < writer->held_until)
        return posted;
    struct mail *all = writer->held, **end = &all;
    while (*end)
        end = &(*end)->next;
    *end = posted;
    writer->held = NULL;
    return all;
}

static void writer_main(void *arg)
{
    struct writer *writer = arg;
    while (!atomic_load(&writer->stopping) || writer->held) {
        struct mail *commands = next_commands(writer);
        do {
            commands = run_batch(writer, commands);
        } while (commands);
        if (atomic_load(&writer->stopping) && writer->held) {
            log_error("shutdown: the database takes no writes; the last changes are lost");
            break;
        }
    }
}

void writer_init(struct writer *writer, struct db *db, const struct writer_client *client)
{
    *writer = (struct writer){.client = *client};
    mailbox_init(&writer->mailbox, NULL, NULL);
    writer->txn.db = db;
    txn_load_counters(&writer->txn);
}

void writer_start(struct writer *writer)
{
    thread_start(&writer->thread, "writer", writer_main, writer, &writer->stopping);
}

void writer_post(struct writer *writer, struct command *command)
{
    mailbox_post(&writer->mailbox, &command->mail);
}

void writer_run(struct writer *writer, struct command *command)
{
    run_alone(writer, command);
}

static void nothing(struct command *command, struct txn *txn)
{
    (void)command;
    (void)txn;
}

void writer_stop(struct writer *writer)
{
    struct command last = {.apply = nothing};
    atomic_store(&writer->stopping, true);
    writer_post(writer, &last); /* wakes it */
    pthread_join(writer->thread, NULL);
    db_close(writer->txn.db);
    txn_done(&writer->txn);
    mailbox_done(&writer->mailbox);
}
