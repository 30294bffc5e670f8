//! It cannot be reached, or not any more.

use serde_json::json;

use super::*;
use crate::engine::io::{Gone, Input};
use crate::limits::STORE_MS;

/// D1: the server starts, answers what needs no row, and heals by itself.
#[test]
fn a_database_that_is_down_at_the_start_is_found_when_it_comes() {
    let mut world = World::new(DATABASE);
    world.slow_network = true;
    world.settle();
    refuse_all(&mut world);
    assert_eq!(
        ready(&mut world),
        (503, "not ready: the database cannot be reached\n".into())
    );
    assert_eq!(world.get("/healthz").status, 200);
    let client = list(&mut world);
    pass(&mut world, 1_100);
    assert_eq!(
        code(&mut world, client),
        (503, "store_unreachable".to_owned())
    );
    // By now nobody has to wait to learn that.
    let client = list(&mut world);
    pass(&mut world, 1);
    assert_eq!(code(&mut world, client).0, 503);
    pass(&mut world, 60_000);

    world.slow_network = false;
    let mut server = Elephant::default();
    for _ in 0..50 {
        world.pass(100);
        server.serve(&mut world);
    }
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
    let client = list(&mut world);
    server.serve(&mut world);
    assert_eq!(status(&mut world, client), 200);
}

#[test]
fn the_status_tells_how_it_stands_with_the_database() {
    let mut world = World::new(DATABASE);
    world.slow_network = true;
    world.settle();
    refuse_all(&mut world);
    let client = list(&mut world);
    let store = world.get("/status").json()["store"].clone();
    assert_eq!(store["away"], "the database cannot be reached");
    assert_eq!(store["connections"]["ready"], 0);
    assert_eq!(store["orders"], json!({"waiting": 1, "sent": 0}));
    pass(&mut world, 1_100);
    assert_eq!(status(&mut world, client), 503);

    let (mut world, mut server) = one_link();
    server.holds = true;
    let _clients = [list(&mut world), list(&mut world)];
    server.serve(&mut world);
    let expected = json!({
        "kind": "postgresql", "away": null,
        "connections": {"ready": 1, "opening": 0, "max": 1},
        "orders": {"waiting": 0, "sent": 2},
        "journal": {"rows": 0, "bytes": 0, "aside": 0},
    });
    assert_eq!(world.get("/status").json()["store"], expected);
}

/// Everybody who connects is refused.
fn refuse_all(world: &mut World) {
    for id in connections(world) {
        world.reset(id, Gone::Refused);
    }
    world.settle();
}

fn pass(world: &mut World, ms: u64) {
    for _ in 0..ms.div_ceil(10) {
        world.pass(10);
        refuse_all(world);
    }
}

/// D14: a server that has no place left is not stormed.
#[test]
fn too_many_connections_are_not_answered_with_more() {
    let mut world = World::new(DATABASE);
    let mut server = Elephant {
        refuses: Some("53300"),
        ..Elephant::default()
    };
    let clients: Vec<_> = (0..20).map(|_| list(&mut world)).collect();
    for _ in 0..1_000 {
        world.pass(10);
        server.serve(&mut world);
    }
    let tried = event(&world, "refused");
    assert!((5.0..=11.0).contains(&tried), "{tried} in ten seconds");
    for client in clients {
        assert_eq!(
            code(&mut world, client),
            (503, "store_unreachable".to_owned())
        );
    }
}

/// D3: a restart costs no question and no row.
#[test]
fn a_restart_is_not_noticed_by_those_who_ask() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let (read, also, write) = (list(&mut world), list(&mut world), analyze(&mut world));
    server.serve(&mut world);
    let before = link(&world);
    assert_eq!(server.held(before), 3);
    server.dismiss(&mut world, before, "57P01");
    server.holds = false;
    for _ in 0..10 {
        server.serve(&mut world);
        world.pass(50);
    }
    for client in [read, also, write] {
        assert_eq!(status(&mut world, client), 200);
    }
    assert_ne!(link(&world), before);
    assert_eq!(
        (event(&world, "lost"), event(&world, "repeated")),
        (1.0, 3.0)
    );
}

/// D5, D6: what may have been done is done again if that does no harm.
#[test]
fn a_connection_that_breaks_costs_only_what_cannot_be_repeated() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let (read, delete, write) = (list(&mut world), remove(&mut world), analyze(&mut world));
    server.serve(&mut world);
    let link = link(&world);
    server.forget(link);
    world.reset(link, Gone::Reset);
    server.holds = false;
    for _ in 0..10 {
        server.serve(&mut world);
        world.pass(50);
    }
    assert_eq!(status(&mut world, read), 200);
    assert_eq!(
        code(&mut world, delete),
        (503, "store_outcome_unknown".to_owned())
    );
    assert_eq!(status(&mut world, write), 200);
}

/// D4: a server that was stopped: 503 after five seconds, a word behind its back, and another one.
#[test]
fn a_connection_that_is_silent_is_given_up() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let client = list(&mut world);
    server.serve(&mut world);
    let silent = link(&world);
    world.pass(STORE_MS - 10);
    assert!(world.is_quiet(client));
    assert_eq!(world.get("/healthz").status, 200);
    world.pass(20);
    assert_eq!(code(&mut world, client), (503, "store_timeout".to_owned()));
    world.pass(1_000);
    assert!(!connections(&world).contains(&silent));
    // CancelRequest, with the key of the connection.
    let cancel = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 7, 1, 2, 3, 4];
    let said = |id: &ConnId| world.sockets[id].got == cancel;
    assert_eq!(connections(&world).iter().filter(|id| said(id)).count(), 1);
}

