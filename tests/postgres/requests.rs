//! Requests: pipelines, failures within them, prepared statements, notifications.

use std::time::Duration;

use maitred::limits::{PG_PIPELINE, PG_STATEMENTS};
use maitred::proto::postgres::{Login, Meaning, Refused, Scalar, Transaction, Type, Value, cancel};

use crate::link::{Link, Told, kept, login, plain};
use crate::support::postgres::Postgres;
use crate::support::until;

const NUMBER: &[Type] = &[Type::One(Scalar::Int8)];

fn row(token: u64, cells: &[&str]) -> Told {
    Told::Row(token, cells.iter().map(ToString::to_string).collect())
}

fn finished(token: u64) -> Told {
    Told::Finished(token, Transaction::None)
}

fn done(token: u64, tag: &str) -> Told {
    Told::Done(token, tag.into())
}

#[test]
#[ignore = "needs postgresql"]
fn one_request_of_a_pipeline_fails_and_the_others_do_not() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(0, "CREATE TABLE t (n bigint PRIMARY KEY)");
    link.finish(0);

    // All of it leaves in one write.
    let insert = "INSERT INTO t VALUES ($1)";
    let put = |n: &'static [Value<'static>]| kept(insert, NUMBER, n);
    let (one, two, three) = (&[Value::Int8(1)], &[Value::Int8(2)], &[Value::Int8(3)]);
    link.send(1, &[put(one)]).unwrap();
    link.send(2, &[put(two), put(one), put(three)]).unwrap();
    link.send(3, &[plain("SELECT nonsense FROM t")]).unwrap();
    link.send(4, &[put(three), plain("SELECT n FROM t ORDER BY n")])
        .unwrap();
    link.send(5, &[]).unwrap();
    assert_eq!(link.session.pending(), 5);

    assert_eq!(link.finish(1), [done(1, "INSERT 0 1"), finished(1)]);
    let second = link.finish(2);
    assert_eq!(
        (&second[0], &second[2]),
        (&done(2, "INSERT 0 1"), &finished(2))
    );
    let Told::Failed(2, report) = &second[1] else {
        panic!("{second:?}")
    };
    assert_eq!(
        (report.meaning(), report.constraint.as_deref()),
        (Meaning::Conflict, Some("t_pkey"))
    );
    let third = link.finish(3);
    let Told::Failed(3, report) = &third[0] else {
        panic!("{third:?}")
    };
    assert_eq!(
        (report.meaning(), report.position),
        (Meaning::Program, Some(8))
    );
    // Of the second request, nothing was stored.
    let fourth = [
        done(4, "INSERT 0 1"),
        row(4, &["1"]),
        row(4, &["3"]),
        done(4, "SELECT 2"),
    ];
    assert_eq!(link.finish(4), [&fourth[..], &[finished(4)]].concat());
    assert_eq!(link.finish(5), [finished(5)]);
    assert!(link.session.is_idle());
}

