#!/usr/bin/env node
// errand-remote: runs the tasks of a worker's files for a server elsewhere, over HTTP.
//
//     errand-remote.mjs --server http://host:8080 --token-file token --max 4 my-functions.mjs
//
// The server's manifests of these functions say {"mode": "remote"}. The files are the same that a
// server would start as workers; errand-worker.mjs has to lie beside this one.
//
// It leases tasks, runs them, says that it is alive and how far they are, and hands in results. A
// lease that is lost is another worker's by now: what runs under it is cancelled and not handed in.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Task, cancelled, claim, codes, functions, takeOverOutput } from './errand-worker.mjs';

const PAUSE = 0.5; // seconds at least between two heartbeats of a lease
const LAST_WORDS = 1; // seconds that a cancelled task gets when this program ends
const LINES_KEPT = 10_000, LINES_SENT = 500; // log lines: in memory, in one heartbeat
const LINE_MAX = 1000; // characters; a heartbeat has to stay below the server's --max-body

const interrupted = { code: 'interrupted', message: 'the worker is stopping', retry: true };

const say = (text) => console.error('errand-remote:', text);

/** Something that happens once, or again after reset(). */
class Event {
  constructor() {
    this.reset();
  }

  reset() {
    this.happened = false;
    this.promise = new Promise((resolve) => {
      this.set = () => {
        this.happened = true;
        resolve();
      };
    });
  }

  /** Waits for it, but no longer than that. */
  async within(seconds) {
    const timer = new AbortController();
    const timeout = sleep(Math.max(1000 * seconds, 0), undefined, { signal: timer.signal });
    await Promise.race([this.promise, timeout.catch(() => {})]);
    timer.abort();
  }
}

/** Pauses that double from a second to half a minute, with jitter. */
class Backoff {
  #seconds = 1;

  async pause(unless) {
    await unless.within(this.#seconds * (0.5 + 0.5 * Math.random()));
    this.#seconds = Math.min(2 * this.#seconds, 30);
  }
}

/** No answer from the server, or one that says to come again later. */
class Unreachable extends Error {}

class Server {
  constructor(url, token) {
    this.url = url.replace(/\/+$/, '');
    this.headers = { 'Content-Type': 'application/json' };
    if (token) this.headers.Authorization = `Bearer ${token}`;
  }

  /** The answer's status and its value, or its text if it says no. Throws Unreachable. */
  async call(method, path, body, seconds = 10) {
    const { headers } = this;
    const signal = AbortSignal.timeout(1000 * seconds);
    try {
      const answer = await fetch(this.url + path, { method, headers, body, signal });
      const text = (await answer.text()).trim();
      const { ok, status } = answer;
      if (status === 429 || status >= 500) throw new Error(`${status}: ${text}`);
      return { status, answer: ok ? JSON.parse(text || 'null') : text };
    } catch (error) {
      throw new Unreachable(error.cause?.message || error.message);
    }
  }
}

/** One task that the server has lent us. */
class Lease {
  #progress = {}; // news for the next heartbeat, as the lines are
  #lines = [];
  #stirred = new Event(); // there is something to say
  #done = new Event();
  #outcome;
  #cancelAsked = false; // by the server, not because this program ends
  #lost = false;

  constructor(remote, { lease, task }) {
    this.remote = remote;
    this.given = task;
    this.path = `/v1/leases/${lease}`;
    this.validUntil = performance.now() + 1000 * remote.ttl;
    this.task = new Task(task, (method, params) => this.note(method, params));
  }

