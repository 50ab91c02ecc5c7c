// The first panel: what comes in, the gateways, services, and other datacenters, drawn in columns; and the same as a table.

const BEGINS = { plain: "clients", tls: "clients, by TLS", mtls: "the mesh, by mTLS", passthrough: "the mesh, by server name" };
const MOST_NODES = 40;

// `[subset.]service.namespace.partition.datacenter`
const parseTarget = (id) => {
  const parts = id.split(".");
  return { service: parts.at(-4) ?? id, datacenter: parts.at(-1) };
};

const elsewhereOf = (routes, own, mesh) => {
  const found = new Map();
  for (const gateway of routes.gateways.filter((g) => !mesh.has(g.gateway))) {
    const targets = gateway.listeners.flatMap((l) => l.services).flatMap((s) => s.routes).flatMap((r) => r.destinations).flatMap((d) => d.targets);
    for (const target of targets) {
      const { service, datacenter } = parseTarget(target.target);
      if (datacenter === own || !target.target.includes(".")) continue;
      const id = `${service}\n${datacenter}`;
      const known = found.get(id) ?? { service, datacenter, gateways: new Set(), reached: false };
      known.gateways.add(gateway.gateway);
      known.reached ||= target.endpoints.length > 0;
      found.set(id, known);
    }
  }
  return [...found.values()];
};

// Whether a gateway has an instance to go to, by what it would ask: gateway, service and datacenter.
const reachOf = (routes) => {
  const reached = new Map();
  for (const gateway of routes.gateways) {
    for (const route of gateway.listeners.flatMap((l) => l.services).flatMap((s) => s.routes)) {
      for (const target of route.destinations.flatMap((d) => d.targets)) {
        const { service, datacenter } = parseTarget(target.target);
        const key = `${gateway.gateway}\n${service}\n${datacenter}`;
        reached.set(key, reached.get(key) || target.endpoints.length > 0);
      }
    }
  }
  return reached;
};

const graphOf = (listeners, routes, services, datacenters) => {
  const own = datacenters.datacenters.find((datacenter) => datacenter.own)?.datacenter;
  const mesh = new Set(listeners.listeners.filter((l) => l.kind === "mesh").map((l) => l.gateway));
  const [nodes, edges] = [new Map(), []];
  const node = (column, id, more) => { if (!nodes.has(id)) nodes.set(id, { column, id, ...more }); };
  const edge = (from, to, key, more) => { if (nodes.has(from) && nodes.has(to)) edges.push({ from, to, key, ...more }); };
  for (const l of listeners.listeners) {
    const [gateway, source] = [`gateway ${l.gateway}`, `listener ${l.listener}`];
    node(0, source, { kind: "source", title: BEGINS[l.begins] ?? l.begins, sub: `${l.protocol}, port ${l.bind.split(":").at(-1)}`, key: keyOf.listener(l), href: "#listeners" });
    node(1, gateway, { kind: "gateway", title: l.gateway, sub: l.kind, key: keyOf.gateway(l), href: "#listeners" });
    edge(source, gateway, keyOf.listener(l));
  }
  const reached = reachOf(routes);
  const busiest = (a, b) => total(b.key, "requests") + total(b.key, "connections") - total(a.key, "requests") - total(a.key, "connections");
  const served = services.services.filter((s) => s.served_by.length > 0).map((s) => ({ ...s, key: keyOf.service(s) })).sort(busiest);
  for (const s of served.slice(0, MOST_NODES)) {
    const all = s.passing + s.warning + s.critical;
    const well = s.passing + s.warning;
    const tone = well === 0 ? "bad" : well < all || s.warning > 0 ? "warn" : "ok";
    node(2, `service ${s.service} ${s.datacenter}`, { kind: "service", title: s.service, sub: `${well} of ${all} well`, tone, key: s.key, href: "#services" });
    for (const gateway of s.served_by) {
      edge(`gateway ${gateway}`, `service ${s.service} ${s.datacenter}`, keyOf.way({ ...s, gateway }), { broken: reached.get(`${gateway}\n${s.service}\n${s.datacenter}`) === false });
    }
  }
  const others = [...datacenters.datacenters.filter((d) => !d.own), ...datacenters.peers.map((p) => ({ ...p, datacenter: p.peer, isPeer: true }))];
  for (const d of others) {
    const well = d.gateways.filter((gateway) => gateway.health !== "critical").length;
    const tone = well === 0 ? "bad" : well < d.gateways.length ? "warn" : "ok";
    node(3, `datacenter ${d.datacenter}`, { kind: d.isPeer ? "peer" : "datacenter", title: d.datacenter, sub: `${well} of ${d.gateways.length} gateways well`, tone, href: "#datacenters" });
    for (const gateway of mesh) edge(`gateway ${gateway}`, `datacenter ${d.datacenter}`, keyOf.way({ gateway, service: "mesh-gateway", ...(d.isPeer ? { peer: d.peer } : { datacenter: d.datacenter }) }));
  }
  for (const e of elsewhereOf(routes, own, mesh).slice(0, MOST_NODES)) {
    const id = `service ${e.service} ${e.datacenter}`;
    node(2, id, { kind: "service", title: e.service, sub: `in ${e.datacenter}`, tone: e.reached ? "ok" : "bad", key: keyOf.service(e), href: "#listeners" });
    for (const gateway of e.gateways) edge(`gateway ${gateway}`, id, keyOf.way({ ...e, gateway }), { broken: !e.reached });
    edge(id, `datacenter ${e.datacenter}`, keyOf.service(e), { broken: !e.reached });
  }
  return { nodes: [...nodes.values()], edges, left: Math.max(0, served.length - MOST_NODES) };
};

