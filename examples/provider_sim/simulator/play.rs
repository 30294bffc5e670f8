//! A script that is being played to one client.
//!
//! ```text
//!            ┌──────────── all sent ───────────┐
//!            ▼                                 │
//!   Collect: acts that are due ──► Write: until `allowed` ──► Waiting | Over
//!                                    │ WouldBlock     │ one slice, or a lot
//!                                    ▼                ▼
//!                                 Blocked           Again
//! ```
//! It refuses to know sockets: it is given something to write to, and the time.

use std::io;
use std::rc::Rc;

use maitred::engine::Mono;

use super::script::{Act, End, Pause, Script};

/// Bytes written to one client before the others have their turn.
const BYTES_PER_TURN: usize = 256 * 1024;

/// The pace of all answers.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) latency_ms: u64,
    pub(super) gap_ms: u64,
    pub(super) jitter_ms: u64,
    pub(super) random: fastrand::Rng,
}

/// What a client's play waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// That the socket takes more.
    Blocked,
    /// Only that everybody else had a turn.
    Again,
    /// A time; [`Mono::NEVER`] if only the client's leaving ends it.
    Until(Mono),
    /// Nothing: it is over.
    Over(End),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Play {
    script: Rc<Script>,
    /// The next act.
    act: usize,
    /// Bytes of the script that went out …
    sent: usize,
    /// … and that may go out.
    allowed: usize,
    /// How often the present `Repeat` still goes back.
    again: Option<u64>,
    /// When the act before was due. Pauses are counted from here, so that a stream that was held
    /// up does not become slower.
    base: Mono,
    /// When the present pause is over.
    due: Option<Mono>,
    /// All bytes written, repeats included.
    pub(super) bytes: u64,
}

impl Play {
    /// Begins now.
    pub(super) fn new(script: Rc<Script>, now: Mono) -> Play {
        Play {
            script,
            act: 0,
            sent: 0,
            allowed: 0,
            again: None,
            base: now,
            due: None,
            bytes: 0,
        }
    }

    /// Goes on as far as it gets. An error is the client's, who has gone.
    pub(super) fn advance(
        &mut self,
        now: Mono,
        pace: &mut Pace,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<Wait> {
        let mut budget = BYTES_PER_TURN;
        loop {
            let wait = self.collect(now, pace);
            while self.sent < self.allowed {
                if budget == 0 {
                    return Ok(Wait::Again);
                }
                let most = self.script.slices.unwrap_or(budget).min(budget);
                let end = self.allowed.min(self.sent + most);
                let written = match write(&self.script.bytes[self.sent..end]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        return Ok(Wait::Blocked);
                    }
                    written => written?,
                };
                self.sent += written;
                self.bytes += written as u64;
                budget = if self.script.slices.is_some() {
                    0
                } else {
                    budget.saturating_sub(written)
                };
            }
            if let Some(wait) = wait {
                return Ok(wait);
            }
            self.go_back();
        }
    }

    /// Takes the acts that are due; `None` if it has come to a `Repeat`, which begins once all is
    /// sent.
    fn collect(&mut self, now: Mono, pace: &mut Pace) -> Option<Wait> {
        loop {
            match self.script.acts.get(self.act) {
                Some(Act::Send(end)) => self.allowed = *end,
                Some(Act::Pause(pause)) => {
                    let due = *self
                        .due
                        .get_or_insert_with(|| pace.after(self.base, *pause, self.script.slower));
                    if due > now {
                        return Some(Wait::Until(due));
                    }
                    self.base = due;
                    self.due = None;
                }
                Some(Act::Repeat(..)) => return None,
                Some(Act::End(end)) => return Some(Wait::Over(*end)),
                // A script without an end is a mistake of ours; the connection shows it.
                None => return Some(Wait::Over(End::Cut)),
            }
            self.act += 1;
        }
    }

    fn go_back(&mut self) {
        let Some(Act::Repeat(from, times)) = self.script.acts.get(self.act).copied() else {
            return;
        };
        match self.again.unwrap_or(times) {
            0 => {
                self.again = None;
                self.act += 1;
            }
            left => {
                self.again = Some(left - 1);
                self.sent = from;
            }
        }
    }
}

impl Pace {
    fn after(&mut self, base: Mono, pause: Pause, slower: Option<u64>) -> Mono {
        let jitter = match self.jitter_ms {
            0 => 0,
            most => self.random.u64(0..=most),
        };
        let times = slower.unwrap_or(1);
        match pause {
            Pause::Latency => base.plus_ms((self.latency_ms + jitter).saturating_mul(times)),
            Pause::Gap => base.plus_ms((self.gap_ms + jitter).saturating_mul(times)),
            Pause::Exactly(ms) => base.plus_ms(ms),
            Pause::Forever => Mono::NEVER,
        }
    }
}
