// `k6/metrics`: metrics of the script's own.

import './globals.js';
import {
    Counter as RawCounter, Gauge as RawGauge, Rate as RawRate, Trend as RawTrend,
} from 'wasmload:script/metrics@0.1.0';

const NONE = [];

/** Tags as the contract has them. */
function listed(tags) {
    if (tags === undefined || tags === null) return NONE;
    const list = [];
    for (const name in tags) list.push([name, String(tags[name])]);
    return list;
}

/** A number, as k6 takes one: `true` is 1. */
function number(value, metric) {
    const found = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : parseFloat(value);
    if (Number.isFinite(found)) return found;
    throw new TypeError(`${value} is no value for the metric '${metric.name}'`);
}

class Metric {
    constructor(raw, name) {
        this._raw = raw;
        this.name = name;
    }
}

/** A sum. */
export class Counter extends Metric {
    constructor(name) {
        super(new RawCounter(String(name)), name);
    }

    add(value, tags) {
        this._raw.add(number(value, this), listed(tags));
        return true;
    }
}

/** A value that goes up and down. */
export class Gauge extends Metric {
    constructor(name) {
        super(new RawGauge(String(name)), name);
    }

    add(value, tags) {
        this._raw.set(number(value, this), listed(tags));
        return true;
    }
}

/** How often something was true. */
export class Rate extends Metric {
    constructor(name) {
        super(new RawRate(String(name)), name);
    }

    add(value, tags) {
        this._raw.add(Boolean(value), listed(tags));
        return true;
    }
}

/** A distribution. */
export class Trend extends Metric {
    constructor(name, isTime = false) {
        super(new RawTrend(String(name), Boolean(isTime)), name);
    }

    add(value, tags) {
        this._raw.add(number(value, this), listed(tags));
        return true;
    }
}

export default { Counter, Gauge, Rate, Trend };
