// HTTP requests. `http.get(url)` is the short way, with what a request needs besides in a second argument, as with
// `fetch`; `http.prepare` makes one that is sent many times. A status of 400 or more is a response and no exception.

import {
    Request as RawRequest, Upload as RawUpload, batch as sendAll, clearCookies, get as getRaw, waitAny as waitForAny,
} from 'wasmload:script/http@0.1.0';
import { bytesOf, decode, encode, headerBytes, kind } from './bytes.js';
import { httpError, rethrow } from './error.js';
import { BOUNDARY, file, form, multipart, pairs, url } from './form.js';
import { milliseconds, timeout } from './timing.js';

const BODIES = new Set(['body', 'json', 'form', 'multipart']);

/** Each setting of a request, by its name in the second argument. */
const SETTINGS = {
    headers(raw, headers) {
        for (const [name, value] of pairs(headers)) raw.addHeader(name, headerBytes(value));
    },
    timeout: (raw, length) => raw.setTimeout(milliseconds(length)),
    connectTimeout: (raw, length) => raw.setConnectTimeout(milliseconds(length)),
    firstByteTimeout: (raw, length) => raw.setFirstByteTimeout(milliseconds(length)),
    name: (raw, name) => raw.setName(String(name)),
    tags(raw, tags) {
        for (const name in tags) raw.setTag(name, String(tags[name]));
    },
    redirects: (raw, limit) => raw.setRedirects(count('redirects', limit)),
    expectedStatuses: (raw, statuses) => raw.setExpectedStatuses(ranges(statuses)),
    responseBody: (raw, policy) => raw.setBodyPolicy(bodyPolicy(policy)),
    httpVersion: (raw, version) => raw.setHttpVersion(oneOf('httpVersion', version, ['auto', 'http11', 'http2'])),
    bearer: (raw, token) => raw.addHeader('authorization', headerBytes(`Bearer ${token}`)),
    basic: (raw, { user, password }) => raw.addHeader('authorization', headerBytes(`Basic ${encode(`${user}:${password}`).toBase64()}`)),
    digest: (raw, { user, password }) => raw.setDigestAuth(String(user), String(password)),
    expectContinue(raw, expects) {
        if (expects) raw.addHeader('expect', headerBytes('100-continue'));
    },
};

function count(what, value) {
    if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
    throw new TypeError(`${what} is a whole number of 0 or more, and this is ${typeof value === 'number' ? value : kind(value)}`);
}

function oneOf(what, value, all) {
    if (all.includes(value)) return value;
    throw new TypeError(`${what} is one of ${all.map((one) => `'${one}'`).join(', ')}, and this is ${typeof value === 'string' ? `'${value}'` : kind(value)}`);
}

function ranges(statuses) {
    const status = (one) => {
        if (Number.isInteger(one) && one >= 0 && one <= 999) return one;
        throw new TypeError(`expectedStatuses are statuses such as 404, or ranges such as [200, 299]`);
    };
    return (Array.isArray(statuses) ? statuses : [statuses]).map((one) =>
        Array.isArray(one) && one.length === 2 ? [status(one[0]), status(one[1])] : [status(one), status(one)]);
}

function bodyPolicy(policy) {
    if (typeof policy === 'number') return { tag: 'first', val: count('responseBody', policy) };
    return { tag: oneOf('responseBody', policy, ['keep', 'discard', 'hash']) };
}

/** The contract's request for a method, a URL and settings. */
function rawRequest(method, url, settings) {
    const raw = new RawRequest(method, typeof url === 'string' ? url : urlOf(url));
    if (settings === undefined || settings === null) return raw;
    if (typeof settings !== 'object' || settings instanceof Uint8Array || Array.isArray(settings)) {
        throw new TypeError(`a request's settings are an object such as { json: … } or { body: … }, and this is ${kind(settings)}`);
    }
    let body;
    for (const name in settings) {
        const value = settings[name];
        if (value === undefined || name === 'pack') continue;
        if (BODIES.has(name)) {
            if (body !== undefined) throw new TypeError(`a request has one body, and this has \`${body}\` and \`${name}\``);
            body = name;
        } else if (Object.hasOwn(SETTINGS, name)) {
            SETTINGS[name](raw, value);
        } else {
            throw new TypeError(`a request has no setting \`${name}\`; there are ${[...BODIES, 'pack', ...Object.keys(SETTINGS)].join(', ')}`);
        }
    }
    if (body !== undefined) setBody(raw, body, settings[body], settings.pack);
    return raw;
}

