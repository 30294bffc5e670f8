//! The list of keywords that a language model has written, however it wrote it.
//!
//! Asked for a comma-separated list, models write one, mostly. They also write one keyword a line,
//! with bullets, numbers or quotes, a JSON array, all of it in a fenced block, or a sentence first
//! ("Here are the keywords:").
//!
//! ```text
//!   answer ─► a JSON array? ─► its strings ──────────────────────┐
//!          └► else lines, without fences, ─► split at commas ────┴─► each without bullet, number,
//!             and without "Keywords:"                                quotes; not long, not twice
//! ```

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Keyword, rounded};
use crate::limits::{KEYWORD_CHARS, KEYWORDS_ANSWER_BYTES};

/// What has more words is a sentence.
const WORDS: usize = 6;

/// The keywords in `answer`, in its order, at most `limit`. `cut` says that the answer was ended by
/// a bound and not by the model, so that its last keyword may be half of one.
///
/// A score says nothing but the rank: of n keywords the first has 1, the next 1 − 1/n, the last
/// 1/n.
pub fn from_answer(answer: &str, limit: usize, cut: bool) -> Vec<Keyword> {
    let end = answer.floor_char_boundary(KEYWORDS_ANSWER_BYTES);
    let cut = cut || end < answer.len();
    let answer = &answer[..end];
    let mut listed = json_array(answer).unwrap_or_else(|| split(answer));
    if cut {
        listed.pop();
    }
    let mut seen = BTreeSet::new();
    let mut keywords: Vec<String> = Vec::new();
    for keyword in listed {
        let keyword = tidy(&keyword);
        let fits = !keyword.is_empty() && keyword.chars().nth(KEYWORD_CHARS).is_none();
        if keywords.len() < limit && fits && seen.insert(keyword.to_lowercase()) {
            keywords.push(keyword);
        }
    }
    let many = keywords.len() as f64;
    let scored = (0..).zip(keywords).map(|(rank, keyword)| Keyword {
        keyword,
        score: rounded((many - f64::from(rank)) / many),
    });
    scored.collect()
}

/// The strings of the array that is somewhere in `answer`, if one is.
fn json_array(answer: &str) -> Option<Vec<String>> {
    let array = answer.get(answer.find('[')?..=answer.rfind(']')?)?;
    let items: Vec<Value> = serde_json::from_str(array).ok()?;
    let strings: Vec<String> = items
        .into_iter()
        .filter_map(|item| match item {
            Value::String(keyword) => Some(keyword),
            Value::Object(mut fields) => match fields.remove("keyword") {
                Some(Value::String(keyword)) => Some(keyword),
                _ => None,
            },
            _ => None,
        })
        .collect();
    (!strings.is_empty()).then_some(strings)
}

/// The items of a list in plain text.
fn split(answer: &str) -> Vec<String> {
    let mut items = Vec::new();
    for line in answer.lines().map(str::trim) {
        // A fence, or an announcement: "Here are the keywords:".
        if line.starts_with("```") || line.ends_with(':') {
            continue;
        }
        let line = match line.split_once(':') {
            Some((label, list)) if label.to_lowercase().contains("keyword") => list,
            _ => line,
        };
        let parts: Vec<&str> = line.split([',', ';', '、', '，']).collect();
        // Prose has commas too.
        let sentences = parts.iter().filter(|part| is_sentence(bare(part))).count();
        if 2 * sentences < parts.len() {
            items.extend(parts.into_iter().map(str::to_owned));
        }
    }
    items.retain(|item| !item.trim().is_empty());
    items
}

/// A keyword with single spaces. Empty if nothing is left, or if it is a sentence.
fn tidy(item: &str) -> String {
    let keyword = bare(item);
    if is_sentence(keyword) {
        return String::new();
    }
    words(keyword).collect::<Vec<&str>>().join(" ")
}

