// What the mesh is made of besides: other datacenters, certificates, intentions; and who is connected.

const gatewayList = (gateways) => (gateways.length === 0 ? h("span", { class: "mute" }, "none is known")
  : h("ul", { class: "plain" }, gateways.map((g) => h("li", null, dot(HEALTH[g.health]), said(g.id), " at ", code(g.address), h("span", { class: "mute" }, ` ${g.health}`)))));

const DATACENTERS = [
  { name: "Datacenter", cell: (d) => [said(d.datacenter ?? d.peer), " ", d.own && tag("own"), d.peer && tag("peer")] },
  { name: "Services known", number: true, cell: (d) => d.services ?? "\u2013" },
  { name: "Mesh gateways", cell: (d) => gatewayList(d.gateways) },
  { name: "Trust domain", cell: (d) => said(d.trust_domain) },
];

panel({
  id: "datacenters",
  title: "Datacenters",
  about: "Other datacenters and peers, and the mesh gateways by which they are reached.",
  paths: ["/v1/datacenters"],
  commands: () => [inspect("datacenters")],
  draw: (told) => table("Datacenters", DATACENTERS, [...told.datacenters.map((d) => ({ trust_domain: told.trust_domain, ...d })), ...told.peers]),
});

const CERT_TONES = { ok: "ok", "near its end": "warn" };
// Hours are as far apart as months: near now it is finer.
const scaled = (seconds) => Math.asinh(seconds / 3600);
const TICKS = [[-31557600, "1 y ago"], [-86400, "1 d ago"], [0, "now"], [86400, "1 d"], [604800, "1 w"], [2629800, "1 mo"], [31557600, "1 y"], [315576000, "10 y"]];

const timeLine = (certificates) => {
  const now = Date.now() / 1000;
  const times = certificates.flatMap((c) => (c.not_after ? [Date.parse(c.not_before) / 1000 - now, Date.parse(c.not_after) / 1000 - now] : []));
  const from = scaled(Math.max(Math.min(...times, -3600), -31557600));
  const to = scaled(Math.max(...times, 86400) * 1.2);
  const at = (seconds) => `${Math.min(100, Math.max(0, ((scaled(seconds) - from) / (to - from)) * 100)).toFixed(2)}%`;
  const mark = (seconds, attributes, ...children) => {
    const node = h("span", attributes, ...children);
    node.style.left = at(seconds);
    return node;
  };
  const isIn = (seconds) => scaled(seconds) >= from && scaled(seconds) <= to;
  const axis = h("div", { class: "axis", "aria-hidden": "true" }, TICKS.filter(([seconds]) => isIn(seconds)).map(([seconds, text]) => mark(seconds, seconds === 0 ? { class: "now" } : null, text)));
  const bar = (certificate) => {
    if (!certificate.not_after) return null;
    const [begin, end] = [Date.parse(certificate.not_before) / 1000 - now, Date.parse(certificate.not_after) / 1000 - now];
    const life = mark(begin, { class: `life ${CERT_TONES[certificate.state] ?? "bad"}` });
    life.style.right = `calc(100% - ${at(end)})`;
    return h("div", { class: "line", "aria-hidden": "true" }, life, mark(0, { class: "now" }));
  };
  return { axis, bar };
};

panel({
  id: "certificates",
  title: "Certificates",
  about: "Those that gateways show or trust, and how long they last. Near now the line of time is finer.",
  paths: ["/v1/certs"],
  every: 30,
  commands: () => [inspect("certs", "-o", "wide")],
  draw: ({ certificates }) => {
    if (certificates.length === 0) return empty("There are none: no listener shows one, and nothing is connected to by TLS.");
    const { axis, bar } = timeLine(certificates);
    const first = [...certificates].sort((a, b) => (a.remaining ?? -Infinity) - (b.remaining ?? -Infinity));
    return firstOf(first, 500, (those) => table("Certificates, those that end first before the others", [
      { name: "What", cell: (c) => [said(c.role), " of ", said(c.of)] },
      { name: "Life", head: axis, cell: bar },
      { name: "State", cell: (c) => [tag(c.state, CERT_TONES[c.state] ?? "bad"), c.why && [" ", said(c.why)]] },
      { name: "Left", number: true, cell: (c) => (c.remaining === undefined ? "\u2013" : c.remaining < 0 ? `ended ${lasting(c.remaining)} ago` : lasting(c.remaining)) },
      { name: "Until", cell: (c) => (c.not_after ? when(new Date(c.not_after)) : "\u2013") },
      { name: "Called", cell: (c) => [said(c.called), h("div", { class: "mute small" }, said(c.file), c.gateway && [", ", said(c.gateway)])] },
    ], those, { class: "certificates" }));
  },
});

const REACHES = { allow: ["\u2713", "ok"], deny: ["\u00d7", "no"], "by request": ["?", "warn"] };

const tellPair = (pair) => h("p", null, said(pair.source), " \u2192 ", said(pair.destination), ": ", tag(pair.reach, { allow: "ok", deny: "bad" }[pair.reach] ?? "warn"),
  pair.by === "default" ? " by the default policy" : [" by ", code(pair.rule ?? pair.by), pair.place && [" at ", code(pair.place)]], " ",
  h("a", { href: `#ask?${new URLSearchParams({ about: "authz", source: pair.source, destination: pair.destination })}` }, "ask for every step"));

// Arrows move within it, so that it is one stop of the tab key.
const moveIn = (event) => {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e6], End: [0, 1e6] };
  const step = steps[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = [...cell.closest("tbody").rows];
  const row = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(cell.parentNode) + step[0]))];
  const column = Math.min(row.cells.length - 1, Math.max(1, cell.cellIndex + step[1]));
  event.target.tabIndex = -1;
  const next = row.cells[column].firstChild;
  next.tabIndex = 0;
  next.focus();
};

