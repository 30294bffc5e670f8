//! Chats that fail, each told in the words of its client.

use super::openai::{STREAM, answer};
use super::{DIALECTS, World, ask, chunk, error, is_gone, provider, refusal};
use crate::dialect::Dialect;
use crate::engine::io::Gone;
use crate::engine::tests::post;
use crate::store::RequestOutcome;

#[test]
fn a_failure_before_any_content_has_the_status_and_shape_of_the_client() {
    for stream in [false, true] {
        for (ours, status, kind) in [
            (Dialect::OpenAi, 503, "server_error"),
            (Dialect::Anthropic, 529, "overloaded_error"),
            (Dialect::Gemini, 503, "UNAVAILABLE"),
        ] {
            let mut world = World::new(&provider(Dialect::OpenAi));
            let client = ask(&mut world, ours, stream);
            world.answer(answer(503, "Retry-After: 7\r\n", "{}"));
            let reply = world.reply(client);
            assert_eq!(reply.field("content-type"), Some("application/json"));
            assert_eq!(reply.field("retry-after"), Some("7"));
            assert_eq!(reply.field("retry-after-ms"), Some("7000"));
            assert_eq!(
                (reply.status, error(ours, &reply.json()).0),
                (status, kind.into())
            );
            assert!(reply.field("x-request-id").is_some());
            assert_eq!(
                reply.field("request-id").is_some(),
                ours == Dialect::Anthropic
            );
            let row = world.store.request();
            assert_eq!(
                (row.outcome, row.status),
                (RequestOutcome::ProviderFailed, status)
            );
            assert_eq!(world.store.texts.len(), 0);
            assert!(!world.is_over(client), "the connection is in order");
        }
    }
}

#[test]
fn each_failure_of_a_provider_has_its_sort() {
    for (theirs, ours, kind) in [
        (400, 400, "invalid_request_error"),
        (401, 502, "upstream_error"),
        (402, 429, "insufficient_quota"),
        (403, 502, "upstream_error"),
        (404, 404, "invalid_request_error"),
        (413, 413, "invalid_request_error"),
        (429, 429, "requests"),
        (500, 502, "upstream_error"),
        (529, 503, "server_error"),
        (302, 502, "upstream_error"),
    ] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, Dialect::OpenAi, true);
        world.answer(answer(theirs, "", r#"{"error":{"message":"secret"}}"#));
        let told = refusal(&mut world, client, Dialect::OpenAi);
        assert_eq!(told, (ours, kind.to_owned()), "{theirs}");
    }
}

#[test]
fn an_error_in_the_stream_before_content_is_a_plain_error() {
    let error =
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\"}}\n\n\
                 event: ping\ndata: {\"type\":\"ping\"}\n\n";
    for ours in DIALECTS {
        let mut world = World::new(&provider(Dialect::Anthropic));
        let client = ask(&mut world, ours, true);
        world.answer([STREAM, &chunk(start)].concat());
        assert!(world.is_quiet(client), "the head waits for content");
        world.answer(chunk(error));
        let status = if ours == Dialect::Anthropic { 529 } else { 503 };
        assert_eq!(refusal(&mut world, client, ours).0, status);
    }
}

#[test]
fn a_connection_that_breaks_after_content_is_an_error_in_the_stream() {
    let said = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Tea\"}}]}\n\n";
    for ours in DIALECTS {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, ours, true);
        world.answer([STREAM, &chunk(said)].concat());
        world.reset(world.upstream(), Gone::Reset);
        world.settle();
        let reply = world.reply(client);
        assert_eq!(reply.status, 200);
        let last = reply.body.trim_end().rsplit("data: ").next().unwrap();
        let (kind, code) = error(ours, &serde_json::from_str(last).unwrap());
        match ours {
            Dialect::OpenAi => {
                assert_eq!((&*kind, &*code), ("upstream_error", "stream_interrupted"))
            }
            Dialect::Anthropic => assert_eq!(kind, "api_error"),
            Dialect::Gemini => assert_eq!((&*kind, &*code), ("UNAVAILABLE", "502")),
        }
        assert!(world.is_over(client), "after an error the connection ends");
        assert_eq!(world.store.request().outcome, RequestOutcome::Truncated);
    }
}

