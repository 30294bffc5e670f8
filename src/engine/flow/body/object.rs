//! An object of JSON: its fields one by one, each read as the type that it has to have.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::whole::Whole;
use super::{ParseFault, place};
use crate::dialect::json::deeper_than;
use crate::engine::policy::cache::Wish;
use crate::limits::{
    CONTENT_CHARS, JSON_DEPTH, KEYWORDS, KEYWORDS_UNASKED, MAX_TOKENS, NAME_CHARS, TEMPERATURE,
    TOPIC_CHARS,
};
use crate::store::KeywordMethod;

/// One key of the object with its value still unread.
pub(in crate::engine::flow) struct Field<'a> {
    pub(in crate::engine::flow) name: Cow<'a, str>,
    pub(super) raw: &'a RawValue,
    /// The whole body, for the place of a fault in it.
    body: &'a str,
}

impl<'a> Field<'a> {
    pub(in crate::engine::flow) fn wrong(&self, expected: &str) -> ParseFault {
        ParseFault::Wrong {
            field: self.name.to_string(),
            expected: expected.into(),
        }
    }

    pub(in crate::engine::flow) fn unknown(&self) -> ParseFault {
        ParseFault::Unknown(cut(&self.name))
    }

    /// The value, `None` for null.
    pub(in crate::engine::flow) fn value<T: Deserialize<'a>>(
        &self,
        expected: &str,
    ) -> Result<Option<T>, ParseFault> {
        let raw = self.raw.get();
        serde_json::from_str(raw).map_err(|e| {
            // A number like 1e400 is JSON, but too large for any type of ours.
            if e.is_data() || raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
                self.wrong(expected)
            } else {
                // An escape that stands for no character.
                place::syntax(self.body, raw, &e)
            }
        })
    }

    pub(super) fn text(&self, expected: &str) -> Result<String, ParseFault> {
        let text: String = self.value(expected)?.ok_or_else(|| self.wrong(expected))?;
        if text.as_bytes().contains(&0) {
            return Err(ParseFault::Nul {
                field: self.name.to_string(),
            });
        }
        Ok(text)
    }

    pub(in crate::engine::flow) fn topic(&self) -> Result<String, ParseFault> {
        let text = self.text(A_TOPIC)?;
        topic_of(&text).ok_or_else(|| self.wrong(A_TOPIC))
    }

    /// A time, in milliseconds of Unix time.
    pub(in crate::engine::flow) fn moment(&self) -> Result<Option<i64>, ParseFault> {
        const EXPECTED: &str = "a time like 2026-01-31T12:00:00.000Z";
        let Some(text) = self.value::<String>(EXPECTED)? else {
            return Ok(None);
        };
        let time: Option<jiff::Timestamp> =
            is_date_time(&text).then(|| text.parse().ok()).flatten();
        let time = time.ok_or_else(|| self.wrong(EXPECTED))?;
        Ok(Some(time.as_millisecond()))
    }

    pub(super) fn content(&self) -> Result<String, ParseFault> {
        const EXPECTED: &str = "a string that is not empty";
        let text = self.text(EXPECTED)?;
        if text.trim().is_empty() {
            return Err(self.wrong(EXPECTED));
        }
        if is_longer_than(CONTENT_CHARS, &text) {
            return Err(ParseFault::TooLong {
                field: self.name.to_string(),
                chars: CONTENT_CHARS as u64,
            });
        }
        Ok(text)
    }

    pub(in crate::engine::flow) fn name_of(
        &self,
        expected: &str,
    ) -> Result<Option<String>, ParseFault> {
        if self.raw.get() == "null" {
            return Ok(None);
        }
        let name = self.text(expected)?;
        let short = !is_longer_than(NAME_CHARS, &name);
        let fine = !name.is_empty() && short && !name.chars().any(char::is_control);
        if fine {
            Ok(Some(name))
        } else {
            Err(self.wrong(expected))
        }
    }

    pub(super) fn max_tokens(&self) -> Result<Option<u32>, ParseFault> {
        const EXPECTED: &str = "a whole number from 1 to 1,000,000";
        let tokens = self.value::<Whole>(EXPECTED)?.map(|Whole(tokens)| tokens);
        let tokens = tokens.map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
        match tokens {
            Some(tokens) if !(1..=MAX_TOKENS).contains(&tokens) => Err(self.wrong(EXPECTED)),
            fine => Ok(fine),
        }
    }

    pub(super) fn keyword_method(&self) -> Result<Option<KeywordMethod>, ParseFault> {
        const EXPECTED: &str = "\"provider\" or \"local\"";
        let word = self.value::<String>(EXPECTED)?;
        let known = |word: String| {
            let mut all = [KeywordMethod::Provider, KeywordMethod::Local].into_iter();
            all.find(|method| method.as_str() == word)
        };
        word.map(|word| known(word).ok_or_else(|| self.wrong(EXPECTED)))
            .transpose()
    }

    pub(super) fn keyword_limit(&self) -> Result<usize, ParseFault> {
        let expected = format!("a whole number from 1 to {KEYWORDS}");
        match self.value::<Whole>(&expected)? {
            None => Ok(KEYWORDS_UNASKED),
            Some(Whole(limit)) if (1..=KEYWORDS as u64).contains(&limit) => Ok(limit as usize),
            Some(_) => Err(self.wrong(&expected)),
        }
    }

    pub(super) fn cache(&self) -> Result<Wish, ParseFault> {
        const EXPECTED: &str = "\"use\" or \"skip\"";
        match self.value::<Cow<'_, str>>(EXPECTED)?.as_deref() {
            None => Ok(Wish::Unsaid),
            Some("use") => Ok(Wish::Use),
            Some("skip") => Ok(Wish::Skip),
            Some(_) => Err(self.wrong(EXPECTED)),
        }
    }

    pub(super) fn temperature(&self) -> Result<Option<f32>, ParseFault> {
        const EXPECTED: &str = "a number from 0 to 2";
        // Rounded only when it is known to be within the bounds.
        match self.value::<f64>(EXPECTED)? {
            Some(t) if !(0.0..=TEMPERATURE).contains(&t) => Err(self.wrong(EXPECTED)),
            fine => Ok(fine.map(|t| t as f32)),
        }
    }
}

