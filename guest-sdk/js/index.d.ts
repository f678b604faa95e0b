/**
 * Write load-test scripts for wasmload in JavaScript and TypeScript.
 *
 * A script exports a function that a virtual user runs again and again, and options:
 *
 * ```ts
 * import http, { baseUrl, check, sleep, type Options } from 'wasmload';
 *
 * export const options: Options = { vus: 10, duration: '30s' };
 *
 * export default function () {
 *     const home = http.get(baseUrl('/'));
 *     check('home is up', home.status === 200);
 *     sleep(1);
 * }
 * ```
 *
 * Calls wait, and only the virtual user that calls: there is nothing to `await`. `async` functions, promises and timers work
 * where a script or a package wants them.
 */
declare module 'wasmload' {
    /** A length of time: milliseconds, or a text with its unit, such as `'500ms'`, `'1.5s'` or `'2m'`. */
    export type Duration = number | string;

    /** What JSON can hold. */
    export type Json = null | boolean | number | string | Json[] | { [name: string]: Json | undefined };

    /** Names and values: an object, whose values may be lists, or pairs. */
    export type Fields = Record<string, FieldValue | FieldValue[] | undefined> | Iterable<readonly [string, FieldValue]>;
    export type FieldValue = string | number | boolean;

    /** Text, which is sent as UTF-8, or bytes. */
    export type Content = string | Uint8Array | ArrayBuffer | ArrayBufferView;

    /**
     * The options of a run: what `wasmload schema options` describes, in k6's words. Flags and an options file go before.
     */
    export interface Options {
        vus?: number;
        duration?: string | number;
        iterations?: number;
        stages?: { duration: string | number; target: number }[];
        scenarios?: Record<string, { executor: string; exec?: string; env?: Record<string, string>; tags?: Record<string, string>; [key: string]: unknown }>;
        thresholds?: Record<string, (string | { threshold: string; abortOnFail?: boolean; delayAbortEval?: string | number })[]>;
        datasets?: Record<string, { order?: 'sequential' | 'random' | 'unique' | 'by-vu'; onExhausted?: 'stop' | 'wrap' | 'fail'; seed?: number }>;
        tags?: Record<string, string>;
        [key: string]: unknown;
    }

    // Requests

    /** What a request has besides its method and its URL. */
    export interface RequestSettings {
        /** The body: text or bytes, or one that the engine makes. */
        body?: Content | Upload | null;
        /** The body, as JSON. */
        json?: unknown;
        /** The body, as `application/x-www-form-urlencoded`. */
        form?: Fields;
        /** The body, as `multipart/form-data`; files are made by `http.file`. */
        multipart?: Record<string, FieldValue | FormFile | (FieldValue | FormFile)[] | undefined> | Iterable<readonly [string, FieldValue | FormFile]>;
        /** Packs the body, and says so in `content-encoding`. */
        pack?: 'gzip' | 'deflate';
        /** Headers. A list, or pairs, sends a name more than once; values may be bytes. */
        headers?: Record<string, HeaderValue | HeaderValue[] | undefined> | Iterable<readonly [string, HeaderValue]>;
        /** How long the whole exchange may take, redirects and connecting included. */
        timeout?: Duration;
        /** How long finding and connecting to the host may take. */
        connectTimeout?: Duration;
        /** How long the target may take from the request's last byte to the response's first. */
        firstByteTimeout?: Duration;
        /** The `name` tag of its samples, which is the URL otherwise. Give requests that differ in an identifier one name. */
        name?: string;
        /** Tags on its samples. */
        tags?: Record<string, FieldValue>;
        /** How many redirects are followed at most. */
        redirects?: number;
        /** Statuses that count as a success: one, or several, or ranges such as `[[200, 299], 404]`. */
        expectedStatuses?: number | (number | [from: number, to: number])[];
        /** What becomes of the response's body: kept, counted and forgotten, hashed, or so many bytes kept. */
        responseBody?: 'keep' | 'discard' | 'hash' | number;
        /** The version of HTTP. */
        httpVersion?: 'auto' | 'http11' | 'http2';
        /** Adds `authorization: Bearer` with this token. */
        bearer?: string;
        /** Adds `authorization: Basic`. */
        basic?: { user: string; password: string };
        /** Answers the target's digest challenge (RFC 7616). */
        digest?: { user: string; password: string };
        /** Holds the body back until the target asks for it. */
        expectContinue?: boolean;
    }

