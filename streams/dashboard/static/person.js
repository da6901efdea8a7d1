// One person: the week, what follows what, what programs take, how waiting is felt.
import { chart, colour, draw, plain } from "./charts.js";
import { choice, go } from "./choose.js";
import { behind, card, el, get, keepScroll, link, table, tile, titled } from "./dom.js";
import { clock, count, fixed, number, percent, seconds } from "./say.js";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const HOURS = [...Array(24).keys()];
const MIB = 2 ** 20;

function heat(week, zone) {
  return {
    traces: [{ type: "heatmap", z: week, x: HOURS, y: DAYS, colorscale: "Cividis", xgap: 2, ygap: 2, hovertemplate: "%{y} %{x}:00: %{z:.2f}<extra></extra>", colorbar: { title: { text: "launches" }, thickness: 12, outlinewidth: 0 } }],
    hovermode: "closest", yaxis: { autorange: "reversed", showgrid: false }, xaxis: { title: { text: `hour of the day, ${plain(zone)}` }, dtick: 2, showgrid: false }, margin: { l: 42, r: 8, t: 8, b: 40 },
  };
}

function chances(sequences) {
  const rows = [...sequences].sort((a, b) => b.probability - a.probability).slice(0, 12).reverse();
  const x = rows.map((s) => s.probability);
  return {
    traces: [{ type: "scatter", mode: "markers", x, y: rows.map((s) => plain(`${s.first} → ${s.then}, ${Math.round(s.window_s / 60)} min`)), marker: { color: colour("blue"), size: 10 },
      error_x: { type: "data", symmetric: false, array: rows.map((s, n) => s.high - x[n]), arrayminus: rows.map((s, n) => x[n] - s.low), color: colour("faint"), thickness: 2 }, hovertemplate: "%{y}: %{x:.0%}<extra></extra>" }],
    hovermode: "closest", xaxis: { range: [0, 1.02], tickformat: ".0%" }, yaxis: { type: "category" }, height: Math.max(230, 70 + 28 * rows.length), showlegend: false,
  };
}

function make(query) {
  const chosen = { user: query.user ?? "" };
  const user = choice("Person", "users", (row) => row.user, chosen.user, (value) => go("person", { user: value }));
  const [top, note, weekTable, sequenceTable, programs, next, gaps] = [el("div", { class: "tiles" }), el("p", { class: "note" }), el("div"), el("div"), el("div"), el("div"), el("div")];
  const week = chart("Expected launches by hour of the week", "low");
  const sequences = chart("Sequences with their probabilities", "low");
  async function refresh() {
    if (!chosen.user) {
      [chosen.user] = await user.find("");
      if (!chosen.user) { note.textContent = "No profiles yet."; return; }
      user.field.value = chosen.user;
    }
    const p = await get("profile", chosen);
    if (!p) { note.textContent = `No profile of ${chosen.user} here: the newest 2,000 are kept.`; return; }
    const rates = DAYS.map((_, day) => p.week_rates.slice(24 * day, 24 * day + 24));
    const felt = p.sensitivity === null ? "not known" : number(p.sensitivity);
    top.replaceChildren(tile("Launches seen", count(p.launches)), tile("Programs", count(p.programs.length)),
      tile("Sensitivity to waiting", felt, p.sensitivity_low === null ? "" : `${number(p.sensitivity_low)} to ${number(p.sensitivity_high)}`), tile("Next session", p.next_session_at ? clock(p.next_session_at) : seconds(p.next_session_length_s) || "not known", p.next_session_at ? `for ${seconds(p.next_session_length_s) || "a time not known"}` : ""));
    note.textContent = `As of ${clock(p.updated_at)}.`;
    draw(week, () => heat(rates, p.zone));
    keepScroll(weekTable, table("Expected launches by hour", ["day", ...HOURS.map((h) => ({ name: String(h), number: true }))], rates.map((row, day) => [DAYS[day], ...row.map((v) => fixed(v, 2))])));
    if (p.sequences.length) draw(sequences, () => chances(p.sequences));
    keepScroll(sequenceTable, table("Sequences", ["after", "follows", "within", ...["probability", "interval", "n"].map((name) => ({ name, number: true }))],
      p.sequences.map((s) => [s.first, s.then, `${Math.round(s.window_s / 60)} min`, percent(s.probability), `${percent(s.low)} to ${percent(s.high)}`, s.support]), "No sequences that hold yet."));
    keepScroll(programs, table("Programs and what they take", ["program", ...["launches", "share", "cores p95", "memory p95", "run time p50", "felt waiting"].map((name) => ({ name, number: true }))],
      p.programs.map((u) => [u.program, count(u.launches), percent(u.share), number(u.cpu_cores_p95), u.memory_bytes_p95 === null ? "" : `${number(u.memory_bytes_p95 / MIB)} MiB`, seconds(u.duration_s_p50), number(u.sensitivity)])));
    keepScroll(gaps, table("How long until the next", ["first", "then", ...["times", "share", "10 %", "median", "90 %"].map((name) => ({ name, number: true }))],
      p.transitions.map((t) => [t.first, t.then, count(t.count), percent(t.share), seconds(t.gap_s_p10), seconds(t.gap_s_p50), seconds(t.gap_s_p90)]), "No transitions yet."));
    keepScroll(next, table(p.prediction ? `After ${p.prediction.after_program}, ${clock(p.prediction.made_at)}` : "Next programs", ["program", ...["next", "1 min", "5 min", "15 min", "60 min", "expected"].map((name) => ({ name, number: true }))],
      (p.prediction?.candidates ?? []).map((c) => [c.program, percent(c.p_next), percent(c.p_1m), percent(c.p_5m), percent(c.p_15m), percent(c.p_60m), seconds(c.expected_s)]), "Nothing predicted since the page's server read back."));
  }
  const tools = el("form", { class: "fields", onsubmit: (event) => event.preventDefault() }, user.node, chosen.user ? link("flow", { user: chosen.user }, "Their flow") : null);
  return {
    nodes: [titled("Person", "How one person works, as learnt from their own launches.", tools), top, note,
      card("The week", week, behind(weekTable)), el("div", { class: "two" }, card("What follows what", sequences, behind(sequenceTable)), card("What is expected next", next)), card("Programs", programs), card("Pauses between programs", gaps)],
    refresh,
  };
}

export default { title: "Person", make };
