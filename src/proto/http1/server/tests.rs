//! Requests cut everywhere, and bounds. What is refused for its form is in `refused`.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::proto::http1::{BodyLength, Method, Version};

mod refused;

/// What a connection brought, in words: the heads by method, target and host; the bodies joined.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<String>, Option<Refusal>) {
    let mut server = Server::new();
    let (mut unread, mut story, mut body) = (Vec::new(), Vec::new(), String::new());
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            let consumed = match server.step(&unread) {
                Err(refusal) => {
                    assert_eq!(server.step(b""), Err(refusal), "a refusal stays");
                    return (story, Some(refusal));
                }
                Ok(Step::NeedMore) => break,
                Ok(Step::Head { head, consumed }) => {
                    story.push(format!("{:?} {} {}", head.method, head.path, head.host));
                    consumed
                }
                Ok(Step::Body { bytes, consumed }) => {
                    body += &bytes.escape_ascii().to_string();
                    consumed
                }
                Ok(Step::End { consumed }) => {
                    story.push(format!("end {body}"));
                    body.clear();
                    server.next_request();
                    consumed
                }
            };
            unread.drain(..consumed);
        }
    }
    (story, None)
}

/// The story whole, which has to be the story at every split and byte by byte.
fn told(input: &[u8]) -> (Vec<String>, Option<Refusal>) {
    let whole = read([input]);
    for split in 0..=input.len() {
        let (left, right) = input.split_at(split);
        assert_eq!(
            read([left, right]),
            whole,
            "{} split at {split}",
            input.escape_ascii()
        );
    }
    assert_eq!(
        read(input.chunks(1)),
        whole,
        "{} byte by byte",
        input.escape_ascii()
    );
    whole
}

/// The head of a message that has one.
fn head(input: &[u8]) -> RequestHead<'_> {
    match Server::new().step(input) {
        Ok(Step::Head { head, .. }) => head,
        other => panic!("{} gave {other:?}", input.escape_ascii()),
    }
}

#[test]
fn requests_in_a_row() {
    let input = b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n\
        \r\nPOST /c HTTP/1.1\r\nhOST: h:80\r\nContent-Length: 3\r\n\r\nabc\
        PUT /d HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: Chunked\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n\
        GET /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}\
        BREW /f HTTP/1.0\r\n\r\n\
        OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    let story = [
        "Get /a h",
        "end ",
        "Post /c h:80",
        "end abc",
        "Put /d [::1]",
        "end abc",
    ];
    let more = [
        "Get /e h",
        "end {}",
        "Other /f ",
        "end ",
        "Options * h",
        "end ",
    ];
    assert_eq!(told(input), ([story, more].concat().map_to_strings(), None));
}

/// Only to write expected stories as literals.
trait MapToStrings {
    fn map_to_strings(self) -> Vec<String>;
}

