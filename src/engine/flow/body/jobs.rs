//! The body of `POST /jobs`.

use serde::{Deserialize, Serialize};

use super::object::{Field, is_longer_than};
use super::{GenerateAsk, ParseFault, common};
use crate::engine::jobs::JobParams;
use crate::engine::jobs::report::ReportAsk;
use crate::limits::CONTENT_CHARS;
use crate::limits::jobs::JOB_ITEMS;
use crate::store::JobKind;

/// What a job is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobAsk {
    /// What is done with each item.
    pub kind: JobKind,
    /// Topics, or texts: 1 to [`JOB_ITEMS`].
    pub inputs: Vec<String>,
    /// What all of them have in common.
    pub params: JobParams,
    /// The name of a webhook that is told when all of them have ended.
    #[serde(default)]
    pub webhook: Option<String>,
}

/// Which fields there are says the kind, which may stand behind them.
pub(super) fn job(fields: Vec<Field<'_>>) -> Result<JobAsk, ParseFault> {
    let kind = fields.iter().find(|field| field.name == "kind");
    let kind = kind.ok_or_else(|| ParseFault::Missing("kind".into()))?;
    let kind = kind.job_kind()?;
    let (webhook, fields) = webhook(fields)?;
    if kind == JobKind::Report {
        return super::report::report(fields).map(|ask| about(ask, webhook));
    }
    let (mut inputs, mut ask) = (None, GenerateAsk::default());
    for field in fields {
        match (field.name.as_ref(), kind) {
            ("kind", _) => {}
            ("topics", JobKind::Generate) => inputs = Some(field.topics_up_to(JOB_ITEMS)?),
            ("contents", JobKind::Analyze) => inputs = Some(field.contents()?),
            (_, JobKind::Generate) => common(&mut ask, &field)?,
            (_, JobKind::Analyze | JobKind::Report) => return Err(field.unknown()),
        }
    }
    // A report was taken above.
    let missing = match kind {
        JobKind::Generate => "topics",
        JobKind::Analyze | JobKind::Report => "contents",
    };
    Ok(JobAsk {
        kind,
        inputs: inputs.ok_or_else(|| ParseFault::Missing(missing.into()))?,
        params: JobParams {
            provider: ask.provider,
            model: ask.model,
            max_tokens: ask.max_tokens,
            temperature: ask.temperature,
            report: None,
        },
        webhook,
    })
}

/// The field that jobs of all kinds have, and the others.
fn webhook(fields: Vec<Field<'_>>) -> Result<(Option<String>, Vec<Field<'_>>), ParseFault> {
    let (mut webhook, mut others) = (None, Vec::new());
    for field in fields {
        match field.name.as_ref() {
            "webhook" => webhook = field.value("the name of a webhook")?,
            _ => others.push(field),
        }
    }
    Ok((webhook, others))
}

/// A report is one item: to be told of it, its topic is the input.
fn about(report: ReportAsk, webhook: Option<String>) -> JobAsk {
    JobAsk {
        kind: JobKind::Report,
        inputs: vec![report.topic.clone().unwrap_or_default()],
        params: JobParams {
            report: Some(report),
            ..JobParams::default()
        },
        webhook,
    }
}

impl Field<'_> {
    fn job_kind(&self) -> Result<JobKind, ParseFault> {
        let words: Vec<String> = (JobKind::ALL.iter())
            .map(|kind| format!("\"{}\"", kind.as_str()))
            .collect();
        let expected = format!("one of {}", words.join(", "));
        let word: Option<String> = self.value(&expected)?;
        word.and_then(|word| JobKind::from_word(&word))
            .ok_or_else(|| self.wrong(&expected))
    }

    fn contents(&self) -> Result<Vec<String>, ParseFault> {
        let expected = format!("an array of 1 to {JOB_ITEMS} strings that are not empty");
        let texts: Option<Vec<String>> = self.value(&expected)?;
        let texts = texts.filter(|texts| (1..=JOB_ITEMS).contains(&texts.len()));
        let texts = texts.ok_or_else(|| self.wrong(&expected))?;
        for (place, text) in texts.iter().enumerate() {
            let field = || format!("contents[{place}]");
            if text.contains('\0') {
                return Err(ParseFault::Nul { field: field() });
            }
            if text.trim().is_empty() {
                return Err(ParseFault::Wrong {
                    field: field(),
                    expected: "a string that is not empty".into(),
                });
            }
            if is_longer_than(CONTENT_CHARS, text) {
                return Err(ParseFault::TooLong {
                    field: field(),
                    chars: CONTENT_CHARS as u64,
                });
            }
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::flow::body::{Ask, Shape, parse};

    fn field_of(body: &str) -> String {
        let fault = parse(Shape::Job, body.as_bytes()).unwrap_err();
        fault.field().unwrap_or("none").to_owned()
    }

    #[test]
    fn each_kind_has_its_own_fields() {
        let body = br#"{"topics":["tea"," rice "],"max_tokens":9,"kind":"generate"}"#;
        let Ask::Job(ask) = parse(Shape::Job, body).unwrap() else {
            panic!("another ask");
        };
        assert_eq!(ask.inputs, ["tea", "rice"]);
        assert_eq!(
            (ask.kind, ask.params.max_tokens),
            (JobKind::Generate, Some(9))
        );
        assert_eq!(field_of(r#"{"topics":["a"]}"#), "kind");
        assert_eq!(field_of(r#"{"kind":"dance"}"#), "kind");
        assert_eq!(field_of(r#"{"kind":"generate"}"#), "topics");
        assert_eq!(field_of(r#"{"kind":"generate","topics":[]}"#), "topics");
        for wrong in ["\"\"", "1", "null", "[]"] {
            let body = format!(r#"{{"kind":"generate","topics":["a",{wrong}]}}"#);
            assert_eq!(field_of(&body), "topics[1]", "{wrong}");
        }
        assert_eq!(
            field_of(r#"{"kind":"generate","topics":["a"],"stream":true}"#),
            "stream"
        );
        assert_eq!(
            field_of(r#"{"kind":"analyze","contents":["a","\u0000"]}"#),
            "contents[1]"
        );
        assert_eq!(
            field_of(r#"{"kind":"analyze","contents":["a"],"model":"m"}"#),
            "model"
        );
        assert_eq!(field_of(r#"{"kind":"analyze","topics":["a"]}"#), "topics");
    }
}
