//! Two servers of one database: a key is one key, and a text of one is a text of the other.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::{delete, post};
use crate::support::postgres::{DATABASE, Postgres};
use crate::support::response::text_of;
use crate::support::{Response, Server, generate, get, ms};
use crate::{config, texts, wait_until_ready};

/// Longer than a lease lasts.
const LONG: Duration = Duration::from_secs(40);

fn keyed(key: &str, topic: &str, stream: bool) -> String {
    let field = format!("\r\nIdempotency-Key: {key}\r\nHost");
    generate(topic, stream).replacen("\r\nHost", &field, 1)
}

fn is_replayed(response: &Response) -> bool {
    response.field("idempotent-replayed") == Some("true")
}

fn pair(postgres: &Postgres, further: &str) -> [Server; 2] {
    let text = config(postgres.addr, further);
    let servers = [Server::start(&text), Server::start(&text)];
    servers.iter().for_each(wait_until_ready);
    servers
}

/// Asks as its clients do: again when it is told to.
fn persist(server: &Server, request: &str) -> Response {
    let started = Instant::now();
    loop {
        let response = server.ask(request);
        if response.status != 409 {
            return response;
        }
        assert_eq!(response.problem(), "idempotency_key_in_use");
        assert!(started.elapsed() < LONG, "the key is never free");
        thread::sleep(ms(100));
    }
}

