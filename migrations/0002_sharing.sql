-- Sharing by cache_key, access to results, continuation, forever and guard.
ALTER TABLE tasks ADD COLUMN cache_key TEXT;
ALTER TABLE tasks ADD COLUMN cache_ttl INTEGER NOT NULL DEFAULT -1; -- a success stays good so long; -1: always
ALTER TABLE tasks ADD COLUMN result_access TEXT NOT NULL DEFAULT 'many'; -- many, once, discard
ALTER TABLE tasks ADD COLUMN result_gone INTEGER NOT NULL DEFAULT 0; -- taken or dropped: no client gets it
ALTER TABLE tasks ADD COLUMN forever INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN pause INTEGER NOT NULL DEFAULT 0; -- before the last restart
ALTER TABLE tasks ADD COLUMN guard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN links INTEGER NOT NULL DEFAULT 0; -- continuations that led here
ALTER TABLE tasks ADD COLUMN continued INTEGER NOT NULL DEFAULT 0; -- seq of the task whose result it takes
ALTER TABLE tasks ADD COLUMN queued_at INTEGER NOT NULL DEFAULT 0; -- last time; 0: not yet

-- A key's holder is the newest task that has it; at most one that is live.
CREATE UNIQUE INDEX tasks_live_key ON tasks (cache_key)
    WHERE cache_key IS NOT NULL AND finished_at = 0;
CREATE INDEX tasks_by_key ON tasks (cache_key, seq) WHERE cache_key IS NOT NULL;

-- Who may leave a shared task, once.
CREATE TABLE subscriptions (
    id   TEXT PRIMARY KEY,
    task INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX subscriptions_by_task ON subscriptions (task);

-- First answers to creates that had an Idempotency-Key.
CREATE TABLE idempotency (
    key    TEXT PRIMARY KEY,
    body   TEXT NOT NULL,    -- SHA-256 of the request's body, hexadecimal
    at     INTEGER NOT NULL,
    status INTEGER NOT NULL, -- HTTP
    task   TEXT,             -- id, for Location; NULL: an array was created
    answer TEXT NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (at);
