//! JSON of a peer, read without copying it.
//!
//! Four small tools on top of `serde_json`, which does the parsing:
//!
//! * [`parse`] takes the bytes of one document and checks, in this order, that they are UTF-8,
//!   that they are not nested deeper than [`limits::JSON_DEPTH`], and that they are JSON of the
//!   wanted shape;
//! * [`Object`] holds a derived struct to JSON *objects*;
//! * [`List`] folds a JSON array while it is read, so that its length allocates nothing;
//! * [`JsonStr`] is a string that still stands in the document, escapes and all. Its text is
//!   written out once, straight to where it is going, so a piece of text costs no allocation of
//!   its own even when it is full of `\n` and `\"`.
//!
//! It refuses to know what any field means.
//!
//! Why a depth check of our own: `serde_json` stops at 128 levels when it *builds* a value, but
//! a value that is *skipped* (an unknown field, a raw value) is walked in a loop without that
//! limit, with one byte of heap per open bracket. That cannot overflow the stack, but it would let
//! a peer size an allocation.

use std::fmt;
use std::marker::PhantomData;

use memchr::{memchr, memchr2_iter};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::limits;

/// Why the bytes of a peer could not be understood. Carries none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Nested deeper than [`limits::JSON_DEPTH`].
    #[error("JSON nested too deeply")]
    Depth,
    /// Not JSON, or not all of it.
    #[error("not JSON")]
    Syntax,
    /// JSON, but not what the protocol says: a number where text belongs, an array for an object.
    #[error("JSON of an unexpected shape")]
    Shape,
}

/// Reads one JSON document of a known shape. Everything in `T` may borrow from `document`.
///
/// # Errors
/// One [`Malformed`] per way to be wrong; nothing is skipped or repaired.
pub fn parse<'a, T: Deserialize<'a>>(document: &'a [u8]) -> Result<T, Malformed> {
    let text = std::str::from_utf8(document).map_err(|_| Malformed::Utf8)?;
    if deeper_than(limits::JSON_DEPTH, text.as_bytes()) {
        return Err(Malformed::Depth);
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Malformed::Shape,
        Category::Io | Category::Syntax | Category::Eof => Malformed::Syntax,
    })
}

/// Whether brackets are nested deeper than `limit` anywhere, as a strict parser would count. Goes over
/// the text at most twice, without recursion.
#[must_use]
pub fn deeper_than(limit: usize, text: &[u8]) -> bool {
    // Depth can never exceed the number of opening brackets, and a usual event has a dozen: this
    // vectorised count is all that most documents pay.
    if memchr2_iter(b'{', b'[', text).nth(limit).is_none() {
        return false;
    }
    let mut depth = 0usize;
    let mut in_string = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A JSON string as it stood in the document: without its quotes, with its escapes.
///
/// It is known to be a valid JSON string, because only the parser makes one.
///
/// ```
/// use maitred::dialect::JsonStr;
/// use maitred::dialect::json::parse;
///
/// let piece: JsonStr<'_> = parse(br#""caf\u00e9\n""#)?;
/// let mut text = String::from("a ");
/// piece.append_to(&mut text);
/// assert_eq!(text, "a caf\u{e9}\n");
/// # Ok::<(), maitred::dialect::Malformed>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// The string in `raw`, or `None` if `raw` is some other JSON value.
    pub(super) fn from_raw(raw: &'a RawValue) -> Option<Self> {
        raw.get()
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .map(Self)
    }

    /// Whether the string is `""`.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The string with its escapes, ready to stand between quotes in another JSON document.
    #[must_use]
    pub const fn escaped(self) -> &'a str {
        self.0
    }

    /// Appends the text that the string stands for.
    ///
    /// Half of a surrogate pair, which is valid JSON but no character, becomes U+FFFD, as in a
    /// browser. Nothing is allocated but the growth of `out`, at once; the text is never longer than
    /// its escaped form.
    pub fn append_to(self, out: &mut String) {
        let mut rest = self.0;
        out.reserve(rest.len());
        while let Some(at) = memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..at]);
            let (character, after) = unescape(&rest[at + 1..]);
            out.push(character);
            rest = after;
        }
        out.push_str(rest);
    }
}