#[test]
#[ignore = "needs postgresql"]
fn a_key_is_one_key_on_both() {
    let postgres = Postgres::start();
    let servers = pair(&postgres, "");
    for round in 0..5 {
        let request = keyed(&format!("key {round}"), "tea", false);
        let answers: Vec<Response> = thread::scope(|scope| {
            let request = &request;
            let asked = (0..6).map(|n| {
                scope.spawn({
                    let server = &servers[n % 2];
                    move || persist(server, request)
                })
            });
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let bodies: HashSet<&[u8]> = answers.iter().map(|answer| &*answer.body).collect();
        assert_eq!(bodies.len(), 1, "one answer for all");
        assert_eq!(
            answers.iter().filter(|answer| !is_replayed(answer)).count(),
            1
        );
        assert_eq!(texts(&postgres), round + 1);
    }
    let other = servers[1].ask(keyed("key 0", "tea", true));
    assert_eq!(
        (other.status, &*other.problem()),
        (422, "idempotency_key_reused")
    );

    // It goes with its text.
    let id = servers[0].ask(keyed("key 0", "tea", false)).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let gone = servers[1].ask(delete(&format!("/contents/{id}")));
    assert_eq!(gone.status, 204);
    assert!(!is_replayed(&servers[1].ask(keyed("key 0", "tea", false))));
}

#[test]
#[ignore = "needs postgresql"]
fn the_key_of_a_server_that_was_killed_is_taken_over_and_one_that_lives_keeps_it() {
    let postgres = Postgres::start();
    // Half a minute for a text: two leases.
    let [killed, other] = pair(&postgres, "");
    let slow = config(postgres.addr, "").replace("gap_ms = 1\n", "gap_ms = 600\n");
    let slow = Server::start(&slow);
    wait_until_ready(&slow);

    let mut client = slow.connect();
    client.send(keyed("long", "tea", true)).head();
    client.event().unwrap();
    let mut lost = killed.connect();
    let big = keyed("lost", "the tea that is lost", true);
    lost.send(&big);
    let started = Instant::now();
    drop(killed.kill());
    let answer = persist(&other, &big);
    assert_eq!(answer.status, 200);

    while started.elapsed() < ms(20_000) {
        let busy = other.ask(keyed("long", "tea", true));
        assert_eq!(
            (busy.status, &*busy.problem()),
            (409, "idempotency_key_in_use")
        );
        thread::sleep(ms(500));
    }
    let events = client.events();
    assert_eq!(events.last().unwrap().name, "done");
    let again = other.ask(keyed("long", "tea", true));
    assert!(is_replayed(&again));
    let held = "SELECT count(*) FROM idempotency_keys WHERE status IS NULL";
    assert_eq!(postgres.psql(DATABASE, held), "0");
}

#[test]
#[ignore = "needs postgresql"]
fn a_text_of_one_answers_at_the_other() {
    let postgres = Postgres::start();
    let servers = pair(&postgres, "");
    let json = r#"{"topic":"tea","cache":"use"}"#;
    let ask = |server: &Server| server.ask(post("/generate/", json));
    let (first, second) = (ask(&servers[0]), ask(&servers[1]));
    assert_eq!(
        first.field("cache-status"),
        Some("maitred; fwd=miss; stored")
    );
    let status = second.field("cache-status").unwrap();
    assert!(status.starts_with("maitred; hit; ttl="), "{status}");
    let (first, second) = (first.json(), second.json());
    assert_eq!(first["generated_text"], second["generated_text"]);
    assert_eq!(
        (&second["id"], &second["cached"]),
        (&first["id"], &true.into())
    );
    let path = format!("/contents/{}", first["id"].as_str().unwrap());
    assert_eq!(servers[0].ask(delete(&path)).status, 204);
    let third = ask(&servers[1]).json();
    assert_eq!(third["cached"], false);
}

/// What one is about to keep under a key another one deletes.
#[test]
#[ignore = "needs postgresql"]
fn what_is_deleted_is_told_under_no_key() {
    let postgres = Postgres::start();
    let servers = pair(&postgres, "");
    let json = r#"{"topic":"tea","cache":"use"}"#;
    let ask = |server: &Server, key: &str| {
        let field = format!("\r\nIdempotency-Key: {key}\r\nHost");
        persist(
            server,
            &post("/generate/", json).replacen("\r\nHost", &field, 1),
        )
    };
    for round in 0..20 {
        let first = ask(&servers[0], &format!("first {round}")).json();
        let path = format!("/contents/{}", first["id"].as_str().unwrap());
        let keys: Vec<String> = (0..6).map(|n| format!("key {round} {n}")).collect();
        thread::scope(|scope| {
            for (n, key) in keys.iter().enumerate() {
                let server = &servers[n % 2];
                scope.spawn(move || assert_eq!(ask(server, key).status, 200));
            }
            assert_eq!(servers[1].ask(delete(&path)).status, 204);
        });
        for key in keys {
            assert_ne!(ask(&servers[0], &key).json()["id"], first["id"], "{key}");
        }
    }
    let left = "SELECT count(*) FROM idempotency_keys AS k WHERE status IS NULL OR NOT EXISTS (
        SELECT 1 FROM generated_content AS g WHERE g.tenant = k.tenant AND g.id = k.text_id)";
    assert_eq!(postgres.psql(DATABASE, left), "0");
}

#[test]
#[ignore = "needs postgresql"]
fn a_stream_goes_on_at_another_server_once_its_row_is_there() {
    let postgres = Postgres::start();
    let [one, other] = pair(&postgres, "");
    let mut client = one.connect();
    client.send(generate("tea", true)).head();
    let id = client.event().unwrap().json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let early = other.ask(get(&format!("/generate/{id}/events")));
    assert_eq!((early.status, &*early.problem()), (404, "not_yet"));
    assert_eq!(early.field("retry-after"), Some("1"));
    let before = client.event().unwrap();
    client.events();

    let at = before.id.unwrap();
    let path = get(&format!("/generate/{id}/events"));
    let resume = path.replace("\r\nHost", &format!("\r\nLast-Event-ID: {at}\r\nHost"));
    let mut client = other.connect();
    client.send(resume).head();
    let after = client.events();
    assert_eq!(after.last().unwrap().name, "done");
    let text = text_of(std::slice::from_ref(&before), 0) + &text_of(&after, at as usize);
    let row = one.ask(get(&format!("/contents/{id}"))).json();
    assert_eq!(row["text"], text);
}
