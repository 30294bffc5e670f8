//! SIGTERM: what is there may end, what is not there does not begin.

use super::openai::{self, STREAM, word};
use super::{PROVIDER, World, post};
use crate::engine::io::{How, Input};
use crate::engine::tests::world::End;
use crate::engine::work::Kind;
use crate::store::{RequestOutcome, TextState};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const TEA: &str = r#"{"topic":"tea","stream":true}"#;

fn shut_down(world: &mut World) {
    world.feed(Input::Shutdown);
    world.settle();
}

/// Clients close what was closed towards them.
fn leave(world: &mut World) {
    for id in world.open_sockets() {
        if world.sockets[&id].fin {
            world.end(id);
        }
    }
    world.settle();
}

#[test]
fn idle_connections_are_closed_and_none_are_accepted() {
    let mut world = World::new("");
    let idle = world.ask(HEALTH);
    world.reply(idle);
    shut_down(&mut world);
    assert!(world.is_over(idle) && !world.accepting);
    assert_eq!(world.try_client(), None);
    assert!(!world.engine.is_finished());
    leave(&mut world);
    assert!(world.engine.is_finished());
    world.holds_nothing();
}

#[test]
fn a_text_in_the_making_may_end_and_its_connection_ends_with_it() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea")].concat());
    shut_down(&mut world);
    assert!(!world.engine.is_finished());
    world.answer([openai::finish(), openai::done(), openai::END.into()].concat());
    assert_eq!(world.reply(client).events().last().unwrap().name, "done");
    assert!(world.is_over(client));
    assert_eq!(world.upstreams(), []);
    leave(&mut world);
    assert!(world.engine.is_finished());
}

#[test]
fn a_request_that_is_arriving_is_refused_if_it_costs_something() {
    let mut world = World::new("");
    let request = post("/generate/", TEA);
    let early = world.ask(&request[..request.len() - 1]);
    let late = world.ask([HEALTH, &request[..20]].concat());
    world.reply(late);
    world.held = vec![Kind::Read];
    let busy = world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n");
    world.send(busy, &request);
    shut_down(&mut world);
    world.send(early, &request[request.len() - 1..]);
    world.pass(20_000);
    assert_eq!(world.reply(early).status, 200, "its head had come before");
    world.held.clear();
    world.settle();
    assert_eq!(
        world.reply(busy).status,
        503,
        "the store had been silent too long"
    );
    assert!(world.is_over(busy) && world.is_over(late));
}

#[test]
fn when_the_time_is_over_streams_end_with_an_event_and_their_text_is_stored() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea is")].concat());
    shut_down(&mut world);
    world.pass(29_900);
    assert_eq!(world.upstreams().len(), 1);
    world.pass(200);
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["code"]),
        ("error", &"shutting_down".into())
    );
    assert_eq!(world.store.text().state, TextState::Truncated);
    assert_eq!(world.store.request().outcome, RequestOutcome::ShutDown);
    leave(&mut world);
    assert!(world.engine.is_finished());
}

#[test]
fn when_the_time_is_over_a_body_that_is_still_arriving_is_answered() {
    let mut world = World::new("[limits]\nshutdown_ms = 1000\n");
    let request = post("/analyze/", r#"{"content":"Tea."}"#);
    let client = world.ask(&request[..request.len() - 1]);
    shut_down(&mut world);
    world.pass(1_001);
    assert_eq!(
        world.reply(client).problem(),
        (503, "shutting_down".to_owned())
    );
    assert!(world.is_over(client));
}

#[test]
fn an_analysis_that_is_cut_off_says_so_in_its_row() {
    let mut world = World::new("[limits]\nshutdown_ms = 500\n");
    world.held = vec![Kind::Score];
    let client = world.post("/analyze/", r#"{"content":"Tea."}"#);
    shut_down(&mut world);
    world.pass(501);
    assert_eq!(
        world.reply(client).problem(),
        (503, "shutting_down".to_owned())
    );
    assert_eq!(world.store.request().outcome, RequestOutcome::ShutDown);
}

#[test]
fn nobody_can_hold_the_process_up() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nwrite_stall_ms = 100000\n"));
    let client = world.post("/generate/", TEA);
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.answer([STREAM, &word("Tea is")].concat());
    shut_down(&mut world);
    world.pass(30_001);
    assert!(!world.engine.is_finished());
    world.pass(5_001);
    assert!(world.engine.is_finished());
    world.holds_nothing();
}

#[test]
fn rows_are_written_before_the_end() {
    let mut world = World::new("");
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.end(client);
    shut_down(&mut world);
    assert!(!world.engine.is_finished());
    world.held.clear();
    world.settle();
    assert!(world.engine.is_finished());
    assert_eq!(world.store.texts.len(), 1);
}

#[test]
fn what_is_being_written_when_the_time_is_over_is_answered_as_its_row_says() {
    for (path, body) in [
        ("/analyze/", r#"{"content":"I like tea."}"#),
        ("/keywords/", r#"{"content":"I like green tea."}"#),
    ] {
        let mut world = World::new("");
        world.held = vec![Kind::Score];
        let client = world.post(path, body);
        shut_down(&mut world);
        world.pass(500);
        world.now.mono = world.now.mono.plus_ms(29_000);
        world.held = vec![Kind::Write];
        world.settle();
        world.pass(1_000);
        world.held.clear();
        world.settle();
        let status = world.reply(client).status;
        assert_eq!(status, world.store.request().status, "{path}");
        world.pass(5_001);
        assert!(world.engine.is_finished());
    }
}

#[test]
fn a_reply_that_was_not_taken_is_cut_off_by_a_reset() {
    let mut world = World::new("[limits]\nwrite_stall_ms = 100000\n");
    let body = r#"{"topic":"tea","stream":true}"#;
    let length = body.len();
    let stream = format!("POST /generate/ HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    let slow = world.ask(stream);
    world.sockets.get_mut(&slow).unwrap().stalled = true;
    shut_down(&mut world);
    world.pass(35_001);
    assert_eq!(world.sockets[&slow].closed, Some(End::Engine(How::Reset)));
    assert!(world.engine.is_finished());
}
