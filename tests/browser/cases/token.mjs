// A server that wants a token: the page asks for it, and then does all that it does without one.

import assert from 'node:assert/strict';
import { killServer, restartServer } from '../server.mjs';

// A case may also be run without those before it.
async function signIn(page, server) {
    if (!(await page.address()).startsWith(server.url)) await page.open(`${server.url}/`);
    await page.sees('#conn', /Live|Token needed/);
    if (!await page.count('#auth')) return;
    await page.type('#token', server.token);
    await page.click('#auth button');
    await page.sees('#conn', 'Live');
}

export const cases = {
    async 'asks for the token, and says when it is the wrong one'({ page, server, api }) {
        await api.create({ function: 'echo', args: ['secret'] });
        await page.open(`${server.url}/`);
        await page.sees('#auth', 'wants a token');
        assert.equal(await page.count('#rows tr'), 0);
        await page.type('#token', 'wrong');
        await page.click('#auth button');
        await page.sees('#auth-bad', 'refused');
        await page.type('#token', server.token);
        await page.click('#auth button');
        await page.sees('#conn', 'Live');
        await page.sees('#rows', 'echo');
        assert.equal(await page.count('#auth'), 0);
    },

    async 'the token is in no address, and survives a reload of the tab'({ page, server, api }) {
        await signIn(page, server);
        await api.create({ function: 'echo', args: ['for the reload'] });
        await page.network();
        await page.reload();
        await page.sees('#conn', 'Live');
        await page.sees('#rows', 'succeeded');
        const asked = (await page.network()).filter(m => m.method === 'Network.requestWillBeSent').map(m => m.params.request.url);
        assert.deepEqual(asked.filter(url => url.includes(server.token)), []);
        assert.equal(await page.run('return document.cookie + Object.keys(localStorage);'), '');
    },

    async 'tasks are created, followed and cancelled live'({ page, server, api }) {
        await signIn(page, server);
        await page.run('location.hash = "#/new/steady";');
        await page.becomes('return document.querySelector("#n-function").value === "steady";', []);
        await page.fill('#n-args', '[]');
        await page.click('#n-create');
        await page.sees('#d-state', 'running');
        await page.sees('#d-log', 'warming up');
        await page.sees('#d-line', 'halfway there');
        await page.click('#d-cancel');
        await page.sees('#d-state', /^cancelled$/);
        await page.sees('#d-line', 'cancelled');
        const { id } = await api.create({ function: 'echo', args: ['pushed'] });
        await page.sees(`tr[data-id="${id}"]`, 'succeeded');
    },

    async 'its stream resumes after kill -9 too'({ page, server, api }) {
        await signIn(page, server);
        await page.run('location.hash = "#/"; window.notReloaded = true;');
        await killServer(server);
        await page.sees('#conn', 'Reconnecting');
        await restartServer(server);
        const { id } = await api.create({ function: 'echo', args: ['while away'] });
        await page.sees('#conn', 'Live');
        await page.sees(`tr[data-id="${id}"]`, 'succeeded');
        assert.equal(await page.run('return window.notReloaded;'), true);
    },

    async 'a forgotten token is asked for again'({ page, server }) {
        await signIn(page, server);
        await page.click('#forget');
        await page.sees('#auth', 'wants a token');
        assert.equal(await page.run('return sessionStorage.length;'), 0);
    },
};
