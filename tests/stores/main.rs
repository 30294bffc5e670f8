//! One store, two engines: whatever is told here is told to SQLite and to PostgreSQL, in the same words,
//! and both have to answer the same.
//!
//! ```text
//!  a story ─► Write, Query ─┬─► sqlite::Writer, Reader ───────► a file
//!                           └─► postgres::Request ─► Session ─► a server of the test's own
//! ```
//! `stories/` says what each of them has to answer; `chance.rs` invents writes and questions, and
//! compares the two. What differs, and is meant to, is in `differences.rs`. `tables.rs` is about their
//! tables: made, brought up to date, refused.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures and seeds for whoever runs it")]

mod at_once;
mod chance;
mod differences;
mod engines;
mod reports;
mod rows;
mod stories;
mod tables;

#[path = "../support/mod.rs"]
mod support;

use engines::{File, Server, Store};
use stories::STORIES;
use support::postgres::Postgres;

#[test]
fn every_story_on_sqlite() {
    for (name, story) in STORIES {
        println!("{name}");
        story(&mut File::new());
    }
}

#[test]
#[ignore = "needs postgresql"]
fn every_story_on_postgresql() {
    let postgres = Postgres::start();
    for (name, story) in STORIES {
        println!("{name}");
        story(&mut Server::new(&postgres, name));
    }
}
