//! What several processes and one counter come to; and what a process asks it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::*;
use crate::config;

#[path = "../../../../../tests/world/rates.rs"]
mod rates;

use self::rates::{Counter, Played, play};

/// The counters, as the script in `proto/redis/counters.rs` has them, by their keys.
#[derive(Default)]
struct Counters(BTreeMap<String, (i64, u64)>);

impl Counter for Counters {
    fn put(&mut self, now_ms: u64, question: &Question) -> Option<(BlockId, Grant)> {
        let rule = question.meter.rule;
        let (used, ends) = self.0.entry(question.key("t:")).or_default();
        if now_ms >= *ends {
            (*used, *ends) = (0, 0);
        }
        match question.what {
            What::Debt(units) => {
                *used += if *ends > 0 { units as i64 } else { 0 };
                None
            }
            What::Back { units, window } => {
                *used -= if window == *ends { units as i64 } else { 0 };
                None
            }
            What::Block { id, units } => {
                let left = rule.count as i64 - *used;
                let block = (units as i64).min(left).max(0);
                *used += block;
                if block > 0 && *ends == 0 {
                    *ends = now_ms + rule.window_ms;
                }
                let grant = Grant {
                    units: block as u64,
                    ends_in_ms: ends.saturating_sub(now_ms),
                    left: (rule.count as i64 - *used).max(0) as u64,
                    window: *ends,
                };
                Some((id, grant))
            }
        }
    }
}

fn rule(count: u64, window_ms: u64) -> RateRule {
    RateRule { count, window_ms }
}

fn replica(requests: RateRule, tokens: RateRule) -> Rates {
    let config = config::Rate {
        requests: vec![requests],
        tokens: vec![tokens],
        connections: None,
        subjects: 4,
    };
    Rates::new(&config, 1).shared()
}

#[test]
fn together_they_keep_to_requests_exactly_and_to_tokens_but_for_wrong_estimates() {
    let mut played = Played::default();
    for seed in 0..200 {
        played += play(&mut Counters::default(), seed, 10_000);
    }
    let Played {
        admitted,
        beyond,
        given_back,
    } = played;
    assert!(
        admitted > 2_000 && beyond > 1_000 && given_back > 1_000,
        "{played:?}"
    );
}

#[test]
fn alone_each_is_as_if_there_were_no_other() {
    let mut rates = replica(rule(3, 10_000), rule(1_000_000, 10_000));
    let (now, who) = (Mono(0), Subject::V4(7));
    assert!(
        !rates.prepare(now, who, Cost::REQUEST),
        "the counter has to be asked"
    );
    let Some(What::Block { id, units: 1 }) = rates.next_question().map(|q| q.what) else {
        panic!("a block of one");
    };
    rates.unanswered(now, id);
    assert!(
        rates.prepare(now, who, Cost::REQUEST),
        "nobody waits for it any more"
    );
    let taken: Vec<_> = (0..9)
        .filter_map(|_| rates.take(now, who, Cost::REQUEST).ok())
        .collect();
    assert_eq!(
        (taken.len(), rates.tally.alone, rates.tally.unanswered),
        (3, 3, 1)
    );
    assert_eq!(rates.next_question(), None);
}

#[test]
fn what_is_never_possible_is_refused_without_asking() {
    let mut rates = replica(rule(3, 10_000), rule(100, 10_000));
    let cost = Cost {
        requests: 0,
        tokens: 101,
    };
    assert!(rates.prepare(Mono(0), Subject::V4(7), cost));
    let refused = rates.take(Mono(0), Subject::V4(7), cost).unwrap_err();
    assert_eq!((refused.wait_ms, rates.next_question()), (None, None));
}

#[test]
fn a_counter_has_a_name_that_says_whose_and_which() {
    let question = Question {
        who: Subject::V4(0x0a00_0001),
        meter: Meter {
            kind: super::super::Kind::Tokens,
            rule: rule(100, 60_000),
        },
        what: What::Debt(1),
    };
    assert_eq!(question.key("m:"), "m:rate:{10.0.0.1}:tokens:100/60000");
}
