// `k6/http`: requests. What cannot be sent or is not answered is a response with the status 0 and an `error`, not an
// exception, unless the script asks for one (`throw`).

import './globals.js';
import {
    Request as RawRequest, batch as sendAll, cookies as cookiesFor, get as getRaw, setCookie, waitAny,
} from 'wasmload:script/http@0.1.0';
import { bytesOf, encode, headerBytes, kind } from '../bytes.js';
import { BOUNDARY, file, form, multipart } from '../form.js';
import { addSource, removeSource } from '../runtime/loop.js';
import { milliseconds } from '../timing.js';
import { Failure, Response } from './response.js';
import { settings } from './settings.js';

/** What is expected of all requests that say nothing themselves. */
let expected;

/** Statuses, each a number or `{ min, max }`, for `responseCallback`. */
export function expectedStatuses(...statuses) {
    const status = (one) => {
        if (Number.isInteger(one) && one >= 0 && one <= 999) return one;
        throw new TypeError('expectedStatuses takes statuses such as 404, and objects such as { min: 200, max: 299 }');
    };
    if (statuses.length === 0) throw new TypeError('expectedStatuses needs at least one status');
    return new Expected(statuses.map((one) => (typeof one === 'number' ? [status(one), status(one)] : [status(one?.min), status(one?.max)])));
}

class Expected {
    constructor(ranges) {
        this.ranges = ranges;
    }
}

function expectation(callback) {
    if (callback instanceof Expected) return callback;
    throw new TypeError('a response callback is what http.expectedStatuses(…) gives; null is not supported');
}

/** Sets which statuses are expected of all requests that say nothing themselves. */
export function setResponseCallback(callback) {
    expected = expectation(callback);
}

/** A URL whose parts are left out of the tag `name`: http.url`https://shop/${id}`. */
export function url(parts, ...values) {
    let [whole, name] = [parts[0], parts[0]];
    values.forEach((value, at) => {
        whole += String(value) + parts[at + 1];
        name += `\${}${parts[at + 1]}`;
    });
    return new NamedUrl(whole, name);
}

class NamedUrl {
    constructor(whole, name) {
        this.url = whole;
        this.name = name;
    }

    toString() {
        return this.url;
    }
}

/** What k6 knows of a request's parameters. */
const PARAMS = {
    headers(raw, headers) {
        for (const name in headers) {
            // The engine counts for itself.
            if (/^content-length$/i.test(name)) continue;
            raw.addHeader(name, headerBytes(headers[name]));
        }
    },
    tags(raw, tags) {
        for (const name in tags) {
            const value = String(tags[name]);
            if (name === 'name') raw.setName(value);
            else raw.setTag(name, value);
        }
    },
    timeout: (raw, length) => raw.setTimeout(milliseconds(length)),
    redirects(raw, limit) {
        if (!Number.isInteger(limit) || limit < 0) throw new TypeError(`redirects: ${limit} is no number of redirects`);
        raw.setRedirects(limit);
    },
    cookies(raw, cookies, at) {
        const pairs = [];
        for (const name in cookies) {
            const cookie = cookies[name];
            const isObject = cookie !== null && typeof cookie === 'object';
            if (isObject && cookie.replace) setCookie(at, `${name}=${cookie.value}; Path=/`);
            else pairs.push(`${name}=${isObject ? cookie.value : cookie}`);
        }
        if (pairs.length > 0) raw.addHeader('cookie', encode(pairs.join('; ')));
    },
    jar(_, jar) {
        if (!(jar instanceof CookieJar)) throw new TypeError('jar: the one that http.cookieJar() gives is supported, and no other');
    },
    auth() {
        // With the URL, which has the name and the password.
    },
    responseType(raw, type) {
        if (!['text', 'binary', 'none'].includes(type)) throw new TypeError(`responseType: '${type}' is none; there are text, binary, none`);
        raw.setBodyPolicy({ tag: type === 'none' ? 'discard' : 'keep' });
    },
    responseCallback: (raw, callback) => raw.setExpectedStatuses(expectation(callback).ranges),
    compression() {
        // With the body.
    },
    throw() {
        // When it has failed.
    },
};

const AUTHS = ['basic', 'digest'];
const PACKINGS = { gzip: 'gzip', deflate: 'deflate' };

/** A request as it is asked for, and what is left to do about its response. */
class Asked {
    constructor(method, at, body, params) {
        this.method = method;
        this.at = at;
        this.body = body;
        this.params = params ?? undefined;
    }

    get url() {
        return typeof this.at === 'string' ? this.at : addressOf(this.at);
    }

    get throws() {
        return this.params?.throw ?? settings.throw;
    }

