// Chance. A built script is a snapshot, and the interpreter's own generator is in it: all virtual users would draw the same
// numbers. So `Math.random` draws from the engine's, anew in each call, and a run with the same seed repeats them.

import { getRandomBytes } from 'wasi:random/random@0.2.0';
import { getInsecureRandomBytes } from 'wasi:random/insecure@0.2.0';

/** Whether numbers were drawn in this call. */
export let isSeeded = false;
let a = 0;
let b = 0;
let c = 0;
let counter = 1;

/** From now on numbers are those of a new call. */
export function reseed() {
    isSeeded = false;
}

/** The next 32 bits: sfc32 of PractRand, by Chris Doty-Humphrey. */
function next() {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
}

/** A number from 0, and less than 1. */
export function random() {
    if (!isSeeded) {
        isSeeded = true;
        const seed = getInsecureRandomBytes(12);
        const word = (at) => seed[at] | (seed[at + 1] << 8) | (seed[at + 2] << 16) | (seed[at + 3] << 24);
        [a, b, c, counter] = [word(0), word(4), word(8), 1];
        for (let round = 0; round < 12; round++) next();
    }
    return ((next() >>> 5) * 0x400_0000 + (next() >>> 6)) / 0x20_0000_0000_0000;
}

/** What browsers have as `crypto` and is of use here. Whoever knows the run's seed knows the numbers: they are no secrets. */
export const crypto = {
    getRandomValues(array) {
        if (!ArrayBuffer.isView(array)) throw new TypeError('getRandomValues fills an array of numbers');
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(getRandomBytes(array.byteLength));
        return array;
    },

    randomUUID() {
        const bytes = getRandomBytes(16);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        const hex = bytes.toHex();
        return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    },
};
