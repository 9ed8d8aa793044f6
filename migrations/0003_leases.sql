-- A lease: one attempt of a task, given to a worker elsewhere (design 4.9). The row stays as long as
-- its task, so that a late answer is known for what it is.
CREATE TABLE leases (
    task           INTEGER NOT NULL,
    attempt        INTEGER NOT NULL,
    secret         TEXT NOT NULL,    -- the part of its token that cannot be guessed
    ttl            INTEGER NOT NULL, -- how long a heartbeat keeps it
    expires_at     INTEGER NOT NULL,
    timeout_at     INTEGER NOT NULL, -- when the attempt has taken too long; 0: never
    cancel_by      INTEGER NOT NULL, -- the worker knows of the cancel, and has until then; 0: not told
    progress_since INTEGER NOT NULL, -- when the present second of reports began
    progress_count INTEGER NOT NULL, -- reports told in it
    progress       TEXT,             -- newest report that is not told yet
    due_at         INTEGER NOT NULL, -- when the server has to look at it; 0: it is over
    ended          TEXT,             -- how it came to be over
    PRIMARY KEY (task, attempt)
) WITHOUT ROWID;
CREATE INDEX leases_due ON leases (due_at) WHERE due_at > 0;