function urlOf(url) {
    // What knows its own URL says it, such as another library's URL object; anything else would be sent as "[object Object]".
    const text = url?.href ?? url?.url;
    if (typeof text === 'string') return text;
    throw new TypeError(`a URL is text, and this is ${kind(url)}`);
}

function setBody(raw, kindOf, content, pack) {
    let bytes;
    if (kindOf === 'json') {
        const text = JSON.stringify(content);
        if (text === undefined) throw new TypeError(`${kind(content)} has no JSON`);
        raw.addHeader('content-type', headerBytes('application/json'));
        bytes = encode(text);
    } else if (kindOf === 'form') {
        raw.addHeader('content-type', headerBytes('application/x-www-form-urlencoded'));
        bytes = encode(form(content));
    } else if (kindOf === 'multipart') {
        raw.addHeader('content-type', headerBytes(`multipart/form-data; boundary=${BOUNDARY}`));
        const whole = new Upload();
        for (const part of multipart(content, (one) => one instanceof Upload)) {
            if (part instanceof Upload) whole.add(part);
            else whole.bytes(part);
        }
        raw.setUpload(whole._raw);
        return;
    } else if (content instanceof Upload) {
        raw.setUpload(content._raw);
        return;
    } else {
        if (content === null) return;
        if (typeof content === 'object' && !ArrayBuffer.isView(content) && !(content instanceof ArrayBuffer)) {
            throw new TypeError('a body is text or bytes; give an object as `json` or `form`');
        }
        bytes = bytesOf(content, 'a body');
    }
    if (pack === undefined) raw.setBody(bytes);
    else raw.setPackedBody(bytes, oneOf('pack', pack, ['gzip', 'deflate']));
}

function sent(raw) {
    try {
        return new Response(raw.send());
    } catch (thrown) {
        rethrow(thrown, httpError);
    }
}

/** A request that can be sent once or many times. */
export class Request {
    constructor(method, url, settings) {
        this._raw = rawRequest(String(method), url, settings);
    }

    /** Sends it and waits for the whole response. */
    send() {
        return sent(this._raw);
    }

    /** Sends it and does not wait. */
    start() {
        return new Pending(this._raw.start());
    }

    /** Sends it and waits for the response's head; the body is read as it comes. */
    open() {
        try {
            return new Download(this._raw.open());
        } catch (thrown) {
            rethrow(thrown, httpError);
        }
    }
}

/** A request that is on its way. An iteration does not end before the requests that it started. */
export class Pending {
    constructor(raw) {
        this._raw = raw;
    }

    /** Waits for the response. Once: it cannot be taken twice. */
    get() {
        try {
            return new Response(this._raw.get());
        } catch (thrown) {
            rethrow(thrown, httpError);
        }
    }
}

/** A response that has arrived. Its parts stay with the engine, and are copied when they are asked for. */
export class Response {
    constructor(raw) {
        this._raw = raw;
        this._status = 0;
    }

    /** The status code, such as 200. */
    get status() {
        return this._status || (this._status = this._raw.status());
    }

    /** Whether the status is 200 to 299. */
    get ok() {
        return this.status >= 200 && this.status <= 299;
    }

    /** The URL that answered: that which was asked for, or the one its last redirect led to. */
    get url() {
        return this._raw.url();
    }

    /** The first header of this name, whatever its case. */
    header(name) {
        return this._raw.header(String(name)) ?? undefined;
    }

    /** All headers. To have one of them, `header` copies less. */
    get headers() {
        return (this._headers ??= new Headers(this._raw.headers()));
    }

    /** The body as text. */
    text() {
        return this._raw.text();
    }

    /** The body as bytes: what was kept of it. */
    bytes() {
        return this._raw.body();
    }

    /** The body, from JSON; or the part of it that a JSON Pointer (RFC 6901) names, which the engine finds. */
    json(pointer) {
        if (pointer !== undefined) {
            const part = this._raw.json(String(pointer));
            return part === null ? undefined : JSON.parse(part);
        }
        const text = this._raw.text();
        try {
            return JSON.parse(text);
        } catch (error) {
            throw new SyntaxError(`the body of ${this.url}, status ${this.status}, is not JSON: ${error.message}`);
        }
    }

    /** The length of the whole body in bytes, whatever was kept of it. */
    get bodyLength() {
        return this._raw.wholeLength();
    }

    /** The SHA-256 of the body, in hexadecimal, if the request has `responseBody: 'hash'`. */
    get sha256() {
        return this._raw.sha256() ?? undefined;
    }

