// `k6/ws`: a WebSocket with callbacks. `connect` returns when the session is over.

import './globals.js';
import { now } from 'wasmload:script/timing@0.1.0';
import { bytesOf } from '../bytes.js';
import { webSocketError } from '../error.js';
import { requestFor } from './handshake.js';
import { settings } from './settings.js';

const EVENTS = ['open', 'message', 'binaryMessage', 'ping', 'pong', 'close', 'error'];

/** How long a pong is waited for before timers and messages are looked at again, in milliseconds. */
const TURN = 20;

/** Connects, has `callback` set up the socket, and goes on until a side closes it. */
export function connect(url, params, callback) {
    if (typeof params === 'function') [params, callback] = [undefined, params];
    if (typeof callback !== 'function') throw new TypeError('ws.connect needs a function that is given the socket');
    const raw = requestFor(String(url), params);
    let session;
    let failure;
    try {
        session = raw.connect();
    } catch (thrown) {
        if (thrown?.payload?.tag === undefined) throw thrown;
        failure = thrown.payload;
    }
    if (failure !== undefined && failure.tag !== 'refused' && settings.throw) throw webSocketError(failure);
    const socket = new Socket(session);
    callback(socket);
    if (failure !== undefined) {
        socket.fail(webSocketError(failure).message);
        const status = failure.tag === 'refused' ? failure.val : 0;
        const refusal = raw.refusal();
        return { status, url: String(url), headers: headersBy((name) => refusal?.header(name)), body: refusal?.text() ?? '', error: webSocketError(failure).message };
    }
    socket.run();
    return { status: 101, url: String(url), headers: headersBy((name) => session.header(name)), body: '', error: '' };
}

/** Headers, which are asked for by name. */
function headersBy(find) {
    return new Proxy({}, { get: (_, name) => (typeof name === 'string' ? find(name) ?? undefined : undefined) });
}

/** What the script is given. */
class Socket {
    constructor(session) {
        this._session = session;
        this._handlers = Object.fromEntries(EVENTS.map((name) => [name, []]));
        this._timers = [];
        this._numbered = 0;
        this._pings = 0;
        this._isOver = session === undefined;
    }

    on(event, handler) {
        if (!EVENTS.includes(event)) throw new TypeError(`a socket has no event '${event}'; there are ${EVENTS.join(', ')}`);
        if (event === 'ping') console.warn("socket.on('ping'): the engine answers pings itself, and does not tell of them");
        this._handlers[event].push(handler);
    }

    send(text) {
        this._sent(() => this._session.sendText(String(text)));
    }

    sendBinary(bytes) {
        this._sent(() => this._session.sendBinary(bytesOf(bytes, 'a message')));
    }

    ping() {
        if (this._sent(() => this._session.ping())) this._pings++;
    }

    setTimeout(callback, length) {
        return this._timer(callback, length, undefined);
    }

    setInterval(callback, length) {
        return this._timer(callback, length, length);
    }

    clearTimeout(id) {
        this._timers = this._timers.filter((timer) => timer.id !== id);
    }

    clearInterval(id) {
        this.clearTimeout(id);
    }

    close(code = 1000) {
        if (this._isOver) return;
        this._isOver = true;
        try {
            this._session.close(code, '');
        } catch (thrown) {
            if (thrown?.payload?.tag !== 'closed') this._fails(thrown);
        }
        this._tell('close', code);
    }

    /** Tells that there is no session, or none any more. */
    fail(message) {
        this._isOver = true;
        this._tell('error', { error: () => message, message });
    }

    /** Goes on until the session is over. */
    run() {
        this._tell('open');
        while (!this._isOver) {
            const timer = this._timers.reduce((first, one) => (first === undefined || one.at < first.at ? one : first), undefined);
            if (timer !== undefined && timer.at <= now()) {
                if (timer.every === undefined) this.clearTimeout(timer.id);
                else timer.at += timer.every;
                timer.callback();
                continue;
            }
            this._wait(timer === undefined ? null : Math.max(timer.at - now(), 0));
        }
    }

    /** Waits for a message or a pong, for so long at most. */
    _wait(length) {
        const watches = this._pings > 0 && this._handlers.pong.length > 0;
        let message;
        try {
            if (watches && this._session.waitPong(0)) {
                this._pings = 0;
                return this._tell('pong');
            }
            message = this._session.receive(watches ? Math.min(length ?? TURN, TURN) : length) ?? undefined;
        } catch (thrown) {
            return this._ended(thrown);
        }
        if (message === undefined) return undefined;
        if (message.isText()) return this._tell('message', message.text());
        return this._tell('binaryMessage', message.bytes().slice().buffer);
    }

    _ended(thrown) {
        const over = thrown?.payload;
        if (over?.tag === undefined) throw thrown;
        this._isOver = true;
        if (over.tag === 'closed') return this._tell('close', over.val.code);
        this.fail(webSocketError(over).message);
        return this._tell('close', 1006);
    }

    _timer(callback, length, every) {
        if (typeof callback !== 'function') throw new TypeError('a timer is set with a function');
        if (!(Number(length) > 0)) throw new TypeError('a timer of a socket needs a length of more than 0');
        this._timers.push({ id: ++this._numbered, at: now() + Number(length), callback, every });
        return this._numbered;
    }

    _sent(send) {
        if (this._session === undefined) throw new Error('the socket is not connected');
        try {
            send();
            return true;
        } catch (thrown) {
            this._fails(thrown);
            return false;
        }
    }

    _fails(thrown) {
        const error = thrown?.payload;
        if (error?.tag === undefined) throw thrown;
        const { message } = webSocketError(error);
        this._tell('error', { error: () => message, message });
    }

    _tell(event, given) {
        for (const handler of this._handlers[event]) handler(given);
    }
}

export default { connect };
