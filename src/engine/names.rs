//! Names: what a provider's host resolves to, and who waits for it.
//!
//! One look-up per name at a time, by `getaddrinfo` on a thread or by the resolver of our own. An
//! answer is used for 30 s, or for as long as the name server says; when a look-up fails, the old
//! answer serves for 10 minutes, because an address that worked is better than none; and for some
//! seconds without asking again, or every new connection would wait for who does not answer. Past 3 s those
//! who wait fail, and a late answer of a thread only fills the table.

use std::net::IpAddr;

use super::io::{Output, ResolveFault};
use super::now::Mono;
use super::slots::DialId;
use super::timers::{Owner, Timer};
use super::{Engine, failure::Upstream};

const FRESH_MS: u64 = 30_000;
const STALE_MS: u64 = 600_000;
/// Old addresses that had to do are used for so long before anybody waits for a new look-up again.
const STALE_AGAIN_MS: u64 = 5_000;
const WAITING: usize = 4096;

/// What is known about the name of one provider.
#[derive(Debug, Default)]
pub struct Name {
    addresses: Vec<IpAddr>,
    answered: Option<Mono>,
    /// Until when the addresses are as good as new.
    fresh_until: Mono,
    /// What a name server said instead of addresses, and until when that is believed.
    denied: Option<(ResolveFault, Mono)>,
    /// Whether a look-up is going on, or in line.
    pub(super) asking: bool,
    /// Who waits for the answer.
    pub waiting: Vec<DialId>,
    /// When they have waited long enough.
    pub timer: Timer,
}

/// Whether a name is known.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Use these.
    Known(Vec<IpAddr>),
    /// Wait; a look-up is to be started if `ask`.
    Wait {
        /// Whether nobody has asked yet.
        ask: bool,
    },
    /// There are none, as is known from a moment ago.
    Denied(ResolveFault),
    /// Too many wait.
    Full,
}

impl Name {
    /// Looks in the table.
    #[must_use]
    pub fn lookup(&self, now: Mono) -> Lookup {
        if now < self.fresh_until && !self.addresses.is_empty() {
            Lookup::Known(self.addresses.clone())
        } else if let Some((fault, _)) = self.denied.filter(|(_, until)| now < *until) {
            Lookup::Denied(fault)
        } else if self.waiting.len() >= WAITING {
            Lookup::Full
        } else {
            Lookup::Wait { ask: !self.asking }
        }
    }

    /// A name server has said for how long these are the addresses.
    pub fn learn(&mut self, now: Mono, addresses: Vec<IpAddr>, fresh_ms: u64) {
        self.addresses = addresses;
        self.answered = Some(now);
        self.fresh_until = now.plus_ms(fresh_ms);
        self.denied = None;
    }

    /// A name server has said that there are none, so those known from before are wrong as well
    /// (RFC 8767 §4: an old answer is for when there is no new one).
    pub fn deny(&mut self, now: Mono, fault: ResolveFault, keep_ms: u64) {
        self.addresses.clear();
        self.answered = None;
        self.denied = Some((fault, now.plus_ms(keep_ms)));
    }

    /// Takes the result of a thread in, or that there is none, and says what those who wait get.
    pub fn answer(
        &mut self,
        now: Mono,
        result: Result<Vec<IpAddr>, ResolveFault>,
    ) -> Result<Vec<IpAddr>, ResolveFault> {
        self.asking = false;
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                self.learn(now, addresses, FRESH_MS);
                Ok(self.addresses.clone())
            }
            failed => {
                let usable = self
                    .answered
                    .is_some_and(|at| now.since(at) < STALE_MS * 1_000_000);
                if usable {
                    self.fresh_until = now.plus_ms(STALE_AGAIN_MS);
                    return Ok(self.addresses.clone());
                }
                Err(failed.err().unwrap_or(ResolveFault::NoSuchName))
            }
        }
    }
}

impl Engine {
    /// Puts a dial on the list of those that wait, and starts a look-up if none is going on.
    pub(super) fn wait_for_name(&mut self, index: u16, dial: DialId, ask: bool) {
        let at = self.now.mono.plus_ms(self.times(index).resolve_ms);
        let name = &mut self.names[index as usize];
        // The first one starts the clock, also behind a look-up that others have given up on.
        if name.waiting.is_empty() {
            self.timers.set(Owner::Name(index), &mut name.timer, at);
        }
        name.waiting.push(dial);
        if ask {
            self.look_up(index);
        }
    }

    /// Starts a look-up: by a thread, or by asking name servers if the configuration has some.
    pub(super) fn look_up(&mut self, index: u16) {
        self.names[index as usize].asking = true;
        if self.resolver.is_on() {
            self.begin_lookup(index);
        } else {
            self.counters.lookups += 1;
            self.out.push(Output::Resolve(index));
        }
    }

    /// A look-up has ended.
    pub(super) fn name_resolved(&mut self, index: u16, result: Result<Vec<IpAddr>, ResolveFault>) {
        let now = self.now.mono;
        let Some(name) = self.names.get_mut(index as usize) else {
            return;
        };
        if !matches!(&result, Ok(addresses) if !addresses.is_empty()) {
            self.counters.lookups_failed += 1;
        }
        let result = name.answer(now, result).map_err(Upstream::Name);
        self.serve_name(index, &result);
    }

    /// Tells whoever waits for a name how it ended.
    pub(super) fn serve_name(&mut self, index: u16, result: &Result<Vec<IpAddr>, Upstream>) {
        let name = &mut self.names[index as usize];
        name.timer.clear();
        for dial in std::mem::take(&mut name.waiting) {
            match result {
                Ok(addresses) => self.dial_addresses(dial, addresses),
                Err(upstream) => self.dial_failed(dial, upstream.clone().into()),
            }
        }
    }

    /// The look-up takes too long: those who wait fail, or take what is known from before.
    pub(super) fn name_due(&mut self, index: u16) {
        let now = self.now.mono;
        let Some(name) = self.names.get_mut(index as usize) else {
            return;
        };
        let result = name.answer(now, Err(ResolveFault::Failed));
        name.asking = true; // the thread is still at it: its answer fills the table later
        if self.resolver.is_on() {
            self.counters.lookups_failed += 1;
            self.end_lookup(index);
        }
        self.serve_name(index, &result.map_err(|_| Upstream::NameTimeout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn an_answer_is_fresh_for_thirty_seconds_and_serves_for_ten_minutes() {
        let mut name = Name::default();
        let ip: IpAddr = [127, 0, 0, 1].into();
        assert_eq!(name.lookup(Mono(0)), Lookup::Wait { ask: true });
        assert_eq!(name.answer(Mono(0), Ok(vec![ip])), Ok(vec![ip]));
        assert_eq!(name.lookup(Mono(29 * SECOND)), Lookup::Known(vec![ip]));
        assert_eq!(name.lookup(Mono(30 * SECOND)), Lookup::Wait { ask: true });

        let failed = Err(ResolveFault::Failed);
        assert_eq!(name.answer(Mono(31 * SECOND), failed.clone()), Ok(vec![ip]));
        assert_eq!(
            name.answer(Mono(601 * SECOND), failed.clone()),
            failed,
            "too old to be trusted"
        );
    }

    #[test]
    fn one_look_up_at_a_time() {
        let name = Name {
            asking: true,
            ..Name::default()
        };
        assert_eq!(name.lookup(Mono(0)), Lookup::Wait { ask: false });
    }
}
