// Whether the pipeline keeps up: lag, watermarks, dead letters.
import { chart, colour, draw, plain } from "./charts.js";
import { behind, card, el, get, keepScroll, table, tile, titled } from "./dom.js";
import { ago, clock, count } from "./say.js";

function lag(rows) {
  const groups = [...new Set(rows.map((r) => r.group))];
  return {
    traces: groups.map((group, n) => ({ type: "bar", name: plain(group), x: rows.filter((r) => r.group === group).map((r) => `${r.topic} ${r.partition}`), y: rows.filter((r) => r.group === group).map((r) => r.lag), marker: { color: colour(["blue", "purple"][n % 2]) } })),
    yaxis: { title: { text: "messages behind" } }, xaxis: { type: "category", tickangle: -40 }, showlegend: true,
  };
}

function make() {
  const [top, lagTable, marks, letters, topics, sources] = [el("div", { class: "tiles" }), el("div"), el("div"), el("div"), el("div"), el("div")];
  const bars = chart("Messages behind, by topic and partition");
  async function refresh() {
    const found = await get("health");
    if (!found) return;
    const rows = (found.lag.groups ?? []).flatMap((g) => g.partitions.map((p) => ({ group: g.group, ...p })));
    const dead = Object.values(found.lag.dead_letters ?? {}).reduce((sum, n) => sum + n, 0);
    const oldest = found.watermarks.length ? Math.min(...found.watermarks.map((w) => w.time)) : null;
    top.replaceChildren(...(found.lag.groups ?? []).map((g) => tile(`Behind: ${g.group}`, count(g.lag), "messages")), tile("Closed through", clock(oldest) || "nothing yet", oldest ? ago(oldest, found.now) : ""), tile("Dead letters", count(dead)));
    draw(bars, () => lag(rows));
    keepScroll(lagTable, table("Lag", ["group", "topic", ...["partition", "committed", "end", "behind"].map((name) => ({ name, number: true }))], rows.map((r) => [r.group, r.topic, r.partition, r.committed ?? "none", r.end, r.lag]), "The broker has not answered yet."));
    keepScroll(marks, table("Watermarks: event time that each partition of users has closed", [{ name: "partition", number: true }, "closed through", { name: "behind the clock", number: true }], found.watermarks.map((w) => [w.partition, clock(w.time), ago(w.time, found.now)])));
    keepScroll(letters, table("Dead letters, newest first; warmfront dlq shows and replays them", ["at", "letter", "stage", { name: "reason", wide: true }], found.letters.map((l) => [clock(l.time), l.letter, l.stage, l.reason]), "No dead letters."));
    keepScroll(topics, table("Records read by this page since it started", ["topic", { name: "records", number: true }], Object.entries(found.counts).map(([t, n]) => [t, count(n)])));
    keepScroll(sources, table("Sources of telemetry", ["source", "last event time"], found.sources.map((s) => [s.source, clock(s.time)])));
  }
  return {
    nodes: [titled("Pipeline health", "Whether everything keeps up, and what could not be used."), top, card("Messages behind", bars, behind(lagTable)),
      el("div", { class: "two" }, card("Watermarks", marks), card("Sources", sources)), card("Dead letters", letters), card("Topics", topics)],
    refresh,
  };
}

export default { title: "Pipeline health", make };
