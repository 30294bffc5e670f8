//! Scorers: the threads that read texts.
//!
//! What a scorer does about a generated text ends with the writer, and so does the loop's waiting for
//! it: see [`Finish`]. The loop is woken for what a scorer has to say only if nobody else will.

use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::group::Order;
use super::threads::{Back, Busy, Finished, guarded};
use crate::config::Drill;
use crate::engine::WorkId;
use crate::engine::work::{Finish, Work, WorkResult};
use crate::limits::SCORE_AHEAD;
use crate::score;

/// A thread that reads texts.
pub(super) struct Scorer {
    /// Where rows of texts go on to; back to the loop if there is none.
    pub(super) writes: Option<Weak<Sender<Order>>>,
    pub(super) back: Back,
    pub(super) busy: Arc<Busy>,
    pub(super) drill: Drill,
    /// Results that the loop was not woken for.
    pub(super) quiet: usize,
}

impl Scorer {
    pub(super) fn run(mut self, work: &Receiver<(WorkId, Work)>) {
        for (id, work) in work {
            let result = match work {
                Work::Finish(finish) => match self.finish(id, *finish) {
                    Some(result) => result,
                    None => continue,
                },
                work => guarded(&self.busy.scorers, || score_one(work, &self.drill))
                    .unwrap_or(WorkResult::Panicked),
            };
            self.back.send(Finished::Work(id, result));
            self.quiet = 0;
        }
    }

    /// Scores a text and hands its rows to the writer, from whom the loop hears the rest. If the
    /// scores are all that it is to have, they are the result.
    fn finish(&mut self, id: WorkId, finish: Finish) -> Option<WorkResult> {
        let scored = guarded(&self.busy.scorers, || {
            rehearse(&finish.text, &self.drill);
            score::score(&finish.text, &|| false)
        });
        let Some(scores) = scored else {
            return Some(WorkResult::Panicked);
        };
        if finish.withdrawn.is_cancelled() {
            return Some(WorkResult::Scored(scores));
        }
        let withdrawn = finish.withdrawn.clone();
        let passed = guarded(&self.busy.scorers, || finish.pass_on(scores));
        let Some((passed, write)) = passed else {
            return Some(WorkResult::Panicked);
        };
        let Some(writes) = &self.writes else {
            return Some(WorkResult::Rows(passed, Box::new(write)));
        };
        // When the process ends, nobody wants the rows of a text that was not finished.
        let writes = writes.upgrade()?;
        // First this, so that the loop hears of both in their order.
        self.back
            .send_quietly(Finished::Work(id, WorkResult::PassedOn(passed)));
        let order = Order {
            id,
            write,
            withdrawn: Some(withdrawn),
        };
        if writes.send(order).is_err() {
            return Some(WorkResult::Panicked); // there is no writer any more
        }
        self.quiet += 1;
        if self.quiet == SCORE_AHEAD / 2 {
            self.back.wake(); // or it would not know that there is room for more
            self.quiet = 0;
        }
        None
    }
}

fn score_one(work: Work, drill: &Drill) -> WorkResult {
    if let Work::Score { text, .. } | Work::Keywords { text, .. } = &work {
        rehearse(text, drill);
    }
    // What is for other threads is not given to this one.
    work.compute().unwrap_or(WorkResult::Panicked)
}

/// What the drill has a scorer do before it looks at a text.
fn rehearse(text: &str, drill: &Drill) {
    if drill.stall_scorer_ms > 0 {
        thread::sleep(Duration::from_millis(drill.stall_scorer_ms));
    }
    if let Some(words) = &drill.panic_scorer_on {
        assert!(
            !text.contains(words),
            "drill: the scorer panics as configured"
        );
    }
}
