// What scripts expect to find without importing it, and the interpreter does not have, or not in a way that is right here.

import { bytesOf, decode, decodeStrictly, encode } from '../bytes.js';
import { encoded, pairs } from '../form.js';
import { console } from '../log.js';
import { clearTimer, enqueue, setInterval, setTimeout } from './loop.js';
import { Promise } from './promise.js';
import { crypto, random } from './random.js';

class TextEncoder {
    get encoding() {
        return 'utf-8';
    }

    encode(text = '') {
        return encode(String(text));
    }
}

class TextDecoder {
    constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
        if (!/^\s*(?:utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) throw new RangeError(`\`${label}\` cannot be decoded; utf-8 can`);
        this.fatal = Boolean(fatal);
        this.ignoreBOM = Boolean(ignoreBOM);
    }

    get encoding() {
        return 'utf-8';
    }

    decode(bytes = new Uint8Array(), { stream = false } = {}) {
        if (stream) throw new TypeError('a TextDecoder decodes whole texts here: `stream` is not supported');
        let text;
        try {
            text = (this.fatal ? decodeStrictly : decode)(bytesOf(bytes, 'what is decoded'));
        } catch (error) {
            throw error instanceof URIError ? new TypeError('the bytes are not UTF-8') : error;
        }
        return !this.ignoreBOM && text.startsWith('\ufeff') ? text.slice(1) : text;
    }
}

/** As the URL Standard has it, for names and values that stand by themselves. */
class URLSearchParams {
    constructor(from = '') {
        this._pairs = typeof from === 'string' ? parsed(from) : pairs(from).map(([name, value]) => [String(name), String(value)]);
    }

    append(name, value) {
        this._pairs.push([String(name), String(value)]);
    }

    set(name, value) {
        const place = this._pairs.findIndex(([found]) => found === name);
        if (place < 0) return this.append(name, value);
        this._pairs[place] = [String(name), String(value)];
        this._pairs = this._pairs.filter(([found], at) => at <= place || found !== name);
    }

    get(name) {
        return this._pairs.find(([found]) => found === name)?.[1] ?? null;
    }

    getAll(name) {
        return this._pairs.filter(([found]) => found === name).map(([, value]) => value);
    }

    has(name) {
        return this._pairs.some(([found]) => found === name);
    }

    delete(name) {
        this._pairs = this._pairs.filter(([found]) => found !== name);
    }

    sort() {
        this._pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
    }

    forEach(callback) {
        for (const [name, value] of this._pairs) callback(value, name, this);
    }

    get size() {
        return this._pairs.length;
    }

    entries() {
        return this._pairs.map((pair) => [...pair])[Symbol.iterator]();
    }

    keys() {
        return this._pairs.map(([name]) => name)[Symbol.iterator]();
    }

    values() {
        return this._pairs.map(([, value]) => value)[Symbol.iterator]();
    }

    [Symbol.iterator]() {
        return this.entries();
    }

    toString() {
        return this._pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
    }
}

function parsed(query) {
    const text = (part) => decode(unpercented(encode(part.replaceAll('+', ' '))));
    return query.replace(/^\?/, '').split('&').filter((part) => part !== '').map((part) => {
        const at = part.indexOf('=');
        return at < 0 ? [text(part), ''] : [text(part.slice(0, at)), text(part.slice(at + 1))];
    });
}

/** What percent signs stand for; those that stand for nothing stay. */
function unpercented(bytes) {
    const found = [];
    for (let at = 0; at < bytes.length; at++) {
        const digits = bytes[at] === 0x25 ? String.fromCharCode(...bytes.subarray(at + 1, at + 3)) : '';
        const isByte = /^[0-9a-f]{2}$/i.test(digits);
        found.push(isByte ? parseInt(digits, 16) : bytes[at]);
        if (isByte) at += 2;
    }
    return Uint8Array.from(found);
}

/** Puts what scripts expect where they look for it. */
export function install() {
    Math.random = random;
    // They make promises of the interpreter's own, which nobody would run.
    delete Array.fromAsync;
    Object.assign(globalThis, {
        Promise, TextDecoder, TextEncoder, URLSearchParams, clearInterval: clearTimer, clearTimeout: clearTimer, console, crypto,
        queueMicrotask: enqueue, setInterval, setTimeout,
    });
}