const rateText = (key) => {
  const [all, errors, denied] = [rate(key, "requests", "connections"), rate(key, "errors"), rate(key, "denied")];
  const parts = [`${number(all)}/s`];
  if (errors > 0) parts.push(`${number(errors)} err`);
  if (denied > 0) parts.push(`${number(denied)} denied`);
  return parts.join(" \u00b7 ");
};

const [NODE_HEIGHT, NODE_GAP] = [48, 12];

// Where each node is. In columns from left to right; where that is too narrow, one below the other, with the ways at their left.
const place = (nodes, edges, width) => {
  const columns = [0, 1, 2, 3].map((column) => nodes.filter((node) => node.column === column)).filter((column) => column.length > 0);
  const isNarrow = width < 700;
  const order = new Map(nodes.map((node, n) => [node.id, n]));
  for (const column of columns.slice(1)) {
    // Beside those it is reached from: fewer ways cross.
    const mean = (node) => {
      const from = edges.filter((edge) => edge.to === node.id).map((edge) => order.get(edge.from));
      return from.reduce((sum, n) => sum + n, 0) / Math.max(from.length, 1);
    };
    column.sort((a, b) => mean(a) - mean(b) || order.get(a.id) - order.get(b.id));
    column.forEach((node, n) => order.set(node.id, n));
  }
  const at = new Map();
  if (isNarrow) {
    let y = 0;
    const left = 46;
    for (const column of columns) {
      y += 8;
      for (const node of column) {
        at.set(node.id, { x: left, y, width: width - left - 2 });
        y += NODE_HEIGHT + NODE_GAP / 2;
      }
    }
    return { at, height: y + 2, isNarrow };
  }
  const tallest = Math.max(...columns.map((column) => column.length));
  const height = Math.max(tallest, 2) * (NODE_HEIGHT + NODE_GAP) - NODE_GAP;
  const gap = Math.min(110, width * 0.07);
  const each = Math.min(280, (width - gap * (columns.length - 1) - 4) / columns.length);
  const between = columns.length > 1 ? (width - 4 - each * columns.length) / (columns.length - 1) : 0;
  columns.forEach((column, c) => {
    const top = (height - (column.length * (NODE_HEIGHT + NODE_GAP) - NODE_GAP)) / 2;
    column.forEach((node, n) => at.set(node.id, { x: 2 + c * (each + between), y: top + n * (NODE_HEIGHT + NODE_GAP), width: each }));
  });
  return { at, height, isNarrow };
};

const drawEdge = (edge, at, isNarrow) => {
  const [from, to] = [at.get(edge.from), at.get(edge.to)];
  const [y1, y2] = [from.y + NODE_HEIGHT / 2, to.y + NODE_HEIGHT / 2];
  const bend = isNarrow ? Math.max(4, 40 - Math.abs(y2 - y1) / 14) : (from.x + from.width + to.x) / 2;
  const path = isNarrow
    ? `M${from.x} ${y1} C${bend} ${y1} ${bend} ${y2} ${to.x} ${y2}`
    : `M${from.x + from.width} ${y1} C${bend} ${y1} ${bend} ${y2} ${to.x} ${y2}`;
  return liveOn(svg("path", { d: path }), (node) => {
    const [all, errors] = [rate(edge.key, "requests", "connections"), rate(edge.key, "errors")];
    node.setAttribute("class", `edge ${edge.broken ? "broken" : ""} ${all > 0 ? "busy" : ""} ${errors > all * 0.05 ? "bad" : ""}`);
    node.setAttribute("stroke-width", (1.2 + Math.min(5, Math.log10(1 + all) * 1.6)).toFixed(1));
  });
};

