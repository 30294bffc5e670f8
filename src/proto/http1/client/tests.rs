//! Responses cut everywhere, and a table of what a provider must not send.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::proto::http1::BodyLength;

/// A response as its reader sees it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    passed_over: usize,
    status: u16,
    body: Vec<u8>,
    /// Whether the end came before the close, and if so what it said about reuse.
    reusable: Option<bool>,
    /// Bytes after the end.
    left_over: usize,
}

fn read<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
    head_request: bool,
) -> Result<Seen, Violation> {
    let mut client = Client::new();
    client.start(head_request);
    let (mut unread, mut seen) = (Vec::new(), Seen::default());
    for piece in pieces {
        unread.extend_from_slice(piece);
        while seen.reusable.is_none() {
            let consumed = match client.step(&unread)? {
                ClientStep::NeedMore => break,
                ClientStep::Informational { consumed } => {
                    seen.passed_over += 1;
                    consumed
                }
                ClientStep::Head { head, consumed } => {
                    seen.status = head.status;
                    consumed
                }
                ClientStep::Body { bytes, consumed } => {
                    seen.body.extend_from_slice(bytes);
                    consumed
                }
                ClientStep::End { consumed, reusable } => {
                    seen.reusable = Some(reusable);
                    consumed
                }
            };
            unread.drain(..consumed);
        }
    }
    if seen.reusable.is_none() {
        client.end_of_input()?;
    }
    seen.left_over = unread.len();
    Ok(seen)
}

/// The response whole, which has to be the response at every split and byte by byte.
fn seen(input: &[u8], head_request: bool) -> Result<Seen, Violation> {
    let whole = read([input], head_request);
    for split in 0..=input.len() {
        let (left, right) = input.split_at(split);
        assert_eq!(
            read([left, right], head_request),
            whole,
            "{}",
            input.escape_ascii()
        );
    }
    assert_eq!(
        read(input.chunks(1), head_request),
        whole,
        "{}",
        input.escape_ascii()
    );
    whole
}

#[test]
fn responses_that_are_whole() {
    let whole = |status, body: &[u8], reusable| Seen {
        status,
        body: body.to_vec(),
        reusable,
        ..Seen::default()
    };
    let cases: [(&[u8], Seen); 12] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            whole(200, b"ok", Some(true)),
        ),
        (
            b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
            whole(200, b"", Some(true)),
        ),
        (
            b"HTTP/1.1 429\r\nContent-Length: 0\r\n\r\n",
            whole(429, b"", Some(true)),
        ),
        (
            b"HTTP/1.1 299 \xc3\xa4 b\r\nContent-Length: 0\r\n\r\n",
            whole(299, b"", Some(true)),
        ),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
            whole(200, b"a", Some(false)),
        ),
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
            whole(200, b"a", Some(false)),
        ),
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
            whole(200, b"a", Some(true)),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            whole(200, b"ok", Some(true)),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nok", whole(200, b"ok", None)),
        (
            b"HTTP/1.1 204 No Content\r\n\r\n",
            whole(204, b"", Some(true)),
        ),
        (
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            whole(304, b"", Some(true)),
        ),
        (
            b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
            whole(204, b"", Some(true)),
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(seen(input, false), Ok(expected), "{}", input.escape_ascii());
    }
}

#[test]
fn a_body_until_close_does_not_keep_the_connection() {
    let mut client = Client::new();
    client.start(false);
    let input = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n";
    let Ok(ClientStep::Head { head, .. }) = client.step(input) else {
        panic!("the head is whole")
    };
    assert_eq!(
        (head.length, head.keep_alive),
        (BodyLength::UntilClose, false)
    );
}

#[test]
fn a_response_to_head_has_no_body() {
    for fields in [
        "Content-Length: 9\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
    ] {
        let input = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let expected = Seen {
            status: 200,
            reusable: Some(true),
            ..Seen::default()
        };
        assert_eq!(seen(input.as_bytes(), true), Ok(expected), "{fields}");
    }
}

#[test]
fn informational_responses_are_passed_over() {
    let input = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    let expected = Seen {
        passed_over: 2,
        status: 200,
        body: b"a".to_vec(),
        reusable: Some(true),
        left_over: 0,
    };
    assert_eq!(seen(input, false), Ok(expected));

    let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(limits::INFORMATIONAL_RESPONSES + 1);
    assert_eq!(seen(&endless, false), Err(Violation::TooManyInformational));
    assert_eq!(
        seen(b"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n", false),
        Err(Violation::SwitchedProtocols)
    );
}

