#include "store/writer.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

#include <unistd.h>

/* Commands in one transaction: bounds how long the first of them waits for the last. */
enum { BATCH_MAX = 1000 };
/* What they may leave in its arena before those behind them have to wait for the next one: a
 * success may be told to all channels of thousands who wait. */
enum { BATCH_BYTES = 64 << 20 };
/* Internal commands that fail alone, one after the other, before those behind them are not tried.
 */
enum { ALONE_MAX = 16 };
/* Pause before internal commands are tried again on a full or failing disk. */
static const int64_t RETRY_NS = 500 * 1000000LL;

static struct command *command_of(struct mail *mail)
{
    return container_of(mail, struct command, mail);
}

static void finish(struct writer *writer, struct command *command)
{
    writer->room->refused += command->problem.code == PROBLEM_STORAGE_FULL;
    CRASH_POINT(before_answer);
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
    int64_t began = clock_mono_ns();
    CRASH_POINT(before_commit);
    db_commit(txn->db);
    txn->commit_ns = clock_mono_ns() - began;
    bool stored = db_status(txn->db) == DB_OK;
    if (stored) {
        CRASH_POINT(after_commit);
        atomic_fetch_add_explicit(&writer->commits, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&writer->writes, txn->writes, memory_order_relaxed);
        writer->client.after_commit(writer->client.arg, txn);
        room_committed(writer->room);
    }
    return stored;
}

static void begin(struct writer *writer)
{
    writer->txn.now = clock_now();
    writer->txn.full = atomic_load(&writer->room->full);
    db_begin(writer->txn.db, DB_WRITE);
}

/* Nothing good comes of writing on: what was committed is left as it is. */
static _Noreturn void give_up(const struct writer *writer)
{
    log_error("the database is damaged (%s): the server stops, so that no more is lost; "
              "errand check says where",
              db_message(writer->txn.db));
    _exit(1);
}

/* Gives the reason, undoes everything since begin. */
static enum db_status undo(struct writer *writer)
{
    enum db_status status = db_status(writer->txn.db);
    if (status == DB_DAMAGED)
        give_up(writer);
    db_rollback(writer->txn.db);
    writer->client.undone(writer->client.arg, &writer->txn);
    txn_clear(&writer->txn);
    txn_load_counters(&writer->txn);
    if (status == DB_FULL)
        room_gone(writer->room);
    return status;
}

static void refuse(struct writer *writer, struct command *command, enum db_status status)
{
    if (status == DB_FULL)
        problem_set(&command->problem, command->arena, PROBLEM_STORAGE_FULL,
                    "there is no room on the disk; nothing was changed");
    else if (status == DB_BUSY)
        problem_set(&command->problem, command->arena, PROBLEM_STORAGE_BUSY,
                    "another program has held the database for %d s; nothing was changed",
                    BUSY_TIMEOUT_MS / 1000);
    else
        problem_set(&command->problem, command->arena, PROBLEM_INTERNAL,
                    "the database failed; nothing was changed");
    finish(writer, command);
}

/* The last end of what is held. */
static struct mail **held_end(struct writer *writer)
{
    return writer->held ? writer->last_held : &writer->held;
}

static void hold(struct writer *writer, struct command *command)
{
    command->mail.next = NULL;
    *held_end(writer) = &command->mail;
    writer->last_held = &command->mail.next;
    writer->held_until = clock_mono_ns() + RETRY_NS;
    atomic_store(&writer->behind, true);
    if (command->held)
        command->held(command);
}

static void put_off(struct writer *writer, struct command *command, enum db_status status)
{
    if (command->internal)
        hold(writer, command);
    else
        refuse(writer, command, status);
}

static enum db_status run_alone(struct writer *writer, struct command *command)
{
    begin(writer);
    apply(writer, command);
    if (commit(writer)) {
        txn_clear(&writer->txn);
        finish(writer, command);
        return DB_OK;
    }
    enum db_status status = undo(writer);
    put_off(writer, command, status);
    return status;
}

/* What is held up to that end was tried: next time the others come first, or what has no room would
 * keep what has some from being stored. */
static void take_turns(struct writer *writer, struct mail **end)
{
    if (end == &writer->held)
        return;
    *writer->last_held = writer->held;
    writer->held = *end;
    writer->last_held = end;
    *end = NULL;
}

/* The lock that these waited for so long is that of those who came meanwhile: one after the other,
 * each would wait as long again. */
static void put_off_all(struct writer *writer, struct mail *first)
{
    for (struct mail *mail = first, *next; mail; mail = next) {
        next = mail->next;
        put_off(writer, command_of(mail), DB_BUSY);
    }
}

