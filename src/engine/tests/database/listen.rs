//! The connection that hears what other processes tell.

use super::super::world::postgres::message;
use super::*;
use crate::engine::database::Turn;
use crate::limits::jobs::{JOB_POLL_MS, JOB_POLL_TOLD_MS, JOB_TOLD_MS};
use crate::limits::{DB_LISTEN_PING_MS, DB_LISTEN_RETRY_MS, STORE_MS};

/// A job that nobody knows.
const JOB: &str = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";
/// Another process of the server than those that serve us.
const OTHER: u32 = 9;

/// A process that does jobs, and listens, and has had its first look.
fn worker() -> (World, Elephant) {
    let (mut world, mut server) = with(&DATABASE.replace("parallel = 0", "parallel = 2"));
    pass(&mut world, &mut server, 1_000);
    assert!(listens(&world));
    server.asked.clear();
    (world, server)
}

fn listens(world: &World) -> bool {
    world.metric("database_connections{state=\"listening\"}") > 0.5
}

fn pass(world: &mut World, server: &mut Elephant, ms: u64) {
    for _ in 0..ms.div_ceil(10) {
        world.pass(10);
        server.serve(world);
    }
}

/// The connection that was opened last.
fn listener(world: &World) -> ConnId {
    *connections(world).last().unwrap()
}

fn tell(world: &mut World, process: u32, channel: &str, payload: &str) {
    let names = format!("{channel}\0{payload}\0");
    let body = [&process.to_be_bytes(), names.as_bytes()].concat();
    let id = listener(world);
    world.say(id, &message(b'A', &body));
    world.settle();
}

fn heard(world: &World, of: &str) -> f64 {
    world.metric(&format!("database_notifications_total{{of=\"{of}\"}}"))
}

#[test]
fn what_others_tell_is_looked_at_at_once_and_what_this_process_tells_is_known() {
    let (mut world, mut server) = worker();
    tell(&mut world, OTHER, "maitred_jobs", JOB);
    server.serve(&mut world);
    assert_eq!(server.asked.len(), 1, "{:?}", server.asked);
    tell(&mut world, 7, "maitred_jobs", JOB);
    server.serve(&mut world);
    assert_eq!(server.asked.len(), 1);
    assert_eq!((heard(&world, "others"), heard(&world, "own")), (1.0, 1.0));
}

#[test]
fn however_much_is_told_it_is_looked_so_often() {
    let (mut world, mut server) = worker();
    for _ in 0..1_000 {
        tell(&mut world, OTHER, "maitred_jobs", JOB);
        server.serve(&mut world);
    }
    assert_eq!(server.asked.len(), 1, "at once");
    pass(&mut world, &mut server, 5 * JOB_TOLD_MS);
    assert_eq!(server.asked.len(), 2, "and once after that");
}

#[test]
fn words_that_nobody_understands_are_counted_and_nothing_else() {
    let (mut world, mut server) = worker();
    let long = "x".repeat(7_999);
    for (channel, payload) in [
        ("maitred_jobs", ""),
        ("maitred_jobs", "DROP TABLE"),
        ("maitred_jobs", &long),
        ("else", JOB),
    ] {
        tell(&mut world, OTHER, channel, payload);
        server.serve(&mut world);
    }
    assert_eq!(
        (heard(&world, "strange"), heard(&world, "others")),
        (4.0, 0.0)
    );
    assert!(server.asked.is_empty() && listens(&world));
}

#[test]
fn while_others_can_tell_it_is_looked_rarely_and_without_it_as_before() {
    let (mut world, mut server) = worker();
    pass(&mut world, &mut server, JOB_POLL_TOLD_MS - 2_000);
    assert_eq!(server.asked.len(), 0, "{:?}", server.asked);
    // It is lost, and nobody is let in.
    server.refuses = Some("53300");
    let lost = listener(&world);
    server.dismiss(&mut world, lost, "57P01");
    assert!(!listens(&world));
    pass(&mut world, &mut server, 5 * JOB_POLL_MS);
    let looks = server.asked.len();
    assert!((4..=6).contains(&looks), "{looks} looks");
    // It is back: it is looked once.
    server.refuses = None;
    server.asked.clear();
    pass(&mut world, &mut server, 3 * DB_LISTEN_RETRY_MS);
    assert!(listens(&world));
    assert!(server.asked.iter().any(|sql| sql.starts_with("LISTEN")));
    let looks = server.asked.len() - 1;
    assert!((1..=3).contains(&looks), "{:?}", server.asked);
}

