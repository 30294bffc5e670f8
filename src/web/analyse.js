// The view that scores a text of one's own.

import { ask, problemBox } from "./api.js";
import { byId, count } from "./dom.js";
import { scoreCard } from "./scores.js";

export function start(openKeywords) {
  const content = byId("analyse-content");
  content.addEventListener("input", () => (byId("analyse-count").textContent = count(content.value.length, "character")));
  byId("analyse-form").addEventListener("submit", (event) => {
    event.preventDefault();
    analyse();
  });
  byId("analyse-keywords").addEventListener("click", () => openKeywords(content.value));
}

async function analyse() {
  const state = byId("analyse-state");
  const result = byId("analyse-result");
  show(state, "asking", "asking…");
  try {
    const answer = await ask("POST", "analyze/", { body: { content: byId("analyse-content").value } });
    result.replaceChildren(scoreCard(answer.readability, answer.sentiment, { first: true }));
    show(state, "done", "done and stored");
  } catch (problem) {
    result.replaceChildren(problemBox(problem, analyse));
    show(state, "failed", "failed");
  }
}

// A view's line about how its request stands.
export function show(state, name, words) {
  state.dataset.state = name;
  state.textContent = words;
}
