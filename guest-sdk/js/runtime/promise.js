// Promises whose jobs the SDK runs itself (`loop.js`): the interpreter's own are run by nobody, since the engine's calls
// into a script are over when they return. The bundler turns `async` and `await` into these, too.
//
// As ECMAScript 2025 has them, section 27.2, but for subclassing by `Symbol.species`.

import { addUnhandled, enqueue, removeUnhandled } from './loop.js';

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;

export function isThenable(value) {
    return value !== null && (typeof value === 'object' || typeof value === 'function') && typeof value.then === 'function';
}

export class Promise {
    constructor(executor) {
        if (typeof executor !== 'function') throw new TypeError('a promise is made with a function');
        this._state = PENDING;
        this._value = undefined;
        this._reactions = undefined;
        let isResolved = false;
        const once = (settle) => (value) => {
            if (isResolved) return;
            isResolved = true;
            settle(this, value);
        };
        try {
            executor(once(resolve), once(reject));
        } catch (error) {
            once(reject)(error);
        }
    }

    then(onFulfilled, onRejected) {
        return new this.constructor((resolve, reject) => {
            react(this, {
                [FULFILLED]: reaction(onFulfilled, resolve, resolve, reject),
                [REJECTED]: reaction(onRejected, reject, resolve, reject),
            });
        });
    }

    catch(onRejected) {
        return this.then(undefined, onRejected);
    }

    finally(callback) {
        if (typeof callback !== 'function') return this.then(callback, callback);
        return this.then(
            (value) => Promise.resolve(callback()).then(() => value),
            (reason) => Promise.resolve(callback()).then(() => {
                throw reason;
            }),
        );
    }

    get [Symbol.toStringTag]() {
        return 'Promise';
    }

    static resolve(value) {
        return value instanceof Promise ? value : new this((resolve) => resolve(value));
    }

    static reject(reason) {
        return new this((_, reject) => reject(reason));
    }

    static withResolvers() {
        let resolve;
        let reject;
        const promise = new this((...both) => ([resolve, reject] = both));
        return { promise, resolve, reject };
    }

    static try(callback, ...given) {
        return new this((resolve) => resolve(callback(...given)));
    }

    static all(values) {
        return gathered(this, values, (value) => value, undefined, (all) => all);
    }

    static allSettled(values) {
        return gathered(this, values, (value) => ({ status: 'fulfilled', value }), (reason) => ({ status: 'rejected', reason }), (all) => all);
    }

    static any(values) {
        // All reasons are gathered, and the first value ends it.
        return new this((resolve, reject) => {
            gathered(this, values, undefined, (reason) => reason, (reasons) => reject(new AggregateError(reasons, 'all promises were rejected')), resolve)
                .catch(reject);
        });
    }

    static race(values) {
        return new this((resolve, reject) => {
            for (const value of values) this.resolve(value).then(resolve, reject);
        });
    }
}

/** Waits for all of these; without `ofValue` or `ofReason`, one that ends so ends all. */
function gathered(Of, values, ofValue, ofReason, whole, first) {
    return new Of((resolve, reject) => {
        const all = [];
        let left = 1;
        const arrived = () => {
            if (--left === 0) resolve(whole(all));
        };
        const taken = (place, of) => (value) => {
            all[place] = of(value);
            arrived();
        };
        let place = 0;
        for (const value of values) {
            left++;
            const here = place++;
            Of.resolve(value).then(ofValue ? taken(here, ofValue) : first, ofReason ? taken(here, ofReason) : reject);
        }
        arrived();
    });
}

/** What happens to a promise that came of `then` when the first one is settled. */
function reaction(handler, otherwise, resolve, reject) {
    if (typeof handler !== 'function') return otherwise;
    return (value) => {
        let result;
        try {
            result = handler(value);
        } catch (error) {
            reject(error);
            return;
        }
        resolve(result);
    };
}

function react(promise, reactions) {
    if (promise._state === PENDING) {
        (promise._reactions ??= []).push(reactions);
        return;
    }
    removeUnhandled(promise);
    enqueue(() => reactions[promise._state](promise._value));
}

function settle(promise, state, value) {
    const reactions = promise._reactions;
    promise._reactions = undefined;
    promise._state = state;
    promise._value = value;
    if (state === REJECTED && reactions === undefined) addUnhandled(promise);
    if (reactions !== undefined) {
        for (const reaction of reactions) enqueue(() => reaction[state](value));
    }
}

function reject(promise, reason) {
    settle(promise, REJECTED, reason);
}

function resolve(promise, value) {
    if (value === promise) {
        reject(promise, new TypeError('a promise cannot be resolved with itself'));
        return;
    }
    let then;
    try {
        then = value !== null && (typeof value === 'object' || typeof value === 'function') ? value.then : undefined;
    } catch (error) {
        reject(promise, error);
        return;
    }
    if (typeof then !== 'function') {
        settle(promise, FULFILLED, value);
        return;
    }
    enqueue(() => {
        let isResolved = false;
        const once = (settle) => (value) => {
            if (isResolved) return;
            isResolved = true;
            settle(promise, value);
        };
        try {
            then.call(value, once(resolve), once(reject));
        } catch (error) {
            once(reject)(error);
        }
    });
}
