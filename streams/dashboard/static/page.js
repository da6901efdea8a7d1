// Shows the topics' values: a summary is pushed, charts and profiles are fetched when they change.
const $ = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (ms) => new Date(ms).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
const percent = (p) => `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`;
const SCALE = { MEMORY: [2 ** 30, "GiB"], STORAGE: [2 ** 30, "GiB"], NETWORK: [2 ** 20, "MiB/s"], CPU: [1, "cores"], INSTANCES: [1, "launches"] };
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
let last = null;

function fill(table, heads, rows, empty) {
  const head = document.createElement("tr");
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    for (const value of row) {
      const cell = document.createElement("td");
      cell.textContent = value?.text ?? value ?? "";
      if (value?.kind) cell.className = value.kind;
      line.append(cell);
    }
    return line;
  });
  if (!lines.length) {
    const line = document.createElement("tr");
    const cell = document.createElement("td");
    cell.colSpan = heads.length;
    cell.className = "empty";
    cell.textContent = empty;
    line.append(cell);
    lines.push(line);
  }
  table.replaceChildren(head, ...lines);
}

function choose(select, values) {
  const before = select.value;
  if (values.join("\n") === [...select.options].map((o) => o.value).join("\n")) return;
  select.replaceChildren(...values.map((v) => new Option(v, v)));
  if (values.includes(before)) select.value = before;
}

function reserveCard(status) {
  const card = document.createElement("article");
  card.className = "card";
  card.dataset.pool = status.pool;
  const asked = status.hits + status.misses;
  const facts = [
    ["target", status.target], ["ready", status.ready], ["building", status.building],
    ["in use", status.leased], ["cap", status.cap], ["hits", status.hits], ["misses", status.misses],
    ["idle hours", status.idle_instance_hours.toFixed(1)], ["launch takes", `${status.lead_time_s.toFixed(0)} s`],
  ];
  const title = document.createElement("h3");
  title.textContent = status.pool;
  const big = document.createElement("div");
  big.className = "big";
  big.textContent = asked ? `${percent(status.hit_rate)} warm` : `${status.ready} ready`;
  const list = document.createElement("dl");
  for (const [name, value] of facts) {
    const dt = document.createElement("dt");
    const dd = document.createElement("dd");
    dt.textContent = name;
    dd.textContent = value;
    list.append(dt, dd);
  }
  const why = document.createElement("p");
  why.textContent = status.reason;
  card.append(title, big, list, why);
  return card;
}

function show(summary) {
  last = summary;
  $("state").textContent = `live, ${summary.version} records read`;
  if (summary.reserve.length) $("reserve").replaceChildren(...summary.reserve.map(reserveCard));
  choose($("pool"), summary.pools);
  choose($("user"), summary.users);
  fill($("alerts"), ["since", "subject", "kind", "severity", "observed", "expected", "evidence"],
    summary.alerts.map((a) => [clock(a.started_at), a.subject, a.kind, a.severity, a.observed.toPrecision(4),
      `${a.expected_low.toPrecision(3)} to ${a.expected_high.toPrecision(3)}`, { text: a.evidence, kind: "wide" }]), "No alerts.");
  fill($("predictions"), ["at", "user", "after", "next", "p", "within 5 min"],
    summary.predictions.map((p) => [clock(p.made_at), p.user, p.after_program, p.candidates[0]?.program,
      p.candidates[0] && percent(p.candidates[0].p_next), p.candidates[0] && percent(p.candidates[0].p_5m)]), "No predictions yet.");
  fill($("allocations"), ["at", "pool", "what", "from", "wait"],
    summary.allocations.map((e) => [clock(e.time), e.pool, { text: e.kind.toLowerCase(), kind: e.kind === "ASSIGNED" ? (e.tier === "cold" ? "miss" : "hit") : "" },
      e.tier, e.wait_ms == null ? "" : `${(e.wait_ms / 1000).toFixed(1)} s`]), "No assignments yet.");
  $("counts").textContent = Object.entries(summary.counts).map(([t, n]) => `${t}: ${n}`).join("   ");
}

