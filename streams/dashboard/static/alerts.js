// Incidents with their evidence.
import { chart, colour, draw, plain } from "./charts.js";
import { card, el, paged, titled } from "./dom.js";
import { clock, number } from "./say.js";

const TINT = { INFO: "sky", WARNING: "sand", CRITICAL: "orange" };
const SHAPE = { INFO: "circle", WARNING: "diamond", CRITICAL: "square" };

function timeline(rows) {
  return {
    traces: Object.keys(TINT).map((severity) => {
      const of = rows.filter((a) => a.severity === severity);
      return { type: "scatter", mode: "markers", name: severity.toLowerCase(), x: of.map((a) => new Date(a.started_at)), y: of.map((a) => plain(a.subject)), text: of.map((a) => plain(a.kind)),
        marker: { color: colour(TINT[severity]), symbol: SHAPE[severity], size: 12, line: { color: colour("ink"), width: 1 } }, hovertemplate: "%{y}, %{x}: %{text}<extra></extra>" };
    }),
    hovermode: "closest", yaxis: { type: "category" }, xaxis: { type: "date" }, height: Math.max(230, 90 + 24 * new Set(rows.map((a) => a.subject)).size),
  };
}

function make() {
  const line = chart("Incidents by time and subject", "low");
  const list = paged({
    path: "alerts", search: "Find in alerts", caption: "Incidents, newest first", empty: "No alerts.", sorts: [["", "all"], ["open", "open only"]],
    columns: ["since", "until", "subject", "kind", "severity", { name: "observed", number: true }, { name: "expected", number: true }, { name: "p", number: true }, { name: "evidence", wide: true }],
    row: (a) => [clock(a.started_at), a.ended_at ? clock(a.ended_at) : { text: "open", kind: "bad" }, a.subject, a.kind, { text: a.severity.toLowerCase(), kind: a.severity === "CRITICAL" ? "bad" : "" },
      number(a.observed), `${number(a.expected_low)} to ${number(a.expected_high)}`, a.p_value === null ? "" : a.p_value.toPrecision(2), a.evidence],
    onpage: (answer) => { line.hidden = !answer.rows.length; if (answer.rows.length) draw(line, () => timeline(answer.rows)); },
  });
  const main = card(el("h2", {}, "Incidents"), line, list.node);
  main.querySelector("header").append(list.tools);
  return { nodes: [titled("Alerts", "What was unlike its forecast or its past, with the evidence. Each incident once; the budget of alerts is kept."), main], refresh: list.refresh };
}

export default { title: "Alerts", make };
