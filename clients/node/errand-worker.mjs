// errand-worker: functions for errand, in JavaScript for Node 18 or newer, with nothing else.
//
//     #!/usr/bin/env node
//     import { setTimeout as sleep } from 'node:timers/promises';
//     import { run, task } from './errand-worker.mjs';
//
//     task('add', (ctx, a, b) => a + b);
//
//     task('slow', async ({ progress, signal }, seconds) => {
//       for (let step = 0; step < 10; step++) {
//         progress(10 * step, `step ${step + 1} of 10`);
//         await sleep(100 * seconds, undefined, { signal });
//       }
//     });
//
//     run();
//
// Make that file executable, put it into the functions folder with this one beside it, and say
// in a manifest of its name what it serves: {"mode": "worker", "functions": ["add", "slow"]}.
// docs/clients.md says more.
//
// A function gets the context, then the task's args. In the context are id, function, attempt,
// kwargs, signal (an AbortSignal: the task is cancelled), progress(value, message), log(line).

import { AsyncLocalStorage } from 'node:async_hooks';
import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

// Codes of JSON-RPC errors. -32000 and below are for the implementation; -32099 is in errand's
// contract, -32800 is what other protocols use.
export const codes = {
  parseError: -32700, invalidRequest: -32600, unknownMethod: -32601,
  functionError: -32000, safeExit: -32099, cancelled: -32800,
};

/** The outcome of a task that ended because it was asked to. */
export const cancelled = { error: { code: codes.cancelled, message: 'cancelled' } };

// One for the process: errand-remote.mjs and an author's file may each have a copy of this file.
const shared = globalThis[Symbol.for('errand-worker')] ??= {
  functions: new Map(), // by name: what task() has registered
  running: new AsyncLocalStorage(), // the Task whose function calls
  serving: false,
  output: undefined, // writes to the real standard output, once it is taken over
};
export const { functions } = shared;

// --- what an author uses -------------------------------------------------------------------

/** Registers a function: task('name', f), or task(f) under its own name. */
export function task(name, f) {
  if (typeof name === 'function') return task(name.name, name);
  if (!name || typeof f !== 'function') throw new TypeError('task() wants a name and a function');
  if (functions.has(name)) throw new Error(`there are two tasks of the name ${name}`);
  functions.set(name, f);
  // Not in run() only: what the file prints on its way there is no message.
  if (!shared.serving && calledByProgram()) takeOverOutput();
}

/** Thrown by a function: an end without a result that is no failure, for a guarded task too. */
export class SafeExit extends Error {
  name = 'SafeExit';
}

/** Serves the tasks of this file to the server that has started it. If the file is imported, as by
 * a test, it does nothing. */
export function run() {
  if (calledByProgram() && claim()) new Worker(takeOverOutput()).serve();
}

// --- one task (errand-remote.mjs uses this too) --------------------------------------------

/** Whether the caller is the first who wants to serve: there is one in a process. */
export function claim() {
  const first = !shared.serving;
  shared.serving = true;
  return first;
}

/** Whether the file that calls us is the one that Node was started with, and not imported. */
function calledByProgram() {
  if (!process.argv[1]) return false;
  const [, ...frames] = new Error().stack.split('\n');
  const caller = frames.find((frame) => !frame.includes(import.meta.url));
  return caller?.includes(pathToFileURL(realpathSync(process.argv[1])).href) ?? false;
}

/** From now on what a task prints goes to its log, the rest to standard error. Returns what
 * writes to the real standard output. */
