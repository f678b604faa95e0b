// Rows of files that whoever runs the script gave it (`--dataset NAME=FILE`): accounts, products, search terms. The rows
// stay with the engine, and all virtual users share them.

import { Dataset as RawDataset } from 'wasmload:script/dataset@0.1.0';
import { datasetError, rethrow } from './error.js';

/** Rows that are handed out in the order that the options choose, to all virtual users together. */
export class Dataset {
    constructor(name) {
        try {
            this._raw = RawDataset.open(String(name));
        } catch (thrown) {
            rethrow(thrown, datasetError);
        }
    }

    /** The next row in the dataset's order. */
    next() {
        try {
            return new Row(this._raw.next());
        } catch (thrown) {
            rethrow(thrown, datasetError);
        }
    }

    /** The row of this number, from 0, whatever the order. It does not count as handed out. */
    row(number) {
        if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) {
            throw new TypeError(`a row has a whole number, from 0, and this is ${number}`);
        }
        try {
            return new Row(this._raw.row(number));
        } catch (thrown) {
            rethrow(thrown, datasetError);
        }
    }

    /** How many rows it has; at least one. */
    get length() {
        return this._raw.len();
    }
}

/** One row. Its fields are copied when asked for. */
export class Row {
    constructor(raw) {
        this._raw = raw;
    }

    /** Its number in the file, from 0. */
    get number() {
        return this._raw.number();
    }

    /** What the field of this name says, as text; undefined if there is none. */
    get(field) {
        return this._raw.get(String(field)) ?? undefined;
    }

    /** Likewise, where there must be one. */
    field(field) {
        const found = this.get(field);
        if (found === undefined) throw new Error(`row ${this.number} has no field \`${field}\``);
        return found;
    }

    /** The whole row as a value: of a CSV row all fields are texts. */
    json() {
        return JSON.parse(this._raw.json());
    }
}
