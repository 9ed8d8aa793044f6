#!/usr/bin/env node
// Two functions of one warm worker. While one waits for a disk or a network, others run.
// docs/clients.md runs both.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { run, task } from './errand-worker.mjs';

// The number of lines in a file.
task(async function count_lines({ progress, signal }, path) {
  const { size } = await stat(path);
  let lines = 0, seen = 0;
  for await (const piece of createReadStream(path, { signal })) {
    for (const byte of piece) lines += byte === 10;
    seen += piece.length;
    progress(Math.floor(100 * seen / size), `${seen} of ${size} bytes`);
  }
  return lines;
});

// Gets all these URLs at the same time.
task(async function fetch_all({ kwargs, log, signal }, ...urls) {
  const { timeout = 10 } = kwargs; // seconds
  return Promise.all(urls.map(async (url) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(1000 * timeout)]);
    try {
      const answer = await fetch(url, { signal: limit });
      return { url, status: answer.status, bytes: (await answer.arrayBuffer()).byteLength };
    } catch (error) {
      signal.throwIfAborted(); // the task is cancelled: no URL is to blame
      log(`${url}: ${error.message}`);
      return { url, status: null };
    }
  }));
});

run();
