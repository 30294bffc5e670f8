//! Names: what a provider's host resolves to, and who waits for it.
//!
//! One look-up per name at a time. An answer is used for 30 s; when a look-up fails, the old
//! answer serves for 10 minutes more, because an address that worked is better than none. Past 3 s
//! those who wait fail, and a late answer only fills the table.

use std::net::IpAddr;

use super::io::{Output, ResolveFault};
use super::now::Mono;
use super::slots::DialId;
use super::timers::{Owner, Timer};
use super::{Engine, failure::Upstream};

const FRESH_MS: u64 = 30_000;
const STALE_MS: u64 = 600_000;
const WAITING: usize = 4096;

/// What is known about the name of one provider.
#[derive(Debug, Default)]
pub struct Name {
    addresses: Vec<IpAddr>,
    answered: Option<Mono>,
    asking: bool,
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
    /// Too many wait.
    Full,
}

impl Name {
    /// Looks in the table.
    #[must_use]
    pub fn lookup(&self, now: Mono) -> Lookup {
        let fresh = self
            .answered
            .is_some_and(|at| now.since(at) < FRESH_MS * 1_000_000);
        if fresh && !self.addresses.is_empty() {
            Lookup::Known(self.addresses.clone())
        } else if self.waiting.len() >= WAITING {
            Lookup::Full
        } else {
            Lookup::Wait { ask: !self.asking }
        }
    }

    /// Takes an answer in, and says what those who wait get.
    pub fn answer(
        &mut self,
        now: Mono,
        result: Result<Vec<IpAddr>, ResolveFault>,
    ) -> Result<Vec<IpAddr>, ResolveFault> {
        self.asking = false;
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                self.addresses = addresses;
                self.answered = Some(now);
                Ok(self.addresses.clone())
            }
            failed => {
                let usable = self
                    .answered
                    .is_some_and(|at| now.since(at) < STALE_MS * 1_000_000);
                if usable {
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
            name.asking = true;
            self.out.push(Output::Resolve(index));
        }
    }

    /// A look-up has ended.
    pub(super) fn name_resolved(&mut self, index: u16, result: Result<Vec<IpAddr>, ResolveFault>) {
        let now = self.now.mono;
        let Some(name) = self.names.get_mut(index as usize) else {
            return;
        };
        name.timer.clear();
        let result = name.answer(now, result);
        let waiting = std::mem::take(&mut name.waiting);
        for dial in waiting {
            match &result {
                Ok(addresses) => self.dial_addresses(dial, addresses),
                Err(fault) => self.dial_failed(dial, Upstream::Name(*fault).into()),
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
        let waiting = std::mem::take(&mut name.waiting);
        for dial in waiting {
            match &result {
                Ok(addresses) => self.dial_addresses(dial, addresses),
                Err(_) => self.dial_failed(dial, Upstream::NameTimeout.into()),
            }
        }
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
