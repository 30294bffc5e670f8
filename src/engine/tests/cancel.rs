//! A client that hangs up before its answer: in every phase the provider learns of it, and one
//! row says so.

use super::openai::{STREAM, word};
use super::{PROVIDER, World};
use crate::engine::io::Gone;
use crate::engine::work::Kind;
use crate::store::RequestOutcome;

const NAMED: &str = "[provider.llm]\nbase_url = \"https://llm.test/v1\"\nmodel = \"m\"\n";
const TEA: &str = r#"{"topic":"tea"}"#;

/// Whatever the phase: nothing is left but one row.
fn is_cleaned_up(world: &mut World) {
    leaves_a_row(world, RequestOutcome::ClientGone, 499);
}

fn leaves_a_row(world: &mut World, outcome: RequestOutcome, status: u16) {
    world.settle();
    assert_eq!(world.upstreams(), [], "connections to the provider");
    let row = world.store.request();
    assert_eq!((row.outcome, row.status), (outcome, status));
    assert_eq!(world.metric("calls"), 0.0);
    for state in ["idle", "leased", "opening"] {
        let label = format!(r#"pool_connections{{provider="llm",state="{state}"}}"#);
        assert_eq!(world.metric(&label), 0.0, "{state}");
    }
    world.pass(61_000);
    world.holds_nothing();
}

#[test]
fn while_the_name_is_looked_up() {
    let mut world = World::new(NAMED);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    assert_eq!(world.lookups, [0]);
    world.end(client);
    is_cleaned_up(&mut world);
    world.resolve(0, Ok(vec![[10, 0, 0, 9]]));
    assert_eq!(world.upstreams(), [], "a late answer opens nothing");
}

#[test]
fn while_the_connection_is_opened() {
    let mut world = World::new(PROVIDER);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    assert!(world.sockets[&world.upstream()].connecting);
    world.end(client);
    is_cleaned_up(&mut world);
}

#[test]
fn during_the_handshake() {
    let mut world = World::new(NAMED);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    world.resolve(0, Ok(vec![[10, 0, 0, 9]]));
    world.connect(world.upstream());
    assert!(world.sockets[&world.upstream()].securing);
    world.end(client);
    is_cleaned_up(&mut world);
}

#[test]
fn while_it_waits_for_its_turn() {
    let mut world = World::new(&format!("{PROVIDER}connections = 1\n"));
    world.post("/generate/", r#"{"topic":"milk"}"#);
    let upstream = world.upstream();
    let client = world.post("/generate/", TEA);
    world.end(client);
    world.settle();
    assert_eq!(world.upstreams(), [upstream], "the other's call goes on");
    assert_eq!(world.metric(r#"gate_waiting{provider="llm"}"#), 0.0);
    assert_eq!(world.store.request().status, 499);
}

#[test]
fn before_the_answer_begins() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.reset(client, Gone::Reset);
    is_cleaned_up(&mut world);
}

#[test]
fn in_the_middle_of_the_answer() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea")].concat());
    world.end(client);
    is_cleaned_up(&mut world);
    assert_eq!(world.store.text().text, "Tea");
}

#[test]
fn once_the_text_is_whole_its_rows_are_on_their_way() {
    let mut world = World::new(&format!("default_provider = \"offline\"\n{PROVIDER}"));
    world.held = vec![Kind::Finish];
    let client = world.post("/generate/", TEA);
    world.end(client);
    world.held.clear();
    leaves_a_row(&mut world, RequestOutcome::Ok, 200);
    assert!(world.store.text().scores.is_some());
}

#[test]
fn a_half_closed_client_is_answered_where_the_configuration_says_so() {
    let mut world = World::new("half_close = true\n");
    world.held = vec![Kind::Finish];
    let client = world.post("/generate/", TEA);
    world.end(client);
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).status, 200);
    assert!(world.is_over(client));
}

#[test]
fn while_nobody_reads_what_it_says() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.send(client, vec![b'x'; 100_000]);
    assert!(world.sockets[&client].paused, "it has sent too much ahead");
    world.feed(crate::engine::io::Input::HungUp(client));
    is_cleaned_up(&mut world);
}
