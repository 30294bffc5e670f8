//! `kill -9`, of the one and of the other, while clients are told that their texts are stored.
#![allow(clippy::print_stdout, reason = "figures for whoever runs it")]

use std::thread;
use std::time::Duration;

use crate::support::ledger::{Ledger, kills};
use crate::support::postgres::Postgres;
use crate::support::{House, Server, ms, until};
use crate::{config, wait_until_ready};

/// Whatever waited in the journal is with the database.
fn wait_until_replayed(server: &Server) {
    until("the journal is empty", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
}

fn report(ledger: &Ledger) {
    let (texts, spilled, refused) = (ledger.texts(), ledger.spilled(), ledger.refused());
    println!(
        "{texts} texts acknowledged, {spilled} of them by way of the journal, {refused} refused"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn kill_9_of_the_server_loses_nothing_and_doubles_nothing() {
    let (kills, mut random) = kills();
    let postgres = Postgres::start();
    let config = config(postgres.addr, "");
    let ledger = Ledger::default();
    let mut house = House::new();
    for _ in 0..kills {
        let server = Server::start_in(house, &config);
        wait_until_ready(&server);
        let moment = Duration::from_micros(random.u64(1_000..300_000));
        house = ledger.fill_while(server.addr, || {
            thread::sleep(moment);
            server.kill()
        });
    }
    let server = Server::start_in(house, &config);
    wait_until_ready(&server);
    wait_until_replayed(&server);
    ledger.compare(&postgres.stored());
    report(&ledger);
    assert!(ledger.texts() > kills, "the drill drilled nothing");
}

/// D2
#[test]
#[ignore = "needs postgresql"]
fn kill_9_of_the_database_loses_nothing_and_doubles_nothing() {
    let (kills, mut random) = kills();
    let mut postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let ledger = Ledger::default();
    ledger.fill_while(server.addr, || {
        for _ in 0..kills {
            thread::sleep(ms(random.u64(1..300)));
            postgres.kill();
            thread::sleep(ms(random.u64(0..1_500)));
            postgres.restart();
            wait_until_ready(&server);
        }
    });
    wait_until_replayed(&server);
    ledger.compare(&postgres.stored());
    report(&ledger);
    assert!(ledger.texts() > kills, "the drill drilled nothing");
    assert!(ledger.spilled() > 0, "it was never away for long enough");
}

/// Both, one after the other, and the database is away when the server comes back.
#[test]
#[ignore = "needs postgresql"]
fn kill_9_of_both_loses_nothing_and_doubles_nothing() {
    let (kills, mut random) = kills();
    let mut postgres = Postgres::start();
    let config = config(postgres.addr, "");
    let ledger = Ledger::default();
    let mut house = House::new();
    for _ in 0..kills.div_ceil(4) {
        let server = Server::start_in(house, &config);
        wait_until_ready(&server);
        house = ledger.fill_while(server.addr, || {
            thread::sleep(ms(random.u64(1..200)));
            postgres.kill();
            thread::sleep(ms(random.u64(1_000..2_500)));
            server.kill()
        });
        postgres.restart();
    }
    let server = Server::start_in(house, &config);
    wait_until_ready(&server);
    wait_until_replayed(&server);
    ledger.compare(&postgres.stored());
    report(&ledger);
    assert!(ledger.spilled() > 0, "it was never away for long enough");
}
