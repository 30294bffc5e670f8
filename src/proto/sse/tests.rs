//! Streams cut everywhere, and text that tries to break out.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::limits::SSE_EVENT_BYTES;

/// (name, data, id) of an event, as text.
type Seen = (String, String, String);

fn read(reader: &mut Reader, mut input: &[u8], seen: &mut Vec<Seen>) -> Result<(), TooLong> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    while let Some(event) = reader.next(&mut input)? {
        seen.push((text(event.name), text(event.data), text(event.id)));
    }
    assert!(input.is_empty());
    Ok(())
}

fn read_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Vec<Seen>, TooLong> {
    let mut reader = Reader::new();
    let mut seen = Vec::new();
    for piece in pieces {
        read(&mut reader, piece, &mut seen)?;
    }
    Ok(seen)
}

/// Reads the stream whole, at every split in two, and byte by byte.
fn events(stream: &[u8]) -> Vec<Seen> {
    let whole = read_pieces([stream]).unwrap();
    for split in 0..=stream.len() {
        let (left, right) = stream.split_at(split);
        assert_eq!(
            read_pieces([left, right]).unwrap(),
            whole,
            "split at {split}"
        );
    }
    assert_eq!(
        read_pieces(stream.chunks(1)).unwrap(),
        whole,
        "byte by byte"
    );
    whole
}

fn seen(name: &str, data: &str, id: &str) -> Seen {
    (name.to_owned(), data.to_owned(), id.to_owned())
}

#[test]
fn all_line_ends_read_the_same() {
    let stream = "event: a\ndata: b\ndata: c\n\n: comment\n\ndata: \u{e4}\n\n";
    let expected = [seen("a", r"b\nc", ""), seen("", r"\xc3\xa4", "")];
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(
            events(stream.replace('\n', end).as_bytes()),
            expected,
            "{end:?}"
        );
    }
    assert_eq!(
        events(b"data: b\r\n\rdata: c\n\r\n"),
        [seen("", "b", ""), seen("", "c", "")]
    );
}