    /** How long each part of the exchange took, in milliseconds. */
    get timings() {
        if (this._timings === undefined) {
            this._timings = this._raw.timings();
            this._timings.duration = this._timings.sending + this._timings.waiting + this._timings.receiving;
        }
        return this._timings;
    }

    /** This response, if it has this status; an exception otherwise. */
    expectStatus(status) {
        if (this.status === status) return this;
        throw new Error(`${this.url} answered ${this.status}, but ${status} was expected`);
    }
}

/** The headers of a response, in the order they came. Names are in lower case. */
export class Headers {
    constructor(raw) {
        /** Names and values; values are bytes. */
        this.raw = raw;
    }

    /** The values of this name, whatever its case. */
    getAll(name) {
        const wanted = String(name).toLowerCase();
        return this.raw.filter(([found]) => found === wanted).map(([, value]) => decode(value));
    }

    /** The values of this name, with commas between them; none is null. */
    get(name) {
        const all = this.getAll(name);
        return all.length === 0 ? null : all.join(', ');
    }

    /** Whether there is a header of this name. */
    has(name) {
        return this.getAll(name).length > 0;
    }

    *[Symbol.iterator]() {
        for (const [name, value] of this.raw) yield [name, decode(value)];
    }
}

/** A response that is read as it comes. */
export class Download {
    constructor(raw) {
        this._raw = raw;
    }

    /** The response without its body. */
    get response() {
        return new Response(this._raw.response());
    }

    /** Waits for the next part of the body, `{ bytes, arrived }`; none when all of it was read. */
    read() {
        try {
            return this._raw.read() ?? undefined;
        } catch (thrown) {
            rethrow(thrown, httpError);
        }
    }

    /** The parts of the body, until all was read. */
    *[Symbol.iterator]() {
        for (let chunk; (chunk = this.read()) !== undefined; ) yield chunk;
    }
}

/** A body that the engine makes as it sends it, so that it is never in the script's memory. */
export class Upload {
    constructor() {
        this._raw = new RawUpload();
    }

    /** Adds text or bytes. */
    bytes(content) {
        this._raw.addBytes(bytesOf(content, 'a part of an upload'));
        return this;
    }

    /** Adds a file of those that the run was given (`--file NAME=FILE`), by its name. */
    file(name) {
        try {
            this._raw.addFile(String(name));
        } catch (thrown) {
            rethrow(thrown, httpError);
        }
        return this;
    }

    /** Adds so many bytes that nothing can pack: always the same for the same seed. */
    random(length, seed = 0) {
        this._raw.addRandom(Number(length), count('a seed', seed));
        return this;
    }

    /** Adds all that another one has. */
    add(other) {
        this._raw.addUpload(other._raw);
        return this;
    }

    /** How many bytes it has. */
    get length() {
        return this._raw.length();
    }
}

/** Sends a request with any method and waits for the whole response. */
export function request(method, url, settings) {
    return sent(rawRequest(String(method), url, settings));
}

/** Sends a GET. */
export function get(url, settings) {
    if (settings !== undefined || typeof url !== 'string') return request('GET', url, settings);
    try {
        return new Response(getRaw(url));
    } catch (thrown) {
        rethrow(thrown, httpError);
    }
}

export const head = (url, settings) => request('HEAD', url, settings);
export const options = (url, settings) => request('OPTIONS', url, settings);
export const post = (url, settings) => request('POST', url, settings);
export const put = (url, settings) => request('PUT', url, settings);
export const patch = (url, settings) => request('PATCH', url, settings);
export const del = (url, settings) => request('DELETE', url, settings);

/** A request that can be sent many times; what it needs is set up once. */
export const prepare = (method, url, settings) => new Request(method, url, settings);

/** Sends a GET, or a prepared request, and does not wait. */
export const start = (what) => asRequest(what).start();

function asRequest(what) {
    return what instanceof Request ? what : new Request('GET', what);
}

/**
 * Sends all of these at once, and waits for all of them: URLs and prepared requests. Each result is a response, or the
 * `HttpError` that says why there is none.
 */
export function batch(requests) {
    const all = requests.map(asRequest);
    return sendAll(all.map((one) => one._raw)).map(({ tag, val }) => (tag === 'ok' ? new Response(val) : httpError(val)));
}

/** Waits until one of these is finished, and gives its place in the list; undefined if the timeout passes first. */
export function waitAny(pending, length) {
    return waitForAny(pending.map((one) => one._raw), timeout(length)) ?? undefined;
}

export default {
    request, get, head, options, post, put, patch, del, delete: del, prepare, start, batch, waitAny, url, file, clearCookies,
};
