//! The whole server with a real PostgreSQL behind it, from the packages of the system.
#![allow(clippy::unwrap_used)]

mod again;
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

use support::postgres::{self, DATABASE, Postgres};

/// A configuration whose rows are kept by this server.
fn config(addr: std::net::SocketAddr, further: &str) -> String {
    let url = postgres::url(addr);
    format!("{further}[offline]\ngap_ms = 1\ntokens = 40\n[database]\nurl = '{url}'\n")
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
