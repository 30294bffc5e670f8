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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(ip: &str) -> Outcome {
        Outcome::Found {
            addresses: vec![ip.parse().unwrap()],
            fresh_ms: 9_000,
        }
    }

    fn denied(fault: ResolveFault, keep_ms: u64) -> Outcome {
        Outcome::Denied { fault, keep_ms }
    }

    fn verdict(a: &Outcome, aaaa: &Outcome) -> Verdict {
        let mut lookup = Lookup::new(Name::parse("llm.test").unwrap(), Mono(0));
        lookup.half(Kind::A).settle(a.clone());
        lookup.half(Kind::Aaaa).settle(aaaa.clone());
        lookup.verdict(Mono(0))
    }

    #[test]
    fn what_follows_from_two_answers() {
        use Outcome::{Asking, Failed};
        let (a, aaaa) = (&found("10.0.0.1"), &found("fd00::1"));
        let nobody = &denied(ResolveFault::NoSuchName, 4_000);
        let nothing = &denied(ResolveFault::NoAddress, 2_000);
        let no = |fault, keep_ms| Verdict::Denied { fault, keep_ms };
        for (first, second, expected) in [
            (&Asking, &Asking, Verdict::Wait),
            (a, &Asking, Verdict::Wait),
            (&Asking, aaaa, Verdict::Start),
            (a, aaaa, Verdict::Found),
            (a, nobody, Verdict::Found),
            (a, &Failed, Verdict::Found),
            (nothing, aaaa, Verdict::Found),
            (&Asking, nobody, Verdict::Wait),
            (&Asking, &Failed, Verdict::Wait),
            (nobody, &Asking, no(ResolveFault::NoSuchName, 4_000)),
            (nobody, &Failed, no(ResolveFault::NoSuchName, 4_000)),
            (nothing, &Asking, Verdict::Wait),
            (nothing, nothing, no(ResolveFault::NoAddress, 2_000)),
            (nothing, nobody, no(ResolveFault::NoAddress, 2_000)),
            (nothing, &Failed, Verdict::Failed),
            (&Failed, &Failed, Verdict::Failed),
        ] {
            assert_eq!(verdict(first, second), expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn ipv4_waits_for_ipv6_a_twentieth_of_a_second_and_no_longer() {
        let mut lookup = Lookup::new(Name::parse("llm.test").unwrap(), Mono(0));
        lookup.half(Kind::A).settle(found("10.0.0.1"));
        assert_eq!(lookup.verdict(Mono(0)), Verdict::Wait);
        assert_eq!(lookup.wake_at(), Mono(0).plus_ms(50));
        assert_eq!(lookup.verdict(Mono(0).plus_ms(49)), Verdict::Wait);
        assert_eq!(lookup.verdict(Mono(0).plus_ms(50)), Verdict::Start);
        lookup.half(Kind::Aaaa).settle(found("fd00::1"));
        assert_eq!(lookup.verdict(Mono(0).plus_ms(60)), Verdict::Found);
        let (all, fresh_ms) = lookup.found();
        assert!(all[0].is_ipv6() && all[1].is_ipv4() && fresh_ms == 9_000);
    }

    #[test]
    fn servers_are_asked_in_turn_and_none_that_refused() {
        let mut half = Half::new();
        assert_eq!(half.next_server(2, false), Some(0));
        assert_eq!(half.next_server(2, true), Some(1));
        assert_eq!(half.next_server(2, false), None, "both were asked");
        half.refuse(0, 2);
        assert_eq!(half.next_server(2, true), Some(1));
        assert!(half.is_asking());
        half.refuse(1, 2);
        assert_eq!(half.outcome, Outcome::Failed);
        assert_eq!(half.next_server(2, true), None);
    }
}
