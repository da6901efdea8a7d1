// Makes elements. Text goes in as text only: a name can hold no markup, however hostile.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const card = (title, ...children) => {
  const heading = typeof title === "string" ? el("h2", {}, title) : title;
  return el("section", { class: "card", "aria-label": heading.textContent }, el("header", {}, heading), ...children);
};

export const titled = (title, about, ...tools) =>
  el("div", { class: "title" }, el("div", {}, el("h1", {}, title), el("p", {}, about)), ...tools);

export const tile = (name, value, more = "") =>
  el("dl", { class: "tile" }, el("dt", {}, name), el("dd", {}, value, el("small", {}, more)));

export const facts = (pairs) => el("dl", { class: "facts" },
  pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));

// A column is a name, or {name, number, wide}; a cell is a text, an element, or {text, kind}.
export function table(caption, columns, rows, empty = "Nothing yet.") {
  const heads = columns.map((column) => (typeof column === "string" ? { name: column } : column));
  const kind = (column) => (column.number ? "number" : column.wide ? "wide" : "");
  const cell = (value, column) => {
    const content = value?.nodeType ? value : String(value?.text ?? value ?? "");
    return el("td", { class: `${kind(column)} ${value?.kind ?? ""}`.trim() || null }, content);
  };
  const body = rows.length
    ? rows.map((row) => el("tr", {}, row.map((value, at) => cell(value, heads[at]))))
    : [el("tr", {}, el("td", { class: "empty", colspan: heads.length }, empty))];
  const made = el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map((column) => el("th", { scope: "col", class: kind(column) || null }, column.name)))),
    el("tbody", {}, body));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, made);
}

export const behind = (made, label = "Table of the values") => el("details", {}, el("summary", {}, label), made);

// A table asked for page by page: {path, columns, row, caption, empty, sorts, search}.
export function paged({ path, caption, columns, row, empty, search = "Search", sorts = [], onpage = () => {} }) {
  const state = { offset: 0, q: "", sort: sorts[0]?.[0] ?? "", limit: 25 };
  const place = el("div");
  const said = el("span", { role: "status" });
  const back = el("button", { type: "button", onclick: () => move(-1) }, "Previous");
  const on = el("button", { type: "button", onclick: () => move(1) }, "Next");
  let waiting = 0;
  const field = el("input", { type: "search", "aria-label": search, placeholder: search, oninput: () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { Object.assign(state, { q: field.value, offset: 0 }); refresh(); }, 150);
  } });
  const order = el("select", { onchange: () => { Object.assign(state, { sort: order.value, offset: 0 }); refresh(); } },
    sorts.map(([value, name]) => el("option", { value }, name)));
  const tools = el("div", { class: "fields" }, field, sorts.length ? el("label", {}, "Show", order) : null);
  function move(by) { state.offset = Math.max(0, state.offset + by * state.limit); refresh(); }
  async function refresh() {
    const answer = await get(path, state);
    if (!answer) return;
    const last = Math.min(answer.offset + answer.rows.length, answer.total);
    said.textContent = answer.total ? `${answer.offset + 1} to ${last} of ${answer.total}` : "none";
    back.disabled = answer.offset === 0;
    on.disabled = last >= answer.total;
    keepScroll(place, table(caption, columns, answer.rows.map(row), empty));
    onpage(answer);
  }
  return { node: el("div", {}, place, el("div", { class: "pager" }, back, on, said)), tools, refresh };
}

// Replaces a table in place unless it is being read: focus and scroll position stay.
export function keepScroll(place, made) {
  const old = place.querySelector(".scroll");
  const at = old ? [old.scrollTop, old.scrollLeft, old === document.activeElement] : null;
  if (old?.contains(document.activeElement) && old !== document.activeElement) return;
  place.replaceChildren(made);
  if (at) { [made.scrollTop, made.scrollLeft] = at; if (at[2]) made.focus({ preventScroll: true }); }
}

export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const reply = await fetch(`/api/${path}?${new URLSearchParams(given)}`);
  return reply.ok ? reply.json() : null;
}

export const link = (view, query, text) => el("a", { href: `#/${view}?${new URLSearchParams(query)}` }, text);
