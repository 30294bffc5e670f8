//! Jobs that clients watch: one look at the database for all who watch the same one.
//!
//! ```text
//!  (the first comes) ─► asking ─(answer)─► resting ─(something happened here, or its time has come)─► asking
//!                         ▲  └─(there are more ends than fit one answer)─┐     (the last leaves) ─► gone
//!                         └──────────────────────────────────────────────┘
//! ```
//! What happens to a job is read from its rows, whoever did it: what this process does is only a reason to
//! look at once ([`Engine::job_changed`]), and so is whatever else knows that something has changed. What
//! others do is found by looking now and then, more seldom the longer nothing happens. A job has one look
//! on the way at a time, and two are never closer than a bound, so a job of short items costs no more looks
//! than one of long ones.

use uuid::Uuid;

use super::progress::Known;
use super::{Engine, Failure, JobWork};
use crate::engine::TENANT;
use crate::engine::check::{Broken, holds};
use crate::engine::failure::Bound;
use crate::engine::ledger::Ledger;
use crate::engine::now::Mono;
use crate::engine::slots::{ExchangeId, Slots, WatchId, WorkId};
use crate::engine::timers::{Owner, Timer};
use crate::engine::work::{Kind, Work, WorkOwner, WorkResult};
use crate::limits::READERS_AT_ONCE;
use crate::limits::jobs::{
    JOB_LOOK_GAP_MS, JOB_LOOK_MAX_MS, JOB_LOOK_MS, JOB_LOOK_ROWS, JOB_WATCHERS,
};
use crate::store::{Found, JobFound, JobProgress, JobQuery, Query};

/// The jobs that are watched.
pub(in crate::engine) struct Watches {
    table: Slots<WatchId, Watch>,
    /// Clients, over all jobs.
    watchers: usize,
    /// Looks so far.
    pub(in crate::engine) looks: u64,
}

/// One of them.
struct Watch {
    job: Uuid,
    watchers: Vec<ExchangeId>,
    /// What the looks so far have found, …
    known: Option<Known>,
    /// … and when the last of them did.
    learned: Mono,
    /// The look that is on the way.
    asking: Option<WorkId>,
    /// Something has happened since it was asked.
    again: bool,
    /// When it was looked for the last time.
    looked: Mono,
    /// Until the next look, if nothing is heard.
    pause_ms: u64,
    timer: Timer,
    /// Bytes in the ledger.
    charged: u32,
}

impl Watches {
    /// Nobody watches anything.
    pub(super) fn new() -> Self {
        Watches {
            table: Slots::new(JOB_WATCHERS),
            watchers: 0,
            looks: 0,
        }
    }

    /// Jobs that are watched.
    pub(in crate::engine) fn len(&self) -> usize {
        self.table.len()
    }

    /// Clients that watch, and how many there may be.
    pub(in crate::engine) fn watchers(&self) -> (usize, usize) {
        (self.watchers, JOB_WATCHERS)
    }

    /// What is known of a job.
    pub(in crate::engine) fn known(&self, id: WatchId) -> Option<&Known> {
        self.table.get(id)?.known.as_ref()
    }

    /// The deadline of a watch.
    pub(in crate::engine) fn timer_mut(&mut self, id: WatchId) -> Option<&mut Timer> {
        self.table.get_mut(id).map(|watch| &mut watch.timer)
    }

    /// Bytes in the ledger.
    pub(in crate::engine) fn charged(&self) -> u64 {
        let charged = self.table.iter().map(|(_, w)| u64::from(w.charged));
        charged.sum()
    }

    /// Whether what is known is no older than a look would be.
    fn is_fresh(&self, id: WatchId, now: Mono) -> bool {
        let watch = self.table.get(id).filter(|watch| watch.asking.is_none());
        watch.is_some_and(|watch| {
            watch.known.is_some() && now < watch.learned.plus_ms(JOB_LOOK_GAP_MS)
        })
    }

    fn find(&self, job: Uuid) -> Option<WatchId> {
        let mut all = self.table.iter();
        all.find(|(_, watch)| watch.job == job).map(|(id, _)| id)
    }

    fn watchers_of(&self, id: WatchId) -> Vec<ExchangeId> {
        self.table
            .get(id)
            .map_or_else(Vec::new, |watch| watch.watchers.clone())
    }
}

