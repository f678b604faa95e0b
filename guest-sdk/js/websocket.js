// WebSocket: connections that stay, and messages both ways. Calls wait, and nobody else does meanwhile: there are no
// callbacks. The engine reads while the script runs, sleeps or waits, and stamps each message when it arrives.

import { Request as RawRequest, waitAny as waitForAny } from 'wasmload:script/websocket@0.1.0';
import { bytesOf, headerBytes, kind } from './bytes.js';
import { baseUrl } from './context.js';
import { rethrow, webSocketError } from './error.js';
import { pairs } from './form.js';
import { Response } from './http.js';
import { milliseconds, timeout } from './timing.js';

const SETTINGS = {
    headers(raw, headers) {
        for (const [name, value] of pairs(headers)) raw.addHeader(name, headerBytes(value));
    },
    bearer: (raw, token) => raw.addHeader('authorization', headerBytes(`Bearer ${token}`)),
    subprotocols(raw, names) {
        for (const name of [names].flat()) raw.addSubprotocol(String(name));
    },
    deflate(raw, offers) {
        if (offers) raw.offerDeflate();
    },
    timeout: (raw, length) => raw.setTimeout(milliseconds(length)),
    name: (raw, name) => raw.setName(String(name)),
    tags(raw, tags) {
        for (const name in tags) raw.setTag(name, String(tags[name]));
    },
};

/** A session. It lasts until a side closes it, however many iterations that takes. */
export class WebSocket {
    /** Connects to an absolute `ws:` or `wss:` URL. */
    static connect(url, settings = {}) {
        const raw = new RawRequest(String(url));
        for (const name in settings) {
            if (settings[name] === undefined) continue;
            if (!Object.hasOwn(SETTINGS, name)) {
                throw new TypeError(`a WebSocket has no setting \`${name}\`; there are ${Object.keys(SETTINGS).join(', ')}`);
            }
            SETTINGS[name](raw, settings[name]);
        }
        try {
            return new WebSocket(raw.connect());
        } catch (thrown) {
            rethrow(thrown, (error) => {
                const refusal = error.tag === 'refused' ? raw.refusal() : null;
                return webSocketError(error, refusal === null ? undefined : new Response(refusal));
            });
        }
    }

    /** A URL on the target: as `baseUrl`, with `ws` in place of `http`. */
    static url(path) {
        return baseUrl(path).replace(/^http/, 'ws');
    }

    /** Waits until one of these has a message or is over: its place in the list; undefined if the timeout passes first. */
    static waitAny(sockets, length) {
        return waitForAny(sockets.map((one) => one._raw), timeout(length)) ?? undefined;
    }

    constructor(raw) {
        if (typeof raw?.sendText !== 'function') throw new TypeError('`WebSocket.connect(url)` makes a WebSocket');
        this._raw = raw;
    }

    _call(method, ...given) {
        try {
            return this._raw[method](...given);
        } catch (thrown) {
            rethrow(thrown, webSocketError);
        }
    }

    /** Sends text or bytes, and waits until all of it is handed to the system. */
    send(message) {
        if (typeof message === 'string') this._call('sendText', message);
        else this._call('sendBinary', bytesOf(message, 'a message'));
    }

    /** Sends this value as JSON, as text. */
    sendJson(value) {
        const text = JSON.stringify(value);
        if (text === undefined) throw new TypeError(`${kind(value)} has no JSON`);
        this._call('sendText', text);
    }

    /** Announces that the message sent last will be answered by one that `message.answers` will name by this key. */
    expectAnswer(key) {
        this._raw.expectAnswer(String(key));
    }

    /** Sends a ping and does not wait for its pong; the time between them is in `ws_ping`. */
    ping() {
        this._call('ping');
    }

    /** Waits until every ping was answered; false if the timeout passes first. */
    waitPong(length) {
        return this._call('waitPong', timeout(length));
    }

    /** Waits for the next message; undefined if the timeout passes first. */
    receive(length) {
        const message = this._call('receive', timeout(length));
        return message === null ? undefined : new Message(message);
    }

    /** The messages, until both sides have closed. */
    *[Symbol.iterator]() {
        for (;;) {
            let message;
            try {
                message = this.receive();
            } catch (error) {
                if (error.kind === 'closed') return;
                throw error;
            }
            if (message !== undefined) yield message;
        }
    }

    /** Closes the session, and waits until the target has agreed and ended the connection. */
    close(code = 1000, reason = '') {
        if (!Number.isInteger(code) || code < 0 || code > 0xffff) throw new TypeError('a close has a code such as 1000');
        this._call('close', code, String(reason));
    }

    /** The subprotocol that the target chose. */
    get subprotocol() {
        return this._raw.subprotocol() ?? undefined;
    }

    /** The first header of this name in the answer to the handshake. */
    header(name) {
        return this._raw.header(String(name)) ?? undefined;
    }
}

/** A message that has arrived whole. It is copied to the script only when asked for. */
export class Message {
    constructor(raw) {
        this._raw = raw;
    }

    /** Whether it is text, and not bytes. */
    get isText() {
        return this._raw.isText();
    }

    /** Its length in bytes. */
    get length() {
        return this._raw.length();
    }

    /** A copy of it as text. */
    text() {
        return this._raw.text();
    }

    /** A copy of its bytes. */
    bytes() {
        return this._raw.bytes();
    }

    /** It, from JSON; or the part of it that a JSON Pointer names, which the engine finds. */
    json(pointer) {
        if (pointer === undefined) return JSON.parse(this._raw.text());
        const part = this._raw.json(String(pointer));
        return part === null ? undefined : JSON.parse(part);
    }

    /** When its last byte arrived, as `now` counts. */
    get arrived() {
        return this._raw.arrived();
    }

    /** Says that it is the answer announced under this key: the milliseconds that it took; undefined if none is expected. */
    answers(key) {
        return this._raw.answers(String(key)) ?? undefined;
    }
}
