//! Bodies that are too long for the loop are parsed on a thread.

use super::{PROVIDER, World, post};
use crate::engine::io::{Gone, Input};
use crate::engine::work::{Kind, WorkResult};
use crate::engine::{ConnId, Sizes};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A request for a text, with more white space around it than the loop would read.
fn long() -> String {
    let space = " ".repeat(70_000);
    post("/generate/", &format!(r#"{{{space}"topic":"tea"}}"#))
}

/// So many clients have sent such a body, and no thread goes on with it.
fn parsing(world: &mut World, clients: usize) -> Vec<ConnId> {
    world.held = vec![Kind::Parse];
    (0..clients).map(|_| world.ask(long())).collect()
}

fn nothing_is_left(world: &mut World) {
    world.held.clear();
    world.settle();
    assert!(world.store.requests.is_empty(), "none was accepted");
    assert_eq!(world.upstreams(), [], "nobody was asked for a text");
    for figure in ["ledger_bytes", "generations_total"] {
        assert_eq!(world.metric(figure), 0.0, "{figure}");
    }
}

#[test]
fn a_text_is_made_as_for_a_short_body() {
    let mut world = World::new("");
    let client = parsing(&mut world, 1)[0];
    assert!(world.is_quiet(client));
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).status, 200);
    assert_eq!(world.store.text().term, "tea");
}

#[test]
fn a_body_that_is_not_parsed_in_time_is_not_blamed_on_a_scorer() {
    let mut world = World::new(PROVIDER);
    let client = parsing(&mut world, 1)[0];
    world.pass(5_001);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (503, "parser_timeout".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
    world.send(client, HEALTH);
    assert_eq!(world.reply(client).body, "ok\n", "the connection goes on");
    nothing_is_left(&mut world);
    assert!(world.is_quiet(client), "the result came too late");
}

#[test]
fn a_thread_that_panics_fails_this_request_and_no_other() {
    let mut world = World::new(PROVIDER);
    let clients = parsing(&mut world, 2);
    world.fail_work(0, WorkResult::Panicked);
    world.settle();
    let problem = world.reply(clients[0]).problem();
    assert_eq!(problem, (500, "worker_panicked".to_owned()));
    assert!(world.is_quiet(clients[1]));
    world.end(clients[1]);
    nothing_is_left(&mut world);
}

#[test]
fn clients_that_leave_are_forgotten_whether_a_thread_has_their_body_or_not() {
    let mut world = World::new(PROVIDER);
    let clients = parsing(&mut world, 4);
    assert_eq!(world.jobs.len(), 2, "one thread, two pieces ahead");
    for pair in clients.chunks(2) {
        world.end(pair[0]);
        world.reset(pair[1], Gone::Reset);
    }
    assert_eq!(world.metric("ledger_bytes"), 0.0);
    nothing_is_left(&mut world);
    world.holds_nothing();
}

#[test]
fn one_more_than_may_wait_is_told_what_is_full() {
    let mut world = World::with(PROVIDER, ROOMY, 1);
    let clients = parsing(&mut world, ROOMY.clients);
    let last = clients[ROOMY.clients - 1];
    let problem = world.reply(last).problem();
    assert_eq!(problem, (503, "parser_queue_full".to_owned()));
    assert!(world.is_quiet(clients[0]));
}

/// Room for two bodies with the thread, as many waiting as may, and one more.
const ROOMY: Sizes = Sizes {
    clients: crate::limits::PARSE_WAITING + 3,
    ..super::world::SIZES
};

#[test]
fn when_the_time_for_shutting_down_is_over_it_is_answered_all_the_same() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nshutdown_ms = 1000\n"));
    let client = parsing(&mut world, 1)[0];
    world.feed(Input::Shutdown);
    world.pass(1_001);
    let problem = world.reply(client).problem();
    assert_eq!(problem, (503, "shutting_down".to_owned()));
    assert!(world.is_over(client));
    world.end(client);
    assert!(world.engine.is_finished(), "no thread is waited for");
    nothing_is_left(&mut world);
}
