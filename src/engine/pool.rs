//! Pools: the connections to one provider, and the calls that wait for one.
//!
//! ```text
//!  call that has its turn ──► idle connection? ──► leased
//!                               │ none
//!                               ▼
//!                             waiting (FIFO, with a deadline) ──► a connection is opened
//! ```
//! There are as many turns as there may be connections (`gate.rs`), so a call waits here only while
//! one is being opened, or while an answer that is complete still waits for its framed end. That
//! bounds the queue as well. There are never more connections than the bound, and never more being opened than calls wait.
//! When an attempt to connect fails, the call that has waited longest fails with it: so an
//! unreachable provider is told to one caller at once instead of to all of them late. When a call
//! stops waiting, an attempt that is one too many now is given up with it: so a client that hangs
//! up is noticed by the provider in this phase as well.

use std::collections::VecDeque;

use super::call::{CallWait, Stage};
use super::conn::{Provider, ProviderPhase, Role, Wait};
use super::io::How;
use super::slots::{CallId, ConnId, DialId};
use super::trace::State;
use super::{Engine, Failure};
use crate::config::{self, Concurrency};
use crate::limits::{POOL_AGE_MS, POOL_IDLE_MS};

/// The connections of one provider.
#[derive(Debug)]
pub struct Pool {
    /// Connections with nothing to do; the last one used is the first to be used again.
    pub idle: Vec<ConnId>,
    /// Connections that work for a call, or whose answer has not ended.
    pub leased: usize,
    /// Attempts to open one, handshakes included.
    pub opening: usize,
    /// The attempts behind `opening`, the newest last, and some that are over already.
    pub attempts: Vec<Attempt>,
    /// Calls that wait.
    pub waiting: VecDeque<CallId>,
    /// The most connections there may be.
    pub max: usize,
    /// On the list of pools that may have to open connections.
    listed: bool,
}

/// Something that may become a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// There is no TCP connection yet.
    Dial(DialId),
    /// There is one, and its TLS handshake is going on.
    Handshake(ConnId),
}

impl Pool {
    /// A pool of at most `max` connections.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Pool {
            idle: Vec::new(),
            leased: 0,
            opening: 0,
            attempts: Vec::new(),
            waiting: VecDeque::new(),
            max,
            listed: false,
        }
    }

    /// The pools of these providers, which share so many connections evenly.
    #[must_use]
    pub fn for_each(providers: &[config::Provider], connections: usize) -> Vec<Self> {
        let remote = providers.iter().filter(|p| p.upstream().is_some()).count();
        let share = connections / remote.max(1);
        let pool = |provider: &config::Provider| {
            let configured = provider.upstream().map_or(0, |up| up.connections);
            let turns = provider.concurrency.and_then(Concurrency::fixed);
            let turns = turns.unwrap_or(configured);
            Pool::new(turns.min(configured).min(share))
        };
        providers.iter().map(pool).collect()
    }

    /// Connections there are, those being opened included.
    #[must_use]
    pub fn total(&self) -> usize {
        self.idle.len() + self.leased + self.opening
    }

    fn may_open(&self) -> bool {
        self.opening < self.waiting.len() && self.total() < self.max
    }
}

