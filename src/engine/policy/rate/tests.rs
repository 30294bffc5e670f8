//! The limits against a model that remembers everything, and a few stories.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const REQUESTS: RateRule = RateRule {
    count: 3,
    window_ms: 1_000,
};
const TOKENS: RateRule = RateRule {
    count: 100,
    window_ms: 1_700,
};

fn limits(requests: &[RateRule], tokens: &[RateRule], subjects: usize) -> Rates {
    let config = config::Rate {
        requests: requests.to_vec(),
        tokens: tokens.to_vec(),
        connections: None,
        subjects,
    };
    Rates::new(&config, 1)
}

fn at(ms: u64) -> Mono {
    Mono(0).plus_ms(ms)
}

fn text(tokens: u64) -> Cost {
    Cost {
        requests: 1,
        tokens,
    }
}

#[test]
fn a_hundred_at_once_and_no_more_than_three_get_in() {
    let mut rates = limits(&[REQUESTS], &[], 8);
    let me = Subject::V4(1);
    let taken: Vec<_> = (0..100)
        .map(|_| rates.take(at(5), me, Cost::REQUEST))
        .collect();
    assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 3);
    let refused = taken.last().unwrap().as_ref().unwrap_err();
    assert_eq!(refused.wait_ms, Some(1_000));
    assert!(rates.take(at(5), Subject::V4(2), Cost::REQUEST).is_ok());
    assert!(rates.take(at(1_004), me, Cost::REQUEST).is_err());
    assert!(rates.take(at(1_005), me, Cost::REQUEST).is_ok());
    assert_eq!(rates.tally.refused, [98, 0]);
}

#[test]
fn an_estimate_is_settled_and_room_comes_back() {
    let mut rates = limits(&[], &[TOKENS], 8);
    let me = Subject::V4(1);
    let first = rates.take(at(0), me, text(60)).unwrap();
    assert!(rates.take(at(1), me, text(60)).is_err(), "60 are reserved");
    rates.settle(at(2), first, 30, true);
    let second = rates.take(at(3), me, text(60)).unwrap();
    rates.settle(at(4), second, 90, true);
    let refused = rates.check(at(5), me, text(1)).unwrap_err();
    assert_eq!(refused.wait_ms, Some(1_695), "20 more than there were");
    assert!(rates.check(at(5), me, Cost::REQUEST).is_ok(), "no tokens");
    assert!(rates.check(at(1_700), me, text(1)).is_ok());
    let expected = Tally {
        refused: [0, 2],
        crowded: 0,
        reserved: 120,
        charged: 120,
        reported: 120,
        ..Tally::default()
    };
    assert_eq!((rates.tally, rates.open_tokens()), (expected, 0));
}

#[test]
fn a_refusal_by_one_window_charges_no_other() {
    let mut rates = limits(&[REQUESTS], &[TOKENS], 8);
    let me = Subject::V4(1);
    for _ in 0..9 {
        let refused = rates.take(at(0), me, text(101)).unwrap_err();
        assert_eq!((refused.meter.kind, refused.wait_ms), (Kind::Tokens, None));
    }
    let left: Vec<u64> = rates.standing(at(0), me).map(|s| s.left).collect();
    assert_eq!(left, [3, 100]);
    let taken = rates.take(at(0), me, text(100)).unwrap();
    rates.put_back(at(0), taken);
    let left: Vec<u64> = rates.standing(at(0), me).map(|s| s.left).collect();
    assert_eq!(left, [3, 100]);
    assert_eq!(rates.open_tokens(), 0);
}

/// One step of somebody's life with limits.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Take { who: u32, tokens: u64 },
    Settle { which: usize, tokens: u64 },
    PutBack { which: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..900).prop_map(Step::Wait),
        (0_u32..4, 0_u64..120).prop_map(|(who, tokens)| Step::Take { who, tokens }),
        (0_u32..4, 0_u64..30).prop_map(|(who, tokens)| Step::Take { who, tokens }),
        (0_usize..8, 0_u64..80).prop_map(|(which, tokens)| Step::Settle { which, tokens }),
        (0_usize..8).prop_map(|which| Step::PutBack { which }),
    ];
    proptest::collection::vec(step, 0..120)
}

