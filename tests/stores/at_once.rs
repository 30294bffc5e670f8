//! Two replicas change the same rows at the same moment: PostgreSQL only, a file has one writer.
//!
//! ```text
//!  first   BEGIN ─► its change ──────────────────────────► COMMIT
//!  second             its change ─► waits, or is done ─────────────► over
//! ```

use maitred::store::postgres::Request;
use maitred::store::{KeyChange, Table, Write, Written};

use crate::engines::{Server, Store};
use crate::rows::{
    analysis, answered, delete, id, keywords, request, save, save_analysis, save_request, scope,
    scores, text, told_chat,
};
use crate::support::postgres::Postgres;
use crate::support::until;

/// Of all rows here; that of [`keywords`].
const TERM: &str = "a text";

fn expire(table: Table) -> Write {
    Write::Expire {
        table,
        before: id(10),
        limit: 1,
    }
}

/// Carries out both, the second while the first is not committed.
fn at_once(postgres: &Postgres, database: &str, changes: [&Write; 2]) {
    let [mut first, mut second] = [0, 1].map(|_| Server::open(postgres, database));
    first.link.rows("BEGIN");
    first.write(changes[0]).unwrap();
    let pid = &second.link.rows("SELECT pg_backend_pid()")[0][0];
    let request = Request::of_write(changes[1]);
    second.link.begin(&request);
    second.link.flush();
    let state = format!(
        "SELECT wait_event_type = 'Lock' OR state = 'idle' FROM pg_stat_activity
         WHERE pid = {pid} AND query NOT LIKE '%pg_backend_pid%'"
    );
    until("the second waits, or is done", || {
        (postgres.psql(database, &state) == "t").then_some(())
    });
    first.link.rows("COMMIT");
    second.link.end(&request).unwrap();
}

#[test]
#[ignore = "needs postgresql"]
fn a_term_goes_with_the_last_two_of_its_rows() {
    let postgres = Postgres::start();
    let removals = [
        (delete("local", 1), delete("local", 2)),
        (expire(Table::Texts), expire(Table::Texts)),
        (expire(Table::Texts), delete("local", 2)),
        (delete("local", 1), expire(Table::Texts)),
        (expire(Table::Analyses), delete("local", 1)),
        (delete("local", 1), expire(Table::Keywords)),
    ];
    for (number, (first, second)) in removals.iter().enumerate() {
        let database = format!("pair_{number}");
        let mut server = Server::new(&postgres, &database);
        let store: &mut dyn Store = &mut server;
        let of = |table| {
            [first, second]
                .iter()
                .any(|write| matches!(write, Write::Expire { table: t, .. } if *t == table))
        };
        store.put(save(scored(1)));
        match (of(Table::Analyses), of(Table::Keywords)) {
            (true, _) => store.put(save_analysis(analysis(2, TERM))),
            (_, true) => store.put(keywords(2, &["tea"])),
            _ => store.put(save(scored(2))),
        };
        at_once(&postgres, &database, [first, second]);
        let left = "search_terms, generated_content, sentiment_analysis, generated_keywords";
        for table in left.split(", ") {
            assert_eq!(store.count(table), 0, "{table} after {first:?}, {second:?}");
        }
    }
}

#[test]
#[ignore = "needs postgresql"]
fn a_text_that_is_being_stored_keeps_its_term() {
    let postgres = Postgres::start();
    let mut server = Server::new(&postgres, "kept");
    let store: &mut dyn Store = &mut server;
    store.put(save(scored(1)));
    at_once(&postgres, "kept", [&save(scored(2)), &delete("local", 1)]);
    assert_eq!(store.one("local", id(2)).unwrap().term, TERM);
    assert_eq!(store.put(delete("local", 2)), Written::Deleted(true));
    assert_eq!(store.count("search_terms"), 0);
}

/// What is deleted is told under no key, whichever of the two is first.
#[test]
#[ignore = "needs postgresql"]
fn an_answer_under_a_key_and_the_deletion_of_its_text_know_of_each_other() {
    let postgres = Postgres::start();
    let hit = || answered(save_request(request(9)), "a", 1);
    for (number, stored) in [save(scored(1)), told_chat(1, 1, "{}")].iter().enumerate() {
        for is_first in [true, false] {
            let database = format!("keys_{number}_{is_first}");
            let mut server = Server::new(&postgres, &database);
            let store: &mut dyn Store = &mut server;
            store.write(stored).unwrap();
            let claim = KeyChange::Claim {
                scope: scope("a"),
                fingerprint: [1; 32],
                owner: id(1),
                now_ms: 0,
            };
            store.put(Write::Keys(Box::new(claim)));
            let (hit, gone) = (hit(), delete("local", 1));
            let changes = if is_first {
                [&hit, &gone]
            } else {
                [&gone, &hit]
            };
            at_once(&postgres, &database, changes);
            assert_eq!(store.count("requests"), 1);
            for table in ["generated_content", "answer_cache", "idempotency_keys"] {
                assert_eq!(store.count(table), 0, "{table}, {database}");
            }
        }
    }
}

fn scored(number: u128) -> maitred::store::TextRow {
    maitred::store::TextRow {
        scores: Some(scores(0.5)),
        ..text("local", number, TERM)
    }
}
