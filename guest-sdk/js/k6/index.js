// `k6`: checks, groups and pauses.

import './globals.js';
import { check as record } from 'wasmload:script/checks@0.1.0';
import { Span } from 'wasmload:script/spans@0.1.0';
import { sleep as pause } from 'wasmload:script/timing@0.1.0';
import { isThenable } from '../runtime/promise.js';
import { draw } from './random.js';
import { tagged } from './tags.js';

/** Records whether each of these statements holds for a value; whether all do. */
export function check(value, statements, tags) {
    return tags === undefined || tags === null ? all(value, statements) : tagged(tags, () => all(value, statements));
}

function all(value, statements) {
    let hold = true;
    for (const name in statements) if (!holds(name, statements[name], value)) hold = false;
    return hold;
}

function holds(name, statement, value) {
    let found;
    try {
        found = typeof statement === 'function' ? statement(value) : statement;
    } catch (thrown) {
        // As in k6: the check has failed, and so has the iteration.
        record(name, false);
        throw thrown;
    }
    if (typeof found === 'object' && isThenable(found)) throw new TypeError(`the check '${name}' gives a promise, which always holds`);
    return record(name, Boolean(found));
}

/** Runs a function as a group: what it begins has the tag `group`, and how long it took is measured. */
export function group(name, part) {
    if (typeof part !== 'function') throw new TypeError(`group('${name}') needs a function`);
    if (part.constructor?.name === 'AsyncFunction') throw new TypeError(`group('${name}'): k6 has no groups of async functions`);
    const span = opened(String(name));
    let given;
    try {
        given = part();
    } finally {
        span[Symbol.dispose]();
    }
    if (isThenable(given)) throw new TypeError(`group('${name}'): k6 has no groups of async functions`);
    return given;
}

function opened(name) {
    try {
        return Span.open(name);
    } catch (thrown) {
        throw thrown?.payload === undefined ? thrown : new Error(thrown.payload);
    }
}

/** Pauses this virtual user for so many seconds. */
export function sleep(seconds) {
    const length = Number(seconds);
    if (seconds === undefined || Number.isNaN(length)) throw new TypeError('sleep needs a number of seconds');
    pause(length * 1000);
}

/** Ends the iteration, which has failed. */
export function fail(reason) {
    throw new Error(reason === undefined || reason === '' ? 'fail() was called' : String(reason));
}

/** From now on `Math.random` gives the numbers that this seed stands for. */
export function randomSeed(seed) {
    Math.random = draw(Number(seed));
}

export default { check, fail, group, randomSeed, sleep };
