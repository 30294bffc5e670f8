// The card with the scores of a text: sentences first, then pictures, then figures. Each picture
// has its meaning in words too, for those who do not see it.

import { count, element, figure, place } from "./dom.js";
import { GRADES, OTHERS, TYPICAL, gradeWords, middleGrade, moodWords, summary, typical } from "./words.js";

const TOP_GRADE = 18;
const SCHOOLS = [
  { from: 0, to: 5, label: "primary" },
  { from: 5, to: 8, label: "middle" },
  { from: 8, to: 12, label: "high" },
  { from: 12, to: 16, label: "college" },
  { from: 16, to: TOP_GRADE, label: "later" },
];

// `readability` and `sentiment` as the server tells them; null if there was no time to score.
export function scoreCard(readability, sentiment, { first = false } = {}) {
  if (!readability || !sentiment) {
    return element("p", { class: "hint" }, "The scores are not there yet. They will be in the history.");
  }
  const { lead, rest } = summary(readability, sentiment);
  return element(
    "section",
    { class: first ? "scores first" : "scores", "aria-label": "Scores" },
    element("p", { class: "summary" }, element("strong", {}, lead), rest),
    easeFigure(readability.flesch_reading_ease),
    gradeFigure(readability),
    moodFigure(sentiment),
    counts(readability),
    allFigures(readability, sentiment),
  );
}

// One line, for places where there is no room for a card.
export function scoreLine(readability, sentiment) {
  if (!readability || !sentiment) return "not scored yet";
  const ease = figure(Math.round(readability.flesch_reading_ease));
  return `${readability.label} (${ease}) · ${moodWords(sentiment)}`;
}

const percent = (part) => `${(100 * part).toFixed(2)}%`;
const tenths = (value) => Math.round(10 * value) / 10;
const within = (value, low, high) => Math.min(Math.max(value, low), high);

function picture(className, caption, value, words, ...parts) {
  return element(
    "figure",
    { class: className },
    element("figcaption", {}, element("span", {}, caption), element("b", {}, value)),
    element("div", { role: "img", "aria-label": words }, ...parts),
  );
}

// The bands of a scale from 0 to `top` as pieces of a bar, and their names below it.
function bands(list, top, value) {
  const width = ({ from, to }) => ({ "--width": percent((to - from) / top) });
  const isOn = ({ from, to }) => value >= (from === 0 ? -Infinity : from) && value < (to === top ? Infinity : to);
  const bar = element("div", { class: "bar" });
  const labels = element("div", { class: "labels" });
  list.forEach((band, at) => {
    bar.append(place(element("i"), { ...width(band), "--mix": `${18 + 14 * at}%` }));
    labels.append(place(element("span", { class: isOn(band) ? "on" : null }, band.label), width(band)));
  });
  return { bar, labels };
}

function easeFigure(ease) {
  const { bar, labels } = bands(TYPICAL, 100, ease);
  const pin = place(element("i", { class: "pin" }), { "--at": percent(within(ease / 100, 0, 1)) });
  const words = `Reading ease ${figure(ease)} on a scale from 0, very hard, to 100, very easy: like ${typical(ease).like}.`;
  return picture("ease", "Reading ease: the more, the easier", figure(Math.round(ease)), words, element("div", { class: "scale" }, bar, pin), labels);
}

function gradeFigure(readability) {
  const middle = middleGrade(readability);
  const at = (grade) => ({ "--at": percent(within(grade / TOP_GRADE, 0, 1)) });
  const dots = element("div", { class: "dots" });
  for (const [name] of GRADES) dots.append(place(element("i"), at(readability[name])));
  dots.append(place(element("i", { class: "middle" }), at(middle)));
  const named = GRADES.map(([name, label]) => `${label} ${figure(readability[name])}`).join(", ");
  const words = `School grade by six formulas: ${named}. Their middle is ${figure(middle)}, which asks for ${gradeWords(middle)}.`;
  const { labels } = bands(SCHOOLS, TOP_GRADE, middle);
  return picture("grades", "School grade, by six formulas", middle.toFixed(1), words, dots, labels);
}

function moodFigure(sentiment) {
  const { compound, pos, neu, neg } = sentiment;
  const swing = place(element("i", { class: compound < 0 ? "tint-neg" : "tint-pos" }), {
    "--from": percent(0.5 + Math.min(compound, 0) / 2),
    "--width": percent(Math.abs(compound) / 2),
  });
  const parts = [["neg", "negative", neg], ["neu", "neutral", neu], ["pos", "positive", pos]];
  const bar = element("div", { class: "bar" });
  const legend = element("ul", { class: "legend", "aria-hidden": "true" });
  for (const [kind, label, part] of parts) {
    bar.append(place(element("i", { class: `tint-${kind}` }), { "--width": percent(part) }));
    legend.append(element("li", {}, element("i", { class: `tint-${kind}` }), `${label} ${figure(100 * part)} %`));
  }
  const words = `Mood ${figure(compound)} from −1, negative, to 1, positive: ${moodWords(sentiment)}. ` +
    parts.map(([, label, part]) => `${figure(100 * part)} % ${label}`).join(", ");
  const ends = element("div", { class: "ends" }, element("span", {}, "−1"), element("span", {}, "0"), element("span", {}, "+1"));
  const made = picture("parts", "Mood", `${compound > 0 ? "+" : ""}${figure(compound)}`.replace("-", "−"), words, element("div", { class: "mood" }, swing), ends, bar);
  made.append(legend);
  return made;
}

function counts(readability) {
  const { lexicon_count: words, sentence_count: sentences, syllable_count: syllables } = readability;
  const rows = [
    ["words", words],
    ["sentences", sentences],
    ["words a sentence", tenths(words / Math.max(sentences, 1))],
    ["syllables a word", tenths(syllables / Math.max(words, 1))],
  ];
  const made = element("dl", { class: "counts" });
  for (const [label, value] of rows) {
    made.append(element("div", {}, element("dt", {}, label), element("dd", {}, figure(value))));
  }
  return made;
}

function allFigures(readability, sentiment) {
  const body = element("tbody");
  const row = (label, value) => body.append(element("tr", {}, element("th", { scope: "row" }, label), element("td", {}, figure(value))));
  for (const [name, label] of [...OTHERS, ...GRADES]) row(label, readability[name]);
  row("Syllables", readability.syllable_count);
  for (const [name, label] of [["compound", "Mood (compound)"], ["pos", "Positive"], ["neu", "Neutral"], ["neg", "Negative"]]) {
    row(label, sentiment[name]);
  }
  const made = element("details", {}, element("summary", {}, "All figures"), element("table", {}, body));
  made.lastChild.prepend(element("caption", { class: "unseen" }, count(body.children.length, "figure")));
  return made;
}
