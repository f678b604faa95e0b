// The page: its sections in order, each shown if there is something to show, and shown anew when the data changes.

let view = null;

const by = (name) => (row) => row[name];
const trackOf = (name) => view.timeline.tracks.find((track) => track.name === name);
const moments = () => Array.from({ length: view.timeline.slots }, (_, place) => place * view.timeline.width);
const column = (name) => trackOf(name)?.values ?? moments().map(() => null);
const some = (values) => values.some((value) => value !== null);

// A choice among names, kept while the data changes.
function choice(label, changed) {
  const select = make("select", { onchange: changed });
  return {
    node: make("p", { class: "unprinted" }, make("label", null, label, select)),
    get name() { return select.value; },
    update(names) {
      const there = [...select.options].map((option) => option.value);
      if (names.length === there.length && names.every((name, place) => name === there[place])) return;
      const kept = select.value;
      select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
      if (names.includes(kept)) select.value = kept;
    },
  };
}

// A chart over time and its table.
function overTime({ label, lines, scales, values }) {
  const drawn = timeChart({ label, lines, scales });
  const columns = [
    { name: "Time", value: (row) => clock(row[0]) },
    ...lines.map((it, place) => ({ name: it.label, unit: scales[it.scale].unit, value: (row) => row[place + 1] })),
  ];
  const all = () => [moments(), ...values()];
  const behind = tableBehind(label, columns, () => {
    const data = all();
    return data[0].map((_, place) => data.map((values) => values[place]));
  });
  return { nodes: [drawn.node, behind.node], update: () => { drawn.update(all()); behind.update(); } };
}

function tiles() {
  const list = make("dl", { class: "tiles" });
  return {
    nodes: [list],
    update() {
      list.replaceChildren(...view.tiles.map(({ label, value, unit, note, bad }) => make("div", { class: "tile" },
        make("dt", null, label),
        make("dd", { class: bad ? "value bad" : "value" }, shown(value, unit)),
        note ? make("dd", { class: "note" }, `${shown(note[0], note[1])} ${note[2]}`) : null)));
    },
  };
}

const OUTCOMES = { passed: ["✓ held", "good"], crossed: ["✗ crossed", "bad"], no_data: ["? no data", "doubtful"] };

// A threshold's figure has the metric's unit, unless it is a number of samples.
function observedUnit({ metric, threshold }) {
  const name = metric.split("{")[0];
  const found = view.metrics.find((it) => it.name === metric) || view.metrics.find((it) => it.name === name);
  if (!found || /^\s*count/.test(threshold)) return "number";
  if (found.kind === "counter") return "number";
  return unitOf(found.kind, found.contains);
}

// When a threshold that is held each second was worst, and when it was crossed.
function courseOf({ course }) {
  if (!course || course.worstAtMs === null) return "";
  const time = (ms) => shown(ms, "time");
  const parts = [course.overMs > 1000 ? `at worst, in the ${time(course.overMs)} up to ${time(course.worstAtMs)}` : `at worst, at ${time(course.worstAtMs)}`];
  if (course.forMs !== null && course.longestMs > 0) parts.push(`not so for ${time(course.longestMs)} on end at most`);
  if (course.crossedAtMs !== null) parts.push(`crossed at ${time(course.crossedAtMs)}`);
  return ` ${parts.join("; ")}`;
}

function thresholds() {
  const all = table({
    caption: "Thresholds",
    columns: [
      { name: "Metric", value: by("metric") },
      { name: "Threshold", value: by("threshold") },
      { name: "Observed", value: (row) => (row.observed === null ? row.reason || "–" : shown(row.observed, observedUnit(row)) + courseOf(row)) },
      { name: "Outcome", value: (row) => OUTCOMES[row.outcome]?.[0] ?? row.outcome, sort: (row) => OUTCOMES[row.outcome]?.[1] ?? "" },
    ],
  });
  return { nodes: [all.node], update: () => all.update(view.thresholds) };
}

