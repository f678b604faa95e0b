// `k6/crypto`: digests. MD5 is RFC 1321's; the others are FIPS 180-4's, HMAC is RFC 2104's.

import './globals.js';
import { getRandomBytes } from 'wasi:random/random@0.2.0';
import { bytesOf } from '../bytes.js';

const MASK = 0xffff_ffffn;

/** The first bits of the fractions of roots of the first primes, from which these algorithms draw their constants. */
function fractions(count, root, bits) {
    const found = [];
    for (let candidate = 2n; found.length < count; candidate++) {
        let isPrime = true;
        for (let by = 2n; by * by <= candidate; by++) if (candidate % by === 0n) isPrime = false;
        if (isPrime) found.push(rootOf(candidate << BigInt(bits * Number(root)), root) & ((1n << BigInt(bits)) - 1n));
    }
    return found;
}

/** The whole part of a root, by halving. */
function rootOf(value, root) {
    let low = 0n;
    let high = 1n << BigInt(Math.ceil(value.toString(2).length / Number(root)) + 1);
    while (low < high) {
        const middle = (low + high + 1n) >> 1n;
        if (middle ** root <= value) low = middle;
        else high = middle - 1n;
    }
    return low;
}

/** The message and what follows it: a bit, zeros, and its length in bits. */
function padded(bytes, block, littleEndian) {
    const lengthBytes = block / 8;
    const whole = Math.ceil((bytes.length + 1 + lengthBytes) / block) * block;
    const message = new Uint8Array(whole);
    message.set(bytes);
    message[bytes.length] = 0x80;
    const view = new DataView(message.buffer);
    const bits = bytes.length * 8;
    const [high, low] = [Math.floor(bits / 0x1_0000_0000), bits >>> 0];
    view.setUint32(whole - (littleEndian ? 4 : 8), high, littleEndian);
    view.setUint32(whole - (littleEndian ? 8 : 4), low, littleEndian);
    return view;
}

const MD5_SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

function md5Of(bytes) {
    const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    const view = padded(bytes, 64, true);
    for (let at = 0; at < view.byteLength; at += 64) {
        let [a, b, c, d] = state;
        for (let step = 0; step < 64; step++) {
            const round = step >> 4;
            const mixed = round === 0 ? (b & c) | (~b & d) : round === 1 ? (b & d) | (c & ~d) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
            const word = [step, 5 * step + 1, 3 * step + 5, 7 * step][round] & 15;
            const constant = Math.floor(Math.abs(Math.sin(step + 1)) * 0x1_0000_0000);
            const sum = (a + mixed + constant + view.getUint32(at + word * 4, true)) | 0;
            const by = MD5_SHIFTS[round][step & 3];
            [a, d, c, b] = [d, c, b, (b + ((sum << by) | (sum >>> (32 - by)))) | 0];
        }
        [a, b, c, d].forEach((word, place) => (state[place] = (state[place] + word) | 0));
    }
    return written(state, true);
}

function sha1Of(bytes) {
    const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    const view = padded(bytes, 64, false);
    const words = new Int32Array(80);
    const turned = (word, by) => (word << by) | (word >>> (32 - by));
    for (let at = 0; at < view.byteLength; at += 64) {
        for (let n = 0; n < 80; n++) words[n] = n < 16 ? view.getInt32(at + n * 4) : turned(words[n - 3] ^ words[n - 8] ^ words[n - 14] ^ words[n - 16], 1);
        let [a, b, c, d, e] = state;
        for (let n = 0; n < 80; n++) {
            const round = Math.floor(n / 20);
            const mixed = round === 0 ? (b & c) | (~b & d) : round === 2 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
            const constant = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][round];
            [a, b, c, d, e] = [(turned(a, 5) + mixed + e + constant + words[n]) | 0, a, turned(b, 30), c, d];
        }
        [a, b, c, d, e].forEach((word, place) => (state[place] = (state[place] + word) | 0));
    }
    return written(state, false);
}

let sha256Constants;

function sha256Of(bytes) {
    sha256Constants ??= [fractions(64, 3n, 32), fractions(8, 2n, 32)].map((all) => all.map((one) => Number(one) | 0));
    const [constants, start] = sha256Constants;
    const state = [...start];
    const view = padded(bytes, 64, false);
    const words = new Int32Array(64);
    const turned = (word, by) => (word >>> by) | (word << (32 - by));
    for (let at = 0; at < view.byteLength; at += 64) {
        for (let n = 0; n < 64; n++) {
            if (n < 16) {
                words[n] = view.getInt32(at + n * 4);
                continue;
            }
            const [x, y] = [words[n - 15], words[n - 2]];
            words[n] = words[n - 16] + (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) + words[n - 7] + (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
        }
        let [a, b, c, d, e, f, g, h] = state;
        for (let n = 0; n < 64; n++) {
            const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + constants[n] + words[n]) | 0;
            const other = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
            [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + other) | 0];
        }
        [a, b, c, d, e, f, g, h].forEach((word, place) => (state[place] = (state[place] + word) | 0));
    }
    return written(state, false);
}

const WIDE = (1n << 64n) - 1n;
let sha512Constants;

