// What is asked of the gateway and when, and which panel is shown.

const EVERY = 2000;
const PATIENCE = 10000;
// As `--admin` takes it.
const ADDRESS = (location.port ? location.host : `${location.host}:80`).replace(/^localhost:/, "127.0.0.1:");

const state = { token: null, status: null, answeredAt: null, trouble: null, shown: null, wantsToken: false };

// { id, title, paths, every: seconds, commands(), draw(answers), controls()?, count(answers)?, leave()?, told()?: the status is }
const panels = [];
const panel = (description) => panels.push({ paths: [], every: 10, texts: [], answers: [], askedAt: -Infinity, ...description });

const gw = (...words) => [state.token ? ["GW_ADMIN_TOKEN_FILE=FILE"] : [], "gw", ...words, "--admin", ADDRESS].flat();
// What no command prints is read as it stands.
const read = (path) => ["curl", "-s", ...(state.token ? ["-H", "authorization: Bearer TOKEN"] : []), `http://${ADDRESS}${path}`];
const inspect = (...words) => gw("inspect", ...words);

const GONE = "it does not answer";
class WantsToken extends Error {}
class Refused extends Error {}

// An answer that is one.
const answered = async (path, query, signal) => {
  const url = query ? `${path}?${new URLSearchParams(query)}` : path;
  const headers = state.token ? { authorization: `Bearer ${state.token}` } : {};
  const response = await fetch(url, { headers, cache: "no-store", credentials: "omit", redirect: "error", signal });
  if (response.status === 401) throw new WantsToken();
  if (!response.ok) throw new Refused((await response.text()).trim() || `it answered ${response.status}`);
  return response;
};
// Its text.
const ask = async (path, query) => (await answered(path, query, AbortSignal.timeout(PATIENCE))).text();
const askJson = async (path, query) => JSON.parse(await ask(path, query));

// What is drawn anew at every look without the rest of the panel.
let updates = [];
const live = (make, attributes, node = h("span", attributes)) => {
  const update = () => node.replaceChildren(...[make()].flat(4).filter((part) => part !== "" && part !== null && part !== false));
  update();
  updates.push(update);
  return node;
};
const liveOn = (node, update) => { update(node); updates.push(() => update(node)); return node; };

const generation = () => Math.max(0, ...(state.status?.gateways ?? []).map((gateway) => gateway.generation));

// Asks for a panel's answers. Whether they are others than before.
const refresh = async (of) => {
  of.askedAt = performance.now();
  of.generation = generation();
  const texts = await Promise.all(of.paths.map((path) => (typeof path === "function" ? ask(...path()) : ask(path))));
  const same = of.texts.length === texts.length && texts.every((text, n) => text === of.texts[n]);
  [of.texts, of.trouble] = [texts, null];
  if (!same) of.answers = texts.map((text) => JSON.parse(text));
  return !same;
};
const isDue = (of) => performance.now() - of.askedAt > of.every * 1000 || of.generation !== generation();

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

// Draws the answers of the panel that is shown; who had the focus or was open is so again.
const draw = () => {
  const root = byId("drawn");
  const controls = () => [...root.querySelectorAll(FOCUSABLE)];
  const focused = controls().indexOf(document.activeElement);
  const open = new Set([...root.querySelectorAll("details[open]")].map((details) => details.dataset.keep));
  updates = [];
  const { trouble, answers, paths } = state.shown;
  const isThere = answers.length === paths.length;
  root.replaceChildren(...[
    trouble && h("p", { class: "notice bad" }, "It is not told: ", said(trouble)),
    isThere ? state.shown.draw(...answers) : !trouble && empty("Asking \u2026"),
  ].flat(4).filter(Boolean));
  for (const details of root.querySelectorAll("details")) details.open ||= open.has(details.dataset.keep);
  if (focused >= 0) controls()[focused]?.focus({ preventScroll: true });
};

const showTab = () => byId(`tab-${state.shown.id}`).scrollIntoView({ block: "nearest", inline: "nearest" });

const show = (id) => {
  const next = panels.find((of) => of.id === id) ?? panels[0];
  if (state.shown === next) return;
  state.shown?.leave?.();
  state.shown = next;
  for (const tab of byId("tabs").children) {
    const selected = tab.dataset.id === next.id;
    tab.setAttribute("aria-selected", selected);
    tab.tabIndex = selected ? 0 : -1;
  }
  showTab();
  const root = byId("panel");
  root.setAttribute("aria-labelledby", `tab-${next.id}`);
  root.replaceChildren(
    h("div", { class: "title" }, h("h2", null, next.title), h("div", { class: "commands" }, next.commands?.().map(command))),
    h("p", { class: "about" }, next.about),
    ...[next.controls?.() ?? []].flat(),
    h("div", { id: "drawn" }),
  );
  draw();
  lookNow();
};

let looking = null;
let timer = null;

// One look at the gateway: what it counts, how it stands, and what the panel shows.
const lookOnce = async () => {
  try {
    const [metrics, status] = await Promise.all([ask("/metrics"), askJson("/v1/status")]);
    keepSample(readMetrics(metrics));
    Object.assign(state, { status, answeredAt: new Date(), trouble: null, wantsToken: false });
  } catch (error) {
    state.wantsToken = error instanceof WantsToken;
    state.trouble = error instanceof Refused ? error.message : GONE;
  }
  drawHead();
  if (state.trouble) return;
  state.shown.told?.();
  const due = panels.filter((of) => of.paths.length > 0 && (of === state.shown || of.count) && isDue(of));
  for (const of of due) {
    const isNew = await refresh(of).catch((error) => {
      of.trouble = error instanceof Refused ? error.message : "no answer in time";
      return true;
    });
    if (isNew && of === state.shown) draw();
  }
  drawCounts();
  updates.forEach((update) => update());
};

// Again and again, as long as somebody can see it.
const look = () => {
  clearTimeout(timer);
  looking ??= lookOnce().finally(() => {
    looking = null;
    // Who is asked for the token looks again by showing it.
    if (!document.hidden && !state.wantsToken) timer = setTimeout(look, EVERY);
  });
  return looking;
};
// One that begins now: what is under way may have asked already.
const lookNow = () => (looking ? looking.then(look) : look());
