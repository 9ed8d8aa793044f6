-- Every statement that errand runs, by name. The store calls them by that name,
-- binds parameters by name, and prepares each once per connection. A shell can
-- run and EXPLAIN them: sqlite3 errand.db, then .parameter set :seq 1

-- --- tasks -------------------------------------------------------------------

-- name: task_insert
INSERT INTO tasks VALUES (:seq, :id, :kind, :function, :state, :lane, :priority, :channels,
    :attempt, :failures, :interruptions, :max_attempts, :timeout, :backoff_initial,
    :backoff_factor, :backoff_max, :wait_for, :unresolved, :winner, :subscribers, :progress,
    :cancel_requested, :silent, :error, :caused_by, :version, :created_at, :run_at, :started_at,
    :finished_at, :cache_key, :cache_ttl, :result_access, :result_gone, :forever, :restarts, :pause,
    :guard, :links, :continued, :queued_at);

-- name: task_move
UPDATE tasks SET state = :state, attempt = :attempt, failures = :failures,
    interruptions = :interruptions, unresolved = :unresolved, winner = :winner,
    progress = :progress, cancel_requested = :cancel_requested, silent = :silent,
    error = :error, caused_by = :caused_by, version = :version, run_at = :run_at,
    started_at = :started_at, finished_at = :finished_at, result_gone = :result_gone,
    restarts = :restarts, pause = :pause, continued = :continued, queued_at = :queued_at
WHERE seq = :seq AND state = :from;

-- name: task_touch
UPDATE tasks SET unresolved = :unresolved, progress = :progress,
    cancel_requested = :cancel_requested, silent = :silent, caused_by = :caused_by,
    subscribers = :subscribers, channels = :channels, cache_key = :cache_key,
    result_gone = :result_gone, version = :version
WHERE seq = :seq AND state = :state;

-- name: task_share
UPDATE tasks SET subscribers = subscribers + :subscribers, channels = coalesce(:channels, channels),
    version = version + :changes
WHERE seq = :seq;

-- name: task_by_seq
SELECT * FROM tasks WHERE seq = :seq;

-- name: task_by_id
SELECT * FROM tasks WHERE id = :id;

-- name: task_seq_by_id
SELECT seq FROM tasks WHERE id = :id;

-- name: task_standing
SELECT seq, state, result_gone, version FROM tasks WHERE id = :id;

-- name: task_state
SELECT state FROM tasks WHERE seq = :seq;

-- A deleted task's number is not given again while there are events of it, or tasks that needed it.
-- name: task_last_seq
SELECT max(coalesce((SELECT max(seq) FROM tasks), 0),
    coalesce((SELECT max(task) FROM events), 0),
    coalesce((SELECT max(dependency) FROM dependencies), 0));

-- name: task_tally
SELECT function, state, count(*) FROM tasks GROUP BY function, state;

-- name: payload_insert
INSERT INTO payloads VALUES (:task, :args, :kwargs, :metadata);

-- name: payload
SELECT args, kwargs, metadata FROM payloads WHERE task = :task;

-- name: channel_insert
INSERT OR IGNORE INTO task_channels VALUES (:channel, :task);

-- name: result_insert
INSERT INTO results VALUES (:task, :value);

-- name: result
SELECT value FROM results WHERE task = :task;

-- Bytes: of what was sent; of the dependencies, about; of the result.
-- name: task_sizes
SELECT (SELECT length(CAST(args AS BLOB)) + length(CAST(kwargs AS BLOB))
               + ifnull(length(CAST(metadata AS BLOB)), 0) FROM payloads WHERE task = :task),
       (SELECT sum(length(at) + 100) FROM dependencies WHERE task = :task),
       (SELECT length(CAST(value AS BLOB)) FROM results WHERE task = :task);

-- --- sharing ------------------------------------------------------------------

-- name: key_holder
SELECT * FROM tasks WHERE cache_key = :key ORDER BY seq DESC LIMIT 1;

-- name: key_free
UPDATE tasks SET cache_key = NULL, version = version + 1
WHERE cache_key = :key AND finished_at = 0;

-- name: subscription_insert
INSERT INTO subscriptions VALUES (:id, :task);

-- name: subscription_delete
DELETE FROM subscriptions WHERE id = :id AND task = :task;

-- name: subscriptions_delete
DELETE FROM subscriptions WHERE task = :task;

-- --- first answers ----------------------------------------------------------------

-- name: answer_insert
INSERT INTO idempotency VALUES (:key, :body, :at, :status, :task, :answer);

-- name: answer
SELECT body, at, status, task, answer FROM idempotency WHERE key = :key;

-- name: answer_delete
DELETE FROM idempotency WHERE key = :key;

-- name: answers_delete
DELETE FROM idempotency WHERE key IN
    (SELECT key FROM idempotency WHERE at <= :before ORDER BY at LIMIT :limit);

