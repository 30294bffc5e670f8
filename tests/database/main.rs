//! The whole server with a real PostgreSQL behind it, from the packages of the system.
#![allow(clippy::unwrap_used)]

mod away;
mod keys;
mod kills;
mod large;
mod nearby;
mod operations;
mod serves;
mod torn;

#[path = "../support/mod.rs"]
mod support;

use support::postgres::{DATABASE, PASSWORD, Postgres, USER};

/// A configuration whose rows are kept by this server.
fn config(addr: std::net::SocketAddr, further: &str) -> String {
    let password = percent(PASSWORD);
    let url = format!("postgres://{USER}:{password}@{addr}/{DATABASE}?sslmode=disable");
    format!("{further}[offline]\ngap_ms = 1\ntokens = 40\n[database]\nurl = '{url}'\n")
}

/// With every byte escaped.
fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// How many texts the server has.
fn texts(postgres: &Postgres) -> usize {
    let count = postgres.psql(DATABASE, "SELECT count(*) FROM generated_content");
    count.parse().unwrap()
}

/// Every text that the server has, by id.
///
/// # Panics
/// One topic has several texts: each was asked for once, so one of them was stored twice.
fn stored(postgres: &Postgres) -> Vec<(String, String)> {
    let twice = "SELECT search_term_id FROM generated_content GROUP BY 1 HAVING count(*) > 1";
    assert_eq!(postgres.psql(DATABASE, twice), "", "stored twice");
    let rows = "SELECT json_build_array(id, text) FROM generated_content";
    let rows = postgres.psql(DATABASE, rows);
    let row = |line: &str| serde_json::from_str(line).unwrap();
    rows.lines().map(row).collect()
}

/// The server says that it is ready, and not only that it keeps rows for a database that is away.
fn wait_until_ready(server: &support::Server) {
    support::until("it is ready", || {
        (server.ask(support::get("/readyz")).text() == "ready\n").then_some(())
    });
}
