// Elements, and text that is set as text: whatever a name or header holds, it is shown and never read as markup.

const fill = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(8).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return node;
};

const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const byId = (id) => document.getElementById(id);

// What would move or hide the text around it is shown by its number.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const plain = (text) => String(text ?? "").replace(HIDDEN, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

// A text from elsewhere: isolated, so that its direction is nobody else's.
const said = (text, attributes) => h("bdi", attributes, plain(text));
const code = (text) => h("code", null, said(text));
const short = (text, most) => {
  const letters = [...plain(text)];
  return letters.length > most ? `${letters.slice(0, Math.max(most - 1, 1)).join("")}\u2026` : letters.join("");
};

// A word with its tone: ok, warn, bad, or none.
const tag = (text, tone) => h("span", { class: `tag ${tone ?? ""}` }, plain(text));
const dot = (tone) => h("span", { class: `dot ${tone}`, "aria-hidden": "true" });
const HEALTH = { passing: "ok", warning: "warn", critical: "bad" };

// A table. A column is { name, cell(row), number?, head?, least: how narrow it may become? }; where there is no room each row is a card, and each cell says its name.
const table = (caption, columns, rows, attributes) => {
  const head = columns.map((column) => h("th", { role: "columnheader", scope: "col", class: column.number && "number" }, column.head ? [h("span", { class: "hidden" }, column.name), column.head] : column.name));
  const inside = (column, row) => {
    const node = h("div", null, column.cell(row));
    if (column.least) node.style.setProperty("--least", column.least);
    return node;
  };
  const line = (row) => h("tr", { role: "row" }, columns.map((column, n) => {
    const kind = n === 0 ? { role: "rowheader", scope: "row" } : { role: "cell" };
    return h(n === 0 ? "th" : "td", { ...kind, "data-name": column.name, class: column.number && "number" }, inside(column, row));
  }));
  return h("table", { role: "table", ...attributes },
    h("caption", null, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map(line)));
};
const empty = (...text) => h("p", { class: "empty" }, text);
// The first of many, and how many there are besides.
const firstOf = (items, most, draw) => [draw(items.slice(0, most)), items.length > most && h("p", { class: "legend" }, `and ${whole.format(items.length - most)} more, which the command prints`)];
const list = (items, draw) => items.map((item, n) => (n === 0 ? draw(item) : [", ", draw(item)]));

// Numbers as people read them.
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const number = (n) => (n === 0 ? "0" : n < 10 ? n.toFixed(n < 1 ? 2 : 1) : n < 1e4 ? whole.format(n) : n < 1e6 ? `${(n / 1e3).toFixed(1)} k` : `${(n / 1e6).toFixed(1)} M`);
const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = n < 1 ? 0 : Math.min(Math.floor(Math.log2(n) / 10), units.length - 1);
  return `${unit === 0 ? whole.format(n) : (n / 2 ** (10 * unit)).toFixed(1)} ${units[unit]}`;
};
const lasting = (seconds) => {
  const s = Math.abs(seconds);
  const units = [[31557600, "y"], [86400, "d"], [3600, "h"], [60, "min"]];
  const [size, unit] = units.find(([size]) => s >= size * (size === 60 ? 1 : 1.5)) ?? [1, "s"];
  const n = s / size;
  return `${n < 10 && unit !== "s" ? n.toFixed(1).replace(/\.0$/, "") : Math.round(n)} ${unit}`;
};
const milliseconds = (seconds) => (seconds < 1 ? `${number(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`);
const clock = (date) => date.toLocaleTimeString("en-GB");
const when = (date) => (Math.abs(Date.now() - date) < 86400e3 / 2 ? clock(date) : `${date.toLocaleDateString("sv-SE")} ${clock(date)}`);

// A field of a form, with its label and what may be written there.
const fieldOf = (form, name, label, attributes, hint) => {
  const id = `${form}-${name}`;
  return h("div", { class: "field" }, h("label", { for: id }, label), h(attributes?.rows ? "textarea" : "input", { id, name, spellcheck: "false", autocomplete: "off", "aria-describedby": hint && `${id}-hint`, ...attributes }),
    hint && h("p", { id: `${id}-hint`, class: "hint" }, hint));
};

// A word of a shell: quoted where it has to be.
const shell = (word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${plain(word).replaceAll("'", "'\\''")}'`);
const commandLine = (words) => words.map(shell).join(" ");

// What prints the same in a terminal, and a button that copies it.
const command = (words) => {
  const text = commandLine(words);
  const copied = h("span", { class: "copied", role: "status" });
  const copy = async () => {
    await navigator.clipboard?.writeText(text).then(() => { copied.textContent = "copied"; }, () => { copied.textContent = "select it to copy"; });
    setTimeout(() => { copied.textContent = ""; }, 1500);
  };
  return h("div", { class: "command" }, h("span", { class: "prompt", "aria-hidden": "true" }, "$"), h("code", { tabindex: "0" }, text),
    h("button", { type: "button", class: "quiet", onclick: copy, "aria-label": `Copy the command ${text}` }, "copy"), copied);
};
