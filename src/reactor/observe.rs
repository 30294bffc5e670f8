//! What the loop knows about itself: how many turns, how long, how busy.

use std::sync::atomic::Ordering;

use super::threads::Threads;
use super::watchdog::Board;
use crate::engine::Mono;
use crate::engine::io::{LAG_BOUNDS_US, Observed, Turn};

/// Figures are given to the engine this often, when there are turns at all.
const EVERY_MS: u64 = 1_000;

/// Counts turns.
#[derive(Debug)]
pub struct Observer {
    seen: Observed,
    next: Mono,
    turn: Turn,
    log_dropped: Option<tracing_appender::non_blocking::ErrorCounter>,
}

impl Observer {
    /// An observer of a loop that is about to start.
    #[must_use]
    pub fn new(
        scorers: usize,
        open_files_limit: u64,
        log_dropped: Option<tracing_appender::non_blocking::ErrorCounter>,
    ) -> Self {
        Observer {
            seen: Observed {
                scorers: scorers as u64,
                open_files_limit,
                ..Observed::default()
            },
            next: Mono(0),
            turn: Turn::default(),
            log_dropped,
        }
    }

    /// Poll has returned with so many events.
    pub fn turn(&mut self, events: usize) {
        self.seen.turns += 1;
        self.seen.events += events as u64;
        self.turn.events = u32::try_from(events).unwrap_or(u32::MAX);
    }

    /// An event came for a connection that was gone.
    pub fn stale_event(&mut self) {
        self.seen.stale_events += 1;
    }

    /// No file descriptor was free for a client.
    pub fn out_of_files(&mut self) {
        if self.seen.out_of_files == 0 {
            tracing::warn!("out of file descriptors: clients wait until others leave");
        }
        self.seen.out_of_files += 1;
    }

    /// A turn is over: it lasted from `began` to `ended`.
    pub fn turn_ended(&mut self, began: Mono, ended: Mono) {
        if self.seen.turns == 0 {
            return;
        }
        let nanos = ended.since(began);
        self.seen.busy_ns += nanos;
        self.seen.lag_max_ns = self.seen.lag_max_ns.max(nanos);
        let at = LAG_BOUNDS_US
            .iter()
            .position(|bound| nanos <= bound * 1_000)
            .unwrap_or(LAG_BOUNDS_US.len());
        self.seen.lag[at] += 1;
        self.turn.number = self.seen.turns;
        self.turn.began = began;
        self.turn.nanos = nanos;
    }

    /// The turn before this one.
    #[must_use]
    pub fn last_turn(&self) -> Turn {
        self.turn
    }

    /// The figures, if it is time for them.
    pub fn due(&mut self, now: Mono, board: &Board, threads: &Threads) -> Option<Observed> {
        // Before the first turn there is nothing to say, and nobody can have asked: a client is let in
        // by one turn and heard by the next.
        if now < self.next || self.seen.turns == 0 {
            return None;
        }
        self.next = now.plus_ms(EVERY_MS);
        let seen = &mut self.seen;
        seen.elapsed_ns = now.0;
        seen.resident_bytes = board.resident_bytes.load(Ordering::Relaxed);
        seen.open_files = board.open_files.load(Ordering::Relaxed);
        seen.scorer_busy_ns = threads.busy.scorers.load(Ordering::Relaxed);
        seen.writer_busy_ns = threads.busy.writer.load(Ordering::Relaxed);
        seen.reader_busy_ns = threads.busy.reader.load(Ordering::Relaxed);
        if let Some(counter) = &self.log_dropped {
            seen.log_dropped = counter.dropped_lines() as u64;
        }
        Some(*seen)
    }
}
