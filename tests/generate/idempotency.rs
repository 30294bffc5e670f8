//! A request that is sent twice, to the real server: at once, and with a `kill -9` between.

use std::thread;

use crate::support::{Response, Server, database, generate};

/// A request for a text with a key.
fn keyed(key: &str, stream: bool) -> String {
    let field = format!("\r\nIdempotency-Key: {key}\r\nHost");
    generate("tea", stream).replacen("\r\nHost", &field, 1)
}

fn is_replayed(response: &Response) -> bool {
    response.field("idempotent-replayed") == Some("true")
}

#[test]
fn two_at_once_have_one_effect_and_one_answer() {
    let server = Server::start("coalesce = false\n[offline]\ngap_ms = 5\ntokens = 40\n");
    let addr = server.addr;
    let ask = || crate::support::ask(addr, keyed("a", false));
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(ask);
        let second = scope.spawn(ask);
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!((first.status, &first.body), (200, &second.body));
    assert!(
        is_replayed(&first) != is_replayed(&second),
        "one of them is the first"
    );
    assert_eq!(server.metric("maitred_generations_total"), 1.0);
}

#[test]
fn after_kill_9_what_was_answered_is_answered_again_and_what_was_not_is_free() {
    let slow = "[offline]\ngap_ms = 50\ntokens = 100\n";
    let server = Server::start("[offline]\ngap_ms = 0\ntokens = 40\n");
    let first = server.ask(keyed("whole", false));
    let server = Server::start_in(server.kill(), slow);
    let again = server.ask(keyed("whole", false));
    assert!(is_replayed(&again));
    assert_eq!(first.body, again.body);

    let mut client = server.connect();
    client.send(keyed("cut", true)).head();
    assert_eq!(client.event().unwrap().name, "start");
    let server = Server::start_in(server.kill(), "[offline]\ngap_ms = 0\ntokens = 40\n");
    let mut client = server.connect();
    let head = client.send(keyed("cut", true)).head();
    assert_eq!(head.status, 200);
    assert_eq!(client.events().last().unwrap().name, "done");
    let again = server.ask(keyed("cut", true));
    assert!(is_replayed(&again) && again.text().contains("event: done\n"));
    assert_eq!(server.metric("maitred_idempotent_replays_total"), 1.0);
    let house = server.kill();
    assert_eq!(database::check(&database::open(&house.data())).len(), 2);
}

#[test]
fn a_client_whose_stream_broke_asks_again_and_gets_the_same_text() {
    let server = Server::start("[offline]\ngap_ms = 20\ntokens = 100\n");
    let mut client = server.connect();
    client.send(keyed("a", true)).head();
    let start = client.event().unwrap();
    client.reset();
    let mut client = server.connect();
    client.send(keyed("a", true)).head();
    assert_eq!(client.event().unwrap().json(), start.json());
    assert_eq!(client.events().last().unwrap().name, "done");
    let texts = "SELECT count(*) FROM generated_content";
    database::wait_for_count(&server.house().data(), texts, 1);
}
