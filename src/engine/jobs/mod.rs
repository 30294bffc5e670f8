//! Jobs: items are taken from the database, done one by one, and their ends written there.
//!
//! ```text
//!  look ─(something is due)─► claim ─► in hand ─► it is done ─► end ─► claim …
//!    ▲                                    │      (items.rs,    (ends.rs)
//!    │                                    │      reading.rs)
//!    └─(nothing: later, or when the       └─ while there are any: hold, three times per lease
//!       next item is due)
//! ```
//! The database is the queue, and the only one: here is only what this process has in hand, at most
//! `jobs.parallel` items. Each process does the same, and none knows of another. Whoever dies says
//! nothing more, its leases end, and its items are found due like any other. One question about the
//! queue is on the way at a time, so an answer is never older than what was decided after it.
//!
//! An item is to leave one row whatever happens, so its row has its id before anything is done: a second
//! attempt stores nothing if the first one did. What may happen twice is the call of a provider.
//!
//! Jobs come after clients: a call for an item never stands in line. If no turn is free it is put off.
//!
//! Clients that watch a job are told what its rows say (`watch.rs`, `progress.rs`, `ended.rs`), whoever
//! does its items.

mod ended;
mod ends;
mod items;
pub mod progress;
mod reading;
pub mod report;
mod told;
mod watch;

use uuid::Uuid;

pub use self::ended::{Ended, Seen};
use self::items::Hand;
pub use self::items::{Errand, JobParams};
use self::watch::Watches;
use super::check::{Broken, holds};
use super::hooks::Hooks;
use super::now::Mono;
use super::slots::{HandId, Slots, WatchId};
use super::timers::{Owner, Timer};
use super::work::{Work, WorkOwner, WorkResult};
use super::{Engine, Failure};
use crate::config::Config;
use crate::limits::jobs::{JOB_POLL_MS, JOB_REST_MS};
use crate::store::{Came, Found, ItemKey, JobFound, JobQuery, JobWrite, JobWritten, Query, Write};
use crate::store::{JobState, Written};

/// The first look after the start.
const FIRST_LOOK_MS: u64 = 500;

/// What this process knows of jobs.
pub(super) struct Jobs {
    /// This process, in the table of items. Made when it is first needed.
    owner: Option<Uuid>,
    /// What is in hand.
    hands: Slots<HandId, Hand>,
    /// How much may be.
    parallel: usize,
    /// What is being asked about the queue.
    question: Option<Question>,
    /// When to look for more, …
    look_at: Mono,
    /// … but not before.
    rest_until: Mono,
    /// When it was last looked because somebody has told of something.
    told_at: Mono,
    /// The same for what is in hand.
    held_at: Mono,
    /// There was something due a moment ago: there may be more.
    may_be_more: bool,
    /// When to say that we live.
    hold_at: Mono,
    lease_ms: u64,
    pub(super) timer: Timer,
    pub(super) counts: Counts,
    /// Jobs that clients watch.
    pub(super) watches: Watches,
    /// Who is told when they have ended.
    pub(super) hooks: Hooks,
}

/// A question about the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Whether something is due.
    Look,
    /// For an item.
    Claim,
    /// That ours stay ours.
    Hold,
}

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobWork {
    /// A question about the queue.
    Queue,
    /// A text that is being scored, a page of a report, or the end of an item.
    Item(HandId),
    /// A look at a job that is watched.
    Watch(WatchId),
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Items that were taken in hand, …
    pub claimed: u64,
    /// … among them some that somebody had in hand before.
    pub repeated: u64,
    /// Items that ended well.
    pub done: u64,
    /// Items that failed for good.
    pub failed: u64,
    /// Items that were left for later, because no turn or no room was free.
    pub put_off: u64,
    /// Items that were somebody else's, or nobody's, before they had ended here.
    pub lost: u64,
}

impl Jobs {
    /// With nothing in hand.
    pub(super) fn new(config: &Config) -> Self {
        let (parallel, lease_ms) = (config.jobs.parallel, config.jobs.lease_ms);
        Jobs {
            owner: None,
            hands: Slots::new(parallel),
            parallel,
            question: None,
            look_at: Mono::NEVER,
            rest_until: Mono(0),
            told_at: Mono(0),
            held_at: Mono(0),
            may_be_more: false,
            hold_at: Mono::NEVER,
            lease_ms,
            timer: Timer::default(),
            counts: Counts::default(),
            watches: Watches::new(),
            hooks: Hooks::new(config),
        }
    }

