-- What is true of every database of errand between two transactions. Each query gives one row of
-- text for each place where it is not so, and nothing if all is well. `errand check` runs them in
-- this order; so can a shell: sqlite3 -readonly errand.db <store/invariants.sql
-- `errand check` has JSON functions of its own (store/sqlite_json.c). A shell has SQLite's, which
-- take what has more than 2,000 levels for no JSON: results that built-ins put together may.

-- --- the file: these two hold for any version of the schema -------------------------------------

-- The pages, the indexes and what they point to agree.
-- name: pages
SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok';

-- name: foreign_keys
SELECT 'row ' || rowid || ' of ' || "table" || ' points to no row of ' || parent
FROM pragma_foreign_key_check;

-- --- tasks ----------------------------------------------------------------------------------------

-- States, kinds and the like are the ones that errand knows.
-- name: words
SELECT 'task ' || id || ' is ' || kind || ', ' || state || ', ' || result_access || ', ' ||
    coalesce(wait_for, 'waits for nothing')
FROM tasks
WHERE state NOT IN ('scheduled', 'waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled')
    OR kind NOT IN ('task', 'meta') OR result_access NOT IN ('many', 'once', 'discard')
    OR wait_for NOT IN ('all', 'all_settled', 'any') OR (kind = 'meta') <> (wait_for IS NOT NULL);

-- A task has a time of its end when it has ended, and only then.
-- name: finished_at
SELECT 'task ' || id || ' is ' || state || iif(finished_at, ' and has', ' without') ||
    ' a time of its end'
FROM tasks WHERE (finished_at > 0) <> (state IN ('succeeded', 'failed', 'cancelled'));

-- A task has an error when it failed or was cancelled, and only then.
-- name: error
SELECT 'task ' || id || ' is ' || state || iif(error IS NULL, ' without', ' and has') || ' an error'
FROM tasks WHERE (error IS NOT NULL) <> (state IN ('failed', 'cancelled'));

-- Only what runs is asked to stop, and it can only become cancelled.
-- name: cancel_requested
SELECT 'task ' || id || ' is ' || state || ' although its cancel was requested'
FROM tasks
WHERE (cancel_requested AND state NOT IN ('running', 'cancelled'))
    OR (silent AND state <> 'cancelled' AND NOT cancel_requested);

-- An attempt ends in one way: as a failure, an interruption or a restart. One that runs has not.
-- name: attempts
SELECT 'task ' || id || ' is ' || state || ' after ' || attempt || ' starts, ' || failures ||
    ' failures, ' || interruptions || ' interruptions and ' || restarts || ' restarts'
FROM tasks
WHERE failures + interruptions + restarts > attempt - (state = 'running')
    OR (attempt > 0) <> (started_at > 0);

-- A live task has an attempt left.
-- name: attempts_left
SELECT 'task ' || id || ' is ' || state || ' after ' || failures || ' failures of ' || max_attempts
FROM tasks WHERE finished_at = 0 AND failures >= max_attempts;

-- What is scheduled has a time.
-- name: run_at
SELECT 'task ' || id || ' is scheduled for no time' FROM tasks
WHERE state = 'scheduled' AND run_at <= 0;

-- At most one live task has a cache_key.
-- name: live_key
SELECT 'tasks ' || group_concat(id, ' and ') || ' are live with the cache_key ' || cache_key
FROM tasks WHERE cache_key IS NOT NULL AND finished_at = 0 GROUP BY cache_key HAVING count(*) > 1;

-- A live task is wanted: by a subscriber, by a task that waits for it, or no more: then it is being
-- cancelled.
-- name: wanted
SELECT 'task ' || id || ' is ' || state || ' with ' || subscribers ||
    ' subscribers and no task that waits for it'
FROM tasks t
WHERE finished_at = 0 AND subscribers <= 0 AND NOT cancel_requested AND NOT EXISTS (
    SELECT 1 FROM dependencies d JOIN tasks m ON m.seq = d.task
    WHERE d.dependency = t.seq AND m.state = 'waiting' AND m.continued IN (0, t.seq));

-- name: subscribers
SELECT 'task ' || id || ' has ' || subscribers || ' subscribers' FROM tasks WHERE subscribers < 0;

-- --- results --------------------------------------------------------------------------------------

-- Only what succeeded has a result.
-- name: result_early
SELECT 'task ' || t.id || ' is ' || t.state || ' and has a result'
FROM results r JOIN tasks t ON t.seq = r.task WHERE t.state <> 'succeeded';

-- What succeeded has its result, unless it was read once or is not kept.
-- name: result_missing
SELECT 'task ' || id || ' succeeded and its result is missing' FROM tasks
WHERE state = 'succeeded' AND NOT result_gone
    AND NOT EXISTS (SELECT 1 FROM results WHERE results.task = tasks.seq);

-- name: result_gone
SELECT 'task ' || id || ' is ' || state || ', ' || result_access || ', and its result is gone'
FROM tasks WHERE result_gone AND (state <> 'succeeded' OR result_access = 'many');