#[test]
fn one_space_after_the_colon_is_not_data() {
    assert_eq!(events(b"data:a\n\n"), [seen("", "a", "")]);
    assert_eq!(events(b"data: a\n\n"), [seen("", "a", "")]);
    assert_eq!(events(b"data:  a \n\n"), [seen("", " a ", "")]);
    assert_eq!(
        events(b"data: {\"a\":\"b: c\"}\n\n"),
        [seen("", r#"{\"a\":\"b: c\"}"#, "")]
    );
}

#[test]
fn empty_data_is_data_and_no_data_is_no_event() {
    assert_eq!(events(b"data\n\n"), [seen("", "", "")]);
    assert_eq!(events(b"data:\ndata:\n\n"), [seen("", r"\n", "")]);
    assert_eq!(events(b"event: a\n\ndata: b\n\n"), [seen("", "b", "")]);
    assert_eq!(events(b"\n\n\n"), []);
}

#[test]
fn a_byte_order_mark_counts_only_at_the_start() {
    assert_eq!(events(b"\xef\xbb\xbfdata: a\n\n"), [seen("", "a", "")]);
    assert_eq!(events(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n"), []);
    assert_eq!(events(b"\n\xef\xbb\xbfdata: a\n\n"), []);
}

#[test]
fn the_id_stays_and_the_name_does_not() {
    let stream = b"id: 1\nevent: a\ndata: b\n\ndata: c\n\nid: x\0\ndata: d\n\nid\ndata: e\n\n";
    let expected = [
        seen("a", "b", "1"),
        seen("", "c", "1"),
        seen("", "d", "1"),
        seen("", "e", ""),
    ];
    assert_eq!(events(stream), expected);
}

#[test]
fn retry_is_digits_only() {
    let mut reader = Reader::new();
    let retry = |reader: &mut Reader, mut line: &[u8]| {
        assert_eq!(reader.next(&mut line), Ok(None));
        reader.retry_ms()
    };
    assert_eq!(retry(&mut reader, b"retry: 1500\n"), Some(1500));
    assert_eq!(
        retry(&mut reader, b"retry: +2\nretry:\nretry: 1e3\n"),
        Some(1500)
    );
    assert_eq!(
        retry(&mut reader, b"retry: 99999999999999999999\n"),
        Some(1500)
    );
}

#[test]
fn an_unfinished_event_is_dropped_but_not_hidden() {
    for (stream, partial) in [
        (&b""[..], false),
        (b"data: a\n\n", false),
        (b"data: a\r\n\r", false),
        (b": comment\n", false),
        (b"data: a\n\nd", true),
        (b"data: a\n", true),
        (b"event: done\n", true),
    ] {
        let mut reader = Reader::new();
        read(&mut reader, stream, &mut Vec::new()).unwrap();
        assert_eq!(reader.has_partial(), partial, "{}", stream.escape_ascii());
    }
}

/// Events up to the end of the stream, with what is left there.
fn events_and_rest(stream: &[u8], size: usize) -> Vec<String> {
    let mut reader = Reader::new();
    let mut seen = Vec::new();
    for piece in stream.chunks(size) {
        read(&mut reader, piece, &mut seen).unwrap();
    }
    let rest = reader.end().map(|event| event.data.to_vec());
    assert_eq!(reader.end(), None, "it is told once");
    let data = seen.into_iter().map(|(_, data, _)| data);
    data.chain(rest.map(|rest| rest.escape_ascii().to_string()))
        .collect()
}

#[test]
fn bare_json_is_an_event_with_and_without_an_empty_line_after_it() {
    for (stream, expected) in [
        (
            "data: a\n\n{\n  \"b\": 1\n}\n\ndata: c\n\n",
            &["a", r#"{\n  \"b\": 1\n}"#, "c"][..],
        ),
        ("data: a\n\n[{\r\n: x\r\n}]\r\n", &["a", r"[{\n: x\n}]"]),
        ("{}", &["{}"]),
        ("[{\n}]", &[r"[{\n}]"]),
        // Not bare: it belongs to an event of the standard.
        ("data: a\n{}\n\n", &["a"]),
        ("data: a\n\ndata: b", &["a"]),
        ("data: a\n\ndata: b\n", &["a"]),
        ("  {}\n\n", &[]),
        ("", &[]),
    ] {
        for size in 1..=stream.len().max(1) {
            assert_eq!(
                events_and_rest(stream.as_bytes(), size),
                expected,
                "{stream:?} by {size}"
            );
        }
    }
}

#[test]
fn the_limit_is_the_same_whole_and_in_pieces() {
    let event =
        |bytes: usize| [b"data:".to_vec(), vec![b'x'; bytes - 5], b"\n\n".to_vec()].concat();
    let (fits, too_long) = (event(SSE_EVENT_BYTES), event(SSE_EVENT_BYTES + 1));
    assert_eq!(read_pieces([&fits[..]]).unwrap().len(), 1);
    assert_eq!(read_pieces(fits.chunks(1000)).unwrap().len(), 1);
    assert_eq!(read_pieces([&too_long[..]]), Err(TooLong));
    assert_eq!(read_pieces(too_long.chunks(1000)), Err(TooLong));
}

#[test]
fn many_short_lines_are_one_long_event() {
    let lines = b"data:x\n".repeat(SSE_EVENT_BYTES / 6 + 1);
    assert_eq!(read_pieces([&lines[..]]), Err(TooLong));
    let heartbeats = b":xxxxx\n".repeat(SSE_EVENT_BYTES / 6 + 1);
    assert_eq!(read_pieces([&heartbeats[..]]), Ok(vec![]));
}

#[test]
fn a_whole_event_is_borrowed_from_the_input() {
    let stream = b"event: a\ndata: b\n\n";
    let mut input = &stream[..];
    let mut reader = Reader::new();
    let event = reader.next(&mut input).unwrap().unwrap();
    assert!(stream.as_ptr_range().contains(&event.data.as_ptr()));
    assert!(stream.as_ptr_range().contains(&event.name.as_ptr()));
}

#[test]
fn text_cannot_break_out_of_its_event() {
    let mut out = Vec::new();
    write_event(
        &mut out,
        Some(7),
        Some("delta"),
        b"a\n\ndata: x\revent: done\r\n\0",
    );
    write_comment(&mut out, "ping\n\ndata: y");
    assert_eq!(
        out.escape_ascii().to_string(),
        r"id: 7\nevent: delta\ndata: a\ndata: \ndata: data: x\ndata: event: done\ndata: \x00\n\n: ping\n: \n: data: y\n\n"
    );
    assert_eq!(
        events(&out),
        [seen("delta", r"a\n\ndata: x\nevent: done\n\x00", "7")]
    );
}

#[test]
fn an_id_that_is_no_number_and_a_retry_belong_to_the_event_behind_them() {
    let mut out = Vec::new();
    write_retry(&mut out, 1500);
    write_id(&mut out, "12.a!");
    write_event(&mut out, None, Some("job"), b"{}");
    assert_eq!(out, b"retry: 1500\nid: 12.a!\nevent: job\ndata: {}\n\n");
    assert_eq!(events(&out), [seen("job", "{}", "12.a!")]);
    let mut reader = Reader::new();
    let mut input = &out[..];
    assert!(reader.next(&mut input).unwrap().is_some());
    assert_eq!(reader.retry_ms(), Some(1500));
}

proptest! {
    /// Whatever is written comes back as one event, with its line ends made LF.
    #[test]
    fn what_is_written_is_read(data in "([a-z:\u{e4} \n\r\0]|data: ){0,40}", id in any::<Option<u64>>()) {
        let mut out = Vec::new();
        write_event(&mut out, id, None, data.as_bytes());
        let joined = data.replace("\r\n", "\n").replace('\r', "\n");
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        prop_assert_eq!(events(&out), [seen("", &joined.as_bytes().escape_ascii().to_string(), &id)]);
    }

    /// Noise made of the format's own pieces reads alike however it is cut.
    #[test]
    fn noise_reads_alike_at_every_split(stream in "(data|event|id|retry|: |:|[\r\n]|\r\n|x|[{]|[\\[]|\u{feff}){0,30}") {
        events(stream.as_bytes());
    }
}
