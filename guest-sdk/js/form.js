// What forms are written as: in a URL, in a body, with files.

import { bytesOf, encode, kind } from './bytes.js';

/** A file for a form, as k6's `http.file`: its content, its name and its media type. The content may be an `Upload`. */
export function file(content, filename = 'file', type = 'application/octet-stream') {
    return new FormFile(content, String(filename), String(type));
}

class FormFile {
    constructor(content, filename, type) {
        this.content = content;
        this.filename = filename;
        this.type = type;
    }
}

/** A URL with these names and values as its query, after the one it has; both are encoded. */
export function url(base, query) {
    const encoded = form(query);
    const [whole, fragment] = split(String(base), '#');
    const between = encoded === '' ? '' : !whole.includes('?') ? '?' : whole.endsWith('?') ? '' : '&';
    return whole + between + encoded + fragment;
}

function split(text, mark) {
    const at = text.indexOf(mark);
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

/** `application/x-www-form-urlencoded`, as the URL Standard writes it. */
export function form(fields) {
    return pairs(fields).map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
}

/** Names and values of an object, whose values may be lists, or of anything that gives pairs. */
export function pairs(fields) {
    if (fields === null || typeof fields !== 'object') throw new TypeError(`fields are an object, and this is ${kind(fields)}`);
    if (typeof fields[Symbol.iterator] === 'function') return [...fields];
    return Object.entries(fields).flatMap(([name, value]) =>
        Array.isArray(value) ? value.map((one) => [name, one]) : value === undefined ? [] : [[name, value]]);
}

/** As `encodeURIComponent`, and what the URL Standard encodes besides; a space is `+`. */
export function encoded(text) {
    return encodeURIComponent(String(text).toWellFormed())
        .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
        .replaceAll('%20', '+');
}

/** What stands between parts. No file is likely to have it in it. */
export const BOUNDARY = '----wasmload-7e1b9f0c4d2a4c8db6f35a90';

/**
 * The parts of a `multipart/form-data` body (RFC 7578), in order: bytes and uploads. `isUpload` tells those.
 */
export function multipart(fields, isUpload) {
    const parts = [];
    for (const [name, value] of pairs(fields)) {
        const named = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${quoted(name)}"`;
        if (value instanceof FormFile) {
            parts.push(encode(`${named}; filename="${quoted(value.filename)}"\r\ncontent-type: ${quoted(value.type)}\r\n\r\n`));
            parts.push(isUpload(value.content) ? value.content : bytesOf(value.content, `the file "${name}"`));
        } else {
            parts.push(encode(`${named}\r\n\r\n${value}`));
        }
        parts.push(encode('\r\n'));
    }
    parts.push(encode(`--${BOUNDARY}--\r\n`));
    return parts;
}

/** A name between quotes, as the HTML Standard writes it: what would end it is encoded. */
function quoted(name) {
    return String(name).replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