/// All charges of one subject that count for one rule, as (when, how many), with what came back in
/// the place of what was taken. Windows are found by walking through all of them.
#[derive(Clone, Debug, Default)]
struct Book(Vec<(u64, i64)>);

impl Book {
    /// Where the window begins that runs at `now`.
    fn begins(&self, rule: RateRule, now: u64) -> Option<u64> {
        let mut begins: Option<u64> = None;
        for (when, _) in &self.0 {
            if begins.is_none_or(|begun| *when >= begun + rule.window_ms) {
                begins = Some(*when);
            }
        }
        begins.filter(|begun| now < begun + rule.window_ms)
    }

    fn used(&self, rule: RateRule, now: u64) -> i64 {
        let Some(begins) = self.begins(rule, now) else {
            return 0;
        };
        let within = self.0.iter().filter(|(when, _)| *when >= begins);
        within.map(|(_, n)| n).sum()
    }
}

/// Charges, and what of them is still open: (who, when, tokens, places in the two books).
#[derive(Default)]
struct Model {
    requests: [Book; 4],
    tokens: [Book; 4],
    open: Vec<(u32, u64, usize, Option<usize>)>,
}

impl Model {
    fn take(&mut self, now: u64, who: u32, tokens: u64) -> bool {
        let (requests, books) = (&mut self.requests[who as usize], &mut self.tokens);
        let book = &mut books[who as usize];
        let fits = requests.used(REQUESTS, now) < REQUESTS.count as i64
            && (tokens == 0 || book.used(TOKENS, now) + tokens as i64 <= TOKENS.count as i64);
        if fits {
            requests.0.push((now, 1));
            let place = (tokens > 0).then_some(book.0.len());
            if tokens > 0 {
                book.0.push((now, tokens as i64));
            }
            self.open.push((who, tokens, requests.0.len() - 1, place));
        }
        fits
    }

    fn settle(&mut self, now: u64, which: usize, tokens: u64) {
        let (who, reserved, _, place) = self.open.remove(which);
        let book = &mut self.tokens[who as usize];
        if tokens > reserved {
            book.0.push((now, (tokens - reserved) as i64));
        } else if let Some(place) = place {
            book.0[place].1 -= (reserved - tokens) as i64;
        }
    }

    fn put_back(&mut self, which: usize) {
        let (who, _, request, place) = self.open.remove(which);
        self.requests[who as usize].0[request].1 -= 1;
        if let Some(place) = place {
            self.tokens[who as usize].0[place].1 = 0;
        }
    }
}

proptest! {
    /// Whatever happens in whatever order: the same decisions as the model's, the same left over,
    /// and in no window more requests than the rule allows.
    #[test]
    fn it_decides_as_a_model_that_remembers_everything(steps in steps()) {
        let mut rates = limits(&[REQUESTS], &[TOKENS], 4);
        let mut model = Model::default();
        let mut open = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Take { who, tokens } => {
                    let taken = rates.take(at(now), Subject::V4(who), text(tokens));
                    prop_assert_eq!(taken.is_ok(), model.take(now, who, tokens));
                    open.extend(taken.ok());
                }
                Step::Settle { which, tokens } if which < open.len() => {
                    rates.settle(at(now), open.remove(which), tokens, true);
                    model.settle(now, which, tokens);
                }
                Step::PutBack { which } if which < open.len() => {
                    rates.put_back(at(now), open.remove(which));
                    model.put_back(which);
                }
                _ => {}
            }
            for who in 0..4 {
                let used = model.tokens[who as usize].used(TOKENS, now);
                let expected = [
                    REQUESTS.count as i64 - model.requests[who as usize].used(REQUESTS, now),
                    (TOKENS.count as i64 - used).max(0),
                ];
                prop_assert!(expected[0] >= 0, "more requests than allowed");
                let left: Vec<i64> = rates.standing(at(now), Subject::V4(who))
                    .map(|standing| standing.left as i64)
                    .collect();
                prop_assert_eq!(&left[..], &expected[..]);
            }
            let held: u64 = open.iter().map(Reserved::tokens).sum();
            prop_assert_eq!(held, rates.open_tokens());
        }
    }
}
