// Metrics of the script's own. Making one again by its name gives the same metric. A name is a letter or `_` followed
// by up to 127 letters, digits and `_`, and belongs to one kind of metric.

import { Counter as RawCounter, Gauge as RawGauge, Rate as RawRate, Trend as RawTrend } from 'wasmload:script/metrics@0.1.0';
import { kind } from './bytes.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const NONE = [];

function named(name) {
    if (typeof name === 'string' && NAME.test(name)) return name;
    throw new TypeError(`a metric's name is a letter followed by letters, digits and \`_\`, and this is ${typeof name === 'string' ? `\`${name}\`` : kind(name)}`);
}

function numeric(metric, value) {
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number === 'number' && number - number === 0) return number;
    throw new TypeError(`\`${metric.name}\` takes numbers, and this is ${typeof value === 'number' ? value : kind(value)}`);
}

function tagged(tags) {
    return tags === undefined ? NONE : Object.entries(tags).map(([name, value]) => [name, String(value)]);
}

/** A sum, such as orders placed. */
export class Counter {
    constructor(name) {
        this.name = named(name);
        this._raw = new RawCounter(name);
    }

    /** Adds to the sum. */
    add(value, tags) {
        this._raw.add(numeric(this, value), tagged(tags));
    }
}

/** A value that goes up and down, such as the length of a queue. */
export class Gauge {
    constructor(name) {
        this.name = named(name);
        this._raw = new RawGauge(name);
    }

    /** Sets the value. */
    add(value, tags) {
        this._raw.set(numeric(this, value), tagged(tags));
    }

    /** Sets the value. */
    set(value, tags) {
        this.add(value, tags);
    }
}

/** How often something was true. */
export class Rate {
    constructor(name) {
        this.name = named(name);
        this._raw = new RawRate(name);
    }

    /** Records one answer. */
    add(value, tags) {
        this._raw.add(Boolean(value), tagged(tags));
    }
}

/** A distribution, such as the time until a page is usable. */
export class Trend {
    /** `isTime` says that values are lengths in milliseconds. */
    constructor(name, isTime = false) {
        this.name = named(name);
        this._raw = new RawTrend(name, Boolean(isTime));
    }

    /** Records one value. */
    add(value, tags) {
        this._raw.add(numeric(this, value), tagged(tags));
    }
}
