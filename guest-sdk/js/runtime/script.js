// From a script's module to what the engine calls. What stands at the top of the module runs once in each virtual user, at
// its first call, and not when the script is built: it may read what the run was given.

import { abort } from 'wasmload:script/context@0.1.0';
import { decode, encode, kind } from '../bytes.js';
import { described } from './failure.js';
import { install } from './globals.js';
import { forget, hasWork, run, takeUnhandled } from './loop.js';
import { isThenable } from './promise.js';
import { isSeeded, reseed } from './random.js';

/** Exports that are called by name and are no flows. */
const RESERVED = new Set(['setup', 'teardown', 'handleSummary', 'options', '__esModule']);

/** Those that k6 does not have, so that they are flows like others in its scripts. */
const HOOKS = new Set(['start', 'stop']);

const NOTHING = new Uint8Array();

/**
 * The contract's interface `script`, for the module that `load` gives. If it was written for k6, `load.ofK6` says which of its
 * options are the engine's.
 */
export function script(load) {
    install();
    let module;
    let broken;
    let data;

    /** The script's module, run at the first call. One that threw is not run again: it would be half there. */
    const loaded = () => {
        if (broken !== undefined) throw broken.thrown;
        if (module !== undefined) return module;
        try {
            module = load();
        } catch (thrown) {
            broken = { thrown };
            throw thrown;
        }
        // What is no ES module exports one thing.
        if (typeof module === 'function') module = { default: module };
        return module;
    };

    /** Calls a function of the script, and does all that it left to be done. */
    const call = (name, given) => {
        // Most iterations leave nothing behind: these are read and no more.
        if (isSeeded) reseed();
        if (hasWork) forget();
        const called = (module ?? loaded())[name];
        if (called === undefined) return undefined;
        if (typeof called !== 'function') throw new TypeError(`\`${name}\` is ${kind(called)}, and must be a function`);
        const result = called(given);
        return result === undefined && !hasWork ? undefined : settled(result, name);
    };

    return {
        options() {
            reseed();
            try {
                return JSON.stringify(optionsOf(loaded(), load.ofK6));
            } catch (thrown) {
                // `options` cannot fail in the contract; whoever asked is told why it ends.
                abort(described(thrown));
            }
        },

        // As the contract has it, a failure is thrown as text.

        setup() {
            try {
                const given = call('setup');
                return given === undefined ? NOTHING : encode(json(given, 'what `setup` returns'));
            } catch (thrown) {
                throw described(thrown);
            }
        },

        start(bytes) {
            try {
                data = bytes.length === 0 ? undefined : JSON.parse(decode(bytes));
                if (load.ofK6 === undefined) call('start', data);
            } catch (thrown) {
                throw described(thrown);
            }
        },

        iterate(flow) {
            try {
                call(flow, data);
            } catch (thrown) {
                throw described(thrown);
            }
        },

        stop() {
            try {
                if (load.ofK6 === undefined) call('stop', data);
            } catch (thrown) {
                // It has no failure in the contract either.
                globalThis.console.error(`stop: ${described(thrown)}`);
            }
        },

        teardown(bytes) {
            try {
                call('teardown', bytes.length === 0 ? undefined : JSON.parse(decode(bytes)));
            } catch (thrown) {
                throw described(thrown);
            }
        },
    };
}

/** What a function gave, once nothing is left to be done. */
function settled(given, name) {
    if (!isThenable(given)) {
        run();
        throwUnhandled();
        return given;
    }
    let end;
    given.then((value) => (end = { value }), (thrown) => (end = { thrown }));
    run();
    if (end === undefined) throw new Error(`\`${name}\` waits for a promise that nothing will settle`);
    if ('thrown' in end) throw end.thrown;
    throwUnhandled();
    return end.value;
}

function throwUnhandled() {
    const reasons = takeUnhandled();
    if (reasons.length > 0) throw reasons[0];
}

/** The options of a module, with the names of its flows. */
function optionsOf(module, ofK6) {
    const flows = Object.keys(module).filter((name) => typeof module[name] === 'function' && !RESERVED.has(name) && (ofK6 !== undefined || !HOOKS.has(name)));
    if (flows.length === 0) {
        throw new Error('it exports no function to run: `export default function () { … }` is an iteration');
    }
    let options = module.options ?? {};
    if (typeof options !== 'object' || Array.isArray(options)) {
        throw new TypeError(`\`options\` is ${kind(options)}, and must be an object such as { vus: 10, duration: '30s' }`);
    }
    if (ofK6 !== undefined) options = ofK6.others(options);
    refuse(options, 'options', []);
    // A class with `toJSON`, such as a date, is what JSON makes of it.
    options = JSON.parse(JSON.stringify(options));
    return { ...options, flows };
}

/** The JSON of a value. */
function json(value, what) {
    refuse(value, what, []);
    return JSON.stringify(value);
}

/** Refuses what JSON would leave out or cannot write, by its path. */
function refuse(value, path, above) {
    const why = typeof value === 'function' ? `a function, and only data can stand there`
        : typeof value === 'symbol' ? 'a symbol, and only data can stand there'
        : typeof value === 'bigint' ? `${value}n, a BigInt: write it as a number or a text`
        : typeof value === 'number' && value - value !== 0 ? `${value}, which is no number that can be written down`
        : above.includes(value) ? 'something that it is itself a part of'
        : undefined;
    if (why !== undefined) throw new TypeError(`${path} is ${why}`);
    if (value === null || typeof value !== 'object' || typeof value.toJSON === 'function') return;
    for (const [name, part] of Object.entries(value)) {
        refuse(part, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, [...above, value]);
    }
}
