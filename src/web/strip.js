// The strip at the bottom: what the server is doing now, asked every other second while somebody
// can see it.

import { ask } from "./api.js";
import { byId, element } from "./dom.js";

const EVERY_MS = 2000;
const POINTS = 30; // a minute

// Name, words (the last: 99 of 100 turns of the event loop took no longer), and whether it is left out on a phone.
const FIGURES = [
  ["requests", "in flight", false],
  ["calls", "being written", true],
  ["waiting", "waiting", false],
  ["connections", "connections", true],
  ["lag", "a turn", false],
];

const shown = {};
let history = [];
let timer;

export function start() {
  for (const [name, words, far] of FIGURES) {
    shown[name] = element("dd", {}, "–");
    byId("figures").append(element("div", { class: far ? "far" : null }, element("dt", {}, words), shown[name]));
  }
  document.addEventListener("visibilitychange", look);
  look();
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    show(await ask("GET", "status"));
  } catch {
    pulse("bad", "the server cannot be reached");
    for (const figure of Object.values(shown)) figure.textContent = "–";
  }
  clearTimeout(timer); // another look may have begun while this one waited
  timer = setTimeout(look, EVERY_MS);
}

function show(status) {
  const inQueues = Object.values(status.queues).reduce((sum, { waiting }) => sum + waiting, 0);
  const lag = status.loop.turn_p99_us;
  shown.requests.textContent = status.requests;
  shown.calls.textContent = status.calls.running;
  shown.waiting.textContent = status.calls.waiting + inQueues;
  shown.connections.textContent = status.connections;
  shown.lag.textContent = lag === null ? "> 250 ms" : `≤ ${lag / 1000} ms`;
  pulse("good", `up ${since(status.uptime_s)}`);
  history = [...history, status.requests].slice(-POINTS);
  const most = Math.max(4, ...history);
  const points = history.map((value, at) => `${4 * (at + POINTS - history.length)},${19 - (18 * value) / most}`);
  byId("spark").lastElementChild.setAttribute("points", points.join(" "));
}

// Said only when it changes in kind: a screen reader must not hear the seconds.
function pulse(state, words) {
  const made = byId("pulse");
  made.title = words;
  if (made.dataset.state === state) return;
  made.dataset.state = state;
  made.textContent = state === "good" ? "the server is up" : words;
}

function since(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}