#[test]
#[ignore = "needs postgresql"]
fn a_statement_is_prepared_once_and_a_failed_one_hurts_nobody() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    let sql = "SELECT $1 + 1";
    let seven = &[Value::Int8(7)];
    for token in 1..=3 {
        link.send(token, &[kept(sql, NUMBER, seven)]).unwrap();
        assert_eq!(link.finish(token)[0], row(token, &["8"]));
    }
    let names = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1 + 1'";
    assert_eq!(link.rows(names), [["1"]]);

    // The first request fails before it comes to its second statement, which is then not prepared;
    // the second one, sent in the same write, wants it.
    let late = "SELECT $1 + 2";
    link.send(4, &[plain("SELECT 1/0"), kept(late, NUMBER, seven)])
        .unwrap();
    link.send(5, &[kept(late, NUMBER, seven)]).unwrap();
    assert!(matches!(&link.finish(4)[0], Told::Failed(4, _)));
    assert_eq!(link.finish(5)[0], row(5, &["9"]));
    for token in 6..=7 {
        link.send(token, &[kept(late, NUMBER, seven)]).unwrap();
        assert_eq!(link.finish(token)[0], row(token, &["9"]));
    }

    // More than are kept: the server forgets those that were used longest ago.
    for n in 0..2 * PG_STATEMENTS as u64 {
        let sql = format!("SELECT $1 + 1000 + {n}");
        link.send(n, &[kept(&sql, NUMBER, seven)]).unwrap();
        assert_eq!(link.finish(n)[0], row(n, &[&(1007 + n).to_string()]));
    }
    let count = link.rows("SELECT count(*) FROM pg_prepared_statements");
    assert_eq!(count, [[PG_STATEMENTS.to_string()]]);

    // A table changes behind a statement: it fails once, and is then prepared again.
    link.script(8, "CREATE TABLE shape (n bigint)");
    link.finish(8);
    link.send(9, &[kept("SELECT * FROM shape", &[], &[])])
        .unwrap();
    link.finish(9);
    link.script(
        10,
        "ALTER TABLE shape ADD m text; INSERT INTO shape VALUES (1, 'x')",
    );
    link.finish(10);
    link.send(11, &[kept("SELECT * FROM shape", &[], &[])])
        .unwrap();
    let told = link.finish(11);
    assert!(
        matches!(&told[0], Told::Failed(11, r) if r.meaning() == Meaning::Forgotten),
        "{told:?}"
    );
    link.send(12, &[kept("SELECT * FROM shape", &[], &[])])
        .unwrap();
    assert_eq!(link.finish(12)[0], row(12, &["1", "x"]));
}

#[test]
#[ignore = "needs postgresql"]
fn as_many_requests_wait_as_may() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    for token in 0..PG_PIPELINE as u64 {
        link.send(
            token,
            &[kept("SELECT $1", NUMBER, &[Value::Int8(token as i64)])],
        )
        .unwrap();
    }
    assert_eq!(link.send(9999, &[plain("SELECT 1")]), Err(Refused::Full));
    for token in 0..PG_PIPELINE as u64 {
        assert_eq!(link.finish(token)[0], row(token, &[&token.to_string()]));
    }
    link.send(1, &[]).unwrap();
}

