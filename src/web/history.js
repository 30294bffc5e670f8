// The view of what is stored: pages of a list, a search, one text, and away with it.
//
// Addresses: `#/history` is the list, `#/history/ID` one text, so that both can be kept and sent.

import { show } from "./analyse.js";
import { ask, problemBox } from "./api.js";
import { byId, copyButton, count, element } from "./dom.js";
import { scoreCard, scoreLine } from "./scores.js";

const ROWS = 20;
const TYPING_MS = 300;

let query = "";
let cursors = [null]; // of the pages up to the one that is shown
let next = null; // the cursor of the page after it
let latest = 0; // answers that come after a later question are thrown away
let openKeywords;

export function start(keywords) {
  openKeywords = keywords;
  let typing;
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    search();
  });
  byId("query").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  });
  byId("older").addEventListener("click", () => turn(() => cursors.push(next)));
  byId("newer").addEventListener("click", () => turn(() => cursors.pop()));
  byId("confirm-no").addEventListener("click", () => byId("confirm").close("no"));
  byId("confirm-yes").addEventListener("click", () => byId("confirm").close("yes"));
}

// The view is shown: one text if the address names it, else the list.
export function enter(id) {
  const parts = ["search", "export", "rows", "pages"].map(byId);
  parts.forEach((part) => (part.hidden = Boolean(id)));
  byId("one").hidden = true;
  byId("history-problem").replaceChildren();
  return id ? read(id) : list();
}

function search() {
  const wanted = byId("query").value.trim();
  if (wanted === query) return;
  query = wanted;
  cursors = [null];
  list();
}

function turn(step) {
  step();
  list();
  byId("history-title").focus();
}

async function load(path, words) {
  const mine = (latest += 1);
  show(byId("history-state"), "asking", words);
  try {
    const answer = await ask("GET", path);
    return mine === latest ? answer : null;
  } catch (problem) {
    if (mine === latest) {
      show(byId("history-state"), "failed", "failed");
      byId("history-problem").replaceChildren(problemBox(problem, () => enter(location.hash.split("/")[2])));
    }
    return null;
  }
}

async function list() {
  const asked = new URLSearchParams({ limit: ROWS });
  if (query) asked.set("q", query);
  const cursor = cursors[cursors.length - 1];
  if (cursor) asked.set("cursor", cursor);
  const page = await load(`contents?${asked}`, "looking…");
  if (!page) return;
  next = page.next;
  byId("history-problem").replaceChildren();
  byId("rows").replaceChildren(...page.contents.map(row));
  byId("older").disabled = !next;
  byId("newer").disabled = cursors.length === 1;
  show(byId("history-state"), "done", summary(page));
}

function summary({ contents, indexing }) {
  const some = contents.length > 0 && `${count(contents.length, "text")}, page ${cursors.length}`;
  if (!query) return some || "Nothing is stored yet.";
  const missing = indexing && contents.length < ROWS ? "; older texts are still being indexed" : "";
  return `${some || "Nothing was found"} for “${query}”${missing}`;
}

function row(text) {
  const when = new Date(text.created_at);
  const excerpt = text.text.replace(/\s+/g, " ").slice(0, 240);
  return element(
    "li",
    {},
    element(
      "a",
      { href: `#/history/${text.id}` },
      element("span", { class: "topic" }, text.topic),
      element("time", { class: "when", datetime: text.created_at }, when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })),
      element("span", { class: "excerpt" }, excerpt),
      element("span", { class: "tags" }, ...tags(text).map((tag) => element("span", {}, tag)), cut(text)),
    ),
  );
}

function tags(text) {
  const model = text.model === text.provider ? null : text.model;
  return [scoreLine(text.readability, text.sentiment), [text.provider, model].filter(Boolean).join(", "), size(text.text_bytes)];
}

function size(bytes) {
  return bytes < 1000 ? `${bytes} bytes` : `${(bytes / 1000).toFixed(1)} kB`;
}

function cut(text) {
  return text.state === "complete" ? null : element("span", { class: "cut" }, "broken off");
}

async function read(id) {
  const text = await load(`contents/${encodeURIComponent(id)}`, "looking…");
  if (!text) return;
  show(byId("history-state"), "done", "stored text");
  const one = byId("one");
  one.replaceChildren(
    element("header", { class: "sheet-top" }, element("h2", { id: "one-title", tabindex: "-1" }, text.topic), tools(text)),
    element(
      "p",
      { class: "meta" },
      element("time", { datetime: text.created_at }, new Date(text.created_at).toLocaleString()),
      ...tags(text).slice(1).map((tag) => element("span", {}, tag)),
      cut(text),
    ),
    element("p", { class: "prose" }, text.text),
    scoreCard(text.readability, text.sentiment),
  );
  one.hidden = false;
  one.querySelector("h2").focus();
}

function tools(text) {
  const quiet = (words, onclick) => element("button", { type: "button", class: "quiet", onclick }, words);
  return element(
    "span",
    { class: "tools" },
    element("a", { class: "button quiet", href: "#/history" }, "← Back"),
    copyButton(() => text.text),
    quiet("Keywords", () => openKeywords(text.text)),
    quiet("Delete", () => remove(text)),
  );
}

function remove(text) {
  const dialog = byId("confirm");
  byId("confirm-what").textContent = `“${text.topic}”, ${size(text.text_bytes)}`;
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && reallyRemove(text), { once: true });
  dialog.showModal();
  byId("confirm-no").focus();
}

async function reallyRemove(text) {
  try {
    await ask("DELETE", `contents/${text.id}`);
    location.hash = "#/history";
  } catch (problem) {
    byId("history-problem").replaceChildren(problemBox(problem, () => reallyRemove(text)));
  }
}