impl Engine {
    /// A call that has its turn wants a connection.
    pub(super) fn queue_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let (index, renewed) = (call.provider, call.renewed);
        call.stage = Stage::Queued;
        self.enter_call(id, State::Queued);
        // Where a reused connection has died, its siblings may be as stale: a new one is taken.
        if !renewed && let Some(conn) = self.take_idle(index) {
            return self.lease(conn, id);
        }
        let pool = &mut self.pools[index as usize];
        if renewed {
            pool.waiting.push_front(id);
        } else {
            pool.waiting.push_back(id);
        }
        let times = self.times(index);
        // Opening a connection has limits of its own, and each is an error of its own.
        let opening_ms = times.resolve_ms + times.connect_ms + times.tls_ms;
        let wait_ms = times.pool_wait_ms + opening_ms;
        let at = self.now.mono.plus_ms(wait_ms);
        self.set_call_timer(id, CallWait::Connection, at);
        self.open_where_needed(index);
    }

    /// Has a look at this pool before the present input is done with.
    pub(super) fn open_where_needed(&mut self, index: u16) {
        let pool = &mut self.pools[index as usize];
        if !pool.listed {
            pool.listed = true;
            self.pools_to_open.push(index);
        }
    }

    /// Opens connections while calls wait that no attempt is on the way for. Once per input and
    /// from here only: an attempt that fails at once must not start the next one from within.
    pub(super) fn open_pools(&mut self) {
        while let Some(index) = self.pools_to_open.pop() {
            self.pools[index as usize].listed = false;
            while self.pools[index as usize].may_open() {
                self.pools[index as usize].opening += 1;
                if let Err(failure) = self.dial(index) {
                    self.opening_failed(index, failure);
                }
            }
        }
    }

    /// An attempt to open a connection, still in the accounts, has ended without one.
    pub(super) fn opening_failed(&mut self, index: u16, failure: Failure) {
        self.pools[index as usize].opening -= 1;
        self.fail_first_waiting(index, failure);
    }

    /// The call that has waited longest shares the fate of the attempt that just failed.
    pub(super) fn fail_first_waiting(&mut self, index: u16, failure: Failure) {
        self.counters.dials_failed += 1;
        if let Some(call) = self.next_waiting(index) {
            self.fail_call(call, failure);
        }
        self.open_where_needed(index);
    }

    /// A connection is ready for a call: the one that waited longest gets it.
    pub(super) fn conn_ready(&mut self, id: ConnId) {
        let now = self.now.mono;
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        let index = provider.pool;
        provider.phase = ProviderPhase::Idle;
        if let Some(call) = self.next_waiting(index) {
            return self.lease(id, call);
        }
        self.pools[index as usize].idle.push(id);
        self.set_wait(id, Wait::Idle, now.plus_ms(POOL_IDLE_MS));
    }

    /// The answer of a call has ended. The connection is used again only if the provider said so,
    /// nothing follows the answer, and it is not too old.
    pub(super) fn release_conn(&mut self, id: ConnId, reusable: bool) {
        let now = self.now.mono;
        let stopping = self.stopping.is_some();
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let reusable = reusable && conn.out.is_empty(); // or the request is not all sent
        let Some(provider) = conn.provider() else {
            return;
        };
        let young = now.since(provider.born) < POOL_AGE_MS * 1_000_000;
        if !(reusable && young && !stopping) {
            return self.close_conn(id, How::Plain);
        }
        let index = provider.pool;
        self.pools[index as usize].leased -= 1;
        self.resume_conn(id); // it may have waited for a reader, who is still behind
        self.conn_ready(id);
    }

    /// A call that waited has gone. If more attempts are on the way than calls wait, the newest
    /// one is given up.
    pub(super) fn leave_queue(&mut self, index: u16, id: CallId) {
        let pool = &mut self.pools[index as usize];
        let before = pool.waiting.len();
        pool.waiting.retain(|waiting| *waiting != id);
        if pool.waiting.len() == before || pool.opening <= pool.waiting.len() {
            return;
        }
        while let Some(attempt) = self.pools[index as usize].attempts.pop() {
            if self.is_going_on(attempt) {
                return match attempt {
                    Attempt::Dial(id) => self.abandon_dial(id),
                    Attempt::Handshake(id) => self.close_conn(id, How::Plain),
                };
            }
        }
    }

    /// Remembers an attempt. Those that are over are swept out when they are the greater part.
    pub(super) fn note_attempt(&mut self, index: u16, attempt: Attempt) {
        let pool = &mut self.pools[index as usize];
        pool.attempts.push(attempt);
        if pool.attempts.len() > 2 * pool.opening + 16 {
            let mut attempts = std::mem::take(&mut pool.attempts);
            attempts.retain(|attempt| self.is_going_on(*attempt));
            self.pools[index as usize].attempts = attempts;
        }
    }

    fn is_going_on(&self, attempt: Attempt) -> bool {
        match attempt {
            Attempt::Dial(id) => self.dials.get(id).is_some(),
            Attempt::Handshake(id) => self.conns.get(id).is_some_and(|conn| {
                matches!(&conn.role, Role::Provider(p) if p.phase == ProviderPhase::Securing)
            }),
        }
    }

    /// Takes the accounts of a connection that is being closed off its pool.
    pub(super) fn strike_from_pool(&mut self, id: ConnId, provider: &Provider) {
        let pool = &mut self.pools[provider.pool as usize];
        match provider.phase {
            ProviderPhase::Connecting(_) => {} // its dial is in the accounts, not the connection
            ProviderPhase::Securing => pool.opening -= 1,
            ProviderPhase::Idle => pool.idle.retain(|idle| *idle != id),
            ProviderPhase::Leased(_) | ProviderPhase::Tail => pool.leased -= 1,
        }
    }

    fn take_idle(&mut self, index: u16) -> Option<ConnId> {
        let now = self.now.mono;
        while let Some(id) = self.pools[index as usize].idle.pop() {
            let old = match self.conns.get(id).map(|conn| &conn.role) {
                Some(Role::Provider(provider)) => {
                    now.since(provider.born) >= POOL_AGE_MS * 1_000_000
                }
                _ => continue,
            };
            if !old {
                return Some(id);
            }
            self.pools[index as usize].idle.push(id); // so that closing finds its accounts
            self.close_conn(id, How::Plain);
        }
        None
    }

    fn next_waiting(&mut self, index: u16) -> Option<CallId> {
        while let Some(id) = self.pools[index as usize].waiting.pop_front() {
            if self.calls.get(id).is_some() {
                return Some(id);
            }
        }
        None
    }

    /// Gives `conn` to `call` and writes its request.
    fn lease(&mut self, conn_id: ConnId, call_id: CallId) {
        let now = self.now.mono;
        let Some(provider) = self.conns.get_mut(conn_id).and_then(|c| c.provider()) else {
            return;
        };
        let index = provider.pool;
        provider.phase = ProviderPhase::Leased(call_id);
        provider.calls += 1;
        provider.http.start(false);
        let reused = provider.calls > 1;
        self.pools[index as usize].leased += 1;
        self.set_wait(conn_id, Wait::Nothing, super::now::Mono::NEVER);
        if let Some(call) = self.calls.get_mut(call_id) {
            call.stage = Stage::Awaiting(conn_id);
            call.reused = reused;
        }
        self.enter_call(call_id, State::AwaitingAnswer);
        let at = now.plus_ms(self.times(index).first_byte_ms);
        self.set_call_timer(call_id, CallWait::FirstByte, at);
        if let Err(failure) = self.write_call(conn_id, call_id) {
            self.fail_call(call_id, failure);
        }
    }
}
