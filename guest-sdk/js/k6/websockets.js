// `k6/websockets`: WebSockets with events, as browsers have them. An iteration ends when all of its sockets have.
//
// The engine's connecting waits, so while one socket connects, the events of others wait too; what they receive is
// stamped when it arrives.

import './globals.js';
import { waitAny } from 'wasmload:script/websocket@0.1.0';
import { iteration, vu } from 'wasmload:script/context@0.1.0';
import { now } from 'wasmload:script/timing@0.1.0';
import { bytesOf, decode } from '../bytes.js';
import { webSocketError } from '../error.js';
import { addSource, enqueue, removeSource } from '../runtime/loop.js';
import { requestFor } from './handshake.js';

const EVENTS = ['open', 'message', 'error', 'close', 'ping', 'pong'];
const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
/** How long a pong is waited for before messages are looked at again, in milliseconds. */
const TURN = 20;

/** Bytes that a message brought. */
export class Blob {
    constructor(parts = []) {
        const all = parts.map((part) => (part instanceof Blob ? part._bytes : bytesOf(part, 'a part of a Blob')));
        this._bytes = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of all) {
            this._bytes.set(part, at);
            at += part.length;
        }
    }

    get size() {
        return this._bytes.length;
    }

    arrayBuffer() {
        return Promise.resolve(this._bytes.slice().buffer);
    }

    text() {
        return Promise.resolve(decode(this._bytes));
    }
}

/** The sockets that are open, of which call. */
let sockets = [];
let of = '';

const news = {
    wait(length) {
        const pinged = sockets.some((socket) => socket._pings > 0 && socket._handlers.pong.length > 0);
        const place = waitAny(sockets.map(({ _session }) => _session), pinged ? Math.min(length ?? TURN, TURN) : length) ?? undefined;
        if (place !== undefined) sockets[place]._receive();
        let any = place !== undefined;
        for (const socket of pinged ? [...sockets] : []) any = socket._lookForPong() || any;
        return any;
    },
};

function opened(socket) {
    const call = `${vu()}:${iteration()}`;
    if (call !== of) [of, sockets] = [call, []];
    sockets.push(socket);
    addSource(news);
}

function over(socket) {
    sockets = sockets.filter((one) => one !== socket);
    if (sockets.length === 0) removeSource(news);
}

export class WebSocket {
    constructor(url, protocols, params) {
        if (!/^wss?:\/\//.test(url)) throw new SyntaxError(`'${url}' is no URL of a WebSocket: it begins with ws: or wss:`);
        this.url = String(url);
        this.readyState = CONNECTING;
        this.bufferedAmount = 0;
        this.extensions = '';
        this.protocol = '';
        this.binaryType = 'blob';
        this._handlers = Object.fromEntries(EVENTS.map((name) => [name, []]));
        this._pings = 0;
        const raw = requestFor(this.url, params, protocols ?? []);
        for (const name of EVENTS) this[`on${name}`] = null;
        enqueue(() => this._connect(raw));
    }

    addEventListener(event, handler) {
        if (!EVENTS.includes(event)) throw new TypeError(`a WebSocket has no event '${event}'; there are ${EVENTS.join(', ')}`);
        if (event === 'ping') console.warn("the event 'ping': the engine answers pings itself, and does not tell of them");
        this._handlers[event].push(handler);
    }

    send(message) {
        if (this.readyState !== OPEN) throw new Error('InvalidStateError: the WebSocket is not open');
        const content = message instanceof Blob ? message._bytes : message;
        this._do(() => (typeof content === 'string' ? this._session.sendText(content) : this._session.sendBinary(bytesOf(content, 'a message'))));
    }

    ping() {
        if (this.readyState !== OPEN) throw new Error('InvalidStateError: the WebSocket is not open');
        if (this._do(() => this._session.ping())) this._pings++;
    }

    close(code = 1000, reason = '') {
        if (this.readyState === CONNECTING) {
            this.readyState = CLOSING;
            return;
        }
        if (this.readyState !== OPEN) return;
        this.readyState = CLOSING;
        // As in browsers, what is told of it is told later.
        enqueue(() => {
            try {
                this._session.close(code, reason);
            } catch (thrown) {
                if (thrown?.payload?.tag !== 'closed') this._fail(thrown);
            }
            this._end(code, reason);
        });
    }

    _connect(raw) {
        if (this.readyState !== CONNECTING) return this._end(1006, '');
        try {
            this._session = raw.connect();
        } catch (thrown) {
            this._fail(thrown);
            return this._end(1006, '');
        }
        this.readyState = OPEN;
        this.protocol = this._session.subprotocol() ?? '';
        this.extensions = this._session.header('sec-websocket-extensions') ?? '';
        opened(this);
        return this._tell('open', {});
    }

    _receive() {
        let message;
        try {
            message = this._session.receive(0) ?? undefined;
        } catch (thrown) {
            const ended = thrown?.payload;
            if (ended?.tag === 'closed') return this._end(ended.val.code, ended.val.reason);
            this._fail(thrown);
            return this._end(1006, '');
        }
        if (message === undefined) return undefined;
        if (message.isText()) return this._tell('message', { data: message.text() });
        const bytes = message.bytes();
        return this._tell('message', { data: this.binaryType === 'arraybuffer' ? bytes.slice().buffer : new Blob([bytes]) });
    }

    _lookForPong() {
        if (this._pings === 0 || this.readyState !== OPEN) return false;
        try {
            if (!this._session.waitPong(0)) return false;
        } catch {
            // Why it is over is told by what is received.
            return false;
        }
        this._pings = 0;
        this._tell('pong', {});
        return true;
    }

    _do(act) {
        try {
            act();
            return true;
        } catch (thrown) {
            this._fail(thrown);
            return false;
        }
    }

    _fail(thrown) {
        const error = thrown?.payload;
        if (error?.tag === undefined) throw thrown;
        const { message } = webSocketError(error);
        this._tell('error', { error: message, message });
    }

    _end(code, reason) {
        if (this.readyState === CLOSED) return;
        this.readyState = CLOSED;
        over(this);
        this._tell('close', { code, reason, wasClean: code !== 1006 });
    }

    _tell(type, more) {
        const event = { type, target: this, timestamp: now(), ...more };
        this[`on${type}`]?.(event);
        for (const handler of [...this._handlers[type]]) handler(event);
    }
}

export default { Blob, WebSocket };
