//! Behind a PgBouncer that gives each transaction another session.

use maitred::proto::postgres::{Login, Meaning, Scalar, Type, Value};

use crate::link::{Link, Told, kept, login};
use crate::support::postgres::{PgBouncer, Postgres};

const NUMBER: &[Type] = &[Type::One(Scalar::Int8)];

fn pooled() -> Login {
    let parameters = vec![("statement_timeout".into(), "5000".into())];
    Login {
        pooled: true,
        parameters,
        ..login()
    }
}

#[test]
#[ignore = "needs pgbouncer"]
fn requests_find_no_statement_of_others_and_none_missing() {
    let server = Postgres::start();
    let bouncer = PgBouncer::start(&server, 2);
    let mut links: Vec<Link> = (0..5)
        .map(|_| Link::logged_in(bouncer.addr, pooled()))
        .collect();
    for round in 0..20 {
        for (n, link) in (0..).zip(&mut links) {
            // Pipelined, and with a failure in between.
            link.send(round, &[kept("SELECT $1 * 2", NUMBER, &[Value::Int8(n)])])
                .unwrap();
            link.ask(1000, "SELECT 1/0");
            link.send(
                round + 1,
                &[kept("SELECT $1 * 3", NUMBER, &[Value::Int8(n)])],
            )
            .unwrap();
        }
        for (n, link) in (0..).zip(&mut links) {
            assert_eq!(
                link.finish(round)[0],
                Told::Row(round, vec![(n * 2).to_string()])
            );
            assert!(matches!(&link.finish(1000)[0], Told::Failed(1000, _)));
            assert_eq!(
                link.finish(round + 1)[0],
                Told::Row(round + 1, vec![(n * 3).to_string()])
            );
        }
    }
    // What a replica does first: one at a time, for the length of a transaction.
    links[0].ask(1, "SELECT pg_advisory_xact_lock(7)");
    links[0].finish(1);
    assert_eq!(
        server.psql(
            "postgres",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        ),
        "0"
    );
}

#[test]
#[ignore = "needs pgbouncer"]
fn a_pooler_is_found_out_by_what_it_refuses() {
    let server = Postgres::start();
    let bouncer = PgBouncer::start(&server, 1);
    let unaware = Login {
        pooled: false,
        ..pooled()
    };
    let Told::Goodbye(report) = Link::open(bouncer.addr, unaware, None).wait() else {
        panic!("PgBouncer takes what it does not know");
    };
    assert_eq!(report.meaning(), Meaning::Pooler);

    // One that ignores it is found out by the statements that are not there.
    let unaware = || Login {
        pooled: false,
        parameters: vec![],
        ..login()
    };
    let mut first = Link::logged_in(bouncer.addr, unaware());
    let mut second = Link::logged_in(bouncer.addr, unaware());
    first
        .send(1, &[kept("SELECT $1 + 1", NUMBER, &[Value::Int8(1)])])
        .unwrap();
    assert_eq!(first.finish(1)[0], Told::Row(1, vec!["2".into()]));
    second
        .send(1, &[kept("SELECT $1 + 2", NUMBER, &[Value::Int8(1)])])
        .unwrap();
    let told = second.finish(1);
    assert!(
        matches!(&told[0], Told::Failed(1, r) if r.meaning() == Meaning::Forgotten),
        "{told:?}"
    );
}
