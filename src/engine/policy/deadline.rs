//! The client's own time limit: `x-request-timeout-ms: N`.
//!
//! A client that has given up at N milliseconds has no use for an answer at N + 1, and whatever is
//! still done for it is paid for nothing. So it may say N, and is answered with 504 by then.
//!
//! The headers that the vendors' clients send by themselves (`x-stainless-timeout` and
//! `x-stainless-read-timeout`) are not taken for it: they limit the wait for the head, or for the
//! next bytes, and would cut a long stream that their senders want to read to its end.

use crate::engine::Failure;
use crate::limits::CLIENT_TIMEOUT_MS;
use crate::proto::http1::Fields;

/// The name of the field.
pub const FIELD: &str = "x-request-timeout-ms";

/// Milliseconds from the start of the request, if the client has said so. Anything but one whole
/// number within the bound is an error: a limit that is misread is worse than none.
pub fn of_head(fields: &Fields<'_>) -> Result<Option<u64>, Failure> {
    let mut values = fields.all(FIELD);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).unwrap_or("");
    match text.parse() {
        Ok(ms) if digits && values.next().is_none() && (1..=CLIENT_TIMEOUT_MS).contains(&ms) => {
            Ok(Some(ms))
        }
        _ => Err(Failure::Header {
            name: FIELD,
            expected: "one whole number of milliseconds, from 1 to 3600000",
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::proto::http1::{Server, Step};

    fn read(lines: &str) -> Result<Option<u64>, Failure> {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        match Server::new().step(request.as_bytes()).unwrap() {
            Step::Head { head, .. } => of_head(&head.fields),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_number_of_milliseconds_and_nothing_else() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("X-Request-Timeout-Ms: 2000\r\n"), Ok(Some(2_000)));
        let most = CLIENT_TIMEOUT_MS.to_string();
        assert_eq!(
            read(&format!("x-request-timeout-ms: {most}\r\n")),
            Ok(Some(CLIENT_TIMEOUT_MS))
        );
        for wrong in [
            "",
            "0",
            "-1",
            "+1",
            "1.5",
            "2s",
            "3600001",
            "99999999999999999999",
        ] {
            let failure = read(&format!("x-request-timeout-ms: {wrong}\r\n")).unwrap_err();
            assert_eq!(
                (failure.status(), failure.field()),
                (400, Some(FIELD)),
                "{wrong}"
            );
        }
        let twice = "x-request-timeout-ms: 5\r\nx-request-timeout-ms: 5\r\n";
        assert!(read(twice).is_err());
    }
}