impl Watch {
    fn new(job: Uuid) -> Self {
        Watch {
            job,
            watchers: Vec::new(),
            known: None,
            learned: Mono(0),
            asking: None,
            again: false,
            looked: Mono(0),
            pause_ms: JOB_LOOK_MS,
            timer: Timer::default(),
            charged: 0,
        }
    }

    /// What to ask: how it stands, and what has ended of which that is not known.
    fn question(&self) -> JobQuery {
        let ended = self.known.as_ref().map(Known::ended);
        JobQuery::Progress {
            tenant: TENANT.to_string(),
            id: self.job,
            from: ended.map_or(0, |ended| ended.first_open()),
            known: ended.map(|ended| ended.digits()).unwrap_or_default(),
            limit: JOB_LOOK_ROWS,
        }
    }

    /// Takes in what a look has found.
    fn learn(&mut self, now: Mono, progress: JobProgress, ledger: &mut Ledger) {
        self.learned = now;
        let changed = match &mut self.known {
            Some(known) => known.learn(progress),
            None => {
                self.known = Some(Known::new(progress));
                true
            }
        };
        self.pause_ms = if changed {
            JOB_LOOK_MS
        } else {
            (2 * self.pause_ms).min(JOB_LOOK_MAX_MS)
        };
        let bytes = self.known.as_ref().map_or(0, Known::bytes);
        ledger.settle(&mut self.charged, bytes);
    }
}

impl Engine {
    /// Something has happened to a job, here or as somebody else says: whoever watches it is told soon.
    pub(in crate::engine) fn job_changed(&mut self, job: Uuid) {
        if let Some(id) = self.jobs.watches.find(job) {
            self.look_at_job_in(id, 0);
        }
    }

    /// `exchange` is told of `job` from now on: how it stands, after the next look.
    pub(in crate::engine) fn watch_job(
        &mut self,
        exchange: ExchangeId,
        job: Uuid,
    ) -> Result<(), Failure> {
        if !self.works.has_room(Kind::Read) {
            self.counters.full(Kind::Read);
            return Err(Failure::Full(Bound::Store));
        }
        let watches = &mut self.jobs.watches;
        if watches.watchers >= JOB_WATCHERS {
            return Err(Failure::Full(Bound::Watchers));
        }
        let id = match watches.find(job) {
            Some(id) => id,
            None => (watches.table.insert(Watch::new(job)))
                .map_err(|_| Failure::Full(Bound::Watchers))?,
        };
        if let Some(watch) = watches.table.get_mut(id)
            && let Some(waiting) = self.exchanges.get_mut(exchange)
        {
            watch.watchers.push(exchange);
            watches.watchers += 1;
            waiting.held.watch = Some(id);
        }
        if self.jobs.watches.is_fresh(id, self.now.mono) {
            self.pump_events(exchange);
        } else {
            self.look_at_job_in(id, 0);
        }
        Ok(())
    }

    /// `exchange` has left, or was told all.
    pub(in crate::engine) fn unwatch_job(&mut self, id: WatchId, exchange: ExchangeId) {
        let watches = &mut self.jobs.watches;
        let Some(watch) = watches.table.get_mut(id) else {
            return;
        };
        let before = watch.watchers.len();
        watch.watchers.retain(|other| *other != exchange);
        watches.watchers -= before - watch.watchers.len();
        if !watch.watchers.is_empty() {
            return;
        }
        if let Some(work) = watch.asking.take() {
            self.works.cancel(work);
        }
        self.ledger.settle(&mut watch.charged, 0);
        watches.table.remove(id);
    }

    /// The server stops: streams end without a last event, so that their clients go on elsewhere.
    pub(in crate::engine) fn stop_watches(&mut self) {
        for id in self.jobs.watches.table.ids() {
            for exchange in self.jobs.watches.watchers_of(id) {
                self.stop_events(exchange);
            }
        }
    }

    /// Looks in `ms`, or earlier if that was the plan, and not too soon after the last look.
    fn look_at_job_in(&mut self, id: WatchId, ms: u64) {
        let now = self.now.mono;
        let Some(watch) = self.jobs.watches.table.get_mut(id) else {
            return;
        };
        if watch.asking.is_some() {
            watch.again = true;
            return;
        }
        let gap_ms = if watch.known.is_some() {
            JOB_LOOK_GAP_MS
        } else {
            0
        };
        let at = now.plus_ms(ms).max(watch.looked.plus_ms(gap_ms));
        if at <= now {
            self.look_at_job(id);
        } else if at < watch.timer.at() {
            self.timers.set(Owner::Watch(id), &mut watch.timer, at);
        }
    }

