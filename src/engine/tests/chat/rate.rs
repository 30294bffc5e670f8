//! Limits, in the words of each vendor.

use super::*;

/// A chat of each dialect with a provider that speaks the same, once let in and once refused.
fn twice(ours: Dialect) -> (World, Reply, Reply) {
    let limits = "[rate]\nrequests = [\"1/min\"]\ntokens = [\"9000/day\"]\n";
    let mut world = World::new(&(provider(Dialect::OpenAi) + limits));
    let first = ask(&mut world, ours, false);
    world.answer(openai::whole("Green."));
    let first = world.reply(first);
    assert_eq!(first.status, 200);
    let second = ask(&mut world, ours, false);
    let second = world.reply(second);
    (world, first, second)
}

#[test]
fn an_openai_client_is_told_how_it_stands() {
    let (world, first, second) = twice(Dialect::OpenAi);
    let field = |name: &str| first.field(&format!("x-ratelimit-{name}")).unwrap_or("");
    let names = ["limit-requests", "remaining-requests", "reset-requests"];
    assert_eq!(names.map(field), ["1", "0", "1m0s"]);
    let names = ["limit-tokens", "remaining-tokens", "reset-tokens"];
    assert_eq!(
        names.map(field),
        ["9000", "8988", "24h0m0s"],
        "it was 12 tokens"
    );
    assert_eq!(
        (second.status, second.field("retry-after")),
        (429, Some("60"))
    );
    assert_eq!(
        error(Dialect::OpenAi, &second.json()),
        ("requests".to_owned(), "rate_limit_exceeded".to_owned())
    );
    assert_eq!(world.metric("rate_open_tokens"), 0.0);
}

#[test]
fn an_openai_client_is_told_which_limit_it_was() {
    let limits = "[rate]\ntokens = [\"100/min\"]\n";
    let mut world = World::new(&(provider(Dialect::OpenAi) + limits));
    let (path, body) = question(Dialect::OpenAi, false);
    let body = body.replace("\"messages\"", "\"max_tokens\":20,\"messages\"");
    let first = world.post(&path, &body);
    world.answer(openai::whole("Green."));
    assert_eq!(world.reply(first).status, 200);
    for (most, retry) in [(80, None), (200, Some("false"))] {
        let body = body.replace("20", &most.to_string());
        let client = world.post(&path, &body);
        let reply = world.reply(client);
        let told = error(Dialect::OpenAi, &reply.json());
        let expected = ("tokens".to_owned(), "rate_limit_exceeded".to_owned());
        assert_eq!((reply.status, told), (429, expected), "{most}");
        assert_eq!(reply.field("x-should-retry"), retry, "{most}");
    }
}

#[test]
fn an_anthropic_client_is_told_how_it_stands() {
    let (_, first, second) = twice(Dialect::Anthropic);
    let field = |name: &str| {
        first
            .field(&format!("anthropic-ratelimit-{name}"))
            .unwrap_or("")
    };
    assert_eq!(
        ["requests-limit", "requests-remaining"].map(field),
        ["1", "0"]
    );
    assert!(field("tokens-reset").ends_with('Z'));
    assert_eq!(second.status, 429);
    let (kind, _) = error(Dialect::Anthropic, &second.json());
    assert_eq!(kind, "rate_limit_error");
}

#[test]
fn a_gemini_client_is_refused_in_its_words() {
    let (_, first, second) = twice(Dialect::Gemini);
    assert!(first.field("ratelimit").is_some());
    let (kind, code) = error(Dialect::Gemini, &second.json());
    assert_eq!(
        (kind.as_str(), code.as_str()),
        ("RESOURCE_EXHAUSTED", "429")
    );
}

#[test]
fn each_choice_is_reserved_for_and_a_client_that_leaves_pays_for_its_prompt() {
    let limits = "[rate]\ntokens = [\"100000/min\"]\n";
    let mut world = World::new(&(provider(Dialect::OpenAi) + limits));
    let body = r#"{"model":"alias","messages":[],"n":3,"max_completion_tokens":100,"stream":true}"#;
    let client = world.post("/v1/chat/completions", body);
    let prompt = body.len().div_ceil(4) as f64;
    assert_eq!(world.metric("rate_open_tokens"), prompt + 300.0);
    world.end(client);
    world.settle();
    assert_eq!(world.metric("rate_open_tokens"), 0.0);
    assert_eq!(world.metric("rate_charged_tokens_total"), prompt);
}

#[test]
fn what_was_said_is_paid_for_even_if_no_text_of_it_is_kept() {
    let limits = "[rate]\ntokens = [\"100000/min\"]\n[gateway]\nstore = \"requests\"\n";
    let mut world = World::new(&(provider(Dialect::OpenAi) + limits));
    let body = r#"{"model":"alias","messages":[],"stream":true}"#;
    let client = world.post("/v1/chat/completions", body);
    world.answer([openai::STREAM.to_owned(), openai::word("Tea").repeat(50)].concat());
    world.end(client);
    world.settle();
    let charged = body.len().div_ceil(4) as f64 + 50.0;
    assert_eq!(world.metric("rate_charged_tokens_total"), charged);
}
