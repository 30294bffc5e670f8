//! The connection that listens to what other processes tell (PostgreSQL manual, "NOTIFY").
//!
//! ```text
//!            another connection is shared                LISTEN is answered
//!   Nobody ──────────────────────────────► a leased one ──────────────────► it hears
//!     ▲                                                                       │
//!     └─(a while)── lost, silent, refused, or a pooler is in between ─────────┘
//! ```
//! Nobody else sends on it, and it is beside the connections that are shared: a long answer is not before
//! what is told. While it is silent it is asked now and then whether it is there. Nothing depends on it:
//! what it would have told is found by looking, only later. A pooler that gives each transaction another
//! session takes LISTEN and tells nobody, so behind one there is no such connection. A server tells what was
//! told to itself, so it is at a server that orders are sent to, and is closed when they go elsewhere.
//!
//! What this file refuses to know: what the words mean, which is [`crate::store::postgres`]'s, and what
//! follows from them, which is `engine/jobs/`'s.

use uuid::Uuid;

use super::link::{LinkPhase, News};
use super::{Database, Turn};
use crate::engine::Engine;
use crate::engine::conn::Role;
use crate::engine::now::Mono;
use crate::engine::slots::ConnId;
use crate::limits::{DB_LISTEN_RETRY_MS, DB_RETRY_FULL_MS};
use crate::proto::postgres::{Answer, Report};
use crate::store::postgres::{LISTEN, job_told_of};

/// The token of its requests: no order has it, because no table has so many places.
pub(super) const TOKEN: u64 = u64::MAX - 1;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Listener {
    /// Whether there is anybody who wants to hear.
    pub(super) wanted: bool,
    /// The connection.
    pub(super) conn: Option<ConnId>,
    /// LISTEN was answered.
    hears: bool,
    /// … and so.
    refused: Option<Box<Report>>,
    /// That nobody listens was told.
    told: bool,
    /// One is being opened.
    pub(super) opening: bool,
    /// Not before this time is another connection opened.
    retry_at: Mono,
    pub(super) heard: Heard,
}

/// What was heard so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What other processes have told.
    pub others: u64,
    /// What this process has told itself.
    pub own: u64,
    /// What nobody understands.
    pub strange: u64,
}

impl Listener {
    /// Takes in a part of the answer to LISTEN, or to the question whether anybody is there.
    pub(super) fn note(&mut self, answer: Answer<'_>) -> News {
        match answer {
            Answer::Failed(report) => self.refused = Some(report),
            Answer::Finished(_) => return News::Listens,
            // There are no rows, and nothing is copied.
            Answer::Row(_)
            | Answer::Done(_)
            | Answer::CopyIn
            | Answer::CopyOut
            | Answer::Copied(_) => {}
        }
        News::Noted
    }

    /// Something was told, by this process of the server.
    pub(super) fn told(&mut self, channel: &str, payload: &str, process: u32) -> News {
        match job_told_of(channel, payload) {
            Some(job) => News::Told(job, process),
            None => {
                self.heard.strange += 1;
                News::Noted
            }
        }
    }
}

impl Database {
    /// Connections that are shared, or are to be.
    pub(super) fn sharing(&self) -> usize {
        self.dials + self.links.len() - usize::from(self.listener.conn.is_some())
    }

    /// Nobody listens, for this reason. That is told once.
    pub(super) fn is_deaf(&mut self, reason: String) {
        if !std::mem::replace(&mut self.listener.told, true) {
            self.turns.push(Turn::Deaf(reason));
        }
    }

    /// Whether a connection is to listen, and none does.
    pub(super) fn lacks_listener(&self) -> bool {
        self.listener.wanted && !self.pooled && self.listener.conn.is_none()
    }

    /// When a connection may be opened that is to listen. Those that are shared come first.
    pub(super) fn next_listener(&self) -> Option<Mono> {
        let is_well = self.migration.is_done() && self.sharing() > 0;
        let is_opening = self.listener.opening || self.dials > 0;
        let has_place = !is_opening && self.sharing() <= self.connections;
        (is_well && has_place && self.lacks_listener())
            .then(|| self.backoff.until().max(self.further.until()))
            .map(|at| at.max(self.listener.retry_at))
    }
}

