// A response as k6 has it. Its parts stay with the engine, and are copied when they are asked for.

import { decode } from '../bytes.js';
import { pointerOf, select } from './selector.js';

/** RFC 9110, section 15, RFC 6585 and RFC 8297. */
const REASONS = {
    100: 'Continue', 101: 'Switching Protocols', 103: 'Early Hints', 200: 'OK', 201: 'Created', 202: 'Accepted',
    203: 'Non-Authoritative Information', 204: 'No Content', 205: 'Reset Content', 206: 'Partial Content', 300: 'Multiple Choices',
    301: 'Moved Permanently', 302: 'Found', 303: 'See Other', 304: 'Not Modified', 307: 'Temporary Redirect', 308: 'Permanent Redirect',
    400: 'Bad Request', 401: 'Unauthorized', 402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed',
    406: 'Not Acceptable', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone',
    411: 'Length Required', 412: 'Precondition Failed', 413: 'Request Entity Too Large', 414: 'Request URI Too Long',
    415: 'Unsupported Media Type', 416: 'Requested Range Not Satisfiable', 417: 'Expectation Failed', 418: "I'm a teapot",
    421: 'Misdirected Request', 422: 'Unprocessable Entity', 425: 'Too Early', 426: 'Upgrade Required', 428: 'Precondition Required',
    429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 451: 'Unavailable For Legal Reasons', 500: 'Internal Server Error',
    501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported',
    511: 'Network Authentication Required',
};

/** k6's numbers for the cases of the contract's `http.error`, and words. */
const ERRORS = {
    'invalid-request': [1020, (why) => `invalid request: ${why}`],
    'name-not-resolved': [1101, () => 'lookup: no such host'],
    'connection-refused': [1212, () => 'dial: connection refused'],
    'connection-reset': [1220, () => 'read: connection reset by peer'],
    'closed-early': [1000, () => 'EOF'],
    'timed-out': [1050, () => 'request timeout'],
    'malformed-response': [1000, (what) => `malformed HTTP response: ${what}`],
    'body-too-large': [1000, () => 'the body is larger than the engine keeps'],
    'not-allowed': [1111, (what) => `not allowed: ${what}`],
    other: [1000, (what) => what],
};

const NO_TIMINGS = { blocked: 0, looking_up: 0, connecting: 0, tls_handshaking: 0, sending: 0, waiting: 0, receiving: 0, duration: 0 };

/** What k6 has of a response and the engine does not tell. */
const UNTOLD = ['remote_ip', 'remote_port', 'tls_version', 'tls_cipher_suite', 'ocsp'];
const NO_HTML = ['html', 'submitForm', 'clickLink'];

/** What responses and those that stand in for one have in common. What was asked for is a request, or the URL of a plain GET. */
class Answer {
    /** What was asked for. */
    get request() {
        const { method, url, body, params } = typeof this._asked === 'string' ? { method: 'GET', url: this._asked } : this._asked;
        const headers = {};
        for (const name in params?.headers) headers[canonical(name)] = [String(params.headers[name])];
        return { method, url, headers, body: typeof body === 'string' ? body : '', cookies: params?.cookies ?? {} };
    }

    /** What `JSON.stringify` and `console.log` show. */
    toJSON() {
        const { status, status_text, url, proto, headers, cookies, body, error, error_code, timings, request } = this;
        return { status, status_text, url, proto, headers, cookies, body, error, error_code, timings, request };
    }
}

for (const name of UNTOLD) {
    Object.defineProperty(Answer.prototype, name, {
        get() {
            throw new Error(`response.${name} is not supported`);
        },
    });
}
for (const name of NO_HTML) {
    Answer.prototype[name] = () => {
        throw new Error(`response.${name}() is not supported: there is no HTML parser here`);
    };
}

/** Made for each request, so that it sets no more than it must, and is no subclass to the interpreter. */
export class Response {
    constructor(raw, asked) {
        this._raw = raw;
        this._asked = asked;
    }

    get status() {
        return this._status ?? (this._status = this._raw.status());
    }

    get status_text() {
        const reason = REASONS[this.status];
        return reason === undefined ? String(this.status) : `${this.status} ${reason}`;
    }

    get url() {
        return this._raw.url();
    }

    get proto() {
        return this._raw.protocol();
    }

    get error() {
        return '';
    }

    /** k6's number for a status of 400 or more, and 0 otherwise. */
    get error_code() {
        return this.status >= 400 ? 1000 + this.status : 0;
    }

