// Holds exchanges that the scenarios had with real servers against the description.

import { createReadStream } from 'node:fs';
import { escapePointer } from './document.mjs';

const PROBLEM = 'application/problem+json';
const mediaOf = type => type?.split(';')[0].trim().toLowerCase();

// Nothing of the API: any refusal will do, if it is a problem.
function refusal(document, exchange, statuses) {
    if (!statuses.includes(exchange.status)) return `answers ${exchange.status}, and the document does not know the route`;
    if (exchange.method === 'HEAD' || mediaOf(exchange.type) !== PROBLEM) return undefined;
    return document.complaint('/components/schemas/Problem', JSON.parse(exchange.body));
}

function checkAnswer(document, exchange, place) {
    const found = document.resolve(`${place}/responses/${exchange.status}`);
    if (!found.node) return `the document has no status ${exchange.status} here`;
    if (exchange.method === 'HEAD' || exchange.status === '204' || exchange.status === '304') return undefined;
    const media = mediaOf(exchange.type);
    const content = found.node.content?.[media];
    if (!content) return `${exchange.status}: the document has no ${media} here`;
    if (!media.endsWith('json')) return undefined;
    const wrong = document.complaint(`${found.pointer}/content/${escapePointer(media)}/schema`, JSON.parse(exchange.body));
    return wrong && `${exchange.status}: ${wrong}`;
}

function checkRequest(document, exchange, place, operation) {
    if (exchange.request === undefined || !operation.requestBody || !exchange.status.startsWith('2')) return undefined;
    const wrong = document.complaint(`${place}/requestBody/content/application~1json/schema`, JSON.parse(exchange.request));
    return wrong && `takes a body that the document does not: ${wrong}`;
}

function checkEvent(document, { event, data }) {
    const schema = event === 'reset' ? 'Reset' : 'Event';
    return document.complaint(`/components/schemas/${schema}`, JSON.parse(data));
}

// What is wrong with one line of the file; seen gathers the operations and statuses.
export function check(document, line, seen) {
    if (line.event) return checkEvent(document, line);
    if (line.method === 'OPTIONS') return undefined;
    const path = document.pattern(line.path);
    if (!path) return refusal(document, line, ['404', '401', '403', '421']);
    const method = line.method === 'HEAD' ? 'get' : line.method.toLowerCase();
    const operation = document.tree.paths[path][method];
    if (!operation) return refusal(document, line, ['405', '401', '403', '421']);
    const place = `/paths/${escapePointer(path)}/${method}`;
    seen.add(`${method} ${path}`);
    return checkAnswer(document, line, place) ?? checkRequest(document, line, place, operation);
}

// node:readline would also split at U+2028, which JSON may hold as it is.
async function* linesOf(file) {
    let rest = '';
    for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 1 << 22 })) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        yield* lines;
    }
}

const nameOf = (document, line) => (line.event
    ? `event ${line.event}` : `${line.method} ${document.pattern(line.path) ?? line.path}`);

// All lines of a file. Gives their number, and for each kind of fault its count and one example.
export async function checkFile(document, file) {
    const faults = new Map(), seen = new Set();
    let count = 0;
    for await (const text of linesOf(file)) {
        const line = JSON.parse(text);
        count++;
        const wrong = check(document, line, seen);
        if (!wrong) continue;
        const key = `${nameOf(document, line)}: ${wrong}`;
        const fault = faults.get(key) ?? { count: 0, example: text.slice(0, 1000) };
        fault.count++;
        faults.set(key, fault);
    }
    return { count, seen, faults };
}
