// Parts of an iteration that are measured as wholes; k6 calls them groups.

import { Span } from 'wasmload:script/spans@0.1.0';

/**
 * Runs a function as one part, and hands on what it returns: what it begins has the tag `group`, such as `::checkout::pay`,
 * and how long it took is recorded in `group_duration`.
 */
export function group(name, part) {
    let span;
    try {
        span = Span.open(String(name));
    } catch (error) {
        throw new Error(String(error.payload ?? error.message));
    }
    try {
        return part();
    } finally {
        span[Symbol.dispose]();
    }
}
