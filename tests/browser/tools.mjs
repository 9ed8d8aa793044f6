// What the browser and the server of a run have in common: waiting for a condition, and ending a child for good.

export async function until(probe, seconds = 15) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        try {
            return await probe();
        } catch (error) {
            if (Date.now() > deadline) throw error;
        }
        await new Promise(resume => { setTimeout(resume, 40); });
    }
}

// The first line of a child's standard output that matches. The rest of the output is read and dropped.
export function lineOf(child, pattern, name, seconds = 20) {
    return new Promise((resolve, reject) => {
        let text = '';
        const timer = setTimeout(() => reject(new Error(`${name} did not say that it is ready: ${text}`)), seconds * 1000);
        const settle = (outcome, value) => { clearTimeout(timer); outcome(value); };
        child.stdout.setEncoding('utf8').on('data', chunk => {
            text = (text + chunk).slice(-4096);
            const match = pattern.exec(text);
            if (match) settle(resolve, match);
        });
        child.once('error', error => settle(reject, error));
        child.once('exit', (code, signal) => settle(reject, new Error(`${name} ended (${code ?? signal}): ${text}`)));
    });
}

export function ended(child) {
    return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
        ? Promise.resolve() : new Promise(resolve => { child.once('exit', resolve); });
}

// Ends a child that leads its own process group, with all that is in it.
export async function stopGroup(child, signal = 'SIGKILL') {
    try {
        process.kill(-child.pid, signal);
    } catch { /* gone already */ }
    await ended(child);
}
