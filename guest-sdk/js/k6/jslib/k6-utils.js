// What https://jslib.k6.io/k6-utils has that scripts use most, so that they need no network.

import '../globals.js';

export function randomIntBetween(min, max) {
    return Math.floor(Math.random() * (max - min + 1) + min);
}

export function randomItem(list) {
    return list[Math.floor(Math.random() * list.length)];
}

export function randomString(length, characters = 'abcdefghijklmnopqrstuvwxyz') {
    let text = '';
    for (let n = 0; n < length; n++) text += characters[Math.floor(Math.random() * characters.length)];
    return text;
}

/** A random UUID (RFC 9562, version 4). */
export function uuidv4() {
    return crypto.randomUUID();
}

/** What stands between two texts, the first time or, with `repeat`, each time. */
export function findBetween(content, left, right, repeat = false) {
    const found = [];
    for (let at = 0; ; ) {
        const start = content.indexOf(left, at);
        const end = start < 0 ? -1 : content.indexOf(right, start + left.length);
        if (end < 0) break;
        found.push(content.slice(start + left.length, end));
        if (!repeat) break;
        at = end + right.length;
    }
    return repeat ? found : found[0] ?? null;
}

export default { findBetween, randomIntBetween, randomItem, randomString, uuidv4 };