const MOST_PAIRS = 4000;

const matrix = (pairs) => {
  const told = h("div", { class: "told", role: "status" }, h("p", { class: "mute" }, "Choose a pair to see what decides."));
  const sources = [...new Set(pairs.map((pair) => pair.source))];
  const destinations = [...new Set(pairs.map((pair) => pair.destination))];
  const of = new Map(pairs.map((pair) => [`${pair.source}\n${pair.destination}`, pair]));
  const any = (name) => (name === "*" ? h("span", null, "any other") : said(short(name, 40), { title: plain(name) }));
  let isFirst = true;
  const cell = (pair) => {
    const [sign, tone] = REACHES[pair.reach] ?? ["?", "warn"];
    const button = h("button", {
      type: "button", class: `reach ${tone} ${pair.by === "default" ? "default" : ""}`, tabindex: isFirst ? 0 : -1,
      "aria-label": plain(`${pair.source} to ${pair.destination}: ${pair.reach}, by ${pair.by}`), onclick: () => told.replaceChildren(tellPair(pair)), onfocus: () => told.replaceChildren(tellPair(pair)),
    }, sign);
    isFirst = false;
    return h("td", null, button);
  };
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Intentions as a matrix" }, h("table", { class: "matrix", onkeydown: moveIn },
      h("caption", null, "Who may talk to whom: rows are callers"),
      h("thead", null, h("tr", null, h("td"), destinations.map((name) => h("th", { scope: "col" }, h("span", { class: "up" }, any(name)))))),
      h("tbody", null, sources.map((source) => h("tr", null, h("th", { scope: "row" }, any(source)), destinations.map((destination) => cell(of.get(`${source}\n${destination}`)))))))),
    told,
    h("p", { class: "legend" }, "\u2713 allowed, \u00d7 denied, ? by request; pale: no intention decides, but the default policy."),
  ];
};

const INTENTIONS = [
  { name: "Source", cell: (i) => [said(i.source), i.peer && [" of peer ", said(i.peer)]] },
  { name: "Destination", cell: (i) => said(i.destination) },
  { name: "Action", cell: (i) => tag(i.action, { allow: "ok", deny: "bad" }[i.action] ?? "warn") },
  { name: "Precedence", number: true, cell: (i) => i.precedence },
  { name: "Rule", least: "24ch", cell: (i) => said(i.rule) },
  { name: "Place", least: "18ch", cell: (i) => said(i.place ?? "\u2013") },
];

panel({
  id: "intentions",
  title: "Intentions",
  about: "Who may talk to whom, and which line decides.",
  paths: ["/v1/authz/pairs", "/v1/intentions"],
  commands: () => [inspect("authz", "--matrix")],
  draw: ({ pairs }, { intentions, default: otherwise }) => [
    pairs.length > MOST_PAIRS ? empty(`${whole.format(pairs.length)} pairs are too many for a matrix: the intentions stand below.`) : matrix(pairs),
    h("p", null, "Where no intention decides: ", tag(otherwise, otherwise === "allow" ? "ok" : "bad")),
    intentions.length > 0 ? firstOf(intentions, 500, (first) => table("Intentions, the strongest first", INTENTIONS, first)) : empty("There is no intention."),
  ],
});

const CONNECTIONS = [
  { name: "Client", least: "16ch", cell: (c) => said(c.client) },
  { name: "Listener", least: "11ch", cell: (c) => said(c.listener) },
  { name: "Server name", cell: (c) => (c.sni ? said(c.sni) : h("span", { class: "mute" }, "none")) },
  { name: "Who", cell: (c) => (c.peer ? said(c.peer) : h("span", { class: "mute" }, "not shown")) },
  { name: "To", least: "22ch", cell: (c) => (c.target ? [said(c.target), h("div", { class: "mute small" }, said(c.instance), " at ", said(c.address))] : h("span", { class: "mute" }, "being dialed")) },
  { name: "In", number: true, cell: (c) => bytes(c.bytes_received) },
  { name: "Out", number: true, cell: (c) => bytes(c.bytes_sent) },
  { name: "Open for", number: true, cell: (c) => lasting(c.age_ms / 1000) },
  { name: "Silent for", number: true, cell: (c) => lasting(c.silent_ms / 1000) },
];

const connectionsAsked = { sort: "age", limit: "100" };
const connectionsPanel = {
  id: "connections",
  title: "Connections",
  about: "The open tcp connections. Requests over http are counted under Topology.",
  paths: [() => ["/v1/connections", connectionsAsked]],
  every: 4,
  commands: () => [inspect("connections", "--sort", connectionsAsked.sort, "--limit", connectionsAsked.limit)],
  controls: () => {
    const choose = (name, label, values) => h("label", null, label, h("select", { onchange: (event) => {
      connectionsAsked[name] = event.target.value;
      const shown = state.shown;
      shown.askedAt = -Infinity;
      byId("panel").querySelector(".commands").replaceChildren(...shown.commands().map(command));
      lookNow();
    } }, values.map(([value, text]) => h("option", { value, selected: connectionsAsked[name] === value }, text))));
    return h("div", { class: "controls" }, choose("sort", "First ", [["age", "the oldest"], ["bytes", "those with the most bytes"]]), choose("limit", "At most ", [["20", "20"], ["100", "100"], ["1000", "1000"]]));
  },
  draw: ({ connections, total: all, unanswered }) => [
    unanswered > 0 && h("p", { class: "notice warn" }, `${unanswered} workers did not answer in time: their connections are not among these.`),
    connections.length === 0 ? empty("No tcp connection is open.") : table(`${whole.format(connections.length)} of ${whole.format(all)} open connections`, CONNECTIONS, connections),
  ],
};
