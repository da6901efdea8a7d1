// Who tends to launch what after what.
import { chart, colour, draw, plain } from "./charts.js";
import { choice, go } from "./choose.js";
import { behind, card, el, get, keepScroll, link, table, tile, titled } from "./dom.js";
import { count, percent } from "./say.js";

const TINTS = ["blue", "orange", "green", "purple", "sky", "sand"];

function sankey({ programs, pairs }) {
  const names = programs.map(plain);
  const number = new Map(programs.map((name, n) => [name, n]));
  const tints = programs.map((_, n) => colour(TINTS[n % TINTS.length]));
  const faded = (tint) => tint.replace("rgb(", "rgba(").replace(")", ", .32)");
  return {
    traces: [{
      type: "sankey", arrangement: "snap", textfont: { color: colour("ink"), size: 13 },
      node: { label: [...names, ...names], color: [...tints, ...tints], pad: 14, thickness: 14, line: { width: 0 }, hovertemplate: "%{label}: %{value}<extra></extra>" },
      link: {
        source: pairs.map((p) => number.get(p.first)), target: pairs.map((p) => number.get(p.then) + programs.length), value: pairs.map((p) => p.count),
        color: pairs.map((p) => faded(tints[number.get(p.first)])), hovertemplate: "%{source.label}, then %{target.label}: %{value}<extra></extra>",
      },
    }],
    height: Math.max(380, 42 * programs.length), margin: { l: 8, r: 8, t: 8, b: 8 },
  };
}

function make(query) {
  const user = choice("Person", "users", (row) => row.user, query.user ?? "", (value) => go("flow", { user: value }));
  const [top, place, note] = [el("div", { class: "tiles" }), el("div"), el("p", { class: "note" })];
  const flows = chart("Launches: first program on the left, the next on the right", "tall");
  async function refresh() {
    const found = await get("flow", { user: query.user });
    if (!found) return;
    top.replaceChildren(tile("Launches followed", count(found.transitions)), tile("First guess right", percent(found.first_right) || "not yet"), tile("Programs", count(found.programs.length), found.left_out ? `${found.left_out} rarer left out` : ""));
    note.textContent = found.pairs.length ? "Counted since this page's server read back; what was said is the probability that was forecast for that next program, on average." : "No launches yet.";
    if (found.pairs.length) draw(flows, () => sankey(found));
    keepScroll(place, table("Transitions", ["first", "then", { name: "times", number: true }, { name: "share", number: true }, { name: "said", number: true }, { name: "who most", wide: true }],
      found.pairs.map((p) => {
        const all = found.pairs.filter((o) => o.first === p.first).reduce((sum, o) => sum + o.count, 0);
        const who = p.users.flatMap((u, n) => [n ? ", " : "", link("person", { user: u.user }, u.user), ` ${u.count}`]);
        return [p.first, p.then, count(p.count), percent(p.count / all), percent(p.said), el("span", {}, ...who, p.user_count > 5 ? `, ${p.user_count - 5}${p.users_cut ? "+" : ""} more` : "")];
      }), "No launches yet."));
  }
  const tools = el("form", { class: "fields", onsubmit: (event) => event.preventDefault() }, user.node,
    query.user ? el("button", { type: "button", onclick: () => go("flow", {}) }, "Everybody") : null);
  const main = card(query.user ? `Launches of ${query.user}` : "Launches of everybody", flows, note, behind(place));
  main.querySelector("header").append(tools);
  return { nodes: [titled("Programs flow", "Who tends to launch what after what."), top, main], refresh };
}

export default { title: "Programs flow", make };
