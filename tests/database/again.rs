//! What is done again by itself: after a restart, after a conflict, at another server.
#![allow(clippy::print_stdout, reason = "figures for whoever runs it")]

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::ledger::{Ledger, meanwhile};
use crate::support::postgres::{DATABASE, Postgres};
use crate::support::{Server, generate, get, until};
use crate::{config, texts, wait_until_ready};

/// D3: `pg_ctl restart -m fast`, five times. Whoever can wait for as long as it takes notices nothing.
#[test]
#[ignore = "needs postgresql"]
fn restarted_under_load_it_costs_no_row_and_no_question() {
    let mut postgres = Postgres::start();
    let patient = config(postgres.addr, "") + "wait_ms = 15000\n";
    let server = Server::start(&patient);
    wait_until_ready(&server);
    let (ledger, read) = (Ledger::default(), AtomicUsize::new(0));
    let reader = || {
        assert_eq!(server.ask(get("/contents")).status, 200);
        read.fetch_add(1, Ordering::Relaxed);
    };
    ledger.fill_while(server.addr, || {
        meanwhile(vec![reader], || {
            for _ in 0..5 {
                let enough = (ledger.texts() + 10, read.load(Ordering::Relaxed) + 10);
                until("both are answered", || {
                    let so_far = (ledger.texts(), read.load(Ordering::Relaxed));
                    (so_far.0 >= enough.0 && so_far.1 >= enough.1).then_some(())
                });
                postgres.restart_fast();
            }
        });
    });
    assert_eq!((ledger.refused(), ledger.spilled()), (0, 0));
    ledger.compare(&postgres.stored());
    let [lost, repeated] = ["lost", "repeated"].map(|event| {
        server.metric(&format!(
            "maitred_database_events_total{{event=\"{event}\"}}"
        ))
    });
    let (texts, read) = (ledger.texts(), read.into_inner());
    println!("{texts} texts, {read} lists: {lost} connections lost, {repeated} orders repeated");
    assert!(lost >= 5.0, "{lost}");
    assert!(server.log().contains("57P01"), "{}", server.log());
}

/// D15: of three transactions the first is in the way of another one, the second in a deadlock.
#[test]
#[ignore = "needs postgresql"]
fn a_conflict_is_tried_three_times_and_then_told() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, "durable = 'strict'\n"));
    wait_until_ready(&server);
    // A sequence counts on although its transaction is undone.
    let fail = |when: &str| {
        let body = format!(
            "BEGIN
                IF nextval('tries') % 3 = 1 THEN RAISE 'once' USING ERRCODE = '40001'; END IF;
                IF {when} THEN RAISE 'twice' USING ERRCODE = '40P01'; END IF;
                RETURN NEW;
             END"
        );
        let function = "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS";
        postgres.psql(DATABASE, &format!("{function} $${body}$$"));
    };
    postgres.psql(DATABASE, "CREATE SEQUENCE tries");
    fail("currval('tries') % 3 = 2");
    let each = "CREATE TRIGGER fail BEFORE INSERT ON generated_content
                FOR EACH ROW EXECUTE FUNCTION fail()";
    postgres.psql(DATABASE, each);
    for topic in ["tea", "coffee", "cocoa"] {
        let answer = server.ask(generate(topic, false)).json();
        assert_eq!(answer["stored"], true, "{answer}");
    }
    let tries = || postgres.psql(DATABASE, "SELECT last_value FROM tries");
    assert_eq!((tries(), texts(&postgres)), ("9".to_owned(), 3));

    fail("true");
    let refused = server.ask(generate("milk", false));
    assert_eq!((refused.status, &*refused.problem()), (503, "store_busy"));
    assert!(refused.field("retry-after").is_some());
    assert_eq!((tries(), texts(&postgres)), ("12".to_owned(), 3));
    let repeated = server.metric("maitred_database_events_total{event=\"repeated\"}");
    assert_eq!(repeated, 8.0, "twice for each text");
}

/// Of two servers one takes writes, and then the other one does.
#[test]
#[ignore = "needs postgresql"]
fn rows_go_to_whichever_server_takes_them() {
    let (first, second) = (Postgres::start(), Postgres::start());
    first.set_read_only(true);
    let both = format!("{},{}", first.addr, second.addr);
    let wanted = "sslmode=disable&target_session_attrs=read-write";
    let config = config(first.addr, "")
        .replace(&first.addr.to_string(), &both)
        .replace("sslmode=disable", wanted);
    let server = Server::start(&config);
    wait_until_ready(&server);
    let mut told = 0;
    let mut write = || {
        told += 1;
        let answer = server.ask(generate(&format!("tea {told}"), false)).json();
        assert_eq!(answer["stored"], true, "{answer}");
        told
    };
    write();
    assert_eq!(texts(&second), 1);

    second.set_read_only(true);
    first.set_read_only(false);
    let has_tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'generated_content'";
    let told = until("rows come to the first one", || {
        let told = write();
        let there = first.psql(DATABASE, has_tables) == "1" && texts(&first) > 0;
        there.then_some(told)
    });
    until("no row waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    assert_eq!(
        texts(&first) + texts(&second),
        told,
        "each is at one of them"
    );
    assert_eq!(server.ask(get("/contents")).status, 200);
}
