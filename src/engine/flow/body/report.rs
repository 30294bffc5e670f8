//! The body of `POST /jobs` that asks for a report.

use super::object::Field;
use super::{ParseFault, Whole};
use crate::engine::jobs::report::{Per, ReportAsk};
use crate::limits::jobs::REPORT_TOP_MAX;

/// All fields but the kind may be left out.
pub(super) fn report(fields: Vec<Field<'_>>) -> Result<ReportAsk, ParseFault> {
    let mut ask = ReportAsk::default();
    for field in fields {
        match field.name.as_ref() {
            "kind" => {}
            "topic" => ask.topic = field.optional_topic()?,
            "from" => ask.from_ms = field.moment()?,
            "to" => ask.to_ms = field.moment()?,
            "per" => ask.per = field.per()?,
            "top" => ask.top = field.top()?,
            _ => return Err(field.unknown()),
        }
    }
    if let (Some(from), Some(to)) = (ask.from_ms, ask.to_ms)
        && from >= to
    {
        return Err(ParseFault::Wrong {
            field: "to".into(),
            expected: "a time after `from`".into(),
        });
    }
    Ok(ask)
}

impl Field<'_> {
    fn optional_topic(&self) -> Result<Option<String>, ParseFault> {
        if self.raw.get() == "null" {
            return Ok(None);
        }
        self.topic().map(Some)
    }

    fn per(&self) -> Result<Per, ParseFault> {
        const EXPECTED: &str = "\"day\" or \"hour\"";
        let Some(word) = self.value::<String>(EXPECTED)? else {
            return Ok(Per::default());
        };
        let mut all = Per::ALL.into_iter();
        let known = all.find(|per| per.as_str() == word);
        known.ok_or_else(|| self.wrong(EXPECTED))
    }

    fn top(&self) -> Result<usize, ParseFault> {
        let expected = format!("a whole number from 1 to {REPORT_TOP_MAX}");
        match self.value::<Whole>(&expected)? {
            None => Ok(ReportAsk::default().top),
            Some(Whole(top)) if (1..=REPORT_TOP_MAX as u64).contains(&top) => Ok(top as usize),
            Some(_) => Err(self.wrong(&expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::flow::body::{Ask, Shape, parse};
    use crate::store::JobKind;

    fn ask(body: &str) -> Result<ReportAsk, String> {
        match parse(Shape::Job, body.as_bytes()) {
            Ok(Ask::Job(job)) => {
                assert_eq!((job.kind, job.inputs.len()), (JobKind::Report, 1));
                Ok(job.params.report.unwrap())
            }
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault.field().unwrap_or("none").to_owned()),
        }
    }

    #[test]
    fn what_is_left_out_is_everything() {
        let nothing =
            r#"{"kind":"report","topic":null,"from":null,"to":null,"per":null,"top":null}"#;
        for body in [r#"{"kind":"report"}"#, nothing] {
            assert_eq!(ask(body), Ok(ReportAsk::default()));
        }
        let all = r#"{"kind":"report","topic":" tea ","from":"2026-01-31T12:00:00Z",
            "to":"2026-01-31T14:00:00+01:00","per":"hour","top":5}"#;
        let expected = ReportAsk {
            topic: Some("tea".into()),
            from_ms: Some(1_769_860_800_000),
            to_ms: Some(1_769_864_400_000),
            per: Per::Hour,
            top: 5,
        };
        assert_eq!(ask(all), Ok(expected));
    }

    #[test]
    fn each_fault_names_its_field() {
        for (fields, name) in [
            (r#""topic":"""#, "topic"),
            (r#""topics":["a"]"#, "topics"),
            (r#""model":"m""#, "model"),
            (r#""from":"yesterday""#, "from"),
            (r#""from":"2026-11-01T00:00:00+25:00""#, "from"),
            (r#""from":"2026-11-01T00:00:00+10:75""#, "from"),
            (r#""from":"2026-11-01 00:00:00Z""#, "from"),
            (r#""from":"2026-11-01T00:00:00.Z""#, "from"),
            (r#""from":"2026-11-01T00:00:00""#, "from"),
            (r#""from":"2026-11-31T00:00:00Z""#, "from"),
            (r#""to":"2026-11-01T00:00:00Z[UTC]""#, "to"),
            (
                r#""from":"2026-02-01T00:00:00Z","to":"2026-02-01T00:00:00Z""#,
                "to",
            ),
            (r#""per":"week""#, "per"),
            (r#""top":0"#, "top"),
            (r#""top":101"#, "top"),
        ] {
            let body = format!(r#"{{"kind":"report",{fields}}}"#);
            assert_eq!(ask(&body), Err(name.to_owned()), "{body}");
        }
    }
}
