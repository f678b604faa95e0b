// Waiting, and telling how long something took. The only file that knows in which units lengths of time cross into
// the contract.
//
// A length of time is a number of milliseconds, as everywhere in JavaScript, or a text with its unit, such as '500ms',
// '1.5s' or '2m', as in options. `sleep` alone counts in seconds, as k6's does.

import { sleep as sleepFor, now as sinceTheRunBegan } from 'wasmload:script/timing@0.1.0';

const UNITS = { ms: 1, s: 1e3, m: 6e4, h: 36e5 };

/** Pauses this virtual user, and no other, for so many seconds; or a text with its unit, such as '200ms'. */
export function sleep(seconds) {
    sleepFor(typeof seconds === 'number' ? seconds * 1e3 : milliseconds(seconds));
}

/** The time since the run began, in milliseconds, by a clock that never goes back. */
export function now() {
    return sinceTheRunBegan();
}

/** A length of time as the contract has it. */
export function milliseconds(length) {
    if (typeof length === 'number') return length;
    const parts = typeof length === 'string' && /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(length)
        ? length.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g) : undefined;
    if (parts === undefined) {
        throw new TypeError(`${shown(length)} is no length of time: give milliseconds, or a text such as '1.5s'`);
    }
    let whole = 0;
    for (const [, number, unit] of parts) whole += number * UNITS[unit];
    return whole;
}

/** A length of time that may be missing, which is `null` in the contract. */
export function timeout(length) {
    return length === undefined || length === null ? null : milliseconds(length);
}

function shown(value) {
    return typeof value === 'string' ? `'${value}'` : String(value);
}
