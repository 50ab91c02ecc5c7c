// Requests and tcp connections as they pass: one answer that goes on until it is stopped, of which the last lines are kept.

const MOST_TOLD = 200;
const LONGEST_LINE = 1 << 20;
const DRAWN_EVERY = 250;

// Each: as the gateway is asked, what stands before the field, and what may be written there. `several`: words, each asked for itself.
const TAP_FIELDS = [
  ["service", "Service", { placeholder: "web" }, "To which it goes."],
  ["source", "Caller", { placeholder: "web, or 10.0.0.7" }, "The service of a certificate, its SPIFFE id, or an address."],
  ["listener", "Listener", { placeholder: "edge:8080" }],
  ["host", "Host", { placeholder: "shop.test" }, "*.shop.test is all below."],
  ["path_prefix", "Path begins", { placeholder: "/api" }],
  ["status", "Status", { placeholder: "5xx 404", several: true }],
  ["code", "Code", { placeholder: "denied", several: true }],
  ["header", "Headers to tell", { placeholder: "x-version", several: true }, "By name. None that has a secret is told."],
  ["sample", "One of", { placeholder: "1/100" }, "By chance."],
];
const tapField = ([name, label, { several, ...attributes }, hint]) => fieldOf("tap", name, label, attributes, hint);

const tapping = { values: {}, rows: [], told: 0, lost: 0, is: "Nobody watches.", tone: null, note: null, isOver: false, stop: null, timer: null };

// The same filter as a query and as the words of a command.
const tapAsked = (v) => [
  ...TAP_FIELDS.flatMap(([name, , { several }]) => (several ? (v[name] ?? "").split(/[\s,]+/) : [(v[name] ?? "").trim()]).filter(Boolean).map((value) => [name, value])),
  ...(v.query ? [["query", "true"]] : []),
];
const tapCommand = () => inspect("tap", ...tapAsked(tapping.values).flatMap(([name, value]) => (name === "query" ? ["--query"] : [`--${name.replaceAll("_", "-")}`, value])));

const linesOf = async function* (body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    if (rest.length > LONGEST_LINE) throw new Refused("a line of it does not end");
    yield lines.filter(Boolean).map((line) => JSON.parse(line));
  }
};

const CUT = "It was cut: the gateway is gone, or the way to it.";
const TOLD = {
  begins: (line) => Object.assign(tapping, { is: "Watching.", note: line.note }),
  dropped: (line) => { tapping.lost += line.dropped; },
  // Nobody asked for a limit or a time.
  over: () => Object.assign(tapping, { is: "It is over: the gateway ends.", isOver: true }),
};

const tellTap = (lines) => {
  const passed = lines.filter((line) => !TOLD[line.event]);
  tapping.told += passed.length;
  tapping.rows = [...passed.slice(-MOST_TOLD).reverse(), ...tapping.rows].slice(0, MOST_TOLD);
  lines.forEach((line) => TOLD[line.event]?.(line));
  tapping.timer ??= setTimeout(drawTap, DRAWN_EVERY);
};

const drawTap = () => {
  clearTimeout(tapping.timer);
  tapping.timer = null;
  if (state.shown.id !== "tap") return;
  byId("tap-filter").disabled = Boolean(tapping.stop);
  byId("tap-go").textContent = tapping.stop ? "Stop" : "Start";
  byId("tap-clear").disabled = tapping.rows.length === 0;
  const is = byId("tap-is");
  // It is read out when it is another one.
  if (is.textContent !== tapping.is) is.textContent = tapping.is;
  is.className = tapping.tone;
  draw();
};

const startTap = async () => {
  const stop = new AbortController();
  Object.assign(tapping, { stop, told: 0, lost: 0, rows: [], is: "Starting \u2026", tone: null, note: null, isOver: false });
  drawTap();
  try {
    const response = await answered("/v1/tap", tapAsked(tapping.values), stop.signal);
    for await (const lines of linesOf(response.body)) {
      if (tapping.stop !== stop) return;
      tellTap(lines);
    }
    if (!tapping.isOver) Object.assign(tapping, { is: CUT, tone: "bad" });
  } catch (error) {
    if (tapping.stop !== stop) return;
    if (error instanceof WantsToken) lookNow();
    const why = error instanceof Refused ? `It is not told: ${plain(error.message)}` : error instanceof WantsToken ? "It is not told without the token." : CUT;
    Object.assign(tapping, { is: why, tone: "bad" });
  }
  if (tapping.stop === stop) tapping.stop = null;
  stop.abort();
  drawTap();
};

const stopTap = (is) => {
  if (!tapping.stop) return;
  tapping.stop.abort();
  Object.assign(tapping, { stop: null, is });
  drawTap();
};

