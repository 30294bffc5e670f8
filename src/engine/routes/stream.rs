//! What a head says about streams: whether one is wanted, and where it is to go on.

use crate::engine::Failure;
use crate::proto::http1::Fields;

/// Whether the client asks for a stream by `Accept`.
#[must_use]
pub fn wants_stream(fields: &Fields<'_>) -> bool {
    fields.all("accept").any(|value| {
        value.split(|b| *b == b',').any(|range| {
            let kind = range.split(|b| *b == b';').next().unwrap_or(b"");
            kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        })
    })
}

/// `Last-Event-ID`: bytes of the text that the client has. Decimal digits and nothing else; a
/// number that fits no 64 bits is past the end of every text, as the largest one is.
pub fn last_event_id(fields: &Fields<'_>) -> Result<Option<u64>, Failure> {
    let wrong = || Failure::parameter("Last-Event-ID", "one number of bytes, in decimal digits");
    let mut values = fields.all("last-event-id");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if value.is_empty() || values.next().is_some() {
        return Err(wrong());
    }
    let offset = value.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    });
    offset.map(Some).ok_or_else(wrong)
}
