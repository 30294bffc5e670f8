//! Chunked bodies cut everywhere, and the ways to get one wrong.
#![allow(clippy::unwrap_used)]

use super::*;

/// Feeds the pieces one after another; returns the content, and how many bytes the body took.
/// `None` in place of the length: it did not end.
fn decode<'p>(
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Result<(Vec<u8>, Option<usize>), Fault> {
    let mut dechunker = Dechunker::new();
    let (mut unread, mut content, mut taken) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        unread.extend_from_slice(piece);
        loop {
            let consumed = match dechunker.step(&unread)? {
                Piece::NeedMore => break,
                Piece::End { consumed } => return Ok((content, Some(taken + consumed))),
                Piece::Data { bytes, consumed } => {
                    assert!(!bytes.is_empty());
                    content.extend_from_slice(bytes);
                    consumed
                }
            };
            taken += consumed;
            unread.drain(..consumed);
        }
    }
    Ok((content, None))
}

/// The outcome whole, which has to be the outcome at every split and byte by byte.
fn decoded(body: &[u8]) -> Result<(Vec<u8>, Option<usize>), Fault> {
    let whole = decode([body]);
    for split in 0..=body.len() {
        let (left, right) = body.split_at(split);
        assert_eq!(
            decode([left, right]),
            whole,
            "{} split at {split}",
            body.escape_ascii()
        );
    }
    assert_eq!(
        decode(body.chunks(1)),
        whole,
        "{} byte by byte",
        body.escape_ascii()
    );
    whole
}

#[test]
fn bodies_that_are_whole() {
    let cases: [(&[u8], &[u8]); 7] = [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", b"abc"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"3;a=b;c=\"d e\"\r\nabc\r\n0;z\r\n\r\n", b"abc"),
        (
            b"3 ;a\r\na\r\n\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n",
            b"a\r\n",
        ),
        (b"0000000000000002\r\nab\r\n0\r\n\r\n", b"ab"),
    ];
    for (body, content) in cases {
        assert_eq!(decoded(body), Ok((content.to_vec(), Some(body.len()))));
        let with_more = [body, b"GET /"].concat();
        assert_eq!(
            decoded(&with_more),
            Ok((content.to_vec(), Some(body.len())))
        );
    }
}

#[test]
fn extensions_are_as_the_grammar_has_them() {
    for extensions in [
        ";a",
        ";a=b",
        " ; a = b",
        "\t;\ta\t=\t\"b;\\\" c\"",
        ";a;b=c ;d",
        ";a=\"\"",
    ] {
        let body = format!("3{extensions}\r\nabc\r\n0\r\n\r\n");
        let whole = (b"abc".to_vec(), Some(body.len()));
        assert_eq!(decoded(body.as_bytes()), Ok(whole), "{extensions}");
    }
}

#[test]
fn bodies_that_are_refused() {
    let cases: [(&[u8], Fault); 32] = [
        (b"\r\n", Fault::ChunkSize),
        (b"+3\r\nabc\r\n", Fault::ChunkSize),
        (b"-1\r\n", Fault::ChunkSize),
        (b"0x3\r\nabc\r\n", Fault::ChunkSize),
        (b"1_0\r\n", Fault::ChunkSize),
        (b" 3\r\nabc\r\n", Fault::ChunkSize),
        (b"3g\r\nabc\r\n", Fault::ChunkSize),
        (b"3\x85\r\nabc\r\n", Fault::ChunkSize),
        (b"\xef\xbc\x93\r\nabc\r\n", Fault::ChunkSize),
        (b";a=b\r\n", Fault::ChunkSize),
        (b"00000000000000003\r\nabc\r\n", Fault::ChunkSize),
        (b"10000000000000000\r\n", Fault::ChunkSize),
        (b"3 \r\nabc\r\n", Fault::ChunkExtension),
        (b"3 a\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;\x00\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;;;=\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;=b\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a=\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a b\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a=b \r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a=\"b\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a=\"b\\\"\r\nabc\r\n", Fault::ChunkExtension),
        (b"3;a\rb\r\nabc\r\n", Fault::BareCarriageReturn),
        (b"3;a\nabc\r\n", Fault::BareLineFeed),
        (b"3\nabc\r\n", Fault::BareLineFeed),
        (b"3\r\nabcd\r\n", Fault::ChunkEnd),
        (b"3\r\nabc\n0\r\n\r\n", Fault::ChunkEnd),
        (b"3\r\nabc\r\r\n", Fault::ChunkEnd),
        (b"0\r\nX : y\r\n\r\n", Fault::SpaceBeforeColon),
        (b"0\r\nX: y\n\r\n", Fault::BareLineFeed),
        (b"0\r\nGET / HTTP/1.1\r\n\r\n", Fault::FieldName),
    ];
    for (body, fault) in cases {
        assert_eq!(decoded(body), Err(fault), "{}", body.escape_ascii());
    }
}

#[test]
fn framing_is_bounded() {
    let long_line = [b"1;".to_vec(), vec![b'x'; limits::CHUNK_LINE_BYTES]].concat();
    assert_eq!(decoded(&long_line), Err(Fault::ChunkLineTooLong));

    let chunk = [b"1;".to_vec(), vec![b'x'; 199], b"\r\na\r\n".to_vec()].concat();
    let fits = limits::CHUNK_EXTENSIONS_BYTES / 200;
    assert_eq!(
        decode([&chunk.repeat(fits)[..]]),
        Ok((vec![b'a'; fits], None))
    );
    assert_eq!(
        decode([&chunk.repeat(fits + 1)[..]]),
        Err(Fault::ChunkExtensionsTooLong)
    );

    let trailers = [
        b"0\r\n".to_vec(),
        b"x: y\r\n".repeat(limits::TRAILER_BYTES / 6 + 1),
    ]
    .concat();
    assert_eq!(decode([&trailers[..]]), Err(Fault::TrailersTooLarge));
    assert_eq!(decode(trailers.chunks(7)), Err(Fault::TrailersTooLarge));
}

#[test]
fn the_largest_chunk_does_not_overflow() {
    let body = b"ffffffffffffffff\r\nabc";
    assert_eq!(decoded(body), Ok((b"abc".to_vec(), None)));
}

#[test]
fn dripping_trailers_are_searched_once() {
    let body = [b"0\r\n", &b"a: bcdef\r\n".repeat(50)[..], b"\r\n"].concat();
    let mut dechunker = Dechunker::new();
    let (mut searched, mut before) = (0, 3);
    for length in 3..body.len() {
        assert_eq!(dechunker.step(&body[..length]), Ok(Piece::NeedMore));
        let State::Trailers(section) = dechunker.state else {
            panic!("the last chunk was there")
        };
        searched += section.seen() - before;
        before = section.seen();
    }
    assert_eq!(searched, body.len() - 4);
    let consumed = body.len();
    assert_eq!(dechunker.step(&body), Ok(Piece::End { consumed }));
}