    /** The contract's request. */
    raw() {
        const { method, params, at } = this;
        let address = this.url;
        const credentials = address.includes('@') ? credentialsOf(address) : undefined;
        if (credentials !== undefined) address = credentials.rest;
        const raw = new RawRequest(method, address);
        if (at instanceof NamedUrl) raw.setName(at.name);
        if (expected !== undefined) raw.setExpectedStatuses(expected.ranges);
        if (params !== undefined) {
            if (typeof params !== 'object') throw new TypeError(`the parameters of a request are an object, and these are ${kind(params)}`);
            for (const name in params) {
                const value = params[name];
                if (value === undefined || value === null) continue;
                if (!Object.hasOwn(PARAMS, name)) {
                    throw new TypeError(`a request has no parameter \`${name}\`; there are ${Object.keys(PARAMS).join(', ')}`);
                }
                PARAMS[name](raw, value, address);
            }
        }
        const auth = params?.auth ?? 'basic';
        if (!AUTHS.includes(auth)) throw new TypeError(`auth: '${auth}' is not supported; there are ${AUTHS.join(', ')}`);
        if (credentials !== undefined) {
            if (auth === 'digest') raw.setDigestAuth(credentials.user, credentials.password);
            else raw.addHeader('authorization', headerBytes(`Basic ${encode(`${credentials.user}:${credentials.password}`).toBase64()}`));
        }
        if (this.body !== undefined && this.body !== null) this.setBody(raw);
        return raw;
    }

    setBody(raw) {
        const { body } = this;
        let bytes;
        if (typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
            bytes = bytesOf(body, 'a body');
        } else if (typeof body === 'object') {
            const hasFiles = Object.values(body).some((value) => value instanceof FormFile);
            bytes = hasFiles ? joined(multipart(body, () => false)) : encode(form(body));
            const type = hasFiles ? `multipart/form-data; boundary=${BOUNDARY}` : 'application/x-www-form-urlencoded';
            if (!hasHeader(this.params?.headers, 'content-type')) raw.addHeader('content-type', headerBytes(type));
        } else {
            bytes = encode(String(body));
        }
        const packing = this.params?.compression;
        if (packing === undefined || packing === null) raw.setBody(bytes);
        else if (Object.hasOwn(PACKINGS, packing)) raw.setPackedBody(bytes, packing);
        else throw new TypeError(`compression: '${packing}' is not supported; there are gzip, deflate`);
    }

    /** The response that came of it, or what stands in for one. */
    answered(take) {
        let raw;
        try {
            raw = take();
        } catch (thrown) {
            return this.failed(thrown);
        }
        return new Response(raw, this);
    }

    failed(thrown) {
        const error = thrown?.payload;
        if (error?.tag === undefined) throw thrown;
        const failure = new Failure(error, this);
        if (this.throws) throw new Error(`request failed: ${failure.error}`);
        return failure;
    }

    send() {
        const request = this.raw();
        let raw;
        try {
            raw = request.send();
        } catch (thrown) {
            return this.failed(thrown);
        }
        return new Response(raw, this);
    }
}

const FormFile = file('').constructor;

function addressOf(at) {
    if (at instanceof NamedUrl) return at.url;
    if (typeof at?.href === 'string') return at.href;
    throw new TypeError(`a URL is text, and this is ${kind(at)}`);
}

/** The name and the password in a URL, and the URL without them. */
function credentialsOf(address) {
    const found = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)@(.*)$/is.exec(address);
    if (found === null) return undefined;
    const [, scheme, both, rest] = found;
    const [user, ...password] = both.split(':');
    return { user: decodeURIComponent(user), password: decodeURIComponent(password.join(':')), rest: scheme + rest };
}

function hasHeader(headers, wanted) {
    for (const name in headers) if (name.toLowerCase() === wanted) return true;
    return false;
}

function joined(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}

/** Sends a request with any method. */
export function request(method, at, body, params) {
    return new Asked(String(method).toUpperCase(), at, body, params).send();
}

export function get(at, params) {
    // Most say no more than this, and for them it is one call of the engine and one object.
    if (params === undefined && expected === undefined && typeof at === 'string' && !at.includes('@')) {
        let raw;
        try {
            raw = getRaw(at);
        } catch (thrown) {
            return new Asked('GET', at).failed(thrown);
        }
        return new Response(raw, at);
    }
    return new Asked('GET', at, undefined, params).send();
}

export const head = (at, params) => request('HEAD', at, undefined, params);
export const post = (at, body, params) => request('POST', at, body, params);
export const put = (at, body, params) => request('PUT', at, body, params);
export const patch = (at, body, params) => request('PATCH', at, body, params);
export const del = (at, body, params) => request('DELETE', at, body, params);
export const options = (at, body, params) => request('OPTIONS', at, body, params);

/** Requests whose promises are not settled yet: pending, what was asked, how to settle. */
const waiting = [];
const news = {
    wait(length) {
        const place = waitAny(waiting.map(({ pending }) => pending), length) ?? undefined;
        if (place === undefined) return false;
        const [{ pending, asked, resolve, reject }] = waiting.splice(place, 1);
        if (waiting.length === 0) removeSource(news);
        let response;
        try {
            response = asked.answered(() => pending.get());
        } catch (thrown) {
            reject(thrown);
            return true;
        }
        resolve(response);
        return true;
    },
};