#[test]
fn what_is_no_request_of_this_dialect_is_told_in_its_words() {
    let gemini = "/v1beta/models/m:generateContent";
    for (ours, request, status) in [
        (Dialect::OpenAi, post("/v1/chat/completions", "{"), 400),
        (
            Dialect::OpenAi,
            post("/v1/chat/completions", r#"{"messages":[]}"#),
            400,
        ),
        (Dialect::OpenAi, post("/v1/chat/nothing", "{}"), 404),
        (
            Dialect::Anthropic,
            post("/v1/messages", r#"{"model":5}"#),
            400,
        ),
        (
            Dialect::Anthropic,
            post("/v1/messages/count_tokens", "{}"),
            404,
        ),
        (Dialect::Gemini, post(gemini, "[]"), 400),
        (
            Dialect::Gemini,
            post("/v1beta/models/m:countTokens", "{}"),
            404,
        ),
        (Dialect::Gemini, post("/v1beta/nothing", "{}"), 404),
        (
            Dialect::Gemini,
            post("/v1alpha/models/m:generateContent", "{}"),
            404,
        ),
        (
            Dialect::Gemini,
            post("/v1beta/models/m:streamGenerateContent", "{}"),
            400,
        ),
        (
            Dialect::Gemini,
            post("/v1beta/models/a%0D%0Ab:generateContent", "{}"),
            400,
        ),
        (
            Dialect::Gemini,
            post(
                "/v1beta/models/m:streamGenerateContent?alt=sse&alt=json",
                "{}",
            ),
            400,
        ),
        (
            Dialect::Gemini,
            post("/v1beta/models/m:generateContent?alt=sse", "{}"),
            400,
        ),
        (
            Dialect::OpenAi,
            post("/v1/chat/completions", "{}").replace("application/json", "text/plain"),
            415,
        ),
        (
            Dialect::OpenAi,
            post("/v1/chat/completions", "{}").replace("POST", "PUT"),
            405,
        ),
        (
            Dialect::Anthropic,
            post("/v1/messages", "{}").replace("Length: 2", "Length: 99999999"),
            413,
        ),
    ] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = world.ask(request.clone());
        let reply = world.reply(client);
        assert_eq!(
            reply.field("content-type"),
            Some("application/json"),
            "{request}"
        );
        assert_eq!(reply.field("x-should-retry"), Some("false"), "{request}");
        error(ours, &reply.json());
        assert_eq!(reply.status, status, "{request}");
        assert_eq!(world.store.requests.len(), 0);
    }
}

#[test]
fn what_the_target_cannot_express_names_the_field_in_the_clients_words() {
    let mut world = World::new(&provider(Dialect::Anthropic));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"seed":1}"#;
    let client = world.post("/v1/chat/completions", body);
    let reply = world.reply(client);
    let told = &reply.json()["error"];
    assert_eq!(reply.status, 400);
    assert_eq!(
        (&told["param"], &told["code"]),
        (&"seed".into(), &"unsupported_field".into())
    );
    assert_eq!(world.upstreams(), [], "nobody was asked");
    assert_eq!(world.store.request().outcome, RequestOutcome::Refused);
}

