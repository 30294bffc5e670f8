//! Blocks of a counter that several processes share, spent from memory.
//!
//! A process does not ask the counter for each request. It takes a *block* of a window's allowance and
//! lets requests in by it, and takes the next block before that one is used up:
//!
//! ```text
//!             take: nothing left              the answer: n, and when the window ends
//!   Nothing ──────────────────────► Asking ─────────────────────────────────────► a block of n
//!      ▲                              │ no answer in time                             │    │ less than
//!      │                              ▼                                               │    │ asked for
//!      └──(a while)── Alone: each decides by a window of its own       (the end) ◄────┴────▼
//!      ▲                                                                    │         no more until
//!      └────────────────────────────────────────────────────────────────────┘         the end
//! ```
//! Together the processes never let in more than a window allows: the counter gives away no more
//! than that, what was given away is spent once, and in the window that it was given for. (The
//! end that is told is counted from when the block was asked for, so it is never later than the real
//! one.) They may let in less: what is in the block of a process that dies is lost for this window, and
//! so is an answer that came too late, unless whoever holds the lease can tell the counter.
//!
//! It decides and does nothing: whoever holds it sends [`Lease::ask`]'s question to the counter (such
//! as `LEASE` in `proto/redis/counters.rs`) and tells the answer to [`Lease::granted`].

use super::shared::Grant;
use crate::config::RateRule;
use crate::engine::now::Mono;
use crate::limits::{RATE_BLOCK_PART, RATE_LEASE_MS};

/// One subject's share of one window.
#[derive(Debug)]
pub struct Lease {
    rule: RateRule,
    /// What is left of the blocks of this window, and when it ends.
    left: u64,
    ends: Mono,
    /// What the counter calls that window; `None` if blocks of two are among them.
    window: Option<u64>,
    /// What the counter had left when it was asked last.
    elsewhere: u64,
    /// The counter has given all that it had.
    dry: bool,
    asking: Option<Asking>,
    /// How many times it was asked.
    asked: u32,
    /// The most that somebody wanted and did not get.
    wanted: u64,
    /// The counter did not answer; until then nobody asks it.
    alone_until: Mono,
}

#[derive(Clone, Copy, Debug)]
struct Asking {
    number: u32,
    since: Mono,
    units: u64,
}

/// A question to the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which question it is.
    pub number: u32,
    /// How many units are asked for.
    pub units: u64,
}

/// Whether somebody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Yes. The name of the window is needed to give back what was not used.
    Taken(Mono),
    /// No, until then.
    Refused {
        /// Milliseconds until the window ends.
        wait_ms: u64,
    },
    /// The counter has to be asked first.
    Wait,
    /// The counter is not there: decide without it.
    Alone,
}

impl Lease {
    /// Without a block.
    #[must_use]
    pub fn new(rule: RateRule) -> Self {
        Lease {
            rule,
            left: 0,
            ends: Mono(0),
            window: None,
            elsewhere: 0,
            dry: false,
            asking: None,
            asked: 0,
            wanted: 0,
            alone_until: Mono(0),
        }
    }

    /// Somebody wants `n` units.
    pub fn take(&mut self, now: Mono, n: u64) -> Take {
        let answer = self.look(now, n);
        match answer {
            Take::Taken(_) => self.left -= n,
            Take::Wait => self.wanted = self.wanted.max(n),
            Take::Refused { .. } | Take::Alone => {}
        }
        answer
    }

    /// What [`take`](Lease::take) would say. Nothing is taken, and nothing wanted.
    pub fn look(&mut self, now: Mono, n: u64) -> Take {
        self.look_at_the_time(now);
        if n <= self.left {
            return Take::Taken(self.ends);
        }
        if self.dry {
            let wait_ms = self.ends.since(now).div_ceil(1_000_000);
            return Take::Refused { wait_ms };
        }
        if now < self.alone_until {
            return Take::Alone;
        }
        Take::Wait
    }

    /// `n` units will be wanted, by somebody who waits for them.
    pub fn want(&mut self, n: u64) {
        self.wanted = self.wanted.max(n);
    }

