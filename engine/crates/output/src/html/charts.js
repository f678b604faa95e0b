// Charts: lines over time, percentile curves and heat maps, drawn by uPlot in the page's colours.
// Each can be moved through by keys, and has its figures in a table behind it.

const charts = [];
const PRINTED_WIDTH = 680;
const STROKES = {
  one: ["--c1", null], two: ["--c2", [8, 4]], three: ["--c3", [3, 3]], four: ["--c4", [12, 4, 3, 4]], five: ["--c5", [2, 4]],
};
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

const fromZero = (u, min, max) => [0, max > 0 ? max * 1.05 : 1];

function axis(more) {
  return {
    stroke: () => colour("--muted"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1, size: 4 },
    ...more,
  };
}

// As wide as its longest label.
const room = (u, values) => 18 + 7 * Math.max(3, ...(values || []).map((value) => String(value ?? "").length));

const timeAxis = () => axis({ size: 30, incrs: SECONDS, space: 64, values: (u, values) => values.map(clock) });

function valueAxis(unit, more) {
  return axis({ size: room, values: (u, values) => values.map((value) => shown(value, unit)), ...more });
}

// A line: its name, the unit of its values, which of the strokes, and more that uPlot knows.
function line(label, unit, stroke, more) {
  const [name, dash] = STROKES[stroke];
  return {
    label, dash: dash || undefined, width: 2, stroke: () => colour(name),
    points: { size: 5 }, value: (u, value) => shown(value, unit), ...more,
  };
}

// A chart of these options of uPlot; `read(u, place)` says in words what is at a place.
function chart({ label, height = 250, options, read }) {
  const said = make("p", { class: "unseen", "aria-live": "polite" });
  const box = make("div", {
    class: "chart", tabindex: "0", role: "group", "aria-label": `Chart: ${label}. The arrow keys move through it; the table behind it has its figures.`,
  });
  const node = make("div", null, box, said);
  let plot = null;
  let lastX = null;

  const size = () => ({ width: Math.max(240, box.clientWidth), height });

  function update(all) {
    if (!plot) {
      plot = new uPlot({ ...size(), legend: { live: true }, ...options }, all, box);
      const observer = new ResizeObserver(() => {
        if (box.clientWidth > 0 && Math.abs(plot.width - size().width) > 1) plot.setSize(size());
      });
      observer.observe(box);
      charts.push({
        box,
        resize: (width) => plot.setSize({ width, height }),
        fit: () => plot.setSize(size()),
        recolour,
        end: () => { observer.disconnect(); plot.destroy(); },
      });
    } else {
      // Who has zoomed in stays there while the run goes on.
      const { min, max } = plot.scales.x;
      const zoomed = lastX && (min > lastX.min || max < lastX.max);
      plot.setData(all, !zoomed);
      if (zoomed) plot.redraw();
    }
    const { min, max } = plot.scales.x;
    if (!lastX || max > lastX.max || min < lastX.min) lastX = { min, max };
  }

  function recolour() {
    plot.series.forEach((series, place) => {
      const marker = box.querySelectorAll(".u-series")[place]?.querySelector(".u-marker");
      if (marker && series.stroke) marker.style.borderColor = series.stroke(plot, place);
    });
    plot.redraw(false, true);
  }

  box.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }[event.key];
    if (!plot || event.target !== box) return;
    if (event.key === "Escape") plot.setCursor({ left: -10, top: -10 });
    if (steps === undefined) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    const from = plot.cursor.idx ?? (steps > 0 ? -1 : last + 1);
    const place = Math.max(0, Math.min(last, from + steps));
    plot.setCursor({ left: plot.valToPos(plot.data[0][place], "x"), top: plot.over.clientHeight / 2 });
    said.textContent = read(plot, place);
  });
  return { node, update };
}

// Ends the charts that are on the page no more.
function tidy() {
  for (const gone of charts.filter(({ box }) => !box.isConnected)) {
    gone.end();
    charts.splice(charts.indexOf(gone), 1);
  }
}

// What a chart of lines says of a place.
const readLines = (u, place) => u.series.map((series, at) => (series.show === false ? null
  : `${series.label} ${series.value(u, u.data[at][place], at, place)}`)).filter(Boolean).join(", ");

const SYNCED = { cursor: { sync: { key: "time" }, drag: { x: true, y: false } } };

// Lines over time, of one or two scales: { name: unit }.
function timeChart({ label, lines, scales }) {
  const names = Object.keys(scales);
  return chart({
    label,
    read: readLines,
    options: {
      ...SYNCED,
      scales: { x: { time: false }, ...Object.fromEntries(names.map((name) => [name, { range: fromZero }])) },
      axes: [timeAxis(), ...names.map((name, place) => valueAxis(scales[name].unit, {
        scale: name, side: place === 0 ? 3 : 1, label: scales[name].label, labelSize: 20, labelFont: "12px system-ui, sans-serif",
        ...(place === 0 ? {} : { grid: { show: false } }),
      }))],
      series: [{ label: "Time", value: (u, value) => (value === null || value === undefined ? "–" : clock(value)) }, ...lines],
    },
  });
}

// 2 is the median, 100 the 99th percentile: one of so many is larger.
function percentile(of) {
  return of <= 1 ? "0" : String(Number((100 * (1 - 1 / of)).toFixed(Math.max(0, Math.ceil(Math.log10(of)) - 1))));
}

