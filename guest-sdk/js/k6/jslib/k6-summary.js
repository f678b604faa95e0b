// What https://jslib.k6.io/k6-summary has, so that scripts need no network: the results as text.

import '../globals.js';

const COLOURS = { good: '\u001b[32m', bad: '\u001b[31m', plain: '\u001b[0m' };

/** The results that `handleSummary` is handed as text, with `indent` before each line and colours if asked for. */
export function textSummary(data, { indent = '', enableColors = false } = {}) {
    const painted = (colour, text) => (enableColors ? COLOURS[colour] + text + COLOURS.plain : text);
    const lines = [...groupLines(data.root_group, '', painted)];
    if (lines.length > 0) lines.push('');
    const names = Object.keys(data.metrics).sort();
    const width = Math.max(0, ...names.map((name) => name.length)) + 3;
    for (const name of names) {
        const metric = data.metrics[name];
        const marks = Object.values(metric.thresholds ?? {});
        const mark = marks.length === 0 ? ' ' : marks.every(({ ok }) => ok) ? painted('good', '✓') : painted('bad', '✗');
        lines.push(`${mark} ${name.padEnd(width, '.')}: ${shown(metric, data.options.summaryTrendStats)}`);
    }
    return lines.map((line) => (line === '' ? '' : `${indent}${line}`)).join('\n');
}

function* groupLines({ name, groups, checks }, indent, painted) {
    if (name !== '') yield `${indent}█ ${name}`;
    const inner = name === '' ? indent : `${indent}  `;
    for (const { name: check, passes, fails } of checks) {
        if (fails === 0) {
            yield painted('good', `${inner}✓ ${check}`);
        } else {
            yield painted('bad', `${inner}✗ ${check}`);
            yield painted('bad', `${inner} ↳  ${Math.floor((100 * passes) / (passes + fails))}% — ✓ ${passes} / ✗ ${fails}`);
        }
    }
    for (const group of groups) yield* groupLines(group, inner, painted);
}

function shown({ type, contains, values }, stats) {
    const value = (number) => (contains === 'time' ? time(number) : contains === 'data' ? bytes(number) : plain(number));
    switch (type) {
        case 'counter':
            return `${value(values.count)} ${value(values.rate)}/s`;
        case 'gauge':
            return `${value(values.value)} min=${value(values.min)} max=${value(values.max)}`;
        case 'rate':
            return `${(Math.floor(values.rate * 10000) / 100).toFixed(2)}% ${values.passes} out of ${values.passes + values.fails}`;
        default:
            return stats.map((name) => `${name}=${name === 'count' || name === 'cv' ? plain(values[name]) : value(values[name])}`).join(' ');
    }
}

const plain = (number) => String(Math.round(number * 1e6) / 1e6);

function time(milliseconds) {
    if (milliseconds >= 60_000) return `${Math.floor(milliseconds / 60_000)}m${Math.floor((milliseconds % 60_000) / 1000)}s`;
    if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)}s`;
    return milliseconds >= 1 ? `${milliseconds.toFixed(2)}ms` : `${(milliseconds * 1000).toFixed(2)}µs`;
}

function bytes(number) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let unit = 0;
    for (; number >= 1000 && unit < units.length - 1; unit++) number /= 1000;
    return `${number < 10 && unit > 0 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

export default { textSummary };
