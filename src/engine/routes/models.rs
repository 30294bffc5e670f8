//! Which models there are: the paths, and in whose words the answer is to be.
//!
//! ```text
//!  GET /v1/models  /v1/models/MODEL           OpenAI's, Anthropic's or Gemini's: a field of the head says
//!  GET /v1beta/models  /v1beta/models/MODEL   Gemini's
//! ```
//! The vendors' clients send parameters that mean something elsewhere, so unlike on our own routes what is
//! not known is passed over; what is known has to be right.

use percent_encoding::percent_decode_str;

use super::inbound::NO_CONTROLS;
use super::query;
use crate::dialect::Dialect;
use crate::engine::Failure;
use crate::limits::MODELS_PAGE;
use crate::proto::http1::{Fields, Method, RequestHead};

/// A question for models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsAsk {
    /// In whose words it is answered.
    pub dialect: Dialect,
    /// Which path it came by.
    pub beta: bool,
    /// The one that is asked for; `None` for the list.
    pub one: Option<Box<str>>,
    /// Which part of the list.
    pub page: Page,
}

/// A part of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Models at most.
    pub limit: usize,
    /// Those that follow this one …
    pub after: Option<Box<str>>,
    /// … and those that stand before this one.
    pub before: Option<Box<str>>,
}

impl ModelsAsk {
    /// What the path asks for; `None` if it is about something else.
    pub(super) fn of_head(head: &RequestHead<'_>) -> Option<Self> {
        let (beta, rest) = match head.path.strip_prefix("/v1beta/models") {
            Some(rest) => (true, rest),
            None => (false, head.path.strip_prefix("/v1/models")?),
        };
        let one = match rest.strip_prefix('/') {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(model) => Some(percent_decode_str(model).decode_utf8().ok()?),
        };
        // What is to be done with a model stands behind a colon in Gemini's paths.
        let asks = matches!(head.method, Method::Get | Method::Head | Method::Options);
        if !asks && one.as_ref().is_some_and(|model| model.contains(':')) {
            return None;
        }
        let one = one.map(Into::into);
        let dialect = if beta {
            Dialect::Gemini
        } else {
            dialect_of_fields(&head.fields)
        };
        Some(ModelsAsk {
            dialect,
            beta,
            one,
            page: Page::default(),
        })
    }

    /// The same with the parameters of the query.
    pub(super) fn with_query(mut self, query: Option<&str>) -> Result<Self, Failure> {
        if (self.one.iter()).any(|model| model.chars().any(char::is_control)) {
            return Err(Failure::parameter("model", NO_CONTROLS));
        }
        let page = &mut self.page;
        for pair in query.unwrap_or("").split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (self.dialect, name) {
                (_, _) if value.is_empty() => {}
                (Dialect::Anthropic, "limit") | (Dialect::Gemini, "pageSize") => {
                    page.limit = limit(name, value)?;
                }
                (Dialect::Anthropic, "after_id") | (Dialect::Gemini, "pageToken") => {
                    page.after = Some(query::decode(name, value)?.into());
                }
                (Dialect::Anthropic, "before_id") => {
                    page.before = Some(query::decode(name, value)?.into());
                }
                _ => {}
            }
        }
        Ok(self)
    }

    /// The pattern of the route.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match (self.beta, &self.one) {
            (false, None) => "/v1/models",
            (false, Some(_)) => "/v1/models/{model}",
            (true, None) => "/v1beta/models",
            (true, Some(_)) => "/v1beta/models/{model}",
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Page {
            limit: MODELS_PAGE,
            after: None,
            before: None,
        }
    }
}

impl Page {
    /// The part of `ids` that is asked for, as a range, and whether there is more in the direction in
    /// which it is read. `dialect` is whose parameters are named if one is wrong.
    pub fn of(
        &self,
        ids: &[&str],
        dialect: Dialect,
    ) -> Result<(std::ops::Range<usize>, bool), Failure> {
        let (after, before) = match dialect {
            Dialect::Gemini => ("pageToken", ""),
            Dialect::OpenAi | Dialect::Anthropic => ("after_id", "before_id"),
        };
        let place = |id: &Option<Box<str>>, name| {
            let Some(id) = id else {
                return Ok(None);
            };
            let at = ids.iter().position(|known| **known == **id);
            let unknown = || Failure::parameter(name, "a model from the page before or after");
            at.map(Some).ok_or_else(unknown)
        };
        let first = place(&self.after, after)?.map_or(0, |at| at + 1);
        let end = place(&self.before, before)?.unwrap_or(ids.len()).max(first);
        // Read backwards, the page ends at what it stands before.
        if self.before.is_some() && self.after.is_none() {
            let start = end.saturating_sub(self.limit).max(first);
            return Ok((start..end, start > first));
        }
        let stop = end.min(first + self.limit);
        Ok((first..stop, stop < end))
    }
}

/// Whose client it is that asks below `/v1`, where all three do.
pub(super) fn dialect_of_fields(fields: &Fields<'_>) -> Dialect {
    if fields.get("anthropic-version").is_some() {
        Dialect::Anthropic
    } else if fields.get("x-goog-api-key").is_some() || fields.get("x-goog-api-client").is_some() {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    }
}

fn limit(name: &str, value: &str) -> Result<usize, Failure> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse::<usize>().ok().filter(|limit| *limit > 0);
    let number = number.filter(|_| digits);
    let wrong = || Failure::parameter(name, "a whole number from 1 to 1000");
    Ok(number.ok_or_else(wrong)?.min(MODELS_PAGE))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn page(limit: usize, after: Option<&str>, before: Option<&str>) -> Page {
        Page {
            limit,
            after: after.map(Into::into),
            before: before.map(Into::into),
        }
    }

    #[test]
    fn pages_are_read_forwards_and_backwards_without_a_gap() {
        let ids = ["a", "b", "c", "d", "e"];
        for (asked, range, more) in [
            (page(9, None, None), 0..5, false),
            (page(2, None, None), 0..2, true),
            (page(2, Some("b"), None), 2..4, true),
            (page(2, Some("d"), None), 4..5, false),
            (page(2, Some("e"), None), 5..5, false),
            (page(2, None, Some("e")), 2..4, true),
            (page(2, None, Some("c")), 0..2, false),
            (page(9, Some("a"), Some("d")), 1..3, false),
            (page(9, Some("d"), Some("a")), 4..4, false),
        ] {
            let part = asked.of(&ids, Dialect::Anthropic).unwrap();
            assert_eq!(part, (range, more), "{asked:?}");
        }
        let nothing = page(2, None, None).of(&[], Dialect::Anthropic);
        assert_eq!(nothing.unwrap(), (0..0, false));
        for (asked, dialect, name) in [
            (page(2, Some("z"), None), Dialect::Anthropic, "after_id"),
            (page(2, None, Some("z")), Dialect::Anthropic, "before_id"),
            (page(2, Some("z"), None), Dialect::Gemini, "pageToken"),
        ] {
            assert_eq!(asked.of(&ids, dialect).unwrap_err().field(), Some(name));
        }
    }
}
