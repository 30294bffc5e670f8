//! Questions that wait for the next statement about shared counters. Pure.
//!
//! While one statement is on the way, what comes gathers here; the next statement has all of it, each
//! counter once. So the busier it is, the more one statement is about, and nobody waits for a timer.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::policy::rate::shared::{BlockId, Question, What};
use crate::limits::{COUNTERS_PER_DRAW, COUNTERS_WAITING};
use crate::store::counters::Draw;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gathering(VecDeque<Waiting>);

/// One question.
#[derive(Debug)]
struct Waiting {
    draw: Draw,
    /// Who waits for the answer.
    id: Option<BlockId>,
}

/// What one statement is about, and who waits for which of its counters.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) draws: Vec<Draw>,
    pub(super) waiting: BTreeMap<String, BlockId>,
}

impl Gathering {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a question in. `false`: there is no place for it.
    pub(super) fn put(&mut self, question: &Question) -> bool {
        if self.0.len() >= COUNTERS_WAITING {
            return false;
        }
        let rule = question.meter.rule;
        let mut draw = Draw {
            name: question.key(""),
            most: rule.count,
            window_ms: rule.window_ms,
            wanted: 0,
            amends: 0,
            window: None,
        };
        let signed = |units: u64| i64::try_from(units).unwrap_or(i64::MAX);
        let mut who = None;
        match question.what {
            What::Block { id, units } => {
                draw.wanted = units;
                who = Some(id);
            }
            What::Debt(units) => draw.amends = signed(units),
            What::Back { units, window } => {
                draw.amends = -signed(units);
                draw.window = Some(window);
            }
        }
        self.0.push_back(Waiting { draw, id: who });
        true
    }

    /// What the next statement is about: the oldest questions. A second one about the same counter
    /// is for the statement after it, unless both can be said at once.
    pub(super) fn take_batch(&mut self) -> Batch {
        let mut draws: BTreeMap<String, Draw> = BTreeMap::new();
        let (mut batch, mut later) = (Batch::default(), Vec::new());
        while draws.len() < COUNTERS_PER_DRAW
            && let Some(next) = self.0.pop_front()
        {
            match draws.get_mut(&next.draw.name) {
                Some(draw) if next.is_debt() && draw.window.is_none() => {
                    draw.amends = draw.amends.saturating_add(next.draw.amends);
                }
                Some(_) => later.push(next),
                None => {
                    let name = next.draw.name.clone();
                    batch.waiting.extend(next.id.map(|id| (name.clone(), id)));
                    draws.insert(name, next.draw);
                }
            }
        }
        for waiting in later.into_iter().rev() {
            self.0.push_front(waiting);
        }
        batch.draws = draws.into_values().collect();
        batch
    }

    /// Nobody will be asked: who has waited for an answer.
    pub(super) fn give_up(&mut self) -> Vec<BlockId> {
        self.0.drain(..).filter_map(|waiting| waiting.id).collect()
    }
}

impl Waiting {
    fn is_debt(&self) -> bool {
        self.id.is_none() && self.draw.window.is_none()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::RateRule;
    use crate::engine::policy::rate::{Kind, Meter, Subject};

    fn about(who: u32, what: What) -> Question {
        Question {
            who: Subject::V4(who),
            meter: Meter {
                kind: Kind::Tokens,
                rule: RateRule {
                    count: 100,
                    window_ms: 1_000,
                },
            },
            what,
        }
    }

    #[test]
    fn each_counter_is_once_in_a_statement_and_none_is_forgotten() {
        let mut gathering = Gathering::default();
        let back = What::Back {
            units: 9,
            window: 7,
        };
        for question in [
            about(2, What::Debt(5)),
            about(1, What::Debt(1)),
            about(2, What::Debt(6)),
            about(2, back),
            about(2, What::Debt(7)),
        ] {
            assert!(gathering.put(&question));
        }
        let said = |gathering: &mut Gathering| -> Vec<(i64, Option<u64>)> {
            let draws = gathering.take_batch().draws.into_iter();
            draws.map(|draw| (draw.amends, draw.window)).collect()
        };
        assert_eq!(said(&mut gathering), [(1, None), (18, None)]);
        assert_eq!(said(&mut gathering), [(-9, Some(7))]);
        assert!(gathering.is_empty());
    }

    #[test]
    fn a_statement_has_a_bound_and_so_has_what_gathers() {
        let mut gathering = Gathering::default();
        let took = (0..).take_while(|n| gathering.put(&about(*n, What::Debt(1))));
        assert_eq!(took.count(), COUNTERS_WAITING);
        assert_eq!(gathering.take_batch().draws.len(), COUNTERS_PER_DRAW);
        assert!(gathering.put(&about(0, What::Debt(1))));
        assert!(gathering.give_up().is_empty() && gathering.is_empty());
    }
}
