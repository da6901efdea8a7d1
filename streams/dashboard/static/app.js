// Chooses the view by the address, and tells it when something changed.
import alerts from "./alerts.js";
import { ready, redraw, sweep } from "./charts.js";
import { el } from "./dom.js";
import explain from "./explain.js";
import flow from "./flow.js";
import forecast from "./forecast.js";
import health from "./health.js";
import now from "./now.js";
import person from "./person.js";
import { clock, count } from "./say.js";
import shadow from "./shadow.js";

const VIEWS = { now, forecast, flow, person, alerts, shadow, health, explain };
const REFRESH_MS = 3000;
const THEMES = ["system", "light", "dark"];
const $ = (id) => document.getElementById(id);
let shown = null;
let changed = false;

function address() {
  const [name, query] = location.hash.replace(/^#\//, "").split("?");
  return [VIEWS[name] ? name : "now", Object.fromEntries(new URLSearchParams(query ?? ""))];
}

async function show() {
  if (location.hash === "#main") return;
  const [name, query] = address();
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `Warmfront: ${VIEWS[name].title}`;
  const made = VIEWS[name].make(query);
  const moved = shown !== null;
  shown = made;
  $("main").replaceChildren(...made.nodes);
  sweep();
  if (moved) { scrollTo(0, 0); $("main").focus({ preventScroll: true }); }
  await ready;
  await made.refresh();
  if (shown !== made) return;
  document.body.dataset.shown = name;
}

function tell(summary) {
  const behind = Object.values(summary.lag).reduce((sum, lag) => sum + lag, 0);
  const catching = summary.caught_up ? "" : ", reading back";
  $("state").textContent = `live${catching} · closed through ${clock(summary.watermark) || "nothing yet"} · ${count(behind)} messages behind`;
  $("synthetic").hidden = !summary.synthetic.length;
  $("synthetic").textContent = "synthetic data";
  $("synthetic").title = `Made up by: ${summary.synthetic.join(", ")}`;
  const counts = { alerts: summary.open_alerts, health: summary.dead_letters };
  for (const [name, value] of Object.entries(counts)) {
    document.querySelector(`#views a[data-view="${name}"] .count`).textContent = value ? count(value) : "";
  }
}

function theme(next) {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  $("theme").textContent = `Theme: ${next}`;
  redraw();
}

$("views").append(...Object.entries(VIEWS).map(([name, view]) =>
  el("li", {}, el("a", { href: `#/${name}`, "data-view": name }, view.title, el("span", { class: "count" })))));
$("theme").textContent = `Theme: ${localStorage.getItem("theme") ?? "system"}`;
$("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "system") + 1) % 3]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("hashchange", show);
show();

const events = new EventSource("/events");
events.addEventListener("summary", (message) => { tell(JSON.parse(message.data)); changed = true; });
events.onerror = () => { $("state").textContent = "connection lost, trying again"; };
setInterval(() => {
  if (changed && !document.hidden) { changed = false; shown?.refresh(); }
}, REFRESH_MS);
