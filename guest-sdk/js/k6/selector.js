// The paths that `response.json(path)` takes: names and numbers with dots between them, `\.` for a dot in a name, `#` for
// the length of a list or, with more behind it, each of its items, `#(name=="value")` for the first item of which that
// holds and `#(…)#` for all of them, `*` and `?` in names. k6's are those of the library GJSON; its modifiers and
// multipaths are not here.

const COMPARISONS = ['==', '!=', '<=', '>=', '!%', '<', '>', '%'];

/** The JSON Pointer (RFC 6901) that means the same, if the path has names and numbers only: the engine looks then. */
export function pointerOf(path) {
    if (!/^[^\\#*?|@!{}[\]()/~"]+$/.test(path)) return undefined;
    return `/${path.replaceAll('.', '/')}`;
}

/** The part of a value that a path finds; undefined if there is none. */
export function select(value, path) {
    return parts(path).reduce((found, part, at, all) => {
        if (found.done) return found;
        return step(found.value, part, all.slice(at + 1));
    }, { value, done: false }).value;
}

/** The path, cut at its dots. */
function parts(path) {
    if (/^[@!{[]|\||\.[@!{[]/.test(path)) throw new Error(`json('${path}'): modifiers, pipes and multipaths are not supported`);
    const found = [''];
    let depth = 0;
    for (let at = 0; at < path.length; at++) {
        const character = path[at];
        if (character === '\\' && at + 1 < path.length) found[found.length - 1] += `\\${path[++at]}`;
        else if (character === '.' && depth === 0) found.push('');
        else {
            if (character === '(') depth++;
            if (character === ')') depth--;
            found[found.length - 1] += character;
        }
    }
    return found;
}

function step(value, part, rest) {
    const next = (found) => ({ value: found, done: false });
    if (value === null || typeof value !== 'object') return { value: undefined, done: true };
    if (Array.isArray(value) && part.startsWith('#')) {
        const query = /^#\((.*)\)(#?)$/s.exec(part);
        if (query !== null) {
            const [, condition, all] = query;
            const holds = test(condition);
            if (all === '') return next(value.find(holds));
            return each(value.filter(holds), rest);
        }
        if (part !== '#') return { value: undefined, done: true };
        return rest.length === 0 ? { value: value.length, done: true } : each(value, rest);
    }
    if (Array.isArray(value)) return next(/^\d+$/.test(part) ? value[Number(part)] : undefined);
    if (/(^|[^\\])[*?]/.test(part)) {
        const pattern = patternOf(part);
        const name = Object.keys(value).find((known) => pattern.test(known));
        return next(name === undefined ? undefined : value[name]);
    }
    const name = part.replace(/\\(.)/gs, '$1');
    return next(Object.hasOwn(value, name) ? value[name] : undefined);
}

/** What the rest of a path finds in each of these. */
function each(values, rest) {
    if (rest.length === 0) return { value: values, done: true };
    const path = rest.join('.');
    return { value: values.map((one) => select(one, path)).filter((one) => one !== undefined), done: true };
}

/** A condition such as `age>45`, as a function. */
function test(condition) {
    for (let at = 0; at < condition.length; at++) {
        const comparison = COMPARISONS.find((one) => condition.startsWith(one, at));
        if (comparison === undefined) continue;
        const [path, wanted] = [condition.slice(0, at).trim(), literal(condition.slice(at + comparison.length).trim())];
        return (one) => compare(path === '' ? one : select(one, path), comparison, wanted);
    }
    return (one) => select(one, condition.trim()) !== undefined;
}

function literal(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

function compare(found, comparison, wanted) {
    if (found === undefined) return false;
    switch (comparison) {
        case '==':
            return found === wanted;
        case '!=':
            return found !== wanted;
        case '%':
            return patternOf(String(wanted)).test(String(found));
        case '!%':
            return !patternOf(String(wanted)).test(String(found));
        default:
            if (typeof found !== typeof wanted) return false;
            return comparison === '<' ? found < wanted : comparison === '<=' ? found <= wanted : comparison === '>' ? found > wanted : found >= wanted;
    }
}

/** `*` stands for anything, `?` for one character. */
function patternOf(text) {
    const plain = (character) => character.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const source = text.replace(/\\(.)|\*|\?|[^\\*?]+/gs, (all, escaped) => (escaped !== undefined ? plain(escaped) : all === '*' ? '.*' : all === '?' ? '.' : plain(all)));
    return new RegExp(`^${source}$`, 's');
}