#[test]
fn one_that_is_silent_is_asked_and_then_given_up() {
    let (mut world, mut server) = worker();
    let silent = listener(&world);
    pass(&mut world, &mut server, 2 * DB_LISTEN_PING_MS);
    assert_eq!(listener(&world), silent, "it answers");
    server.holds = true;
    pass(
        &mut world,
        &mut server,
        DB_LISTEN_PING_MS + STORE_MS + 1_000,
    );
    assert!(!connections(&world).contains(&silent));
}

#[test]
fn behind_a_pooler_nobody_listens() {
    let config = DATABASE.replace("parallel = 0", "parallel = 2") + "pgbouncer = true\n";
    let (mut world, mut server) = with(&config);
    pass(&mut world, &mut server, 3_000);
    assert_eq!(connections(&world).len(), 1);
    assert!(!listens(&world));
    assert!(server.asked.len() >= 2, "it is looked as ever");
}

/// With one connection that is shared there are two; the listening one is no place for questions.
#[test]
fn it_is_beside_those_that_are_shared() {
    let config = DATABASE.replace("parallel = 0", "parallel = 2") + "connections = 1\n";
    let (mut world, mut server) = with(&config);
    pass(&mut world, &mut server, 1_000);
    server.holds = true;
    for _ in 0..5 {
        list(&mut world);
    }
    server.serve(&mut world);
    let [shared, listens] = connections(&world)[..] else {
        panic!("two connections");
    };
    assert_eq!((server.held(shared), server.held(listens)), (5, 0));
    // Whoever comes after the shared one is shared, whatever it came for.
    server.dismiss(&mut world, shared, "57P01");
    server.holds = false;
    pass(&mut world, &mut server, 5_000);
    assert_eq!(connections(&world).len(), 2);
    assert!(world.engine.database_standing().unwrap().ready == 1);
}

/// The role may have no more connections than it has: jobs are found by looking, and nothing else changes.
#[test]
fn a_listener_that_is_not_let_in_is_no_trouble_of_the_database() {
    let mut world = World::new(&DATABASE.replace("parallel = 0", "parallel = 2"));
    let mut server = Elephant::default();
    while world.engine.database_standing().unwrap().ready == 0 {
        // The connection that is to listen comes after the one that is shared.
        world.settle();
        server.step(&mut world);
    }
    server.refuses = Some("53300");
    pass(&mut world, &mut server, 10_000);
    let turns: Vec<Turn> = world.engine.database_turns().collect();
    let [Turn::Reached { .. }, Turn::Deaf(why)] = &turns[..] else {
        panic!("{turns:?}");
    };
    assert!(why.contains("53300"), "{why}");
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
    assert_eq!(world.engine.database_trouble(), None);
    let tried = event(&world, "refused");
    assert!((5.0..=11.0).contains(&tried), "{tried} in ten seconds");
    // It is let in, and there is nothing to be told about it but when it is lost again.
    server.refuses = None;
    pass(&mut world, &mut server, 3_000);
    assert!(listens(&world));
    server.refuses = Some("53300");
    let lost = listener(&world);
    server.dismiss(&mut world, lost, "57P01");
    pass(&mut world, &mut server, 5_000);
    let turns: Vec<Turn> = world.engine.database_turns().collect();
    assert!(matches!(&turns[..], [Turn::Deaf(_)]), "{turns:?}");
}

/// A server that was demoted in its place says so, on each connection, when it gets round to it.
#[test]
fn it_goes_where_the_others_go() {
    let two = (DATABASE.replace("parallel = 0", "parallel = 2")).replace(
        "10.0.0.5/tables",
        "10.0.0.5,10.0.0.6/tables?target_session_attrs=primary",
    );
    for listener_first in [true, false] {
        let (mut world, mut server) = with(&two);
        pass(&mut world, &mut server, 1_000);
        let [shared, listens_there] = connections(&world)[..] else {
            panic!("two connections");
        };
        let standby = message(b'S', b"in_hot_standby\0on\0");
        let order = [shared, listens_there];
        let first = order[usize::from(listener_first)];
        world.say(first, &standby);
        world.settle();
        assert!(!listens(&world), "{listener_first}");
        assert!(!connections(&world).contains(&listens_there));
        world.say(shared, &standby);
        pass(&mut world, &mut server, 3_000);
        assert!(listens(&world), "{listener_first}");
        for id in connections(&world) {
            let to = world.sockets[&id].to.unwrap().to_string();
            assert_eq!(to, "10.0.0.6:5432", "{listener_first}");
        }
    }
}
