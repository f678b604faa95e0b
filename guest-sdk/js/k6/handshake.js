// What `k6/ws` and `k6/websockets` have in common: the request that asks for a session.

import { Request as RawRequest } from 'wasmload:script/websocket@0.1.0';
import { encode, headerBytes } from '../bytes.js';

const PARAMS = {
    headers(raw, headers) {
        for (const name in headers) raw.addHeader(name, headerBytes(headers[name]));
    },
    tags(raw, tags) {
        for (const name in tags) {
            if (name === 'name') raw.setName(String(tags[name]));
            else raw.setTag(name, String(tags[name]));
        }
    },
    compression(raw, kind) {
        if (kind !== 'deflate') throw new TypeError(`compression: '${kind}' is not supported; there is deflate`);
        raw.offerDeflate();
    },
    cookies(raw, cookies) {
        raw.addHeader('cookie', encode(Object.entries(cookies).map(([name, value]) => `${name}=${value?.value ?? value}`).join('; ')));
    },
    jar() {
        // The virtual user's, which goes with each handshake.
    },
};

/** The contract's request for a URL, with k6's parameters. */
export function requestFor(url, params, protocols = []) {
    const raw = new RawRequest(url);
    for (const name of [protocols].flat()) raw.addSubprotocol(String(name));
    for (const name in params) {
        const value = params[name];
        if (value === undefined || value === null) continue;
        if (!Object.hasOwn(PARAMS, name)) throw new TypeError(`a WebSocket has no parameter \`${name}\`; there are ${Object.keys(PARAMS).join(', ')}`);
        PARAMS[name](raw, value);
    }
    return raw;
}
