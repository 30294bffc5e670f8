// The view that finds the keywords of a text.

import { show } from "./analyse.js";
import { ask, problemBox } from "./api.js";
import { byId, copyButton, count, element, figure, place } from "./dom.js";

export function start() {
  byId("keywords-form").addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
}

// Puts a text in from another view.
export function fill(content) {
  byId("keywords-content").value = content;
}

async function find() {
  const state = byId("keywords-state");
  const result = byId("keywords-result");
  const body = { content: byId("keywords-content").value };
  if (byId("keywords-method").value) body.method = byId("keywords-method").value;
  if (byId("keywords-limit").value) body.limit = Number(byId("keywords-limit").value);
  show(state, "asking", "asking…");
  byId("keywords-tools").replaceChildren();
  try {
    const answer = await ask("POST", "keywords/", { body });
    const found = answer.keywords;
    result.replaceChildren(found.length > 0 ? chips(found) : element("p", { class: "hint" }, "None were found."));
    byId("keywords-tools").replaceChildren(copyButton(() => found.map(({ keyword }) => keyword).join(", ")));
    const by = answer.method === "provider" ? "the provider" : "this server";
    show(state, "done", `${count(found.length, "keyword")}, found by ${by}`);
  } catch (problem) {
    result.replaceChildren(problemBox(problem, find));
    show(state, "failed", "failed");
  }
}

// The weight as a bar, measured by the weightiest.
function chips(found) {
  const most = Math.max(...found.map(({ score }) => score), Number.MIN_VALUE);
  const chip = ({ keyword, score }) =>
    element(
      "li",
      {},
      element("b", {}, keyword),
      element("span", {}, element("span", { class: "unseen" }, "weight "), figure(score)),
      place(element("i"), { "--width": `${Math.max((100 * score) / most, 4).toFixed(1)}%` }),
    );
  return element("ol", { class: "chips" }, ...found.map(chip));
}
