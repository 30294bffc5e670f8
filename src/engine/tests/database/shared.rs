//! One connection, many owners.

use super::*;
use crate::engine::database::Turn;
use crate::engine::io::Gone;
use crate::limits::DB_WAIT_MS;

#[test]
fn questions_of_two_owners_are_on_the_way_at_the_same_time() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let (first, second) = (list(&mut world), list(&mut world));
    server.serve(&mut world);
    let link = link(&world);
    assert_eq!(server.held(link), 2);
    server.answer(&mut world, link);
    world.settle();
    assert_eq!(status(&mut world, first), 200);
    assert!(world.is_quiet(second));
    server.answer(&mut world, link);
    world.settle();
    assert_eq!(status(&mut world, second), 200);
    assert_eq!(event(&world, "sent"), 2.0);
}

#[test]
fn whoever_leaves_leaves_a_tombstone_and_the_next_one_gets_its_own_answer() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let (gone, stays) = (list(&mut world), remove(&mut world));
    server.serve(&mut world);
    world.reset(gone, Gone::Reset);
    server.serve(&mut world);
    let link = link(&world);
    // The server is not asked to stop, and answers both.
    assert_eq!((server.held(link), connections(&world).len()), (2, 1));
    server.answer(&mut world, link);
    server.answer(&mut world, link);
    world.settle();
    assert_eq!(code(&mut world, stays), (404, "not_found".to_owned()));
    assert_eq!(link, super::link(&world));
}

#[test]
fn one_that_waits_for_a_connection_and_is_not_wanted_any_more_is_never_sent() {
    let mut world = World::new(&format!("{DATABASE}connections = 1\n"));
    let mut server = Elephant::default();
    world.slow_network = true;
    let client = list(&mut world);
    world.reset(client, Gone::Reset);
    world.settle();
    world.slow_network = false;
    server.serve(&mut world);
    assert_eq!(event(&world, "sent"), 0.0);
}

#[test]
fn connections_are_opened_when_all_have_something_to_do_and_not_before() {
    let (mut world, mut server) = with(&format!("{DATABASE}connections = 3\n"));
    for _ in 0..5 {
        let client = list(&mut world);
        server.serve(&mut world);
        assert_eq!(status(&mut world, client), 200);
    }
    assert_eq!(
        connections(&world).len(),
        1,
        "one after the other: one does"
    );
    server.holds = true;
    let clients: Vec<_> = (0..9).map(|_| list(&mut world)).collect();
    server.serve(&mut world);
    assert_eq!(connections(&world).len(), 3);
    server.holds = false;
    for link in server.busy() {
        while server.held(link) > 0 {
            server.answer(&mut world, link);
        }
    }
    server.serve(&mut world);
    for client in clients {
        assert_eq!(status(&mut world, client), 200);
    }
}

/// D13: nobody waits for a connection for more than a second.
#[test]
fn whoever_finds_no_connection_waits_a_second_and_not_longer() {
    let mut world = World::new(&format!("{DATABASE}connections = 1\n"));
    world.slow_network = true; // it is being opened, and neither stands nor fails
    let client = list(&mut world);
    world.pass(DB_WAIT_MS - 10);
    assert!(world.is_quiet(client));
    assert_eq!(world.get("/healthz").status, 200);
    world.pass(20);
    assert_eq!(
        code(&mut world, client),
        (503, "store_unreachable".to_owned())
    );
    assert_eq!(event(&world, "late"), 1.0);
}

#[test]
fn a_text_is_scored_by_a_thread_and_its_rows_go_to_the_server() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.pass(2_000);
    server.serve(&mut world);
    assert!(
        world.is_quiet(client),
        "nothing is acknowledged before the commit"
    );
    let link = link(&world);
    while server.held(link) > 0 {
        server.answer(&mut world, link);
        server.serve(&mut world);
    }
    let reply = world.reply(client).json();
    assert_eq!(reply["stored"], true);
    assert!(reply["readability"].is_object());
}

/// The server has no place for more for a while. Those that there are serve, it is not stormed, and when it has
/// places again they are taken.
#[test]
fn a_further_connection_that_is_not_let_in_is_tried_again() {
    let (mut world, mut server) = with(&format!("{DATABASE}connections = 3\n"));
    server.refuses = Some("53300");
    server.holds = true;
    for _ in 0..20 {
        list(&mut world);
        world.pass(200);
        server.serve(&mut world);
    }
    let tried = event(&world, "refused");
    assert!((3.0..=6.0).contains(&tried), "{tried} in four seconds");
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
    let turns: Vec<Turn> = world.engine.database_turns().collect();
    assert!(
        matches!(&turns[..], [Turn::Reached { .. }, Turn::Tight(_)]),
        "{turns:?}"
    );
    server.refuses = None;
    for _ in 0..10 {
        for _ in 0..3 {
            list(&mut world);
        }
        server.serve(&mut world);
        for link in server.busy() {
            while server.held(link) > 0 {
                server.answer(&mut world, link);
            }
        }
        world.pass(200);
        server.serve(&mut world);
    }
    assert_eq!(connections(&world).len(), 3);
}
