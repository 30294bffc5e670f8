// The view that asks for a text and shows it growing.
//
// What is on its way is remembered in the tab (`sessionStorage`), so that a reload in the middle
// goes on where the server is, not where the page was.

import { ask, problemBox } from "./api.js";
import { showChoices } from "./candidates.js";
import { byId, copyButton, count, element, recall, remember } from "./dom.js";
import { scoreCard } from "./scores.js";
import { TextStream } from "./stream.js";

const ON_ITS_WAY = "maitred.on-its-way";
// A screen reader hears the text in portions of at least this many characters, cut at a sentence.
const PORTION = 240;

const STOPPED = {
  stored: "stopped by you; what there was is stored",
  unsaid: "stopped before the first word",
  untold: "stopped here; the server could not be told",
  gone: "stopped here; the server is not writing this text any more",
};
const STATES = {
  asking: () => "asking…",
  writing: () => "writing…",
  lost: () => "network lost, resuming…",
  done: ({ stored }) => (stored ? "done and stored" : "done, but not stored"),
  stopped: ({ how }) => STOPPED[how],
  failed: () => "failed",
};

// Why a text ends before its model was done with it.
const CUTS = { length: "cut at the length you set", content_filter: "the provider’s filter stopped it" };

let current = null; // the TextStream, or the AbortController of candidates
let unsaid = ""; // what a screen reader has not heard yet
const letters = document.createTextNode("");

export function start() {
  byId("text").prepend(letters);
  byId("order").addEventListener("submit", (event) => {
    event.preventDefault();
    order();
  });
  byId("stop").addEventListener("click", stop);
  byId("candidates").addEventListener("change", () => (byId("prefer").hidden = !wantsSeveral()));
  byId("provider").addEventListener("change", showModel);
  addEventListener("offline", () => current?.lose?.());
  addEventListener("online", () => current?.retry?.());
  loadProviders();
  takeUp();
}

export function stop() {
  if (current instanceof TextStream) current.stop();
  else current?.abort();
}

// --- what can be asked for -----------------------------------------------------------------------

async function loadProviders() {
  let known;
  try {
    known = await ask("GET", "providers");
  } catch (problem) {
    return byId("problem").replaceChildren(problemBox(problem, retryProviders));
  }
  const options = known.providers.map(({ name, model, offline }) =>
    element("option", { value: name, "data-model": model, selected: name === known.default }, offline ? `${name} (built in)` : name),
  );
  byId("provider").replaceChildren(...options);
  byId("offline-hint").hidden = known.providers.some(({ offline }) => !offline);
  return showModel();
}

function retryProviders() {
  byId("problem").replaceChildren();
  loadProviders();
}

function showModel() {
  const chosen = byId("provider").selectedOptions[0];
  byId("model").placeholder = chosen?.dataset.model ?? "the provider’s own";
}

function wantsSeveral() {
  return Number(byId("candidates").value) > 1;
}

// The form as the body of a request: what was left empty is left out.
function read() {
  const form = new FormData(byId("order"));
  const asked = { topic: form.get("topic").trim() };
  for (const name of ["provider", "model"]) if (form.get(name)) asked[name] = form.get(name).trim();
  for (const name of ["max_tokens", "temperature"]) if (form.get(name) !== "") asked[name] = Number(form.get(name));
  return asked;
}

// What the best of several candidates is to be near to.
function readPrefer() {
  const prefer = {};
  if (byId("prefer-grade").value !== "") prefer.flesch_kincaid_grade = Number(byId("prefer-grade").value);
  if (byId("prefer-mood").value) prefer.sentiment = byId("prefer-mood").value;
  return prefer;
}

// --- asking --------------------------------------------------------------------------------------

async function order() {
  if (isBusy()) return;
  const asked = read();
  clear(asked.topic);
  const top = byId("sheet-title").getBoundingClientRect().top;
  if (top > innerHeight * 0.6) byId("sheet-title").scrollIntoView();
  if (wantsSeveral()) return askForSeveral(asked);
  const stream = open(asked.topic);
  return stream.ask(asked);
}