-- name: oldest_answer_at
SELECT min(at) FROM idempotency;

-- --- the queue ---------------------------------------------------------------

-- name: ready_head
SELECT lane, priority, seq FROM tasks
WHERE function = :function AND state = 'queued'
ORDER BY lane, priority DESC, seq LIMIT 1;

-- name: ready
SELECT * FROM tasks WHERE function = :function AND state = 'queued'
ORDER BY lane, priority DESC, seq LIMIT :limit;

-- Those that were created first; created_at and seq grow together.
-- name: queued_first
SELECT max(queued_at, created_at), created_at FROM tasks WHERE state = 'queued' AND kind = :kind
ORDER BY seq LIMIT :limit;

-- name: due
SELECT * FROM tasks WHERE state = 'scheduled' AND run_at <= :now ORDER BY run_at LIMIT :limit;

-- name: next_due
SELECT min(run_at) FROM tasks WHERE state = 'scheduled';

-- name: in_state
SELECT * FROM tasks WHERE state = :state AND kind = :kind AND seq > :after
ORDER BY seq LIMIT :limit;

-- --- dependencies ------------------------------------------------------------

-- name: dependency_insert
INSERT INTO dependencies VALUES (:task, :position, :dependency, :at, :optional);

-- name: dependency_count
SELECT count(*) FROM dependencies WHERE task = :task;

-- A live task waits for it, or is to run on its result.
-- name: needed
SELECT 1 FROM dependencies d JOIN tasks m ON m.seq = d.task
WHERE d.dependency = :dependency AND m.finished_at = 0 LIMIT 1;

-- Results that no client may see, kept for a task that has ended.
-- name: gone_inputs
SELECT DISTINCT t.seq FROM dependencies d JOIN tasks t ON t.seq = d.dependency
WHERE d.task = :task AND t.result_gone = 1;

-- name: dependencies_of
SELECT t.id, t.state, d.at, t.version FROM dependencies d JOIN tasks t ON t.seq = d.dependency
WHERE d.task = :task ORDER BY d.position;

-- A deleted dependency's part in the version that its dependents show (handlers/task_json.h) stays
-- in their own, and one more: it is not listed any longer.
-- name: dependency_forget
UPDATE tasks SET version = version + 1 + (:version - 1) *
    (SELECT count(*) FROM dependencies WHERE dependency = :dependency AND task = tasks.seq)
WHERE seq IN (SELECT task FROM dependencies WHERE dependency = :dependency);

-- name: dependency_seqs
SELECT DISTINCT dependency FROM dependencies WHERE task = :task;

-- name: dependents_waiting
SELECT d.task, count(*), min(d.optional) FROM dependencies d
JOIN tasks t ON t.seq = d.task AND t.state = 'waiting' AND t.continued IN (0, d.dependency)
WHERE d.dependency = :dependency GROUP BY d.task;

-- name: dependent
SELECT count(*), min(optional) FROM dependencies WHERE task = :task AND dependency = :dependency;

-- name: has_dependents
SELECT 1 FROM dependencies WHERE dependency = :seq LIMIT 1;

-- name: inputs
SELECT t.seq, t.id, t.state, t.error, d.optional
FROM dependencies d JOIN tasks t ON t.seq = d.dependency
WHERE d.task = :task ORDER BY d.position;

-- What has continued waits for one task, in however many of its places that stands.
-- name: unresolved_now
SELECT iif(m.continued, count(DISTINCT d.dependency), count(*)) FROM dependencies d JOIN tasks t ON t.seq = d.dependency
JOIN tasks m ON m.seq = d.task AND m.continued IN (0, d.dependency)
WHERE d.task = :task AND t.state NOT IN ('succeeded', 'failed', 'cancelled');

-- The live meta-tasks that wait for a task, at any distance (design 5.2). One that has continued
-- waits for the task that it returned, and for none of its arguments any more.
-- name: ancestors
WITH RECURSIVE up (seq) AS (
    SELECT d.task FROM dependencies d JOIN tasks m ON m.seq = d.task
    WHERE d.dependency = :seq AND m.continued IN (0, d.dependency)
    UNION
    SELECT d.task FROM up JOIN tasks t ON t.seq = up.seq AND t.state = 'waiting'
    JOIN dependencies d ON d.dependency = up.seq
    JOIN tasks m ON m.seq = d.task AND m.continued IN (0, d.dependency))
SELECT t.* FROM up JOIN tasks t ON t.seq = up.seq WHERE t.state = 'waiting' ORDER BY t.seq;

-- --- lists -------------------------------------------------------------------

-- name: list_all
SELECT seq FROM tasks WHERE seq < :before ORDER BY seq DESC LIMIT 1;

