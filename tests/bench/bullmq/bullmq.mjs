// The measure of errand's functions: BullMQ on Redis, a queue and its workers in this process,
// that run jobs which do nothing.
//
//     node bullmq.mjs SOCKET      SOCKET is Redis's
//
// Says "listening on http://127.0.0.1:PORT" and answers with plain text:
//
//     GET /fresh?workers=N    an empty Redis, a new queue with N workers
//     GET /rate?batches=N     adds N arrays of jobs one after the other, waits until all are
//                             completed: the seconds that it took
//     GET /latency?jobs=N     one job at a time; the median milliseconds from add() to "completed",
//                             of the queue's event stream and of the worker itself

import { createServer } from 'node:http';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { Queue, QueueEvents, Worker } from 'bullmq';

const batch = 500; // jobs in one addBulk(): as many as errand gets in one POST
const connection = { path: process.argv[2], maxRetriesPerRequest: null };
const workerOptions = {
  connection,
  concurrency: 32,
  skipLockRenewal: true, // jobs that do nothing need neither
  skipStalledCheck: true,
};
const jobs = Array.from({ length: batch }, () => ({ name: 'noop', data: { x: 'x' } }));
const redis = new Redis(connection);
let generation = 0;
let queue;
let workers = [];

// What is completed is kept, which is the default, because errand keeps results too.
async function fresh(count) {
  await Promise.all(workers.map((worker) => worker.close()));
  await queue?.close();
  await redis.flushall();
  const name = `bench-${++generation}`;
  queue = new Queue(name, { connection });
  queue.on('error', broken);
  workers = Array.from({ length: count }, () => newWorker(name));
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
}

function newWorker(name) {
  const worker = new Worker(name, async (job) => job.data.x, workerOptions);
  worker.on('failed', broken);
  worker.on('error', broken);
  return worker;
}

function broken(first, second) {
  console.error('bullmq.mjs:', second ?? first);
  process.exit(1);
}

async function seconds(batches) {
  let left = batches * batch;
  let finish;
  const finished = new Promise((resolve) => { finish = resolve; });
  const count = () => --left || finish();
  for (const worker of workers) worker.on('completed', count);
  const from = performance.now();
  for (let i = 0; i < batches; i++) await queue.addBulk(jobs);
  await finished;
  for (const worker of workers) worker.off('completed', count);
  return (performance.now() - from) / 1000;
}

// Wants one worker.
async function latencies(count) {
  const events = new QueueEvents(queue.name, { connection });
  const streamed = [];
  const local = [];
  events.on('error', broken);
  await events.waitUntilReady();
  for (let i = -50; i < count; i++) { // the first are for warming
    const told = once(events, 'completed').then(() => performance.now());
    const done = once(workers[0], 'completed').then(() => performance.now());
    const from = performance.now();
    await queue.add('noop', { x: 'x' });
    const times = await Promise.all([told, done]);
    if (i < 0) continue;
    streamed.push(times[0] - from);
    local.push(times[1] - from);
  }
  await events.close();
  return `${median(streamed)} ${median(local)}`;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const answers = {
  '/fresh': async (query) => { await fresh(Number(query.get('workers'))); return 'ok'; },
  '/rate': (query) => seconds(Number(query.get('batches'))),
  '/latency': (query) => latencies(Number(query.get('jobs'))),
};

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  answers[url.pathname](url.searchParams).then((result) => {
    const body = String(result);
    response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) }).end(body);
  }).catch(broken);
});
server.keepAliveTimeout = 0; // the part may take its time between two questions
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
