// Messages to the person who runs the script, as `console` has them.

import { log } from 'wasmload:script/log@0.1.0';
import { described } from './runtime/failure.js';

/** Values in words, with spaces between them: text as it is, anything else as JSON. */
export function words(values) {
    return values.map(word).join(' ');
}

function word(value) {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return described(value);
    if (typeof value === 'function') return `[function ${value.name}]`;
    if (value === null || typeof value !== 'object') return String(value);
    try {
        return JSON.stringify(value) ?? String(value);
    } catch {
        // It refers to itself, or holds a BigInt.
        return String(value);
    }
}

const at = (level) => (...values) => log(level, words(values));

export const console = {
    log: at('info'),
    info: at('info'),
    debug: at('debug'),
    trace: at('debug'),
    warn: at('warn'),
    error: at('error'),
    assert(holds, ...values) {
        if (!holds) log('error', `assertion failed${values.length === 0 ? '' : `: ${words(values)}`}`);
    },
};
