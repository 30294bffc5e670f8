//! The whole server with a real PostgreSQL behind it, from the packages of the system.
#![allow(clippy::unwrap_used)]

mod away;
mod keys;
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

/// The server says that it is ready, and not only that it keeps rows for a database that is away.
fn wait_until_ready(server: &support::Server) {
    support::until("it is ready", || {
        (server.ask(support::get("/readyz")).text() == "ready\n").then_some(())
    });
}