-- A result that no client may see is kept only while a live task needs it.
-- name: result_kept
SELECT 'task ' || t.id || ' has a result that is for nobody any more'
FROM results r JOIN tasks t ON t.seq = r.task
WHERE t.result_gone AND NOT EXISTS (
    SELECT 1 FROM dependencies d JOIN tasks m ON m.seq = d.task
    WHERE d.dependency = t.seq AND m.finished_at = 0);

-- --- dependencies ---------------------------------------------------------------------------------

-- What a live task needs is there. (What an ended one needed may have been deleted.)
-- name: dependency
SELECT 'task ' || m.id || ' needs a task that is not there, number ' || d.dependency
FROM dependencies d JOIN tasks m ON m.seq = d.task
WHERE m.finished_at = 0 AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.seq = d.dependency);

-- What waits has counted the places whose tasks have not ended, and there are some. One that has
-- continued waits for one task, which may stand in its arguments too.
-- name: unresolved
SELECT 'task ' || id || ' waits for ' || unresolved || ' dependencies, but ' || open || ' are open'
FROM (SELECT m.id, m.unresolved, (
        SELECT iif(m.continued, count(DISTINCT d.dependency), count(*))
        FROM dependencies d JOIN tasks t ON t.seq = d.dependency
        WHERE d.task = m.seq AND m.continued IN (0, d.dependency)
            AND t.state NOT IN ('succeeded', 'failed', 'cancelled')) AS open
    FROM tasks m WHERE m.state = 'waiting')
WHERE unresolved <> open OR open = 0;

-- At the bottom of all waiting is a task that does not wait: nothing waits for itself.
-- name: circle
WITH RECURSIVE able (seq) AS (
    SELECT seq FROM tasks WHERE state IN ('scheduled', 'queued', 'running')
    UNION
    SELECT d.task FROM able JOIN dependencies d ON d.dependency = able.seq
    JOIN tasks m ON m.seq = d.task AND m.state = 'waiting' AND m.continued IN (0, able.seq))
SELECT 'task ' || id || ' waits in a circle, or for nothing' FROM tasks
WHERE state = 'waiting' AND seq NOT IN (SELECT seq FROM able);

-- The first that succeeded is one of those that a wait_for any named.
-- name: winner
SELECT 'task ' || id || ' has a winner that it did not wait for' FROM tasks
WHERE winner <> 0 AND (wait_for IS NOT 'any' OR NOT EXISTS (
    SELECT 1 FROM dependencies d WHERE d.task = tasks.seq AND d.dependency = tasks.winner));

-- A task that returned another one depends on it. A task without arguments to wait for waits for
-- nothing else.
-- name: continued
SELECT 'task ' || id || ' waits for a task that it did not return, number ' || continued
FROM tasks
WHERE (continued <> 0 AND NOT EXISTS (
        SELECT 1 FROM dependencies d WHERE d.task = tasks.seq AND d.dependency = tasks.continued))
    OR (continued = 0 AND kind = 'task' AND state = 'waiting');

-- --- leases ---------------------------------------------------------------------------------------

-- A lease that is not over is one of a task that runs, in this attempt.
-- name: lease
SELECT 'task ' || t.id || ' is ' || t.state || ' in attempt ' || t.attempt ||
    ', and has a lease of attempt ' || l.attempt
FROM leases l JOIN tasks t ON t.seq = l.task
WHERE (l.due_at > 0 AND (t.state <> 'running' OR t.attempt <> l.attempt)) OR l.attempt > t.attempt;

-- A lease says how it came to be over when it is, and only then.
-- name: lease_ended
SELECT 'lease ' || task || '-' || attempt || iif(ended IS NULL, ' is over without', ' has a') ||
    ' reason to be over'
FROM leases WHERE (due_at > 0) <> (ended IS NULL);

-- --- what belongs to a task -----------------------------------------------------------------------

-- name: orphan
SELECT 'there is no task for ' || what || ' of task number ' || task FROM (
    SELECT 'arguments' AS what, task FROM payloads
    UNION ALL SELECT 'a result', task FROM results
    UNION ALL SELECT 'a channel', task FROM task_channels
    UNION ALL SELECT 'a dependency', task FROM dependencies
    UNION ALL SELECT 'a subscription', task FROM subscriptions
    UNION ALL SELECT 'a lease', task FROM leases
    UNION ALL SELECT 'a log', task FROM logs
    UNION ALL SELECT 'a count of a log', task FROM log_totals)
WHERE task NOT IN (SELECT seq FROM tasks);

-- A task is found under each of its channels, and under no other. Names are compared as JSON, as
-- they are stored: SQLite reads a string up to U+0000.
-- name: channels
SELECT 'task ' || t.id || ' is found under ' || coalesce(c.found, 0) || ' of its ' ||
    json_array_length(t.channels) || ' channels'
FROM tasks t LEFT JOIN (SELECT task, count(*) AS found FROM task_channels GROUP BY task) c
    ON c.task = t.seq