// The same question, by what is told of the request.
const whyLink = (line) => {
  const [, gateway, port] = /^(.*):([^:]*)$/.exec(line.listener) ?? [];
  const [path, host] = [line.path ?? "/", line.host ?? ""];
  const headers = [host && `host: ${host}`, ...Object.entries(line.headers ?? {}).map(([name, value]) => `${name}: ${value}`)].filter(Boolean).join("\n");
  const known = { method: line.method, url: `${line.sni ? "https" : "http"}://127.0.0.1:${port}${path}`, headers, source: line.client.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""), peer: line.source, sni: line.sni, roll: line.roll, service: gateway };
  const query = Object.entries({ about: "route", method: "", url: "", headers: "", source: "", peer: "", sni: "", roll: "", ...known }).map(([name, value]) => [name, value ?? ""]);
  return h("a", { href: `#ask?${new URLSearchParams(query)}`, "aria-label": plain(`Why: ${line.method} ${host}${path}`) }, "why");
};

const withMilliseconds = (date) => `${clock(date)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
const isBad = (line) => (line.status ? line.status >= 500 : line.code !== "ok" && line.code !== "client_gone");
const TAPPED = [
  { name: "Began", cell: (l) => withMilliseconds(new Date(l.time)) },
  { name: "From", least: "15ch", cell: (l) => [said(l.source ?? l.client), h("div", { class: "mute small" }, "to ", said(l.listener))] },
  { name: "Asks", least: "24ch", cell: (l) => [
    l.kind === "request" ? [l.method && [h("b", null, said(l.method)), " "], said(`${l.host ?? ""}${l.path ?? ""}`)] : ["tcp", l.sni && [" ", said(l.sni)]],
    Object.entries(l.headers ?? {}).map(([name, value]) => h("div", { class: "mute small" }, said(name), ": ", said(value))),
  ] },
  { name: "Ends", least: "11ch", cell: (l) => (l.event === "opened" ? tag("open") : [
    tag([l.status, l.code].filter(Boolean).join(" "), isBad(l) ? "bad" : l.code === "ok" ? "ok" : "warn"),
    h("div", { class: "mute small" }, "after ", milliseconds(l.duration)),
  ]) },
  { name: "Goes to", least: "14ch", cell: (l) => (l.service ? [said(l.service), h("div", { class: "mute small" }, said(l.instance), l.address && [" at ", said(l.address)])] : h("span", { class: "mute" }, "nobody")) },
  { name: "Rule", least: "14ch", cell: (l) => [said(l.rule ?? "\u2013"), l.kind === "request" && l.method && [" ", whyLink(l)]] },
];

const tapControls = () => {
  const form = h("form", { class: "tap" });
  const keep = () => {
    tapping.values = Object.fromEntries(new FormData(form));
    byId("panel").querySelector(".commands").replaceChildren(command(tapCommand()));
  };
  const filter = h("fieldset", { id: "tap-filter", class: "ask" }, h("legend", { class: "hidden" }, "What is told"), TAP_FIELDS.map(tapField),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "query", value: "true" }), h("span", null, "Tell what stands behind the ? of a path")));
  form.append(filter, h("div", { class: "controls" },
    h("button", { class: "main", id: "tap-go" }, "Start"),
    h("button", { type: "button", class: "quiet", id: "tap-clear", disabled: tapping.rows.length === 0, onclick: () => { tapping.rows = []; drawTap(); byId("tap-go").focus(); } }, "Clear"),
    h("p", { id: "tap-is", role: "status" }, tapping.is)));
  for (const input of filter.elements) {
    if (input.type === "checkbox") input.checked = Boolean(tapping.values[input.name]);
    else if (tapping.values[input.name] !== undefined) input.value = tapping.values[input.name];
  }
  form.addEventListener("input", keep);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (tapping.stop) return stopTap("Stopped.");
    keep();
    return startTap();
  });
  return form;
};

panel({
  id: "tap",
  title: "Live",
  about: "Requests when they have ended, tcp connections when they stand and when they have ended. The gateway looks for what is asked for before it copies anything; it stops when another panel is shown, or when nobody can see it.",
  commands: () => [tapCommand()],
  controls: tapControls,
  leave: () => stopTap("Stopped: it could not be seen any more."),
  draw: () => [
    tapping.note && h("p", { class: "notice warn" }, said(tapping.note)),
    tapping.lost > 0 && h("p", { class: "notice warn" }, `${whole.format(tapping.lost)} were lost: more passes than is read. A narrower filter, or one of many, loses fewer.`),
    tapping.rows.length === 0 ? empty(tapping.stop ? "Nothing has passed yet." : "Nothing to show: Start watches what passes from then on.")
      : table(tapping.told > MOST_TOLD ? `The last ${whole.format(tapping.rows.length)} of ${whole.format(tapping.told)}, the newest first` : `${whole.format(tapping.rows.length)} told, the newest first`, TAPPED, tapping.rows),
  ],
});
