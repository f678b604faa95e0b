// Options of k6 that the engine does not have, because the shim does what they say.

export const settings = { batch: 20, batchPerHost: 6, throw: false };

/** Takes these out of a script's options, and gives the others. */
export function configured(options) {
    if (options === null || typeof options !== 'object') return options;
    // Those of Grafana's cloud say nothing to a run on this machine, k6's own neither.
    const { batch, batchPerHost, throw: throws, cloud: _, ext: __, ...others } = options;
    for (const [name, value] of Object.entries({ batch, batchPerHost })) {
        if (value === undefined) continue;
        if (!Number.isInteger(value) || value < 0) throw new TypeError(`options.${name} is a number of requests, and this is ${JSON.stringify(value)}`);
        // As in k6, none is any number.
        settings[name] = value === 0 ? Infinity : value;
    }
    if (throws !== undefined) settings.throw = Boolean(throws);
    return others;
}
