//! A second opinion on responses: `ureq-proto`, which others wrote.
//!
//! It is more lenient than we are, so the comparison is about responses that both accept: status,
//! body, and whether the connection may be used again have to agree.

use proptest::prelude::*;
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::http::Request;

use crate::proto::http1::{Client, ClientStep};

/// What a reader makes of a response after which the connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opinion {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) must_close: bool,
}

/// Our own; `None` if the response is refused or truncated.
pub(super) fn ours(mut input: &[u8]) -> Option<Opinion> {
    let mut client = Client::new();
    client.start(false);
    let mut opinion = Opinion {
        status: 0,
        body: Vec::new(),
        must_close: true,
    };
    loop {
        let consumed = match client.step(input).ok()? {
            ClientStep::NeedMore => return client.end_of_input().ok().map(|_| opinion),
            ClientStep::Informational { consumed } => consumed,
            ClientStep::Head { head, consumed } => {
                opinion.status = head.status;
                consumed
            }
            ClientStep::Body { bytes, consumed } => {
                opinion.body.extend_from_slice(bytes);
                consumed
            }
            ClientStep::End { reusable, .. } => {
                opinion.must_close = !reusable;
                return Some(opinion);
            }
        };
        input = &input[consumed..];
    }
}

/// That of ureq-proto; `None` as above.
fn theirs(mut input: &[u8]) -> Option<Opinion> {
    let request = Request::get("http://h/").body(()).ok()?;
    let mut call = Call::new(request).ok()?.proceed();
    call.write(&mut [0; 512]).ok()?;
    let SendRequestResult::RecvResponse(mut call) = call.proceed().ok()?? else {
        return None;
    };
    let status = loop {
        let (consumed, response) = call.try_response(input, false).ok()?;
        input = &input[consumed..];
        match response {
            Some(response) => break response.status().as_u16(),
            None if consumed == 0 => return None,
            None => {}
        }
    };
    match call.proceed()? {
        RecvResponseResult::Cleanup(call) => Some(Opinion {
            status,
            body: Vec::new(),
            must_close: call.must_close_connection(),
        }),
        RecvResponseResult::RecvBody(mut call) => {
            let (mut body, mut buffer) = (Vec::new(), [0; 512]);
            loop {
                let (consumed, written) = call.read(input, &mut buffer).ok()?;
                input = &input[consumed..];
                body.extend_from_slice(&buffer[..written]);
                if consumed == 0 && written == 0 {
                    break;
                }
            }
            let RecvBodyResult::Cleanup(call) = call.proceed()? else {
                return None;
            };
            Some(Opinion {
                status,
                body,
                must_close: call.must_close_connection(),
            })
        }
        RecvResponseResult::Redirect(_) => None,
    }
}

#[test]
fn we_agree_on_what_a_provider_may_send() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
            "5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n",
        ),
        ("HTTP/1.1 200 OK", "hello"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5", "hello"),
        (
            "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0",
            "",
        ),
        ("HTTP/1.1 204 No Content", ""),
        (
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Slow\r\nContent-Length: 1",
            "x",
        ),
    ] {
        let response = format!("{head}\r\n\r\n{body}");
        let ours = ours(response.as_bytes());
        assert!(ours.is_some(), "{response:?}");
        assert_eq!(ours, theirs(response.as_bytes()), "{response:?}");
    }
}

proptest! {
    /// Random responses, most of them valid: whatever both accept, both read alike.
    #[test]
    fn we_agree_on_whatever_both_accept(
        version in "HTTP/1\\.[01]",
        status in prop_oneof![Just(200), Just(204), Just(404), Just(500), 200..300_u16],
        fields in "(Content-Length: [0-9]{1,2}\r\n|Transfer-Encoding: (chunked|Chunked|gzip)\r\n\
            |Connection: (close|keep-alive|te, close)\r\n|X: y\r\n){0,3}",
        body in prop_oneof![
            "[a-z]{0,12}",
            "([1-3](;x=y)?\r\n[a-z]{1,3}\r\n){0,3}0\r\n(x: y\r\n)?\r\n",
        ],
    ) {
        let response = format!("{version} {status} x\r\n{fields}\r\n{body}");
        if let (Some(ours), Some(theirs)) = (ours(response.as_bytes()), theirs(response.as_bytes())) {
            prop_assert_eq!(ours, theirs, "{:?}", response);
        }
    }
}
