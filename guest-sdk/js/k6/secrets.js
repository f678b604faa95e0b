// `k6/secrets`: what whoever runs the script keeps secret (`--secret NAME=…`).

import './globals.js';
import { get as find } from 'wasmload:script/secrets@0.1.0';

/** The value of a secret, as a promise. */
export function get(name) {
    const value = find(String(name)) ?? undefined;
    if (value === undefined) return Promise.reject(new Error(`there is no secret '${name}'`));
    return Promise.resolve(value);
}

export default { get };
