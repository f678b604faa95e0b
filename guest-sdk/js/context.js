// Who and where the script is, what it was given, and the statements that it checks.

import * as contract from 'wasmload:script/context@0.1.0';
import { check as record } from 'wasmload:script/checks@0.1.0';
import { get as secretOf } from 'wasmload:script/secrets@0.1.0';
import { kind } from './bytes.js';

/** Where the script is. */
export const context = {
    /** The number of this virtual user in the run, from 1; 0 in `setup` and `teardown`. */
    get vu() {
        return contract.vu();
    },

    /** The number of this iteration among those of this virtual user, from 0. */
    get iteration() {
        return contract.iteration();
    },

    /** The number of this iteration among all of the scenario's, from 0: no two are the same. */
    get iterationInScenario() {
        return contract.iterationInScenario();
    },

    /** The name of the scenario; empty in `setup` and `teardown`. */
    get scenario() {
        return contract.scenario();
    },

    /** The kind of executor that drives the scenario, as options name it; empty in `setup` and `teardown`. */
    get executor() {
        return contract.executor();
    },

    /** Puts a tag on every sample that this user begins from now on, in later iterations too. */
    setTag(name, value) {
        contract.setTag(String(name), String(value));
    },

    /** Takes such a tag away again. */
    removeTag(name) {
        contract.removeTag(String(name));
    },
};

/** The value of an environment variable that was given to the run with `-e NAME=value`. */
export function env(name) {
    return contract.env(String(name)) ?? undefined;
}

/** What whoever runs the script keeps secret under this name (`--secret NAME=file:PATH`). */
export function secret(name) {
    return secretOf(String(name)) ?? undefined;
}

let base;

/** A URL on the target: `path` on `BASE_URL`, or on `http://127.0.0.1:8080` if the run was given none. */
export function baseUrl(path = '') {
    // The environment does not change while a script runs, so it is asked for once.
    base ??= withoutSlashes(env('BASE_URL') ?? 'http://127.0.0.1:8080');
    return base + path;
}

// No regular expression: what the interpreter keeps of one takes 50 KiB of each virtual user.
function withoutSlashes(url) {
    while (url[url.length - 1] === '/') url = url.slice(0, -1);
    return url;
}

/** Ends the whole run, and says why. It does not return. */
export function abort(reason) {
    contract.abort(String(reason ?? 'the script ended the run'));
}

/**
 * Records whether a statement holds, and returns it. Either `check('home is up', response.status === 200)`, or as k6 has
 * it: `check(response, { 'home is up': (r) => r.status === 200 })`, which returns whether all hold.
 */
export function check(what, statements) {
    if (statements === null || typeof statements !== 'object') {
        if (typeof what === 'string') return record(what, Boolean(statements));
        throw new TypeError(`check takes a statement and whether it holds, or a value and an object of statements; this is ${kind(what)} and ${kind(statements)}`);
    }
    let all = true;
    for (const name in statements) {
        const statement = statements[name];
        // What throws did not hold; the exception is the iteration's all the same.
        let holds = false;
        try {
            holds = Boolean(typeof statement === 'function' ? statement(what) : statement);
        } finally {
            record(name, holds);
        }
        all &&= holds;
    }
    return all;
}
