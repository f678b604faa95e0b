// Elements and figures: how texts and numbers are shown. Times are milliseconds, data is bytes, shares are from 0 to 1.

// An element with these properties and children. Whatever is a text stays one.
function make(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Without trailing zeros, and with so many digits that one sees a difference.
function plain(value, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  return value.toLocaleString("en", { maximumSignificantDigits: Math.max(digits, Math.trunc(Math.log10(Math.abs(value))) + 1) });
}

function time(ms) {
  const size = Math.abs(ms);
  if (!Number.isFinite(ms)) return "–";
  if (size === 0) return "0 ms";
  if (size < 1) return `${plain(ms * 1e3, 3)} µs`;
  if (size < 1e3) return `${plain(ms, 3)} ms`;
  if (size < 6e4) return `${plain(ms / 1e3, 3)} s`;
  return clock(ms / 1e3);
}

// 0:07, 12:30, 1:02:03
function clock(seconds) {
  const whole = Math.round(Math.max(0, seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.trunc(whole / 3600), Math.trunc(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function data(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let place = 0;
  while (Math.abs(bytes) >= 1000 && place < units.length - 1) {
    bytes /= 1000;
    place += 1;
  }
  return `${plain(bytes, 3)} ${units[place]}`;
}

// Cut, not rounded: 99.999 % is not all.
function share(value) {
  if (!Number.isFinite(value)) return "–";
  return `${plain(Math.trunc(value * 1e4 * (1 + 4 * Number.EPSILON)) / 100)} %`;
}

// How the values of a unit are shown.
const units = { number: plain, rate: (value) => plain(value, 4), time, data, share };

function unitOf(kind, contains) {
  if (kind === "rate") return "share";
  return { time: "time", data: "data" }[contains] || "number";
}

const shown = (value, unit) => (value === null || value === undefined ? "–" : units[unit](value));

// A table. Columns are { name, unit, value(row), sort(row), long }: those without a unit are texts, `sort` is how one is meant,
// and the first is the row's heading.
function table({ caption, columns, sortable = false }) {
  const body = make("tbody");
  let rows = [];
  let order = null;
  const heads = columns.map((column, place) => {
    const label = sortable
      ? make("button", { type: "button", onclick: () => sort(place) }, column.name)
      : column.name;
    return make("th", { scope: "col", class: column.unit ? "number" : null }, label);
  });
  const node = make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    make("table", { class: "figures" },
      make("caption", { class: "unseen" }, caption),
      make("thead", null, make("tr", null, heads)),
      body));

  function sort(place) {
    const numbers = Boolean(columns[place].unit);
    // Largest first, and texts from A.
    const first = numbers ? -1 : 1;
    order = { place, sign: order && order.place === place ? -order.sign : first };
    fill();
  }

  function fill() {
    heads.forEach((head, place) => {
      if (!sortable) return;
      const here = order && order.place === place;
      head.setAttribute("aria-sort", here ? (order.sign > 0 ? "ascending" : "descending") : "none");
    });
    let sorted = rows;
    if (order) {
      const { unit, value } = columns[order.place];
      const missing = (it) => it === null || it === undefined;
      sorted = [...rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        // What has no figure is last either way.
        if (missing(x) || missing(y)) return missing(x) - missing(y);
        return order.sign * (unit ? x - y : String(x).localeCompare(String(y), "en"));
      });
    }
    body.replaceChildren(...sorted.map((row) => make("tr", null, columns.map((column, place) => {
      const value = column.value(row);
      const text = column.unit ? shown(value, column.unit) : value ?? "–";
      const properties = { class: [column.unit ? "number" : "text", column.long ? "long" : "", column.sort?.(row)].filter(Boolean).join(" ") };
      return place === 0 ? make("th", { scope: "row", ...properties }, text) : make("td", properties, text);
    }))));
  }

  return {
    node,
    update(all) {
      rows = all;
      fill();
    },
  };
}

// A table that is made when it is opened: the one behind a chart.
function tableBehind(caption, columns, rows) {
  const inner = table({ caption, columns });
  inner.node.classList.add("tall");
  const node = make("details", { class: "unprinted", ontoggle: () => node.open && inner.update(rows()) },
    make("summary", null, "The same as a table"), inner.node);
  return { node, update: () => node.open && inner.update(rows()) };
}