impl fmt::Debug for JsonStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::from_raw(raw).ok_or_else(|| D::Error::custom("expected a string"))
    }
}

/// Reads one escape whose backslash is already gone; returns its character and what follows.
fn unescape(escape: &str) -> (char, &str) {
    let mut characters = escape.chars();
    let character = match characters.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unescape_utf16(characters.as_str()),
        // `"`, `\` and `/` stand for themselves, and the parser let nothing else through.
        Some(other) => other,
        None => char::REPLACEMENT_CHARACTER,
    };
    (character, characters.as_str())
}

/// Reads the digits after `\u`, and a second `\u` if the first is the front half of a pair
/// (RFC 8259 §7).
fn unescape_utf16(digits: &str) -> (char, &str) {
    let (first, rest) = hex4(digits);
    if let 0xD800..=0xDBFF = first
        && let Some(more) = rest.strip_prefix("\\u")
        && let (second @ 0xDC00..=0xDFFF, after) = hex4(more)
    {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (replace_invalid(code), after);
    }
    (replace_invalid(first), rest)
}

fn hex4(text: &str) -> (u32, &str) {
    let Some((digits, rest)) = text.split_at_checked(4) else {
        return (u32::from(char::REPLACEMENT_CHARACTER), "");
    };
    let code = u32::from_str_radix(digits, 16);
    (code.unwrap_or(u32::from(char::REPLACEMENT_CHARACTER)), rest)
}

fn replace_invalid(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// A `T` that was written as a JSON object.
///
/// A struct with a derived `Deserialize` also takes an *array*, field by position. That is right
/// for compact formats and wrong here: `[]` would pass for an event with nothing in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Object)
    }
}

/// What becomes of the items of a JSON array; see [`List`].
pub trait Gather<'de>: Default {
    /// One item of the array.
    type Item: Deserialize<'de>;

    /// Takes the next item.
    ///
    /// # Errors
    /// What is wrong with this item in this place; the document is then malformed.
    fn take(&mut self, item: Self::Item) -> Result<(), &'static str>;
}

/// A JSON array, folded item by item into a `G`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct List<G>(pub G);

impl<'de, G: Gather<'de>> Deserialize<'de> for List<G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<G>(PhantomData<G>);

        impl<'de, G: Gather<'de>> Visitor<'de> for ListVisitor<G> {
            type Value = G;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<G, A::Error> {
                let mut gathered = G::default();
                while let Some(item) = items.next_element()? {
                    gathered.take(item).map_err(A::Error::custom)?;
                }
                Ok(gathered)
            }
        }

        deserializer
            .deserialize_seq(ListVisitor(PhantomData))
            .map(List)
    }
}

/// The first object of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct First<T>(pub(super) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        First(None)
    }
}

impl<'de, T: Deserialize<'de>> Gather<'de> for First<T> {
    type Item = Object<T>;

    fn take(&mut self, Object(item): Self::Item) -> Result<(), &'static str> {
        self.0.get_or_insert(item);
        Ok(())
    }
}

/// A list that nobody reads.
///
/// It is stepped over item by item. Left to the parser it would be skipped in one go, for which
/// the parser allocates a note of the open brackets when the items are objects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SkippedVisitor;

        impl<'de> Visitor<'de> for SkippedVisitor {
            type Value = Skipped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skipped, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Skipped)
            }
        }

        deserializer.deserialize_seq(SkippedVisitor)
    }
}

/// A count, or `None` for anything that is not one. A text that was paid for is not thrown away
/// because the server reports `-1` or `1.5` tokens.
pub(super) fn count(raw: Option<&RawValue>) -> Option<u64> {
    raw?.get().parse().ok()
}

#[cfg(test)]
mod tests;
