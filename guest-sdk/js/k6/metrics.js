// `k6/metrics`: metrics of the script's own.

import './globals.js';
import { log } from 'wasmload:script/log@0.1.0';
import {
    Counter as RawCounter, Gauge as RawGauge, Rate as RawRate, Trend as RawTrend,
} from 'wasmload:script/metrics@0.1.0';
import { settings } from './settings.js';

const NONE = [];

/** Tags as the contract has them. */
function listed(tags) {
    if (tags === undefined || tags === null) return NONE;
    const list = [];
    for (const name in tags) list.push([name, String(tags[name])]);
    return list;
}

/** A number, as k6 takes one: `true` is 1. What is none is NaN. */
function number(value) {
    return typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : parseFloat(value);
}

class Metric {
    constructor(raw, name) {
        this._raw = raw;
        this.name = name;
    }

    /** Whether this can be recorded. As in k6, what cannot is a warning, and an exception with the option `throw`. */
    takes(number, value) {
        if (Number.isFinite(number)) return true;
        const why = `'${value}' is an invalid value for metric '${this.name}', a number or a boolean value is expected`;
        if (settings.throw) throw new TypeError(why);
        log('warn', why);
        return false;
    }
}

/** A sum. */
export class Counter extends Metric {
    constructor(name) {
        super(new RawCounter(String(name)), name);
    }

    add(value, tags) {
        const found = number(value);
        if (!this.takes(found, value)) return false;
        this._raw.add(found, listed(tags));
        return true;
    }
}

/** A value that goes up and down. */
export class Gauge extends Metric {
    constructor(name) {
        super(new RawGauge(String(name)), name);
    }

    add(value, tags) {
        const found = number(value);
        if (!this.takes(found, value)) return false;
        this._raw.set(found, listed(tags));
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
        const found = number(value);
        if (!this.takes(found, value)) return false;
        this._raw.add(found, listed(tags));
        return true;
    }
}

export default { Counter, Gauge, Rate, Trend };