impl MapToStrings for Vec<&str> {
    fn map_to_strings(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}

#[test]
fn a_head_says_what_its_fields_say() {
    let get = head(b"GET /?q=%41 HTTP/1.1\r\nHost: h\r\nA: 1\r\na: 2\r\n\r\n");
    assert_eq!(
        (get.method, get.path, get.query),
        (Method::Get, "/", Some("q=%41"))
    );
    assert_eq!(
        (get.version, get.keep_alive, get.length),
        (Version::Http11, true, BodyLength::None)
    );
    assert_eq!(get.fields.all("A").collect::<Vec<_>>(), [b"1", b"2"]);

    let old = head(b"GET / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(
        (old.version, old.host, old.keep_alive),
        (Version::Http10, "", false)
    );
    assert!(!old.expect_continue);
    assert!(head(b"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n").keep_alive);
    assert!(!head(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").keep_alive);

    let asks = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 9\r\n\r\n";
    assert!(head(asks).expect_continue);
    assert_eq!(head(asks).length, BodyLength::Exact(9));
    assert!(!head(b"GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").expect_continue);
}

#[test]
fn the_authority_of_the_target_overrides_host() {
    let absolute = head(b"GET http://real:1/a HTTP/1.1\r\nHost: other\r\n\r\n");
    assert_eq!((absolute.path, absolute.host), ("/a", "real:1"));
    let connect = head(b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
    assert_eq!(
        (connect.method, connect.path, connect.host),
        (Method::Connect, "", "db:5432")
    );
    assert!(!connect.keep_alive, "what follows may be tunnelled");
    assert!(!absolute.https && absolute.keep_alive);
    assert!(head(b"GET https://real/a HTTP/1.1\r\nHost: other\r\n\r\n").https);
}

/// A request line that is right, and these lines after it.
fn with_fields(lines: &[u8]) -> Vec<u8> {
    [b"POST / HTTP/1.1\r\nHost: h\r\n", lines, b"\r\n"].concat()
}

#[test]
fn nothing_is_read_after_a_bad_chunk() {
    let smuggled = b"GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
    let input = [
        &with_fields(b"Transfer-Encoding: chunked\r\n"),
        &b"1\r\na\r\n0x\r\n\r\n"[..],
        smuggled,
    ];
    let story = vec!["Post / h".to_owned()];
    assert_eq!(
        told(&input.concat()),
        (story, Some(Fault::ChunkSize.into()))
    );
}

#[test]
fn heads_are_bounded() {
    let line = |bytes: usize| format!("GET /{} HTTP/1.1\r\n", "a".repeat(bytes - 14)).into_bytes();
    let head_of = |bytes: usize| {
        let start = [line(4000), b"Host: h\r\n".to_vec()].concat();
        let filler = vec![b'x'; bytes - start.len() - b"a: \r\n\r\n".len()];
        [start, b"a: ".to_vec(), filler, b"\r\n\r\n".to_vec()].concat()
    };
    let outcome = |input: &[u8]| {
        let outcome = read([input]);
        assert_eq!(read(input.chunks(7)), outcome);
        outcome.1
    };
    let (line_limit, head_limit) = (limits::REQUEST_LINE_BYTES, limits::HEAD_BYTES);
    assert_eq!(
        outcome(&[line(line_limit), b"Host: h\r\n\r\n".to_vec()].concat()),
        None
    );
    assert_eq!(
        outcome(&line(line_limit + 1)),
        Some(Refusal::RequestLineTooLong)
    );
    assert_eq!(outcome(&head_of(head_limit)), None);
    assert_eq!(
        outcome(&head_of(head_limit + 1)),
        Some(Fault::HeadTooLarge.into())
    );
    assert_eq!(Refusal::RequestLineTooLong.status(), 414);
    assert_eq!(Refusal::Fault(Fault::HeadTooLarge).status(), 431);

    let many = with_fields(&b"a: b\r\n".repeat(limits::HEADER_COUNT));
    assert_eq!(outcome(&many), Some(Fault::TooManyFields.into()));
    assert_eq!(Refusal::Fault(Fault::TooManyFields).status(), 431);
}

#[test]
fn a_dripping_head_is_searched_once() {
    let lines = b"a: bcdefghij\r\n".repeat(limits::HEADER_COUNT - 1);
    let input = with_fields(&lines);
    let mut server = Server::new();
    let mut searched = 0;
    for length in 0..input.len() {
        let State::Head(before) = server.state else {
            panic!("the head is not whole")
        };
        assert_eq!(server.step(&input[..length]), Ok(Step::NeedMore));
        let State::Head(after) = server.state else {
            panic!("the head is not whole")
        };
        searched += after.seen() - before.seen();
    }
    assert_eq!(searched, input.len() - 1);
    assert!(matches!(server.step(&input), Ok(Step::Head { .. })));
}

#[test]
fn a_body_over_its_limit_is_refused_before_it_is_handed_out() {
    let exact = with_fields(b"Content-Length: 4\r\n");
    let chunked = with_fields(b"Transfer-Encoding: chunked\r\n");
    let too_large = Some(Refusal::PayloadTooLarge);
    for (head, body, limit, handed_out, refusal) in [
        (&exact, &b""[..], 3, "", too_large),
        (&exact, b"abcd", 3, "", too_large),
        (&exact, b"abcd", 4, "abcd", None),
        (&chunked, b"4\r\na", 3, "", too_large),
        (&chunked, b"2\r\nab\r\n2\r\nc", 3, "ab", too_large),
        (
            &chunked,
            b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
            4,
            "abcd",
            None,
        ),
        (
            &chunked,
            b"ffffffffffffffff\r\na",
            u64::MAX - 1,
            "",
            too_large,
        ),
    ] {
        let mut server = Server::new();
        assert!(matches!(server.step(head), Ok(Step::Head { .. })));
        server.set_body_limit(limit);
        let (mut unread, mut content) = (body, Vec::new());
        let outcome = loop {
            match server.step(unread) {
                Ok(Step::Body { bytes, consumed }) => {
                    content.extend_from_slice(bytes);
                    unread = &unread[consumed..];
                }
                other => break other.err(),
            }
        };
        assert_eq!(outcome, refusal, "{}", body.escape_ascii());
        assert_eq!(content, handed_out.as_bytes(), "{}", body.escape_ascii());
    }
    assert_eq!(Refusal::PayloadTooLarge.status(), 413);
}

#[test]
fn the_next_request_waits_for_its_turn() {
    let input = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut server = Server::new();
    assert!(server.is_between_requests());
    let Ok(Step::Head { consumed, .. }) = server.step(input) else {
        panic!("no head")
    };
    assert!(!server.is_between_requests());
    let rest = &input[consumed..];
    assert_eq!(server.step(rest), Ok(Step::End { consumed: 0 }));
    assert_eq!(server.step(rest), Ok(Step::NeedMore));
    server.next_request();
    assert!(server.is_between_requests());
    assert_eq!(server.step(b"\r\n"), Ok(Step::NeedMore));
    assert!(
        server.is_between_requests(),
        "an empty line is nothing of a request"
    );
    server = Server::new();
    assert_eq!(server.step(b"G"), Ok(Step::NeedMore));
    assert!(!server.is_between_requests());
}

proptest! {
    #[test]
    fn noise_reads_alike_at_every_split(
        start in "(\r\n)?(GET / HTTP/1\\.[01]\r\n|POST /a HTTP/1\\.1\r\nHost: h\r\n|[A-Z /\r\n]{0,9})",
        fields in "(Content-Length: [0-3]\r\n|Transfer-Encoding: chunked\r\n|X : y\r\n|\r|\n){0,2}",
        body in "([0-3;x]|\r\n|\r|\n|GET / HTTP/1\\.0\r\n){0,12}",
    ) {
        // `told` compares; what comes out does not matter here.
        told(format!("{start}{fields}\r\n{body}").as_bytes());
    }
}
