//! Bounds of a Redis server, of a cluster of them, and of our patience with them.

/// A line of a reply: a length, a number, an error. Longer: the connection is closed.
pub const REDIS_LINE_BYTES: usize = 4 * 1024;
/// All strings of one reply together. More: the connection is closed.
pub const REDIS_REPLY_BYTES: usize = 16 * 1024 * 1024;
/// Values in one reply. More: the connection is closed.
pub const REDIS_VALUES: usize = 16_384;
/// Lists in lists in one reply. Deeper: the connection is closed.
pub const REDIS_DEPTH: usize = 8;
/// Commands on one connection whose answers are awaited. More: they do without Redis.
pub const REDIS_PIPELINE: usize = 1024;
/// From a TCP connection to one that can be used. Longer: it is closed, and tried again later.
pub const REDIS_LOGIN_MS: u64 = 2_000;
/// The answer to a command, unless configured. Later: the connection is closed, and whoever waits for it
/// goes on without Redis.
pub const REDIS_OP_MS: u64 = 100;
/// From a login that was refused to the next attempt: it takes a person to mend it, and until then each one is a
/// line in the server's log.
pub const REDIS_DENIED_MS: u64 = 60_000;
/// Servers of a cluster that are known at a time, the configured one included. What is with others is done
/// without Redis.
pub const REDIS_NODES: usize = 16;
/// How often a command is sent elsewhere because a server says so. Then it is done without.
pub const REDIS_REDIRECTS: u8 = 3;
/// The longest command that is kept to be sent elsewhere. A longer one is done without.
pub const REDIS_AGAIN_BYTES: usize = 1024;
