//! Which connections there are: opened when they are of use, let in, lost.
//!
//! ```text
//!  host 1 ─► host 2 ─► … ─► none of them will do ─(a wait)─► host 1
//!     └─(stands, is of the wanted kind, has our tables)─► shared
//! ```
//! While none can be had, one attempt is made at a time: a server that starts, or has no place left,
//! is not stormed. With one, further ones are opened as soon as each has something to do. That no further one
//! can be had is no trouble of the database: those that there are go on, and it is tried again, at the same
//! server and one at a time as well.

use super::link::LinkPhase;
use super::migrate::Migration;
use super::{Database, Trouble, Turn};
use crate::engine::conn::Wait;
use crate::engine::dial::why_no_dial;
use crate::engine::io::How;
use crate::engine::slots::{ConnId, Key, OrderId};
use crate::engine::timers::Owner;
use crate::engine::{Engine, Failure, Mono};
use crate::limits::DB_RETRY_FULL_MS;
use crate::proto::postgres::{Meaning, Outcome, Report, Target};
use crate::store::StoreError;

/// One that is lost sooner than this was no good.
const TOO_SOON_MS: u64 = 1_000;

impl Engine {
    /// Sees to it that there is a first look at the database.
    pub(in crate::engine) fn begin_database(&mut self) {
        if let Some(database) = &mut self.database {
            database.listener.wanted = self.config.jobs.parallel > 0;
            self.timers
                .set(Owner::Database, &mut database.timer, Mono(0));
        }
    }

    /// Somebody has waited long enough, or the next attempt is due.
    pub(in crate::engine) fn database_due(&mut self) {
        self.expire_orders();
        self.serve_line();
    }

    /// Opens the connections that are of use, and sets the timer for what comes next.
    pub(super) fn mind_the_pool(&mut self) {
        while self.wants_link() {
            self.open_link();
        }
        self.arm_database();
    }

