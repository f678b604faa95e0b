// Options of k6 that the engine does not have, because the shim does what they say.

export const settings = { batch: 20, batchPerHost: 6, throw: false };

/** Takes note of those among a script's options. */
export function take(options) {
    if (options === null || typeof options !== 'object') return;
    const { batch, batchPerHost, throw: throws } = options;
    if (batch !== undefined) settings.batch = most('batch', batch);
    if (batchPerHost !== undefined) settings.batchPerHost = most('batchPerHost', batchPerHost);
    if (throws !== undefined) settings.throw = Boolean(throws);
}

function most(name, value) {
    if (!Number.isInteger(value) || value < 0) throw new TypeError(`options.${name} is a number of requests, and this is ${JSON.stringify(value)}`);
    // As in k6, none is any number.
    return value === 0 ? Infinity : value;
}

/** Options that are not the engine's: these, and those of Grafana's cloud, which say nothing to a run on this machine. */
const OURS = new Set([...Object.keys(settings), 'cloud', 'ext']);

/** A script's options without them. */
export function others(options) {
    return Object.fromEntries(Object.entries(options).filter(([name]) => !OURS.has(name)));
}
