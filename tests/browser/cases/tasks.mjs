// What a reader does with tasks: create, watch, cancel, look closer, look for.

import assert from 'node:assert/strict';
import { until } from '../tools.mjs';

const row = id => `tr[data-id="${id}"]`;
const show = (page, id) => page.run('location.hash = "#/tasks/" + arguments[0];', id);
const idShown = page => page.becomes('return (/^#\\/tasks\\/(.+)$/.exec(location.hash) || [])[1];', []);

async function fillForm(page, name, args) {
    await page.run('location.hash = "#/functions";');
    await page.sees('#functions', name);
    await page.click(`[aria-label="New task: ${name}"]`);
    await page.sees('#new', 'New task');
    await page.fill('#n-args', args);
}

export const cases = {
    async 'a task from the form succeeds before the eyes, and its result keeps its digits'({ page }) {
        await page.run('window.notReloaded = true;');
        const args = '[{"n":12345678901234567890,"tiny":1E-400,"price":0.10}]';
        await fillForm(page, 'echo', args);
        await page.click('#n-create');
        const id = await idShown(page);
        await page.sees('#d-state', 'succeeded');
        await page.sees(row(id), 'succeeded');
        await page.sees('#d-line', /created[^]*started[^]*succeeded/);
        assert.equal((await page.text('#d-args')).replace(/\s/g, ''), args);
        await page.click('#d-get');
        await page.sees('#d-result', args.slice(1, -1));
        assert.equal(await page.run('return window.notReloaded;'), true);
    },

    async 'the form shows what the server objects to, and where'({ page }) {
        await fillForm(page, 'echo', '{"not":"an array"}');
        await page.click('#n-create');
        await page.sees('#n-problem', '/args');
        assert.equal(await page.run('return document.querySelector("#n-args").ariaInvalid;'), 'true');
        await page.fill('#n-args', '[1, ]');
        await page.click('#n-create');
        await page.sees('#n-problem', 'not JSON');
        await page.fill('#n-args', '[1]');
        await page.fill('#n-notify_channels', `fine, ${'c'.repeat(129)}`);
        await page.click('#n-create');
        await page.sees('#n-problem', '/notify_channels/1');
        await page.fill('#n-notify_channels', '');
    },

    async 'a running task shows progress and log, and the button cancels it'({ page, api }) {
        const { id } = await api.create({ function: 'steady', notify_channels: ['s'] });
        await page.sees(row(id), 'running');
        await show(page, id);
        await page.sees('#d-progress', 'halfway there');
        await page.sees('#d-log', 'warming up');
        await page.sees(row(id), '40 %');
        await page.sees('#slots', '1 of 4');
        await page.click('#d-cancel');
        await page.sees('#d-state', /^cancelled$/);
        await page.sees('#d-line', 'cancelled');
        await page.sees(row(id), 'cancelled');
        await page.sees('#slots', '0 of 4');
        assert.equal(await page.count('#d-cancel'), 0);
        assert.equal((await api.task(id)).state, 'cancelled');
    },

    async 'a shared task goes on until it is cancelled for all'({ page, api }) {
        const key = { function: 'steady', cache_key: 'shared-by-two' };
        const { id } = await api.create(key);
        assert.equal((await api.create(key)).id, id);
        await show(page, id);
        await page.sees('#d-state', 'running');
        await page.click('#d-cancel');
        await page.sees('#d-note', 'goes on');
        assert.equal((await api.task(id)).state, 'running');
        await page.click('#d-note button');
        await page.sees('#d-state', /^cancelled$/);
    },

    async 'a failed task shows its error, in the list and at length'({ page, api }) {
        const { id } = await api.create({ function: 'broken' });
        await page.sees(row(id), 'the disk is on fire');
        await show(page, id);
        await page.sees('#d-error', /exit-status[^]*the disk is on fire[^]*exit_status 3/);
        await page.sees('#d-log', 'reading the input');
        assert.equal(await page.count('#d-get'), 0);
    },

    async 'a meta-task links to what it waits for, and ends live'({ page, api }) {
        const { id, dependencies } = await api.create({ process: 'collect', args: [{ $task: { function: 'sleep', args: [2] } }, { $task: { function: 'echo', args: ['b'] } }] });
        await show(page, id);
        await page.sees('#d-deps', dependencies[0].id);
        await page.sees('#d-deps', '/args/1');
        await page.sees('#d-state', 'waiting');
        await page.sees('#d-state', 'succeeded');
        await page.sees('#d-deps', /succeeded[^]*succeeded/);
        await page.click('#d-get');
        await page.sees('#d-result', /^\[2,\s?"b"\]$/);
        await page.click('#d-deps li:first-child a');
        await page.sees('#d-id', dependencies[0].id);
        await page.sees('#d-name', 'sleep');
    },

    async 'markup in a task is text, wherever it stands'({ page, api }) {
        const evil = '<img src=x onerror="window.owned=1">', script = '</script><script>window.owned=1</script>';
        const marked = { notify_channels: [evil], metadata: { [evil]: script }, kwargs: { [script]: evil } };
        const loud = await api.create({ function: 'loud', args: [evil, script], ...marked });
        const fails = await api.create({ function: 'fail', args: [evil + script], notify_channels: [script] });
        const outer = await api.create({ process: 'collect', args: [{ $task: fails.id }, script] });
        await api.reaches(loud.id, 'succeeded');
        await page.sees(row(fails.id), evil);
        await show(page, loud.id);
        await page.sees('#d-log', '<img src=x onerror="window.owned=1">log');
        await page.sees('#d-line', '<img src=x onerror=window.owned=1>message');
        await page.sees('#d-args', script);
        await page.sees('#d-facts', evil);
        await page.click('#d-get');
        await page.sees('#d-result', 'result');
        await show(page, fails.id);
        await page.sees('#d-error', evil);
        await show(page, outer.id);
        await page.sees('#d-error', fails.id);
        await page.sees('#d-args', script);
        await fillForm(page, 'echo', '["x"]');
        await page.fill('#n-notify_channels', evil.repeat(5));
        await page.click('#n-create');
        await page.sees('#n-problem', '/notify_channels/0');
        await page.fill('#n-notify_channels', '');
        await page.open(`${(await page.address()).split('#')[0]}#/tasks/${encodeURIComponent(evil)}`);
        await page.sees('#d-id', evil);
        assert.equal(await page.run('return document.querySelectorAll("main img, main script").length;'), 0);
        assert.equal(await page.run('return window.owned;'), null);
    },

    async 'the list is filtered by state, function and channel, and grows on demand'({ page, api }) {
        const bulk = Array.from({ length: 70 }, (_, i) => ({ function: 'echo', args: [i], notify_channels: ['bulk'] }));
        const { tasks } = await api.create(bulk);
        await api.reaches(tasks[69].id, 'succeeded');
        await page.run('location.hash = "#/";');
        await page.fill('#f-channel', 'bulk');
        await page.becomes('return document.querySelectorAll("#rows tr").length === 50;', []);
        await page.click('#more');
        await page.becomes('return document.querySelectorAll("#rows tr").length === 70;', []);
        assert.equal(await page.count('#more'), 0);
        const order = await page.run('return [...document.querySelectorAll("#rows tr")].map(tr => tr.dataset.id);');
        assert.deepEqual(order, tasks.map(task => task.id).reverse());

        await page.click('#chips button:has([data-state=failed])');
        await page.sees('#none', 'No task matches');
        const { id } = await api.create({ function: 'fail', args: ['live'], notify_channels: ['bulk'] });
        await page.sees(row(id), 'live');
        await page.click('#f-clear');
        await page.becomes('return document.querySelectorAll("#rows tr").length >= 50;', []);
        await page.type('#f-function', 'broken');
        await until(async () => assert.deepEqual(await page.run('return [...new Set([...document.querySelectorAll("#rows a")].map(a => a.textContent))];'), ['broken']));
        await page.click('#f-clear');
    },
};