/** Sends a request and gives a promise of its response. */
export function asyncRequest(method, at, body, params) {
    return new Promise((resolve, reject) => {
        const asked = new Asked(String(method).toUpperCase(), at, body, params);
        waiting.push({ pending: asked.raw().start(), asked, resolve, reject });
        addSource(news);
    });
}

/** Sends many requests at once: a list or an object of URLs, `[method, url, body, params]` or objects with these names. */
export function batch(requests) {
    if (requests === null || typeof requests !== 'object') throw new TypeError(`batch takes an array or an object, and this is ${kind(requests)}`);
    const names = Object.keys(requests);
    const all = names.map((name) => askedBy(requests[name]));
    const responses = atOnce(all);
    if (Array.isArray(requests)) return responses;
    return Object.fromEntries(names.map((name, place) => [name, responses[place]]));
}

function askedBy(one) {
    if (typeof one === 'string' || one instanceof NamedUrl) return new Asked('GET', one);
    if (Array.isArray(one)) {
        const [method, at, body, params] = one;
        return new Asked(String(method).toUpperCase(), at, body, params);
    }
    if (one !== null && typeof one === 'object') return new Asked(String(one.method ?? 'GET').toUpperCase(), one.url, one.body, one.params);
    throw new TypeError(`a request of a batch is a URL, an array or an object, and this is ${kind(one)}`);
}

/** Sends these at once, but no more than `batch` together and `batchPerHost` to one host; k6 has 20 and 6. */
function atOnce(all) {
    const { batch: most, batchPerHost } = settings;
    if (all.length <= Math.min(most, batchPerHost)) {
        return sendAll(all.map((one) => one.raw())).map(({ tag, val }, place) =>
            tag === 'ok' ? new Response(val, all[place]) : all[place].failed({ payload: val }));
    }
    const responses = new Array(all.length);
    const hosts = all.map(({ url }) => /^[^/]*\/\/([^/?#]*)/.exec(url)?.[1] ?? '');
    const left = all.map((_, place) => place);
    const under = [];
    while (left.length > 0 || under.length > 0) {
        const next = under.length < most
            ? left.findIndex((place) => under.filter((one) => hosts[one.place] === hosts[place]).length < batchPerHost) : -1;
        if (next >= 0) {
            const [place] = left.splice(next, 1);
            under.push({ place, pending: all[place].raw().start() });
            continue;
        }
        const first = waitAny(under.map(({ pending }) => pending), null) ?? 0;
        const [{ place, pending }] = under.splice(first, 1);
        responses[place] = all[place].answered(() => pending.get());
    }
    return responses;
}

/** The cookies of this virtual user. */
class CookieJar {
    /** The cookies that a request for this URL is sent with: `{ name: [value] }`. */
    cookiesForURL(at) {
        const found = {};
        for (const [name, value] of cookiesFor(String(at))) (found[name] ??= []).push(value);
        return found;
    }

    /** Keeps a cookie as if this URL had set it. */
    set(at, name, value, { domain, path, expires, max_age: age, secure, http_only: httpOnly } = {}) {
        const parts = [`${name}=${value}`];
        if (domain) parts.push(`Domain=${domain}`);
        if (path) parts.push(`Path=${path}`);
        if (expires) parts.push(`Expires=${new Date(expires).toUTCString()}`);
        if (age) parts.push(`Max-Age=${age}`);
        if (secure) parts.push('Secure');
        if (httpOnly) parts.push('HttpOnly');
        setCookie(String(at), parts.join('; '));
        return true;
    }

    /** Forgets the cookies for a URL. */
    clear(at) {
        for (const [name] of cookiesFor(String(at))) this.delete(at, name);
    }

    /** Forgets a cookie for a URL. */
    delete(at, name) {
        // Where it was set is not told: it is made to expire at each place that it may have been set for.
        const path = /^[^/]*\/\/[^/?#]*([^?#]*)/.exec(String(at))?.[1] || '/';
        const folders = path.split('/').map((_, place, parts) => parts.slice(0, place + 1).join('/') || '/');
        const host = (/^[^/]*\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^/:?#]*)/.exec(String(at))?.[1] ?? '').split('.');
        const domains = ['', ...host.map((_, place) => `; Domain=${host.slice(place).join('.')}`)];
        for (const folder of folders) {
            for (const domain of domains) setCookie(String(at), `${name}=; Max-Age=0; Path=${folder}${domain}`);
        }
    }
}

let jar;

/** The cookies of this virtual user. */
export const cookieJar = () => (jar ??= new CookieJar());

export { file };

/** Versions of TLS and the like, as k6 names them. */
export const TLS_1_0 = 'tls1.0';
export const TLS_1_1 = 'tls1.1';
export const TLS_1_2 = 'tls1.2';
export const TLS_1_3 = 'tls1.3';

export default {
    TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3, asyncRequest, batch, cookieJar, del, expectedStatuses, file, get, head, options,
    patch, post, put, request, setResponseCallback, url,
};
