// How numbers and moments are written.
export const clock = (ms) => (ms ? new Date(ms).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }) : "");
// What is no number in a record comes as null.
export const fixed = (x, digits) => (x === null || x === undefined ? "" : x.toFixed(digits));
export const percent = (p) => (p === null || p === undefined ? "" : `${(100 * p).toFixed(p % 1 && (p < 0.1 || p > 0.9) ? 1 : 0)} %`);
export const count = (n) => Number(n ?? 0).toLocaleString();
export const seconds = (s) => (s === null || s === undefined ? "" : s < 100 ? `${s.toFixed(1)} s` : s < 6000 ? `${(s / 60).toFixed(0)} min` : `${(s / 3600).toFixed(1)} h`);
export const wait = (ms) => (ms === null || ms === undefined ? "" : seconds(ms / 1000));
export const ago = (ms, now) => (ms ? `${seconds(Math.max(0, (now - ms) / 1000))} ago` : "never");
export const number = (x) => (x === null || x === undefined ? "" : Math.abs(x) >= 1000 ? count(Math.round(x)) : Number(x.toPrecision(4)).toString());
export const SCALE = { INSTANCES: [1, "launches"], CPU: [1, "cores"], MEMORY: [2 ** 30, "GiB"], STORAGE: [2 ** 30, "GiB"], NETWORK: [2 ** 20, "MiB/s"] };
export const RESOURCES = { INSTANCES: "Launches", CPU: "CPU", MEMORY: "Memory", STORAGE: "Storage", NETWORK: "Network" };
export const HORIZONS = { HOUR: "Next hour", DAY: "Next day", WEEK: "Next week" };