#[test]
#[ignore = "needs postgresql"]
fn a_transaction_of_several_requests_and_a_session_that_is_cleaned() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.script(0, "CREATE TABLE t (n bigint)");
    link.finish(0);
    let now = |told: Vec<Told>| told.last().cloned().unwrap();
    link.ask(1, "BEGIN");
    assert_eq!(now(link.finish(1)), Told::Finished(1, Transaction::Open));
    link.ask(2, "INSERT INTO t VALUES (1)");
    assert_eq!(now(link.finish(2)), Told::Finished(2, Transaction::Open));
    link.ask(3, "COMMIT");
    assert_eq!(now(link.finish(3)), finished(3));
    assert_eq!(server.psql("tables", "SELECT count(*) FROM t"), "1");

    // Somebody leaves it in a failed transaction, listening, with a setting and a lock.
    link.script(
        4,
        "LISTEN there; SET work_mem = '1MB'; SELECT pg_advisory_lock(7); CREATE TEMP TABLE x ()",
    );
    link.finish(4);
    link.ask(5, "BEGIN");
    link.ask(6, "SELECT 1/0");
    link.finish(5);
    assert_eq!(now(link.finish(6)), Told::Finished(6, Transaction::Failed));
    assert!(!link.session.is_idle());
    link.session.clean(7, &mut link.out).unwrap();
    link.finish(7);
    assert_eq!(now(link.finish(7)), finished(7));
    assert!(link.session.is_idle());
    let left = "SELECT (SELECT count(*) FROM pg_listening_channels()),
                       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
                       (SELECT count(*) FROM pg_class WHERE relname = 'x'),
                       current_setting('work_mem')";
    assert_eq!(link.rows(left), [["0", "0", "0", "4MB"]]);

    // What fails only when it is committed fails after all of its statements were done.
    link.script(
        8,
        "CREATE TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
    );
    link.finish(8);
    link.send(
        9,
        &[
            plain("INSERT INTO once VALUES (1)"),
            plain("INSERT INTO once VALUES (1)"),
        ],
    )
    .unwrap();
    let told = link.finish(9);
    assert_eq!(
        (&told[..2], &told[3]),
        (
            &[done(9, "INSERT 0 1"), done(9, "INSERT 0 1")][..],
            &finished(9)
        )
    );
    assert!(
        matches!(&told[2], Told::Failed(9, r) if r.meaning() == Meaning::Conflict),
        "{told:?}"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn somebody_says_something_to_those_who_listen() {
    let server = Postgres::start();
    let mut link = Link::ready(server.addr);
    link.ask(1, "LISTEN jobs");
    link.finish(1);
    server.psql("tables", "NOTIFY jobs, 'seven'");
    // Without a request under way, and before the answer to one.
    assert_eq!(
        link.wait(),
        Told::Notification("jobs".into(), "seven".into())
    );
    link.ask(2, "NOTIFY jobs");
    let told = link.finish(2);
    assert!(told.contains(&done(2, "NOTIFY")), "{told:?}");
    let heard = told.into_iter().chain(std::iter::once_with(|| link.wait()));
    assert!(
        heard
            .into_iter()
            .any(|told| told == Told::Notification("jobs".into(), String::new()))
    );
    link.ask(3, "DO $$ BEGIN RAISE NOTICE 'by the way'; END $$");
    let told = link.finish(3);
    assert!(
        matches!(&told[0], Told::Notice(report) if report.message == "by the way"),
        "{told:?}"
    );
    // The server tells when it becomes one that takes no writes.
    server.psql(
        "postgres",
        "ALTER SYSTEM SET default_transaction_read_only = on",
    );
    server.psql("postgres", "SELECT pg_reload_conf()");
    until("the server tells", || {
        link.ask(4, "SELECT 1");
        link.finish(4).contains(&Told::Changed).then_some(())
    });
    assert_eq!(link.session.parameters().read_only, Some(true));
    link.ask(5, "CREATE TABLE no ()");
    let told = link.finish(5);
    assert!(
        matches!(&told[0], Told::Failed(5, r) if r.meaning() == Meaning::ReadOnly),
        "{told:?}"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn statements_that_take_too_long_end() {
    let server = Postgres::start();
    let limits = [("statement_timeout", "100"), ("lock_timeout", "50")];
    let parameters = limits
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let mut link = Link::logged_in(
        server.addr,
        Login {
            parameters,
            ..login()
        },
    );
    let meaning = |told: &[Told]| match &told[0] {
        Told::Failed(_, report) => report.meaning(),
        told => panic!("{told:?}"),
    };
    link.ask(1, "SELECT pg_sleep(10)");
    link.ask(2, "SELECT 2");
    assert_eq!(meaning(&link.finish(1)), Meaning::TimedOut);
    assert_eq!(link.finish(2)[0], row(2, &["2"]));

    let mut holder = Link::ready(server.addr);
    holder.script(0, "CREATE TABLE t ()");
    holder.finish(0);
    holder.script(1, "BEGIN; LOCK TABLE t");
    holder.finish(1);
    link.ask(3, "SELECT * FROM t");
    assert_eq!(meaning(&link.finish(3)), Meaning::Again);

    // A statement that somebody cancels, by a connection of its own.
    let key = holder.session.cancel_key().unwrap();
    holder.ask(2, "SELECT pg_sleep(60)");
    let cancelling = std::thread::spawn(move || {
        until("it sleeps", || {
            let sleeps = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'";
            (server.psql("postgres", sleeps) == "1").then_some(())
        });
        std::thread::sleep(Duration::from_millis(10));
        let mut request = Vec::new();
        cancel(key, &mut request);
        let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
        std::io::Write::write_all(&mut stream, &request).unwrap();
        assert_eq!(std::io::Read::read(&mut stream, &mut [0]).unwrap(), 0);
        server
    });
    assert_eq!(meaning(&holder.finish(2)), Meaning::TimedOut);
    cancelling.join().unwrap();
}