  async run() {
    const { ttl } = this.remote;
    if (!this.#done.happened) {
      this.task.start(this.given.args, this.given.kwargs).then((outcome) => this.end(outcome));
    }
    while (!this.#done.happened) {
      await this.#stirred.within(ttl / 3);
      this.#stirred.reset();
      if (this.#done.happened) break;
      await this.beat();
      await this.#done.within(PAUSE);
    }
    while (this.hasNews() && !this.#lost && await this.beat());
    if (!this.#lost) await this.deliver();
  }

  hasNews() {
    return this.#lines.length > 0 || Object.keys(this.#progress).length > 0;
  }

  // What the task says.

  note(method, params) {
    if (method === 'progress') this.#progress = params;
    else this.#lines.push(params.line.slice(0, LINE_MAX));
    this.#lines.splice(0, this.#lines.length - LINES_KEPT);
    this.#stirred.set();
  }

  end(outcome) {
    this.#outcome ??= outcome;
    this.#done.set();
    this.#stirred.set();
  }

  // What is said to the server.

  /** Renews the lease and tells the news. True if the server has had them. */
  async beat() {
    const { ttl, server } = this.remote;
    const progress = this.#progress, lines = this.#lines.slice(0, LINES_SENT);
    const news = { ...progress, log: lines.length ? lines : undefined };
    const asked = performance.now();
    let reply;
    try {
      const body = JSON.stringify(news);
      reply = await server.call('POST', `${this.path}/heartbeat`, body, Math.max(ttl / 3, 1));
    } catch (why) {
      if (performance.now() > this.validUntil) this.drop(why.message);
      return false;
    }
    if (reply.status === 404 || reply.status === 409) {
      this.drop(reply.answer);
      return false;
    }
    if (this.#progress === progress) this.#progress = {};
    this.#lines.splice(0, lines.length);
    if (reply.status !== 200) { // it does not like the news, so it has had them
      say(`what task ${this.task.id} says is refused: ${reply.answer}`);
      return true;
    }
    this.validUntil = asked + 1000 * ttl;
    if (reply.answer.cancel) {
      this.#cancelAsked = true;
      this.task.cancel();
    }
    return true;
  }

  drop(why) {
    say(`task ${this.task.id} is not ours any more: ${why}`);
    this.#lost = true;
    this.task.cancel();
  }

  /** Where it goes to, and the body. */
  outcome() {
    const { result, error } = this.#outcome;
    if (!error) return ['result', result];
    if (error.code === codes.safeExit) return ['result', 'null'];
    if (error.code !== codes.cancelled) {
      return ['error', JSON.stringify({ ...error, code: 'function-error', retry: true })];
    }
    const why = this.#cancelAsked ? { ...error, code: 'cancelled' } : interrupted;
    return ['error', JSON.stringify(why)];
  }

  /** Until the server has taken it, or says that nobody wants it. */
  async deliver() {
    const { server, hurry } = this.remote;
    const backoff = new Backoff();
    let [kind, body] = this.outcome();
    for (;;) {
      try {
        const { status, answer } = await server.call('PUT', `${this.path}/${kind}`, body);
        if (status === 404 || status === 409) return this.drop(answer);
        if (status < 400) return;
        if (kind === 'error') return say(`the error of task ${this.task.id} is refused: ${answer}`);
        const code = status === 413 ? 'result-too-large' : 'invalid-result';
        [kind, body] = ['error', JSON.stringify({ code, message: answer, retry: false })];
      } catch (why) {
        say(`the ${kind} of task ${this.task.id} waits: ${why.message}`);
        await backoff.pause(hurry);
        if (hurry.happened) return;
      }
    }
  }
}

/** Leases tasks as long as there is room, and runs them. */
class Remote {
  #leases = new Map(); // the promise of its end by lease
  #room = new Event();
  #stopping = new Event(); // no new tasks
  #graceEnds; // milliseconds of performance.now(), once stopping is set
  #stop = () => this.stop();
  hurry = new Event(); // no second try of anything

  constructor(server, { ttl, wait, max, grace }) {
    Object.assign(this, { server, ttl, wait, max, grace });
  }

  /** Until it is told to stop. */
  async run() {
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, this.#stop);
    let backoff = new Backoff();
    while (!this.#stopping.happened) {
      this.#room.reset();
      if (this.#leases.size >= this.max) {
        await this.#room.promise;
        continue;
      }
      try {
        await this.poll();
        backoff = new Backoff();
      } catch (why) {
        if (!(why instanceof Unreachable)) throw why;
        say(`no tasks from ${this.server.url}: ${why.message}`);
        await backoff.pause(this.#stopping);
      }
    }
    await this.end();
  }

  async poll() {
    const { ttl, wait, max } = this;
    const wanted = { functions: [...functions.keys()], max: max - this.#leases.size, wait, ttl };
    const body = JSON.stringify(wanted);
    const { status, answer } = await this.server.call('POST', '/v1/leases', body, wait + 10);
    if (status !== 200) {
      say(`${this.server.url} refuses: ${answer}`);
      process.exitCode = 1;
      return this.stop();
    }
    for (const grant of answer.leases) {
      const lease = new Lease(this, grant);
      if (this.#stopping.happened) lease.end(cancelled);
      this.#leases.set(lease, lease.run().finally(() => {
        this.#leases.delete(lease);
        this.#room.set();
      }));
    }
  }

  /** SIGTERM. The next one ends all at once. */
  stop() {
    for (const name of ['SIGTERM', 'SIGINT']) process.off(name, this.#stop);
    say(`ending: ${this.#leases.size} tasks are running`);
    this.#graceEnds = performance.now() + 1000 * this.grace;
    this.#stopping.set();
    this.#room.set();
  }

  /** Running tasks get time; then they are asked to end, and given back. */
  async end() {
    await this.settle((this.#graceEnds - performance.now()) / 1000);
    this.hurry.set();
    for (const lease of this.#leases.keys()) lease.task.cancel();
    await this.settle(LAST_WORDS);
    for (const lease of this.#leases.keys()) lease.end(cancelled);
    await this.settle(this.ttl);
  }

  async settle(seconds) {
    const over = new Event();
    Promise.all(this.#leases.values()).then(over.set);
    await over.within(seconds);
  }
}

const usage = `usage: errand-remote.mjs [options] FILE...
  --server URL       of the server (http://127.0.0.1:8080)
  --token-file FILE  file that holds the bearer token; or set ERRAND_TOKEN
  --max N            tasks at once (4)
  --ttl S            seconds that a lease lasts if the server hears nothing (15)
  --wait S           seconds that a request for tasks waits for one (5)
  --grace S          seconds that running tasks get when this program is to end (10)`;

function readOptions() {
  const names = ['server', 'token-file', 'max', 'ttl', 'wait', 'grace'];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const numbers = {};
  for (const [name, standard] of Object.entries({ max: 4, ttl: 15, wait: 5, grace: 10 })) {
    numbers[name] = Number(values[name] ?? standard);
    if (!(numbers[name] >= 0)) throw new Error(`--${name} wants a number`);
  }
  if (!positionals.length) throw new Error('no file is named');
  return { ...values, ...numbers, files: positionals };
}

let options;
try {
  options = readOptions();
} catch (error) {
  console.error(`errand-remote: ${error.message}\n${usage}`);
  process.exit(2);
}
const file = options['token-file'];
const token = file ? readFileSync(file, 'utf8').trim() : process.env.ERRAND_TOKEN;
claim(); // so that run() in the files does not serve standard input
takeOverOutput();
for (const path of options.files) await import(pathToFileURL(resolve(path)));
await new Remote(new Server(options.server ?? 'http://127.0.0.1:8080', token), options).run();
process.exit();
