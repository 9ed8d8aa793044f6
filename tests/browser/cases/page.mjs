// The page by itself: it loads, it is closed to the outside, it teaches, it can be used by all.

import assert from 'node:assert/strict';

export const cases = {
    async 'loads without a complaint, from one file, under a strict policy'({ page, server }) {
        const policy = (await fetch(server.url)).headers.get('content-security-policy') ?? '';
        assert.match(policy, /default-src 'none'/);
        assert.doesNotMatch(policy, /unsafe-eval|https?:|\*/);
        await page.network();
        await page.open(`${server.url}/`);
        await page.sees('#conn', 'Live');
        await page.becomes("return document.querySelector('#n-function').options.length > 6;", []);
        const asked = (await page.network()).filter(m => m.method === 'Network.requestWillBeSent').map(m => m.params.request.url);
        const elsewhere = asked.filter(url => /^(http|ws)/.test(url) && !url.startsWith(`${server.url}/v1/`) && url !== `${server.url}/`);
        assert.deepEqual(elsewhere, []);
        assert.deepEqual((await page.console()).filter(entry => entry.level === 'SEVERE').map(entry => entry.message), []);
    },

    async 'an empty server shows the curl line for the first task, and the line works'({ page, server, api }) {
        await page.sees('#first', 'No tasks yet');
        const line = await page.text('#curl-create');
        assert.match(line, /^curl '(http:\S+)'/);
        const [, url] = /^curl '(http:\S+)'/.exec(line);
        const [, body] = /-d '(.*)'/.exec(line);
        assert.ok(url.startsWith(server.url), url);
        const task = await (await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).json();
        await api.reaches(task.id, 'succeeded');
        await page.sees(`tr[data-id="${task.id}"]`, 'succeeded');
        assert.equal(await page.count('#first'), 0);
    },

    async 'shows counts, slots and functions'({ page }) {
        await page.sees('#chips button:has([data-state=succeeded])', /^\s*1\s+succeeded/);
        await page.sees('#slots', '0 of 4');
        const functions = await page.text('#function-list');
        for (const name of ['steady', 'broken', 'echo', 'collect']) assert.ok(functions.includes(name), functions);
    },

    async 'every control has a name, and the keyboard reaches a task and comes back'({ page }) {
        const controls = await page.run('return [...document.querySelectorAll("a, button, input, select, textarea")].map((n, i) => (n.dataset.control = i));');
        for (const i of controls) {
            if (await page.count(`[data-control="${i}"]`)) assert.notEqual(await page.label(`[data-control="${i}"]`), '', `control ${i} has no name`);
        }
        await page.run('document.querySelector("#rows a").focus();');
        await page.press('\uE007'); // Enter
        await page.sees('#d-state', 'succeeded');
        assert.equal(await page.run('return document.activeElement.id;'), 'd-name');
        await page.press('\uE00C'); // Escape
        await page.becomes('return document.activeElement === document.querySelector("#rows a");', []);
    },

    async 'fits a screen of 360 pixels, in every view'({ page, api }) {
        await page.devtools('Emulation.setDeviceMetricsOverride', { width: 360, height: 740, deviceScaleFactor: 1, mobile: false });
        try {
            const { id } = await api.create({ function: 'echo', args: ['x'.repeat(300)], notify_channels: ['y'.repeat(128)] });
            for (const [view, seen] of [['#/', '#rows'], ['#/functions', '#functions'], ['#/new', '#new'], [`#/tasks/${id}`, '#d-body']]) {
                await page.run('location.hash = arguments[0];', view);
                await page.sees(seen, /\S/);
                const over = await page.run('return document.documentElement.scrollWidth - document.documentElement.clientWidth;');
                assert.ok(over <= 0, `${view} is ${over} pixels too wide`);
            }
        } finally {
            await page.devtools('Emulation.clearDeviceMetricsOverride');
            await page.run('location.hash = "#/";');
        }
    },
};
