//! The JSON of a request, read value by value, with a place for each complaint.
//!
//! A [`Node`] is a value that has not been read yet, and knows the way to it. The way is a list on
//! the stack and is written out only for an error, so naming the field costs nothing otherwise.
//!
//! ```text
//!   messages  ◀── [2]  ◀── content  ◀── [0]  ◀── image_url        messages[2].content[0].image_url
//! ```
//!
//! A null is what a client library writes for "not set", and is read as if it were not there.
//!
//! It refuses to know what any field means.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Chat, JsonText};
use crate::dialect::json::deeper_than;
use crate::dialect::{Refused, Why};
use crate::limits;

/// A body that is JSON.
pub(in crate::dialect) struct Body<'a>(&'a RawValue);

impl<'a> Body<'a> {
    /// Checks the bytes of a body: that they are UTF-8, not nested too deeply, JSON, and without
    /// U+0000.
    pub(in crate::dialect) fn parse(body: &'a [u8]) -> Result<Self, Refused> {
        let refused = |why| Refused { field: None, why };
        let text = std::str::from_utf8(body).map_err(|_| refused(Why::Encoding))?;
        if deeper_than(limits::JSON_DEPTH, body) {
            return Err(refused(Why::Depth));
        }
        if text.trim_ascii().is_empty() {
            return Err(refused(Why::Empty));
        }
        let raw = serde_json::from_str(text).map_err(|error| {
            refused(Why::Syntax {
                line: error.line(),
                column: error.column(),
            })
        })?;
        if has_nul(body) {
            return Err(refused(Why::Nul));
        }
        Ok(Self(raw))
    }

    /// The value that the body is.
    pub(in crate::dialect) const fn root<'p>(&self) -> Node<'a, 'p> {
        Node {
            raw: self.0,
            step: Step::Root,
            parent: None,
        }
    }
}

