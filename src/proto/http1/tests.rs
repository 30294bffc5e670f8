//! Both halves together: noise, round trips, and a second opinion.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

mod oracle;

/// Steps a server over `input` until it wants more or refuses; returns what it consumed.
fn drain_server(input: &[u8]) -> usize {
    let (mut server, mut at) = (Server::new(), 0);
    loop {
        match server.step(&input[at..]) {
            Ok(Step::NeedMore) | Err(_) => return at,
            Ok(Step::Head { consumed, .. } | Step::Body { consumed, .. }) => at += consumed,
            Ok(Step::End { consumed }) => {
                at += consumed;
                server.next_request();
            }
        }
    }
}

fn drain_client(input: &[u8]) -> usize {
    let (mut client, mut at) = (Client::new(), 0);
    client.start(false);
    loop {
        match client.step(&input[at..]) {
            Ok(ClientStep::NeedMore) | Err(_) => return at,
            Ok(
                ClientStep::Head { consumed, .. }
                | ClientStep::Body { consumed, .. }
                | ClientStep::Informational { consumed },
            ) => at += consumed,
            Ok(ClientStep::End { consumed, .. }) => return at + consumed,
        }
    }
}

/// Noise made of the pieces that parsers trip over.
const NOISE: &str = "(GET |POST / |/|HTTP/1\\.[01]|HTTP/1\\.1 200 OK|\r\n|\r|\n|Host: h\r\n|: | |\t|,|;\
    |Content-Length: |Transfer-Encoding: |chunked|[0-9a-f]|[\u{0}-\u{ff}]){0,40}";

proptest! {
    #[test]
    fn any_bytes_are_survived(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(drain_server(&input) <= input.len());
        prop_assert!(drain_client(&input) <= input.len());
    }

    #[test]
    fn noise_that_looks_like_http_is_survived(noise in NOISE) {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\n{noise}");
        let response = format!("HTTP/1.1 200 OK\r\n{noise}");
        for input in [&noise, &request, &response] {
            prop_assert!(drain_server(input.as_bytes()) <= input.len());
            prop_assert!(drain_client(input.as_bytes()) <= input.len());
        }
    }

    /// What the client half writes, the server half reads.
    #[test]
    fn a_written_request_is_read_back(
        target in "/[!-\"$->@-~]{0,20}",
        host in "[a-z]{1,9}(:[0-9]{1,4})?",
        name in "x-[!a-z0-9_]{1,9}",
        value in "[!-~]([\t -~]{0,9}[!-~])?",
        body in proptest::option::of("[a-z]{0,20}"),
    ) {
        let mut out = Vec::new();
        let length = body.as_ref().map(|body| body.len() as u64);
        let body = body.unwrap_or_default();
        write_request(&mut out, Method::Post, &target, &host, &[(&name, value.as_bytes())], length).unwrap();
        out.extend_from_slice(body.as_bytes());

        let mut server = Server::new();
        let Ok(Step::Head { head, consumed }) = server.step(&out) else { panic!("no head") };
        prop_assert_eq!((head.method, head.path, head.query), (Method::Post, &target[..], None));
        prop_assert_eq!((head.host, head.fields.get(&name)), (&host[..], Some(value.as_bytes())));
        prop_assert_eq!(head.length, length.map_or(BodyLength::None, BodyLength::Exact));
        prop_assert_eq!(&out[consumed..], body.as_bytes());
    }

    /// What the server half writes, the client half reads.
    #[test]
    fn a_written_reply_is_read_back(
        chunks in proptest::collection::vec("[a-z\r\n]{0,20}", 0..5),
        close in any::<bool>(),
    ) {
        let after = if close { After::Close } else { After::KeepAlive(Version::Http11) };
        let mut out = Vec::new();
        reply_head(&mut out, 200).field("x", "y").finish(ReplyBody::Chunked, after);
        for chunk in &chunks {
            put_chunk(&mut out, chunk.as_bytes());
        }
        put_last_chunk(&mut out);

        let opinion = oracle::ours(&out).unwrap();
        prop_assert_eq!(opinion.body, chunks.concat().into_bytes());
        prop_assert_eq!((opinion.status, opinion.must_close), (200, close));
    }
}

#[test]
fn every_refusal_and_violation_has_a_name_and_words() {
    let refusals = [
        Refusal::Fault(Fault::BareLineFeed),
        Refusal::Host,
        Refusal::PayloadTooLarge,
    ];
    for refusal in refusals {
        assert!((400..=505).contains(&refusal.status()));
        assert_eq!(refusal.to_string(), refusal.detail());
        assert!(refusal.detail().ends_with('.'), "{refusal}");
    }
    assert_eq!(Refusal::Fault(Fault::FoldedField).code(), "folded_field");
    assert_eq!(Violation::Fault(Fault::FoldedField).code(), "folded_field");
    assert_eq!(Violation::Truncated.code(), "truncated");
}