const layout = (extra) => ({
  margin: { l: 55, r: 15, t: 10, b: 40 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  font: { color: css("--ink"), family: "system-ui, sans-serif" }, showlegend: true,
  legend: { orientation: "h", y: 1.12 }, xaxis: { gridcolor: css("--line") }, yaxis: { gridcolor: css("--line"), rangemode: "tozero" }, ...extra,
});
const PLAIN = { displayModeBar: false, responsive: true };

async function chart() {
  const [pool, resource, horizon] = [$("pool").value, $("resource").value, $("horizon").value];
  if (!pool || !window.Plotly) return;
  const reply = await fetch(`/api/forecast?${new URLSearchParams({ pool, resource, horizon })}`);
  if (!reply.ok) {
    Plotly.purge($("chart"));
    fill($("forecast-table"), ["time"], [], "No such forecast yet.");
    $("chart-note").textContent = "No forecast of this resource yet.";
    return;
  }
  const { forecast, actual } = await reply.json();
  const [unit, name] = SCALE[resource];
  const x = forecast.steps.map((s) => new Date(s.time));
  const level = (q) => forecast.levels.reduce((b, l, i) => (Math.abs(l - q) < Math.abs(forecast.levels[b] - q) ? i : b), 0);
  const q = (p) => forecast.steps.map((s) => s.quantiles[level(p)] / unit);
  const band = (low, high, text) => [
    { x, y: q(low), line: { width: 0 }, hoverinfo: "skip", showlegend: false },
    { x, y: q(high), line: { width: 0 }, fill: "tonexty", fillcolor: css("--band"), name: text },
  ];
  const seen = actual.filter((a) => a.time >= forecast.made_at - 7 * 86400000);
  Plotly.react($("chart"), [
    ...band(0.05, 0.95, "90 % of outcomes"), ...band(0.25, 0.75, "50 % of outcomes"),
    { x, y: q(0.5), name: "median", line: { color: css("--accent"), width: 2 } },
    { x: seen.map((a) => new Date(a.time)), y: seen.map((a) => a.value), name: "happened", line: { color: css("--ink"), width: 1, dash: "dot" } },
  ], layout({ yaxis: { title: { text: name }, gridcolor: css("--line"), rangemode: "tozero" } }), PLAIN);
  $("chart-note").textContent = `Made ${clock(forecast.made_at)} by ${forecast.model}; peak (median) ${(forecast.peak[level(0.5)] / unit).toPrecision(3)} ${name}.`;
  fill($("forecast-table"), ["time", ...forecast.levels.map((l) => `q${l}`)],
    forecast.steps.map((s) => [clock(s.time), ...s.quantiles.map((v) => (v / unit).toPrecision(4))]), "");
}

async function person() {
  const user = $("user").value;
  if (!user || !window.Plotly) return;
  const reply = await fetch(`/api/profile/${encodeURIComponent(user)}`);
  if (!reply.ok) return;
  const profile = await reply.json();
  const week = DAYS.map((_, d) => profile.week_rates.slice(24 * d, 24 * d + 24));
  const hours = [...Array(24).keys()];
  Plotly.react($("heat"), [{ z: week, x: hours, y: DAYS, type: "heatmap", colorscale: "Cividis", colorbar: { title: { text: "launches" } } }],
    layout({ showlegend: false, yaxis: { autorange: "reversed" }, xaxis: { title: { text: `hour, ${profile.zone}` }, dtick: 2 } }), PLAIN);
  fill($("heat-table"), ["day", ...hours], week.map((row, d) => [DAYS[d], ...row.map((v) => v.toFixed(2))]), "");
  fill($("sequences"), ["after", "follows", "probability", "interval", "n"],
    profile.sequences.map((s) => [s.first, `${s.then} within ${Math.round(s.window_s / 60)} min`, percent(s.probability), `${percent(s.low)} to ${percent(s.high)}`, s.support]), "No sequences that hold yet.");
  fill($("programs"), ["program", "launches", "share", "cores (p95)", "memory (p95)"],
    profile.programs.map((p) => [p.program, p.launches, percent(p.share), p.cpu_cores_p95?.toFixed(2), p.memory_bytes_p95 && `${(p.memory_bytes_p95 / 2 ** 20).toFixed(0)} MiB`]), "No programs yet.");
}

for (const id of ["pool", "resource", "horizon"]) $(id).addEventListener("change", chart);
$("user").addEventListener("change", person);
for (const form of document.forms) form.addEventListener("submit", (e) => e.preventDefault());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { chart(); person(); });

const events = new EventSource("/events");
events.addEventListener("summary", (message) => {
  const first = last === null;
  show(JSON.parse(message.data));
  if (first) { chart(); person(); }
});
events.onerror = () => { $("state").textContent = "connection lost, trying again"; };
addEventListener("load", () => { chart(); person(); });
setInterval(() => { if (!document.hidden) { chart(); person(); } }, 15000);