// As much of a text as has room.
const fit = (node, text, room) => {
  node.textContent = plain(text);
  const long = node.getComputedTextLength();
  for (let letters = Math.floor((node.textContent.length * room) / long); letters > 1 && node.getComputedTextLength() > room; letters -= 1) {
    node.textContent = short(text, letters);
  }
};

const drawNode = (node, { x, y, width }, picture) => {
  const name = svg("text", { class: "name", x: x + 16, y: y + 20 });
  const sub = svg("text", { class: "sub", x: x + 16, y: y + 37 });
  const rateAt = svg("text", { class: "rate", x: x + width - 10, y: y + 37, "text-anchor": "end" });
  const link = svg("a", { href: node.href, class: `node ${node.kind} ${node.tone ?? ""}` },
    svg("rect", { x, y, width, height: NODE_HEIGHT, rx: 7 }),
    node.tone && svg("rect", { class: "health", x: x + 5, y: y + 9, width: 4, height: NODE_HEIGHT - 18, rx: 2 }),
    svg("title", null, plain(`${node.kind} ${node.title}`)), name, sub, node.key && rateAt);
  picture.append(link);
  liveOn(link, () => {
    const text = node.key ? rateText(node.key) : "";
    rateAt.textContent = text;
    fit(name, node.title, width - 24);
    fit(sub, node.sub, width - 34 - rateAt.getComputedTextLength());
    link.setAttribute("aria-label", plain(`${node.kind} ${node.title}, ${node.sub}${text && `, ${text}`}`));
  });
};

const drawTopology = (graph) => {
  const root = h("div", { class: "topology" });
  let drawnAt = 0;
  const redraw = () => {
    const width = Math.floor(root.clientWidth);
    if (width === 0 || width === drawnAt) return;
    drawnAt = width;
    const { at, height, isNarrow } = place(graph.nodes, graph.edges, width);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": "Topology" });
    // First in the document: text is measured there.
    root.replaceChildren(picture);
    picture.append(...graph.edges.map((edge) => drawEdge(edge, at, isNarrow)));
    for (const node of graph.nodes) drawNode(node, at.get(node.id), picture);
  };
  new ResizeObserver(redraw).observe(root);
  return root;
};

const WAYS = [
  { name: "Gateway", cell: (way) => said(way.labels.gateway) },
  { name: "Service", cell: (way) => said(way.labels.service ?? "\u2013") },
  { name: "Where", cell: (way) => said(way.labels.peer ? `peer ${way.labels.peer}` : way.labels.datacenter) },
  { name: "Rate", number: true, cell: (way) => live(() => `${number(rate(way.key, "requests", "connections"))}/s`) },
  { name: "Errors", number: true, cell: (way) => live(() => `${number(rate(way.key, "errors"))}/s`) },
  { name: "Denied", number: true, cell: (way) => live(() => `${number(rate(way.key, "denied"))}/s`) },
  { name: "Half within", number: true, cell: (way) => live(() => quantileText(way.key, 0.5)) },
  { name: "99 % within", number: true, cell: (way) => live(() => quantileText(way.key, 0.99)) },
  { name: "Sent", number: true, cell: (way) => live(() => `${bytes(rate(way.key, "sent"))}/s`) },
  { name: "Last 5 min", cell: (way) => live(() => sparkline(series(way.key), "rate of the last five minutes")) },
];

const drawWays = () => {
  const root = h("div");
  let known = "";
  return liveOn(root, () => {
    const rows = [...(samples.at(-1)?.rows ?? [])].filter(([key]) => key.startsWith("w\n")).map(([key, row]) => ({ key, labels: row.labels }));
    const now = rows.map((row) => row.key).sort().join("\0");
    if (now === known && root.hasChildNodes()) return;
    known = now;
    rows.sort((a, b) => rate(b.key, "requests", "connections") - rate(a.key, "requests", "connections") || (a.key < b.key ? -1 : 1));
    root.replaceChildren(rows.length > 0 ? table("What went where", WAYS, rows.slice(0, 200)) : empty("Nothing has gone to a service since the gateway started."));
  });
};

panel({
  id: "topology",
  title: "Topology",
  about: "What comes in, the gateways, the services and other datacenters. Rates are those of the last ten seconds.",
  paths: ["/v1/listeners", "/v1/routes", "/v1/services", "/v1/datacenters"],
  every: 30,
  commands: () => [inspect("services", "-o", "wide"), read("/metrics")],
  draw: (...answers) => {
    const graph = graphOf(...answers);
    return [
      drawTopology(graph),
      h("p", { class: "legend" }, "The wider, the more a second; ", h("b", { class: "bad" }, "red"), ": more than 5 % errors; dashed: no healthy instance; pale: nothing now.",
        graph.left > 0 && ` ${graph.left} services with less traffic are listed under Services alone.`),
      drawWays(),
    ];
  },
});
