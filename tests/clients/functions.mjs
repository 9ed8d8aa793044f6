#!/usr/bin/env node
// What the tests of the clients run. functions.py is the same in Python.

import { setTimeout as sleep } from 'node:timers/promises';
import { SafeExit, run, task } from './errand-worker.mjs';

task('given', ({ kwargs }, ...args) => ({ args, kwargs }));

task('who-am-i', (ctx) => [ctx.id, ctx.function, ctx.attempt]);

task(async function say({ log, progress }) {
  progress(40, 'halfway');
  log('two\nlines');
  console.log('printed');
  process.stdout.write('no end');
  progress(80);
});

// Until it is cancelled.
task('wait', async ({ log, progress, signal }) => {
  progress(1);
  try {
    await sleep(60_000, undefined, { signal });
  } finally {
    log('tidied up');
  }
});

// The same, with nothing to hand the signal to.
task('hold', async ({ progress, signal }) => {
  progress(1);
  while (!signal.aborted) await sleep(10);
});

task('boast', ({ progress }) => {
  progress(101);
  return 'done';
});

task('nap', async ({ progress }, seconds) => {
  progress(1);
  await sleep(1000 * seconds);
  return 'rested';
});

// Ends when three of it run at once.
const present = [];
task('meet', () => new Promise((resolve) => {
  present.push(resolve);
  if (present.length === 3) for (const leave of present) leave();
}));

task('broken', (ctx, message) => {
  throw new RangeError(message);
});

task('leave', () => {
  throw new SafeExit();
});

task('no_json', () => 1n);

console.log('ready');
run();
