//! Where in a body the JSON goes wrong.

use super::ParseFault;

/// The fault that `error` reports about `part`, a piece of `body`, with its place in `body`.
///
/// The parser counts lines and bytes from the start of what it was given. A person looks for lines
/// and characters in what was sent.
pub(super) fn syntax(body: &str, part: &str, error: &serde_json::Error) -> ParseFault {
    let line_start = match error.line() {
        0 | 1 => 0,
        line => (part.match_indices('\n').nth(line - 2)).map_or(part.len(), |(at, _)| at + 1),
    };
    let in_part = (line_start + error.column()).min(part.len());
    let before = &body.as_bytes()[..offset(body, part) + in_part];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    ParseFault::Syntax {
        line: 1 + memchr::memchr_iter(b'\n', before).count() as u64,
        column: characters(&before[line_start..]).max(1),
    }
}

/// Where `part` begins in `body`: 0 if it is no slice of it.
fn offset(body: &str, part: &str) -> usize {
    let bytes = body.as_bytes().as_ptr_range();
    let range = part.as_bytes().as_ptr_range();
    if bytes.start <= range.start && range.end <= bytes.end {
        range.start.addr() - bytes.start.addr()
    } else {
        0
    }
}

/// Characters that begin in `bytes`, which may end inside the last one.
fn characters(bytes: &[u8]) -> u64 {
    let begins = |byte: &&u8| (**byte as i8) >= -0x40; // all but 0b10xx_xxxx
    bytes.iter().filter(begins).count() as u64
}