#[test]
fn several_answers_at_once_only_from_who_speaks_the_same() {
    let body = r#"{"model":"m","n":2,"messages":[{"role":"user","content":"a"}]}"#;
    let mut world = World::new(&provider(Dialect::Gemini));
    let client = world.post("/v1/chat/completions", body);
    assert_eq!(world.reply(client).status, 400);
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = world.post("/v1/chat/completions", body);
    let choice =
        |n| format!(r#"{{"index":{n},"message":{{"content":"a"}},"finish_reason":"stop"}}"#);
    let document = format!(r#"{{"choices":[{},{}]}}"#, choice(0), choice(1));
    world.answer(answer(200, "", &document));
    assert_eq!(world.reply(client).body, document);
}

/// Many servers do not know `n`. What they give was paid for, and is whole if it says so.
#[test]
fn fewer_answers_or_more_than_were_asked_for_are_passed_on_as_they_are() {
    let choice = |part: &str, n: usize| {
        format!(r#"{{"index":{n},"{part}":{{"content":"a"}},"finish_reason":"stop"}}"#)
    };
    for (asked, given) in [(2, 1), (3, 2), (1, 2)] {
        let all = |part| {
            let all: Vec<String> = (0..given).map(|n| choice(part, n)).collect();
            format!(r#"{{"choices":[{}]}}"#, all.join(","))
        };
        for stream in [false, true] {
            let mut world = World::new(&provider(Dialect::OpenAi));
            let body = format!(r#"{{"model":"m","n":{asked},"messages":[],"stream":{stream}}}"#);
            let client = world.post("/v1/chat/completions", &body);
            let (words, expected) = if stream {
                let event = all("delta");
                let body = [
                    super::openai::event(&event),
                    super::openai::done(),
                    super::openai::END.to_owned(),
                ];
                let told = format!("data: {event}\n\ndata: [DONE]\n\n");
                ([STREAM, &body.concat()].concat(), told)
            } else {
                (answer(200, "", &all("message")), all("message"))
            };
            world.answer(words);
            let reply = world.reply(client);
            assert_eq!((reply.status, reply.body), (200, expected));
            assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
        }
    }
}

#[test]
fn a_time_limit_of_the_client_is_passed_on_and_kept() {
    for begun in [false, true] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let (path, body) = super::question(Dialect::OpenAi, true);
        let request = post(&path, &body).replace("Host:", "X-Request-Timeout-Ms: 5000\r\nHost:");
        let client = world.ask(request);
        assert!(
            super::asked(&world)
                .0
                .contains("\r\nx-request-timeout-ms: 5000")
        );
        if begun {
            world.answer([STREAM, &super::openai::word("Tea")].concat());
        }
        world.pass(5_001);
        let reply = world.reply(client);
        assert_eq!(reply.status, if begun { 200 } else { 504 });
        assert!(reply.body.contains("deadline_exceeded"), "{}", reply.body);
        assert_eq!(world.upstreams(), [], "the provider is stopped");
        assert_eq!(world.store.request().outcome, RequestOutcome::TimedOut);
    }
}

#[test]
fn a_model_that_nobody_has_is_not_found_and_one_that_looks_like_it_is_named() {
    let models = "[model.fast]\ntargets = [\"llm/m\"]\n";
    let config = provider(Dialect::OpenAi).replace("retries", "models = [\"big-one\"]\nretries");
    let mut world = World::new(&[&config, models].concat());
    let body = |model: &str| format!(r#"{{"model":"{model}","messages":[]}}"#);
    let client = world.post("/v1/chat/completions", &body("big-on"));
    let reply = world.reply(client);
    let told = &reply.json()["error"];
    assert_eq!(
        (reply.status, &told["code"]),
        (404, &"model_not_found".into())
    );
    assert!(
        told["message"].as_str().unwrap().contains("`big-one`"),
        "{told}"
    );
    for wrong in ["m".repeat(201), r"a\nb".to_owned(), "c\u{85}d".to_owned()] {
        let client = world.post("/v1/chat/completions", &body(&wrong));
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &"model".into())
        );
    }
}

#[test]
fn limits_of_an_address_are_told_in_the_vendors_fields() {
    for (ours, field) in [
        (Dialect::OpenAi, "x-ratelimit-remaining-requests"),
        (Dialect::Anthropic, "anthropic-ratelimit-requests-remaining"),
        (Dialect::Gemini, "ratelimit"),
    ] {
        let config = [&provider(ours), "[rate]\nrequests = [\"1/min\"]\n"].concat();
        let mut world = World::new(&config);
        let client = ask(&mut world, ours, false);
        world.answer(answer(500, "", "{}"));
        assert!(world.reply(client).field(field).is_some(), "{ours:?}");
        let client = ask(&mut world, ours, false);
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, reply.field("retry-after")),
            (429, Some("60"))
        );
    }
}

/// The name goes into a path, a field of a head and a row.
#[test]
fn a_model_with_a_line_end_in_its_name_is_refused() {
    for theirs in DIALECTS {
        let mut world = World::new(&provider(theirs));
        let body =
            r#"{"model": "m\r\nX-Evil: 1", "messages": [{"role": "user", "content": "tea"}]}"#;
        let client = world.post("/v1/chat/completions", body);
        let (status, _) = refusal(&mut world, client, Dialect::OpenAi);
        assert_eq!(status, 400);
        is_gone(&mut world);
    }
}
