// A k6 script as the engine calls it, beside what every script in JavaScript has (`runtime/script.js`).

import { bytesOf, decode, kind } from '../bytes.js';
import { described } from '../runtime/failure.js';
import { run } from '../runtime/loop.js';
import { isThenable } from '../runtime/promise.js';
import { others, take } from './settings.js';

/** The script's module as `runtime/script.js` takes it, and the contract's interface `summary`. */
export function k6(load) {
    let module;
    const loaded = () => {
        if (module === undefined) {
            const given = load();
            take(given.options);
            module = given;
        }
        return module;
    };
    loaded.ofK6 = { others };
    const handle = (results, data) => {
        try {
            const { handleSummary } = loaded();
            if (handleSummary === undefined) return undefined;
            if (typeof handleSummary !== 'function') throw new TypeError(`handleSummary is ${kind(handleSummary)}, and must be a function`);
            const given = JSON.parse(results);
            if (data.length > 0) given.setup_data = JSON.parse(decode(data));
            return listed(settled(handleSummary(given)));
        } catch (thrown) {
            throw described(thrown);
        }
    };
    return { load: loaded, summary: { handle } };
}

function settled(given) {
    if (!isThenable(given)) return given;
    let end;
    given.then((value) => (end = { value }), (thrown) => (end = { thrown }));
    run();
    if (end === undefined) throw new Error('handleSummary waits for a promise that nothing will settle');
    if ('thrown' in end) throw end.thrown;
    return end.value;
}

/** Places and what is to be written there. */
function listed(given) {
    if (given === undefined || given === null) return [];
    if (typeof given !== 'object') throw new TypeError(`handleSummary gives an object of texts, and this is ${kind(given)}`);
    return Object.entries(given).map(([place, content]) => [place, bytesOf(content, `what handleSummary gives for '${place}'`)]);
}
