// Event streams in a real browser: its own EventSource, and the dashboard's use of it.

import assert from 'node:assert/strict';
import { killServer, restartServer } from '../server.mjs';

// Opens a plain EventSource in the page, which keeps all that it gets in window.streams[name].
const OPEN = `
    const [name, path] = arguments, seen = [];
    const source = new EventSource(path);
    (window.streams ||= {})[name] = { source, seen };
    for (const type of ['created', 'started', 'progress', 'succeeded', 'failed', 'cancelled'])
        source.addEventListener('task.' + type, e => seen.push({ id: e.lastEventId, type, task: JSON.parse(e.data).task }));
    source.addEventListener('reset', () => seen.push({ id: 'reset' }));`;
const isOpen = (page, name) => page.becomes('return window.streams[arguments[0]].source.readyState === EventSource.OPEN;', [name]);
const seen = (page, name) => page.run('return window.streams[arguments[0]].seen;', name);
const sawSuccess = (page, name, ids) => page.becomes(
    'const done = new Set(window.streams[arguments[0]].seen.filter(e => e.type === "succeeded").map(e => e.task)); return arguments[1].every(id => done.has(id));', [name, ids], 30);

export const cases = {
    async 'an EventSource on a channel survives kill -9 without loss or double'({ page, server, api }) {
        const on = (channel, i) => ({ function: 'echo', args: [i], notify_channels: [channel] });
        await page.run(OPEN, 'x', '/v1/events?channel=x');
        await isOpen(page, 'x');
        const first = await api.create(on('x', 'first'));
        await sawSuccess(page, 'x', [first.id]);

        const { tasks } = await api.create(Array.from({ length: 300 }, (_, i) => on(i % 3 ? 'x' : 'other', i)));
        await killServer(server); // in the middle of them
        await page.becomes('return window.streams.x.source.readyState === EventSource.CONNECTING;', []);
        await page.sees('#conn', 'Reconnecting');
        await restartServer(server);
        const last = await api.create(on('x', 'last'));
        await sawSuccess(page, 'x', [...tasks.filter((_, i) => i % 3).map(task => task.id), last.id]);

        const events = await seen(page, 'x'), got = events.map(event => event.id);
        assert.deepEqual(got, [...new Set(got)], 'an event came twice');
        for (const id of new Set(events.map(event => event.task))) {
            const types = events.filter(event => event.task === id).map(event => event.type);
            assert.match(types.join(' '), /^created( started)+ succeeded$/, `the events of ${id}`);
        }
        assert.deepEqual(got, await api.eventsUpTo(got.at(-1), 'channel=x'));
        await page.run('window.streams.x.source.close();');
    },

    async 'the dashboard comes back by itself after a restart'({ page, server, api }) {
        await page.run('location.hash = "#/"; window.notReloaded = true;');
        await page.sees('#conn', 'Live');
        await killServer(server);
        await page.sees('#conn', 'Reconnecting');
        await restartServer(server);
        const { id } = await api.create({ function: 'echo', args: ['while away'] });
        await page.sees(`tr[data-id="${id}"]`, 'succeeded');
        await page.sees('#conn', 'Live');
        assert.equal(await page.run('return window.notReloaded;'), true);
    },

    async 'the stream of a task ends for good with a 204'({ page, api }) {
        const { id } = await api.create({ function: 'sleep', args: [0.3] });
        const path = `/v1/tasks/${id}/events`;
        await page.network();
        await page.run(OPEN, 'own', path);
        await page.becomes('return window.streams.own.source.readyState === EventSource.CLOSED;', []);
        assert.deepEqual((await seen(page, 'own')).map(event => event.type), ['created', 'started', 'succeeded']);

        // Longer than the retry time that the server asks for: nothing comes any more.
        const later = await api.create({ function: 'sleep', args: [4] });
        await api.reaches(later.id, 'succeeded');
        const answers = (await page.network()).filter(m => m.method === 'Network.responseReceived' && m.params.response.url.endsWith(path));
        assert.deepEqual(answers.map(m => m.params.response.status), [200, 204]);
        assert.equal((await seen(page, 'own')).length, 3);
    },

    async 'thousands of events do not freeze the page'({ page, api }) {
        await page.run('location.hash = "#/";');
        await page.run(`
            window.longest = 0;
            let last = performance.now();
            requestAnimationFrame(function frame(t) { window.longest = Math.max(window.longest, t - last); last = t; requestAnimationFrame(frame); });`);
        const before = (await api.stats()).states.succeeded;
        const { tasks } = await api.create(Array.from({ length: 3000 }, (_, i) => ({ function: 'echo', args: [i] })));
        const count = (before + 3000).toLocaleString('en-US');
        await page.sees('#chips button:has([data-state=succeeded])', count, 60);
        await page.sees(`tr[data-id="${tasks.at(-1).id}"]`, 'succeeded');
        assert.equal(await page.run('return document.querySelectorAll("#rows tr").length;'), 500);
        await page.becomes('return [...document.querySelectorAll("#rows tr")].every(tr => tr.textContent.startsWith("succeeded") || !tr.textContent.includes("echo"));', []);
        const longest = await page.run('return window.longest;');
        assert.ok(longest < 1500, `the page stood still for ${Math.round(longest)} ms`);
    },
};
