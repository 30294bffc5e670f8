//! Hints: how long an answer asks to wait before the next attempt, read from its head.
//!
//! `retry-after-ms` is the finest and comes first; it is what the vendors' own clients read.
//! `Retry-After` (RFC 9110 §10.2.3) is a number of seconds, in practice with a fraction now and
//! then, or a date. Each answer has its own hint: one of an earlier attempt is never used again.

use crate::limits::HINT_MS;
use crate::proto::http1::{Fields, HttpDate};

/// Milliseconds that the answer with this head asks to wait. `wall_ms` is the time, for a date:
/// it is compared with the clock of whoever wrote it, if that is told.
#[must_use]
pub fn of_head(fields: &Fields<'_>, wall_ms: i64) -> Option<u64> {
    let ms = number(fields.get("retry-after-ms"))
        .or_else(|| number(fields.get("retry-after")).map(|seconds| seconds * 1000.0))
        .map(|ms| ms.ceil() as u64) // a number that is too large is the largest
        .or_else(|| until_date(fields, wall_ms))?;
    Some(ms.min(HINT_MS))
}

/// A decimal number that is not negative. No sign, no exponent, no `inf`: those are not hints.
fn number(value: Option<&[u8]>) -> Option<f64> {
    let text = std::str::from_utf8(value?).ok()?.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

fn until_date(fields: &Fields<'_>, wall_ms: i64) -> Option<u64> {
    let seconds = |name| fields.get(name).and_then(HttpDate::parse_unix);
    let then = seconds("retry-after")?;
    let now = seconds("date").unwrap_or(wall_ms.max(0) as u64 / 1000);
    Some(then.saturating_sub(now).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::proto::http1::{Client, ClientStep};

    /// 1994-11-06 08:49:37, as the example of RFC 9110 has it.
    const WALL_MS: i64 = 784_111_777_000;

    fn hint(lines: &str) -> Option<u64> {
        let answer = format!("HTTP/1.1 429 X\r\n{lines}Content-Length: 0\r\n\r\n");
        let mut client = Client::new();
        client.start(false);
        match client.step(answer.as_bytes()).unwrap() {
            ClientStep::Head { head, .. } => of_head(&head.fields, WALL_MS),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_finest_comes_first() {
        assert_eq!(hint(""), None);
        assert_eq!(hint("Retry-After: 7\r\n"), Some(7_000));
        assert_eq!(hint("Retry-After: 1.25\r\n"), Some(1_250));
        assert_eq!(hint("Retry-After: 7\r\nRetry-After-Ms: 120\r\n"), Some(120));
        assert_eq!(hint("Retry-After: 0\r\n"), Some(0));
    }

    #[test]
    fn a_date_counts_from_the_clock_of_whoever_sent_it() {
        let date = "Retry-After: Sun, 06 Nov 1994 08:50:00 GMT\r\n";
        assert_eq!(hint(date), Some(23_000));
        let theirs = "Date: Sun, 06 Nov 1994 08:49:58 GMT\r\n";
        assert_eq!(hint(&format!("{theirs}{date}")), Some(2_000));
        assert_eq!(
            hint("Retry-After: Sun, 06 Nov 1994 08:49:00 GMT\r\n"),
            Some(0)
        );
    }

    #[test]
    fn what_is_no_hint_is_none_and_no_hint_is_endless() {
        for nonsense in ["-1", "soon", "inf", "NaN", "1e9", "", "1.2.3", "0x10"] {
            assert_eq!(
                hint(&format!("Retry-After: {nonsense}\r\n")),
                None,
                "{nonsense}"
            );
        }
        let long = format!("Retry-After: {}\r\n", "9".repeat(400));
        assert_eq!(hint(&long), Some(HINT_MS));
    }
}
