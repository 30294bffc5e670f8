//! Limits whose counters several processes share: what the counter is asked, and what it says.
//!
//! ```text
//!  prepare ─► ready ─────────────────────────────────► take, settle: from memory
//!     └─────► not ready ─► a question ─► the counter      └─► a question, a debt ─► the counter
//!                  (who asked waits)        │ granted, or no answer
//!     ▲─────────────────────────────────────┘
//! ```
//! A request is prepared for before it is charged: if no block is left of one of its limits, the counter
//! is asked, and the request waits. Whether somebody waits, and how long, is not known here; nor
//! who the counter is: questions are left in a row for whoever sends them.
//!
//! While the counter is away nothing waits, and each process decides by windows of its own: then as
//! much is let in as if each were the only one.

use std::collections::VecDeque;

use super::lease::{Ask, Take};
use super::subjects::Place;
use super::{Cost, Meter, Rates, Subject};
use crate::config::RateRule;
use crate::engine::now::Mono;

/// Something for the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whose.
    pub who: Subject,
    /// Of which limit.
    pub meter: Meter,
    /// What.
    pub what: What,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A block of so many.
    Block {
        /// Whose answer it is.
        id: BlockId,
        /// How many.
        units: u64,
    },
    /// So many more were used than were taken. There is no answer.
    Debt(u64),
    /// Of what was taken so many will not be used. There is no answer.
    Back {
        /// How many.
        units: u64,
        /// Of which window: those of another one are none of ours.
        window: u64,
    },
}

/// Which question an answer belongs to. One that comes too late is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    place: Place,
    at: u8,
    number: u32,
    /// Who may wait for it.
    pub who: Subject,
}

/// What a counter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many were given.
    pub units: u64,
    /// Milliseconds until the window ends, counted from some time before the answer was sent.
    pub ends_in_ms: u64,
    /// What is left for others.
    pub left: u64,
    /// What the counter calls the window. No two windows of one counter have the same name.
    pub window: u64,
}

/// What is to be asked, in order. It is emptied after each step, so it holds a question for each
/// limit at most.
#[derive(Debug, Default)]
pub(super) struct Questions {
    row: VecDeque<Question>,
    /// Nobody answers.
    away: bool,
}

impl Questions {
    pub(super) fn owe(&mut self, who: Subject, meter: Meter, debt: u64) {
        if debt > 0 && !self.away {
            let what = What::Debt(debt);
            self.row.push_back(Question { who, meter, what });
        }
    }
}

impl Rates {
    /// From now on the counters are shared with other processes.
    #[must_use]
    pub fn shared(mut self) -> Self {
        let rules: Vec<RateRule> = self.meters.iter().map(|meter| meter.rule).collect();
        self.subjects.share(rules);
        self.questions = Some(Questions::default());
        self
    }

    /// Whether counters are shared with other processes.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.questions.is_some()
    }

    /// Whether the counter cannot be asked at the moment.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.questions.as_ref().is_some_and(|q| q.away)
    }

    /// The counter can be asked, or cannot.
    pub fn set_alone(&mut self, away: bool) {
        if let Some(questions) = &mut self.questions {
            questions.away = away;
        }
    }

    /// Whether `take` can decide at once about `cost`. If not, a question is left for the counter, and
    /// it is to be tried again after its answer.
    pub fn prepare(&mut self, now: Mono, who: Subject, cost: Cost) -> bool {
        if !self.is_shared() || self.is_alone() {
            return true;
        }
        let place = self.subjects.place(now, who);
        let Some(entry) = self.subjects.entry_mut(place) else {
            return true;
        };
        let mut ready = true;
        for (meter, lease) in self.meters.iter().zip(&mut entry.leases) {
            let n = cost.of(meter.kind);
            // What is more than there ever is needs no counter to be refused.
            let possible = n > 0 && n <= meter.rule.count;
            match lease.look(now, n) {
                Take::Refused { .. } => return true,
                Take::Wait if possible => {
                    lease.want(n);
                    ready = false;
                }
                _ => {}
            }
        }
        if !ready {
            self.ask_for_blocks(now, place);
        }
        ready
    }

    /// What the counter is to be asked next.
    pub fn next_question(&mut self) -> Option<Question> {
        self.questions.as_mut()?.row.pop_front()
    }

    /// The counter has answered.
    pub fn granted(&mut self, now: Mono, id: BlockId, grant: Grant) {
        if let Some(entry) = self.subjects.entry_mut(id.place)
            && let Some(lease) = entry.leases.get_mut(usize::from(id.at))
        {
            lease.granted(now, id.number, grant);
        }
    }

    /// The counter has given a block to somebody who waits for it no more, and has decided alone since: it
    /// is left to be told that this will not be used.
    pub fn refuse(&mut self, id: BlockId, grant: Grant) {
        let Grant { units, window, .. } = grant;
        let questions = self.questions.as_mut().filter(|q| !q.away && units > 0);
        if let (Some(questions), Some(meter)) = (questions, self.meters.get(usize::from(id.at))) {
            self.tally.given_back += units;
            questions.row.push_back(Question {
                who: id.who,
                meter: *meter,
                what: What::Back { units, window },
            });
        }
    }

    /// There will be no answer.
    pub fn unanswered(&mut self, now: Mono, id: BlockId) {
        self.tally.unanswered += 1;
        if let Some(entry) = self.subjects.entry_mut(id.place)
            && let Some(lease) = entry.leases.get_mut(usize::from(id.at))
        {
            lease.failed(now, id.number);
        }
    }

    /// Gives up the blocks of so many addresses, the first of them at place `from`, and leaves it to be
    /// told to the counter. Returns where to go on, if there are more.
    pub fn give_back(&mut self, now: Mono, from: usize, places: usize) -> Option<usize> {
        let questions = self.questions.as_mut().filter(|q| !q.away)?;
        let entries = self.subjects.entries_mut(from, places)?;
        for entry in entries {
            for (meter, lease) in self.meters.iter().zip(&mut entry.leases) {
                if let Some((units, window)) = lease.end(now) {
                    let what = What::Back { units, window };
                    self.tally.given_back += units;
                    questions.row.push_back(Question {
                        who: entry.who,
                        meter: *meter,
                        what,
                    });
                }
            }
        }
        Some(from + places)
    }

    /// Leaves a question for each limit of which a block is to be had.
    pub(super) fn ask_for_blocks(&mut self, now: Mono, place: Place) {
        let Some(questions) = self.questions.as_mut().filter(|q| !q.away) else {
            return;
        };
        let Some(entry) = self.subjects.entry_mut(place) else {
            return;
        };
        for (at, (meter, lease)) in self.meters.iter().zip(&mut entry.leases).enumerate() {
            if let Some(Ask { number, units }) = lease.ask(now) {
                self.tally.asked += 1;
                let id = BlockId {
                    place,
                    at: at as u8,
                    number,
                    who: entry.who,
                };
                questions.row.push_back(Question {
                    who: entry.who,
                    meter: *meter,
                    what: What::Block { id, units },
                });
            }
        }
    }
}

impl Question {
    /// The name of the counter: those of one subject are in one place of a cluster.
    #[must_use]
    pub fn key(&self, prefix: &str) -> String {
        let Question { who, meter, .. } = self;
        let RateRule { count, window_ms } = meter.rule;
        let kind = meter.kind.as_str();
        format!("{prefix}rate:{{{who}}}:{kind}:{count}/{window_ms}")
    }
}

#[cfg(test)]
mod tests;
