//! Fields that hold several values: topics, and what a client prefers.

use serde_json::value::RawValue;

use super::ParseFault;
use super::Whole;
use super::object::{A_TOPIC, Field, object, topic_of};
use crate::engine::policy::prefer::{Figure, Prefer};
use crate::limits::{BATCH_TOPICS, CANDIDATES, WISH};

impl Field<'_> {
    pub(super) fn topics(&self) -> Result<Vec<String>, ParseFault> {
        self.topics_up_to(BATCH_TOPICS)
    }

    pub(super) fn topics_up_to(&self, most: usize) -> Result<Vec<String>, ParseFault> {
        let expected = || format!("an array of 1 to {most} topics");
        let texts: Option<Vec<String>> = (self.value(&expected()))
            .map_err(|fault| self.first_of_no_text(most).unwrap_or(fault))?;
        let texts = texts.filter(|texts| (1..=most).contains(&texts.len()));
        let texts = texts.ok_or_else(|| self.wrong(&expected()))?;
        let mut topics = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let field = || format!("topics[{place}]");
            if text.contains('\0') {
                return Err(ParseFault::Nul { field: field() });
            }
            let topic = topic_of(text).ok_or_else(|| ParseFault::Wrong {
                field: field(),
                expected: A_TOPIC.into(),
            })?;
            topics.push(topic);
        }
        Ok(topics)
    }

    /// The first item of a list that is no string; `None` if all are, or it is no list of so many.
    fn first_of_no_text(&self, most: usize) -> Option<ParseFault> {
        let items: Vec<&RawValue> = serde_json::from_str(self.raw.get()).ok()?;
        let mut places = (0..items.len()).filter(|_| items.len() <= most);
        let place = places.find(|place| !items[*place].get().starts_with('"'))?;
        Some(ParseFault::Wrong {
            field: format!("{}[{place}]", self.name),
            expected: A_TOPIC.into(),
        })
    }

    pub(super) fn candidates(&self) -> Result<u8, ParseFault> {
        let expected = format!("a whole number from 1 to {CANDIDATES}");
        let candidates = self
            .value::<Whole>(&expected)?
            .map(|Whole(n)| u8::try_from(n));
        match candidates {
            None => Ok(1),
            Some(Ok(n)) if (1..=CANDIDATES).contains(&n) => Ok(n),
            Some(_) => Err(self.wrong(&expected)),
        }
    }

    /// An object of figures and the value that each should have. `sentiment` is another way to
    /// say `compound`, in words.
    pub(super) fn prefer(&self) -> Result<Prefer, ParseFault> {
        let raw = self.raw.get();
        if raw == "null" {
            return Ok(Prefer::default());
        }
        let inside = |name: &str| format!("{}.{name}", self.name);
        let fields = object(raw.as_bytes()).map_err(|fault| match fault {
            ParseFault::Twice(name) => ParseFault::Twice(inside(&name)),
            ParseFault::NotAnObject => self.wrong("an object of figures and their values"),
            other => other,
        })?;
        let mut wishes = Vec::new();
        for field in fields {
            let wrong = |expected: &str| ParseFault::Wrong {
                field: inside(&field.name),
                expected: expected.into(),
            };
            let wish = if field.name == "sentiment" {
                const WORDS: &str = "\"positive\", \"neutral\" or \"negative\"";
                let word: Option<String> = field.value(WORDS).map_err(|_| wrong(WORDS))?;
                let compound = match word.as_deref() {
                    Some("positive") => 1.0,
                    Some("neutral") => 0.0,
                    Some("negative") => -1.0,
                    _ => return Err(wrong(WORDS)),
                };
                (Figure::Compound, compound)
            } else {
                let number = format!("a number from -{WISH} to {WISH}");
                let figure = Figure::named(&field.name)
                    .ok_or_else(|| ParseFault::Unknown(inside(&field.name)))?;
                let value: Option<f64> = field.value(&number).map_err(|_| wrong(&number))?;
                let value = value.filter(|value| value.abs() <= WISH);
                (figure, value.ok_or_else(|| wrong(&number))?)
            };
            wishes.push(wish);
        }
        Ok(Prefer::new(wishes))
    }
}
