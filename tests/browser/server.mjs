// The server under test: the real binary, on a free port, with folders of its own.

import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ended, lineOf, until } from './tools.mjs';

const BINARY = resolve(process.env.ERRAND || 'build/errand');

// steady: logs, reports its progress, and goes on until it is cancelled or nobody reads its reports.
// broken: fails with a status. loud: markup in all that it says, and in its result.
const FUNCTIONS = {
    'steady.sh': `#!/bin/sh
echo "warming up" >&2
while :; do
    echo '{"progress":40,"message":"halfway there"}' >&3
    sleep 1
done
`,
    'broken.sh': `#!/bin/sh
echo "reading the input" >&2
echo "the disk is on fire" >&2
exit 3
`,
    'loud.sh': `#!/bin/sh
echo '<img src=x onerror="window.owned=1">log' >&2
echo '{"progress":70,"message":"<img src=x onerror=window.owned=1>message"}' >&3
echo '<script>window.owned=1</script>result'
`,
};

export async function startServer({ token = '' } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'errand-server-'));
    await mkdir(join(folder, 'functions'));
    for (const [name, text] of Object.entries(FUNCTIONS)) await writeFile(join(folder, 'functions', name), text, { mode: 0o755 });
    const server = { folder, token, port: 0 };
    try {
        await launch(server);
    } catch (error) {
        await removeServer(server);
        throw error;
    }
    return server;
}

async function launch(server) {
    const { ERRAND_TOKEN: _, ...env } = process.env;
    if (server.token) env.ERRAND_TOKEN = server.token;
    const child = server.child = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${server.port}`, '--data', join(server.folder, 'data'),
        '--functions', join(server.folder, 'functions'), '--slots', '4', '--grace', '1', '--drain', '0'],
    { env, stdio: ['ignore', 'pipe', process.env.VERBOSE ? 'inherit' : 'ignore'], detached: true });
    [, server.url, server.port] = await lineOf(child, /listening on (http:\/\/\S+:(\d+))/, BINARY);
}

// As a power cut would: no goodbye, then the same port and data again.
export async function killServer(server) {
    server.child.kill('SIGKILL');
    await ended(server.child);
}
export const restartServer = server => launch(server);

// The server ends its tasks itself when asked to; what it does not do in time is done for it.
export async function removeServer(server) {
    if (server.child?.pid) {
        server.child.kill('SIGTERM');
        const late = setTimeout(() => server.child.kill('SIGKILL'), 8000);
        await ended(server.child);
        clearTimeout(late);
    }
    await rm(server.folder, { recursive: true, force: true });
}

export function clientOf(server) {
    const request = async (method, path, body) => {
        const response = await fetch(server.url + path, {
            method,
            headers: { ...body !== undefined && { 'Content-Type': 'application/json' }, ...server.token && { Authorization: `Bearer ${server.token}` } },
            body: body === undefined ? undefined : JSON.stringify(body),
            signal: AbortSignal.timeout(20000),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 400)}`);
        return text ? JSON.parse(text) : null;
    };
    const client = {
        create: task => request('POST', '/v1/tasks', task),
        task: id => request('GET', `/v1/tasks/${id}`),
        cancel: id => request('POST', `/v1/tasks/${id}/cancel`, {}),
        ticket: body => request('POST', '/v1/tickets', body),
        cancelAll: () => request('POST', '/v1/tasks/cancel', {}),
        reaches: (id, state) => until(async () => {
            const task = await client.task(id);
            if (task.state === state) return task;
            throw new Error(`task ${id} is ${task.state}, not ${state}`);
        }, 20),
        stats: () => request('GET', '/v1/stats'),

        // The stored events that a filter selects, from the beginning up to the given id.
        async eventsUpTo(lastId, filter) {
            const stop = new AbortController();
            const late = setTimeout(() => stop.abort(), 20000);
            const response = await fetch(`${server.url}/v1/events?${filter}&last_event_id=0`, {
                headers: server.token ? { Authorization: `Bearer ${server.token}` } : {},
                signal: stop.signal,
            });
            const ids = [];
            let text = '';
            try {
                for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
                    text += chunk;
                    const blocks = text.split('\n\n');
                    text = blocks.pop();
                    for (const block of blocks) ids.push(.../^id: ?(\d+)$/m.exec(block)?.slice(1) ?? []);
                    if (Number(ids.at(-1)) >= Number(lastId)) return ids;
                }
            } finally {
                clearTimeout(late);
                stop.abort();
            }
            throw new Error(`the stream ended before ${lastId}`);
        },
    };
    return client;
}