/// Whether a string of the document holds U+0000. It can only be written as an escape.
fn has_nul(json: &[u8]) -> bool {
    memmem::find_iter(json, b"\\u0000").any(|at| {
        // A backslash that is itself escaped begins nothing.
        let before = json[..at].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// One value of a request.
pub(in crate::dialect) struct Node<'a, 'p> {
    raw: &'a RawValue,
    step: Step<'a>,
    parent: Option<&'p Node<'a, 'p>>,
}

enum Step<'a> {
    Root,
    Field(Cow<'a, str>),
    Item(usize),
}

impl<'a> Node<'a, '_> {
    /// The name of the field; empty if it is none.
    pub(in crate::dialect) fn name(&self) -> &str {
        match &self.step {
            Step::Field(name) => name,
            Step::Root | Step::Item(_) => "",
        }
    }

    /// The place in a list; 0 if it is in none.
    pub(in crate::dialect) const fn index(&self) -> usize {
        match self.step {
            Step::Item(index) => index,
            Step::Root | Step::Field(_) => 0,
        }
    }

    /// The value as it stands in the body.
    pub(in crate::dialect) fn raw(&self) -> &'a RawValue {
        self.raw
    }

    pub(in crate::dialect) fn is_text(&self) -> bool {
        self.raw.get().starts_with('"')
    }

    pub(in crate::dialect) fn is_list(&self) -> bool {
        self.raw.get().starts_with('[')
    }

    /// A list or an object with nothing in it.
    pub(in crate::dialect) fn is_empty(&self) -> bool {
        let inner = |open, close| self.raw.get().strip_prefix(open)?.strip_suffix(close);
        let inner = inner('[', ']').or_else(|| inner('{', '}'));
        inner.is_some_and(|inner: &str| inner.trim_ascii().is_empty())
    }

    /// The fields of an object, without those that are null.
    pub(in crate::dialect) fn fields(&self) -> Result<Vec<Node<'a, '_>>, Refused> {
        let mut fields = self.fields_named(Cow::from)?;
        fields.retain(Node::is_set);
        Ok(fields)
    }

    /// The fields of an object, with those that are null.
    pub(in crate::dialect) fn all_fields(&self) -> Result<Vec<Node<'a, '_>>, Refused> {
        self.fields_named(Cow::from)
    }

    /// The same with names as Gemini documents them: it takes `snake_case` as well.
    pub(in crate::dialect) fn camel_fields(&self) -> Result<Vec<Node<'a, '_>>, Refused> {
        let mut fields = self.fields_named(camel)?;
        fields.retain(Node::is_set);
        Ok(fields)
    }

    /// Whether it is not null.
    pub(in crate::dialect) fn is_set(&self) -> bool {
        self.raw.get() != "null"
    }

    fn fields_named(
        &self,
        spelling: fn(&'a str) -> Cow<'a, str>,
    ) -> Result<Vec<Node<'a, '_>>, Refused> {
        if !self.raw.get().starts_with('{') {
            return Err(self.wrong("an object"));
        }
        let mut pairs: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::new();
        let mut fault = None;
        let mut take = |name: Cow<'a, str>, raw| {
            let name = match name {
                Cow::Borrowed(name) => spelling(name),
                escaped @ Cow::Owned(_) => escaped,
            };
            if pairs.len() >= limits::CHAT_FIELDS {
                fault = Some((Why::TooManyFields, None));
            } else if pairs.iter().any(|(known, _)| *known == name) {
                fault = Some((Why::Twice, Some(name)));
            } else {
                pairs.push((name, raw));
            }
        };
        serde_json::Deserializer::from_str(self.raw.get())
            .deserialize_map(Pairs(&mut take))
            .map_err(|_| self.wrong("an object"))?;
        if let Some((why, name)) = fault {
            let field = name.map_or_else(|| self.path(), |name| Some(self.below(&name)));
            return Err(Refused { field, why });
        }
        let node = |(name, raw)| Node {
            raw,
            step: Step::Field(name),
            parent: Some(self),
        };
        Ok(pairs.into_iter().map(node).collect())
    }

    /// Each field of an object whose names are the client's own, however many there are.
    pub(in crate::dialect) fn each_field(
        &self,
        on: &mut dyn FnMut(Node<'a, '_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let mut verdict = Ok(());
        let mut take = |name, raw| {
            if verdict.is_ok() {
                verdict = on(Node {
                    raw,
                    step: Step::Field(name),
                    parent: Some(self),
                });
            }
        };
        serde_json::Deserializer::from_str(self.raw.get())
            .deserialize_map(Pairs(&mut take))
            .map_err(|_| self.wrong("an object"))?;
        verdict
    }

    /// Each item of a list.
    pub(in crate::dialect) fn items(
        &self,
        on: &mut dyn FnMut(Node<'a, '_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if !self.is_list() {
            return Err(self.wrong("a list"));
        }
        let mut verdict = Ok(());
        let mut take = |index, raw| {
            if verdict.is_ok() {
                verdict = on(Node {
                    raw,
                    step: Step::Item(index),
                    parent: Some(self),
                });
            }
        };
        serde_json::Deserializer::from_str(self.raw.get())
            .deserialize_seq(Items(&mut take))
            .map_err(|_| self.wrong("a list"))?;
        verdict
    }

    /// A string.
    pub(in crate::dialect) fn text(&self) -> Result<String, Refused> {
        // Half of a surrogate pair is JSON, and no character.
        let expected = if self.is_text() {
            "a string of whole characters"
        } else {
            "a string"
        };
        self.value(expected)
    }

    /// A list of strings, or one alone.
    pub(in crate::dialect) fn texts(&self) -> Result<Vec<String>, Refused> {
        if self.is_text() {
            return Ok(vec![self.text()?]);
        }
        let mut texts = Vec::new();
        self.items(&mut |item| {
            texts.push(item.text()?);
            Ok(())
        })?;
        Ok(texts)
    }

    /// True or false.
    pub(in crate::dialect) fn flag(&self) -> Result<bool, Refused> {
        self.value("true or false")
    }

    /// A number.
    pub(in crate::dialect) fn number(&self) -> Result<f64, Refused> {
        self.value("a number")
    }

    /// A number of these.
    pub(in crate::dialect) fn number_in(&self, from: f64, to: f64) -> Result<f64, Refused> {
        let number = self.number()?;
        match (from..=to).contains(&number) {
            true => Ok(number),
            false => Err(self.wrong(&format!("a number from {from} to {to}"))),
        }
    }

    /// A whole number, and not 0.
    pub(in crate::dialect) fn count(&self) -> Result<u64, Refused> {
        match self.whole()? {
            0 => Err(self.wrong("a whole number from 1 on")),
            count => Ok(count),
        }
    }

    /// A whole number; `64.0` is one, as Gemini's clients write it.
    pub(in crate::dialect) fn whole(&self) -> Result<u64, Refused> {
        const EXPECTED: &str = "a whole number that is not negative";
        let digits = self.raw.get().strip_suffix(".0");
        let digits = digits.unwrap_or(self.raw.get());
        digits.parse().map_err(|_| self.wrong(EXPECTED))
    }

    /// Any value of the type `T`.
    pub(in crate::dialect) fn value<T: Deserialize<'a>>(
        &self,
        expected: &str,
    ) -> Result<T, Refused> {
        serde_json::from_str(self.raw.get()).map_err(|_| self.wrong(expected))
    }

    /// An object that is carried through as it stands.
    pub(in crate::dialect) fn object(&self) -> Result<JsonText, Refused> {
        if self.raw.get().starts_with('{') {
            Ok(JsonText::of(self.raw))
        } else {
            Err(self.wrong("an object"))
        }
    }

    /// Something else was expected here.
    pub(in crate::dialect) fn wrong(&self, expected: &str) -> Refused {
        Refused {
            field: self.path(),
            why: Why::Wrong(expected.to_owned()),
        }
    }

    /// A field that is not there and has to be.
    pub(in crate::dialect) fn missing(&self, name: &str) -> Refused {
        Refused {
            field: Some(self.below(name)),
            why: Why::Missing,
        }
    }

    fn below(&self, name: &str) -> String {
        let name: String = (name.chars())
            .filter(|c| !c.is_control())
            .take(limits::CHAT_NAME_CHARS)
            .collect();
        match self.path() {
            Some(path) => format!("{path}.{name}"),
            None => name,
        }
    }

    /// The way to here; `None` is the body itself.
    pub(in crate::dialect) fn path(&self) -> Option<String> {
        let parent = self.parent?;
        Some(match &self.step {
            Step::Field(name) => parent.below(name),
            Step::Item(index) => format!("{}[{index}]", parent.path().unwrap_or_default()),
            Step::Root => return None,
        })
    }
}

impl Chat {
    /// Notes a field that other dialects do not have.
    pub(in crate::dialect) fn note_foreign(&mut self, node: &Node<'_, '_>) {
        if self.foreign.len() < limits::CHAT_FOREIGN {
            self.foreign.extend(node.path());
        }
    }
}

/// `generation_config` is `generationConfig`.
fn camel(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut words = name.split('_');
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        joined.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        joined.push_str(letters.as_str());
    }
    Cow::Owned(joined)
}

/// Hands out the pairs of an object, unread.
struct Pairs<'f, 'a>(&'f mut dyn FnMut(Cow<'a, str>, &'a RawValue));

/// The key of an object, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Visitor<'a> for Pairs<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            (self.0)(name, map.next_value()?);
        }
        Ok(())
    }
}

/// Hands out the items of a list, unread.
struct Items<'f, 'a>(&'f mut dyn FnMut(usize, &'a RawValue));

impl<'a> Visitor<'a> for Items<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = items.next_element()? {
            (self.0)(index, raw);
            index += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
