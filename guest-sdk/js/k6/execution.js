// `k6/execution`: who and where the script is, and the end of the test.

import './globals.js';
import { abort as end, executor, iteration, iterationInScenario, scenario as nameOfScenario, vu as number } from 'wasmload:script/context@0.1.0';
import { now } from 'wasmload:script/timing@0.1.0';
import { forget, keep, own } from './tags.js';

const tags = new Proxy({}, {
    get: (_, name) => own.get(name),
    has: (_, name) => own.has(name),
    set(_, name, value) {
        if (!['string', 'number', 'boolean'].includes(typeof value)) throw new TypeError(`exec.vu.tags.${String(name)} is a text, a number or a boolean`);
        keep(String(name), String(value));
        return true;
    },
    deleteProperty(_, name) {
        forget(name);
        return true;
    },
    ownKeys: () => [...own.keys()],
    getOwnPropertyDescriptor: (_, name) => (own.has(name) ? { value: own.get(name), enumerable: true, configurable: true, writable: true } : undefined),
});

/** An object whose other names are refused, so that none of them is silently nothing. */
function strict(what, known) {
    return new Proxy(known, {
        get(target, name) {
            if (name in target || typeof name === 'symbol' || name === 'toJSON') return target[name];
            throw new Error(`${what}.${name} is not supported; there are ${Object.keys(target).join(', ')}`);
        },
    });
}

function inScenario(what, read) {
    if (number() === 0) throw new Error(`getting ${what} outside of the VU context is not supported`);
    return read();
}

export const vu = strict('exec.vu', {
    get idInTest() {
        return number();
    },
    get idInInstance() {
        return number();
    },
    get iterationInInstance() {
        return iteration();
    },
    get iterationInScenario() {
        return iteration();
    },
    tags,
    metrics: strict('exec.vu.metrics', { tags }),
});

export const scenario = strict('exec.scenario', {
    get name() {
        return inScenario('scenario information', nameOfScenario);
    },
    get executor() {
        return inScenario('scenario information', executor);
    },
    get iterationInTest() {
        return inScenario('scenario information', iterationInScenario);
    },
    get iterationInInstance() {
        return inScenario('scenario information', iterationInScenario);
    },
});

export const instance = strict('exec.instance', {
    get currentTestRunDuration() {
        return now();
    },
});

export const test = strict('exec.test', {
    abort(reason) {
        end(reason === undefined ? 'test aborted' : String(reason));
    },
});

export default { instance, scenario, test, vu };