// After a reload: the text that was being written goes on.
function takeUp() {
  const kept = JSON.parse(recall("sessionStorage", ON_ITS_WAY) ?? "null");
  if (!kept) return;
  byId("topic").value = kept.topic;
  clear(kept.topic);
  open(kept.topic).resume(kept.id);
}

function open(topic) {
  const stream = new TextStream({
    text: grow,
    state: (state, more = {}) => {
      const kept = stream.id && !stream.isOver ? JSON.stringify({ id: stream.id, topic }) : null;
      remember("sessionStorage", ON_ITS_WAY, kept);
      show(state, STATES[state](more));
      if (stream.isOver) finish(state, more);
    },
  });
  current = stream;
  return stream;
}

async function askForSeveral(asked) {
  const candidates = Number(byId("candidates").value);
  const prefer = readPrefer();
  const body = { ...asked, candidates };
  if (Object.keys(prefer).length > 0) body.prefer = prefer;
  current = new AbortController();
  show("asking", `asking for ${candidates} candidates…`);
  byId("caret").hidden = true;
  try {
    const answer = await ask("POST", "generate/", { body, signal: current.signal });
    byId("text").hidden = true;
    showChoices(byId("choices"), answer);
    show("done", answer.stored === false ? "done, but not stored" : "done and stored");
  } catch (error) {
    if (error.name === "AbortError") show("stopped", "stopped by you");
    else fail(error);
  }
  current = null;
  settle();
}

function isBusy() {
  return current instanceof TextStream ? !current.isOver : current !== null;
}

// --- showing -------------------------------------------------------------------------------------

function clear(topic) {
  letters.data = "";
  unsaid = "";
  for (const id of ["problem", "card", "tools", "said"]) byId(id).replaceChildren();
  byId("choices").hidden = true;
  byId("sheet-title").textContent = topic.length > 60 ? `${topic.slice(0, 60)}…` : topic;
  byId("text").hidden = false;
  byId("text").classList.remove("empty", "short");
  byId("caret").hidden = false;
  enable("stop", "send");
}

function show(state, words) {
  byId("state").dataset.state = state;
  byId("state").textContent = words;
}

// New letters. The page follows the caret if it was in sight.
function grow(text) {
  const caret = byId("caret");
  const floor = innerHeight - byId("pulse").closest("footer").offsetHeight;
  const before = caret.getBoundingClientRect().bottom;
  letters.appendData(text);
  const after = caret.getBoundingClientRect().bottom;
  if (before > 0 && before <= floor && after > floor) scrollBy(0, after - floor + 8);
  unsaid += text;
  const end = unsaid.length >= PORTION ? unsaid.search(/[.!?…]\s[^.!?…]*$/) + 1 : 0;
  if (end > 0) say(end);
}

function say(end) {
  byId("said").textContent = unsaid.slice(0, end);
  unsaid = unsaid.slice(end);
}

// The text has come to its end, whatever that is.
function finish(state, more) {
  say(unsaid.length);
  byId("text").classList.toggle("short", letters.data === "");
  if (letters.data) byId("tools").replaceChildren(copyButton(() => letters.data));
  if (state === "done") {
    const origin = [more.provider, more.model !== more.provider && more.model, tokens(more.usage), CUTS[more.finish_reason]];
    byId("card").replaceChildren(
      element("p", { class: "hint" }, origin.filter(Boolean).join(" · ")),
      scoreCard(more.readability, more.sentiment),
    );
  }
  if (state === "failed") fail(more);
  settle();
}

function tokens(usage) {
  return usage?.completion_tokens ? count(usage.completion_tokens, "token") : null;
}

function fail(problem) {
  show("failed", letters.data ? "broken off; this is what there was" : "failed");
  byId("problem").replaceChildren(problemBox(problem, order));
}

function settle() {
  byId("caret").hidden = true;
  enable("send", "stop");
}

// One button of the two can be used. The focus moves with it: a disabled button would lose it.
function enable(one, other) {
  const moves = document.activeElement === byId(other);
  byId(one).disabled = false;
  if (moves) byId(one).focus();
  byId(other).disabled = true;
}
