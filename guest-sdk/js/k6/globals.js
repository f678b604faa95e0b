// What k6 gives every script without an import: `__ENV`, `__VU`, `__ITER`, `open`. Each k6 module brings them.

import { env, iteration, vu } from 'wasmload:script/context@0.1.0';

/** The run's variables. Which there are is not told: they are asked for by name. */
const __ENV = new Proxy({}, {
    get: (own, name) => (name in own || typeof name === 'symbol' ? own[name] : env(name) ?? undefined),
    has: (own, name) => name in own || (typeof name === 'string' && (env(name) ?? undefined) !== undefined),
});

/** Files that `open` names, put into the script when it was built: text, or bytes. */
const files = new Map();

/** Takes note of a file that was put into the script, by the name that the script has for it. */
export function embed(name, content) {
    files.set(name, content);
}

function open(name, mode) {
    const content = files.get(`${mode === 'b' ? 'b' : ''}:${name}`);
    if (content === undefined) {
        throw new Error(`open('${name}'): the file is not in the script; only those are that it names by a text, as in open('./users.json')`);
    }
    return content instanceof Uint8Array ? content.slice().buffer : content;
}

Object.defineProperties(globalThis, {
    __ENV: { value: __ENV, writable: true, configurable: true },
    __VU: { get: vu, configurable: true },
    __ITER: { get: iteration, configurable: true },
    open: { value: open, writable: true, configurable: true },
});
