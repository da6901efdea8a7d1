// Fan charts: what is forecast, what happened, and how past forecasts of the series fared.
import { chart, colour, draw } from "./charts.js";
import { choice, go } from "./choose.js";
import { behind, card, el, get, keepScroll, table, tile, titled } from "./dom.js";
import { clock, HORIZONS, number, percent, RESOURCES, SCALE, seconds } from "./say.js";

const DAY_MS = 86_400_000;
const BACK_MS = { HOUR: 2 * 3_600_000, DAY: 2 * DAY_MS, WEEK: 7 * DAY_MS };
const at = (levels, wanted) => levels.reduce((best, level, n) => (Math.abs(level - wanted) < Math.abs(levels[best] - wanted) ? n : best), 0);

function fan({ forecast, actual, calibration }, resource, horizon) {
  const [unit, name] = SCALE[resource];
  const x = forecast.steps.map((step) => new Date(step.time));
  const q = (level) => forecast.steps.map((step) => step.quantiles[at(forecast.levels, level)] / unit);
  const since = forecast.made_at - BACK_MS[horizon];
  const band = (times, low, high, text, tint, group) => [
    { x: times, y: low, line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false, legendgroup: group },
    { x: times, y: high, line: { width: 0 }, mode: "lines", fill: "tonexty", fillcolor: colour(tint), name: text, hoverinfo: "skip", legendgroup: group },
  ];
  const past = (calibration?.past ?? []).filter((p) => p.time >= since);
  const seen = actual.filter((a) => a.time >= since);
  const before = past.map((p) => new Date(p.time));
  return {
    traces: [
      ...(past.length ? band(before, past.map((p) => p.low / unit), past.map((p) => p.high / unit), `forecast ${seconds(calibration.lead_s)} before`, "past", "past") : []),
      ...band(x, q(0.05), q(0.95), "90 % of outcomes", "band90", "90"), ...band(x, q(0.25), q(0.75), "50 % of outcomes", "band50", "50"),
      { x, y: q(0.5), name: "median", mode: "lines", line: { color: colour("blue"), width: 2.5 } },
      { x: seen.map((a) => new Date(a.time)), y: seen.map((a) => a.value / unit), name: "happened", mode: "lines+markers", line: { color: colour("ink"), width: 1.5 }, marker: { size: 4 } },
    ],
    yaxis: { title: { text: name } }, xaxis: { type: "date" },
    shapes: [{ type: "line", x0: new Date(forecast.made_at), x1: new Date(forecast.made_at), yref: "paper", y0: 0, y1: 1, line: { color: colour("faint"), width: 1, dash: "dot" } }],
  };
}

function reliability(calibration) {
  return {
    traces: [
      { x: [0, 1], y: [0, 1], name: "perfect", mode: "lines", line: { color: colour("faint"), dash: "dot", width: 1 }, hoverinfo: "skip" },
      { x: calibration.levels, y: calibration.observed, name: "observed", mode: "lines+markers", line: { color: colour("purple"), width: 2 }, marker: { size: 8 } },
    ],
    xaxis: { title: { text: "forecast: at most this, with probability" }, range: [0, 1.02], tickformat: ".0%" }, yaxis: { title: { text: "came true" }, range: [0, 1.02], tickformat: ".0%" }, showlegend: false,
  };
}

function make(query) {
  const chosen = { pool: query.pool ?? "", resource: query.resource in RESOURCES ? query.resource : "INSTANCES", horizon: query.horizon in HORIZONS ? query.horizon : "DAY" };
  const pool = choice("Pool", "pool-names", (row) => row, chosen.pool, (value) => go("forecast", { ...chosen, pool: value }));
  const select = (label, name, options) => el("label", {}, label, el("select", { onchange: (event) => go("forecast", { ...chosen, [name]: event.target.value }) },
    Object.entries(options).map(([value, text]) => el("option", { value, selected: value === chosen[name] }, text))));
  const fanned = chart(`${RESOURCES[chosen.resource]}, ${HORIZONS[chosen.horizon].toLowerCase()}`, "tall");
  const judged = chart("Reliability of past forecasts");
  const [note, values, past, top, verdict] = [el("p", { class: "note" }), el("div"), el("div"), el("div", { class: "tiles" }), el("p", { class: "note" })];
  const about = card("Past forecasts of this series", verdict, judged, behind(past));

  async function refresh() {
    if (!chosen.pool) {
      [chosen.pool] = await pool.find("");
      if (!chosen.pool) { note.textContent = "No forecast yet."; return; }
      pool.field.value = chosen.pool;
    }
    const found = await get("forecast", chosen);
    if (!found) { note.textContent = "No forecast of this resource yet: nothing of it was ever measured here."; about.hidden = true; return; }
    const { forecast, calibration } = found;
    const [unit, name] = SCALE[chosen.resource];
    draw(fanned, () => fan(found, chosen.resource, chosen.horizon));
    const level = (wanted) => forecast.peak[at(forecast.levels, wanted)] / unit;
    top.replaceChildren(tile("Peak, median", number(level(0.5)), name), tile("Peak, 95 %", number(level(0.95)), name),
      tile("Within 90 % band", calibration?.n ? percent(calibration.within90) : "not yet", calibration?.n ? `of ${calibration.n} judged` : ""), tile("Made", clock(forecast.made_at)));
    note.textContent = `Model ${forecast.model}; times are this browser's.`;
    keepScroll(values, table("Forecast", ["time", ...forecast.levels.map((l) => ({ name: percent(l), number: true }))],
      forecast.steps.map((step) => [clock(step.time), ...step.quantiles.map((v) => number(v / unit))])));
    about.hidden = !calibration?.n;
    if (!calibration?.n) return;
    verdict.textContent = `Judged ${seconds(calibration.lead_s)} ahead, ${calibration.n} times. By chance alone the share within the 90 % band differs by up to ${percent(calibration.chance90)} from 90 %.`;
    draw(judged, () => reliability(calibration));
    const came = new Map(found.actual.map((a) => [a.time, a.value]));
    keepScroll(past, table("Past forecasts and what came", ["time", ...["5 %", "median", "95 %", "came"].map((n) => ({ name: n, number: true }))],
      [...calibration.past].reverse().map((p) => [clock(p.time), number(p.low / unit), number(p.median / unit), number(p.high / unit), number(came.has(p.time) ? came.get(p.time) / unit : null)])));
  }
  const tools = el("form", { class: "fields", onsubmit: (event) => event.preventDefault() }, pool.node, select("Resource", "resource", RESOURCES), select("Horizon", "horizon", HORIZONS));
  const main = card("Forecast", top, fanned, note, behind(values));
  main.querySelector("header").append(tools);
  return { nodes: [titled("Forecast", "Demand of all users together, with the whole range of outcomes."), main, about], refresh };
}

export default { title: "Forecast", make };