/// Whether this has the shape of a `date-time` of RFC 3339 (§5.6). What jiff reads beyond that, an offset of a day
/// and more or a space for the `T`, is no time to others who read the same body.
fn is_date_time(text: &str) -> bool {
    let Some((time, rest)) = text
        .as_bytes()
        .split_at_checked("2026-01-31T12:00:00".len())
    else {
        return false;
    };
    let like = |shape: &[u8], bytes: &[u8]| {
        let alike = |(shape, byte): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte.eq_ignore_ascii_case(other),
        };
        shape.len() == bytes.len() && shape.iter().zip(bytes).all(alike)
    };
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let zone = match rest.strip_prefix(b".") {
        Some(fraction) => Some(&fraction[digits(fraction)..]).filter(|_| digits(fraction) > 0),
        None => Some(rest),
    };
    like(b"0000-00-00T00:00:00", time)
        && zone.is_some_and(|zone| match zone {
            [b'+' | b'-', offset @ ..] => {
                like(b"00:00", offset) && offset <= &b"23:59"[..] && offset[3] < b'6'
            }
            zone => like(b"Z", zone),
        })
}

pub(super) const A_TOPIC: &str = "a string that is not empty, of at most 2,000 characters";

/// Whether there are more characters than this. No text has more of them than bytes.
pub(in crate::engine::flow) fn is_longer_than(chars: usize, text: &str) -> bool {
    text.len() > chars && text.chars().nth(chars).is_some()
}

/// The topic in a string, if it is one. The bound is for what was sent, as a schema has it.
pub(super) fn topic_of(text: &str) -> Option<String> {
    let topic = text.trim();
    let fine = !topic.is_empty() && !is_longer_than(TOPIC_CHARS, text);
    fine.then(|| topic.to_string())
}

/// The fields of the object that `body` has to be. The values stay unread: each is read as the
/// type that its field has, so that an error can name the field.
pub(in crate::engine::flow) fn object(body: &[u8]) -> Result<Vec<Field<'_>>, ParseFault> {
    let text = std::str::from_utf8(body).map_err(|_| ParseFault::Encoding)?;
    if text.trim_ascii().is_empty() {
        return Err(ParseFault::Empty);
    }
    if deeper_than(JSON_DEPTH, body) {
        return Err(ParseFault::Depth);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut twice = None;
    let fields = Fields {
        body: text,
        twice: &mut twice,
    };
    let fields = fields
        .deserialize(&mut json)
        .and_then(|fields| json.end().map(|()| fields));
    match fields {
        Ok(_) if twice.is_some() => Err(ParseFault::Twice(twice.unwrap_or_default())),
        Ok(fields) => Ok(fields),
        // Data of another type is JSON all the same, if the rest is.
        Err(e) if e.is_data() && serde_json::from_str::<&RawValue>(text).is_ok() => {
            Err(ParseFault::NotAnObject)
        }
        Err(e) => Err(place::syntax(text, text, &e)),
    }
}

struct Fields<'de, 's> {
    body: &'de str,
    twice: &'s mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Fields<'de, '_> {
    type Value = Vec<Field<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'de, '_> {
    type Value = Vec<Field<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<Field<'de>> = Vec::new();
        while let Some(Key(name)) = map.next_key()? {
            let raw = map.next_value()?;
            // No route knows more than a handful of fields: the first thirty-two are enough to
            // name the fault, and the work stays linear whatever the peer sends.
            if fields.len() < 32 {
                if fields.iter().any(|field| field.name == name) {
                    self.twice.get_or_insert_with(|| cut(&name));
                }
                let body = self.body;
                fields.push(Field { name, raw, body });
            }
        }
        Ok(fields)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A name from a peer, short enough to be shown.
fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