/// D8, D9: a server that breaks the protocol is left, and its words size nothing.
#[test]
fn nonsense_ends_the_connection() {
    for nonsense in [
        &[b'D', 0, 0, 0, 0][..],
        &[b'D', 0, 0, 0, 3],
        &[b'D', 0xff, 0xff, 0xff, 0xff],
        &[b'D', 0x7f, 0xff, 0xff, 0xff],
        b"?\0\0\0\x04",
        b"D\0\0\0\x0a\0\x09\0\0\0\0",
    ] {
        let (mut world, mut server) = one_link();
        server.holds = true;
        let client = list(&mut world);
        server.serve(&mut world);
        let broken = link(&world);
        world.say(broken, nonsense);
        server.forget(broken);
        server.holds = false;
        for _ in 0..20 {
            server.serve(&mut world);
            world.pass(50);
        }
        assert_eq!(status(&mut world, client), 200, "{nonsense:?}");
        assert_ne!(link(&world), broken);
    }
}

/// D12: TLS is wanted, and somebody in between says that there is none, or speaks too early.
#[test]
fn without_tls_nobody_logs_in_who_wants_it() {
    let strict = DATABASE.replace("/tables", "/tables?sslmode=require");
    for offer in [&b"N"[..], b"SHello", b"E"] {
        let mut world = World::new(&strict);
        world.settle();
        let id = link(&world);
        assert_eq!(
            world.sockets[&id].got,
            [0, 0, 0, 8, 4, 210, 22, 47],
            "SSLRequest"
        );
        world.say(id, offer);
        world.settle();
        assert!(world.is_over(id), "{offer:?}");
        assert_eq!(
            world.sockets[&id].got.len(),
            8,
            "no name and no password: {offer:?}"
        );
    }
    let mut world = World::new(&strict);
    world.settle();
    let id = link(&world);
    world.say(id, b"S");
    assert!(world.sockets[&id].securing);
    world.feed(Input::EndPoint(id, vec![1, 2, 3]));
    world.secure(id);
    let mut server = Elephant::default();
    world.settle();
    world.sockets.get_mut(&id).unwrap().got.drain(..8);
    server.serve(&mut world);
    assert_eq!(ready(&mut world).0, 200);
}

#[test]
fn when_one_server_will_not_do_the_next_one_is_asked_at_once() {
    let two = DATABASE.replace("10.0.0.5/", "10.0.0.5,10.0.0.6/");
    let mut world = World::new(&two);
    world.slow_network = true;
    world.settle();
    let first = link(&world);
    world.reset(first, Gone::Refused);
    world.slow_network = false;
    let mut server = Elephant::default();
    server.serve(&mut world);
    let to = world.sockets[&link(&world)].to.unwrap();
    assert_eq!(to.to_string(), "10.0.0.6:5432");
    assert_eq!(ready(&mut world).0, 200);
}

/// All sessions are ended while others are being let in: one of them looks at the tables, the others
/// wait for it, and all are used in the end.
#[test]
fn those_who_are_let_in_wait_for_the_one_that_looks_at_the_tables() {
    let (mut world, mut server) = with(&format!("{DATABASE}connections = 3\n"));
    server.holds = true;
    let clients: Vec<_> = (0..6).map(|_| list(&mut world)).collect();
    // Two more are opened, and none of them is let in yet when the first one ends.
    let first = connections(&world)[0];
    server.dismiss(&mut world, first, "57P01");
    for _ in 0..20 {
        world.pass(50);
        server.serve(&mut world);
    }
    let standing = world.engine.database_standing().unwrap();
    assert_eq!(
        (standing.ready, standing.opening),
        (0, 2),
        "the tables are looked at"
    );
    server.holds = false;
    for link in server.busy() {
        while server.held(link) > 0 {
            server.answer(&mut world, link);
        }
    }
    server.serve(&mut world);
    assert_eq!(world.engine.database_standing().unwrap().opening, 0);
    for client in clients {
        world.reply(client);
    }
}

/// R30: a text that was paid for is kept although the database is away, and is there when it is back.
#[test]
fn rows_wait_in_the_journal_until_the_database_is_back() {
    let mut world = World::new(&DATABASE.replace("strict", "spill"));
    world.slow_network = true;
    world.settle();
    refuse_all(&mut world);
    let why = "degraded: the database cannot be reached, and rows wait in the journal\n";
    assert_eq!(ready(&mut world), (200, why.into()));
    // What cannot wait is refused, and nothing else for it.
    let job = r#"{"kind":"generate","topics":["a"]}"#;
    let client = world.post("/jobs", job);
    pass(&mut world, 1_100);
    assert_eq!(code(&mut world, client).0, 503);
    assert_eq!(ready(&mut world), (200, why.into()));
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    pass(&mut world, 4_000);
    assert_eq!(world.reply(client).json()["stored"], true);
    assert_eq!(ready(&mut world), (200, why.into()));
    world.slow_network = false;
    let mut server = Elephant::default();
    for _ in 0..300 {
        world.pass(100);
        server.serve(&mut world);
    }
    let texts = server
        .asked
        .iter()
        .filter(|sql| sql.contains("INSERT INTO requests"));
    assert_eq!(texts.count(), 1, "{:?}", server.asked);
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
}