    export type HeaderValue = string | number | Uint8Array;

    /** A request that can be sent once or many times. */
    export class Request {
        constructor(method: string, url: string, settings?: RequestSettings);
        /** Sends it and waits for the whole response. Throws an `HttpError` if there is none. */
        send(): Response;
        /** Sends it and does not wait. */
        start(): Pending;
        /** Sends it and waits for the response's head; the body is read as it comes. */
        open(): Download;
    }

    /** A request that is on its way. An iteration does not end before the requests that it started. */
    export class Pending {
        private constructor();
        /** Waits for the response. It can be taken once. */
        get(): Response;
    }

    /** A response that has arrived. Its parts stay with the engine, and are copied when they are asked for. */
    export class Response {
        private constructor();
        /** The status code, such as 200. */
        readonly status: number;
        /** Whether the status is 200 to 299. */
        readonly ok: boolean;
        /** The URL that answered: that which was asked for, or the one its last redirect led to. */
        readonly url: string;
        /** The first header of this name, whatever its case. */
        header(name: string): string | undefined;
        /** All headers. To have one of them, `header` copies less. */
        readonly headers: Headers;
        /** The body as text; bytes that are not UTF-8 become U+FFFD. */
        text(): string;
        /** What was kept of the body. */
        bytes(): Uint8Array;
        /** The body, from JSON. Throws a `SyntaxError` if it is none. */
        json<T = any>(): T;
        /** The part of a JSON body that a JSON Pointer (RFC 6901) names, such as `/items/0/price`; the engine finds it. */
        json<T = any>(pointer: string): T | undefined;
        /** The length of the whole body in bytes, whatever was kept of it. */
        readonly bodyLength: number;
        /** The SHA-256 of the body, in hexadecimal, if the request has `responseBody: 'hash'`. */
        readonly sha256: string | undefined;
        /** How long each part of the exchange took, in milliseconds. */
        readonly timings: Timings;
        /** This response, if it has this status; throws otherwise. */
        expectStatus(status: number): this;
    }

    /** How long each part of a request took, in milliseconds. They follow each other without a gap. */
    export interface Timings {
        blocked: number;
        lookingUp: number;
        connecting: number;
        tlsHandshaking: number;
        sending: number;
        waiting: number;
        receiving: number;
        /** `sending + waiting + receiving`: what `http_req_duration` records. */
        duration: number;
    }

    /** The headers of a response, in the order they came. Names are in lower case. */
    export class Headers implements Iterable<[string, string]> {
        private constructor();
        /** The values of this name, with commas between them. */
        get(name: string): string | null;
        getAll(name: string): string[];
        has(name: string): boolean;
        /** Names and values as they came; values are bytes. */
        readonly raw: [string, Uint8Array][];
        [Symbol.iterator](): Iterator<[string, string]>;
    }

    /** A response that is read as it comes. */
    export class Download implements Iterable<Chunk> {
        private constructor();
        /** The response without its body. */
        readonly response: Response;
        /** Waits for the next part of the body; undefined when all of it was read. */
        read(): Chunk | undefined;
        [Symbol.iterator](): Iterator<Chunk>;
    }

    /** A part of a body, and when it arrived, as `now` counts. */
    export interface Chunk {
        bytes: Uint8Array;
        arrived: number;
    }