function throughput() {
  const requests = view.timeline.tracks.some((track) => track.name === "http_reqs");
  const rate = requests ? "http_reqs" : "iterations";
  const failures = () => {
    const [done, failed] = [column(rate), column("http_req_failed")];
    // Failed requests are a share of those of the same second.
    return done.map((value, place) => (value === null ? null : value * (failed[place] ?? 0)));
  };
  const lines = [line(requests ? "Requests/s" : "Iterations/s", "rate", "one", { scale: "rate" })];
  const values = [() => column(rate)];
  if (requests) {
    lines.push(line("Failed/s", "rate", "three", { scale: "rate" }));
    values.push(failures);
  }
  lines.push(line("VUs", "number", "five", { scale: "vus" }));
  values.push(() => column("vus"));
  return overTime({
    label: requests ? "Requests and failed requests a second, and VUs" : "Iterations a second, and VUs",
    lines,
    scales: { rate: { unit: "rate", label: "a second" }, vus: { unit: "number", label: "VUs" } },
    values: () => values.map((value) => value()),
  });
}

const PERCENTILES = [["Median", "p50", "one"], ["p90", "p90", "four"], ["p95", "p95", "two"], ["p99", "p99", "three"], ["Max", "max", "five"]];

// A trend over time, by percentile and as a heat map: charts are made anew for each, since units differ.
function latency() {
  const place = make("div");
  let made = null;
  const chosen = choice("Metric", () => show());
  const trend = () => view.trends.find((it) => it.name === chosen.name) || view.trends[0];
  // The same requests, once from when they were due.
  const pair = () => ["http_req_duration", "http_req_response"].map((name) => view.trends.find((it) => it.name === name));
  const paired = () => view.arrivals && pair().every(Boolean) && pair().includes(trend());

  function set(unit, both) {
    const label = (what) => `${trend().name}: ${what}`;
    const lines = PERCENTILES.map(([name, of, stroke]) => line(name, unit, stroke, { scale: "y", show: of !== "max" }));
    const over = overTime({
      label: label("percentiles over time"), lines, scales: { y: { unit } },
      values: () => PERCENTILES.map(([, of]) => trend()[of]),
    });
    const names = both ? ["from when it was sent", "from when it was due"] : ["Value"];
    const curves = () => (both ? pair() : [trend()]).map((it) => [it.curve.map(([of]) => of), it.curve.map(([, value]) => value)]);
    const curve = curveChart({
      label: label("by percentile"), unit,
      lines: names.map((name, at) => line(name, unit, ["one", "two"][at], { scale: "y" })),
    });
    const joined = () => (both ? uPlot.join(curves()) : curves()[0]);
    const curveBehind = tableBehind("By percentile", [
      { name: "Percentile", value: (row) => percentile(row[0]) },
      ...names.map((name, at) => ({ name, unit, value: (row) => row[at + 1] })),
    ], () => {
      const data = joined();
      return data[0].map((_, at) => data.map((values) => values[at]));
    });
    const heat = heatChart({
      label: label("samples by time and value"), unit, heat: () => trend().heat, width: () => view.timeline.width,
    });
    const heatBehind = tableBehind("Samples by value", [
      { name: "From", value: (row) => shown(row.from, unit) },
      { name: "To", value: (row) => shown(row.to, unit) },
      { name: "Samples", unit: "number", value: by("samples") },
      { name: "Share", unit: "share", value: by("share") },
    ], () => {
      const { bounds, cells } = trend().heat;
      const counts = new Array(Math.max(0, bounds.length - 1)).fill(0);
      for (let at = 0; at < cells.length; at += 3) counts[cells[at + 1]] += cells[at + 2];
      const all = counts.reduce((sum, count) => sum + count, 0);
      return counts.map((samples, row) => ({ from: bounds[row], to: bounds[row + 1], samples, share: samples / (all || 1) }));
    });
    const figures = table({
      caption: "Figures of the whole run",
      columns: [
        { name: "Metric", value: by("name") },
        { name: "Samples", unit: "number", value: by("count") },
        ...["avg", "min", "p50", "p90", "p95", "p99", "max"].map((name) => ({ name, unit, value: (row) => row.figures[name] })),
        { name: "std. dev.", unit, value: by("stdev") },
      ],
    });
    const ends = () => [...moments(), view.timeline.slots * view.timeline.width];
    return {
      nodes: [
        figures.node,
        make("h3", null, "Percentiles over time"), ...over.nodes,
        make("h3", null, "By percentile"),
        both ? make("p", { class: "hint" }, "From when a request was due counts what a target that stalls keeps from being sent; from when it was sent does not.") : null,
        curve.node, curveBehind.node,
        make("h3", null, "Heat map"), heat.node,
        make("p", { class: "scale" }, "fewer", make("span", { class: "bar", "aria-hidden": "true" }), "more samples"),
        heatBehind.node,
      ].filter(Boolean),
      update() {
        figures.update(both ? pair() : [trend()]);
        over.update();
        curve.update(joined());
        curveBehind.update();
        const x = ends();
        heat.update([x, x.map(() => null), x.map(() => null)]);
        heatBehind.update();
      },
    };
  }

  function show() {
    const unit = unitOf("trend", trend().contains);
    const both = paired();
    const key = `${trend().name} ${both}`;
    if (made?.key !== key) {
      made = { key, ...set(unit, both) };
      place.replaceChildren(...made.nodes);
      tidy();
    }
    made.update();
  }

  return {
    nodes: [chosen.node, place],
    update() {
      chosen.update(view.trends.map(by("name")));
      show();
    },
  };
}

