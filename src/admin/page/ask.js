// "Try it": a question to the very function that the data path obeys, and every step of its answer. Nothing is sent to a service.

const field = (...of) => fieldOf("ask", ...of);

const STEP = {
  listener: (s) => ["listener ", code(s.listener), ", which speaks ", said(s.protocol)],
  service: (s) => ["service ", code(s.service), s.domains.length > 0 && [" for ", list(s.domains, code)]],
  missed: (s) => ["not ", code(s.rule), ": ", said(s.why)],
  route: (s) => ["route ", code(s.rule)],
  split: (s) => ["the dice show ", code(s.roll), ` of ${s.of}: `, list(s.rules, code)],
  resolver: (s) => ["resolved to ", code(s.target), s.rules.length > 0 && [" by ", list(s.rules, code)]],
  passed_over: (s) => ["passed over ", code(s.target), ": ", said(s.why)],
  normalized: (s) => ["judged as ", code(s.to), ", sent as ", code(s.from)],
  intention: (s) => ["intention ", code(`${s.source} -> ${s.destination}`), ` of precedence ${s.precedence}`, s.shadows.length > 0 && [", before ", list(s.shadows, code)]],
  permission: (s) => ["permission: ", said(s.conditions)],
  no_intention: (s) => ["no intention is for it", s.near.length > 0 && h("ul", null, s.near.map((n) => h("li", null, "not ", code(n.rule), ": ", said(n.why))))],
  default_policy: (s) => ["the default policy: ", said(s.action)],
  foreign: (s) => [code(s.source), " is not of the trust domain ", code(s.trust_domain)],
  instance: (s) => ["instance ", code(s.instance), " at ", code(s.address), ` of ${s.of}`, s.mesh_gateway && [", a mesh gateway (", said(s.mesh_gateway), ")"]],
};
const TONE = { missed: "mute", passed_over: "warn", no_intention: "warn", foreign: "bad" };

const drawStep = (step, places) => {
  const rules = [step.rule, ...(step.rules ?? [])].filter(Boolean);
  const written = rules.map((rule) => places?.[rule]).filter(Boolean);
  return h("li", { class: TONE[step.step] }, h("div", null, (STEP[step.step] ?? ((s) => said(JSON.stringify(s))))(step)),
    written.length > 0 && h("div", { class: "place" }, list(written, said)));
};
const drawSteps = (answer) => h("ol", { class: "steps" }, answer.steps.map((step) => drawStep(step, answer.places)));
const verdict = (isGood, ...text) => h("p", { class: `verdict ${isGood ? "ok" : "bad"}` }, h("span", { "aria-hidden": "true" }, isGood ? "\u2192 " : "\u00d7 "), text);
const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, said(value)))));

const drawRoute = (answer) => {
  const o = answer.outcome;
  const forwards = o.outcome === "forward";
  return [
    forwards ? verdict(true, "forwarded to ", code(o.target)) : verdict(false, answer.facts.method ? `answered by gw itself with ${o.status}: ` : "the connection is closed: ", code(o.code), ", ", said(o.meaning), o.subject && [" (", said(o.subject), ")"]),
    drawSteps(answer),
    forwards ? facts([["instances in turn", o.instances.join(", ")], ["path sent", o.path], ["within", o.request_timeout === null ? "no limit" : lasting(o.request_timeout)], ["retries", o.retries], ["server name", o.sni], ["roll", o.roll]])
      : facts([["rule", o.rule], ["roll", o.roll]]),
    (answer.notes ?? []).map((note) => h("p", { class: "notice warn" }, said(note))),
  ];
};
const drawAuthz = (answer) => [
  verdict(answer.allowed, said(answer.why)),
  drawSteps(answer),
  facts([["rule", answer.rule], ["place", answer.place], ["speaks", answer.protocol], ["default", answer.default]]),
  answer.shadowed.length > 0 && h("p", null, "Not looked at: ", list(answer.shadowed, (s) => [code(s.intention), ` (${s.says})`])),
  answer.warnings.map((warning) => h("p", { class: "notice warn" }, said(warning))),
];
const drawSni = (answer) => [
  verdict(answer.routed, said(answer.why)),
  drawSteps(answer),
  facts([["names", answer.names.what], ["service", answer.names.service], ["subset", answer.names.subset], ["datacenter", answer.names.datacenter], ["trust domain", answer.names.trust_domain], ["target", answer.target],
    ["endpoints in turn", answer.endpoints.map((e) => `${e.id} at ${e.address}`).join(", ")], ["code", answer.code], ["rule", answer.rule]]),
  answer.help && h("p", { class: "notice warn" }, said(answer.help)),
];

