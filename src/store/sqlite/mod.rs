//! The store on SQLite: a [`Writer`] and a [`Reader`] of one file.
//!
//! Both block while the disk works or while another process holds a lock, so each lives on a
//! thread of its own and never on the loop. This module knows neither the threads nor the loop.
//!
//! ```text
//!  Writer::apply(batch)     BEGIN IMMEDIATE
//!                             item 1, item 2, item 3               all ok
//!                           COMMIT ── one fsync for all of them ── now the results are true
//!
//!  if one of them failed:   ROLLBACK
//!                           BEGIN IMMEDIATE
//!                             SAVEPOINT, item 1, RELEASE           ok
//!                             SAVEPOINT, item 2, ROLLBACK TO       its own error
//!                             SAVEPOINT, item 3, RELEASE           ok
//!                           COMMIT
//! ```
//!
//! The file is in WAL mode: readers see the last commit while the writer works, and neither waits
//! for the other. With `synchronous = FULL` and `fullfsync` a commit is on the disk when it
//! returns, also after a loss of power.

mod cached;
mod count;
mod deliveries;
mod errors;
mod expire;
mod idempotency;
mod jobs;
mod migrations;
mod open;
mod reader;
mod scores;
mod search;
mod writer;
mod writer_sql;

#[cfg(test)]
mod tests;

pub use reader::Reader;
pub use writer::Writer;