#[test]
fn responses_that_are_refused() {
    let cases: [(&[u8], Violation); 26] = [
        (b"hello", Violation::StatusLine),
        (b"<html>", Violation::StatusLine),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", Violation::StatusLine),
        (b"http/1.1 200 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1  200 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1 20 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1 2000 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1 +20 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1 099 OK\r\n\r\n", Violation::StatusLine),
        (b"HTTP/1.1 200 O\x00K\r\n\r\n", Violation::StatusLine),
        (b"HTTP/2.0 200 OK\r\n\r\n", Violation::UnsupportedVersion),
        (
            b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            Violation::Fault(Fault::BareLineFeed),
        ),
        (
            b"HTTP/1.1 200 O\rK\r\n\r\n",
            Violation::Fault(Fault::BareCarriageReturn),
        ),
        (
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            Violation::Fault(Fault::SpaceBeforeColon),
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            Violation::Fault(Fault::FoldedField),
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n",
            Violation::Fault(Fault::FieldValue),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            Violation::Fault(Fault::ContentLength),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
            Violation::Fault(Fault::ContentLength),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            Violation::Fault(Fault::RepeatedContentLength),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Violation::Fault(Fault::LengthAndCoding),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            Violation::UnknownTransferCoding,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            Violation::Fault(Fault::TransferEncoding),
        ),
        (
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            Violation::Fault(Fault::CodingInHttp10),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            Violation::Fault(Fault::ChunkSize),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            Violation::Fault(Fault::ChunkEnd),
        ),
    ];
    for (input, violation) in cases {
        assert_eq!(
            seen(input, false),
            Err(violation),
            "{}",
            input.escape_ascii()
        );
    }
}

#[test]
fn heads_are_bounded() {
    let long = [
        b"HTTP/1.1 200 OK\r\na: ".to_vec(),
        vec![b'x'; limits::HEAD_BYTES],
    ]
    .concat();
    assert_eq!(
        read([&long[..]], false),
        Err(Violation::Fault(Fault::HeadTooLarge))
    );
    assert_eq!(
        read(long.chunks(5), false),
        Err(Violation::Fault(Fault::HeadTooLarge))
    );
    let many = [
        b"HTTP/1.1 200 OK\r\n".to_vec(),
        b"a: b\r\n".repeat(101),
        b"\r\n".to_vec(),
    ]
    .concat();
    assert_eq!(
        read([&many[..]], false),
        Err(Violation::Fault(Fault::TooManyFields))
    );
}

/// What the end of the connection means after these bytes.
fn closed_after(input: &[u8]) -> Result<bool, Violation> {
    let mut client = Client::new();
    client.start(false);
    let mut unread = input;
    while let ClientStep::Head { consumed, .. }
    | ClientStep::Informational { consumed }
    | ClientStep::Body { consumed, .. }
    | ClientStep::End { consumed, .. } = client.step(unread).unwrap()
    {
        unread = &unread[consumed..];
    }
    client.end_of_input()
}

#[test]
fn only_a_body_until_close_may_end_with_the_connection() {
    assert_eq!(closed_after(b""), Err(Violation::NoResponse));
    assert_eq!(closed_after(b"H"), Err(Violation::Truncated));
    assert_eq!(
        closed_after(b"HTTP/1.1 100 Continue\r\n\r\n"),
        Err(Violation::Truncated)
    );
    assert_eq!(
        closed_after(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"),
        Err(Violation::Truncated)
    );
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n";
    assert_eq!(closed_after(chunked), Err(Violation::Truncated));
    assert_eq!(closed_after(b"HTTP/1.1 200 OK\r\n\r\na"), Ok(true));
    assert_eq!(
        closed_after(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        Ok(false)
    );
}

#[test]
fn bytes_after_the_end_belong_to_nobody() {
    let input = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\nsecret";
    let seen = read([&input[..]], false).unwrap();
    assert_eq!((seen.body, seen.left_over), (b"a".to_vec(), 25));

    let mut idle = Client::new();
    assert_eq!(idle.step(b""), Ok(ClientStep::NeedMore));
    assert_eq!(
        idle.step(b"HTTP/1.1 408 Timeout\r\n\r\n"),
        Err(Violation::Unsolicited)
    );
    assert_eq!(idle.step(b""), Err(Violation::Unsolicited));
}

proptest! {
    #[test]
    fn noise_reads_alike_at_every_split(
        fields in "(Content-Length: [0-3]\r\n|Transfer-Encoding: chunked\r\n|X : y\r\n|\r|\n){0,2}",
        body in "([0-3;x]|\r\n|\r|\n|HTTP/1.1 ){0,12}",
    ) {
        // `seen` compares; what comes out does not matter here.
        drop(seen(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}").as_bytes(), false));
    }
}
