//! Several processes with all their limits, one counter, and a network between. The counter is whoever
//! plays it: a map here, real servers in `tests/counters.rs`.

use fastrand::Rng;
use maitred::config;
use maitred::config::RateRule;
use maitred::engine::Mono;
use maitred::engine::policy::rate::shared::{BlockId, Grant, Question};
use maitred::engine::policy::rate::{Cost, Rates, Reserved, Subject};

/// Whoever counts.
pub(crate) trait Counter {
    /// Takes a question in. The answer, if it is one that has an answer.
    fn put(&mut self, now_ms: u64, question: &Question) -> Option<(BlockId, Grant)>;
}

/// Everything that was ever let in or used: when, and how much.
#[derive(Default)]
struct Ledger(Vec<(u64, u64)>);

impl Ledger {
    fn sum(&self) -> u64 {
        self.0.iter().map(|(_, n)| n).sum()
    }
}

/// What a play came to.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// Requests that were let in.
    pub(crate) admitted: u64,
    /// Tokens that were used beyond their estimates.
    pub(crate) beyond: u64,
    /// How many times a process gave its blocks back.
    pub(crate) given_back: u64,
}

impl std::ops::AddAssign for Played {
    fn add_assign(&mut self, other: Played) {
        self.admitted += other.admitted;
        self.beyond += other.beyond;
        self.given_back += other.given_back;
    }
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

/// Plays for one window of the counter, and a bit less.
pub(crate) fn play(counter: &mut impl Counter, seed: u64, window_ms: u64) -> Played {
    let mut chance = Rng::with_seed(seed);
    let mut rule = |counts| RateRule {
        count: chance.u64(counts),
        window_ms,
    };
    let (requests, tokens) = (rule(1..60), rule(50..2_000));
    let mut replicas: Vec<Rates> = (0..3).map(|_| replica(requests, tokens)).collect();
    let mut mail: Vec<(u64, usize, BlockId, Grant)> = Vec::new();
    let mut open: Vec<(usize, Reserved, u64)> = Vec::new();
    let (mut ledger, mut used, mut played) =
        (Ledger::default(), Ledger::default(), Played::default());
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
            ledger.0.push((now_ms, 1));
            open.push((which, reserved, cost.tokens));
        }
        if !open.is_empty() && chance.u8(0..10) == 0 {
            let (at, reserved, estimate) = open.swap_remove(chance.usize(0..open.len()));
            let real = chance.u64(0..120);
            played.beyond += real.saturating_sub(estimate);
            used.0.push((now_ms, real));
            replicas[at].settle(now, reserved, real, true);
        }
        if chance.u16(0..500) == 0 {
            assert_eq!(replicas[which].give_back(now, 0, 9), Some(9));
            played.given_back += 1;
        }
        for (from, replica) in replicas.iter_mut().enumerate() {
            while let Some(question) = replica.next_question() {
                if let Some((id, grant)) = counter.put(now_ms, &question) {
                    mail.push((now_ms + chance.u64(0..40), from, id, grant));
                }
            }
        }
    }
    // All of it is in one window of the counter.
    let (admitted, spent) = (ledger.sum(), used.sum());
    assert!(admitted <= requests.count, "seed {seed}: {admitted} let in");
    let most = tokens.count + played.beyond;
    assert!(spent <= most, "seed {seed}: {spent} tokens of {most}");
    played.admitted = admitted;
    played
}
