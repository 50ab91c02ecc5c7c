// How the configuration came to be what it is, and what is wrong with it.

const CAUSES = { start: "the process began", asked: "somebody asked for a reload", files: "files changed", consul: "Consul says something else", checks: "checks found something else" };

const drawGeneration = (g) => h("li", { class: g.result === "refused" ? "refused" : null },
  h("div", { class: "what" },
    h("b", null, g.generation === null ? "refused" : `generation ${g.generation}`),
    h("span", null, CAUSES[g.cause] ?? g.cause),
    h("time", { datetime: g.at, class: "mute" }, when(new Date(g.at)))),
  g.why && h("p", { class: "why" }, said(g.why)),
  g.changes.length > 0 && h("ul", { class: "plain" }, g.changes.map((c) => h("li", null, code(c.what), " ", said(c.how), c.place && h("span", { class: "mute" }, " ", said(c.place)))),
    g.more > 0 && h("li", { class: "mute" }, `and ${whole.format(g.more)} more`)));

panel({
  id: "generations",
  title: "Generations",
  about: "What came into effect when and why, the newest first, and what was refused in between.",
  paths: ["/v1/generations"],
  every: 4,
  commands: () => [read("/v1/generations")],
  draw: ({ generations, kept }) => [
    h("ol", { class: "generations" }, generations.map(drawGeneration)),
    generations.length >= kept && h("p", { class: "legend" }, `The last ${kept} are kept.`),
  ],
});

const drawProblem = (p) => h("li", { class: p.level },
  h("div", { class: "what" }, tag(p.level, p.level === "error" ? "bad" : "warn"), code(p.code), p.place && said(p.place, { class: "mute" })),
  h("p", null, said(p.what)),
  p.matters && h("p", { class: "mute" }, said(p.matters)),
  p.next && h("p", { class: "next" }, "Next: ", code(p.next)));

const SHOWN = 3;
// Of many of a kind the first are shown.
const drawProblems = (problems) => {
  const kinds = new Map();
  for (const p of problems) kinds.set(p.code, [...(kinds.get(p.code) ?? []), p]);
  return h("ul", { class: "problems" }, [...kinds].map(([kind, those]) => [
    those.slice(0, SHOWN).map(drawProblem),
    those.length > SHOWN && h("li", { class: `${those[0].level} more` }, h("details", { "data-keep": kind },
      h("summary", null, `${those.length - SHOWN} more `, code(kind)),
      h("ul", { class: "problems" }, those.slice(SHOWN).map(drawProblem)))),
  ]));
};

panel({
  id: "problems",
  title: "Problems",
  about: "Everything that is wrong or soon will be: where, why it matters, and what to do next.",
  paths: ["/v1/problems"],
  every: 20,
  commands: () => [inspect("problems")],
  count: ({ problems }) => problems.length,
  tone: ({ problems }) => (problems.some((p) => p.level === "error") ? "bad" : "warn"),
  draw: ({ problems }) => (problems.length === 0 ? empty("Nothing is wrong.") : firstOf(problems, 300, drawProblems)),
});

panel(connectionsPanel);