    /** A body that the engine makes as it sends it, so that it is never in the script's memory. */
    export class Upload {
        constructor();
        bytes(content: Content): this;
        /** Adds a file of those that the run was given (`--file NAME=FILE`), by its name. */
        file(name: string): this;
        /** Adds so many bytes that nothing can pack: always the same for the same seed. */
        random(length: number, seed?: number): this;
        add(other: Upload): this;
        /** How many bytes it has. */
        readonly length: number;
    }

    /** A file for a form: made by `http.file`. */
    export interface FormFile {
        readonly filename: string;
        readonly type: string;
    }

    /** HTTP requests. A status of 400 or more is a response; where there is none, an `HttpError` is thrown. */
    export interface Http {
        get(url: string, settings?: RequestSettings): Response;
        head(url: string, settings?: RequestSettings): Response;
        options(url: string, settings?: RequestSettings): Response;
        post(url: string, settings?: RequestSettings): Response;
        put(url: string, settings?: RequestSettings): Response;
        patch(url: string, settings?: RequestSettings): Response;
        del(url: string, settings?: RequestSettings): Response;
        delete(url: string, settings?: RequestSettings): Response;
        request(method: string, url: string, settings?: RequestSettings): Response;
        /** A request that is set up once and sent many times. */
        prepare(method: string, url: string, settings?: RequestSettings): Request;
        /** Sends a GET, or a prepared request, and does not wait. */
        start(what: string | Request): Pending;
        /** Sends all at once and waits for all. Each result is a response, or the error that says why there is none. */
        batch(requests: readonly (string | Request)[]): (Response | HttpError)[];
        /** Waits until one is finished, and gives its place in the list; undefined if the timeout passes first. */
        waitAny(pending: readonly Pending[], timeout?: Duration): number | undefined;
        /** A URL with these names and values as its query. */
        url(base: string, query: Fields): string;
        /** A file for a form. */
        file(content: Content | Upload, filename?: string, type?: string): FormFile;
        /** Forgets all cookies of this virtual user. */
        clearCookies(): void;
    }

    export const http: Http;
    export default http;

    // Who and where the script is

    /**
     * Runs a function as one part, and hands on what it returns: what it begins has the tag `group`, such as `::checkout::pay`,
     * and how long it took is recorded in `group_duration`. Groups nest. Throws if there is `::` in the name.
     */
    export function group<T>(name: string, part: () => T): T;

    export const context: {
        /** The number of this virtual user in the run, from 1; 0 in `setup` and `teardown`. */
        readonly vu: number;
        /** The number of this iteration among those of this virtual user, from 0. */
        readonly iteration: number;
        /** The number of this iteration among all of the scenario's, from 0: no two are the same. */
        readonly iterationInScenario: number;
        /** The name of the scenario; empty in `setup` and `teardown`. */
        readonly scenario: string;
        /** The kind of executor that drives the scenario, as options name it; empty in `setup` and `teardown`. */
        readonly executor: string;
        /**
         * Puts a tag on every sample that this user begins from now on, in later iterations too. `scenario` and `group` cannot be
         * replaced.
         */
        setTag(name: string, value: string): void;
        /** Takes such a tag away again. */
        removeTag(name: string): void;
    };
    /** The value of an environment variable that was given to the run with `-e NAME=value`. */
    export function env(name: string): string | undefined;
    /** What whoever runs the script keeps secret under this name (`--secret NAME=file:PATH`). */
    export function secret(name: string): string | undefined;
    /** A URL on the target: `path` on `BASE_URL`, or on `http://127.0.0.1:8080` if the run was given none. */
    export function baseUrl(path?: string): string;
    /** Ends the whole run, and says why. */
    export function abort(reason: string): never;

    /** Records whether a statement holds, and returns it. One that does not fails no iteration. */
    export function check(name: string, holds: unknown): boolean;
    /** As k6 has it: a value, and statements about it. Returns whether all hold. */
    export function check<T>(value: T, statements: Record<string, boolean | ((value: T) => unknown)>): boolean;

    // Time