// How values rise with the percentile, each factor of ten as wide.
function curveChart({ label, lines, unit }) {
  const marks = [1, 2, 4, 10, 20, 100, 1e3, 1e4, 1e5, 1e6, 1e7];
  return chart({
    label,
    read: readLines,
    options: {
      scales: {
        x: { time: false, distr: 3, range: (u, min, max) => [1, Math.max(10, max || 10)] },
        y: { range: fromZero },
      },
      axes: [
        axis({
          splits: (u) => marks.filter((mark) => mark <= u.scales.x.max * 1.001), filter: (u, splits) => splits,
          values: (u, splits) => splits.map(percentile), space: 30, size: 28, label: "percentile", labelSize: 18, labelFont: "12px system-ui, sans-serif",
        }),
        valueAxis(unit),
      ],
      series: [{ label: "Percentile", value: (u, of) => (of ? percentile(of) : "–") }, ...lines.map((it) => ({ ...it, spanGaps: true, points: { show: false } }))],
    },
  });
}

const mixed = (low, high, part) => `rgb(${low.map((from, place) => Math.round(from + (high[place] - from) * part)).join(" ")})`;
const channels = (name) => colour(name).split(/\s+/).map(Number);

// How many samples there were by time and value: `heat()` is what is drawn, `width()` the seconds of a slot.
function heatChart({ label, unit, heat, width }) {
  const rows = () => Math.max(1, heat().bounds.length - 1);
  const column = () => heat().step * width();
  const count = (of, row) => {
    const { cells } = heat();
    for (let at = 0; at < cells.length; at += 3) if (cells[at] === of && cells[at + 1] === row) return cells[at + 2];
    return 0;
  };
  const band = (row) => (row >= 0 && row < rows() && heat().bounds.length
    ? `${shown(heat().bounds[row], unit)} to ${shown(heat().bounds[row + 1], unit)}` : "–");
  const under = (u) => {
    const row = u.cursor.top >= 0 ? Math.floor(u.posToVal(u.cursor.top, "y")) : -1;
    const seconds = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : -1;
    return { row, of: Math.floor(seconds / column()), there: row >= 0 && seconds >= 0 };
  };
  function draw(u) {
    const { cells } = heat();
    let most = 1;
    for (let at = 2; at < cells.length; at += 3) most = Math.max(most, cells[at]);
    const [low, high] = [channels("--heat-low"), channels("--heat-high")];
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (let at = 0; at < cells.length; at += 3) {
      const [of, row, samples] = [cells[at], cells[at + 1], cells[at + 2]];
      const left = Math.floor(u.valToPos(of * column(), "x", true));
      const right = Math.ceil(u.valToPos((of + 1) * column(), "x", true));
      const top = Math.floor(u.valToPos(row + 1, "y", true));
      const bottom = Math.ceil(u.valToPos(row, "y", true));
      // By magnitude: the rare ones are what one looks for.
      ctx.fillStyle = mixed(low, high, Math.log(samples) / Math.log(Math.max(2, most)));
      ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
    }
    ctx.restore();
  }
  return chart({
    label,
    height: 300,
    read: (u, place) => {
      const seconds = u.data[0][place];
      const of = Math.floor(seconds / column());
      const { cells } = heat();
      let [samples, mode, lowest, highest] = [0, -1, Infinity, -1];
      for (let at = 0; at < cells.length; at += 3) {
        if (cells[at] !== of) continue;
        if (cells[at + 2] > samples) [samples, mode] = [cells[at + 2], cells[at + 1]];
        lowest = Math.min(lowest, cells[at + 1]);
        highest = Math.max(highest, cells[at + 1]);
      }
      return mode < 0 ? `Time ${clock(seconds)}: no samples`
        : `Time ${clock(seconds)}: most between ${band(mode)}; all between ${shown(heat().bounds[lowest], unit)} and ${shown(heat().bounds[highest + 1], unit)}`;
    },
    options: {
      ...SYNCED,
      scales: {
        x: { time: false },
        y: { range: () => [0, rows()] },
      },
      axes: [timeAxis(), axis({
        grid: { show: false },
        size: room,
        splits: (u) => {
          const each = Math.max(1, Math.ceil(rows() / Math.max(2, Math.floor(u.over.clientHeight / 34 || 6))));
          return Array.from({ length: Math.floor(rows() / each) + 1 }, (_, place) => place * each);
        },
        values: (u, splits) => splits.map((row) => (heat().bounds.length ? shown(heat().bounds[row], unit) : "")),
      })],
      series: [
        { label: "Time", value: (u) => { const { of, there } = under(u); return there ? clock(of * column()) : "–"; } },
        { label: "Between", paths: () => null, points: { show: false }, value: (u) => { const { row, there } = under(u); return there ? band(row) : "–"; } },
        { label: "Samples", paths: () => null, points: { show: false }, value: (u) => { const { of, row, there } = under(u); return there ? plain(count(of, row)) : "–"; } },
      ],
      hooks: { draw: [draw] },
    },
  });
}

function redrawn() {
  for (const { recolour } of charts) recolour();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawn);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printed");
  for (const { resize } of charts) resize(PRINTED_WIDTH);
  redrawn();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printed");
  for (const { fit } of charts) fit();
  redrawn();
});
