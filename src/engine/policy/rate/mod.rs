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
//! ```
//! Nothing here knows time, sockets or requests: "now" is an argument, and who asks is a
//! [`Subject`]. After the table is made nothing allocates.

pub mod doors;
pub mod fields;
pub mod lease;
mod subject;
mod subjects;
mod window;

#[cfg(test)]
mod tests;

pub use self::doors::{Door, Doors};
pub use self::subject::Subject;

use self::subjects::{Place, Subjects};
use self::window::Window;
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
}

impl Reserved {
    /// Tokens by estimate.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.cost.tokens
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
}

/// All limits, and everybody who has asked lately. Without limits it is nothing and does nothing.
#[derive(Debug)]
pub struct Rates {
    meters: Vec<Meter>,
    subjects: Subjects,
    /// Tokens charged in advance and not settled.
    open: u64,
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
            tally: Tally::default(),
        }
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
        let windows = self.subjects.look(now, who);
        self.room(now, &windows, cost)
    }

    /// Charges `who` in advance.
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
        let mut ends = [Mono(0); RATE_METERS];
        if let Some(windows) = self.subjects.windows_mut(place) {
            for (at, meter) in self.meters.iter().enumerate() {
                let n = cost.of(meter.kind);
                if n > 0 {
                    ends[at] = windows[at].add(now, meter.rule, n);
                }
            }
        }
        self.open += cost.tokens;
        self.tally.reserved += cost.tokens;
        Ok(Reserved { place, cost, ends })
    }

    /// It was not let in after all: as if it had never been asked.
    #[expect(clippy::needless_pass_by_value, reason = "it comes back once")]
    pub fn put_back(&mut self, reserved: Reserved) {
        let Reserved { place, cost, ends } = reserved;
        self.open -= cost.tokens;
        self.tally.reserved -= cost.tokens;
        let Some(windows) = self.subjects.windows_mut(place) else {
            return;
        };
        for (at, meter) in self.meters.iter().enumerate() {
            windows[at].take_off(ends[at], cost.of(meter.kind));
        }
    }

    /// It is over and has cost so many tokens; `reported` if the provider says so. What it cost
    /// less comes back if its window still runs; what it cost more is charged to the window that
    /// runs now.
    #[expect(clippy::needless_pass_by_value, reason = "it comes back once")]
    pub fn settle(&mut self, now: Mono, reserved: Reserved, tokens: u64, reported: bool) {
        let Reserved { place, cost, ends } = reserved;
        self.open -= cost.tokens;
        let reported = if reported { tokens } else { 0 };
        self.tally.charged = self.tally.charged.saturating_add(tokens);
        self.tally.reported = self.tally.reported.saturating_add(reported);
        // Whoever was forgotten had only windows that are over.
        let Some(windows) = self.subjects.windows_mut(place) else {
            return;
        };
        for (at, meter) in self.meters.iter().enumerate() {
            if meter.kind == Kind::Requests {
                continue;
            }
            if tokens <= cost.tokens {
                windows[at].take_off(ends[at], cost.tokens - tokens);
            } else {
                windows[at].add(now, meter.rule, tokens - cost.tokens);
            }
        }
    }

    /// How `who` stands with each limit, in their order.
    pub fn standing(&self, now: Mono, who: Subject) -> impl Iterator<Item = Standing> + Clone {
        let windows = self.subjects.look(now, who);
        let meters = self.meters.iter().enumerate();
        meters.map(move |(at, meter)| Standing {
            meter: *meter,
            left: windows[at].left(now, meter.rule),
            reset_ms: windows[at].reset_ms(now),
        })
    }

    fn room(
        &mut self,
        now: Mono,
        windows: &[Window; RATE_METERS],
        cost: Cost,
    ) -> Result<(), Refused> {
        let mut worst: Option<Refused> = None;
        for (meter, window) in self.meters.iter().zip(windows) {
            let wanted = cost.of(meter.kind);
            if wanted <= window.left(now, meter.rule) {
                continue;
            }
            let possible = wanted <= meter.rule.count;
            let refused = Refused {
                meter: *meter,
                wait_ms: possible.then(|| window.reset_ms(now)),
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
}
