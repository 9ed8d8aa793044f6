// A WebDriver client, as much of it as the cases need: https://www.w3.org/TR/webdriver2/
// and of chromedriver's own extensions the logs and the DevTools commands.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lineOf, stopGroup, until } from './tools.mjs';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'; // section 12.1: the key of an element reference

const CHROMIUM_FLAGS = [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--window-size=1280,900',
];

export async function openBrowser() {
    const profile = await mkdtemp(join(tmpdir(), 'errand-browser-'));
    const driver = spawn(process.env.CHROMEDRIVER || '/usr/bin/chromedriver', ['--port=0'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    const browser = { profile, driver, windows: 0 };
    try {
        const [, port] = await lineOf(driver, /started successfully on port (\d+)/, 'chromedriver');
        browser.url = `http://127.0.0.1:${port}`;
        const { sessionId } = await call(browser, 'POST', '/session', {
            capabilities: {
                alwaysMatch: {
                    browserName: 'chrome',
                    'goog:chromeOptions': { binary: process.env.CHROMIUM || '/usr/bin/chromium', args: [...CHROMIUM_FLAGS, `--user-data-dir=${profile}`] },
                    'goog:loggingPrefs': { browser: 'ALL', performance: 'ALL' },
                    timeouts: { script: 30000, pageLoad: 30000 },
                },
            },
        });
        browser.session = `/session/${sessionId}`;
    } catch (error) {
        await closeBrowser(browser);
        throw error;
    }
    return browser;
}

export async function closeBrowser(browser) {
    if (browser.session) await call(browser, 'DELETE', browser.session).catch(() => {});
    await stopGroup(browser.driver);
    await rm(browser.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function call(browser, method, path, body) {
    const response = await fetch(browser.url + path, {
        method,
        headers: { 'Content-Type': 'application/json' },
        body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined,
        signal: AbortSignal.timeout(60000),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${value.error}: ${value.message.split('\n')[0]}`);
    return value;
}

// A page is what a case works with: the verbs of somebody who looks at the browser.
export function pageOf(browser) {
    const on = (method, path, body) => call(browser, method, browser.session + path, body);
    const byCss = async css => (await on('POST', '/element', { using: 'css selector', value: css }))[ELEMENT];
    const page = {
        open: url => on('POST', '/url', { url }),
        reload: () => on('POST', '/refresh'),
        title: () => on('GET', '/title'),
        address: () => on('GET', '/url'),

        // Runs the body of a function in the page; a promise is waited for.
        run: (script, ...args) => on('POST', '/execute/sync', { script, args }),

        click: async css => on('POST', `/element/${await byCss(css)}/click`),
        type: async (css, text) => on('POST', `/element/${await byCss(css)}/value`, { text }),
        async fill(css, text) {
            await on('POST', `/element/${await byCss(css)}/clear`);
            if (text !== '') await page.type(css, text);
        },
        press: key => on('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions: [{ type: 'keyDown', value: key }, { type: 'keyUp', value: key }] }] }),
        label: async css => on('GET', `/element/${await byCss(css)}/computedlabel`),

        // What a reader sees: nothing for what is absent or hidden.
        text: css => page.run('const n = document.querySelector(arguments[0]); return n && n.checkVisibility() ? n.innerText : "";', css),
        count: css => page.run('return [...document.querySelectorAll(arguments[0])].filter(n => n.checkVisibility()).length;', css),
        sees: (css, expected, seconds) => until(async () => {
            const text = await page.text(css);
            if (typeof expected === 'string' ? text.includes(expected) : expected.test(text)) return text;
            throw new Error(`${css} shows ${JSON.stringify(text.slice(0, 300))}, not ${expected}`);
        }, seconds),
        becomes: (script, args, seconds) => until(async () => {
            const value = await page.run(script, ...args);
            if (value) return value;
            throw new Error(`not so in the page: ${script} (${JSON.stringify(args).slice(0, 300)})`);
        }, seconds),

        // Entries since the last call.
        console: async () => on('POST', '/se/log', { type: 'browser' }),
        network: async () => (await on('POST', '/se/log', { type: 'performance' })).map(entry => JSON.parse(entry.message).message),
        devtools: (cmd, params = {}) => on('POST', '/goog/cdp/execute', { cmd, params }),
        screenshot: async () => Buffer.from(await on('GET', '/screenshot'), 'base64'),
    };
    return page;
}