    /** Pauses this virtual user for so many seconds, as k6's does; or for a text with its unit, such as `'200ms'`. */
    export function sleep(seconds: number | string): void;
    /** The time since the run began, in milliseconds, by a clock that never goes back. */
    export function now(): number;

    // Metrics of the script's own

    export type Tags = Record<string, FieldValue>;
    /** A sum, such as orders placed. */
    export class Counter {
        constructor(name: string);
        readonly name: string;
        add(value: number, tags?: Tags): void;
    }
    /** A value that goes up and down. */
    export class Gauge {
        constructor(name: string);
        readonly name: string;
        add(value: number, tags?: Tags): void;
        set(value: number, tags?: Tags): void;
    }
    /** How often something was true. */
    export class Rate {
        constructor(name: string);
        readonly name: string;
        add(value: boolean | number, tags?: Tags): void;
    }
    /** A distribution. `isTime` says that values are milliseconds. */
    export class Trend {
        constructor(name: string, isTime?: boolean);
        readonly name: string;
        add(value: number, tags?: Tags): void;
    }

    // Rows of files

    /** Rows that are handed out in the order that the options choose, to all virtual users together. */
    export class Dataset {
        /** Throws a `DatasetError` if the run has none of this name. */
        constructor(name: string);
        next(): Row;
        /** The row of this number, from 0, whatever the order. */
        row(number: number): Row;
        readonly length: number;
    }
    /** One row. Its fields are copied when asked for. */
    export class Row {
        private constructor();
        readonly number: number;
        /** What the field of this name says, as text. */
        get(field: string): string | undefined;
        /** Likewise, where there must be one. */
        field(field: string): string;
        /** The whole row: of a CSV row all fields are texts. */
        json<T = any>(): T;
    }

    // WebSocket

    export interface WebSocketSettings {
        headers?: RequestSettings['headers'];
        bearer?: string;
        /** Offers these, in order. */
        subprotocols?: string | string[];
        /** Offers that messages be packed (RFC 7692). */
        deflate?: boolean;
        timeout?: Duration;
        name?: string;
        tags?: Tags;
    }
    /** A session. It lasts until a side closes it, however many iterations that takes. */
    export class WebSocket implements Iterable<Message> {
        private constructor();
        /** Connects to an absolute `ws:` or `wss:` URL. Throws a `WebSocketError` if there is no session. */
        static connect(url: string, settings?: WebSocketSettings): WebSocket;
        /** A URL on the target: as `baseUrl`, with `ws` in place of `http`. */
        static url(path: string): string;
        /** Waits until one has a message or is over: its place in the list; undefined if the timeout passes first. */
        static waitAny(sockets: readonly WebSocket[], timeout?: Duration): number | undefined;
        send(message: Content): void;
        sendJson(value: unknown): void;
        /** Announces that the message sent last will be answered by one that `message.answers` will name by this key. */
        expectAnswer(key: string): void;
        /** Sends a ping and does not wait; the time to its pong is in `ws_ping`. */
        ping(): void;
        /** Waits until every ping was answered; false if the timeout passes first. */
        waitPong(timeout?: Duration): boolean;
        /** Waits for the next message; without a timeout as long as it takes. */
        receive(): Message;
        receive(timeout: Duration | undefined): Message | undefined;
        /** The messages, until both sides have closed. */
        [Symbol.iterator](): Iterator<Message>;
        close(code?: number, reason?: string): void;
        readonly subprotocol: string | undefined;
        header(name: string): string | undefined;
    }
    /** A message that has arrived whole. It is copied to the script only when asked for. */
    export class Message {
        private constructor();
        readonly isText: boolean;
        readonly length: number;
        text(): string;
        bytes(): Uint8Array;
        json<T = any>(): T;
        json<T = any>(pointer: string): T | undefined;
        /** When its last byte arrived, as `now` counts. */
        readonly arrived: number;
        /** The milliseconds that the answer announced under this key took; undefined if none is expected. */
        answers(key: string): number | undefined;
    }

    // Server-Sent Events

