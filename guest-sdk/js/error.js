// What fails, as exceptions. `kind` is the contract's case, to decide by; the message is for people.

/** Anything that the engine says failed. `kind` is one of a short list: see each of the classes. */
export class ContractError extends Error {
    constructor(kind, message) {
        super(message);
        this.kind = kind;
    }

    get name() {
        return this.constructor.name;
    }
}

/** Why there is no response. Has a `status` of 0 and is not `ok`, so that it can stand where a response would. */
export class HttpError extends ContractError {
    get status() {
        return 0;
    }

    get ok() {
        return false;
    }
}

/** Why there is no session, or why it is over. */
export class WebSocketError extends ContractError {}

/** Why there is no stream, or no further event. */
export class StreamError extends ContractError {}

/** Why there is no dataset, or no row. */
export class DatasetError extends ContractError {}

const OF_HTTP = {
    'invalid-request': (why) => `invalid request: ${why}`,
    'name-not-resolved': () => 'name not resolved',
    'connection-refused': () => 'connection refused',
    'connection-reset': () => 'connection reset',
    'closed-early': () => 'connection closed before the response was complete',
    'timed-out': () => 'timed out',
    'malformed-response': (what) => `malformed response: ${what}`,
    'body-too-large': () => 'response body too large',
    'not-allowed': (what) => `not allowed: ${what}`,
    other: (what) => what,
};

const OF_WEBSOCKETS = {
    ...OF_HTTP,
    'closed-early': () => 'connection closed without a close frame',
    refused: (status) => `handshake refused with status ${status}`,
    'malformed-handshake': (what) => `malformed handshake: ${what}`,
    'protocol-error': (what) => `protocol error: ${what}`,
    'message-too-large': () => 'message too large',
    closed: ({ code, reason }) => `closed with code ${code}${reason ? `: ${reason}` : ''}`,
};

const OF_DATASETS = {
    'not-declared': (what) => what,
    exhausted: () => 'each row of the dataset has been handed out',
    'no-such-row': () => 'the dataset has no such row',
    unreadable: (why) => `a row cannot be read: ${why}`,
};

/** The exception for a case of the contract's `http.error`. */
export function httpError({ tag, val }) {
    return new HttpError(tag, OF_HTTP[tag](val));
}

/** The exception for a case of the contract's `websocket.error`; `refusal` is the answer that refused. */
export function webSocketError({ tag, val }, refusal) {
    const error = new WebSocketError(tag, OF_WEBSOCKETS[tag](val));
    if (tag === 'refused') {
        error.status = val;
        error.response = refusal;
    }
    if (tag === 'closed') error.close = val;
    return error;
}

/** The exception for a case of the contract's `dataset.error`. */
export function datasetError({ tag, val }) {
    return new DatasetError(tag, OF_DATASETS[tag](val));
}

/** Throws what a call of the contract threw, made into an exception of ours by `make`. */
export function rethrow(thrown, make) {
    throw thrown !== null && typeof thrown === 'object' && thrown.payload?.tag !== undefined ? make(thrown.payload) : thrown;
}
