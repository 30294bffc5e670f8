//! Rate limits: how much somebody may ask for in a minute, or in a day.
//!
//! ```text
//!  a request ─► take(who, 1 request, 900 tokens by estimate)
//!                 │ every window has room: all of them are charged     │ one has not: nothing is
//!                 ▼                                                     ▼
//!              Reserved ── settle(412 tokens by the provider's count)   Refused: which, until when
//!                     └─── put_back: it was not let in after all
//! ```
//! What is charged is charged *before* the call is made, so calls side by side cannot overshoot; what
//! the provider counts in the end replaces the estimate. The windows are independent: a minute
//! that has room does not help against a day that has none.
//!
//! A window begins with the first request in it and lasts as long as its rule says; then the next
//! request begins a new one. So within a window there is never more than the rule allows, the end
//! of a window is the exact moment at which trying again helps, and no clock has to be agreed on.
//! (Two windows that meet can hold twice the rule around their border. A second, shorter window
//! is the remedy, and the reason that there may be several.)
//!
//! ```text
//!   meter      windows     window.rs    one count that begins anew; O(1), 16 bytes
//!   who        a place     subjects.rs  the bounded table of those who have asked lately
//!   a reply    fields.rs   how much is left, in the words of each API
//!   a replica  lease.rs    blocks from a counter that is shared by several processes
//!              shared.rs   who asks that counter for them
//! ```
//! Nothing here knows time, sockets or requests: "now" is an argument, and who asks is a
//! [`Subject`]. After the table is made nothing allocates, but blocks for a newcomer where a counter
//! is shared.

pub mod doors;
pub mod fields;
pub mod lease;
pub mod shared;
mod subject;
mod subjects;
mod window;

#[cfg(test)]
mod tests;

pub use self::doors::{Door, Doors};
pub use self::subject::Subject;

use self::lease::Take;
use self::shared::Questions;
use self::subjects::{Entry, Place, Subjects};
use crate::config::{self, RateRule};
use crate::engine::now::Mono;
use crate::limits::{RATE_COUNT, RATE_METERS, RATE_PROMPT_TOKENS, RATE_TOKENS_UNASKED};

/// What a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Requests.
    Requests,
    /// Tokens, of prompts and answers together.
    Tokens,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Requests => "requests",
            Kind::Tokens => "tokens",
        }
    }
}

/// One limit: so many of these in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What is counted.
    pub kind: Kind,
    /// How many, in how long.
    pub rule: RateRule,
}

/// What something costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests.
    pub requests: u64,
    /// Tokens, as far as they can be told beforehand.
    pub tokens: u64,
}

impl Cost {
    /// One request that no model is asked for.
    pub const REQUEST: Cost = Cost {
        requests: 1,
        tokens: 0,
    };

    /// One request with a prompt of so many bytes and so many answers of so many tokens at most.
    #[must_use]
    pub fn of_text(prompt_bytes: usize, answers: u32, max_tokens: Option<u32>) -> Cost {
        let answer = max_tokens.map_or(RATE_TOKENS_UNASKED, u64::from);
        let answers = answer.saturating_mul(u64::from(answers));
        Cost {
            requests: 1,
            tokens: tokens_of_prompt(prompt_bytes).saturating_add(answers),
        }
    }

    fn of(self, kind: Kind) -> u64 {
        match kind {
            Kind::Requests => self.requests,
            Kind::Tokens => self.tokens,
        }
    }
}

/// About how many tokens a prompt of so many bytes is.
#[must_use]
pub fn tokens_of_prompt(bytes: usize) -> u64 {
    tokens_in(bytes).min(RATE_PROMPT_TOKENS)
}

/// About how many tokens so many bytes of text are: one for four letters of English.
#[must_use]
pub fn tokens_in(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// What was charged in advance. It is given back by [`Rates::settle`] or [`Rates::put_back`], once.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Reserved {
    place: Place,
    cost: Cost,
    /// The end of each window that was charged, which is also its name.
    ends: [Mono; RATE_METERS],
    /// Which of them are shared windows, of which this process has a block: a bit for each.
    blocks: u8,
}

const _: () = assert!(RATE_METERS <= 8, "a bit for each");

impl Reserved {
    /// Tokens by estimate.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.cost.tokens
    }

    fn is_of_block(&self, at: usize) -> bool {
        self.blocks & (1 << at) != 0
    }
}

/// Why nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The limit that is reached; of several the one that is reached for longest.
    pub meter: Meter,
    /// Milliseconds until it has room again, rounded up; `None` if it never has room for this much.
    pub wait_ms: Option<u64>,
}

