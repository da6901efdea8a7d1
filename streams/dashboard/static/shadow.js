// Shadow runs: what was prepared before it was asked for, and whether that paid.
import { chart, colour, draw } from "./charts.js";
import { card, el, link, paged, tile, titled } from "./dom.js";
import { clock, count, number, percent, seconds } from "./say.js";

function course(points) {
  const x = points.map((p) => new Date(p.time));
  const line = (field, name, tint, dash) => ({ x, y: points.map((p) => p[field] / 60), name, mode: "lines", line: { color: colour(tint), width: 2.5, shape: "hv", dash } });
  return { traces: [line("saved_s", "saved", "green"), line("wasted_s", "wasted", "orange", "dash")], yaxis: { title: { text: "minutes, summed" } }, xaxis: { type: "date" } };
}

function make() {
  const [top, sums] = [el("div", { class: "tiles" }), chart("Seconds saved and wasted", "low")];
  const list = paged({
    path: "shadow", search: "Find by pool, person, program", caption: "Events of shadow runs, newest first", empty: "No shadow runs yet: they start when a likely next program is worth it.",
    columns: ["at", "what", "pool", "person", "program", ...["probability", "value", "saved", "wasted"].map((name) => ({ name, number: true })), { name: "why", wide: true }, ""],
    row: (e) => [clock(e.time), { text: e.kind.toLowerCase(), kind: e.kind === "HIT" ? "good" : ["MISS", "FAILED"].includes(e.kind) ? "bad" : "" }, e.pool, link("person", { user: e.user }, e.user), e.program,
      percent(e.probability), number(e.value), seconds(e.saved_s), seconds(e.wasted_s), e.reason, link("explain", { id: `shadow/${e.event_id}` }, "Explain")],
    onpage: (answer) => {
      const { HIT = 0, MISS = 0, STARTED = 0, FAILED = 0 } = answer.kinds;
      top.replaceChildren(tile("Started", count(STARTED)), tile("Used", count(HIT), HIT + MISS ? `${percent(HIT / (HIT + MISS))} of those decided` : ""), tile("Unused", count(MISS)), tile("Failed", count(FAILED)),
        tile("Saved", seconds(answer.saved_s)), tile("Wasted", seconds(answer.wasted_s)));
      sums.hidden = !answer.course.length;
      if (answer.course.length) draw(sums, () => course(answer.course));
    },
  });
  const main = card(el("h2", {}, "Shadow runs"), sums, list.node);
  main.querySelector("header").append(list.tools);
  return { nodes: [titled("Shadow runs", "The first, side-effect-free steps of a likely next program, started ahead on a warm instance."), top, main], refresh: list.refresh };
}

export default { title: "Shadow runs", make };