function endpoints() {
  const all = table({
    caption: "Endpoints: the headings sort",
    sortable: true,
    columns: [
      { name: "Name", value: by("name") },
      { name: "Method", value: by("method") },
      { name: "Requests", unit: "number", value: by("count") },
      { name: "Requests/s", unit: "rate", value: by("rate") },
      { name: "Failed", unit: "share", value: (row) => row.failed / Math.max(1, row.count), sort: (row) => (row.failed > 0 ? "bad" : "") },
      ...["avg", "p50", "p90", "p95", "p99", "max"].map((name) => ({ name, unit: "time", value: (row) => row.duration?.[name] })),
      { name: "Sent", unit: "data", value: by("sent") },
      { name: "Received", unit: "data", value: by("received") },
    ],
  });
  const more = make("p", { class: "hint" });
  return {
    nodes: [all.node, more],
    update() {
      all.update(view.endpoints);
      more.textContent = view.endpointsLeftOut > 0 ? `${plain(view.endpointsLeftOut)} more with fewer requests are left out.` : "";
    },
  };
}

function phases() {
  const all = table({
    caption: "Phases",
    columns: [
      { name: "Phase", value: by("name") },
      { name: "From", value: (row) => clock(row.fromMs / 1e3) },
      { name: "To", value: (row) => clock(row.toMs / 1e3) },
      { name: "VUs", unit: "number", value: by("vus") },
      { name: "Iterations", unit: "number", value: by("iterations") },
      { name: "Requests", unit: "number", value: by("requests") },
      { name: "Requests/s", unit: "rate", value: by("rate") },
      { name: "p95", unit: "time", value: by("p95") },
      { name: "Failed", unit: "share", value: (row) => row.failed / Math.max(1, row.requests), sort: (row) => (row.failed > 0 ? "bad" : "") },
    ],
  });
  return { nodes: [all.node], update: () => all.update(view.phases) };
}

