//! A server that stands still: rows that can wait in the journal do, and nobody hears of it.

use super::*;
use crate::engine::io::Gone;
use crate::engine::work::{Kind, WorkResult};
use crate::limits::STORE_MS;

const QUICK: &str = "[offline]\ngap_ms = 0\ntokens = 20\n";

/// A world with a journal, whose database is silent from now on.
fn still(connections: usize) -> (World, Elephant) {
    let database = DATABASE.replace("strict", "spill");
    let (world, mut server) = with(&format!("{database}connections = {connections}\n{QUICK}"));
    server.holds = true;
    (world, server)
}

/// What a client is told while the server says nothing, and how long it took.
fn told(world: &mut World, server: &mut Elephant, client: ConnId) -> (u16, String) {
    server.serve(world);
    world.pass(STORE_MS - 20);
    let said = world.sockets[&client].got.windows(2);
    assert_eq!(
        said.filter(|at| at == b"{\"").count(),
        0,
        "nothing is told yet"
    );
    for _ in 0..10 {
        world.pass(10);
        server.serve(world);
    }
    let reply = world.reply(client);
    (reply.status, reply.body)
}

#[test]
fn rows_that_are_under_way_go_to_the_journal_in_time() {
    for (path, body) in [
        ("/generate/", r#"{"topic":"tea"}"#),
        (
            "/analyze/",
            r#"{"content":"Tea is good. It is very good."}"#,
        ),
        (
            "/keywords/",
            r#"{"content":"Green tea is good.","method":"local"}"#,
        ),
        ("/generate/", r#"{"topic":"tea","candidates":2}"#),
        ("/batch", r#"{"topics":["tea","rice"]}"#),
    ] {
        for connections in [1, 4] {
            let (mut world, mut server) = still(connections);
            let client = world.post(path, body);
            let (status, said) = told(&mut world, &mut server, client);
            assert_eq!(status, 200, "{path} {body}: {said}");
            assert!(!said.contains("store_timeout"), "{said}");
            assert!(world.metric("journal_rows") >= 1.0);
            assert_eq!(world.metric("rows_lost_total"), 0.0);
            server.holds = false;
            for link in server.busy() {
                server.forget(link);
            }
            for _ in 0..100 {
                world.pass(100);
                server.serve(&mut world);
            }
            assert_eq!(world.metric("journal_rows"), 0.0);
        }
    }
}

/// Its answer comes after all, and is nobody's.
#[test]
fn what_the_database_says_later_is_heard_and_dropped() {
    let (mut world, mut server) = still(1);
    let client = analyze(&mut world);
    assert_eq!(told(&mut world, &mut server, client).0, 200);
    server.holds = false;
    let link = link(&world);
    server.answer(&mut world, link);
    for _ in 0..20 {
        server.serve(&mut world);
        world.pass(100);
    }
    assert_eq!(world.metric("journal_rows"), 0.0);
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
}

/// What was taken back is not sent again when its connection is lost, and what was not is.
#[test]
fn what_was_taken_back_is_not_sent_again() {
    let (mut world, mut server) = still(1);
    let client = analyze(&mut world);
    assert_eq!(told(&mut world, &mut server, client).0, 200);
    let before = link(&world);
    server.dismiss(&mut world, before, "57P01");
    server.asked.clear();
    server.holds = false;
    for _ in 0..20 {
        server.serve(&mut world);
        world.pass(100);
    }
    let rows = (server.asked.iter()).filter(|sql| sql.contains("INSERT INTO requests"));
    assert_eq!(rows.count(), 1, "from the journal: {:?}", server.asked);
    assert_eq!(world.metric("journal_rows"), 0.0);
}

/// With `strict` there is no other place, so who waits is told after five seconds.
#[test]
fn without_a_journal_they_are_late() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let client = analyze(&mut world);
    server.serve(&mut world);
    world.pass(STORE_MS + 10);
    assert_eq!(code(&mut world, client), (503, "store_timeout".into()));
}

/// What was not even sent goes the same way.
#[test]
fn rows_that_wait_for_a_connection_go_to_the_journal_too() {
    let database = DATABASE.replace("strict", "spill");
    let (mut world, mut server) = with(&format!("{database}connections = 1\nwait_ms = 20000\n"));
    world.slow_network = true;
    let lost = link(&world);
    server.forget(lost);
    world.reset(lost, Gone::Reset);
    let client = analyze(&mut world);
    assert_eq!(told(&mut world, &mut server, client).0, 200);
    assert_eq!(world.metric("journal_rows"), 1.0);
}

/// The database may have stored it, and the journal could not.
#[test]
fn where_the_journal_fails_too_nobody_knows() {
    let (mut world, mut server) = still(1);
    world.held = vec![Kind::Journal];
    let client = analyze(&mut world);
    server.serve(&mut world);
    world.pass(STORE_MS + 10);
    let (path, reason) = ("journal".into(), "no".into());
    let failed = crate::store::StoreError::Journal { path, reason };
    world.fail_work(0, WorkResult::Journal(Err(failed)));
    world.settle();
    assert_eq!(
        code(&mut world, client),
        (503, "store_outcome_unknown".into())
    );
}
