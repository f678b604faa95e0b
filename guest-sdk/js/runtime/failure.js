// Exceptions in words: what they say, and where in the script's own sources they were thrown.
//
// The bundle's source map (ECMA-426) stands at its end, put there by whoever bundled it: a text for each line, which stands
// for itself. Lines of the SDK have none.

/** Places shown of an exception: enough to see how it came about. */
const FRAMES = 4;
/** Where the map is: `{ sources, lines }`. */
const MAP = Symbol.for('wasmload.map');

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The place in the sources for a line and a column of the bundle, both from 1; empty if there is none. */
function original(line, column) {
    const { sources, lines } = globalThis[MAP] ?? {};
    const fields = [0, 0, 0, 0];
    let place = '';
    for (const segment of lines?.[line - 1]?.split(',') ?? []) {
        let [field, value, shift] = [0, 0, 0];
        for (const character of segment) {
            const digit = DIGITS.indexOf(character);
            value |= (digit & 31) << shift;
            shift += 5;
            if (digit & 32) continue;
            fields[field++] += value & 1 ? -(value >>> 1) : value >>> 1;
            [value, shift] = [0, 0];
        }
        if (fields[0] >= column) break;
        if (segment !== '') place = `${sources[fields[1]]}:${fields[2] + 1}:${fields[3] + 1}`;
    }
    return place;
}

/** Where an exception was thrown, in the script's own sources, the innermost first: `at buy (shop.ts:12:7)`. */
function frames(stack) {
    const found = [];
    // An `async` function is a generator without a name that the function itself, below, has begun.
    let isGenerator = false;
    for (const line of String(stack ?? '').split('\n')) {
        if (found.length > 0 && /^\s*at next \(native\)$/.test(line)) isGenerator = found.at(-1).name === '';
        const parts = /^\s*at (?:(.*) \()?[^()]*:(\d+):(\d+)\)?$/.exec(line);
        if (parts === null) continue;
        const [, name, row, column] = parts;
        const place = original(Number(row), Number(column));
        if (place === '') continue;
        if (isGenerator) found.at(-1).name = readable(name);
        else if (found.length === FRAMES) break;
        else found.push({ name: readable(name), place });
        isGenerator = false;
    }
    return found.map(({ name, place }) => (name === '' ? `at ${place}` : `at ${name} (${place})`));
}

/** A function's name, if it is one that its author gave it: neither the interpreter's nor the bundler's. */
function readable(name) {
    if (name === undefined || /^<|^__|[./]/.test(name)) return '';
    return name.endsWith('_default') ? 'default' : name;
}

/** An exception in words: `boom` with `at default (script.ts:12:7)` and whoever called it in lines below. */
export function described(thrown) {
    if (!(thrown instanceof Error)) return typeof thrown === 'string' ? thrown : `${inWords(thrown)} was thrown`;
    // The name of one of ours says nothing that its message does not.
    const name = thrown.name === 'Error' || thrown.kind !== undefined ? '' : thrown.name;
    const message = [name, thrown.message].filter((part) => part !== '').join(': ') || thrown.name;
    const reasons = thrown instanceof AggregateError ? thrown.errors.map((one) => `  ${described(one).split('\n')[0]}`) : [];
    return [message, ...reasons, ...frames(thrown.stack).map((frame) => `  ${frame}`)].join('\n');
}

function inWords(thrown) {
    try {
        return JSON.stringify(thrown) ?? String(thrown);
    } catch {
        return String(thrown);
    }
}