function breakpoint() {
  const about = make("p");
  const all = table({
    caption: "Steps of the search",
    columns: [
      { name: "Load", unit: "number", value: by("load") },
      { name: "Held", value: (row) => (row.held ? "✓ held" : "✗ did not hold"), sort: (row) => (row.held ? "good" : "bad") },
      { name: "Iterations/s", unit: "rate", value: by("iterations") },
      { name: "Requests/s", unit: "rate", value: by("requests") },
      { name: "At a time", unit: "rate", value: by("concurrency") },
      { name: "Median", unit: "time", value: (row) => row.latency.med },
      { name: "p95", unit: "time", value: (row) => row.latency["p(95)"] },
      { name: "p99", unit: "time", value: (row) => row.latency["p(99)"] },
      { name: "Dropped", unit: "share", value: by("dropped") },
      { name: "Failed", unit: "share", value: by("failed") },
    ],
  });
  return {
    nodes: [about, all.node],
    update() {
      const { unit, held, broke, knee, steps } = view.breakpoint;
      const said = [["held", held], ["did not hold", broke], ["had the most throughput for its latency", knee]]
        .filter(([, load]) => load !== null).map(([what, load]) => `${plain(load)} ${unit} ${what}`);
      about.textContent = said.length ? `${said.join("; ")}.` : "No load was judged.";
      all.update(steps);
    },
  };
}

function checks() {
  const all = table({
    caption: "Checks",
    sortable: true,
    columns: [
      { name: "Check", value: by("name") },
      { name: "Passed", unit: "number", value: by("passes") },
      { name: "Failed", unit: "number", value: by("fails"), sort: (row) => (row.fails > 0 ? "bad" : "") },
      { name: "Share passed", unit: "share", value: (row) => row.passes / Math.max(1, row.passes + row.fails) },
    ],
  });
  return { nodes: [all.node], update: () => all.update(view.checks) };
}

const FAILED = {
  failed: "Iteration failed", start_failed: "Start of a VU failed", timed_out: "Iteration timed out", trapped: "Script broke", panicked: "Fault of the engine",
};

function errors() {
  const all = table({
    caption: "Errors",
    sortable: true,
    columns: [
      { name: "Error", value: by("error") },
      { name: "Kind", value: by("kind") },
      { name: "Count", unit: "number", value: by("count") },
      { name: "Such as", value: by("example"), long: true },
    ],
  });
  return {
    nodes: [all.node],
    update() {
      all.update([
        ...view.errors.map((it) => ({ ...it, kind: "Request failed", example: it.example ?? "–" })),
        ...view.failures.map((it) => ({ error: it.message, kind: FAILED[it.kind] ?? it.kind, count: it.count, example: "–" })),
        ...view.unmade.map((it) => ({ error: it.reason, kind: "VU not made", count: it.count, example: "–" })),
      ]);
    },
  };
}

function metrics() {
  const all = table({
    caption: "Metrics",
    columns: [
      { name: "Metric", value: by("name") },
      { name: "Type", value: by("kind") },
      {
        name: "Values",
        long: true,
        value: ({ kind, contains, values }) => values.map(([stat, value]) => {
          const unit = kind === "rate" && stat !== "rate" || stat === "count" && kind === "trend" ? "number" : unitOf(kind, contains);
          return `${stat}: ${shown(value, unit)}${kind === "counter" && stat === "rate" ? "/s" : ""}`;
        }).join("   "),
      },
    ],
  });
  // Each other metric over time, one at a time.
  const place = make("div");
  let made = null;
  const chosen = choice("Over time", () => show());
  function show() {
    const track = trackOf(chosen.name);
    if (!track) return;
    const name = chosen.name;
    if (made?.name !== name) {
      const unit = unitOf(track.kind, track.contains);
      const label = track.kind === "counter" ? `${name}, a second` : name;
      const scales = { y: { unit: unit === "number" ? "rate" : unit } };
      made = { name, ...overTime({ label, scales, lines: [line(label, scales.y.unit, "one", { scale: "y" })], values: () => [column(name)] }) };
      place.replaceChildren(...made.nodes);
      tidy();
    }
    made.update();
  }
  return {
    nodes: [all.node, make("h3", { class: "unprinted" }, "One of them over time"), chosen.node, place],
    update() {
      all.update(view.metrics);
      chosen.update(view.timeline.tracks.filter((track) => some(track.values)).map(by("name")));
      show();
    },
  };
}

function planned() {
  const text = make("pre", { tabindex: "0", role: "region", "aria-label": "The plan" });
  return { nodes: [text], update: () => { text.textContent = view.plan; } };
}

