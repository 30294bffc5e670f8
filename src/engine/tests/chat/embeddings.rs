//! `POST /v1/embeddings`: in front of each provider that has them, and of those that have none.

use super::super::openai::answer;
use super::{World, asked, provider};
use crate::dialect::Dialect;
use crate::engine::ConnId;
use crate::engine::work::Kind;
use crate::store::{Inbound, RequestOutcome};

const ASK: &str = r#"{"model":"alias", "input":["a","b"],"new":1}"#;

fn ask(world: &mut World, body: &str) -> ConnId {
    world.post("/v1/embeddings", body)
}

/// OpenAI's answer with two vectors of so many numbers.
fn vectors(numbers: usize) -> String {
    let vector = vec!["0.25"; numbers].join(",");
    format!(
        r#"{{"object":"list","data":[{{"embedding":[{vector}]}},{{"embedding":[{vector}]}}],"usage":{{"prompt_tokens":2,"total_tokens":2}}}}"#
    )
}

fn sound(world: &World) {
    world.holds_nothing();
}

#[test]
fn openais_are_passed_on_both_ways_byte_for_byte() {
    for numbers in [2, 40_000] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, ASK);
        let (head, body) = asked(&world);
        assert!(head.starts_with("POST /embeddings HTTP/1.1\r\n"), "{head}");
        assert_eq!(
            body.to_string(),
            r#"{"input":["a","b"],"model":"alias","new":1}"#
        );
        world.answer(answer(200, "", &vectors(numbers)));
        let reply = world.reply(client);
        assert_eq!((reply.status, reply.body), (200, vectors(numbers)));
        let row = world.store.request();
        assert_eq!(
            (row.inbound, row.outcome),
            (Inbound::OpenAi, RequestOutcome::Ok)
        );
        assert_eq!(row.route, "/v1/embeddings");
        assert_eq!((row.prompt_tokens, row.completion_tokens), (Some(2), None));
        assert!(world.store.texts.is_empty());
        world.end(client);
        world.settle();
        sound(&world);
    }
}

#[test]
fn gemini_is_asked_in_its_own_words() {
    let mut world = World::new(&provider(Dialect::Gemini));
    let client = ask(&mut world, r#"{"model":"e","input":"a"}"#);
    let (head, body) = asked(&world);
    let path = "POST /v1beta/models/e:batchEmbedContents HTTP/1.1\r\n";
    assert!(head.starts_with(path), "{head}");
    assert_eq!(body["requests"][0]["content"]["parts"][0]["text"], "a");
    world.answer(answer(200, "", r#"{"embeddings":[{"values":[0.5,-1]}]}"#));
    let reply = world.reply(client).json();
    assert_eq!(reply["data"][0]["embedding"].to_string(), "[0.5,-1]");
    assert_eq!(reply["model"], "e");
    let row = world.store.request();
    assert_eq!(row.prompt_tokens, None, "it was not counted");
}

#[test]
fn whoever_has_none_is_not_asked() {
    let configurations = [provider(Dialect::Anthropic), String::new()];
    for configuration in configurations {
        let mut world = World::new(&configuration);
        let client = ask(&mut world, ASK);
        let reply = world.reply(client);
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
        assert_eq!(reply.json()["error"]["param"], "model");
        assert_eq!(world.store.request().outcome, RequestOutcome::Refused);
        assert!(world.upstreams().is_empty());
    }
    // What Gemini cannot say is named as well.
    let mut world = World::new(&provider(Dialect::Gemini));
    let client = ask(&mut world, ASK);
    assert_eq!(world.reply(client).json()["error"]["param"], "new");
}

#[test]
fn a_target_that_cannot_say_it_is_passed_over() {
    let targets = "default_provider = \"a\"\n[model.vectors]\ntargets = [\"a/x\", \"b/y\"]\n\
        [provider.a]\nkind = \"anthropic\"\nbase_url = \"http://10.0.0.1:1\"\nmodel = \"m\"\n\
        [provider.b]\nkind = \"openai\"\nbase_url = \"http://10.0.0.1:2/v1\"\nmodel = \"m\"\n";
    let mut world = World::new(targets);
    let client = ask(&mut world, &ASK.replace("alias", "vectors"));
    let (head, body) = asked(&world);
    assert!(head.starts_with("POST /v1/embeddings"), "{head}");
    assert_eq!(body["model"], "y");
    world.answer(answer(200, "", &vectors(1)));
    assert_eq!(world.reply(client).field("x-maitred-target"), Some("b/y"));
    let row = world.store.request();
    assert_eq!(row.model.as_deref(), Some("y"));
    assert_eq!(row.calls.asked_model.as_deref(), Some("vectors"));
}

#[test]
fn what_is_no_answer_is_not_passed_on() {
    let long = format!(r#"{{"data":[],"x":"{}"}}"#, "x".repeat(100_000));
    let one = r#"{"data":[{"embedding":[1]}]}"#;
    for wrong in ["{}", "[]", one, &long, r#"{"data":[{"embedding":[1]},{"#] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, ASK);
        world.answer(answer(200, "", wrong));
        let reply = world.reply(client);
        assert_eq!(reply.status, 502, "{wrong:.40}");
        assert_eq!(reply.json()["error"]["code"], "upstream_malformed");
        let row = world.store.request();
        assert_eq!(row.outcome, RequestOutcome::ProviderFailed);
    }
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, ASK);
    world.answer(super::openai::stream(&["Tea."]));
    assert_eq!(world.reply(client).status, 502);
}

#[test]
fn a_client_that_leaves_while_its_answer_is_read_leaves_nothing_behind() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    world.held = vec![Kind::Parse];
    let client = ask(&mut world, ASK);
    world.answer(answer(200, "", &vectors(40_000)));
    assert!(world.is_quiet(client));
    world.end(client);
    world.settle();
    world.held.clear();
    world.settle();
    assert_eq!(world.store.request().status, 499);
    sound(&world);
}

#[test]
fn a_reader_that_breaks_is_our_own_fault() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    world.held = vec![Kind::Parse];
    let client = ask(&mut world, ASK);
    world.answer(answer(200, "", &vectors(40_000)));
    world.fail_work(0, crate::engine::work::WorkResult::Panicked);
    world.settle();
    assert_eq!(world.reply(client).status, 500);
}

#[test]
fn a_long_question_is_read_on_a_thread_and_a_wrong_one_names_its_field() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let long = format!(r#"{{"model":"e","input":"{}"}}"#, "a".repeat(100_000));
    let client = ask(&mut world, &long);
    let one = r#"{"data":[{"embedding":"AACAPw=="}]}"#;
    world.answer(answer(200, "", one));
    assert_eq!(world.reply(client).body, one);
    for (wrong, field) in [(r#"{"model":"e"}"#, "input"), (r#"{"input":"a"}"#, "model")] {
        let client = ask(&mut world, wrong);
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, &reply.json()["error"]["param"]),
            (400, &field.into())
        );
    }
}