WHERE t.channels IS NOT NULL AND json_array_length(t.channels) <> coalesce(c.found, 0)
UNION ALL
SELECT 'task ' || t.id || ' is found under the channel ' || c.channel || ', which it has not'
FROM task_channels c JOIN tasks t ON t.seq = c.task
WHERE t.channels IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(t.channels) e
    WHERE t.channels -> e.fullkey = json_quote(c.channel));

-- The bytes of a log are counted.
-- name: log_bytes
SELECT 'task ' || t.id || ' has a log of ' || l.bytes || ' bytes, counted as ' ||
    coalesce(n.head_bytes + n.tail_bytes, 'none')
FROM (SELECT task, total(length(CAST(text AS BLOB)) * head) AS head,
        total(length(CAST(text AS BLOB)) * (1 - head)) AS tail,
        sum(length(CAST(text AS BLOB))) AS bytes FROM logs GROUP BY task) l
JOIN tasks t ON t.seq = l.task LEFT JOIN log_totals n ON n.task = l.task
WHERE n.task IS NULL OR n.head_bytes <> l.head OR n.tail_bytes <> l.tail;

-- name: json
SELECT what || ' number ' || number || ' is no JSON' FROM (
    SELECT 'the arguments of task' AS what, task AS number, args AS text FROM payloads
    UNION ALL SELECT 'the arguments of task', task, kwargs FROM payloads
    UNION ALL SELECT 'the metadata of task', task, metadata FROM payloads
    UNION ALL SELECT 'the result of task', task, value FROM results
    UNION ALL SELECT 'the progress of task', seq, progress FROM tasks
    UNION ALL SELECT 'the error of task', seq, error FROM tasks
    UNION ALL SELECT 'the channels of task', seq, channels FROM tasks
    UNION ALL SELECT 'event', id, data FROM events)
WHERE text IS NOT NULL AND NOT json_valid(text);

-- --- events: the oldest may have been deleted, so what is said of all of them is said of the rest --

-- Events are numbered from 1, and so are tasks.
-- name: event_number
SELECT 'event ' || id || ' speaks of task number ' || task FROM events WHERE id < 1 OR task < 1;

-- An event names the task that it belongs to.
-- name: event_task
SELECT 'event ' || e.id || ' of task ' || t.id || ' speaks of another'
FROM events e JOIN tasks t ON t.seq = e.task WHERE json_extract(e.data, '$.task') IS NOT t.id;

-- The first event of a task says that it was created, and no other does.
-- name: event_created
SELECT 'event ' || e.id || ' creates the task ' || coalesce(t.id, e.task) || ' again'
FROM events e LEFT JOIN tasks t ON t.seq = e.task
WHERE json_extract(e.data, '$.type') = 'task.created'
    AND EXISTS (SELECT 1 FROM events b WHERE b.task = e.task AND b.id < e.id);

-- A task that has ended has an event that says so, unless it was cancelled with notify:false, or
-- the events of that time are deleted.
-- name: end_untold
SELECT 'task ' || t.id || ' is ' || t.state || ' without an event that says so'
FROM tasks t
WHERE t.finished_at > 0 AND NOT (t.state = 'cancelled' AND t.silent)
    AND ((SELECT count(*) = max(id) FROM events)
        OR t.finished_at > (SELECT at FROM events ORDER BY id LIMIT 1))
    AND NOT EXISTS (SELECT 1 FROM events e
        WHERE e.task = t.seq AND json_extract(e.data, '$.type') = 'task.' || t.state);

-- A task ends once, and after that nothing is told of it. One that has not ended, or was cancelled
-- with notify:false, has no such event.
-- name: end_told
SELECT 'event ' || e.id || ' ends the task ' || coalesce(t.id, e.task) || iif(e.id < (
    SELECT max(id) FROM events WHERE task = e.task), ', and is not its last', ', which is ' ||
    iif(t.silent, 'not to be told', t.state))
FROM events e LEFT JOIN tasks t ON t.seq = e.task
WHERE json_extract(e.data, '$.type') IN ('task.succeeded', 'task.failed', 'task.cancelled')
    AND (e.id < (SELECT max(id) FROM events WHERE task = e.task)
        OR json_extract(e.data, '$.type') <> 'task.' || t.state
        OR (t.state = 'cancelled' AND t.silent));

-- Each start is told once.
-- name: starts
SELECT 'task ' || t.id || ' has ' || t.attempt || ' starts and ' || s.told || ' events of them'
FROM tasks t JOIN (SELECT task, total(json_extract(data, '$.type') = 'task.started') AS told,
        max(json_extract(data, '$.type') = 'task.created') AS whole FROM events GROUP BY task) s
    ON s.task = t.seq
WHERE s.told > t.attempt OR (s.whole AND s.told < t.attempt);

-- What is told of a task itself has changed it, and each change has made its version higher.
-- name: version
SELECT 'task ' || t.id || ' is at version ' || t.version || ' after ' || s.told || ' events'
FROM tasks t JOIN (SELECT task, count(*) AS told FROM events
        WHERE json_extract(data, '$.origin') IS NULL GROUP BY task) s ON s.task = t.seq
WHERE t.version < s.told;
