//! A second call beside a slow first one.

use super::openai::{self, END, STREAM, answer, done, event, finish, word};
use super::{World, world};
use crate::store::RequestOutcome;

const STREAMED: &str = r#"{"topic":"tea","model":"smart","stream":true}"#;

/// Two targets, and the second is asked as well after 800 ms.
fn hedged() -> World {
    World::new(&world::TWO.replace("targets", "hedge_ms = 800\ntargets"))
}

/// What is known of an answer before there is any of it.
fn preface(model: &str) -> String {
    let role = format!(
        r#"{{"model":"{model}","choices":[{{"index":0,"delta":{{"role":"assistant","content":""}}}}]}}"#
    );
    [STREAM, &event(&role)].concat()
}

#[test]
fn a_first_that_is_quick_enough_is_alone() {
    let mut world = hedged();
    let client = world.post("/generate/", STREAMED);
    world.pass(799);
    world.send(world.at(1), openai::stream(&["Tea."]));
    world.pass(10_000);
    assert_eq!(world.reply(client).text(), "Tea.");
    assert_eq!(world.metric("hedges_total"), 0.0);
}

#[test]
fn the_first_content_wins_and_the_other_call_is_aborted_at_once() {
    for winner in [1, 2] {
        let mut world = hedged();
        let client = world.post("/generate/", STREAMED);
        world.send(world.at(1), preface("first"));
        world.pass(800);
        let (one, two) = (world.at(1), world.at(2));
        world.send(two, preface("second"));
        assert!(world.is_quiet(client));
        let (wins, loses) = if winner == 1 { (one, two) } else { (two, one) };
        world.send(wins, word("Tea"));
        assert!(world.sockets[&loses].closed.is_some(), "at once");
        world.send(loses, word("Coffee"));
        world.send(wins, [word(" is."), finish(), done(), END.into()].concat());
        let reply = world.reply(client);
        assert_eq!(reply.text(), "Tea is.");
        assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
        let end = reply.events().pop().unwrap().data;
        let (provider, model) = [("a", "first"), ("b", "second")][winner - 1];
        assert_eq!(end["provider"], provider);
        assert_eq!(
            (&end["model"], &end["usage"]["prompt_tokens"]),
            (&model.into(), &9.into())
        );
        assert_eq!(world.store.requests.len(), 1);
        assert_eq!(world.store.request().provider.as_deref(), Some(provider));
        assert_eq!(world.metric("hedges_total"), 1.0);
        assert_eq!(world.metric("hedges_won_total"), (winner - 1) as f64);
        assert_eq!(world.metric("calls_aborted_total"), 1.0);
    }
}

#[test]
fn when_one_of_them_fails_the_other_goes_on_alone() {
    for fails in [1, 2] {
        let mut world = hedged();
        let client = world.post("/generate/", STREAMED);
        world.pass(800);
        world.send(world.at(fails), answer(503, "", "{}"));
        assert!(world.is_quiet(client));
        world.send(world.at(3 - fails), openai::stream(&["Tea."]));
        let reply = world.reply(client);
        assert_eq!(reply.text(), "Tea.");
        let provider = if fails == 1 { "b" } else { "a" };
        assert_eq!(reply.events().pop().unwrap().data["provider"], provider);
    }
}

#[test]
fn when_both_fail_the_usual_rules_hold() {
    let mut world = hedged();
    let client = world.post("/generate/", STREAMED);
    world.pass(800);
    world.send(world.at(1), answer(503, "", "{}"));
    world.send(world.at(2), answer(503, "", "{}"));
    for socket in world.sockets.values_mut() {
        socket.got.clear();
    }
    world.pass(500);
    assert_eq!(world.serve(openai::stream(&["Tea."])), 1);
    assert_eq!(world.reply(client).text(), "Tea.");
    assert_eq!(world.metric("calls_total"), 3.0);
}

#[test]
fn a_client_that_leaves_takes_both_calls_with_it() {
    let mut world = hedged();
    let client = world.post("/generate/", STREAMED);
    world.pass(800);
    let (one, two) = (world.at(1), world.at(2));
    world.end(client);
    world.settle();
    for call in [one, two] {
        assert!(world.sockets[&call].closed.is_some());
    }
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
    world.holds_nothing();
}

#[test]
fn hedges_are_bounded_by_the_retry_budget() {
    let mut world = hedged();
    for n in 0..14 {
        world.post("/generate/", &STREAMED.replace("tea", &format!("tea {n}")));
    }
    world.pass(800);
    let (first, second) = (world.all_at(1).len(), world.all_at(2).len());
    assert_eq!(
        (first, second),
        (14, 10),
        "ten in ten seconds are always allowed"
    );
    let broke = r#"retry_budget_exhausted_total{provider="b"}"#;
    assert_eq!(world.metric(broke), 4.0);
}

#[test]
fn an_answer_that_is_not_streamed_is_not_hedged() {
    let mut world = hedged();
    world.post("/generate/", r#"{"topic":"tea","model":"smart"}"#);
    world.pass(5_000);
    assert!(world.all_at(2).is_empty());
}

#[test]
fn the_first_word_of_the_built_in_provider_wins_like_any_other() {
    let config = world::TWO.replace("targets", "hedge_ms = 800\ntargets");
    let (before, after) = config.split_once("targets").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    let mut world = World::new(&format!("{before}targets = ['a', 'offline']\n{after}"));
    let client = world.post("/generate/", STREAMED);
    world.send(world.at(1), preface("first"));
    let first = world.at(1);
    world.pass(1_200);
    assert!(world.sockets[&first].closed.is_some(), "at once");
    world.send(first, word("Coffee"));
    world.pass(60_000);
    let text = world.reply(client).text();
    assert!(
        text.contains("written offline") && !text.contains("Coffee"),
        "{text}"
    );
}

#[test]
fn one_that_is_cut_at_once_leaves_the_text_to_the_other() {
    let said = r#"{"choices":[{"delta":{"content":"Coffee"}}]}"#;
    let cut = [STREAM, &event(&format!("{said}\n\ndata: [DONE]")), END].concat();
    let unfinished = answer(200, "", r#"{"choices":[{"message":{"content":"Coffee"}}]}"#);
    for words in [cut, unfinished] {
        let mut world = hedged();
        let client = world.post("/generate/", STREAMED);
        world.pass(800);
        world.send(world.at(1), &words);
        assert!(world.is_quiet(client));
        world.send(world.at(2), openai::stream(&["Tea."]));
        assert_eq!(world.reply(client).text(), "Tea.");
        let row = world.store.request();
        assert_eq!(row.provider.as_deref(), Some("b"));
        assert_eq!(row.calls.finish_reason.as_deref(), Some("stop"));
    }
}
