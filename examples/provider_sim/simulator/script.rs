//! A script: what is sent for one request, down to the byte, made before the first byte goes out.
//!
//! ```text
//!   bytes  [ head · first event | event | event | … | last events · last chunk ]
//!   acts     Pause(latency)  Send ►|  Pause(gap) Send ►|  …              Send ►|  End(Keep)
//! ```
//! All bytes stand one behind the other, and `Send` only says how far they may go: when several
//! pauses are over at once, what they held back leaves in one write.

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Do nothing for a while.
    Pause(Pause),
    /// The bytes up to here may go.
    Send(usize),
    /// Once everything is sent, the bytes from here on go again, so many times.
    Repeat(usize, u64),
    /// The answer is over.
    End(End),
}

/// How long to do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// As long as a first byte takes.
    Latency,
    /// As long as a token takes.
    Gap,
    /// So many milliseconds.
    Exactly(u64),
    /// Until the client goes.
    Forever,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It waits for the next request, for so many milliseconds if there is a number.
    Keep(Option<u64>),
    /// A FIN that belongs to the answer.
    Close,
    /// A FIN in the middle of it.
    Cut,
    /// A reset.
    Reset,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) bytes: Vec<u8>,
    pub(super) acts: Vec<Act>,
    /// Bytes of each write, if it is to be torn.
    pub(super) slices: Option<usize>,
    /// By what every wait is multiplied, if it is.
    pub(super) slower: Option<u64>,
}

impl Script {
    /// Waits.
    pub(super) fn pause(mut self, pause: Pause) -> Script {
        self.acts.push(Act::Pause(pause));
        self
    }

    /// Sends.
    pub(super) fn send(mut self, bytes: impl AsRef<[u8]>) -> Script {
        self.bytes.extend_from_slice(bytes.as_ref());
        let end = self.bytes.len();
        match self.acts.last_mut() {
            Some(Act::Send(before)) => *before = end,
            _ => self.acts.push(Act::Send(end)),
        }
        self
    }

    /// Sends the same bytes so many times; they are kept once.
    pub(super) fn send_times(self, bytes: impl AsRef<[u8]>, times: u64) -> Script {
        let from = self.bytes.len();
        let mut script = self.send(bytes);
        script.acts.push(Act::Repeat(from, times.saturating_sub(1)));
        script
    }

    /// Ends.
    pub(super) fn end(mut self, end: End) -> Script {
        self.acts.push(Act::End(end));
        self
    }
}