/// An item without what makes a list of it.
fn bare(item: &str) -> &str {
    let mut item = item
        .trim()
        .trim_start_matches(['-', '*', '•', '·', '–', '—', '+', '>', '#', ' ']);
    let digits = item.trim_start_matches(|c: char| c.is_ascii_digit());
    if digits.len() < item.len()
        && let Some(rest) = digits.strip_prefix(". ").or(digits.strip_prefix(") "))
    {
        item = rest;
    }
    // What follows a dash explains the keyword.
    for dash in [" – ", " — ", " - ", ": "] {
        item = item.split_once(dash).map_or(item, |(keyword, _)| keyword);
    }
    let quotes = |c: char| c.is_whitespace() || "\"'“”‘’«»`*_[]".contains(c);
    let item = item.trim_matches(quotes).trim_end_matches(['.', ':', '!']);
    let item = item.trim_matches(quotes);
    item.strip_prefix("and ").unwrap_or(item)
}

fn is_sentence(item: &str) -> bool {
    words(item).nth(WORDS).is_some()
}

fn words(item: &str) -> impl Iterator<Item = &str> {
    let words = item.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(answer: &str) -> Vec<String> {
        let keywords = from_answer(answer, 10, false);
        keywords.into_iter().map(|found| found.keyword).collect()
    }

    #[test]
    fn a_list_is_read_however_it_was_written() {
        for answer in [
            "green tea, matcha, tea ceremony",
            "Green tea, matcha, tea ceremony, green tea, MATCHA.",
            "Here are the keywords:\n\ngreen tea, matcha, and tea ceremony.",
            "**Keywords:** green tea; matcha; tea ceremony",
            "- green tea\n- matcha\n- tea ceremony\n",
            "1. green tea\n2) matcha\n3. **tea ceremony** – the Japanese way",
            "* \"green tea\"\n* “matcha”\n* 'tea ceremony'",
            r#"["green tea", "matcha", "tea ceremony"]"#,
            "```json\n{\"keywords\": [\"green tea\", \"matcha\", \"tea ceremony\"]}\n```",
            r#"[{"keyword": "green tea", "score": 9}, {"keyword": "matcha"}, {"keyword": "tea ceremony"}]"#,
            "green\ttea,,matcha, tea  ceremony,",
        ] {
            let lower: Vec<String> = listed(answer).iter().map(|k| k.to_lowercase()).collect();
            assert_eq!(lower, ["green tea", "matcha", "tea ceremony"], "{answer}");
        }
    }

    #[test]
    fn names_with_marks_stay_whole() {
        let names = [
            "C++",
            "C#",
            ".NET",
            "Node.js",
            "I/O",
            "3.5 mm jack",
            "Moore's law",
            "[object]",
        ];
        assert_eq!(listed(&names.join(", "))[..7], names[..7]);
    }

    #[test]
    fn sentences_are_no_keywords() {
        assert!(listed("I am sorry but I cannot do that for you today, my friend.").is_empty());
        assert!(listed(&"a".repeat(KEYWORD_CHARS + 1)).is_empty());
        assert!(listed(" \n, ; \n- \n").is_empty());
        assert!(listed("[]").is_empty());
    }

    #[test]
    fn a_score_is_the_rank() {
        let scores: Vec<f64> = from_answer("a, b, c, d", 10, false)
            .iter()
            .map(|k| k.score)
            .collect();
        assert_eq!(scores, [1.0, 0.75, 0.5, 0.25]);
        assert_eq!(from_answer("a, b, c, d", 2, false).len(), 2);
    }

    #[test]
    fn half_a_keyword_is_none() {
        let keywords = from_answer("green tea, tea cere", 10, true);
        assert_eq!(keywords.len(), 1);
        let endless = "tea, ".repeat(KEYWORDS_ANSWER_BYTES) + "matcha";
        assert_eq!(from_answer(&endless, 10, false).len(), 1);
    }

    #[test]
    fn a_list_that_was_cut_anywhere_gives_whole_keywords() {
        let answer = "1. gr\u{fc}ner Tee, “matcha”\n[\"x\", ```";
        for end in (0..=answer.len()).filter(|end| answer.is_char_boundary(*end)) {
            for keyword in from_answer(&answer[..end], 10, true) {
                assert!(["grüner Tee", "matcha", "x"].contains(&keyword.keyword.as_str()));
            }
        }
    }
}
