//! `POST /keywords/`, by our own figures and by a provider.

use serde_json::Value;

use super::openai;
use super::{PROVIDER, World, post};
use crate::engine::work::{Kind, WorkResult};
use crate::limits::KEYWORDS_PROMPT_CHARS;
use crate::store::{KeywordMethod, RequestOutcome, StoreError};

const TEXT: &str = r#"{"content":"Green tea is a drink from China. Everybody in Japan drinks green tea.","limit":3}"#;
const LISTED: &str = "green tea, Japan, drinks";

fn words(reply: &Value) -> Vec<&str> {
    let keywords = reply["keywords"].as_array().unwrap().iter();
    keywords.map(|k| k["keyword"].as_str().unwrap()).collect()
}

/// Everything is over, and nothing of it is left.
fn over(world: &mut World) {
    world.settle();
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    world.holds_nothing();
}

// --- our own figures -----------------------------------------------------------------------------

#[test]
fn without_a_provider_they_are_computed_stored_and_answered() {
    let mut world = World::new("");
    let client = world.post("/keywords/", TEXT);
    let reply = world.reply(client).json();
    assert_eq!(words(&reply)[0], "Green tea");
    assert_eq!(reply["keywords"][0]["score"], 1.0);
    assert_eq!(
        (&reply["method"], words(&reply).len()),
        (&"local".into(), 3)
    );
    let row = world.store.keywords.values().next().unwrap();
    assert_eq!(reply["id"], row.id.to_string());
    assert_eq!(reply["search_term_id"], row.search_term_id.to_string());
    assert_eq!((row.method, row.keywords.len()), (KeywordMethod::Local, 3));
    let request = world.store.request();
    assert_eq!(
        (request.outcome, &*request.route),
        (RequestOutcome::Ok, "/keywords/")
    );
    assert_eq!(request.provider, None);
}

#[test]
fn a_client_may_have_them_computed_though_there_is_a_provider() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/keywords/", r#"{"content":"Green tea.","method":"local"}"#);
    let reply = world.reply(client).json();
    assert_eq!(
        (words(&reply), &reply["method"]),
        (vec!["Green tea"], &"local".into())
    );
    assert!(world.upstreams().is_empty());
}

#[test]
fn when_no_scorer_is_free_the_client_is_told_to_try_again() {
    super::analyze::no_scorer_is_free("/keywords/", TEXT);
}

#[test]
fn what_cannot_be_stored_is_not_acknowledged() {
    for (config, answer) in [("", None), (PROVIDER, Some(openai::whole(LISTED)))] {
        let mut world = World::new(config);
        world.held = vec![Kind::Write];
        let client = world.post("/keywords/", TEXT);
        if let Some(answer) = answer {
            world.answer(answer);
        }
        assert!(world.is_quiet(client));
        let path = "maitred.db".into();
        world.fail_work(0, WorkResult::Written(Err(StoreError::Full { path })));
        world.settle();
        assert_eq!(
            world.reply(client).problem(),
            (507, "store_full".to_owned())
        );
        world.held.clear();
        over(&mut world);
    }
}

#[test]
fn a_client_that_leaves_stops_the_scorer_and_leaves_one_row() {
    let mut world = World::new("");
    world.held = vec![Kind::Score];
    let client = world.post("/keywords/", TEXT);
    world.end(client);
    world.held.clear();
    over(&mut world);
    assert!(world.store.keywords.is_empty());
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
}

// --- a provider ------------------------------------------------------------------------------------

#[test]
fn a_provider_is_asked_as_an_expert_and_its_list_is_stored_and_answered() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/keywords/", TEXT);
    let asked = String::from_utf8(world.sockets[&world.upstream()].got.clone()).unwrap();
    for part in [
        "SEO expert",
        "the 3 most relevant",
        "comma-separated",
        "drinks green tea.",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    world.answer(openai::whole(&format!(
        "Here you are:\n{LISTED}, and more, than, asked for"
    )));
    let reply = world.reply(client).json();
    assert_eq!(words(&reply), ["green tea", "Japan", "drinks"]);
    assert_eq!(reply["keywords"][1]["score"], 0.6667);
    assert_eq!(reply["method"], "provider");
    let row = world.store.keywords.values().next().unwrap();
    assert_eq!(
        (row.method, row.keywords.len()),
        (KeywordMethod::Provider, 3)
    );
    assert_eq!(reply["id"], row.id.to_string());
    let request = world.store.request();
    assert_eq!(request.generation_id, Some(row.id));
    assert_eq!(
        (request.provider.as_deref(), request.model.as_deref()),
        (Some("llm"), Some("m"))
    );
    assert_eq!(
        (request.prompt_tokens, request.completion_tokens),
        (Some(9), Some(3))
    );
    assert!(world.store.texts.is_empty(), "a list is no text");
    over(&mut world);
}