const headersOf = (text) => (text ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
const option = (flag, value) => (value ? [flag, value] : []);

// Each: the fields, the question as the page is asked it, the command that asks the same, and how the answer is drawn.
const ABOUT = {
  route: {
    label: "Where does a request go?",
    path: "/v1/route",
    fields: () => [
      field("method", "Method", { value: "GET", class: "narrow" }),
      field("url", "URL", { required: true, placeholder: "http://127.0.0.1:8080/path", inputmode: "url" }, "The port says which listener is meant; the host is what a client would ask for."),
      field("headers", "Headers", { rows: 3, placeholder: "x-version: v2" }, "One a line."),
      field("source", "Client address", { placeholder: "127.0.0.1" }),
      field("peer", "Caller", { placeholder: "web" }, "Where a listener wants mTLS: a service of the mesh, or its SPIFFE id."),
      field("sni", "Server name", { placeholder: "" }),
      field("roll", "Roll", { inputmode: "numeric", class: "narrow" }, "0 to 9999: what the dice of a splitter show."),
    ],
    query: (v) => [["method", v.method || "GET"], ["url", v.url], ...headersOf(v.headers).map((line) => ["header", line]), ...["source", "peer", "sni", "roll"].flatMap((name) => (v[name] ? [[name, v[name]]] : []))],
    command: (v) => inspect("route", v.method || "GET", v.url || "URL", ...headersOf(v.headers).flatMap((line) => ["-H", line]), ...["source", "peer", "sni", "roll"].flatMap((name) => option(`--${name}`, v[name]))),
    draw: drawRoute,
  },
  authz: {
    label: "Who may talk to whom?",
    path: "/v1/authz",
    fields: () => [
      field("source", "Caller", { required: true, placeholder: "web" }),
      field("destination", "Destination", { required: true, placeholder: "api" }),
      field("method", "Method", { class: "narrow" }),
      field("path", "Path", { placeholder: "/" }, "Without method, path and headers it is about a connection."),
      field("headers", "Headers", { rows: 2 }, "One a line."),
    ],
    query: (v) => [["source", v.source], ["destination", v.destination], ...["method", "path"].flatMap((name) => (v[name] ? [[name, v[name]]] : [])), ...headersOf(v.headers).map((line) => ["header", line])],
    command: (v) => inspect("authz", v.source || "SRC", v.destination || "DST", ...option("--method", v.method), ...option("--path", v.path), ...headersOf(v.headers).flatMap((line) => ["-H", line])),
    draw: drawAuthz,
  },
  sni: {
    label: "What does a server name mean?",
    path: "/v1/sni",
    fields: () => [field("name", "Server name", { required: true, placeholder: "web.default.dc1.internal.TRUST-DOMAIN" }, "Mesh and terminating gateways go by it.")],
    query: (v) => [["name", v.name]],
    command: (v) => inspect("sni", v.name || "NAME"),
    draw: drawSni,
  },
};

const KINDS = { route: ["ingress", "terminating"], sni: ["mesh", "terminating"] };
const asking = { about: "route", values: {}, answer: [] };

const drawAsking = () => {
  asking.gateways = gatewaysNow();
  const of = ABOUT[asking.about];
  const form = h("form", { class: "ask" });
  const answer = h("div", { class: "answer", "aria-live": "polite" }, asking.answer);
  const shownCommand = h("div");
  const gateways = (state.status?.gateways ?? []).filter((gateway) => KINDS[asking.about]?.includes(gateway.kind));
  const which = gateways.length > 1 && h("div", { class: "field" }, h("label", { for: "ask-service" }, "Gateway"), h("select", { id: "ask-service", name: "service" }, gateways.map((gateway) => h("option", { value: gateway.gateway }, plain(gateway.gateway)))));
  const values = () => Object.fromEntries(new FormData(form));
  const service = (v) => v.service ?? (KINDS[asking.about] && gateways[0]?.gateway);
  const keep = () => {
    asking.values = { ...asking.values, ...values() };
    const v = values();
    shownCommand.replaceChildren(command([...of.command(v), ...option("--service", state.status?.gateways.length > 1 && service(v))]));
  };
  const submit = async (event) => {
    event.preventDefault();
    keep();
    const v = values();
    const query = [...of.query(v), ...option("service", service(v)).length > 0 ? [["service", service(v)]] : []];
    try {
      asking.answer = of.draw(await askJson(of.path, query)).flat(3).filter(Boolean);
    } catch (error) {
      if (error instanceof WantsToken) lookNow();
      asking.answer = [h("p", { class: "notice bad" }, said(error instanceof Refused ? error.message : "It does not answer."))];
    }
    if (answer.isConnected) answer.replaceChildren(...asking.answer);
    else redrawAsking();
  };
  const choose = (about) => () => {
    Object.assign(asking, { about, answer: [] });
    redrawAsking();
    byId(`about-${about}`).focus();
  };
  const choices = h("fieldset", { class: "choices" }, h("legend", null, "Question"), Object.entries(ABOUT).map(([about, { label }]) => h("label", null,
    h("input", { type: "radio", name: "about", id: `about-${about}`, value: about, checked: about === asking.about, onchange: choose(about) }), h("span", null, label))));
  form.append(...[of.fields(), which, h("div", { class: "field" }, h("button", { class: "main" }, "Ask"))].flat().filter(Boolean));
  // The gateway of another question may be none of this one.
  const fits = ({ name, options }) => asking.values[name] !== undefined && (!options || [...options].some((of) => of.value === asking.values[name]));
  for (const input of form.elements) if (input.name && fits(input)) input.value = asking.values[input.name];
  form.addEventListener("input", keep);
  form.addEventListener("submit", submit);
  keep();
  return [choices, shownCommand, form, answer];
};
const redrawAsking = () => byId("asking")?.replaceChildren(...drawAsking());
const gatewaysNow = () => JSON.stringify((state.status?.gateways ?? []).map(({ gateway, kind }) => [gateway, kind]));
// Which gateways there are may be told after the form is drawn.
const askOfOthers = () => {
  if (asking.gateways === gatewaysNow()) return;
  const { id } = document.activeElement;
  redrawAsking();
  if (id) byId(id)?.focus();
};

panel({
  id: "ask",
  title: "Try it",
  about: "The answer comes from the function that the data path obeys. Nothing is sent to a service.",
  controls: () => h("div", { id: "asking" }, drawAsking()),
  told: askOfOthers,
  draw: () => null,
});
