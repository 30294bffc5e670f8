//! Counters that several processes share, as plain data: how much of a limit was used in the window
//! that runs. Who asks for what is the engine's; how they are kept, `postgres/counters.rs`'s.

use serde::{Deserialize, Serialize};

/// What is done with counters in one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counting {
    /// Take from them, or say what was really used. No counter is there twice.
    Draw(Vec<Draw>),
    /// Remove so many, at most, whose windows have been over for a while.
    Sweep {
        /// How many.
        limit: usize,
    },
}

/// One counter, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// Its name.
    pub name: String,
    /// How much there is in a window.
    pub most: u64,
    /// How long a window is.
    pub window_ms: u64,
    /// So much is to be taken, or what is left if that is less. The first taking begins the window.
    pub wanted: u64,
    /// So much more was used than was taken, or less. If no window runs it says nothing.
    pub amends: i64,
    /// Only if this window runs still.
    pub window: Option<u64>,
}

/// What has come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counted {
    /// Of each counter of a [`Counting::Draw`] that there is.
    Drawn(Vec<Drawn>),
    /// How many were removed.
    Swept(u64),
}

/// What has come of one [`Draw`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// The counter.
    pub name: String,
    /// So much was taken.
    pub given: u64,
    /// Milliseconds until the window ends, rounded down, counted from some time before the answer.
    pub ends_in_ms: u64,
    /// What is left of it.
    pub left: u64,
    /// The name of the window: its end by the clock of whoever counts.
    pub window: u64,
}
