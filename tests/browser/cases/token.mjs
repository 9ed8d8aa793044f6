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

    async 'the address of its stream has a ticket, and no token'({ page, server }) {
        await signIn(page, server);
        await page.network();
        await page.reload();
        await page.sees('#conn', 'Live');
        const asked = (await page.network()).filter(m => m.method === 'Network.requestWillBeSent').map(m => m.params.request.url);
        const streams = asked.filter(url => url.includes('/v1/events'));
        assert.equal(streams.length, 1);
        assert.match(streams[0], /\?ticket=[\w-]+/);
    },

    // As a web application does it: its backend has the token, the page has a ticket for one user's channel.
    async 'an EventSource with a ticket hears its own channel and no other'({ page, server, api }) {
        await signIn(page, server);
        const { ticket } = await api.ticket({ channel: ['user-42'] });
        await page.run(`
            const seen = window.seen = [], source = window.source = new EventSource('/v1/events?ticket=' + arguments[0]);
            source.addEventListener('task.succeeded', e => seen.push(JSON.parse(e.data).task));`, ticket);
        await page.becomes('return window.source.readyState === EventSource.OPEN;', []);
        const foreign = await api.create({ function: 'echo', notify_channels: ['user-43'] });
        await api.reaches(foreign.id, 'succeeded');
        const own = await api.create({ function: 'echo', notify_channels: ['user-42'] });
        await page.becomes('return window.seen.length > 0;', []);
        assert.deepEqual(await page.run('return window.seen;'), [own.id]);

        await page.run(`window.other = new EventSource('/v1/events?channel=user-43&ticket=' + arguments[0]);`, ticket);
        await page.becomes('return window.other.readyState === EventSource.CLOSED;', []);
        await page.run('window.source.close();');
    },

    // A server that was started anew knows no old ticket, as if its minute were over.
    async 'an EventSource whose ticket is over stops, and goes on with another where it was'({ page, server, api }) {
        await signIn(page, server);
        await page.run(`
            window.seen = [];
            window.listen = (ticket, last) => {
                const source = window.source = new EventSource('/v1/events?channel=mine&ticket=' + ticket + (last ? '&last_event_id=' + last : ''));
                source.addEventListener('task.created', e => { window.last = e.lastEventId; window.seen.push(JSON.parse(e.data).task); });
            };
            window.listen(arguments[0]);`, (await api.ticket({})).ticket);
        await page.becomes('return window.source.readyState === EventSource.OPEN;', []);
        const first = await api.create({ function: 'echo', notify_channels: ['mine'] });
        await page.becomes('return window.seen.length === 1;', []);
        await killServer(server);
        await restartServer(server);
        await page.becomes('return window.source.readyState === EventSource.CLOSED;', []);
        const second = await api.create({ function: 'echo', notify_channels: ['mine'] });
        await page.run('window.listen(arguments[0], window.last);', (await api.ticket({})).ticket);
        await page.becomes('return window.seen.length === 2;', []);
        assert.deepEqual(await page.run('return window.seen;'), [first.id, second.id]);
        await page.run('window.source.close();');
        await page.sees('#conn', 'Live');
    },

    async 'a forgotten token is asked for again'({ page, server }) {
        await signIn(page, server);
        await page.click('#forget');
        await page.sees('#auth', 'wants a token');
        assert.equal(await page.run('return sessionStorage.length;'), 0);
    },
};
