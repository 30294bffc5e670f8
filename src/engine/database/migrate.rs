//! The tables, before anything else is sent: one connection is leased for them.
//!
//! ```text
//!  Unknown ─(somebody is let in)─► Running ─(all steps)─► Done
//!     ▲                              │ refused, or lost: the connection is closed, and with it the
//!     └──────────────────────────────┘ transaction
//! ```
//! What to send in which order is [`crate::store::postgres::migrations`]'s, as is the lock that keeps
//! other processes from doing the same at the same time. Tables that are newer than this program, or
//! another program's, are left as they are, and looked at again later.

use super::link::{LinkPhase, News};
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role};
use crate::engine::slots::ConnId;
use crate::limits::DB_RETRY_FULL_MS;
use crate::proto::postgres::{Answer, Refused, Report, Session};
use crate::store::StoreError;
use crate::store::postgres::migrations::Migrator;
use crate::store::postgres::{NAME, store_error};

/// The token of its requests: no order has it, because no table has so many places.
pub(super) const TOKEN: u64 = u64::MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) enum Migration {
    #[default]
    Unknown,
    Running {
        migrator: Box<Migrator>,
        refused: Option<Box<Report>>,
    },
    Done,
}

impl Migration {
    /// Whether the tables are as they should be.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Migration::Done)
    }

    /// A part of the answer to a step.
    pub(super) fn note(&mut self, answer: Answer<'_>) -> News {
        if let Migration::Running { migrator, refused } = self {
            match answer {
                Answer::Row(row) => migrator.row(&row),
                Answer::Failed(report) => *refused = Some(report),
                Answer::Finished(_) => return News::Stepped,
                // No step copies.
                Answer::Done(_) | Answer::CopyIn | Answer::CopyOut | Answer::Copied(_) => {}
            }
        }
        News::Noted
    }

    /// What to send next; `None` when all is done.
    fn script(&mut self) -> Result<Option<String>, StoreError> {
        match self {
            Migration::Running {
                refused: Some(report),
                ..
            } => Err(in_the_way(report)),
            Migration::Running { migrator, .. } => migrator.script(),
            Migration::Unknown | Migration::Done => Ok(None),
        }
    }
}

/// What stands in the way of our tables. Whatever it is, no row was refused: rows wait in the journal
/// until a person has seen to it.
fn in_the_way(report: &Report) -> StoreError {
    match (report.code.bytes(), store_error(report)) {
        // A table, a column, an index or a function of this name is there, and not by us.
        (b"42P07" | b"42701" | b"42710" | b"42723", _) => StoreError::Foreign { path: NAME.into() },
        (_, StoreError::Failed { reason, .. }) => StoreError::Unreachable {
            reason: format!("our tables cannot be made, PostgreSQL says {reason}"),
        },
        (_, error) => error,
    }
}

impl Engine {
    /// Has the tables looked at on this connection.
    pub(super) fn begin_migration(&mut self, id: ConnId) {
        if let Some(link) = self.link(id) {
            link.phase = LinkPhase::Leased;
        }
        if let Some(database) = &mut self.database {
            database.migration = Migration::Running {
                migrator: Box::default(),
                refused: None,
            };
        }
        self.migration_stepped(id);
    }

    /// The answer to a step is whole, or none was sent yet.
    pub(super) fn migration_stepped(&mut self, id: ConnId) {
        let session = self.link(id).and_then(|link| link.session.as_ref());
        if session.is_some_and(|session| session.parameters().utf8 == Some(false)) {
            let reason = "its encoding has to be UTF8, and is another one: make it with CREATE DATABASE … \
                          ENCODING 'UTF8' TEMPLATE template0";
            let reason = reason.to_owned();
            return self.migration_failed(id, StoreError::Unreachable { reason });
        }
        let Some(database) = &mut self.database else {
            return;
        };
        match database.migration.script() {
            Ok(Some(script)) => self.send_script(id, TOKEN, &script),
            Ok(None) => {
                database.migration = Migration::Done;
                self.share_link(id);
                self.use_those_let_in();
            }
            Err(error) => self.migration_failed(id, error),
        }
    }

    /// Sends statements on a leased connection.
    pub(super) fn send_script(&mut self, id: ConnId, token: u64, script: &str) {
        self.say_leased(id, DB_RETRY_FULL_MS, |session, pen| {
            session.script(token, script, pen)
        });
    }

    /// Says something on a leased connection, and waits for the answer. If it cannot be said, the connection is
    /// given up, and the next one is made after `retry_ms`.
    pub(super) fn say_leased(
        &mut self,
        id: ConnId,
        retry_ms: u64,
        say: impl FnOnce(&mut Session, &mut Pen<'_>) -> Result<(), Refused>,
    ) {
        let Some(Conn {
            out,
            role: Role::Database(link),
            ..
        }) = self.conns.get_mut(id)
        else {
            return;
        };
        let Some(session) = &mut link.session else {
            return;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: out,
            secret: false,
        };
        match say(session, &mut pen) {
            Ok(()) => {
                self.watch_link(id);
                self.settle_conn(id);
                self.flush(id);
            }
            Err(refused) => self.link_failed(id, refused.to_string(), retry_ms),
        }
    }

    fn migration_failed(&mut self, id: ConnId, error: StoreError) {
        self.link_failed_with(id, error, DB_RETRY_FULL_MS);
    }
}