function environment() {
  const all = table({
    caption: "Environment",
    columns: [{ name: "What", value: (row) => row[0] }, { name: "Value", value: (row) => row[1], long: true }],
  });
  return { nodes: [all.node], update: () => all.update(view.environment) };
}

const SECTIONS = [
  ["summary", "Summary", () => view.tiles.length > 0, tiles],
  ["thresholds", "Thresholds", () => view.thresholds.length > 0, thresholds],
  ["over-time", "Throughput", () => view.timeline.slots > 0, throughput],
  ["latency", "Latency", () => view.trends.length > 0, latency],
  ["endpoints", "Endpoints", () => view.endpoints.length > 0, endpoints],
  ["phases", "Phases", () => view.phases.length > 0, phases],
  ["breakpoint", "Breakpoint", () => view.breakpoint !== null, breakpoint],
  ["checks", "Checks", () => view.checks.length > 0, checks],
  ["errors", "Errors", () => view.errors.length + view.failures.length + view.unmade.length > 0, errors],
  ["metrics", "Metrics", () => view.metrics.length > 0, metrics],
  ["plan", "Plan", () => view.plan.length > 0, planned],
  ["environment", "Environment", () => view.environment.length > 0, environment],
].map(([id, title, there, build]) => ({ id, title, there, build, made: null }));

const here = (id) => document.getElementById(id);

function show(next) {
  view = next;
  // Its folder stands with the environment.
  const script = view.script.replace(/\/+$/, "").split("/").pop();
  const name = script ? `Load test of ${script}` : "Load test";
  document.title = name;
  here("title").textContent = name;
  const began = view.startedAt ? `${view.live ? "Began" : "Run of"} ${view.startedAt.replace("T", " ").replace(/\.\d+/, "")}` : "";
  here("about").textContent = [began, view.elapsedMs > 0 ? `${clock(view.elapsedMs / 1e3)} of load` : ""].filter(Boolean).join(", ");
  const verdict = here("verdict");
  const mark = { good: "✓ ", bad: "✗ ", doubtful: "? " }[view.verdict.sort] ?? "";
  verdict.className = view.verdict.sort;
  if (verdict.textContent !== mark + view.verdict.text) verdict.textContent = mark + view.verdict.text;
  here("warnings").hidden = view.warnings.length === 0;
  here("warnings").replaceChildren(...view.warnings.map((text) => make("li", null, text)));
  for (const section of SECTIONS) {
    const there = section.there();
    if (there && !section.made) {
      section.made = section.build();
      const heading = `${section.id}-heading`;
      section.node = make("section", { id: section.id, "aria-labelledby": heading },
        make("h2", { id: heading }, section.title), ...section.made.nodes);
      section.link = make("a", { href: `#${section.id}` }, section.title);
      // What comes later in the list stands later on the page.
      const after = SECTIONS.slice(SECTIONS.indexOf(section) + 1).find((other) => other.made);
      here("main").insertBefore(section.node, after?.node ?? null);
      here("contents").insertBefore(section.link, after?.link ?? null);
    }
    if (section.made) {
      section.node.hidden = section.link.hidden = !there;
      if (there) section.made.update();
    }
  }
  here("contents").hidden = !SECTIONS.some((section) => section.made);
  here("footer").textContent = "Made by wasmload. Times are those of the load generator's clock; percentiles over time are good to 1.6 %, those of the whole run to 0.1 %.";
  document.body.dataset.shown = view.live ? "live" : "whole";
}

show(JSON.parse(here("data").textContent));

// A run that goes on is told by whoever serves the page, second by second.
if (view.live) {
  const events = new EventSource("events");
  events.addEventListener("message", (event) => {
    show(JSON.parse(event.data));
    if (!view.live) events.close();
  });
  events.addEventListener("error", () => {
    if (!view.live) return;
    here("verdict").textContent = "The run does not answer any more: this is what was known of it last.";
    here("verdict").className = "doubtful";
  });
}