-- name: list_state
SELECT seq FROM tasks WHERE state = :state AND kind = :kind AND seq < :before
ORDER BY seq DESC LIMIT 1;

-- name: list_function
SELECT seq FROM tasks WHERE function = :function AND seq < :before ORDER BY seq DESC LIMIT 1;

-- name: list_channel
SELECT task FROM task_channels WHERE channel = :channel AND task < :before ORDER BY task DESC
LIMIT 1;

-- name: created_at
SELECT seq, created_at FROM tasks WHERE seq >= :seq ORDER BY seq LIMIT 1;

-- --- events ------------------------------------------------------------------

-- name: event_insert
INSERT INTO events VALUES (:id, :task, :at, :data);

-- name: event_bounds
SELECT (SELECT min(id) FROM events), (SELECT max(id) FROM events);

-- name: events_after
SELECT id, data FROM events WHERE id > :after ORDER BY id LIMIT :limit;

-- name: task_events_after
SELECT id, data FROM events WHERE task = :task AND id > :after ORDER BY id LIMIT :limit;

-- --- logs --------------------------------------------------------------------

-- name: log_insert
INSERT INTO logs (task, head, lines, text) VALUES (:task, :head, :lines, :text);

-- name: log_totals
SELECT head_bytes, tail_bytes, dropped_bytes, dropped_lines FROM log_totals WHERE task = :task;

-- name: log_totals_save
INSERT OR REPLACE INTO log_totals
VALUES (:task, :head_bytes, :tail_bytes, :dropped_bytes, :dropped_lines);

-- name: log_oldest_tail
SELECT id, lines, length(CAST(text AS BLOB)) FROM logs WHERE task = :task AND head = 0
ORDER BY id LIMIT 1;

-- name: log_delete
DELETE FROM logs WHERE id = :id;

-- name: log_read
SELECT id, head, text FROM logs WHERE task = :task AND id > :after ORDER BY id LIMIT :limit;

-- --- leases ------------------------------------------------------------------

-- name: lease_insert
INSERT INTO leases VALUES (:task, :attempt, :secret, :ttl, :expires_at, :timeout_at, :cancel_by,
    :progress_since, :progress_count, :progress, :due_at, :ended);

-- name: lease_save
UPDATE leases SET expires_at = :expires_at, cancel_by = :cancel_by,
    progress_since = :progress_since, progress_count = :progress_count, progress = :progress,
    due_at = :due_at, ended = :ended
WHERE task = :task AND attempt = :attempt;

-- name: lease
SELECT * FROM leases WHERE task = :task AND attempt = :attempt;

-- name: leases_due
SELECT * FROM leases WHERE due_at > 0 AND due_at <= :now ORDER BY due_at LIMIT :limit;

-- name: leases_next_due
SELECT min(due_at) FROM leases WHERE due_at > 0;

-- name: leases_delete
DELETE FROM leases WHERE task = :task;

-- --- retention ---------------------------------------------------------------

-- Finished long enough ago, and needed by no live task.
-- name: expired
SELECT seq, finished_at FROM tasks
WHERE finished_at > 0 AND finished_at <= :before AND NOT EXISTS (
    SELECT 1 FROM dependencies d JOIN tasks m ON m.seq = d.task
    WHERE d.dependency = tasks.seq AND m.finished_at = 0)
ORDER BY finished_at LIMIT :limit;

-- name: next_expired
SELECT min(finished_at) FROM tasks WHERE finished_at > 0;

-- name: task_delete
DELETE FROM tasks WHERE seq = :task;

-- name: payload_delete
DELETE FROM payloads WHERE task = :task;

-- name: result_delete
DELETE FROM results WHERE task = :task;

-- name: channel_delete
DELETE FROM task_channels WHERE channel = :channel AND task = :task;

-- name: dependencies_delete
DELETE FROM dependencies WHERE task = :task;

-- name: logs_delete
DELETE FROM logs WHERE task = :task;

-- name: log_totals_delete
DELETE FROM log_totals WHERE task = :task;

-- The newest event stays: its id is where counting goes on.
-- name: events_delete
DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT :limit)
    AND at <= :before AND id < (SELECT max(id) FROM events);

-- The oldest that may go.
-- name: oldest_event_at
SELECT at FROM events WHERE id < (SELECT max(id) FROM events) ORDER BY id LIMIT 1;

-- --- the file itself ---------------------------------------------------------

-- name: schema_version
SELECT user_version FROM pragma_user_version;

-- Pages that belong to nothing, in bytes.
-- name: free_bytes
SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size;

-- Whose it is, its version, and whether there is anything in it.
-- name: identity
SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema),
    (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('tasks', 'events'))
FROM pragma_application_id, pragma_user_version;

-- name: census
SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM tasks WHERE finished_at = 0),
    (SELECT count(*) FROM events);
