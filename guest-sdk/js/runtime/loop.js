// What is still to be done when a function of the script has returned: jobs of promises, timers, and whatever else can
// bring news (a *source*, such as sockets with callbacks). A call of the engine ends when nothing is left, as in k6.

import { sleep as sleepFor, now } from 'wasmload:script/timing@0.1.0';

/** How long one of several sources is waited for before the next is asked, in milliseconds. */
const TURN = 5;

let jobs = [];
let timers = [];
let numbered = 0;
const sources = new Set();

/** Rejected promises that nobody has asked about yet. */
const unhandled = new Set();

/** Whether anything was left to be done since all was forgotten. What reads it is spared to ask for each. */
export let hasWork = false;

/** Has a function called as soon as nothing else runs. */
export function enqueue(job) {
    hasWork = true;
    jobs.push(job);
}

/**
 * Adds something that may bring news: `wait(milliseconds)` waits for it at most so long, or as long as it takes if that
 * is null, calls whom it concerns, and says whether there was any. It keeps the call of the engine from ending until
 * it is removed.
 */
export function addSource(source) {
    hasWork = true;
    sources.add(source);
}

export function removeSource(source) {
    sources.delete(source);
}

function addTimer(callback, length, given, every) {
    if (typeof callback !== 'function') throw new TypeError('a timer is set with a function');
    const wait = Math.max(Number(length) || 0, 0);
    const timer = { id: ++numbered, at: now() + wait, callback, given, every: every ? Math.max(wait, 1) : undefined };
    hasWork = true;
    schedule(timer);
    return timer.id;
}

function schedule(timer) {
    // Those of the same moment keep their order.
    let place = timers.length;
    while (place > 0 && timers[place - 1].at > timer.at) place--;
    timers.splice(place, 0, timer);
}

export const setTimeout = (callback, length, ...given) => addTimer(callback, length, given, false);
export const setInterval = (callback, length, ...given) => addTimer(callback, length, given, true);

export function clearTimer(id) {
    timers = timers.filter((timer) => timer.id !== id);
}

/** Notes that a promise was rejected and nobody has asked about it. */
export function addUnhandled(promise) {
    hasWork = true;
    unhandled.add(promise);
}

/** Notes that somebody asks about a promise. */
export function removeUnhandled(promise) {
    unhandled.delete(promise);
}

/** The reasons of rejections that nobody has handled. All are forgotten. */
export function takeUnhandled() {
    const reasons = [...unhandled].map((promise) => promise._value);
    unhandled.clear();
    return reasons;
}

/** Forgets all that is left, before a call that is not to meet what another left behind. */
export function forget() {
    jobs = [];
    timers = [];
    sources.clear();
    unhandled.clear();
    hasWork = false;
}

function runJobs() {
    while (jobs.length > 0) {
        const now = jobs;
        jobs = [];
        for (const job of now) job();
    }
}

/** Does what is left, and waits for it, until nothing is. An exception of a callback ends it. */
export function run() {
    for (;;) {
        runJobs();
        const [timer] = timers;
        if (timer !== undefined && timer.at <= now()) {
            timers.shift();
            if (timer.every !== undefined) schedule(Object.assign(timer, { at: timer.at + timer.every }));
            timer.callback(...timer.given);
            continue;
        }
        const left = timer === undefined ? null : timer.at - now();
        if (sources.size === 0) {
            if (left === null) return;
            sleepFor(left);
        } else if (sources.size === 1) {
            const [source] = sources;
            source.wait(left);
        } else {
            const turn = left === null ? TURN : Math.min(left, TURN);
            for (const source of [...sources]) if (sources.has(source) && source.wait(turn)) break;
        }
    }
}