export function takeOverOutput() {
  if (shared.output) return shared.output;
  const output = process.stdout.write.bind(process.stdout);
  const elsewhere = process.stderr.write.bind(process.stderr);
  process.stdout.write = process.stderr.write = (chunk, encoding, callback) => {
    const running = shared.running.getStore();
    if (!running) return elsewhere(chunk, encoding, callback);
    running.print(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
    const written = typeof encoding === 'function' ? encoding : callback;
    if (written) process.nextTick(written);
    return true;
  };
  shared.output = output;
  return output;
}

/** One attempt of a task, from its start to its end. */
export class Task {
  #tell; // #tell('progress', {…}): to whoever gave us the task
  #controller = new AbortController();
  #printed = ''; // of a line whose end is still to come

  constructor({ id, function: name, attempt = 1 }, tell) {
    Object.assign(this, { id, function: name, attempt });
    this.#tell = tell;
  }

  /** Runs the function. Resolves to {result}, JSON text, or {error}. Never rejects. */
  start(args = [], kwargs = {}) {
    const { id, attempt } = this;
    const { signal } = this.#controller;
    const context = {
      id, function: this.function, attempt, kwargs, signal,
      progress: (value, message) => this.#tell('progress', { progress: value, message }),
      log: (line) => this.log(line),
    };
    return shared.running.run(this, () => this.#settle(context, args));
  }

  cancel() {
    this.#controller.abort();
  }

  log(line) {
    for (const part of String(line).split('\n')) this.#tell('log', { line: part });
  }

  /** Like log, but a line ends where the text says so. */
  print(text) {
    const lines = (this.#printed + text).split('\n');
    this.#printed = lines.pop();
    for (const line of lines) this.log(line);
  }

  async #settle(context, args) {
    const { signal } = context;
    try {
      const result = await functions.get(this.function)(context, ...args);
      if (result === undefined && signal.aborted) throw signal.reason;
      return { result: JSON.stringify(result) ?? 'null' };
    } catch (error) {
      if (error?.name === 'SafeExit') {
        return { error: { code: codes.safeExit, message: 'safe exit' } };
      }
      if (signal.aborted && error?.name === 'AbortError') return cancelled;
      const code = signal.aborted ? codes.cancelled : codes.functionError;
      return { error: { code, message: String(error), data: stackOf(error) } };
    } finally {
      if (this.#printed) this.print('\n');
    }
  }
}

/** It ends where the author's code was called from here. */
function stackOf(error) {
  const lines = error?.stack?.split('\n') ?? [];
  const ours = lines.findIndex((line) => line.includes(import.meta.url));
  return (ours < 0 ? lines : lines.slice(0, ours)).join('\n');
}

// --- the conversation with the server: JSON-RPC 2.0, one message a line --------------------

class Worker {
  #output; // writes to the real standard output
  #running = new Map(); // Task by id
  #finishing = false;
  #stop = () => this.stop();

  constructor(output) {
    this.#output = output;
  }

  serve() {
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, this.#stop);
    process.stdout.on('error', this.#stop); // the server is gone
    let parts = []; // of a line whose end is still to come; node:readline knows too many ends
    process.stdin.setEncoding('utf8').on('data', (chunk) => {
      const [first, ...rest] = chunk.split('\n');
      parts.push(first);
      for (const part of rest) {
        this.receive(parts.join(''));
        parts = [part];
      }
    }).on('end', () => this.finish());
  }

  receive(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch (error) {
      this.answer(null, { error: { code: codes.parseError, message: error.message } });
      return;
    }
    const { id, method, params = {} } = message ?? {};
    if (typeof method !== 'string') {
      this.answer(null, { error: { code: codes.invalidRequest, message: 'no request' } });
    } else if (id !== undefined) {
      this.start(id, method, params);
    } else if (method === 'cancel') {
      this.#running.get(params.id)?.cancel();
    }
  }

  async start(id, name, { args, kwargs, attempt }) {
    if (!functions.has(name)) {
      const message = `there is no task ${name} here`;
      this.answer(id, { error: { code: codes.unknownMethod, message } });
      return;
    }
    if (this.#running.has(id) || this.#finishing) {
      const message = 'it runs already, or the worker is ending';
      this.answer(id, { error: { code: codes.invalidRequest, message } });
      return;
    }
    const running = new Task({ id, function: name, attempt }, (method, params) => {
      this.send(JSON.stringify({ jsonrpc: '2.0', method, params: { id, ...params } }));
    });
    this.#running.set(id, running);
    const outcome = await running.start(args, kwargs);
    this.#running.delete(id);
    this.answer(id, outcome);
    this.endIfIdle();
  }

  answer(id, { result, error }) {
    const outcome = error ? `"error":${JSON.stringify(error)}` : `"result":${result}`;
    this.send(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${outcome}}`);
  }

  send(text) {
    this.#output(`${text}\n`);
  }

  /** Nothing more will come: what runs may end. */
  finish() {
    this.#finishing = true;
    this.endIfIdle();
  }

  /** SIGTERM: what runs is asked to end. The next one ends all at once. */
  stop() {
    for (const name of ['SIGTERM', 'SIGINT']) process.off(name, this.#stop);
    for (const running of this.#running.values()) running.cancel();
    this.finish();
  }

  endIfIdle() {
    if (this.#finishing && this.#running.size === 0) process.exit();
  }
}
