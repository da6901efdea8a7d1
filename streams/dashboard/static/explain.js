// Why anything was done: a decision, what it rested on, and what came of it.
import { card, el, facts, get, link, paged, table, titled } from "./dom.js";
import { clock, number, percent, wait } from "./say.js";

function told({ decision, reserve, forecast, prediction, story }) {
  const d = decision;
  const nodes = [card(`${d.what}, pool ${d.pool}`, el("p", { class: "say" }, d.reason || "No reason was given."),
    facts([["When", clock(d.time)], ["Instance", d.instance], ["Request", d.request], ["Intent", d.intent], ["Person", d.user], ["Program", d.program],
      ["Waited", wait(d.record.wait_ms)], ["Probability", percent(d.record.probability)], ["Value", number(d.record.value)], ["Error", d.record.error]]))];
  if (reserve) {
    nodes.push(card("The reserve then", el("p", { class: "say" }, reserve.reason),
      facts([["As of", clock(reserve.time)], ["Target", number(reserve.target)], ["Ready", number(reserve.ready)], ["Building", number(reserve.building)], ["In use / cap", `${reserve.leased} / ${reserve.cap}`], ["Hits / misses so far", `${reserve.hits} / ${reserve.misses}`]])));
  }
  if (forecast) {
    nodes.push(card("The forecast of launches", el("p", { class: "note" }, `Made ${clock(forecast.made_at)}, in force then.`),
      table("Launches a minute, quantiles", ["minute", ...forecast.levels.map((l) => ({ name: percent(l), number: true }))],
        [["most in a minute of the hour", ...forecast.peak.map(number)], ...forecast.steps.map((s) => [clock(s.time), ...s.quantiles.map(number)])])));
  }
  if (prediction) {
    nodes.push(card("What was predicted for this person", el("p", { class: "note" }, `After ${prediction.after_program}, ${clock(prediction.made_at)}.`),
      table("Next programs", ["program", { name: "next", number: true }, { name: "within 5 min", number: true }], prediction.candidates.map((c) => [c.program, percent(c.p_next), percent(c.p_5m)]))));
  }
  nodes.push(card("Its story", table("Decisions about the same instance, request or intent", ["at", "what", "instance", "person", { name: "why", wide: true }],
    story.map((s) => [clock(s.time), s.decision_id === d.decision_id ? { text: s.what, kind: "good" } : link("explain", { id: s.decision_id }, s.what), s.instance, s.user, s.reason]), "It stands alone.")));
  return nodes;
}

function make(query) {
  const place = el("div", { class: "two" });
  const list = paged({
    path: "decisions", search: "Find by pool, instance, request, person, reason", caption: "Decisions, newest first", empty: "No decisions yet.",
    sorts: [["", "all"], ["target", "targets"], ["action", "cloud calls"], ["event", "requests and instances"], ["shadow", "shadow runs"]],
    columns: ["at", "what", "pool", "instance", "person", { name: "why", wide: true }],
    row: (d) => [clock(d.time), link("explain", { id: d.decision_id }, d.what), d.pool, d.instance, d.user, d.reason],
  });
  async function refresh() {
    await list.refresh();
    if (!query.id || place.childElementCount) return;
    const found = await get("explain", { id: query.id });
    place.replaceChildren(...(found ? told(found) : [el("p", { class: "empty" }, "This decision is no longer kept here: the newest 5,000 are.")]));
  }
  if (query.q) { const field = list.tools.querySelector("input"); field.value = query.q; field.dispatchEvent(new Event("input")); }
  const main = card(el("h2", {}, "Decisions"), list.node);
  main.querySelector("header").append(list.tools);
  return { nodes: [titled("Explain", "Every target, cloud call, assignment and shadow run, with what it rested on."), place, main], refresh };
}

export default { title: "Explain", make };