    /// When to look for more, if there is room for more.
    fn next_look(&self) -> Mono {
        if self.hands.len() < self.parallel {
            self.look_at.max(self.rest_until)
        } else {
            Mono::NEVER
        }
    }

    /// Items in hand, and how many there may be.
    pub(super) fn in_hand(&self) -> (usize, usize) {
        (self.hands.len(), self.parallel)
    }
}

impl Engine {
    /// Orders the first look.
    pub(super) fn mind_the_jobs(&mut self) {
        if self.jobs.owner.is_none() && self.jobs.parallel > 0 && self.stopping.is_none() {
            self.job_owner();
            self.look_for_items(FIRST_LOOK_MS);
        }
    }

    /// This process, in the table of items.
    fn job_owner(&mut self) -> Uuid {
        if let Some(owner) = self.jobs.owner {
            return owner;
        }
        let owner = self.new_id();
        self.jobs.owner = Some(owner);
        owner
    }

    /// Looks for items in `ms`, or earlier if that was the plan.
    pub(super) fn look_for_items(&mut self, ms: u64) {
        self.jobs.look_at = self.jobs.look_at.min(self.now.mono.plus_ms(ms));
        self.set_jobs_timer();
    }

    /// Does not look for items for a while.
    fn rest_from_items(&mut self) {
        self.jobs.rest_until = self.now.mono.plus_ms(JOB_REST_MS);
        self.set_jobs_timer();
    }

    fn set_jobs_timer(&mut self) {
        let jobs = &mut self.jobs;
        let idle = jobs.question.is_none() && self.stopping.is_none();
        let at = if idle {
            jobs.next_look().min(jobs.hold_at)
        } else {
            Mono::NEVER
        };
        self.timers.set(Owner::Jobs, &mut jobs.timer, at);
    }

    /// The time has come to say that we live, or to look for more.
    pub(super) fn jobs_due(&mut self) {
        if self.stopping.is_some() || self.jobs.question.is_some() {
            return;
        }
        let now = self.now.mono;
        if self.jobs.hold_at <= now && !self.jobs.hands.is_empty() {
            self.jobs.hold_at = now.plus_ms(self.jobs.lease_ms / 3);
            self.end_items_again();
            let write = JobWrite::Hold {
                owner: self.job_owner(),
                until_ms: self.lease_end_ms(),
            };
            return self.ask_queue(Question::Hold, write_of(write));
        }
        if self.jobs.hands.is_empty() {
            self.jobs.hold_at = Mono::NEVER;
        }
        if self.jobs.next_look() > now {
            return self.set_jobs_timer();
        }
        self.jobs.look_at = Mono::NEVER;
        if std::mem::take(&mut self.jobs.may_be_more) {
            self.claim_item();
        } else {
            let query = Work::Read(Query::Job(JobQuery::Due));
            self.ask_queue(Question::Look, query);
        }
    }

    fn claim_item(&mut self) {
        let write = JobWrite::Claim {
            owner: self.job_owner(),
            now_ms: self.now.wall_ms,
            until_ms: self.lease_end_ms(),
        };
        self.ask_queue(Question::Claim, write_of(write));
    }

    fn lease_end_ms(&self) -> i64 {
        self.now.wall_ms.saturating_add_unsigned(self.jobs.lease_ms)
    }

    fn ask_queue(&mut self, question: Question, work: Work) {
        let owner = WorkOwner::Job(JobWork::Queue);
        if self.works.submit(owner, work).is_some() {
            self.jobs.question = Some(question);
            self.set_jobs_timer();
        } else {
            self.look_for_items(JOB_POLL_MS);
        }
    }

    /// The store has answered, or a scorer.
    pub(super) fn job_work_done(&mut self, work: JobWork, result: WorkResult) {
        match work {
            JobWork::Queue => self.queue_answered(result),
            JobWork::Item(hand) => self.item_work_done(hand, result),
            JobWork::Watch(watch) => self.job_looked(watch, result),
        }
    }

