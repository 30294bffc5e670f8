// Several texts about one topic side by side, each with its scores, and which one was chosen.

import { copyButton, element, figure } from "./dom.js";
import { scoreCard, scoreLine } from "./scores.js";

// `answer` is the answer to a request with `candidates`: the chosen text, and all of them.
export function showChoices(into, answer) {
  const cards = (answer.candidates ?? []).map((candidate, at) => card(candidate, at + 1));
  into.replaceChildren(...cards);
  into.dataset.count = cards.length;
  into.hidden = false;
}

function card(candidate, number) {
  const title = `Candidate ${number}`;
  const badge = candidate.chosen ? element("span", { class: "badge" }, "chosen") : null;
  const header = element("header", {}, element("h3", {}, title), badge);
  const className = candidate.chosen ? "choice chosen" : "choice";
  if (candidate.error || typeof candidate.generated_text !== "string") {
    const words = candidate.error?.detail ?? candidate.error ?? "There is no text.";
    return element("article", { class: className, "aria-label": title }, header, element("p", { class: "hint" }, String(words)));
  }
  const { generated_text: text, readability, sentiment, distance } = candidate;
  const away = distance === null || distance === undefined ? "" : ` · distance ${figure(distance)}`;
  // It scrolls by itself, so it has to be reachable by keyboard.
  const prose = element("p", { class: "prose", tabindex: "0", role: "region", "aria-label": `${title}, the text` }, text);
  return element(
    "article",
    { class: className, "aria-label": title },
    header,
    prose,
    element("p", { class: "hint" }, `${scoreLine(readability, sentiment)}${away}`),
    element("details", {}, element("summary", {}, `Scores of candidate ${number}`), scoreCard(readability, sentiment, { first: true })),
    copyButton(() => text),
  );
}
