//! Numbers that an operator may move, each with its default and its legal range.
//!
//! The defaults are those of [`crate::limits`], where each one is explained.

use super::ConfigError;
use super::layers::Layers;
use crate::limits as default;

/// Defines a struct of numbers and how it is read: `field: type = default, least..=most;`.
macro_rules! bounded {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr, $range:expr;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// Asks for each number in `section`.
            pub(super) fn read(
                layers: &mut Layers,
                section: &str,
            ) -> Result<Self, ConfigError> {
                $(
                    let key = format!("{section}.{}", stringify!($field));
                    let $field = layers.number(&key, $default as u64, $range)? as $type;
                )*
                Ok($name { $($field),* })
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: $default as $type),* }
            }
        }
    };
}
pub(super) use bounded;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

bounded! {
    /// The movable ones of [`crate::limits`], under the same names.
    pub struct Limits {
        /// A request body.
        body_bytes: usize = default::BODY_BYTES, KIB..=64 * MIB;
        /// The body of `/analyze/` and `/keywords/`.
        analyze_body_bytes: usize = default::ANALYZE_BODY_BYTES, KIB..=64 * MIB;
        /// The body of a chat in a vendor's dialect, pictures included.
        chat_body_bytes: usize = default::CHAT_BODY_BYTES, KIB..=256 * MIB;
        /// From the first byte of a request head to its last.
        head_ms: u64 = default::HEAD_MS, 100..=5 * 60 * SECOND;
        /// Between two pieces of a request body.
        body_gap_ms: u64 = default::BODY_GAP_MS, 100..=5 * 60 * SECOND;
        /// A connection with no request on it.
        keep_alive_ms: u64 = default::KEEP_ALIVE_MS, 100..=HOUR;
        /// A client that takes no byte of its answer.
        write_stall_ms: u64 = default::WRITE_STALL_MS, 100..=HOUR;
        /// Reading on after an early answer.
        linger_ms: u64 = default::LINGER_MS, 0..=30 * SECOND;
        /// From SIGTERM to the exit.
        shutdown_ms: u64 = default::SHUTDOWN_MS, 0..=HOUR;
        /// A generation that nobody listens to any more.
        resume_grace_ms: u64 = default::RESUME_GRACE_MS, 0..=HOUR;
        /// A finished generation, kept for resume.
        replay_ms: u64 = default::REPLAY_MS, 0..=HOUR;
        /// Finished generations kept for resume, in bytes of text.
        replay_bytes: usize = default::REPLAY_BYTES, 0..=64 * GIB;
        /// Silence on a stream before a heartbeat.
        heartbeat_ms: u64 = default::HEARTBEAT_MS, 100..=HOUR;
        /// Scoring a generated text.
        score_ms: u64 = default::SCORE_MS, 10..=HOUR;
        /// Bytes of all buffers together.
        ledger_bytes: u64 = default::LEDGER_BYTES, 16 * MIB..=1024 * GIB;
        /// Bytes that may wait in the spill journal.
        journal_bytes: u64 = default::spill::JOURNAL_BYTES, MIB..=1024 * GIB;
        /// Generations that may be alive.
        generations: usize = default::GENERATIONS, 1..=default::GENERATIONS as u64;
    }
}

impl Limits {
    /// The rule between two of them: a text must not be forgotten while its grace still runs.
    pub(super) fn check(&self, layers: &Layers) -> Result<(), ConfigError> {
        if self.resume_grace_ms <= self.replay_ms {
            return Ok(());
        }
        let problem = "must not be greater than `limits.replay_ms`".to_owned();
        Err(layers.illegal("limits.resume_grace_ms", problem))
    }
}

bounded! {
    /// Stored texts that answer again.
    pub struct Cache {
        /// How old one may be, where a client says nothing about it; 0: none.
        max_age_s: u64 = 0, 0..=default::CACHE_AGE_MAX_S;
        /// How old an answer may be that answers the same chat on a vendor's route; 0: none is kept.
        chats_max_age_s: u64 = 0, 0..=default::CACHE_AGE_MAX_S;
    }
}

bounded! {
    /// The built-in provider, which writes articles without a model.
    pub struct Offline {
        /// Between two tokens.
        gap_ms: u64 = 20, 0..=10 * SECOND;
        /// Tokens of an article, at most; it is over before 1,000 by itself.
        tokens: usize = 1_000, 1..=100_000;
    }
}

/// Faults on purpose, to see what the rest does about them. None by default, and none wanted on
/// a server that others use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drill {
    /// Milliseconds that a scorer sleeps before each text.
    pub stall_scorer_ms: u64,
    /// Milliseconds that the store's writer sleeps before each transaction.
    pub stall_writer_ms: u64,
    /// Milliseconds that the loop sleeps in each turn.
    pub stall_loop_ms: u64,
    /// A scorer panics on a text that holds these words.
    pub panic_scorer_on: Option<String>,
}

impl Drill {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let mut stall = |name| layers.number(&format!("{section}.{name}"), 0, 0..=60 * SECOND);
        Ok(Drill {
            stall_scorer_ms: stall("stall_scorer_ms")?,
            stall_writer_ms: stall("stall_writer_ms")?,
            stall_loop_ms: stall("stall_loop_ms")?,
            panic_scorer_on: layers.optional(&format!("{section}.panic_scorer_on"))?,
        })
    }
}