    export const sse: {
        /** Opens a stream of events. Throws a `StreamError` if there is none. */
        connect(what: string | Request, settings?: StreamSettings): EventStream;
        waitAny(streams: readonly EventStream[], timeout?: Duration): number | undefined;
    };
    export interface StreamSettings {
        /** How often a stream that broke or ended is asked for again. */
        reconnects?: number;
        /** Has the engine time the text of a language model: true, or JSON Pointers to where it is. */
        tokens?: boolean | string | string[];
    }
    export interface StreamEvent {
        kind: string;
        data: string;
        id: string;
        /** When it arrived, as `now` counts. */
        arrived: number;
        /** What it adds to the text of a language model, if tokens are looked for. */
        token: string | undefined;
    }
    /** A stream that is open. */
    export class EventStream implements Iterable<StreamEvent> {
        private constructor();
        readonly response: Response;
        receive(): StreamEvent;
        receive(timeout: Duration | undefined): StreamEvent | undefined;
        [Symbol.iterator](): Iterator<StreamEvent>;
        /** What the events add to the text of a language model. */
        texts(): Iterable<string>;
        close(): void;
    }

    // What fails

    /** Anything that the engine says failed. */
    export class ContractError<Kind extends string = string> extends Error {
        protected constructor();
        /** The case, to decide by. */
        readonly kind: Kind;
    }
    type Network = 'invalid-request' | 'name-not-resolved' | 'connection-refused' | 'connection-reset' | 'closed-early' | 'timed-out' | 'not-allowed' | 'other';
    /** Why there is no response. It can stand where a response would: it has a `status` of 0. */
    export class HttpError extends ContractError<Network | 'malformed-response' | 'body-too-large'> {
        readonly status: 0;
        readonly ok: false;
    }
    /** Why there is no session, or why it is over. */
    export class WebSocketError extends ContractError<Network | 'refused' | 'malformed-handshake' | 'protocol-error' | 'message-too-large' | 'closed'> {
        /** The status that a handshake was refused with. */
        readonly status?: number;
        /** The answer that it was refused with. */
        readonly response?: Response;
        /** The code and reason that the session was closed with. */
        readonly close?: { code: number; reason: string };
    }
    /** Why there is no stream, or no further event. */
    export class StreamError extends ContractError<'http' | 'not-a-stream' | 'event-too-large' | 'ended'> {
        readonly cause?: HttpError;
        readonly response?: Response;
    }
    /** Why there is no dataset, or no row. */
    export class DatasetError extends ContractError<'not-declared' | 'exhausted' | 'no-such-row' | 'unreadable'> {}
}

// What is there without an import.

interface WasmloadConsole {
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    trace(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    assert(holds: unknown, ...values: unknown[]): void;
}
declare var console: WasmloadConsole;
declare function setTimeout<Given extends unknown[]>(callback: (...given: Given) => void, milliseconds?: number, ...given: Given): number;
declare function setInterval<Given extends unknown[]>(callback: (...given: Given) => void, milliseconds?: number, ...given: Given): number;
declare function clearTimeout(timer: number | undefined): void;
declare function clearInterval(timer: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function btoa(bytes: string): string;
declare function atob(text: string): string;
declare var crypto: {
    getRandomValues<Numbers extends ArrayBufferView>(array: Numbers): Numbers;
    randomUUID(): string;
};
declare class TextEncoder {
    readonly encoding: 'utf-8';
    encode(text?: string): Uint8Array;
}
declare class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: 'utf-8';
    decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
declare class URLSearchParams implements Iterable<[string, string]> {
    constructor(from?: string | Record<string, string> | Iterable<readonly [string, string]>);
    append(name: string, value: string): void;
    delete(name: string): void;
    get(name: string): string | null;
    getAll(name: string): string[];
    has(name: string): boolean;
    set(name: string, value: string): void;
    sort(): void;
    forEach(callback: (value: string, name: string, all: URLSearchParams) => void): void;
    readonly size: number;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
    toString(): string;
}