    /// Whether there is nothing to remember about it.
    #[must_use]
    pub fn is_over(&self, now: Mono) -> bool {
        now >= self.ends
    }

    /// What may be left for this process and all others, as far as it has heard, and in how many
    /// milliseconds all of it is there again.
    #[must_use]
    pub fn standing(&self, now: Mono) -> (u64, u64) {
        if self.is_over(now) {
            return (self.rule.count, 0);
        }
        let left = self.left.saturating_add(self.elsewhere);
        let reset_ms = self.ends.since(now).div_ceil(1_000_000);
        (left.min(self.rule.count), reset_ms)
    }

    /// What the counter is to be asked now, if anything: when a block is half used, so that the next
    /// one is there before it is needed.
    pub fn ask(&mut self, now: Mono) -> Option<Ask> {
        self.look_at_the_time(now);
        let block = (self.rule.count / RATE_BLOCK_PART).max(1);
        let low = self.left <= block / 2 && (self.left > 0 || self.wanted > 0);
        let may = !self.dry && self.asking.is_none() && now >= self.alone_until;
        if !(may && (low || self.wanted > self.left)) {
            return None;
        }
        let units = block.max(self.wanted).min(self.rule.count);
        self.asked = self.asked.wrapping_add(1);
        self.wanted = 0;
        self.asking = Some(Asking {
            number: self.asked,
            since: now,
            units,
        });
        Some(Ask {
            number: self.asked,
            units,
        })
    }

    /// The counter has given something in answer to question `number`. An answer that nobody waits for
    /// any more is lost.
    pub fn granted(&mut self, now: Mono, number: u32, grant: Grant) {
        self.look_at_the_time(now);
        let Some(asking) = self.asking.take_if(|asking| asking.number == number) else {
            return;
        };
        let units = grant.units;
        let ends = asking.since.plus_ms(grant.ends_in_ms);
        if now >= self.ends {
            // The window of the blocks before it is over, as far as we know.
            self.left = 0;
            self.ends = ends;
            self.window = Some(grant.window);
        } else {
            // Unless it has lost all that it knew.
            self.window = self.window.filter(|window| *window == grant.window);
        }
        // Otherwise it is still the same window: the counter cannot have begun another one before
        // the end of this one, and now is before that.
        self.ends = self.ends.max(ends);
        self.dry = units < asking.units && now < self.ends;
        self.left = if now < self.ends {
            self.left + units
        } else {
            0
        };
        self.elsewhere = grant.left;
    }

    /// There will be no answer to question `number`.
    pub fn failed(&mut self, now: Mono, number: u32) {
        if (self.asking.take_if(|asking| asking.number == number)).is_some() {
            self.alone_until = now.plus_ms(RATE_LEASE_MS);
        }
    }

    /// `n` of what was taken from the window `name` were not used after all.
    pub fn put_back(&mut self, now: Mono, name: Mono, n: u64) {
        self.look_at_the_time(now);
        if name <= self.ends && now < name {
            self.left += n;
        }
    }

    /// `n` more were used than were taken. What is not covered by the block is returned, to be told
    /// to the counter.
    pub fn overdraw(&mut self, now: Mono, n: u64) -> u64 {
        self.look_at_the_time(now);
        let covered = n.min(self.left);
        self.left -= covered;
        n - covered
    }

    /// Gives up what is left of the blocks, when the process is about to end: how many, and of which
    /// window. The counter can be told, so that they are not lost to the others.
    pub fn end(&mut self, now: Mono) -> Option<(u64, u64)> {
        self.look_at_the_time(now);
        let window = self.window?;
        let units = std::mem::take(&mut self.left);
        (units > 0).then_some((units, window))
    }

    fn look_at_the_time(&mut self, now: Mono) {
        if now >= self.ends {
            (self.left, self.dry) = (0, false);
        }
        let late = |asking: &mut Asking| now >= asking.since.plus_ms(RATE_LEASE_MS);
        if self.asking.take_if(late).is_some() {
            self.alone_until = now.plus_ms(RATE_LEASE_MS);
        }
    }
}

#[cfg(test)]
mod tests;
