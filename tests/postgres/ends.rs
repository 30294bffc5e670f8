//! Connections that end before their requests do.

use maitred::proto::postgres::{Meaning, Outcome};

use crate::link::{Link, Told};
use crate::support::postgres::Postgres;
use crate::support::until;

/// A session in the middle of a request, with two more behind it.
fn busy(server: &Postgres, rest: &str) -> Link {
    let mut link = Link::ready(server.addr);
    let sql = format!("SELECT n, pg_sleep({rest}) FROM generate_series(1, 2) n");
    link.ask(1, &sql);
    link.ask(2, "SELECT 2");
    link.ask(3, "SELECT 3");
    link
}

#[test]
#[ignore = "needs postgresql"]
fn a_server_that_says_goodbye_has_not_begun_with_what_is_behind() {
    let server = Postgres::start();
    let mut link = busy(&server, "60");
    let addr = server.addr;
    let ending = std::thread::spawn(move || {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT n, pg%' AND state = 'active'";
        until("the session is ended", || {
            (server.psql("postgres", end) == "t").then_some(())
        });
        server
    });
    let Told::Goodbye(report) = link.wait() else {
        panic!("no goodbye")
    };
    assert_eq!(
        (report.code.as_str(), report.meaning()),
        ("57P01", Meaning::Elsewhere)
    );
    let lost = [
        (1, Outcome::Unknown),
        (2, Outcome::NotBegun),
        (3, Outcome::NotBegun),
    ];
    assert_eq!(link.lost(), lost);
    assert_eq!(link.wait(), Told::End);
    assert!(!link.session.is_ready());

    // One that has nothing to do is told as well.
    let server = ending.join().unwrap();
    let mut idle = Link::ready(addr);
    assert_eq!(idle.rows("SELECT 1"), [["1"]]);
    let all =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'maitre'";
    server.psql("postgres", all);
    assert!(matches!(idle.wait(), Told::Goodbye(r) if r.meaning() == Meaning::Elsewhere));
    assert_eq!(idle.lost(), []);
}

#[test]
#[ignore = "needs postgresql"]
fn a_server_that_is_killed_leaves_everything_unknown() {
    let mut server = Postgres::start();
    let mut link = busy(&server, "60");
    link.ask(4, "SELECT 4");
    // What fails before is known, also when the connection ends right after it.
    let mut failed = Link::ready(server.addr);
    failed.script(
        1,
        "CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (1)",
    );
    failed.finish(1);
    failed.ask(2, "SELECT 1/0");
    assert!(matches!(failed.wait(), Told::Failed(2, _)));
    server.kill();
    let unknown = |n: u64| (n, Outcome::Unknown);
    match link.wait() {
        Told::End => assert_eq!(
            link.lost(),
            [unknown(1), unknown(2), unknown(3), unknown(4)]
        ),
        // The last process notices that its parent is gone, and says so.
        Told::Goodbye(report) => assert_eq!(report.meaning(), Meaning::Elsewhere),
        told => panic!("{told:?}"),
    }
    assert!(matches!(failed.lost()[..], [(2, Outcome::Failed)] | []));
    server.restart();
    assert_eq!(Link::ready(server.addr).rows("SELECT n FROM kept"), [["1"]]);
}

#[test]
#[ignore = "needs postgresql"]
fn a_server_that_has_no_room_says_later() {
    let server = Postgres::start();
    server.psql("postgres", "ALTER ROLE by_trust CONNECTION LIMIT 1");
    let login = || maitred::proto::postgres::Login {
        user: "by_trust".into(),
        ..crate::link::login()
    };
    let _first = Link::logged_in(server.addr, login());
    let told = Link::open(server.addr, login(), None).wait();
    assert!(matches!(told, Told::Goodbye(r) if r.meaning() == Meaning::Later));
}