/* What could not be stored together. */
static void run_each(struct writer *writer, struct mail *first, const struct mail *rest)
{
    enum db_status status = DB_OK;
    struct mail **tried = NULL;
    int failed = 0;
    for (struct mail *mail = first, *next; mail != rest; mail = next) {
        struct command *command = command_of(mail);
        next = mail->next;
        if (status == DB_BUSY) {
            put_off(writer, command, status);
        } else if (command->internal && failed >= ALONE_MAX) {
            tried = tried ? tried : held_end(writer);
            hold(writer, command);
        } else {
            status = run_alone(writer, command);
            failed += status != DB_OK;
        }
    }
    if (tried)
        take_turns(writer, tried);
}

/* Runs the first commands of a list, at most BATCH_MAX and BATCH_BYTES; gives the rest. */
static struct mail *run_batch(struct writer *writer, struct mail *first)
{
    struct mail *rest = first;
    begin(writer);
    for (int i = 0; rest && i < BATCH_MAX && writer->txn.arena.held < BATCH_BYTES; i++) {
        struct mail *next = rest->next;
        apply(writer, command_of(rest));
        rest = next;
    }
    if (db_status(writer->txn.db) == DB_OK)
        writer->client.before_commit(writer->client.arg, &writer->txn);
    if (!commit(writer)) {
        if (undo(writer) == DB_BUSY) {
            put_off_all(writer, first);
            put_off_all(writer, mailbox_take(&writer->mailbox));
            return NULL;
        }
        run_each(writer, first, rest);
        return rest;
    }
    txn_clear(&writer->txn);
    for (struct mail *mail = first, *next; mail != rest; mail = next) {
        next = mail->next;
        finish(writer, command_of(mail));
    }
    return rest;
}

static int64_t next_deadline(struct writer *writer)
{
    int64_t deadline = writer->client.deadline(writer->client.arg);
    if (writer->held && writer->held_until < deadline)
        deadline = writer->held_until;
    if (room_deadline(writer->room) < deadline)
        deadline = room_deadline(writer->room);
    return deadline;
}

/* Held commands first: what happened earlier is stored earlier. */
static struct mail *next_commands(struct writer *writer)
{
    struct mail *posted;
    do {
        posted = mailbox_wait(&writer->mailbox, next_deadline(writer));
    } while (!posted && next_deadline(writer) > clock_mono_ns()); /* it was only to look again */
    room_look(writer->room);
    bool again = clock_mono_ns() >= writer->held_until || atomic_load(&writer->stopping);
    if (!writer->held || !again)
        return posted;
    struct mail *all = writer->held;
    *writer->last_held = posted;
    writer->held = NULL;
    return all;
}

/* What they were to say is lost, and nothing else: the next start finds their tasks as they were
 * stored. */
static void give_up_held(struct writer *writer)
{
    size_t count = 0;
    for (struct mail *mail = writer->held, *next; mail; mail = next) {
        next = mail->next;
        command_of(mail)->problem.code = PROBLEM_STORAGE_FULL;
        finish(writer, command_of(mail));
        count++;
    }
    writer->held = NULL;
    log_error("shutdown: the database takes no writes; changes that are lost: %zu", count);
}

static void writer_main(void *arg)
{
    struct writer *writer = arg;
    while (!writer->ended) {
        struct mail *commands = next_commands(writer);
        do {
            commands = run_batch(writer, commands);
        } while (commands);
        atomic_store(&writer->behind, writer->held != NULL);
    }
    if (writer->held)
        give_up_held(writer);
}

void writer_init(struct writer *writer, struct db *db, struct room *room,
                 const struct writer_client *client)
{
    *writer = (struct writer){.client = *client, .room = room};
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
    command->mail.next = NULL;
    run_batch(writer, &command->mail);
}

struct last {
    struct command command;
    struct writer *writer;
};

static void nothing(struct command *command, struct txn *txn)
{
    (void)command;
    (void)txn;
}

static void last_done(struct command *command)
{
    container_of(command, struct last, command)->writer->ended = true;
}

void writer_stop(struct writer *writer)
{
    struct arena arena = {0};
    struct last last = {{.apply = nothing, .done = last_done, .arena = &arena}, writer};
    atomic_store(&writer->stopping, true);
    writer_post(writer, &last.command);
    pthread_join(writer->thread, NULL);
    arena_done(&arena);
    txn_done(&writer->txn);
    mailbox_done(&writer->mailbox);
}

void writer_close(struct writer *writer)
{
    db_close(writer->txn.db);
}
