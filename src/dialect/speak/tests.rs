//! Ids, errors and what cannot be said. The streams themselves are in `tests/golden.rs`.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::dialect::json::parse;
use crate::dialect::{Arguments, Refused};

fn identity() -> Identity {
    Identity {
        id: "chatcmpl-0123456789abcdef0123456789abcdef".into(),
        created: 7,
        model: "m\"".into(),
    }
}

fn piece(json: &str) -> JsonStr<'_> {
    parse(json.as_bytes()).unwrap()
}

fn call(index: u32) -> Event<'static> {
    Event::ToolCall {
        index,
        id: None,
        name: piece(r#""f""#),
        signature: None,
    }
}

fn arguments(index: u32, json: &str) -> Event<'_> {
    let json = Arguments::Piece(piece(json));
    Event::Arguments { index, json }
}

#[test]
fn an_id_that_is_made_is_short_and_legal() {
    assert_eq!(
        made_id("call_", "chatcmpl-0123456789abcdef0123456789abcdef", 255),
        "call_89abcdef0123456789abcdef_255"
    );
    assert!(made_id("toolu_", &identity().id, 255).len() <= 40);
    assert_eq!(made_id("call_", "", 0), "call__0");
}

#[test]
fn calls_by_turns_are_put_in_order_where_they_are_collected() {
    let events = [
        call(0),
        call(1),
        arguments(0, r#""{\"a\":""#),
        arguments(1, r#""{}""#),
        arguments(0, r#""1}""#),
    ];
    let mut out = Vec::new();
    let mut speaker = Speaker::new(Dialect::Anthropic, &identity(), true);
    let said: Vec<_> = events
        .iter()
        .map(|event| speaker.event(event, &mut out))
        .collect();
    assert_eq!(said[2], Err(Unspeakable::Interleaved));

    let mut out = Vec::new();
    let mut speaker = Speaker::new(Dialect::Gemini, &identity(), true);
    for event in &events {
        speaker.event(event, &mut out).unwrap();
    }
    speaker.end(&mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains(r#""name":"f","args":{"a":1}}},{"functionCall""#),
        "{out}"
    );
}

#[test]
fn arguments_that_are_no_object_are_not_passed_for_one() {
    for broken in [r#""{\"a\":""#, r#""[1]""#, r#""{} {}""#] {
        for dialect in [Dialect::Anthropic, Dialect::Gemini] {
            let mut answer = Answer::new(dialect, identity());
            answer.event(&call(0)).unwrap();
            answer.event(&arguments(0, broken)).unwrap();
            let mut out = Vec::new();
            assert_eq!(answer.write(&mut out), Err(Unspeakable::Arguments));
            assert!(out.is_empty());
        }
        let mut speaker = Speaker::new(Dialect::Gemini, &identity(), true);
        let mut out = Vec::new();
        speaker.event(&call(0), &mut out).unwrap();
        speaker.event(&arguments(0, broken), &mut out).unwrap();
        assert_eq!(speaker.end(&mut out), Err(Unspeakable::Arguments));
        assert!(out.is_empty());
    }
    // OpenAI's clients get the text as it is.
    let mut answer = Answer::new(Dialect::OpenAi, identity());
    answer.event(&call(0)).unwrap();
    answer.event(&arguments(0, r#""{\"a\":""#)).unwrap();
    answer.write(&mut Vec::new()).unwrap();
}

#[test]
fn nothing_is_said_after_the_last_word() {
    let text = Event::Text(piece(r#""x""#));
    for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
        let mut out = Vec::new();
        let mut speaker = Speaker::new(dialect, &identity(), true);
        speaker.event(&text, &mut out).unwrap();
        speaker.error(&problem(ProblemKind::Upstream), &mut out);
        let said = out.len();
        speaker.event(&text, &mut out).unwrap();
        speaker.end(&mut out).unwrap();
        speaker.error(&problem(ProblemKind::Upstream), &mut out);
        assert_eq!(out.len(), said, "{dialect:?}");
    }
}

#[test]
fn an_answer_that_does_not_end_is_cut() {
    let long = format!("\"{}\"", "x".repeat(1024 * 1024));
    let mut answer = Answer::new(Dialect::OpenAi, identity());
    let said: Vec<_> = (0..5)
        .map(|_| answer.event(&Event::Text(piece(&long))))
        .collect();
    assert_eq!(said[3], Ok(()));
    assert_eq!(said[4], Err(Unspeakable::TooLong));
}

#[test]
fn ids_and_pieces_with_nothing_in_them_count_as_well() {
    let long = format!("\"{}\"", "x".repeat(1024 * 1024));
    let mut answer = Answer::new(Dialect::OpenAi, identity());
    let call = |index| Event::ToolCall {
        index,
        id: Some(piece(&long)),
        name: piece(r#""f""#),
        signature: None,
    };
    let said: Vec<_> = (0..4).map(|index| answer.event(&call(index))).collect();
    assert_eq!(said[2..], [Ok(()), Err(Unspeakable::TooLong)]);
    assert!(answer.bytes() > 3 * 1024 * 1024);

    let mut answer = Answer::new(Dialect::OpenAi, identity());
    let empty = piece(r#""""#);
    let by_turns = [Event::Text(empty), Event::Thinking(empty)];
    let ends = by_turns.iter().cycle().take(1_000_000);
    assert!(
        ends.map(|event| answer.event(event))
            .any(|said| said.is_err())
    );
}

fn problem(kind: ProblemKind) -> Problem<'static> {
    Problem {
        kind,
        code: "stream_interrupted",
        message: "The provider broke off.".into(),
        field: None,
        retry_after: Some(Duration::from_millis(1500)),
        request_id: "req_1",
    }
}

fn framed(dialect: Dialect, problem: &Problem<'_>) -> String {
    let mut out = Vec::new();
    problem.frame(dialect, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn each_client_is_told_of_an_error_in_its_own_shape() {
    let broken = problem(ProblemKind::Upstream);
    assert_eq!(
        framed(Dialect::OpenAi, &broken),
        "data: {\"error\":{\"message\":\"The provider broke off.\",\"type\":\"upstream_error\",\"param\":null,\"code\":\"stream_interrupted\"}}\n\n"
    );
    assert_eq!(
        framed(Dialect::Anthropic, &problem(ProblemKind::Overloaded)),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"The provider broke off.\"},\"request_id\":\"req_1\"}\n\n"
    );
    assert_eq!(
        framed(Dialect::Gemini, &problem(ProblemKind::RateLimited)),
        "data: {\"error\":{\"code\":429,\"message\":\"The provider broke off.\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"1.5s\"}]}}\r\n\r\n"
    );
}

#[test]
fn a_refused_request_names_its_field() {
    let refused = Refused::wrong("messages[2].role", "a king");
    let problem = Problem::of_refused(&refused, "req_1");
    let mut out = Vec::new();
    problem.body(Dialect::OpenAi, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"error":{"message":"The field `messages[2].role` has to be a king.","type":"invalid_request_error","param":"messages[2].role","code":"invalid_field"}}"#
    );
}

#[test]
fn statuses_are_those_of_each_vendor() {
    use Dialect::{Anthropic, Gemini, OpenAi};
    for (kind, expected) in [
        (ProblemKind::Invalid, [400, 400, 400]),
        (ProblemKind::Unauthenticated, [401, 401, 401]),
        (ProblemKind::Forbidden, [403, 403, 403]),
        (ProblemKind::NotFound, [404, 404, 404]),
        (ProblemKind::TooLarge, [413, 413, 413]),
        (ProblemKind::RateLimited, [429, 429, 429]),
        (ProblemKind::TokensLimited, [429, 429, 429]),
        (ProblemKind::Quota, [429, 402, 429]),
        (ProblemKind::Overloaded, [503, 529, 503]),
        (ProblemKind::Timeout, [504, 504, 504]),
        (ProblemKind::Upstream, [502, 502, 502]),
        (ProblemKind::Internal, [500, 500, 500]),
    ] {
        assert_eq!(
            [OpenAi, Anthropic, Gemini].map(|d| kind.status(d)),
            expected,
            "{kind:?}"
        );
        // What we say is understood by those who read our errors as a provider's.
        for dialect in [OpenAi, Anthropic, Gemini] {
            let mut out = Vec::new();
            problem(kind).body(dialect, &mut out);
            let read = dialect.failure(kind.status(dialect), &out);
            // Google tells an empty account from a fast one only by its own names of quotas.
            let is_vague = (kind, dialect) == (ProblemKind::Quota, Gemini);
            assert_eq!(
                read.kind.heals(),
                kind.heals() || is_vague,
                "{kind:?} {dialect:?}"
            );
        }
    }
    assert_eq!(
        ProblemKind::of(crate::dialect::FailureKind::Auth),
        ProblemKind::Upstream
    );
}
