// run.mjs [WORD]: the dashboard and the event streams in Debian's chromium, against a real server.
//
// ERRAND   the server's binary (build/errand)
// WORD     only the cases whose name contains it
// SHOTS    a folder for a picture of the page at each failure
// VERBOSE  lets the server's log through
//
// Prints a line a case and `N passed, N failed` at the end; the exit status says the same.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cases as pageCases } from './cases/page.mjs';
import { cases as streamCases } from './cases/streams.mjs';
import { cases as taskCases } from './cases/tasks.mjs';
import { cases as tokenCases } from './cases/token.mjs';
import { clientOf, removeServer, startServer } from './server.mjs';
import { closeBrowser, openBrowser, pageOf } from './webdriver.mjs';

// Each group has a server of its own, and starts on an empty page.
const GROUPS = [
    { name: 'page', cases: pageCases },
    { name: 'tasks', cases: taskCases },
    { name: 'streams', cases: streamCases },
    { name: 'token', cases: tokenCases, token: 'correct-horse-battery-staple' },
];
const CASE_SECONDS = 120;

const word = process.argv[2] ?? '';
const count = { passed: 0, failed: 0 };
let browser, server, cleaning;

async function dropServer() {
    const old = server;
    server = undefined;
    if (old) await removeServer(old);
}

// Once, whoever asks: the end of the run or a signal, and a second signal does not cut it short.
function cleanUp() {
    cleaning ??= (async () => {
        await dropServer();
        if (browser) await closeBrowser(browser);
    })();
    return cleaning;
}

async function inTime(work) {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done after ${CASE_SECONDS} s`)), CASE_SECONDS * 1000); });
    try {
        return await Promise.race([work, late]);
    } finally {
        clearTimeout(timer);
    }
}

// What no case may cause: a script error, or something that the page's policy stopped.
async function complaints(page) {
    const entries = await page.console();
    return entries.filter(entry => entry.level === 'SEVERE' && entry.source !== 'network').map(entry => entry.message);
}

async function runCase(group, name, run, context) {
    const started = Date.now();
    try {
        await inTime(run(context));
        const said = await complaints(context.page);
        if (said.length) throw new Error(`the browser's console says: ${said.join('; ')}`);
        count.passed++;
        console.log(`ok      ${group}: ${name} (${Date.now() - started} ms)`);
    } catch (error) {
        count.failed++;
        console.log(`FAILED  ${group}: ${name}\n        ${String(error.stack).replaceAll('\n', '\n        ')}`);
        if (process.env.SHOTS) {
            const file = join(process.env.SHOTS, `${group}-${name.replace(/\W+/g, '-')}.png`);
            await context.page.screenshot().then(picture => writeFile(file, picture)).catch(() => {});
        }
        await complaints(context.page).catch(() => {});
    }
}

async function runGroup({ name, cases, token }) {
    const chosen = Object.entries(cases).filter(([title]) => `${name}: ${title}`.includes(word));
    if (!chosen.length) return;
    server = await startServer({ token });
    const page = pageOf(browser), api = clientOf(server);
    if (name !== 'page' && !token) {
        await page.open(`${server.url}/`);
        await page.sees('#conn', 'Live');
    }
    for (const [title, run] of chosen) await runCase(name, title, run, { page, server, api });
    await page.open('about:blank');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, async () => { await cleanUp(); process.exit(1); });

try {
    browser = await openBrowser();
    for (const group of GROUPS) {
        await runGroup(group).catch(error => {
            count.failed++;
            console.log(`FAILED  ${group.name}: ${error.stack}`);
        });
        await dropServer();
    }
} catch (error) {
    count.failed++;
    console.log(`FAILED  ${error.stack}`);
} finally {
    await cleanUp();
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exit(count.failed ? 1 : 0);