    /// The time has come for a look.
    pub(in crate::engine) fn look_at_job(&mut self, id: WatchId) {
        let now = self.now.mono;
        let Some(watch) = self.jobs.watches.table.get_mut(id) else {
            return;
        };
        if watch.asking.is_some() {
            return;
        }
        watch.timer.clear();
        (watch.looked, watch.again) = (now, false);
        if self.works.has_room(Kind::Read) {
            let work = Work::Read(Query::Job(watch.question()));
            let owner = WorkOwner::Job(JobWork::Watch(id));
            watch.asking = self.works.submit(owner, work);
            self.jobs.watches.looks += 1;
        }
        if watch.asking.is_none() {
            // Clients that wait for one answer go first.
            let at = now.plus_ms(watch.pause_ms);
            self.timers.set(Owner::Watch(id), &mut watch.timer, at);
        }
    }

    /// The store has answered a look.
    pub(super) fn job_looked(&mut self, id: WatchId, result: WorkResult) {
        let Some(watch) = self.jobs.watches.table.get_mut(id) else {
            return self.counters.stale += 1;
        };
        watch.asking = None;
        match result {
            WorkResult::Found(Ok(Found::Job(JobFound::Progress(Some(progress))))) => {
                watch.learn(self.now.mono, *progress, &mut self.ledger);
                self.order_next_look(id);
                self.tell_watchers(id);
            }
            WorkResult::Found(Ok(Found::Job(JobFound::Progress(None)))) => {
                for exchange in self.jobs.watches.watchers_of(id) {
                    self.fail_exchange(exchange, &Failure::NotFound);
                }
            }
            WorkResult::Found(Err(error)) => self.not_looked(id, &Failure::Store(error)),
            WorkResult::Panicked => self.not_looked(id, &Failure::Panicked),
            _ => self.not_looked(id, &Failure::Internal("another read was answered")),
        }
    }

    fn order_next_look(&mut self, id: WatchId) {
        let Some(watch) = self.jobs.watches.table.get(id) else {
            return;
        };
        let known = watch.known.as_ref();
        let (again, pause_ms) = (watch.again, watch.pause_ms);
        if known.is_some_and(|known| !known.is_whole()) {
            self.look_at_job(id);
        } else if again {
            self.look_at_job_in(id, 0);
        } else if known.is_some_and(|known| !known.is_over()) {
            self.look_at_job_in(id, pause_ms);
        }
    }

    /// A look has failed: who has been told nothing yet is told so, the others are looked for again.
    fn not_looked(&mut self, id: WatchId, failure: &Failure) {
        if let Some(watch) = self.jobs.watches.table.get_mut(id) {
            watch.pause_ms = (2 * watch.pause_ms).min(JOB_LOOK_MAX_MS);
            let pause_ms = watch.pause_ms;
            self.look_at_job_in(id, pause_ms);
        }
        for exchange in self.jobs.watches.watchers_of(id) {
            self.events_not_begun(exchange, failure);
        }
    }

    /// Tells all who watch a job what is new: at once if they are few, else in turn.
    fn tell_watchers(&mut self, id: WatchId) {
        let watchers = self.jobs.watches.watchers_of(id);
        let at_once = watchers.len() <= READERS_AT_ONCE;
        for exchange in watchers {
            if at_once {
                self.pump_events(exchange);
            } else {
                self.serve_later(exchange);
            }
        }
    }

    /// Whether those who watch and what they watch know each other.
    pub(super) fn check_watches(&self) -> Result<(), Broken> {
        let watches = &self.jobs.watches;
        let mut watchers = 0;
        for (id, watch) in watches.table.iter() {
            watchers += watch.watchers.len();
            holds(!watch.watchers.is_empty(), || {
                format!("{id:?} is watched by nobody")
            })?;
            for exchange in &watch.watchers {
                let back = self.exchanges.get(*exchange).and_then(|e| e.held.watch);
                holds(back == Some(id), || {
                    format!("{id:?} is watched by {exchange:?}, which is elsewhere")
                })?;
            }
        }
        let holders = self
            .exchanges
            .iter()
            .filter(|(_, e)| e.held.watch.is_some());
        let counted = watches.watchers;
        holds((watchers, watchers) == (counted, holders.count()), || {
            format!("{watchers} clients watch, counted as {counted}")
        })
    }
}
