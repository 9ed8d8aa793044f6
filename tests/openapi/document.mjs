// The description of the API, as something that answers can be held against.

import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const METHODS = ['get', 'post', 'put', 'delete', 'patch', 'head', 'options', 'trace'];

export class Document {
    constructor(tree) {
        this.tree = tree;
        this.ajv = new Ajv2020({ strictTypes: false });
        addFormats.default(this.ajv);
        // The strict mode is for schemas; the document around them has words of its own.
        for (const word of Object.keys(tree)) this.ajv.addKeyword(word);
        this.ajv.addSchema(tree, 'api');
        this.compiled = new Map();
        this.paths = Object.keys(tree.paths).map(path => ({ path, parts: path.split('/') }));
    }

    // [path, method, operation] of each.
    * operations() {
        for (const [path, item] of Object.entries(this.tree.paths)) {
            for (const method of METHODS)
                if (item[method]) yield [path, method, item[method]];
        }
    }

    // The pattern of the document that a path is of: one without variables before others.
    pattern(path) {
        const parts = path.split('?')[0].split('/');
        const fits = this.paths.filter(known => known.parts.length === parts.length &&
            known.parts.every((part, i) => (part.startsWith('{') ? parts[i] !== '' : part === parts[i])));
        return (fits.find(known => !known.path.includes('{')) ?? fits[0])?.path;
    }

    // Follows a $ref of the document's own. Gives the place, too, as a JSON Pointer.
    resolve(pointer) {
        let node = this.tree;
        for (const word of pointer.split('/').slice(1)) node = node[word.replaceAll('~1', '/').replaceAll('~0', '~')];
        return node?.$ref ? this.resolve(node.$ref.slice(1)) : { node, pointer };
    }

    // What is wrong with a value by the schema at this place; undefined: nothing.
    complaint(pointer, value) {
        if (!this.compiled.has(pointer)) {
            const uri = pointer.split('/').map(encodeURIComponent).join('/');
            this.compiled.set(pointer, this.ajv.compile({ $ref: `api#${uri}` }));
        }
        const validate = this.compiled.get(pointer);
        if (validate(value)) return undefined;
        const wrong = validate.errors.find(error => !['anyOf', 'oneOf', 'allOf', 'null'].includes(error.keyword)) ?? validate.errors[0];
        return `${wrong.instancePath || 'it'} ${wrong.message} ${JSON.stringify(wrong.params)}`;
    }
}

export const escapePointer = word => word.replaceAll('~', '~0').replaceAll('/', '~1');
