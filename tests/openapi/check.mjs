// check.mjs FILE: is the description of the API right, and does it say all?
//
// It is taken from a real server (ERRAND, build/errand) and held against the rules of OpenAPI 3.1, against
// docs/api.md, and against the exchanges in FILE, which the scenarios recorded (tests/api/lib/record.h).
// Prints what is wrong; the exit status says the same.

import { Validator } from '@seriousme/openapi-schema-validator';
import { readFile } from 'node:fs/promises';
import { removeServer, startServer } from '../browser/server.mjs';
import { Document } from './document.mjs';
import { check, checkFile } from './exchanges.mjs';

const complaints = [];
const complain = text => { complaints.push(text); };

async function fetchDocument() {
    const server = await startServer();
    try {
        const response = await fetch(`${server.url}/openapi.json`, { signal: AbortSignal.timeout(20000) });
        if (!response.ok) throw new Error(`GET /openapi.json: ${response.status}`);
        return await response.json();
    } finally {
        await removeServer(server);
    }
}

// What the rules of OpenAPI say, and its JSON Schema does not.
function checkNames(document) {
    const names = new Set();
    for (const [path, method, operation] of document.operations()) {
        const title = `${method} ${path}`;
        if (names.has(operation.operationId)) complain(`${title}: the operationId ${operation.operationId} is not its own`);
        names.add(operation.operationId);
        const variables = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]).join();
        const parameters = operation.parameters.filter(parameter => parameter.in === 'path').map(parameter => parameter.name).join();
        if (variables !== parameters) complain(`${title}: its path parameters are not those of its path`);
        if (!Object.keys(operation.responses).some(status => status < '400')) complain(`${title}: no good answer`);
    }
    for (const name of Object.keys(document.tree.components.schemas)) document.complaint(`/components/schemas/${name}`, null);
}

async function checkDocs(document) {
    const text = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
    for (const path of Object.keys(document.tree.paths))
        if (!text.includes(`${path}\``)) complain(`docs/api.md does not name ${path}`);
    for (const [slug, { description, content }] of Object.entries(document.tree.components.responses)) {
        const { title, status } = content['application/problem+json'].schema.allOf[1].properties;
        const row = `| ${status.const} | \`${slug}\` | ${title.const} | ${description.slice(title.const.length + 2)} |`;
        if (!text.includes(row)) complain(`docs/api.md lacks the row\n    ${row}`);
    }
    for (const field of Object.keys(document.tree.components.schemas.NewTask.properties))
        if (!text.includes(`\`${field}\``)) complain(`docs/api.md does not name the field ${field}`);
}

// A check that takes anything would say that all is well.
function checkCheck(document) {
    const good = { method: 'GET', path: '/healthz', status: '200', type: 'application/json', body: '{"status":"ok"}' };
    const bad = [{ body: '{"status":"ok","more":1}' }, { body: '{}' }, { status: '201' }, { type: 'text/html' },
        { path: '/nowhere' }, { method: 'POST' }, { status: '404', type: 'application/problem+json', body: '{}' }];
    if (check(document, good, new Set())) complain('the check refuses what is right');
    for (const change of bad)
        if (!check(document, { ...good, ...change }, new Set())) complain(`the check takes ${JSON.stringify(change)}`);
}

const tree = await fetchDocument();
const { valid, errors } = await new Validator().validate(structuredClone(tree));
if (!valid) complain(`not OpenAPI 3.1: ${JSON.stringify(errors, null, 1)}`);
const document = new Document(tree);
checkNames(document);
await checkDocs(document);
checkCheck(document);
const { count, seen, faults } = await checkFile(document, process.argv[2]);
for (const [fault, { count: times, example }] of faults) complain(`${fault} (${times} times)\n    ${example}`);
for (const [path, method] of document.operations())
    if (!seen.has(`${method} ${path}`)) complain(`no scenario asked for ${method} ${path}`);

for (const complaint of complaints) console.log(complaint);
console.log(`openapi: ${[...document.operations()].length} operations, ${count} exchanges and events, ${complaints.length} complaints`);
process.exit(complaints.length || !count ? 1 : 0);
