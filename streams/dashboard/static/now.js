// The reserve now: each pool's tiers against its target, and one pool's last two hours.
import { chart, colour, draw, plain } from "./charts.js";
import { go } from "./choose.js";
import { behind, card, el, facts, get, keepScroll, link, paged, table, tile, titled } from "./dom.js";
import { clock, count, fixed, percent, seconds, wait } from "./say.js";

const TIERS = [["ready", "ready", "blue"], ["building", "building", "sky"], ["paused", "paused", "sand"], ["shelved", "shelved", "purple"]];

function tiles(totals) {
  const asked = totals.hits + totals.misses;
  return [
    tile("Served warm", asked ? percent(totals.hit_rate) : "no requests", asked ? `of ${count(asked)}` : ""),
    tile("Ready / target", `${count(totals.ready)} / ${count(totals.target)}`, totals.building ? `+${count(totals.building)} building` : ""),
    tile("In use / cap", `${count(totals.leased)} / ${count(totals.cap)}`),
    tile("Misses", count(totals.misses), totals.below_target ? `${count(totals.below_target)} pools below target` : ""),
    tile("Longest wait, p99", wait(totals.wait_ms_p99) || "none"),
    tile("Idle cost", fixed(totals.idle_instance_hours, 1), "instance hours"),
  ];
}

function bars(rows) {
  const y = rows.map((row) => plain(row.pool));
  return {
    traces: [
      ...TIERS.map(([field, name, tint]) => ({ type: "bar", orientation: "h", name, y, x: rows.map((row) => row[field]), marker: { color: colour(tint) } })),
      { type: "scatter", mode: "markers", name: "target, and its band of the last hour", y, x: rows.map((row) => row.target),
        marker: { symbol: "line-ns", size: 16, color: colour("ink"), line: { width: 3, color: colour("ink") } },
        error_x: { type: "data", symmetric: false, array: rows.map((row) => row.target_high - row.target), arrayminus: rows.map((row) => row.target - row.target_low), color: colour("orange"), thickness: 2, width: 4 } },
    ],
    barmode: "stack", bargap: 0.35, legend: { orientation: "h", y: 1.1, x: 0, traceorder: "normal" }, yaxis: { autorange: "reversed", type: "category" }, hovermode: "closest",
    xaxis: { title: { text: "instances" }, rangemode: "tozero" }, height: Math.max(240, 90 + 26 * rows.length),
  };
}

function course(history) {
  const x = history.map((row) => new Date(row.time));
  const line = (field, name, tint, extra = {}) => ({ x, y: history.map((row) => row[field]), name, line: { color: colour(tint), width: 2, shape: "hv", ...extra } });
  return {
    traces: [
      ...TIERS.map(([field, name, tint]) => ({ x, y: history.map((row) => row[field]), name, stackgroup: "tiers", line: { width: 0, shape: "hv" }, fillcolor: colour(tint) })),
      line("target", "target", "ink", { width: 2.5 }), line("leased", "in use", "green"), line("cap", "cap", "orange", { dash: "dot", width: 1.5 }),
    ],
    yaxis: { title: { text: "instances" } }, xaxis: { type: "date" },
  };
}

function make(query) {
  const top = el("div", { class: "tiles" });
  const overview = chart("Reserve by tier against target, by pool");
  const pools = paged({
    path: "pools", search: "Find a pool", caption: "Reserve of each pool", empty: "No reserve status yet: the allocator has told nothing.",
    sorts: [["attention", "needs attention first"], ["name", "by name"], ["leased", "most in use first"], ["misses", "most misses first"]],
    columns: ["pool", ...["target", "band", "ready", "building", "paused", "shelved", "in use", "cap", "hits", "misses", "warm / goal", "wait p50 / p99", "idle h"].map((name) => ({ name, number: true })), { name: "why", wide: true }],
    row: (r) => [link("now", { pool: r.pool }, r.pool), r.target, `${r.target_low} to ${r.target_high}`, r.ready, r.building, r.paused, r.shelved, r.leased, r.cap, r.hits, r.misses,
      { text: `${r.hits + r.misses ? percent(r.hit_rate) : "none"} / ${percent(r.target_hit_rate)}`, kind: r.hits + r.misses === 0 ? "calm" : r.hit_rate < r.target_hit_rate ? "bad" : "good" }, r.wait_ms_p50 === null ? "" : `${wait(r.wait_ms_p50)} / ${wait(r.wait_ms_p99)}`, fixed(r.idle_instance_hours, 1), r.reason],
    onpage: (answer) => draw(overview, () => bars(answer.rows)),
  });
  const detail = el("div", { hidden: !query.pool });
  const line = chart(`Course of the reserve of pool ${query.pool ?? ""}`);
  const said = el("div");
  const rows = el("div");
  if (query.pool) {
    detail.append(card(`Pool ${query.pool}`, said, line, behind(rows),
      el("p", { class: "note" }, link("forecast", { pool: query.pool }, "Forecast"), " · ", link("explain", { q: query.pool }, "Decisions"), " · ",
        el("button", { type: "button", class: "link", onclick: () => go("now", {}) }, "Close"))));
  }
  async function one() {
    const found = await get("pool", { pool: query.pool });
    if (!found) { said.replaceChildren(el("p", { class: "empty" }, "Nothing is known of this pool.")); return; }
    const r = found.now;
    said.replaceChildren(facts([["Why", r.reason], ["As of", clock(r.time)], ["A launch takes", seconds(r.lead_time_s)],
      ["Unresolved calls", r.unresolved || ""], ["Mode", r.observe_only ? "observe only: launches on request" : ""]]));
    draw(line, () => course(found.history));
    keepScroll(rows, table("Course of the reserve", ["time", ...["target", "ready", "building", "paused", "shelved", "in use", "cap", "hits", "misses"].map((name) => ({ name, number: true }))],
      [...found.history].reverse().map((h) => [clock(h.time), h.target, h.ready, h.building, h.paused, h.shelved, h.leased, h.cap, h.hits, h.misses])));
  }
  async function refresh() {
    const summary = await get("summary");
    if (summary) top.replaceChildren(...tiles(summary.totals));
    await Promise.all([pools.refresh(), query.pool ? one() : null]);
  }
  const heading = el("h2", {}, "Reserve by tier against target");
  const overall = card(heading, overview, pools.node);
  overall.querySelector("header").append(pools.tools);
  return { nodes: [titled("Now", "Instances kept ready, against what the forecast asks for."), top, detail, overall], refresh };
}

export default { title: "Now", make };
