//! The bytes of the database come one by one, or not to the end.

use crate::support::ledger::{Ledger, kills};
use crate::support::postgres::Postgres;
use crate::support::proxy::{End, Harm, Proxy};
use crate::support::{Server, generate, get, until};
use crate::{config, wait_until_ready};

/// D7
#[test]
#[ignore = "needs postgresql"]
fn byte_by_byte() {
    let postgres = Postgres::start();
    let proxy = Proxy::start(postgres.addr, |_| Harm::slices(1));
    let server = Server::start(&config(proxy.addr, ""));
    wait_until_ready(&server);
    let answer = server.ask(generate("green tea", false)).json();
    assert_eq!(answer["stored"], true);
    let path = format!("/contents/{}", answer["id"].as_str().unwrap());
    assert_eq!(
        server.ask(get(&path)).json()["text"],
        answer["generated_text"]
    );
}

/// D5, D6: the connection is reset at any byte, in the middle of a result as well as between a COMMIT
/// and the word that it is done. A text is stored once, and a page is whole or not there at all.
#[test]
#[ignore = "needs postgresql"]
fn reset_at_any_byte() {
    let (cuts, mut random) = kills();
    let postgres = Postgres::start();
    let numbers: Vec<usize> = (0..64).map(|_| random.usize(3_000..12_000)).collect();
    let proxy = Proxy::start(postgres.addr, move |connection| {
        Harm::after(numbers[connection % numbers.len()], End::Reset)
    });
    let server = Server::start(&config(proxy.addr, ""));
    wait_until_ready(&server);
    let ledger = Ledger::default();
    let lost = || server.metric("maitred_database_events_total{event=\"lost\"}");
    ledger.fill_while(server.addr, || {
        until("enough connections were cut", || {
            let page = server.ask(get("/contents?limit=20"));
            let whole = page.status == 200 && page.json()["contents"].is_array();
            assert!(whole || page.status == 503, "{}", page.status);
            (lost() >= cuts as f64).then_some(())
        });
    });
    until("no row waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    ledger.compare(&postgres.stored());
    assert!(ledger.texts() > cuts, "{} texts", ledger.texts());
}
