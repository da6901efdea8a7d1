// Draws with Plotly in the page's colours. Plotly reads markup in texts, so texts are escaped.
const drawn = new Map();
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

export function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const axis = (extra = {}) => ({ gridcolor: colour("grid"), linecolor: colour("line"), zerolinecolor: colour("line"), automargin: true, ...extra });
function layout({ xaxis, yaxis, ...extra }) {
  return {
    margin: { l: 52, r: 14, t: 8, b: 36 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), family: "system-ui, sans-serif", size: 12.5 }, hovermode: "x unified",
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
    legend: { orientation: "h", y: 1.13, x: 0 }, xaxis: axis(xaxis), yaxis: axis({ rangemode: "tozero", ...yaxis }), ...extra,
  };
}

// `make` gives traces and layout; it is called again when the theme changes.
export async function draw(node, make) {
  drawn.set(node, make);
  const { traces, ...rest } = make();
  node.classList.toggle("fitted", Boolean(rest.height));
  await window.Plotly.react(node, traces, layout(rest), { displayModeBar: false, responsive: true });
}
export function redraw() {
  sweep();
  for (const [node, make] of drawn) draw(node, make);
}
// Lets go of the charts of views that were left.
export function sweep() {
  for (const node of [...drawn.keys()].filter((one) => !one.isConnected)) { window.Plotly?.purge(node); drawn.delete(node); }
}
export const ready = new Promise((resolve) => {
  if (window.Plotly) resolve();
  else addEventListener("load", resolve);
});
export const chart = (label, size = "") => {
  const node = document.createElement("div");
  node.className = `chart ${size}`.trim();
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", `${label}; the table has its values`);
  return node;
};
