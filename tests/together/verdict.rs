//! Whether what the guests were told is what is there, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::book::Book;
use crate::support::client::{Client, last};
use crate::support::postgres::{DATABASE, Postgres};
use crate::support::until;

/// In no stretch of time were there more requests let in than its windows allow, and not in all of it.
///
/// A window begins with a request, and the next one not before it has ended. So a stretch meets as many
/// as it is long, and one more at either of its ends; all of it begins with one.
pub(crate) fn of_limits(book: &Book, limit: usize, window: Duration) {
    let pages = book.look();
    let mut visits = pages.let_in.clone();
    visits.sort_by_key(|(_, answered)| *answered);
    let first = visits.iter().map(|(sent, _)| *sent).min().unwrap();
    for (from, _) in &visits {
        let inside = visits.iter().filter(|(sent, _)| sent >= from);
        for (others, (_, answered)) in inside.enumerate() {
            let length = (*answered - *from).as_millis() / window.as_millis();
            let windows = length as usize + if *from == first { 1 } else { 2 };
            let let_in = others + 1;
            assert!(
                let_in <= limit * windows,
                "{let_in} let in within {length} windows"
            );
        }
    }
    drop(pages);
    assert_ne!(book.times(429), 0, "the limit was never reached: {book}");
}

/// Every text that was acknowledged is there, as it was told; none is there twice, and none without a
/// request or an item that asked for it.
pub(crate) fn of_rows(book: &Book, postgres: &Postgres) {
    let stored: BTreeMap<String, String> = postgres.stored().into_iter().collect();
    for (id, text) in &book.look().texts {
        assert_eq!(stored.get(id), Some(text), "{id} was acknowledged");
    }
    let orphans = "SELECT tenant, id FROM generated_content
        EXCEPT SELECT tenant, generation_id FROM requests
        EXCEPT SELECT tenant, row_id FROM job_items";
    assert_eq!(postgres.psql(DATABASE, orphans), "");
    let claimed = "SELECT key FROM idempotency_keys WHERE status IS NULL";
    assert_eq!(postgres.psql(DATABASE, claimed), "", "keys of nobody");
}

/// Every job comes to its end, each of its items once, also those of jobs whose maker was cut off
/// before he was told of it.
pub(crate) fn of_jobs(book: &Book, postgres: &Postgres) {
    let count = "SELECT count(*) FROM job_items WHERE state NOT IN ('done', 'failed')";
    let open = || -> u64 { postgres.psql(DATABASE, count).parse().unwrap() };
    loop {
        let before = open();
        if before == 0 {
            break;
        }
        until("one more item is done", || (open() < before).then_some(()));
    }
    let missing = "SELECT job, position FROM job_items AS i WHERE state <> 'done' OR NOT EXISTS (
        SELECT 1 FROM generated_content AS g WHERE g.tenant = i.tenant AND g.id = i.row_id)";
    assert_eq!(postgres.psql(DATABASE, missing), "", "items without a text");
    let items = "SELECT json_build_array(job, json_agg(input ORDER BY position))
        FROM job_items GROUP BY job";
    let items = postgres.psql(DATABASE, items);
    let row = |line: &str| serde_json::from_str::<(String, Vec<String>)>(line).unwrap();
    let there: BTreeMap<String, Vec<String>> = items.lines().map(row).collect();
    for (job, topics) in &book.look().jobs {
        assert_eq!(there.get(job), Some(topics), "{job} was acknowledged");
    }
}

/// Each key that was answered is answered once more by this server, in the same words. The addresses that
/// it is asked from are not those of the guests, so that nothing of it is counted with theirs.
pub(crate) fn of_keys(book: &Book, server: SocketAddr) {
    let keys = book.look().keys.clone();
    for (nth, (key, (request, body))) in keys.iter().enumerate() {
        let from = [127, 0, 1 + (nth / 200 % 200) as u8, 1 + (nth % 200) as u8];
        let response = until(&format!("{key} is answered"), || {
            let mut client = Client::connect_from(from, server);
            let response = client.send(last(request)).response();
            match response.status {
                200 => Some(response),
                // The store may be behind, or this address has asked often enough.
                409 | 429 | 503 => None,
                _ => panic!("{key}: {response:?}"),
            }
        });
        assert_eq!(&response.body, body, "{key} at {server}");
        assert_eq!(response.field("idempotent-replayed"), Some("true"));
    }
}