impl Engine {
    /// Whether it would be heard if another process had something to do for this one.
    pub(in crate::engine) fn hears_others(&self) -> bool {
        let database = self.database.as_ref();
        database.is_some_and(|database| database.listener.hears)
    }

    /// What was heard so far, where there is a database.
    #[must_use]
    pub fn heard(&self) -> Option<Heard> {
        Some(self.database.as_ref()?.listener.heard)
    }

    /// Uses a connection that was let in, with the tables as they should be.
    pub(super) fn use_link(&mut self, id: ConnId) {
        let host = self.link(id).map(|link| link.host);
        let others = self.shared_hosts().any(|shared| Some(shared) == host);
        let lacks = |database: &Database| database.lacks_listener();
        if others && self.database.as_deref().is_some_and(lacks) {
            self.listen_on(id);
        } else {
            self.share_link(id);
        }
    }

    fn listen_on(&mut self, id: ConnId) {
        let Some(database) = &mut self.database else {
            return;
        };
        database.listener.conn = Some(id);
        database.listener.refused = None;
        self.enter_phase(id, LinkPhase::Listening);
        self.send_script(id, TOKEN, LISTEN);
    }

    /// The server has answered: from now on it is heard what others tell.
    pub(super) fn listens(&mut self, id: ConnId) {
        let Some(database) = &mut self.database else {
            return;
        };
        if let Some(report) = database.listener.refused.take() {
            let reason = format!("it does not take LISTEN: {report}");
            database.is_deaf(reason.clone());
            return self.link_failed(id, reason, DB_RETRY_FULL_MS);
        }
        database.listener.told = false;
        let is_new = !std::mem::replace(&mut database.listener.hears, true);
        self.watch_link(id);
        if is_new {
            // Whatever was told before was not heard.
            self.look_for_items(0);
        }
    }

    /// Something about a job has changed.
    pub(super) fn told_of_job(&mut self, job: Uuid, process: u32) {
        let links = self.database.iter().flat_map(|database| &database.links);
        let mut links = links.copied();
        let by_us = links.any(|id| self.process_of(id) == Some(process));
        if let Some(database) = &mut self.database {
            let heard = &mut database.listener.heard;
            heard.others += u64::from(!by_us);
            heard.own += u64::from(by_us);
        }
        if !by_us {
            self.job_changed_elsewhere(job);
        }
    }

    /// Which process of the server serves a connection.
    fn process_of(&self, id: ConnId) -> Option<u32> {
        match &self.conns.get(id)?.role {
            Role::Database(link) => link.session.as_ref()?.process(),
            _ => None,
        }
    }

    /// It has been silent for a while: is anybody there?
    pub(super) fn ping_listener(&mut self, id: ConnId) {
        self.say_leased(id, 0, |session, pen| session.send(TOKEN, &[], pen));
    }

    /// Closes it if no order is sent to the server that it is at.
    pub(super) fn listen_where_others_are(&mut self) {
        let listener = self.database.as_ref().and_then(|d| d.listener.conn);
        let host = listener.and_then(|id| self.link(id)).map(|link| link.host);
        if host.is_some_and(|host| !self.shared_hosts().any(|shared| shared == host)) {
            self.stop_listening();
        }
    }

    /// Closes it: a pooler is in between, or the server that it is at is not the one that is used.
    pub(super) fn stop_listening(&mut self) {
        let listener = self.database.as_ref().and_then(|d| d.listener.conn);
        if let Some(id) = listener {
            self.drop_link(id);
        }
    }

    /// A connection is gone. If it was the one that listens, it is looked for what was not heard.
    pub(super) fn strike_listener(&mut self, id: ConnId) {
        let retry_at = self.now.mono.plus_ms(DB_LISTEN_RETRY_MS);
        let Some(database) = &mut self.database else {
            return;
        };
        database.listener.opening = false;
        if database.listener.conn == Some(id) {
            database.listener.conn = None;
            database.listener.hears = false;
            database.listener.retry_at = retry_at;
            self.look_as_before();
        }
    }
}
