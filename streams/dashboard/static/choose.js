// A field that finds names on the server: with 1,000 pools nobody scrolls a list.
import { el, get } from "./dom.js";

let made = 0;
export function choice(label, path, name, value, onchoice) {
  const id = `choice-${(made += 1)}`;
  const list = el("datalist", { id });
  const field = el("input", { type: "search", list: id, value, autocomplete: "off", spellcheck: "false",
    oninput: () => find(field.value), onchange: () => { if (field.value) onchoice(field.value); } });
  async function find(text) {
    const answer = await get(path, { q: text, limit: 25 });
    list.replaceChildren(...(answer?.rows ?? []).map((row) => el("option", { value: name(row) })));
    return answer?.rows.map(name) ?? [];
  }
  return { node: el("label", {}, label, field, list), field, find };
}

export const go = (view, query) => { location.hash = `#/${view}?${new URLSearchParams(query)}`; };