/** SHA-512, and with other beginnings the shorter ones that are made of it. */
function sha512Of(bytes, start, length) {
    sha512Constants ??= fractions(80, 3n, 64);
    const state = [...start];
    const view = padded(bytes, 128, false);
    const words = [];
    const turned = (word, by) => ((word >> BigInt(by)) | (word << BigInt(64 - by))) & WIDE;
    for (let at = 0; at < view.byteLength; at += 128) {
        for (let n = 0; n < 80; n++) {
            if (n < 16) {
                words[n] = view.getBigUint64(at + n * 8);
                continue;
            }
            const [x, y] = [words[n - 15], words[n - 2]];
            words[n] = (words[n - 16] + (turned(x, 1) ^ turned(x, 8) ^ (x >> 7n)) + words[n - 7] + (turned(y, 19) ^ turned(y, 61) ^ (y >> 6n))) & WIDE;
        }
        let [a, b, c, d, e, f, g, h] = state;
        for (let n = 0; n < 80; n++) {
            const one = h + (turned(e, 14) ^ turned(e, 18) ^ turned(e, 41)) + ((e & f) ^ (~e & WIDE & g)) + sha512Constants[n] + words[n];
            const other = (turned(a, 28) ^ turned(a, 34) ^ turned(a, 39)) + ((a & b) ^ (a & c) ^ (b & c));
            [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) & WIDE, c, b, a, (one + other) & WIDE];
        }
        [a, b, c, d, e, f, g, h].forEach((word, place) => (state[place] = (state[place] + word) & WIDE));
    }
    return written(state.flatMap((word) => [Number(word >> 32n), Number(word & MASK)]), false).subarray(0, length);
}

/** Where they begin: fractions of the square roots of the first eight primes, or of the ninth to the sixteenth. */
const sha512Start = () => fractions(8, 2n, 64);
const sha384Start = () => fractions(16, 2n, 64).slice(8);
/** Those of the shorter ones that have a length in their names (FIPS 180-4, section 5.3.6). */
function shorterStart(name) {
    const view = new DataView(sha512Of(bytesOf(name), sha512Start().map((word) => word ^ 0xa5a5_a5a5_a5a5_a5a5n), 64).buffer);
    return Array.from({ length: 8 }, (_, n) => view.getBigUint64(n * 8));
}

function written(words, littleEndian) {
    const bytes = new Uint8Array(words.length * 4);
    const view = new DataView(bytes.buffer);
    words.forEach((word, place) => view.setUint32(place * 4, word >>> 0, littleEndian));
    return bytes;
}

let starts;
const beginning = (name, make) => ((starts ??= {})[name] ??= make());

/** Each algorithm, and the length of its blocks in bytes. */
const ALGORITHMS = {
    md5: [md5Of, 64],
    sha1: [sha1Of, 64],
    sha256: [sha256Of, 64],
    sha384: [(bytes) => sha512Of(bytes, beginning('384', sha384Start), 48), 128],
    sha512: [(bytes) => sha512Of(bytes, beginning('512', sha512Start), 64), 128],
    sha512_224: [(bytes) => sha512Of(bytes, beginning('224', () => shorterStart('SHA-512/224')), 28), 128],
    sha512_256: [(bytes) => sha512Of(bytes, beginning('256', () => shorterStart('SHA-512/256')), 32), 128],
};

function algorithm(name) {
    if (Object.hasOwn(ALGORITHMS, name)) return ALGORITHMS[name];
    throw new Error(`'${name}' is no algorithm; there are ${Object.keys(ALGORITHMS).join(', ')}`);
}

function encoded(bytes, encoding) {
    switch (encoding) {
        case 'hex':
            return bytes.toHex();
        case 'base64':
            return bytes.toBase64();
        case 'base64url':
            return bytes.toBase64({ alphabet: 'base64url' });
        case 'base64rawurl':
            return bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
        case 'binary':
            return bytes.slice().buffer;
        default:
            throw new Error(`'${encoding}' is no encoding; there are hex, base64, base64url, base64rawurl, binary`);
    }
}

/** A digest of what was handed to it piece by piece. */
class Hasher {
    constructor(digest) {
        this._digest = digest;
        this._parts = [];
    }

    update(input) {
        this._parts.push(bytesOf(input, 'what is digested').slice());
        return this;
    }

    digest(encoding) {
        return encoded(this._digest(joined(this._parts)), encoding);
    }
}

function joined(parts) {
    if (parts.length === 1) return parts[0];
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}

export function createHash(name) {
    const [digest] = algorithm(name);
    return new Hasher(digest);
}

export function createHMAC(name, secret) {
    const [digest, block] = algorithm(name);
    let key = bytesOf(secret, 'the secret');
    if (key.length > block) key = digest(key);
    const pad = (by) => Uint8Array.from({ length: block }, (_, at) => (key[at] ?? 0) ^ by);
    const [inner, outer] = [pad(0x36), pad(0x5c)];
    return new Hasher((message) => digest(joined([outer, digest(joined([inner, message]))])));
}

/** The HMAC of an input. */
export function hmac(name, secret, input, encoding) {
    return createHMAC(name, secret).update(input).digest(encoding);
}

const digestBy = (name) => (input, encoding) => createHash(name).update(input).digest(encoding);

export const md5 = digestBy('md5');
export const sha1 = digestBy('sha1');
export const sha256 = digestBy('sha256');
export const sha384 = digestBy('sha384');
export const sha512 = digestBy('sha512');
export const sha512_224 = digestBy('sha512_224');
export const sha512_256 = digestBy('sha512_256');

/** So many random bytes. */
export function randomBytes(length) {
    if (!Number.isInteger(length) || length < 1) throw new Error('randomBytes needs a number of bytes');
    return getRandomBytes(length).slice().buffer;
}

export default {
    createHMAC, createHash, hmac, md5, randomBytes, sha1, sha256, sha384, sha512, sha512_224, sha512_256,
};
