-- A task, background or meta, is one row. Its columns are listed, in this order,
-- in store/columns.def. Times are milliseconds since 1970 UTC, durations
-- milliseconds, switches 0 or 1.
CREATE TABLE tasks (
    seq              INTEGER PRIMARY KEY, -- order of creation
    id               TEXT NOT NULL UNIQUE,
    kind             TEXT NOT NULL,       -- task, meta
    function         TEXT NOT NULL,       -- of a meta-task: its process step
    state            TEXT NOT NULL,       -- model/state.def
    lane             INTEGER NOT NULL,    -- 0: process steps that run ahead of queued work
    priority         INTEGER NOT NULL,
    channels         TEXT,                -- JSON array of the task's own channels
    attempt          INTEGER NOT NULL,    -- starts so far
    failures         INTEGER NOT NULL,    -- attempts that failed
    interruptions    INTEGER NOT NULL,    -- attempts that a dead server cut short
    max_attempts     INTEGER NOT NULL,
    timeout          INTEGER NOT NULL,    -- of an attempt; 0: none
    backoff_initial  REAL NOT NULL,       -- seconds
    backoff_factor   REAL NOT NULL,
    backoff_max      REAL NOT NULL,       -- seconds
    wait_for         TEXT,                -- all, all_settled, any; NULL: no meta-task
    unresolved       INTEGER NOT NULL,    -- $task places still to be filled
    winner           INTEGER NOT NULL,    -- wait_for any: the dependency that succeeded first
    subscribers      INTEGER NOT NULL,
    progress         TEXT,                -- JSON object
    cancel_requested INTEGER NOT NULL,
    silent           INTEGER NOT NULL,    -- cancelled with notify:false
    error            TEXT,                -- JSON object
    caused_by        TEXT,                -- id of the task where the failure or cancel began
    version          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    run_at           INTEGER NOT NULL,    -- not before; 0: at once
    started_at       INTEGER NOT NULL,    -- of the last attempt; 0: not yet
    finished_at      INTEGER NOT NULL     -- 0: not yet
);
CREATE INDEX tasks_by_state ON tasks (state, kind, seq);
CREATE INDEX tasks_by_function ON tasks (function, seq);
CREATE INDEX tasks_ready ON tasks (function, lane, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX tasks_due ON tasks (run_at) WHERE state = 'scheduled';
CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at > 0;

-- What can be large and is never updated. No row: args [], kwargs {}, no metadata.
CREATE TABLE payloads (
    task     INTEGER PRIMARY KEY,
    args     TEXT NOT NULL,
    kwargs   TEXT NOT NULL,
    metadata TEXT
);

CREATE TABLE results (
    task  INTEGER PRIMARY KEY,
    value TEXT NOT NULL -- JSON on one line
);

CREATE TABLE task_channels (
    channel TEXT NOT NULL,
    task    INTEGER NOT NULL,
    PRIMARY KEY (channel, task)
) WITHOUT ROWID;

-- One row for each $task in a meta-task's args and kwargs, in document order.
CREATE TABLE dependencies (
    task       INTEGER NOT NULL, -- the meta-task
    position   INTEGER NOT NULL,
    dependency INTEGER NOT NULL,
    at         TEXT NOT NULL,    -- JSON Pointer of the place
    optional   INTEGER NOT NULL,
    PRIMARY KEY (task, position)
) WITHOUT ROWID;
CREATE INDEX dependencies_by_dependency ON dependencies (dependency, task);

-- The event log; id is the SSE id. data holds type, channels and all else.
CREATE TABLE events (
    id   INTEGER PRIMARY KEY,
    task INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_by_task ON events (task, id);

-- A task's log in chunks of whole lines. Chunks that are not head give way when it grows too long.
CREATE TABLE logs (
    id    INTEGER PRIMARY KEY,
    task  INTEGER NOT NULL,
    head  INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    text  TEXT NOT NULL
);
CREATE INDEX logs_by_task ON logs (task, id);
CREATE TABLE log_totals (
    task          INTEGER PRIMARY KEY,
    head_bytes    INTEGER NOT NULL,
    tail_bytes    INTEGER NOT NULL,
    dropped_bytes INTEGER NOT NULL,
    dropped_lines INTEGER NOT NULL
);
