// `k6/encoding`: base64 (RFC 4648).

import './globals.js';
import { bytesOf, decode } from '../bytes.js';

const ENCODINGS = { std: 'base64', rawstd: 'base64', url: 'base64url', rawurl: 'base64url' };

function alphabet(encoding) {
    const name = encoding ?? 'std';
    if (Object.hasOwn(ENCODINGS, name)) return [ENCODINGS[name], name.startsWith('raw')];
    throw new TypeError(`'${name}' is no encoding; there are ${Object.keys(ENCODINGS).join(', ')}`);
}

/** Text or bytes as base64: `std`, `rawstd` (no `=`), `url` or `rawurl`. */
export function b64encode(input, encoding) {
    const [of, omitPadding] = alphabet(encoding);
    return bytesOf(input, 'what is encoded').toBase64({ alphabet: of, omitPadding });
}

/** What base64 stands for: bytes, or with the format `s` text. */
export function b64decode(input, encoding, format) {
    const [of] = alphabet(encoding);
    const bytes = Uint8Array.fromBase64(String(input), { alphabet: of });
    return format === 's' ? decode(bytes) : bytes.buffer;
}

export default { b64decode, b64encode };
