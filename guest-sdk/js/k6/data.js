// `k6/data`: data that is prepared once.
//
// Each virtual user has memory of its own, so the rows are kept as JSON text, which takes a fraction of the memory that
// the objects would, and a row is made of it when it is asked for. The function that gives the rows runs once in each
// virtual user.

import './globals.js';

const made = new Map();

/** Rows by number, as an array has them. They cannot be changed. */
export class SharedArray {
    constructor(name, rows) {
        if (typeof name !== 'string' || name === '') throw new TypeError('a SharedArray has a name');
        if (made.has(name)) return made.get(name);
        if (typeof rows !== 'function') throw new TypeError(`SharedArray '${name}' needs a function that gives its rows`);
        const given = rows();
        if (!Array.isArray(given)) throw new TypeError(`SharedArray '${name}': its function gives an array, and nothing else`);
        const texts = given.map((row) => JSON.stringify(row) ?? 'null');
        const array = new Proxy(texts, ROWS);
        made.set(name, array);
        return array;
    }
}

const ITERATES = {
    *[Symbol.iterator]() {
        for (let at = 0; at < this.length; at++) yield this[at];
    },
};

/** How a list of texts is seen as one of rows. */
const ROWS = {
    get(texts, name) {
        if (name === 'length') return texts.length;
        if (typeof name === 'string') {
            const text = texts[name];
            if (typeof text === 'string') return JSON.parse(text);
        }
        if (name === Symbol.iterator) return ITERATES[Symbol.iterator];
        // Those of arrays ask for `length` and rows, and so for what stands above.
        return Array.prototype[name];
    },
    set() {
        throw new TypeError('a SharedArray cannot be changed');
    },
    defineProperty() {
        throw new TypeError('a SharedArray cannot be changed');
    },
    deleteProperty() {
        throw new TypeError('a SharedArray cannot be changed');
    },
    getPrototypeOf: () => SharedArray.prototype,
};

export default { SharedArray };
