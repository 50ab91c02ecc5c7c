// The head of the page, the tabs, and the beginning.

const fact = (name, ...value) => h("div", null, h("dt", null, name), h("dd", null, value));

const drawHead = () => {
  const { status, trouble, wantsToken } = state;
  byId("token").hidden = !wantsToken;
  byId("token-wrong").textContent = wantsToken && state.token ? "That is not the token of this gateway." : "";
  byId("body").hidden = wantsToken;
  document.body.classList.toggle("stale", Boolean(trouble) && !wantsToken);
  if (status) {
    const isDraining = one("gw_draining")?.value === 1;
    const [tone, word] = trouble ? ["bad", "gone"] : isDraining ? ["warn", "draining"] : status.refused || status.consul?.stale || status.consul?.away ? ["warn", "serving what was"] : ["ok", "serving"];
    byId("gateways").replaceChildren(...status.gateways.map((g) => h("span", { class: "gateway" }, said(short(g.gateway, 60)), h("span", { class: "mute" }, ` ${g.kind}`))));
    document.title = `${short(status.gateways.map((g) => g.gateway).join(", "), 60)} \u00b7 gw`;
    const started = one("process_start_time_seconds")?.value;
    byId("facts").replaceChildren(
      fact("State", dot(tone), word),
      fact("Source", said(short(status.from, 60), { title: plain(status.from) })),
      fact("Generation", String(generation())),
      fact("Up for", started ? lasting(Date.now() / 1000 - started) : "\u2013"),
      fact("Version", said(one("gw_build_info")?.labels.version ?? "\u2013")),
    );
    byId("flow").replaceChildren(
      sparkline(series(""), "rate of the last five minutes"),
      h("dl", null,
        fact("a second", h("b", null, number(rate("", "requests", "connections")))),
        fact("errors/s", h("b", { class: rate("", "errors") > 0 ? "bad" : null }, number(rate("", "errors")))),
        fact("denied/s", h("b", null, number(rate("", "denied"))))),
    );
  }
  drawNotices();
};

let noticed = "";
const drawNotices = () => {
  const { status, trouble, answeredAt, wantsToken } = state;
  const notices = [];
  if (trouble && !wantsToken) {
    const then = answeredAt ? ` since ${clock(answeredAt)}: what is shown is what was then` : "";
    notices.push(["bad", trouble === GONE ? `The gateway at ${ADDRESS} has not answered${then}.` : `The gateway at ${ADDRESS} answers${then}: ${trouble}`]);
  }
  if (status?.refused) notices.push(["bad", `What the source says by now is refused, and what was before goes on being served: ${status.refused}`]);
  if (status?.consul?.stale) notices.push(["warn", "What is served is what an earlier run knew: Consul has not said yet what is now."]);
  if (status?.consul?.away) {
    const since = status.consul.away < 60 ? "" : ` for ${lasting(Math.floor(status.consul.away / 60) * 60)}`;
    notices.push(["warn", `Consul has not answered${since}: what is known goes on being served, and gets old.`]);
  }
  for (const missing of status?.consul?.missing ?? []) notices.push(["warn", `Not known yet: ${typeof missing === "string" ? missing : JSON.stringify(missing)}`]);
  if (status?.registration?.trouble) notices.push(["warn", `The gateway's registration cannot be kept up: ${status.registration.trouble}`]);
  if (one("gw_draining")?.value === 1 && !trouble) notices.push(["warn", "The gateway drains: it takes no new connection and ends when those that are open have."]);
  const now = JSON.stringify(notices);
  if (now === noticed) return;
  noticed = now;
  byId("notices").replaceChildren(...notices.map(([tone, text]) => h("p", { class: `notice ${tone}` }, said(text))));
};

const drawCounts = () => {
  for (const of of panels.filter((of) => of.count && of.answers.length > 0)) {
    const badge = byId(`tab-${of.id}`).querySelector(".count");
    const n = of.count(...of.answers);
    const text = n > 0 ? String(n) : "";
    const moves = badge.textContent !== text;
    badge.textContent = text;
    // Where the tabs stand in a row those behind it move.
    if (moves) showTab();
    badge.className = `count ${of.tone?.(...of.answers) ?? ""}`;
  }
};

// `#ask?about=authz&source=web`
const go = () => {
  const [id, query] = location.hash.slice(1).split("?");
  if (id === "panel") return;
  if (id === "ask" && query) {
    const { about, ...values } = Object.fromEntries(new URLSearchParams(query));
    Object.assign(asking, { about: Object.hasOwn(ABOUT, about) ? about : "route", values: { ...asking.values, ...values }, answer: [] });
    redrawAsking();
  }
  show(id);
};

const moveTabs = (event) => {
  const tabs = [...byId("tabs").children];
  const n = tabs.indexOf(document.activeElement);
  const next = { ArrowDown: n + 1, ArrowRight: n + 1, ArrowUp: n - 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined || n < 0) return;
  event.preventDefault();
  const tab = tabs[(next + tabs.length) % tabs.length];
  tab.focus();
  location.hash = tab.dataset.id;
};

byId("tabs").append(...panels.map((of) => h("button", {
  type: "button", role: "tab", id: `tab-${of.id}`, "data-id": of.id, "aria-controls": "panel", onclick: () => { location.hash = of.id; },
}, of.title, of.count && h("span", { class: "count" }))));
byId("tabs").addEventListener("keydown", moveTabs);
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("panel").focus();
});
byId("token").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = byId("token-value").value.trim();
  byId("token-value").value = "";
  panels.forEach((of) => { of.askedAt = -Infinity; });
  lookNow();
});
addEventListener("hashchange", go);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) return look();
  clearTimeout(timer);
  state.shown?.leave?.();
});

drawHead();
go();