#[test]
fn a_list_cannot_be_resumed_stopped_or_read_as_a_text() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/keywords/", TEXT);
    world.answer(openai::whole(LISTED));
    let id = world.reply(client).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.get(&format!("/contents/{id}")).status, 404);
    assert_eq!(world.get(&format!("/generate/{id}/events")).status, 404);
    assert_eq!(world.metric("generations"), 0.0, "and takes no memory");
}

#[test]
fn a_long_text_is_shown_to_the_provider_up_to_a_bound() {
    let mut world = World::new(PROVIDER);
    let text = "é".repeat(KEYWORDS_PROMPT_CHARS + 7);
    world.post("/keywords/", &format!(r#"{{"content":"{text}"}}"#));
    let asked = String::from_utf8(world.sockets[&world.upstream()].got.clone()).unwrap();
    assert_eq!(asked.matches('é').count(), KEYWORDS_PROMPT_CHARS);
}

#[test]
fn a_provider_that_fails_is_a_failure_and_nothing_else_is_passed_off_as_its_answer() {
    for (answer, problem) in [
        (openai::answer(401, "", "{}"), (502, "upstream_key")),
        (openai::whole(""), (502, "upstream_empty")),
        (
            openai::whole("I am afraid that I cannot do that for you, my dear friend Dave Bowman."),
            (502, "upstream_empty"),
        ),
    ] {
        let mut world = World::new(PROVIDER);
        let client = world.post("/keywords/", TEXT);
        world.answer(answer);
        let (status, code) = world.reply(client).problem();
        assert_eq!((status, code.as_str()), problem);
        let request = world.store.request();
        assert_eq!(request.error_code.as_deref(), Some(problem.1));
        assert_eq!(request.outcome, RequestOutcome::ProviderFailed);
        assert!(world.store.keywords.is_empty() && world.store.texts.is_empty());
        over(&mut world);
    }
}

#[test]
fn a_provider_that_says_nothing_is_a_timeout() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/keywords/", TEXT);
    world.pass(60_001);
    let (status, code) = world.reply(client).problem();
    assert_eq!(
        (status, code.as_str()),
        (504, "upstream_first_byte_timeout")
    );
    assert_eq!(world.store.request().outcome, RequestOutcome::TimedOut);
    over(&mut world);
}

#[test]
fn a_client_that_leaves_stops_the_call_at_once() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/keywords/", TEXT);
    assert_eq!(world.upstreams().len(), 1);
    world.end(client);
    world.settle();
    assert!(
        world.upstreams().is_empty(),
        "no grace: nobody can come back"
    );
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
    over(&mut world);
}

#[test]
fn equal_requests_share_one_call_and_one_list() {
    let mut world = World::new(PROVIDER);
    let clients = [
        world.post("/keywords/", TEXT),
        world.post("/keywords/", TEXT),
    ];
    world.answer(openai::whole(LISTED));
    let [a, b] = clients.map(|client| world.reply(client).json());
    assert_eq!(a, b);
    assert_eq!(
        (world.store.keywords.len(), world.store.requests.len()),
        (1, 2)
    );
    // A text about the same words is another matter.
    let client = world.post("/keywords/", r#"{"content":"tea"}"#);
    world.post("/generate/", r#"{"topic":"tea"}"#);
    assert_eq!(world.metric("generations_coalesced_total"), 1.0);
    assert!(world.is_quiet(client));
}

// --- bodies ----------------------------------------------------------------------------------------

#[test]
fn bodies_that_are_wrong_name_what_is_wrong() {
    let mut world = World::new("");
    for (json, code, field) in [
        ("{}", "missing_field", "content"),
        (r#"{"content":" "}"#, "invalid_field", "content"),
        (
            r#"{"content":"a","method":"magic"}"#,
            "invalid_field",
            "method",
        ),
        (
            r#"{"content":"a","method":"provider"}"#,
            "invalid_field",
            "method",
        ),
        (r#"{"content":"a","limit":0}"#, "invalid_field", "limit"),
        (r#"{"content":"a","limit":101}"#, "invalid_field", "limit"),
        (
            r#"{"content":"a","stream":true}"#,
            "unknown_field",
            "stream",
        ),
    ] {
        let client = world.post("/keywords/", json);
        let reply = world.reply(client);
        assert_eq!(reply.problem(), (422, code.to_owned()), "{json}");
        assert_eq!(reply.json()["field"], field, "{json}");
    }
    assert!(world.store.requests.is_empty(), "none of them was accepted");
    let client = world.ask(post(
        "/keywords",
        r#"{"content":"a","method":null,"limit":null}"#,
    ));
    assert_eq!(
        world.reply(client).json()["keywords"],
        serde_json::json!([])
    );
}
