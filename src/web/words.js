// What the figures mean, in words. Numbers in, sentences out; no document.

import { count } from "./dom.js";

// Where typical texts lie on Flesch's scale, after the table in his The Art of Readable Writing
// (1949): below 30 scientific, to 50 academic, to 60 "quality", to 70 digests, to 80 slick fiction,
// above that pulp fiction and comics.
export const TYPICAL = [
  { from: 0, to: 30, label: "science", like: "a scientific paper" },
  { from: 30, to: 50, label: "academic", like: "an academic journal" },
  { from: 50, to: 60, label: "news", like: "a quality newspaper" },
  { from: 60, to: 80, label: "novels", like: "a magazine or a novel" },
  { from: 80, to: 100, label: "comics", like: "a comic or a letter to a friend" },
];

export function typical(ease) {
  return TYPICAL.find(({ to }) => ease < to) ?? TYPICAL[TYPICAL.length - 1];
}

// The six indices that estimate a school grade of the USA, and what they are called.
export const GRADES = [
  ["flesch_kincaid_grade", "Flesch–Kincaid grade"],
  ["gunning_fog", "Gunning fog"],
  ["smog_index", "SMOG"],
  ["automated_readability_index", "Automated readability"],
  ["coleman_liau_index", "Coleman–Liau"],
  ["linsear_write_formula", "Linsear Write"],
];

// Two further ones with scales of their own.
export const OTHERS = [
  ["flesch_reading_ease", "Flesch reading ease"],
  ["dale_chall_readability_score", "Dale–Chall"],
  ["lix", "LIX"],
];

// The middle of the six: one outlier of a formula moves it less than it would move a mean.
export function middleGrade(readability) {
  const all = GRADES.map(([name]) => readability[name]).sort((a, b) => a - b);
  return (all[2] + all[3]) / 2;
}

const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };
const ordinals = new Intl.PluralRules("en", { type: "ordinal" });

// What a reader needs, as in "it asks for …".
export function gradeWords(grade) {
  const whole = Math.round(grade);
  if (whole < 1) return "no school yet";
  if (whole > 16) return "a university degree";
  if (whole > 12) return "some years of college";
  return `about ${whole}${ENDINGS[ordinals.select(whole)]} grade (age ${whole + 5} to ${whole + 6})`;
}

export function moodWords({ label, compound }) {
  const strength = Math.abs(compound);
  if (label === "neutral") return "neutral";
  const degree = strength > 0.75 ? "strongly " : strength < 0.35 ? "slightly " : "";
  return `${degree}${label}`;
}

// One or two sentences about a text.
export function summary(readability, sentiment) {
  const words = readability.lexicon_count / Math.max(readability.sentence_count, 1);
  const { like } = typical(readability.flesch_reading_ease);
  const lead = `${readability.label[0].toUpperCase()}${readability.label.slice(1)}`;
  const rest =
    `: it reads like ${like} and asks for ${gradeWords(middleGrade(readability))}. ` +
    `A sentence has ${count(Math.round(words), "word")} on average; the mood is ${moodWords(sentiment)}.`;
  return { lead, rest };
}