/// How somebody stands with one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which limit.
    pub meter: Meter,
    /// What is left of it.
    pub left: u64,
    /// Milliseconds until all of it is there again, rounded up; 0 if all of it is there.
    pub reset_ms: u64,
}

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests refused, by [`Kind`].
    pub refused: [u64; 2],
    /// Requests counted together with those of others, because the table was full.
    pub crowded: u64,
    /// Tokens charged in advance.
    pub reserved: u64,
    /// Tokens charged in the end.
    pub charged: u64,
    /// Of these, tokens that a provider has counted.
    pub reported: u64,
    /// Blocks that a shared counter was asked for.
    pub asked: u64,
    /// Of these, blocks that it has not answered about.
    pub unanswered: u64,
    /// Requests that were decided here alone, although there is a shared counter.
    pub alone: u64,
    /// Of what was taken from it: what was given back at the end.
    pub given_back: u64,
}

/// All limits, and everybody who has asked lately. Without limits it is nothing and does nothing.
#[derive(Debug)]
pub struct Rates {
    meters: Vec<Meter>,
    subjects: Subjects,
    /// Tokens charged in advance and not settled.
    open: u64,
    /// What a shared counter is to be asked, if there is one.
    questions: Option<Questions>,
    /// What has happened.
    pub tally: Tally,
}

impl Rates {
    /// The limits of `config`. `seed` keys the table, so that nobody can choose addresses that
    /// meet in it.
    #[must_use]
    pub fn new(config: &config::Rate, seed: u64) -> Self {
        let meter = |kind| move |rule: &RateRule| Meter { kind, rule: *rule };
        let requests = config.requests.iter().map(meter(Kind::Requests));
        let tokens = config.tokens.iter().map(meter(Kind::Tokens));
        let meters: Vec<Meter> = requests.chain(tokens).collect();
        debug_assert!(meters.len() <= RATE_METERS);
        let places = match meters.len() {
            0 => 0,
            _ => config.subjects,
        };
        Rates {
            meters,
            subjects: Subjects::new(places, seed),
            open: 0,
            questions: None,
            tally: Tally::default(),
        }
    }

    /// Those of a configuration; with the counters of several processes if there is somebody who
    /// keeps them.
    #[must_use]
    pub fn of(config: &config::Config, seed: u64) -> Self {
        let rates = Rates::new(&config.rate, seed);
        let counter = config.redis.is_some() || config.database.postgres().is_some();
        if rates.is_on() && counter {
            return rates.shared();
        }
        rates
    }

