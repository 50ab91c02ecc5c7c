// What is counted at /metrics, read as text, and how fast it grows.

// name{a="b",c="d"} 12.5
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const parseLabels = (text) => {
  const labels = Object.create(null);
  for (const [, name, value] of (text ?? "").matchAll(LABEL)) labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
  return labels;
};

// What is kept of each listener, service and way between them; the sums of all of it stand at "".
const FIELDS = {
  gw_http_requests_total: (row, labels, n) => byCode(row, labels.code, n, "requests"),
  gw_tcp_connections_total: (row, labels, n) => byCode(row, labels.code, n, "connections"),
  gw_http_responses_total: (row, labels, n) => { if (labels.class === "5xx") row.errors += n; },
  gw_http_requests_active: (row, _, n) => { row.active += n; },
  gw_tcp_connections_active: (row, _, n) => { row.active += n; },
  gw_http_request_body_bytes_total: (row, _, n) => { row.received += n; },
  gw_http_response_body_bytes_total: (row, _, n) => { row.sent += n; },
  gw_tcp_received_bytes_total: (row, _, n) => { row.received += n; },
  gw_tcp_sent_bytes_total: (row, _, n) => { row.sent += n; },
  gw_http_retries_total: (row, _, n) => { row.retries += n; },
  gw_http_request_duration_seconds_bucket: (row, labels, n) => row.classes.set(labels.le, (row.classes.get(labels.le) ?? 0) + n),
};
const byCode = (row, code, n, what) => {
  row[what] += n;
  if (code === "denied") row.denied += n;
  // Of requests the class of the status tells.
  else if (what === "connections" && code !== "ok" && code !== "client_gone") row.errors += n;
};
const COUNTED = ["requests", "connections", "errors", "denied", "received", "sent", "retries"];
const emptyRow = (labels) => ({ labels, active: 0, classes: new Map(), ...Object.fromEntries(COUNTED.map((field) => [field, 0])) });

const keyOf = {
  gateway: (l) => `g\n${l.gateway}`,
  listener: (l) => `l\n${l.gateway}\n${l.listener}`,
  service: (l) => `s\n${l.service ?? ""}\n${l.datacenter ?? ""}\n${l.peer ?? ""}`,
  way: (l) => `w\n${l.gateway}\n${l.service ?? ""}\n${l.datacenter ?? ""}\n${l.peer ?? ""}`,
};

const readMetrics = (text) => {
  const rows = new Map();
  const single = new Map();
  for (const line of text.split("\n")) {
    const [, name, labelText, value] = LINE.exec(line) ?? [];
    const n = Number(value);
    if (!name || Number.isNaN(n)) continue;
    const labels = parseLabels(labelText);
    const add = FIELDS[name];
    if (!add) {
      if (!single.has(name)) single.set(name, { labels, value: n });
      continue;
    }
    const keys = ["", keyOf.gateway(labels), keyOf.listener(labels)];
    if (labels.service || labels.datacenter) keys.push(keyOf.service(labels), keyOf.way(labels));
    for (const key of keys) {
      if (!rows.has(key)) rows.set(key, emptyRow(labels));
      add(rows.get(key), labels, n);
    }
  }
  return { at: performance.now(), rows, single };
};

const HISTORY = 150;
const WINDOW = 10e3;
const samples = [];

const sums = (rows) => new Map([...rows].map(([key, row]) => [key, row.requests + row.connections]));
// Of what is older than the window only a line is drawn.
const shrink = (sample) => Object.assign(sample, { sums: sums(sample.rows), rows: null });

const keepSample = (sample) => {
  const began = (s) => s.single.get("process_start_time_seconds")?.value;
  const last = samples.at(-1);
  // Another process counts from nothing, and of a time in which nobody looked nothing is known.
  if (last && (began(last) !== began(sample) || sample.at - last.at > 2 * WINDOW)) samples.length = 0;
  samples.push(sample);
  samples.filter((old) => old.rows && sample.at - old.at > WINDOW + 3000).forEach(shrink);
  if (samples.length > HISTORY) samples.shift();
};

// A metric of which there is one.
const one = (name) => samples.at(-1)?.single.get(name);

// Growth a second between two samples; what was not there before began at nothing.
const growth = (from, to, key, field) => {
  const seconds = (to.at - from.at) / 1000;
  const value = (sample) => sample.rows.get(key)?.[field] ?? 0;
  return seconds > 0 ? Math.max(0, value(to) - value(from)) / seconds : 0;
};
const baseOf = (last) => samples.find((sample) => sample.at >= last.at - WINDOW - 500) ?? last;

// How much of something a second, over the last ten.
const rate = (key, ...fields) => {
  const last = samples.at(-1);
  return last ? fields.reduce((sum, field) => sum + growth(baseOf(last), last, key, field), 0) : 0;
};
const total = (key, field) => samples.at(-1)?.rows.get(key)?.[field] ?? 0;

// Under which so much of the requests of the last ten seconds stayed, by the classes of the histogram.
const quantile = (key, share) => {
  const last = samples.at(-1);
  const row = last?.rows.get(key);
  if (!row) return null;
  const before = baseOf(last).rows.get(key)?.classes;
  const classes = [...row.classes].map(([le, n]) => [le === "+Inf" ? Infinity : Number(le), n - (before?.get(le) ?? 0)]).sort((a, b) => a[0] - b[0]);
  const all = classes.at(-1)?.[1] ?? 0;
  if (all === 0) return null;
  return classes.find(([, n]) => n >= share * all)?.[0] ?? null;
};
const quantileText = (key, share) => {
  const value = quantile(key, share);
  return value === null ? "\u2013" : value === Infinity ? "more" : `\u2264 ${milliseconds(value)}`;
};

// The growth of requests and connections between each sample and the next, for a line.
const series = (key) => {
  const sum = (sample) => {
    const row = sample.rows?.get(key);
    return sample.sums?.get(key) ?? (row ? row.requests + row.connections : 0);
  };
  return samples.slice(1).map((to, n) => Math.max(0, sum(to) - sum(samples[n])) / Math.max((to.at - samples[n].at) / 1000, 0.001));
};

const sparkline = (values, label) => {
  const [width, height] = [160, 28];
  const most = Math.max(...values, 1e-9);
  const x = (n) => width - (values.length - 1 - n) * (width / (HISTORY - 1));
  const points = values.map((value, n) => `${x(n).toFixed(1)},${(height - 2 - (value / most) * (height - 4)).toFixed(1)}`);
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    points.length > 1 && svg("polyline", { points: points.join(" ") }));
};