    fn queue_answered(&mut self, result: WorkResult) {
        let question = self.jobs.question.take();
        match (question, result) {
            (Some(Question::Look), WorkResult::Found(Ok(Found::Job(JobFound::Due(due_ms))))) => {
                self.looked(due_ms);
            }
            (
                Some(Question::Claim),
                WorkResult::Written(Ok(Written::Job(JobWritten::Claimed(Some(item))))),
            ) => self.take_in_hand(*item),
            (
                Some(Question::Hold),
                WorkResult::Written(Ok(Written::Job(JobWritten::Held(keys)))),
            ) => self.held(&keys),
            // Nothing was due. Or the store is in trouble, which is told elsewhere. Later again.
            _ => {}
        }
        if self.jobs.look_at == Mono::NEVER {
            self.jobs.look_at = self.now.mono.plus_ms(self.poll_ms());
        }
        self.set_jobs_timer();
    }

    /// When the next item is due.
    fn looked(&mut self, due_ms: Option<i64>) {
        let wait_ms = due_ms.map(|due| due.saturating_sub(self.now.wall_ms));
        match wait_ms {
            Some(..=0) => self.items_may_be_due(),
            Some(ms) => self.look_for_items(self.poll_ms().min(ms.unsigned_abs())),
            None => {}
        }
    }

    /// What is ours, as the store sees it. What is in hand and not ours any more is dropped; what is
    /// ours and not in hand was taken by a claim whose answer was lost, and is let go.
    fn held(&mut self, keys: &[ItemKey]) {
        for id in self.jobs.hands.ids() {
            let hand = self.jobs.hands.get(id);
            if hand.is_some_and(|hand| !hand.has_ended() && !keys.contains(&hand.item.key)) {
                self.jobs.counts.lost += 1;
                self.drop_item(id);
            }
        }
        for key in keys {
            let known = |(_, hand): (HandId, &Hand)| hand.item.key == *key;
            if !self.jobs.hands.iter().any(known) {
                let due_ms = self.now.wall_ms;
                let end = self.item_end(key.clone(), Came::Again { code: None, due_ms });
                self.write_unwatched(Write::Job(Box::new(JobWrite::End(Box::new(end)))));
            }
        }
    }

    /// Something is due, most likely: takes it at once, if there is room.
    pub(super) fn items_may_be_due(&mut self) {
        if self.jobs.parallel > 0 {
            self.jobs.may_be_more = true;
            self.look_for_items(0);
        }
    }

    /// A job was cancelled: what of it is in hand is dropped, and no provider is asked any more.
    pub(super) fn drop_job(&mut self, job: Uuid) {
        for id in self.jobs.hands.ids() {
            let hand = self.jobs.hands.get(id);
            if hand.is_some_and(|hand| hand.item.key.job == job) {
                self.drop_item(id);
            }
        }
    }

    /// The server stops: all that is in hand is given back, and somebody else can take it at once.
    pub(super) fn stop_jobs(&mut self) {
        let asked = self.jobs.question == Some(Question::Claim);
        if self.jobs.hands.is_empty() && !asked {
            return self.set_jobs_timer();
        }
        for id in self.jobs.hands.ids() {
            if self
                .jobs
                .hands
                .get(id)
                .is_some_and(|hand| !hand.has_ended())
            {
                self.drop_item(id);
            }
        }
        self.set_jobs_timer();
        self.give_items_back();
    }

    /// Whatever the store has as ours is nobody's.
    pub(super) fn give_items_back(&mut self) {
        let write = JobWrite::GiveBack {
            owner: self.job_owner(),
            now_ms: self.now.wall_ms,
        };
        self.write_unwatched(Write::Job(Box::new(write)));
    }

    /// Whether a text in the making and the item that it is for know each other.
    pub(super) fn check_jobs(&self) -> Result<(), Broken> {
        for (id, hand) in self.jobs.hands.iter() {
            let Some(text) = hand.text() else {
                continue;
            };
            let text = self.generations.get(text);
            let back = text.and_then(|text| text.plan.errand.as_ref());
            holds(back.is_some_and(|errand| errand.hand == id), || {
                format!("{id:?} waits for a text that does not know it")
            })?;
        }
        let (in_hand, most) = self.jobs.in_hand();
        holds(in_hand <= most, || format!("{in_hand} items are in hand"))?;
        self.check_watches()
    }
}

fn write_of(write: JobWrite) -> Work {
    Work::Write(Box::new(Write::Job(Box::new(write))))
}

/// What the store said about a job that was to be cancelled.
pub(super) fn cancelled(written: &Written) -> Result<JobState, Failure> {
    match written {
        Written::Job(JobWritten::Cancelled(Some(state))) => Ok(*state),
        Written::Job(JobWritten::Cancelled(None)) => Err(Failure::NotFound),
        _ => Err(Failure::Internal("another write was answered")),
    }
}