    fn wants_link(&mut self) -> bool {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return false;
        };
        // There is no use in a wish that cannot come true.
        database.wants_more &= database.sharing() < database.connections;
        database.next_attempt().is_some_and(|at| at <= now)
    }

    fn arm_database(&mut self) {
        let Some(database) = &mut self.database else {
            return;
        };
        let (next, late) = (database.next_attempt(), database.line_due());
        match next.into_iter().chain(late).min() {
            Some(at) => self.timers.set(Owner::Database, &mut database.timer, at),
            None => database.timer.clear(),
        }
    }

    fn open_link(&mut self) {
        let Some(database) = &mut self.database else {
            return;
        };
        // Whatever it is opened for, the first one that is let in will listen if nobody does.
        database.listener.opening = true;
        database.wants_more = false;
        database.dials += 1;
        let index = database.first_name + database.host;
        if let Err(failure) = self.dial(index) {
            self.no_dial(&failure);
        }
    }

    /// An attempt to connect is over, without a connection.
    pub(in crate::engine) fn no_dial(&mut self, failure: &Failure) {
        if let Some(database) = &mut self.database {
            database.dials -= 1;
        }
        let reason = why_no_dial(failure).to_owned();
        self.no_link(StoreError::Unreachable { reason }, 0);
        self.arm_database();
    }

    /// A server does not let us in. Another one is tried at once; after the last of them comes a
    /// wait, of `least_ms` at least.
    fn no_link(&mut self, error: StoreError, least_ms: u64) {
        let shared = self.shared_hosts().next();
        if let Some(host) = shared {
            return self.no_further_link(host, error, least_ms);
        }
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        database.counts.refused += 1;
        database.listener.opening = false;
        database.is_away(now, error);
        database.next_host();
        if database.tried < database.settings.hosts.len() {
            return;
        }
        database.tried = 0;
        if database.settings.target == Target::PreferStandby && !database.any_will_do {
            database.any_will_do = true;
            return;
        }
        database.backoff.failed(now, least_ms, &mut self.random);
    }

    /// The server that is used lets no further connection in.
    fn no_further_link(&mut self, host: u16, error: StoreError, least_ms: u64) {
        let now = self.now.mono;
        let Some(database) = &mut self.database else {
            return;
        };
        database.counts.refused += 1;
        database.listener.opening = false;
        database.further.failed(now, least_ms, &mut self.random);
        database.host = host;
        database.tried = 0;
        let was_tight = std::mem::replace(&mut database.is_tight, true);
        let reason = match error {
            StoreError::Unreachable { reason } => reason,
            other => other.to_string(),
        };
        if database.lacks_listener() {
            database.is_deaf(reason);
        } else if !was_tight {
            database.turns.push(Turn::Tight(reason));
        }
    }

    /// We are let in.
    pub(super) fn link_ready(&mut self, id: ConnId) {
        if !self.suits(id) {
            return self.link_failed(id, "it is not a server of the wanted kind".into(), 0);
        }
        if let Some(database) = &mut self.database {
            database.listener.opening = false;
        }
        // Who has to wait until somebody else has made the tables has no deadline of its own.
        self.set_wait(id, Wait::Database, Mono::NEVER);
        self.use_those_let_in();
    }

    /// Connections that were let in are shared once the tables are there; one of them sees to that.
    pub(super) fn use_those_let_in(&mut self) {
        let Some(database) = &self.database else {
            return;
        };
        for id in database.links.clone() {
            let Some(link) = self.link(id) else {
                continue;
            };
            let is_in = link
                .session
                .as_ref()
                .is_some_and(|session| session.is_ready());
            if link.phase != LinkPhase::Entering || !is_in {
                continue;
            }
            match self.database.as_ref().map(|database| &database.migration) {
                Some(Migration::Done) => self.use_link(id),
                Some(Migration::Unknown) => self.begin_migration(id),
                Some(Migration::Running { .. }) | None => {}
            }
        }
    }

    /// Orders can be sent on it.
    pub(super) fn share_link(&mut self, id: ConnId) {
        self.enter_phase(id, LinkPhase::Shared);
        self.store_trouble = None;
        self.counters_are_there();
        self.watch_link(id);
        self.listen_where_others_are();
    }

    /// A connection that was let in is used from now on.
    pub(super) fn enter_phase(&mut self, id: ConnId, phase: LinkPhase) {
        let others = self.has_shared_link();
        let Some(database) = &mut self.database else {
            return;
        };
        database.counts.opened += 1;
        database.backoff.succeeded();
        if others {
            database.further.succeeded();
            database.is_tight = false;
        }
        database.tried = 0;
        database.any_will_do = false;
        let was_away = database.trouble.take().is_some() || database.counts.opened == 1;
        let now = self.now.mono;
        let mut at = 0;
        if let Some(link) = self.link(id) {
            link.phase = phase;
            link.born = now;
            at = link.host;
        }
        if was_away && let Some(database) = &mut self.database {
            let host = &database.settings.hosts[usize::from(at)];
            let host = format!("{}:{}", host.name, host.port);
            database.turns.push(Turn::Reached { host });
        }
    }

    /// Whether the server is of the kind that is wanted, as far as it says so.
    fn suits(&mut self, id: ConnId) -> bool {
        let Some(database) = &self.database else {
            return false;
        };
        let target = database.settings.target;
        let any = database.any_will_do;
        let session = self.link(id).and_then(|link| link.session.as_ref());
        any || session.is_none_or(|session| session.parameters().suits(target) != Some(false))
    }

    /// What the server says about itself has changed: a standby was promoted, or the other way round.
    pub(super) fn server_changed(&mut self, id: ConnId) {
        if self.suits(id) {
            return;
        }
        match self.phase_of(id) {
            Some(LinkPhase::Shared) => {
                self.leave_link(id);
                self.close_if_left(id);
            }
            Some(LinkPhase::Listening) => self.stop_listening(),
            _ => {}
        }
    }

    /// The server ends the connection, and says why.
    pub(super) fn link_dismissed(&mut self, id: ConnId, report: &Report) {
        let least_ms = match report.meaning() {
            Meaning::Pooler => {
                if let Some(database) = &mut self.database
                    && !database.pooled
                {
                    database.pooled = true;
                    // The same server again, and at once: only we were wrong.
                    database.tried = 0;
                    return self.drop_link(id);
                }
                0
            }
            Meaning::Denied => DB_RETRY_FULL_MS,
            Meaning::Later if report.code.bytes().starts_with(b"53") => DB_RETRY_FULL_MS,
            _ => 0,
        };
        // Who is sent away in order has brought nobody down: that is no attempt of any order.
        self.forgive(id);
        self.link_failed(id, report.to_string(), least_ms);
    }

    /// The orders on a connection may be sent once more often.
    fn forgive(&mut self, id: ConnId) {
        if let Some(database) = &mut self.database {
            for order in database.orders.ids() {
                let order = database.orders.get_mut(order);
                if let Some(order) = order.filter(|order| order.link == Some(id)) {
                    order.attempts = order.attempts.saturating_sub(1);
                }
            }
        }
    }

    /// A connection is of no use any more, whoever is to blame.
    pub(super) fn link_failed(&mut self, id: ConnId, reason: String, least_ms: u64) {
        self.link_failed_with(id, StoreError::Unreachable { reason }, least_ms);
    }

    /// The same, for this error.
    pub(super) fn link_failed_with(&mut self, id: ConnId, error: StoreError, least_ms: u64) {
        let now = self.now.mono;
        let Some(link) = self.link(id) else {
            return;
        };
        let (phase, born) = (link.phase, link.born);
        match phase {
            LinkPhase::Cancelling(_) => return self.close_conn(id, How::Plain),
            LinkPhase::Entering | LinkPhase::Leased => self.no_link(error, least_ms),
            LinkPhase::Connecting(_) => {}
            LinkPhase::Listening => {
                if let Some(database) = &mut self.database {
                    database.counts.lost += 1;
                }
            }
            LinkPhase::Shared | LinkPhase::Leaving => {
                let soon = now.since(born) < TOO_SOON_MS * 1_000_000;
                let last = self.shared_links() <= usize::from(phase == LinkPhase::Shared);
                if let Some(database) = &mut self.database {
                    database.counts.lost += 1;
                    if last {
                        database.is_away(now, error);
                    }
                    if last && soon {
                        database.backoff.failed(now, least_ms, &mut self.random);
                    }
                }
            }
        }
        self.drop_link(id);
    }

    /// Closes a connection, and sees to what it had not answered.
    pub(super) fn drop_link(&mut self, id: ConnId) {
        let Some(link) = self.link(id) else {
            return;
        };
        let leased = link.phase == LinkPhase::Leased;
        let mut lost: Vec<(u64, Outcome)> = Vec::new();
        if let Some(session) = &mut link.session {
            lost.extend(std::iter::from_fn(|| session.lost()));
        }
        self.close_conn(id, How::Plain);
        let alone = !self.has_shared_link();
        if let Some(database) = &mut self.database {
            let running = matches!(database.migration, Migration::Running { .. });
            // Who comes back may be another server, or have other tables.
            if leased || alone && !running {
                database.migration = Migration::default();
            }
        }
        if alone {
            self.counters_are_away();
        }
        self.listen_where_others_are();
        self.use_those_let_in();
        // The last one goes to the front of the line first.
        for (token, outcome) in lost.into_iter().rev().filter(|_| !leased) {
            self.order_lost(OrderId(Key::unpack(token)), outcome);
        }
    }

    /// It takes no more orders, and is closed when it owes nothing.
    pub(super) fn leave_link(&mut self, id: ConnId) {
        let Some(link) = self.link(id) else {
            return;
        };
        link.phase = LinkPhase::Leaving;
        let host = link.host;
        if let Some(database) = &mut self.database {
            database.wants_more = true;
            if database.host == host {
                database.next_host();
            }
        }
        self.listen_where_others_are();
    }

    pub(super) fn close_if_left(&mut self, id: ConnId) {
        let left =
            |link: &mut super::link::Link| link.phase == LinkPhase::Leaving && link.pending() == 0;
        if self.link(id).is_some_and(left) {
            self.drop_link(id);
        }
    }

    /// Takes a connection off the lists of the database.
    pub(in crate::engine) fn strike_from_database(&mut self, id: ConnId) {
        if let Some(database) = &mut self.database {
            database.links.retain(|link| *link != id);
            database.end_points.remove(&id);
        }
        self.strike_listener(id);
    }
}

impl Database {
    /// When another connection may be opened, if one is of use.
    fn next_attempt(&self) -> Option<Mono> {
        // As long as it is not known whether there can be one, one at a time.
        let is_opening = self.listener.opening || self.dials > 0;
        let unknown = self.trouble.is_some() || !self.migration.is_done();
        let careful = unknown || self.is_tight && is_opening;
        let first = self.sharing() == 0;
        let wanted = first || self.wants_more && !careful;
        let waits = if first { &self.backoff } else { &self.further };
        let more = (wanted && self.sharing() < self.connections).then(|| waits.until());
        more.into_iter().chain(self.next_listener()).min()
    }

    /// There is trouble. What has not changed is not told again.
    pub(super) fn is_away(&mut self, now: Mono, error: StoreError) {
        let before = self.trouble.as_ref();
        let since = before.map_or(now, |trouble| trouble.since);
        if before.is_none_or(|trouble| trouble.error != error) {
            self.turns.push(Turn::Away(error.clone()));
        }
        self.trouble = Some(Trouble { error, since });
    }

    fn next_host(&mut self) {
        self.host = (self.host + 1) % self.settings.hosts.len() as u16;
        self.tried += 1;
    }
}
