//! One look-up: what is known so far of both kinds of address, and what follows from it.
//!
//! A pure value. It knows no sockets but their ids, and decides nothing about those who wait.

use std::net::IpAddr;

use crate::engine::io::ResolveFault;
use crate::engine::now::Mono;
use crate::engine::slots::ConnId;
use crate::engine::timers::Timer;
use crate::limits::{DNS_DELAY_MS, DNS_RETRY_MS, DNS_SERVERS, RESOLVE_MS};
use crate::proto::dns::{Kind, Name};

/// A look-up that is going on.
#[derive(Debug)]
pub struct Lookup {
    /// What is looked up.
    pub name: Name,
    /// The next question, the end of waiting for IPv6, or the end of all.
    pub timer: Timer,
    /// The addresses that those who wait have been given already.
    pub told: Vec<IpAddr>,
    a: Half,
    aaaa: Half,
    retry_at: Mono,
    /// When IPv4 alone will do.
    start_at: Mono,
    until: Mono,
}

/// One kind of address.
#[derive(Debug)]
pub struct Half {
    /// Where an answer may come from.
    pub sockets: Vec<ConnId>,
    outcome: Outcome,
    /// How often each server was asked.
    asked: [u8; DNS_SERVERS],
    /// Which ones can or will not say.
    refused: [bool; DNS_SERVERS],
}

/// What became of one half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No answer yet.
    Asking,
    /// Addresses, and for how long they hold.
    Found {
        /// At least one.
        addresses: Vec<IpAddr>,
        /// Milliseconds.
        fresh_ms: u64,
    },
    /// The answer is no.
    Denied {
        /// No such name, or no address of this kind.
        fault: ResolveFault,
        /// For how long that holds, in milliseconds.
        keep_ms: u64,
    },
    /// All servers refused.
    Failed,
}

/// What follows from both halves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Wait,
    /// There are addresses that will do, and more may come.
    Start,
    /// There are addresses, and no more will come.
    Found,
    /// There are none.
    Denied {
        /// Why.
        fault: ResolveFault,
        /// For how long that holds, in milliseconds.
        keep_ms: u64,
    },
    /// Nobody would say.
    Failed,
}

impl Lookup {
    /// A look-up that begins now.
    #[must_use]
    pub fn new(name: Name, now: Mono) -> Self {
        Lookup {
            name,
            timer: Timer::default(),
            told: Vec::new(),
            a: Half::new(),
            aaaa: Half::new(),
            retry_at: now.plus_ms(DNS_RETRY_MS),
            start_at: Mono::NEVER,
            until: now.plus_ms(RESOLVE_MS),
        }
    }

    /// One kind of address.
    pub fn half(&mut self, kind: Kind) -> &mut Half {
        match kind {
            Kind::A => &mut self.a,
            Kind::Aaaa => &mut self.aaaa,
        }
    }

    /// Both kinds of address.
    pub fn halves(&self) -> [(Kind, &Half); 2] {
        [(Kind::Aaaa, &self.aaaa), (Kind::A, &self.a)]
    }

    /// What follows from what is known now.
    pub fn verdict(&mut self, now: Mono) -> Verdict {
        use Outcome::{Asking, Denied, Failed, Found};
        use ResolveFault::NoSuchName;
        match (&self.a.outcome, &self.aaaa.outcome) {
            (Found { .. }, Asking) if self.told.is_empty() => {
                self.start_at = self.start_at.min(now.plus_ms(DNS_DELAY_MS));
                if now < self.start_at {
                    Verdict::Wait
                } else {
                    Verdict::Start
                }
            }
            (Found { .. }, Asking) | (Asking, Found { .. }) => Verdict::Start,
            (Found { .. }, _) | (_, Found { .. }) => Verdict::Found,
            // A name that does not exist has nothing of any kind (RFC 8020). Only who was asked for
            // IPv4 is believed at once: some servers deny a whole name that lacks only IPv6
            // (RFC 4074 §4.2).
            (Denied { fault, keep_ms }, _) if *fault == NoSuchName => Verdict::Denied {
                fault: NoSuchName,
                keep_ms: *keep_ms,
            },
            (Asking, _) | (_, Asking) => Verdict::Wait,
            (Failed, _) | (_, Failed) => Verdict::Failed,
            (Denied { keep_ms: one, .. }, Denied { keep_ms: other, .. }) => Verdict::Denied {
                fault: ResolveFault::NoAddress,
                keep_ms: *one.min(other),
            },
        }
    }

    /// All addresses so far, those of IPv6 first (RFC 8305 §4), and for how long they hold.
    #[must_use]
    pub fn found(&self) -> (Vec<IpAddr>, u64) {
        let (mut all, mut shortest) = (Vec::new(), u64::MAX);
        for (_, half) in self.halves() {
            if let Outcome::Found {
                addresses,
                fresh_ms,
            } = &half.outcome
            {
                all.extend_from_slice(addresses);
                shortest = shortest.min(*fresh_ms);
            }
        }
        (all, shortest)
    }

    /// Those who wait have these addresses: what is still missing has one more retry's time, and no
    /// further question is sent for it.
    pub fn tell(&mut self, addresses: Vec<IpAddr>, now: Mono) {
        self.told = addresses;
        self.until = self.until.min(now.plus_ms(DNS_RETRY_MS));
        self.retry_at = Mono::NEVER;
        self.start_at = Mono::NEVER;
    }

    /// Whether the time for all of it is over.
    #[must_use]
    pub fn is_over(&self, now: Mono) -> bool {
        now >= self.until
    }

    /// Whether it is time to ask again, which it then is not for a while.
    pub fn takes_retry(&mut self, now: Mono) -> bool {
        let due = now >= self.retry_at;
        if due {
            self.retry_at = now.plus_ms(DNS_RETRY_MS);
        }
        due
    }

    /// When something has to be done although nothing comes.
    #[must_use]
    pub fn wake_at(&self) -> Mono {
        self.retry_at.min(self.start_at).min(self.until)
    }
}

impl Half {
    fn new() -> Self {
        Half {
            sockets: Vec::new(),
            outcome: Outcome::Asking,
            asked: [0; DNS_SERVERS],
            refused: [false; DNS_SERVERS],
        }
    }

    /// Whether an answer is still wanted.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.outcome == Outcome::Asking
    }

    /// What became of it.
    pub fn settle(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    /// A server can or will not say. With the last one of `servers` all of it has failed.
    pub fn refuse(&mut self, server: usize, servers: usize) {
        self.refused[server] = true;
        if self.is_asking() && self.refused[..servers].iter().all(|refused| *refused) {
            self.outcome = Outcome::Failed;
        }
    }

    /// The server to be asked next, of so many: the one that was asked least often, in their order.
    /// Unless `again`, only one that was not asked before.
    pub fn next_server(&mut self, servers: usize, again: bool) -> Option<usize> {
        let next = (0..servers)
            .filter(|server| !self.refused[*server])
            .min_by_key(|server| self.asked[*server])?;
        if self.asked[next] > 0 && !again {
            return None;
        }
        self.asked[next] += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests;
