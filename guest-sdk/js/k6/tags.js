// Tags of the virtual user (`exec.vu.tags`), and those that a check has for a moment.

import { removeTag, setTag } from 'wasmload:script/context@0.1.0';

/** What the script has set for good. */
export const own = new Map();

export function keep(name, value) {
    own.set(name, value);
    setTag(name, value);
}

export function forget(name) {
    if (own.delete(name)) removeTag(name);
}

/** Calls a function while samples have these tags, too. */
export function tagged(tags, during) {
    const names = Object.keys(tags);
    for (const name of names) setTag(name, String(tags[name]));
    try {
        return during();
    } finally {
        for (const name of names) {
            if (own.has(name)) setTag(name, own.get(name));
            else removeTag(name);
        }
    }
}
