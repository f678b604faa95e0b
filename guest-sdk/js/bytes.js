// Text as bytes and bytes as text. UTF-8, by what the interpreter does natively: a loop over characters in JavaScript
// takes ten times as long.

const ASCII = /^[\x00-\x7f]*$/;

/** The bytes of a text in UTF-8; half a surrogate pair becomes U+FFFD. */
export function encode(text) {
    if (!ASCII.test(text)) text = unescape(encodeURIComponent(text.toWellFormed()));
    return Uint8Array.fromBase64(btoa(text));
}

/** The text of these bytes in UTF-8. Fails with a `URIError` if they are none. */
export function decodeStrictly(bytes) {
    const text = atob(bytes.toBase64());
    return ASCII.test(text) ? text : decodeURIComponent(escape(text));
}

/** The text of these bytes in UTF-8; what is none becomes U+FFFD, as the Encoding Standard has it. */
export function decode(bytes) {
    try {
        return decodeStrictly(bytes);
    } catch {
        return decodeLoosely(bytes);
    }
}

/** The Encoding Standard's decoder: each part of a sequence that can be no character becomes one U+FFFD. */
function decodeLoosely(bytes) {
    let text = '';
    for (let at = 0; at < bytes.length; ) {
        const first = bytes[at++];
        if (first < 0x80) {
            text += String.fromCharCode(first);
            continue;
        }
        let needed = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
        let lower = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
        let upper = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
        let point = needed === 1 ? first & 0x1f : needed === 2 ? first & 0xf : needed === 3 ? first & 7 : 0xfffd;
        for (; needed > 0; needed--) {
            const next = bytes[at];
            if (next === undefined || next < lower || next > upper) {
                point = 0xfffd;
                break;
            }
            [lower, upper] = [0x80, 0xbf];
            point = (point << 6) | (next & 0x3f);
            at++;
        }
        text += String.fromCodePoint(point);
    }
    return text;
}

/** The bytes of a body: text, bytes, or a view of bytes. `what` is named if it is something else. */
export function bytesOf(content, what) {
    if (typeof content === 'string') return encode(content);
    if (content instanceof Uint8Array) return content;
    if (content instanceof ArrayBuffer) return new Uint8Array(content);
    if (ArrayBuffer.isView(content)) return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
    throw new TypeError(`${what} is text or bytes, and this is ${kind(content)}`);
}

/** What a value is, in words. */
export function kind(value) {
    if (value === null || value === undefined) return String(value);
    if (Array.isArray(value)) return 'an array';
    return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const kept = new Map();

/** The bytes of a header's value. Short ones are kept: most are sent again and again. */
export function headerBytes(value) {
    if (typeof value !== 'string') return value instanceof Uint8Array ? value : encode(String(value));
    let bytes = kept.get(value);
    if (bytes === undefined) {
        bytes = encode(value);
        if (value.length <= 256) {
            if (kept.size === 32) kept.clear();
            kept.set(value, bytes);
        }
    }
    return bytes;
}