    /// Whether there is any limit.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.meters.is_empty()
    }

    /// The limits.
    #[must_use]
    pub fn meters(&self) -> &[Meter] {
        &self.meters
    }

    /// Tokens charged in advance and not settled.
    #[must_use]
    pub fn open_tokens(&self) -> u64 {
        self.open
    }

    /// How many are in the table, and how many may be.
    #[must_use]
    pub fn subjects(&self) -> (usize, usize) {
        (self.subjects.len(), self.subjects.limit())
    }

    /// Whether [`take`](Rates::take) would let `who` in now. Nothing is charged.
    ///
    /// # Errors
    /// A limit would be overstepped.
    pub fn check(&mut self, now: Mono, who: Subject, cost: Cost) -> Result<(), Refused> {
        let mut entry = self.subjects.look_mut(now, who);
        let mut worst: Option<Refused> = None;
        for (at, meter) in self.meters.iter().enumerate() {
            let wanted = cost.of(meter.kind);
            let Err(wait_ms) = room(now, entry.as_deref_mut(), at, meter.rule, wanted) else {
                continue;
            };
            let refused = Refused {
                meter: *meter,
                wait_ms: (wanted <= meter.rule.count).then_some(wait_ms),
            };
            let longer =
                |other: &Refused| refused.wait_ms.is_none_or(|ms| Some(ms) > other.wait_ms);
            let known_never = worst.is_some_and(|other| other.wait_ms.is_none());
            if !known_never && worst.as_ref().is_none_or(longer) {
                worst = Some(refused);
            }
        }
        match worst {
            None => Ok(()),
            Some(refused) => {
                self.tally.refused[refused.meter.kind as usize] += 1;
                Err(refused)
            }
        }
    }

    /// Charges `who` in advance. Where a counter is shared and has not been asked in time
    /// ([`Rates::prepare`]), it is decided without it.
    ///
    /// # Errors
    /// A limit would be overstepped; nothing was charged.
    pub fn take(&mut self, now: Mono, who: Subject, cost: Cost) -> Result<Reserved, Refused> {
        self.check(now, who, cost)?;
        // Without a limit on tokens nobody has asked how many they are.
        let cost = Cost {
            tokens: cost.tokens.min(RATE_COUNT),
            ..cost
        };
        let place = self.subjects.place(now, who);
        self.tally.crowded += u64::from(place.is_shared());
        let mut reserved = Reserved {
            place,
            cost,
            ends: [Mono(0); RATE_METERS],
            blocks: 0,
        };
        let mut alone = false;
        if let Some(entry) = self.subjects.entry_mut(place) {
            for (at, meter) in self.meters.iter().enumerate() {
                let n = cost.of(meter.kind);
                if n == 0 {
                    continue;
                }
                let block = entry.leases.get_mut(at).map(|lease| lease.take(now, n));
                if let Some(Take::Taken(name)) = block {
                    reserved.ends[at] = name;
                    reserved.blocks |= 1 << at;
                } else {
                    alone |= block.is_some();
                    reserved.ends[at] = entry.windows[at].add(now, meter.rule, n);
                }
            }
        }
        self.tally.alone += u64::from(alone);
        self.open += cost.tokens;
        self.tally.reserved += cost.tokens;
        self.ask_for_blocks(now, place);
        Ok(reserved)
    }

    /// It was not let in after all: as if it had never been asked.
    #[expect(clippy::needless_pass_by_value, reason = "it comes back once")]
    pub fn put_back(&mut self, now: Mono, reserved: Reserved) {
        self.open -= reserved.cost.tokens;
        self.tally.reserved -= reserved.cost.tokens;
        if let Some(entry) = self.subjects.entry_mut(reserved.place) {
            for (at, meter) in self.meters.iter().enumerate() {
                give_back(now, entry, at, &reserved, reserved.cost.of(meter.kind));
            }
        }
    }

    /// It is over and has cost so many tokens; `reported` if the provider says so. What it cost
    /// less comes back if its window still runs; what it cost more is charged to the window that
    /// runs now.
    #[expect(clippy::needless_pass_by_value, reason = "it comes back once")]
    pub fn settle(&mut self, now: Mono, reserved: Reserved, tokens: u64, reported: bool) {
        let estimate = reserved.cost.tokens;
        self.open -= estimate;
        let reported = if reported { tokens } else { 0 };
        self.tally.charged = self.tally.charged.saturating_add(tokens);
        self.tally.reported = self.tally.reported.saturating_add(reported);
        // Whoever was forgotten had only windows that are over.
        let Some(entry) = self.subjects.entry_mut(reserved.place) else {
            return;
        };
        for (at, meter) in self.meters.iter().enumerate() {
            if meter.kind == Kind::Requests {
                continue;
            }
            if tokens <= estimate {
                give_back(now, entry, at, &reserved, estimate - tokens);
            } else if reserved.is_of_block(at) {
                let debt = entry.leases[at].overdraw(now, tokens - estimate);
                if let Some(questions) = &mut self.questions {
                    questions.owe(entry.who, *meter, debt);
                }
            } else {
                entry.windows[at].add(now, meter.rule, tokens - estimate);
            }
        }
    }

    /// How `who` stands with each limit, in their order.
    pub fn standing(&self, now: Mono, who: Subject) -> impl Iterator<Item = Standing> + Clone {
        let entry = self.subjects.look(now, who);
        let alone = self.is_alone();
        let meters = self.meters.iter().enumerate();
        meters.map(move |(at, meter)| {
            let lease = entry.and_then(|entry| entry.leases.get(at));
            let window = entry.map(|entry| entry.windows[at]).unwrap_or_default();
            let (left, reset_ms) = match lease {
                Some(lease) if !alone => lease.standing(now),
                _ => (window.left(now, meter.rule), window.reset_ms(now)),
            };
            Standing {
                meter: *meter,
                left,
                reset_ms,
            }
        })
    }
}

/// Whether there is room for `wanted` in limit `at` of somebody, or in how many milliseconds there
/// may be. A counter that has to be asked first refuses nobody yet.
fn room(
    now: Mono,
    entry: Option<&mut Entry>,
    at: usize,
    rule: RateRule,
    wanted: u64,
) -> Result<(), u64> {
    let Some(entry) = entry else {
        return if wanted <= rule.count { Ok(()) } else { Err(0) };
    };
    match entry
        .leases
        .get_mut(at)
        .map(|lease| lease.look(now, wanted))
    {
        Some(Take::Taken(_)) => Ok(()),
        Some(Take::Refused { wait_ms }) => Err(wait_ms),
        Some(Take::Wait | Take::Alone) | None => {
            let window = entry.windows[at];
            let fits = wanted <= window.left(now, rule);
            fits.then_some(()).ok_or_else(|| window.reset_ms(now))
        }
    }
}

/// Gives `n` of what was reserved of limit `at` back to where it came from.
fn give_back(now: Mono, entry: &mut Entry, at: usize, reserved: &Reserved, n: u64) {
    let name = reserved.ends[at];
    if reserved.is_of_block(at) {
        entry.leases[at].put_back(now, name, n);
    } else {
        entry.windows[at].take_off(name, n);
    }
}