    /** Text, an `ArrayBuffer` if that was asked for, or null where it was thrown away. */
    get body() {
        if (this._body === undefined) {
            const type = this._asked.params?.responseType;
            if (type === 'none' || (this._raw.bodyLength() === 0 && this._raw.wholeLength() > 0)) this._body = null;
            else this._body = type === 'binary' ? this._raw.body().slice().buffer : this._raw.text();
        }
        return this._body;
    }

    /** By their names as k6 writes them; several of a name with commas between them. */
    get headers() {
        if (this._headers === undefined) {
            this._headers = {};
            for (const [name, value] of this._raw.headers()) {
                const known = canonical(name);
                const text = decode(value);
                this._headers[known] = Object.hasOwn(this._headers, known) ? `${this._headers[known]}, ${text}` : text;
            }
        }
        return this._headers;
    }

    get cookies() {
        if (this._cookies === undefined) {
            this._cookies = {};
            for (const [name, value] of this._raw.headers()) {
                if (name !== 'set-cookie') continue;
                const cookie = cookieOf(decode(value));
                (this._cookies[cookie.name] ??= []).push(cookie);
            }
        }
        return this._cookies;
    }

    get timings() {
        if (this._timings === undefined) {
            const { blocked, lookingUp, connecting, tlsHandshaking, sending, waiting, receiving } = this._raw.timings();
            this._timings = {
                blocked, looking_up: lookingUp, connecting, tls_handshaking: tlsHandshaking, sending, waiting, receiving,
                duration: sending + waiting + receiving,
            };
        }
        return this._timings;
    }

    /** The body, from JSON, or the part of it that k6's selector finds. */
    json(selector) {
        if (selector !== undefined && selector !== '') {
            const pointer = pointerOf(String(selector));
            if (pointer !== undefined) {
                const part = this._raw.json(pointer) ?? undefined;
                if (part !== undefined) return JSON.parse(part);
            }
        }
        if (this._json === undefined) {
            if (this.body === null) throw new Error("the body is null so we can't transform it to JSON");
            try {
                this._json = JSON.parse(this._raw.text());
            } catch (thrown) {
                throw new SyntaxError(`cannot parse json of ${this.url}, status ${this.status}: ${thrown.message}`);
            }
        }
        return selector === undefined || selector === '' ? this._json : select(this._json, String(selector));
    }
}

Object.defineProperties(Response.prototype, shared());

/** What `Answer` has, for `Response`. */
function shared() {
    const { constructor, ...all } = Object.getOwnPropertyDescriptors(Answer.prototype);
    return all;
}

/** What stands in for a response where there is none. */
export class Failure extends Answer {
    constructor({ tag, val }, asked) {
        super();
        this._asked = asked;
        const [code, words] = ERRORS[tag];
        this.error_code = code;
        this.error = words(val);
        this.status = 0;
        this.status_text = '';
        this.url = asked.url;
        this.proto = '';
        this.body = null;
        this.headers = {};
        this.cookies = {};
        this.timings = { ...NO_TIMINGS };
    }

    json() {
        throw new Error("the body is null so we can't transform it to JSON");
    }
}

const known = new Map();

/** A header's name with capitals at the beginning of each word. */
function canonical(name) {
    let found = known.get(name);
    if (found === undefined) {
        found = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
        if (known.size === 256) known.clear();
        known.set(name, found);
    }
    return found;
}

/** What a `set-cookie` says (RFC 6265), as k6 has it. */
function cookieOf(text) {
    const [pair, ...attributes] = text.split(';').map((part) => part.trim());
    const at = pair.indexOf('=');
    const cookie = { name: pair.slice(0, at), value: pair.slice(at + 1), domain: '', path: '', http_only: false, secure: false, max_age: 0, expires: 0 };
    for (const attribute of attributes) {
        const [, name, value] = /^([^=]*)=?(.*)$/s.exec(attribute);
        switch (name.toLowerCase()) {
            case 'domain':
                cookie.domain = value.replace(/^\./, '');
                break;
            case 'path':
                cookie.path = value;
                break;
            case 'httponly':
                cookie.http_only = true;
                break;
            case 'secure':
                cookie.secure = true;
                break;
            case 'max-age':
                cookie.max_age = Number(value) || 0;
                break;
            case 'expires':
                cookie.expires = Date.parse(value) || 0;
                break;
        }
    }
    return cookie;
}
