//! It answers, and says no.

use super::*;
use crate::engine::database::Turn;
use crate::limits::DB_ATTEMPTS;

/// D15: a deadlock is somebody's bad luck, and tried again, but not for ever.
#[test]
fn a_deadlock_is_tried_again_and_then_told() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let client = analyze(&mut world);
    server.serve(&mut world);
    let link = link(&world);
    for _ in 0..DB_ATTEMPTS {
        assert!(world.is_quiet(client));
        server.refuse(&mut world, link, "40P01");
        server.serve(&mut world);
    }
    assert_eq!(server.held(link), 0);
    assert_eq!(status(&mut world, client), 503);
    assert_eq!(event(&world, "sent"), f64::from(DB_ATTEMPTS));
}

/// D16: a full disk and a server that takes no writes: writes are refused, questions go on.
#[test]
fn who_cannot_write_can_still_be_asked() {
    for (refusal, expected) in [("53100", 507), ("25006", 503)] {
        let (mut world, mut server) = one_link();
        server.holds = true;
        let write = analyze(&mut world);
        server.serve(&mut world);
        let link = link(&world);
        server.refuse(&mut world, link, refusal);
        server.holds = false;
        let read = list(&mut world);
        server.serve(&mut world);
        assert_eq!(status(&mut world, write), expected);
        assert_eq!(status(&mut world, read), 200);
        assert_eq!(connections(&world), [link], "it is as good as before");
    }
}

#[test]
fn one_that_fails_does_not_touch_the_one_behind_it() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let (first, second) = (list(&mut world), list(&mut world));
    server.serve(&mut world);
    let link = link(&world);
    server.refuse(&mut world, link, "57014");
    server.answer(&mut world, link);
    world.settle();
    assert_eq!(code(&mut world, first), (503, "store_timeout".to_owned()));
    assert_eq!(status(&mut world, second), 200);
}

/// A pooler has given us another session: from then on no statement has a name.
#[test]
fn a_pooler_in_between_is_noticed() {
    let (mut world, mut server) = one_link();
    server.holds = true;
    let client = list(&mut world);
    server.serve(&mut world);
    let before = link(&world);
    server.refuse(&mut world, before, "26000");
    server.holds = false;
    server.serve(&mut world);
    assert_eq!(status(&mut world, client), 200);
    assert_ne!(link(&world), before);
    let again = list(&mut world);
    server.serve(&mut world);
    assert_eq!(status(&mut world, again), 200);
    let asked = server.asked.iter().filter(|sql| *sql == "(known)");
    assert_eq!(asked.count(), 0, "each brings its statement along");
}

#[test]
fn nobody_is_let_in_by_the_wrong_name() {
    let mut world = World::new(DATABASE);
    let mut server = Elephant {
        refuses: Some("28P01"),
        ..Elephant::default()
    };
    for _ in 0..50 {
        world.pass(100);
        server.serve(&mut world);
    }
    assert!(event(&world, "refused") <= 6.0, "once a second at most");
    assert_eq!(ready(&mut world).0, 503);
    server.refuses = None;
    world.pass(2_500);
    server.serve(&mut world);
    assert_eq!(ready(&mut world).0, 200);
}

/// What is wrong is said once, with the host, and no statement is sent that would only fail in other words.
#[test]
fn a_database_of_another_encoding_is_told_so() {
    let mut world = World::new(DATABASE);
    let mut server = Elephant {
        encoding: Some("SQL_ASCII"),
        ..Elephant::default()
    };
    for _ in 0..50 {
        world.pass(100);
        server.serve(&mut world);
    }
    assert_eq!(ready(&mut world).0, 503);
    assert_eq!(server.asked, [""; 0]);
    let turns: Vec<Turn> = world.engine.database_turns().collect();
    let [Turn::Away { host, error }] = &turns[..] else {
        panic!("{turns:?}");
    };
    assert_eq!(host, "10.0.0.5:5432");
    assert!(
        error.to_string().contains("its encoding has to be UTF8"),
        "{error}"
    );
}

/// Tables of another program are in the way: nothing of them is touched, and what is paid for is kept.
#[test]
fn tables_of_another_program_cost_no_text() {
    let mut world = World::new(&DATABASE.replace("strict", "spill"));
    let mut server = Elephant {
        holds: true,
        ..Elephant::default()
    };
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    for _ in 0..50 {
        world.pass(100);
        server.serve(&mut world);
        for link in server.busy() {
            server.answer(&mut world, link);
            server.serve(&mut world);
            server.refuse(&mut world, link, "42P07");
        }
    }
    assert_eq!(world.reply(client).json()["stored_in"], "journal");
    let why = "degraded: the tables of the database are another program's, and rows wait in the journal\n";
    assert_eq!(ready(&mut world), (200, why.into()));
}
