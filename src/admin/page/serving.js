// What is served: listeners with their routes, and services with their instances.

const endpoints = (target) => h("ul", { class: "plain" },
  target.unreached && h("li", null, dot("bad"), "no way to it: ", said(target.unreached)),
  target.endpoints.map((e) => h("li", null, dot(HEALTH[e.health]), said(e.id), " at ", code(e.address), h("span", { class: "mute" }, ` ${e.health}, weight ${e.weight}`))),
  target.unused.map((u) => h("li", null, dot("bad"), said(u.id), " at ", code(u.address), h("span", { class: "mute" }, " not in use: "), said(u.why))),
  target.endpoints.length + target.unused.length === 0 && !target.unreached && h("li", null, dot("bad"), "no instance is known"));

const destination = (d, key) => h("div", { class: "leg" },
  d.percent < 100 && h("span", { class: "share" }, `${number(d.percent)} %`),
  d.targets.map((target, n) => h("details", { "data-keep": `${key} ${n} ${target.target}` },
    h("summary", null, n > 0 && "else ", dot(target.endpoints.length > 0 ? "ok" : "bad"), code(target.target), target.mesh_gateway && h("span", { class: "mute" }, ` by mesh gateways, ${target.mesh_gateway}`),
      h("span", { class: "mute of" }, ` ${target.endpoints.length} of ${target.endpoints.length + target.unused.length}`)),
    endpoints(target))),
  d.rules.length > 0 && h("div", { class: "mute small" }, list(d.rules, said)));

const ROUTES = (key) => [
  { name: "Match", cell: (route) => said(route.match) },
  { name: "Goes to", cell: (route) => route.destinations.map((d, n) => destination(d, `${key} ${route.rule} ${n}`)) },
  { name: "With", cell: (route) => [
    route.prefix_rewrite !== null && h("div", null, "path becomes ", code(route.prefix_rewrite)),
    h("div", { class: "mute" }, route.request_timeout === null ? "no limit of time" : `within ${lasting(route.request_timeout)}`),
  ] },
  { name: "Rule", cell: (route) => said(route.rule) },
];

const flow = (key) => live(() => [
  h("b", null, `${number(rate(key, "requests", "connections"))}/s`),
  ` ${number(rate(key, "errors"))} errors/s, ${number(rate(key, "denied"))} denied/s, ${bytes(rate(key, "received"))}/s in, ${bytes(rate(key, "sent"))}/s out, ${whole.format(total(key, "active"))} under way`,
], { class: "flow" });

const drawListener = (gateway, listener, told) => {
  const key = keyOf.listener({ gateway, listener: listener.listener });
  return h("section", { class: "card" },
    h("h3", null, said(listener.listener), " ", tag(listener.protocol), told && tag(BEGINS[told.begins] ?? told.begins)),
    h("p", { class: "mute" }, "listens on ", code(listener.bind), told?.server_names > 0 && `, knows ${whole.format(told.server_names)} server names`),
    flow(key),
    firstOf(listener.services, 100, (services) => services.map((service) => h("div", { class: "service" },
      h("h4", null, said(service.service), service.domains.length > 0 && [h("span", { class: "mute" }, " for "), list(service.domains.slice(0, 20), code), service.domains.length > 20 && ` and ${service.domains.length - 20} more`]),
      firstOf(service.routes, 200, (routes) => table(`Routes of ${plain(service.service)}, the first that matches counts`, ROUTES(`${listener.listener} ${service.service}`), routes))))),
    listener.services.length === 0 && empty("No service stands behind it."));
};

panel({
  id: "listeners",
  title: "Listeners and routes",
  about: "In the order in which they are tried; the first that matches wins.",
  paths: ["/v1/routes", "/v1/listeners"],
  every: 30,
  commands: () => [inspect("routes")],
  draw: (routes, listeners) => {
    const told = new Map(listeners.listeners.map((l) => [`${l.gateway}\n${l.listener}`, l]));
    return routes.gateways.map((gateway) => [
      gateway.rejected.length > 0 && h("div", { class: "notice bad" }, h("b", null, "Left out of ", said(gateway.gateway)),
        h("ul", null, gateway.rejected.map((r) => h("li", null, code(r.entry), ": ", said(r.why))))),
      gateway.listeners.map((l) => drawListener(gateway.gateway, l, told.get(`${gateway.gateway}\n${l.listener}`))),
      gateway.listeners.length === 0 && empty(said(gateway.gateway), " has no listener."),
    ]);
  },
});

const meter = (service) => {
  const all = service.passing + service.warning + service.critical;
  const part = (name) => {
    const node = h("span", { class: HEALTH[name] });
    node.style.flexGrow = service[name];
    return node;
  };
  return h("div", { class: "health-of" }, h("div", { class: "meter", "aria-hidden": "true" }, Object.keys(HEALTH).map((name) => service[name] > 0 && part(name))),
    h("span", null, all === 0 ? "no instance" : ["passing", "warning", "critical"].filter((name) => service[name] > 0).map((name) => `${service[name]} ${name}`).join(", ")));
};

const instanceText = (instance) => {
  const more = [...Object.entries(instance.meta).map(([name, value]) => `${name}=${value}`), ...instance.tags];
  return h("li", null, dot(HEALTH[instance.health]), said(instance.id), " at ", code(instance.address),
    h("span", { class: "mute" }, ` ${instance.health}, weight ${instance.weight}${instance.mesh ? ", in the mesh" : ""}${instance.node ? `, on ${plain(instance.node)}` : ""} `),
    more.length > 0 && said(more.join(" "), { class: "mute" }));
};

const instances = (s) => s.instances.length > 0 && h("details", { class: "instances", "data-keep": `${s.service} ${s.datacenter}` },
  h("summary", null, `${s.instances.length} instance${s.instances.length > 1 ? "s" : ""}`, h("span", { class: "hidden" }, " of ", said(s.service))),
  h("ul", { class: "plain" }, s.instances.slice(0, 500).map(instanceText)));

const SERVICES = [
  { name: "Service", cell: (s) => [said(s.service), instances(s)] },
  { name: "Datacenter", cell: (s) => said(s.datacenter) },
  { name: "Speaks", cell: (s) => said(s.protocol) },
  { name: "Health", cell: meter },
  { name: "Rate", number: true, cell: (s) => live(() => `${number(rate(keyOf.service(s), "requests", "connections"))}/s`) },
  { name: "Errors", number: true, cell: (s) => live(() => `${number(rate(keyOf.service(s), "errors"))}/s`) },
  { name: "99 % within", number: true, cell: (s) => live(() => quantileText(keyOf.service(s), 0.99)) },
  { name: "Served by", cell: (s) => (s.served_by.length > 0 ? list(s.served_by, said) : h("span", { class: "mute" }, "nobody")) },
];

panel({
  id: "services",
  title: "Services",
  about: "Those that are known, and how their instances are.",
  paths: ["/v1/services"],
  every: 4,
  commands: () => [inspect("services", "-o", "wide")],
  draw: ({ services }) => (services.length === 0 ? empty("No service is known.") : firstOf(services, 500, (first) => table("Services", SERVICES, first))),
});
