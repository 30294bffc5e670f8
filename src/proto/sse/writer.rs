//! Events into bytes.

use memchr::memchr2;

use crate::proto::Sink;

/// Writes one event, with the empty line that ends it.
///
/// Data that holds line ends becomes several `data:` lines, so that no text can end its event or
/// begin another. A reader joins them with LF: CRLF and CR do not survive, which is how the format
/// is made. Of a name only the first line is written.
pub fn write_event(out: &mut impl Sink, id: Option<u64>, name: Option<&str>, data: &[u8]) {
    if let Some(id) = id {
        out.put(b"id: ");
        out.put(itoa::Buffer::new().format(id).as_bytes());
        out.put(b"\n");
    }
    if let Some(name) = name {
        let (first_line, rest) = split_line(name.as_bytes());
        debug_assert!(rest.is_none(), "the name {name:?} has a line end in it");
        out.put(b"event: ");
        out.put(first_line);
        out.put(b"\n");
    }
    write_lines(out, b"data: ", data);
    out.put(b"\n");
}

/// Writes a line of the event that is written next: its `id`, where that is no number. Only the first
/// line of `id` is written.
pub fn write_id(out: &mut impl Sink, id: &str) {
    let (first_line, rest) = split_line(id.as_bytes());
    debug_assert!(rest.is_none(), "the id {id:?} has a line end in it");
    out.put(b"id: ");
    out.put(first_line);
    out.put(b"\n");
}

/// Writes a line of the event that is written next: after how many milliseconds a reader whose stream
/// has ended is to come again.
pub fn write_retry(out: &mut impl Sink, ms: u64) {
    out.put(b"retry: ");
    out.put(itoa::Buffer::new().format(ms).as_bytes());
    out.put(b"\n");
}

/// Writes a comment, which readers skip: a sign of life. Line ends in it cannot break out either.
pub fn write_comment(out: &mut impl Sink, text: &str) {
    write_lines(out, b": ", text.as_bytes());
    out.put(b"\n");
}

fn write_lines(out: &mut impl Sink, prefix: &[u8], text: &[u8]) {
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (line, after) = split_line(text);
        out.put(prefix);
        out.put(line);
        out.put(b"\n");
        rest = after;
    }
}

/// The first line, and what follows its end if it has one: LF, CRLF or CR.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr2(b'\n', b'\r', text) {
        None => (text, None),
        Some(end) => {
            let ending = if text[end..].starts_with(b"\r\n") {
                2
            } else {
                1
            };
            (&text[..end], Some(&text[end + ending..]))
        }
    }
}
