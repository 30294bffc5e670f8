//! Several processes with all their limits, one counter, and a network between.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use fastrand::Rng;

use super::*;
use crate::config;
use crate::engine::policy::rate::Reserved;

/// The counters, as the script in `proto/redis/counters.rs` has them, by their keys.
#[derive(Default)]
struct Counters(BTreeMap<String, (i64, u64)>);

impl Counters {
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
                };
                Some((id, grant))
            }
        }
    }
}

/// Everything that was ever let in or used: when, whose, how much.
#[derive(Default)]
struct Ledger(Vec<(u64, Subject, u64)>);

impl Ledger {
    /// The most in any window of this length that begins with one of them and was one of the
    /// counter's. Two windows may meet, so twice the rule is the bound around a border.
    fn most(&self, window_ms: u64) -> u64 {
        let mut most = 0;
        for (at, (begins, who, _)) in self.0.iter().enumerate() {
            let inside = self.0[at..]
                .iter()
                .take_while(|(when, ..)| *when < begins + window_ms);
            let theirs = inside.filter(|(_, whose, _)| whose == who);
            most = most.max(theirs.map(|(.., n)| n).sum());
        }
        most
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

/// Plays for one window and a bit less; returns what was let in, and the tokens that were used
/// beyond their estimates.
fn play(seed: u64) -> (usize, u64) {
    let mut chance = Rng::with_seed(seed);
    let (requests, tokens) = (
        rule(chance.u64(1..60), 10_000),
        rule(chance.u64(50..2_000), 10_000),
    );
    let mut replicas: Vec<Rates> = (0..3).map(|_| replica(requests, tokens)).collect();
    let mut counters = Counters::default();
    let mut mail: Vec<(u64, usize, BlockId, Grant)> = Vec::new();
    let mut open: Vec<(usize, Reserved, u64)> = Vec::new();
    let (mut ledger, mut used, mut beyond) = (Ledger::default(), Ledger::default(), 0);
    let who = Subject::V4(7);
    for now_ms in 0..9_990 {
        let now = Mono(0).plus_ms(now_ms);
        while let Some(place) = mail.iter().position(|(due, ..)| *due <= now_ms) {
            let (_, to, id, grant) = mail.swap_remove(place);
            replicas[to].granted(now, id, grant);
        }
        let which = chance.usize(0..3);
        let cost = Cost {
            requests: 1,
            tokens: chance.u64(1..100),
        };
        if chance.u8(0..8) == 0
            && replicas[which].prepare(now, who, cost)
            && let Ok(reserved) = replicas[which].take(now, who, cost)
        {
            ledger.0.push((now_ms, who, 1));
            open.push((which, reserved, cost.tokens));
        }
        if !open.is_empty() && chance.u8(0..10) == 0 {
            let (at, reserved, estimate) = open.swap_remove(chance.usize(0..open.len()));
            let real = chance.u64(0..120);
            beyond += real.saturating_sub(estimate);
            used.0.push((now_ms, who, real));
            replicas[at].settle(now, reserved, real, true);
        }
        for (from, replica) in replicas.iter_mut().enumerate() {
            while let Some(question) = replica.next_question() {
                if let Some((id, grant)) = counters.put(now_ms, &question) {
                    mail.push((now_ms + chance.u64(0..40), from, id, grant));
                }
            }
        }
    }
    // All of it is in one window of the counter.
    assert!(ledger.most(10_000) <= requests.count, "seed {seed}");
    let most = tokens.count + beyond;
    assert!(
        used.most(10_000) <= most,
        "seed {seed}: {}",
        used.most(10_000)
    );
    (ledger.0.len(), beyond)
}

#[test]
fn together_they_keep_to_requests_exactly_and_to_tokens_but_for_wrong_estimates() {
    let (mut admitted, mut beyond) = (0, 0);
    for seed in 0..200 {
        let (some, more) = play(seed);
        admitted += some;
        beyond += more;
    }
    assert!(
        admitted > 2_000 && beyond > 1_000,
        "{admitted} let in, {beyond} tokens beyond"
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
