//! The query of `GET /contents`: which rows of the store are asked for.
//!
//! As strict as the bodies are: an unknown name, a name that stands twice and a broken percent
//! escape are faults that name the parameter, so that no two readers see two requests.

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::uuid;
use crate::engine::Failure;
use crate::limits::{PAGE_ROWS, SEARCH_CHARS};

/// Rows on a page when nobody says how many.
const DEFAULT_ROWS: usize = 20;

/// The query of `GET /contents`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Only texts about this topic.
    pub topic: Option<String>,
    /// Only texts with these words.
    pub words: Option<String>,
    /// Rows on the page.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Uuid>,
}

impl ListQuery {
    /// Reads what follows the `?`, not decoded yet.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Failure> {
        let (mut topic, mut words, mut limit, mut cursor) = (None, None, None, None);
        for (name, value) in pairs(query) {
            let twice = match name {
                "topic" => topic.replace(decode(name, value)?).is_some(),
                "q" => words.replace(search(decode(name, value)?)?).is_some(),
                "limit" => limit.replace(rows(value)?).is_some(),
                "cursor" => cursor.replace(place(value)?).is_some(),
                _ => {
                    let expected = "one of topic, q, limit and cursor";
                    return Err(Failure::parameter(name, expected));
                }
            };
            if twice {
                return Err(Failure::parameter(name, "given only once"));
            }
        }
        Ok(ListQuery {
            topic: topic.filter(|topic| !topic.is_empty()),
            words: words.filter(|words| !words.is_empty()),
            limit: limit.unwrap_or(DEFAULT_ROWS),
            cursor,
        })
    }
}

/// Names and values, not decoded yet.
pub(super) fn pairs(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.unwrap_or("").split('&').filter(|p| !p.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Refuses every parameter, for a route that knows none: one that is overlooked would be an answer to
/// another question.
pub(super) fn none(query: Option<&str>) -> Result<(), Failure> {
    let pair = query.unwrap_or("").split('&').find(|pair| !pair.is_empty());
    match pair {
        Some(pair) => {
            let name = pair.split('=').next().unwrap_or(pair);
            Err(Failure::parameter(name, "left out: all texts are exported"))
        }
        None => Ok(()),
    }
}

fn search(words: String) -> Result<String, Failure> {
    if words.chars().nth(SEARCH_CHARS).is_some() {
        return Err(Failure::parameter("q", "at most 200 characters"));
    }
    Ok(words)
}

pub(super) fn rows(value: &str) -> Result<usize, Failure> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()); // no sign, which `parse` takes
    let number = value.parse().ok().filter(|n| (1..=PAGE_ROWS).contains(n));
    number
        .filter(|_| digits)
        .ok_or_else(|| Failure::parameter("limit", "a whole number from 1 to 100"))
}

fn place(value: &str) -> Result<Uuid, Failure> {
    uuid(value).ok_or_else(|| Failure::parameter("cursor", "the `next` of the page before"))
}

/// Undoes percent-encoding and `+`, and trims what is left.
pub(super) fn decode(name: &str, value: &str) -> Result<String, Failure> {
    let wrong = || Failure::parameter(name, "percent-encoded UTF-8");
    if !escapes_are_whole(value.as_bytes()) {
        return Err(wrong());
    }
    let spaces = value.replace('+', " ");
    let text = percent_decode_str(&spaces)
        .decode_utf8()
        .map_err(|_| wrong())?;
    Ok(text.trim().to_string())
}

/// Two hexadecimal digits follow each `%` (RFC 3986 §2.1). The decoder would let others stand.
fn escapes_are_whole(value: &[u8]) -> bool {
    value
        .split(|byte| *byte == b'%')
        .skip(1)
        .all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_left_out_is_the_usual() {
        let list = ListQuery::parse(Some("topic=a%20b+%25c&limit=5")).unwrap();
        assert_eq!((list.topic.as_deref(), list.limit), (Some("a b %c"), 5));
        for empty in [None, Some(""), Some("&&topic=")] {
            let list = ListQuery::parse(empty).unwrap();
            assert_eq!((list.topic, list.limit, list.cursor), (None, 20, None));
        }
    }

    #[test]
    fn each_fault_names_its_parameter() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("q=%ff", "q"),
            ("q=a&q=b", "q"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("limit=+5", "limit"),
            ("cursor=5", "cursor"),
            ("topic=%ff", "topic"),
            ("topic=%zz", "topic"),
            ("topic=a%4", "topic"),
            ("topic=%", "topic"),
            ("limit=1&limit=1", "limit"),
            ("topic=&topic=a", "topic"),
            ("limt=3", "limt"),
            ("limit=3&p\u{7}ge", "pge"),
        ] {
            let failure = ListQuery::parse(Some(query)).unwrap_err();
            assert_eq!(failure.status(), 422, "{query}");
            assert_eq!(failure.field(), Some(name), "{query}");
        }
    }

    #[test]
    fn a_search_has_a_bound() {
        let long = |n| format!("q={}", "%C3%A9".repeat(n));
        assert!(ListQuery::parse(Some(&long(SEARCH_CHARS))).is_ok());
        let failure = ListQuery::parse(Some(&long(SEARCH_CHARS + 1))).unwrap_err();
        assert_eq!(failure.field(), Some("q"));
        assert_eq!(ListQuery::parse(Some("q=+")).unwrap().words, None);
    }

    #[test]
    fn a_long_name_is_cut_before_it_is_shown() {
        let failure = ListQuery::parse(Some(&"n".repeat(8_000))).unwrap_err();
        assert_eq!(failure.field(), Some("n".repeat(64).as_str()));
    }
}
