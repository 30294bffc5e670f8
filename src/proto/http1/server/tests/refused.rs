//! Every way to write a request that is refused, and with what.

use super::*;

#[test]
fn bad_request_lines() {
    let cases: [(&[u8], Refusal, u16); 25] = [
        (
            b"GET / HTTP/1.1\nHost: h\n\n",
            Fault::BareLineFeed.into(),
            400,
        ),
        (b"\n", Fault::BareLineFeed.into(), 400),
        (
            b"GET /\rx HTTP/1.1\r\n",
            Fault::BareCarriageReturn.into(),
            400,
        ),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", Refusal::EmptyLines, 400),
        (b" GET / HTTP/1.1\r\n", Refusal::Method, 400),
        (b"\x16\x03\x01\x02", Refusal::Method, 400),
        (b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n", Refusal::Method, 400),
        (b"GET\r\n\r\n", Refusal::RequestLine, 400),
        (b"GET /\r\n\r\n", Refusal::RequestLine, 400),
        (b"GET  / HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400),
        (b"GET / HTTP/1.1 \r\n\r\n", Refusal::RequestLine, 400),
        (b"GET /a b HTTP/1.1\r\n\r\n", Refusal::RequestLine, 400),
        (b"GET\t/\tHTTP/1.1\r\n\r\n", Refusal::RequestLine, 400),
        (b"GET /#a HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"GET * HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"GET h:443 HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"CONNECT / HTTP/1.1\r\n\r\n", Refusal::Target, 400),
        (b"GET / http/1.1\r\n\r\n", Refusal::Version, 400),
        (b"GET / HTTP/1.11\r\n\r\n", Refusal::Version, 400),
        (b"GET / HTTP/1.2\r\n\r\n", Refusal::UnsupportedVersion, 505),
        (b"GET / HTTP/0.9\r\n\r\n", Refusal::UnsupportedVersion, 505),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Refusal::UnsupportedVersion,
            505,
        ),
        (b"GET / HTTP/1.1\r\n\r\n", Refusal::MissingHost, 400),
    ];
    for (input, refusal, status) in cases {
        assert_eq!(
            told(input),
            (vec![], Some(refusal)),
            "{}",
            input.escape_ascii()
        );
        assert_eq!(refusal.status(), status, "{refusal:?}");
    }
}

#[test]
fn bad_fields() {
    let cases: [(&[u8], Refusal, u16); 20] = [
        (b"A: b\n", Fault::BareLineFeed.into(), 400),
        (b"A: b\rc\r\n", Fault::BareCarriageReturn.into(), 400),
        (b"A: b\r\r\n", Fault::BareCarriageReturn.into(), 400),
        (b"A: b\r\n c\r\n", Fault::FoldedField.into(), 400),
        (b"A : b\r\n", Fault::SpaceBeforeColon.into(), 400),
        (b": b\r\n", Fault::FieldName.into(), 400),
        (b"A\r\n", Fault::FieldName.into(), 400),
        (b"A\x85: b\r\n", Fault::FieldName.into(), 400),
        (b"A: b\x00c\r\n", Fault::FieldValue.into(), 400),
        (b"Host: h\r\n", Refusal::RepeatedHost, 400),
        (b"Expect: 200-ok\r\n", Refusal::UnknownExpectation, 417),
        (
            b"Expect: 100-continue\r\nExpect: \r\n",
            Refusal::UnknownExpectation,
            417,
        ),
        (b"Content-Length:\r\n", Fault::ContentLength.into(), 400),
        (b"Content-Length: +1\r\n", Fault::ContentLength.into(), 400),
        (
            b"Content-Length: 1, 1\r\n",
            Fault::ContentLength.into(),
            400,
        ),
        (
            b"Content-Length: 18446744073709551616\r\n",
            Fault::ContentLength.into(),
            400,
        ),
        (
            b"Content-Length: 1\r\nContent-Length: 1\r\n",
            Fault::RepeatedContentLength.into(),
            400,
        ),
        (
            b"Content-Length: 1\r\ncontent-length: 2\r\n",
            Fault::RepeatedContentLength.into(),
            400,
        ),
        (
            b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            Fault::LengthAndCoding.into(),
            400,
        ),
        (
            b"Content-Length: 1\r\nTransfer-Encoding: gzip, chunked\r\n",
            Fault::LengthAndCoding.into(),
            400,
        ),
    ];
    for (lines, refusal, status) in cases {
        let input = with_fields(lines);
        assert_eq!(
            told(&input),
            (vec![], Some(refusal)),
            "{}",
            input.escape_ascii()
        );
        assert_eq!(refusal.status(), status, "{refusal:?}");
    }
}

#[test]
fn bad_transfer_codings() {
    let cases: [(&[u8], Refusal, u16); 13] = [
        (
            b"chunked\r\nTransfer-Encoding: chunked",
            Fault::TransferEncoding.into(),
            400,
        ),
        (
            b"gzip\r\nTransfer-Encoding: chunked",
            Fault::TransferEncoding.into(),
            400,
        ),
        (
            b"chunked\r\nTransfer-Encoding: identity",
            Fault::TransferEncoding.into(),
            400,
        ),
        (b",chunked", Fault::TransferEncoding.into(), 400),
        (b"chunked, chunked", Fault::TransferEncoding.into(), 400),
        (b"chunked, identity", Fault::TransferEncoding.into(), 400),
        (b"identity", Fault::TransferEncoding.into(), 400),
        (b"xchunked", Fault::TransferEncoding.into(), 400),
        (b"chunked\x85", Fault::TransferEncoding.into(), 400),
        (b"\xa0chunked", Fault::TransferEncoding.into(), 400),
        (b"", Fault::TransferEncoding.into(), 400),
        (b"\x0bchunked", Fault::FieldValue.into(), 400),
        (b"gzip, chunked", Refusal::UnknownTransferCoding, 501),
    ];
    for (value, refusal, status) in cases {
        let input = with_fields(&[b"Transfer-Encoding: ", value, b"\r\n"].concat());
        assert_eq!(
            told(&input),
            (vec![], Some(refusal)),
            "{}",
            input.escape_ascii()
        );
        assert_eq!(refusal.status(), status, "{refusal:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(told(old), (vec![], Some(Fault::CodingInHttp10.into())));
}

#[test]
fn bad_hosts() {
    for host in [
        "", " ", "a b", "a/b", "u@h", ":80", "h:x", "h:65536", "[::1", "h\u{e4}", "h, h",
    ] {
        let input = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(
            told(input.as_bytes()),
            (vec![], Some(Refusal::Host)),
            "{host:?}"
        );
        // An absolute target does not excuse it.
        let input = format!("GET http://h/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(
            told(input.as_bytes()),
            (vec![], Some(Refusal::Host)),
            "{host:?}"
        );
    }
    assert_eq!(
        told(b"GET http://h/ HTTP/1.1\r\n\r\n"),
        (vec![], Some(Refusal::MissingHost))
    );
    assert_eq!(
        told(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"),
        (vec![], Some(Refusal::Host))
    );
}
