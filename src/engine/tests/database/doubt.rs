//! The connection is lost after something was sent, and before it was answered: nobody knows whether it
//! was done, and nobody is told that it was not.

use super::*;
use crate::engine::io::Gone;
use crate::limits::DB_WAIT_MS;

const JOB: &str = r#"{"kind":"analyze","contents":["I like it."]}"#;

/// All that was sent is lost with its connection, and there is no other one.
fn lose(world: &mut World, server: &mut Elephant) {
    server.serve(world);
    let lost = link(world);
    assert!(server.held(lost) > 0, "something was sent");
    server.forget(lost);
    world.slow_network = true;
    world.reset(lost, Gone::Reset);
}

/// Two connections. All was sent on the first one, which is lost; what can be repeated is on the second one.
fn lose_the_first(ask: fn(&mut World) -> ConnId) -> (World, Elephant, ConnId, ConnId) {
    let (mut world, mut server) = with(&format!("{DATABASE}connections = 2\n"));
    server.holds = true;
    let (client, _) = (ask(&mut world), list(&mut world));
    server.serve(&mut world);
    let [lost, stays] = connections(&world)[..] else {
        panic!("two connections")
    };
    server.forget(lost);
    world.reset(lost, Gone::Reset);
    server.serve(&mut world);
    (world, server, stays, client)
}

#[test]
fn what_may_have_been_made_is_not_said_to_be_tried_again() {
    for (path, body) in [("/jobs", JOB), ("/analyze/", r#"{"content":"Tea."}"#)] {
        let (mut world, mut server) = one_link();
        server.holds = true;
        let client = world.post(path, body);
        lose(&mut world, &mut server);
        world.pass(DB_WAIT_MS + 100);
        let reply = world.reply(client);
        let unknown = (503, "store_outcome_unknown".to_owned());
        assert_eq!(reply.problem(), unknown, "{path}");
        assert_eq!(reply.field("retry-after"), None, "{path}");
    }
}

/// What a thread has scored goes the same way.
#[test]
fn a_text_that_may_be_stored_is_not_said_to_be_lost() {
    let (mut world, mut server) = one_link();
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    server.holds = true;
    while server.busy().is_empty() {
        world.pass(100);
        server.serve(&mut world);
    }
    lose(&mut world, &mut server);
    world.pass(DB_WAIT_MS + 100);
    assert_eq!(
        code(&mut world, client),
        (503, "store_outcome_unknown".to_owned())
    );
}

#[test]
fn what_was_never_sent_may_be_tried_again() {
    let mut world = World::new(&format!("{DATABASE}connections = 1\n"));
    world.slow_network = true;
    let client = world.post("/jobs", JOB);
    world.pass(DB_WAIT_MS + 100);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (503, "store_unreachable".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
}

/// A server that has refused the first run has undone it; one that refuses the second says nothing of the
/// first.
#[test]
fn a_second_run_that_is_refused_says_nothing_of_the_first() {
    let (mut world, mut server, stays, client) = lose_the_first(|world| world.post("/jobs", JOB));
    while server.held(stays) > 0 {
        server.refuse(&mut world, stays, "57014");
    }
    world.settle();
    assert_eq!(
        code(&mut world, client),
        (503, "store_outcome_unknown".to_owned())
    );
}

/// That nobody knows what has become of one says nothing about the next one.
#[test]
fn others_are_not_told_of_it() {
    let (mut world, mut server, stays, first) = lose_the_first(remove);
    assert_eq!(
        code(&mut world, first),
        (503, "store_outcome_unknown".to_owned())
    );
    let second = world.post("/jobs", JOB);
    server.serve(&mut world);
    while server.held(stays) > 0 {
        server.answer(&mut world, stays);
    }
    world.settle();
    assert_eq!(status(&mut world, second), 202);
}
