// Server-Sent Events: streams of events, such as the tokens of a language model.

import { Source as RawSource, waitAny as waitForAny } from 'wasmload:script/sse@0.1.0';
import { StreamError, httpError, rethrow } from './error.js';
import { Request, Response } from './http.js';
import { timeout } from './timing.js';

function streamError({ tag, val }) {
    if (tag === 'http') {
        const cause = httpError(val);
        return Object.assign(new StreamError('http', cause.message), { cause });
    }
    if (tag === 'not-a-stream') {
        const response = new Response(val);
        const type = response.header('content-type') ?? 'no content-type';
        const message = `${response.url} answered ${response.status} with ${type}, which is not a stream of events`;
        return Object.assign(new StreamError(tag, message), { response });
    }
    return new StreamError(tag, tag === 'ended' ? 'the target ended the stream' : 'an event is too large');
}

/**
 * Opens a stream of events: a URL or a prepared request. `reconnects` is how often one that broke is asked for again;
 * `tokens` is true, or JSON Pointers, to have the engine time the text of a language model.
 */
export function connect(what, { reconnects, tokens, ...others } = {}) {
    const [other] = Object.keys(others);
    if (other !== undefined) throw new TypeError(`a stream has no setting \`${other}\`; there are reconnects, tokens`);
    const raw = new RawSource((what instanceof Request ? what : new Request('GET', what))._raw);
    if (reconnects !== undefined) raw.setReconnects(reconnects >>> 0);
    if (tokens) raw.setTokens(tokens === true ? [] : [tokens].flat().map(String));
    try {
        return new EventStream(raw.connect());
    } catch (thrown) {
        rethrow(thrown, streamError);
    }
}

/** A stream that is open. */
export class EventStream {
    constructor(raw) {
        this._raw = raw;
    }

    /** The response that the stream is, without a body. */
    get response() {
        return new Response(this._raw.response());
    }

    /** Waits for the next event, `{ kind, data, id, arrived, token }`; undefined if the timeout passes first. */
    receive(length) {
        try {
            const event = this._raw.receive(timeout(length));
            if (event === null) return undefined;
            event.token ??= undefined;
            return event;
        } catch (thrown) {
            rethrow(thrown, streamError);
        }
    }

    /** The events, until the target ends the stream. */
    *[Symbol.iterator]() {
        for (;;) {
            let event;
            try {
                event = this.receive();
            } catch (error) {
                if (error.kind === 'ended') return;
                throw error;
            }
            if (event !== undefined) yield event;
        }
    }

    /** What the events add to the text of a language model. */
    *texts() {
        for (const { token } of this) if (token !== undefined) yield token;
    }

    /** Ends the stream. One that nobody holds any more ends as well. */
    close() {
        this._raw[Symbol.dispose]();
    }
}

/** Waits until one of these has an event or is over: its place in the list; undefined if the timeout passes first. */
export function waitAny(streams, length) {
    return waitForAny(streams.map((one) => one._raw), timeout(length)) ?? undefined;
}

export default { connect, waitAny };
