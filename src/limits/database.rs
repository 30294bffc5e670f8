//! The bounds of a PostgreSQL server, and of our patience with it.

/// One message of a server before it has let us in. Longer: the connection is closed.
pub const PG_LOGIN_BYTES: usize = 16 * 1024;
/// One message after that, an error for example. Longer: the connection is closed.
pub const PG_MESSAGE_BYTES: usize = 256 * 1024;
/// One row: enough for the longest text and what is stored with it. Longer: the connection is closed.
pub const PG_ROW_BYTES: usize = 8 * 1024 * 1024;
/// All bytes of one request. More: it is refused before the first one is sent.
pub const PG_REQUEST_BYTES: usize = 16 * 1024 * 1024;
/// Statements of one request. More: it is refused.
pub const PG_REQUEST_STATEMENTS: usize = 64;
/// Requests of one connection that wait for their answers. More: they are refused.
pub const PG_PIPELINE: usize = 256;
/// Statements that a connection has the server keep. Past it, the one used longest ago is forgotten.
pub const PG_STATEMENTS: usize = 64;
/// Iterations by which a password is stretched: half a second of a thread. More: the log-in fails.
pub const PG_SCRAM_ITERATIONS: u32 = 600_000;
/// Servers of one database that can be named. More: a wrong setting.
pub const PG_HOSTS: usize = 16;

// --- our patience

/// Connections to it, unless configured: each serves many requests at a time, and one is enough for
/// a thousand rows a second. More than one, so that a long search does not hold short questions up.
pub const DB_CONNECTIONS: usize = 4;
/// The most that can be configured: a server that has more is slower for all.
pub const DB_CONNECTIONS_MAX: usize = 256;
/// A statement that finds no connection waits so long, and then fails.
pub const DB_WAIT_MS: u64 = 1_000;
/// From the first byte to a connection that can be used, TCP not counted. Longer: it is closed.
pub const DB_LOGIN_MS: u64 = 5_000;
/// The server ends a statement that takes too long. If not even that comes for so long, the
/// connection is closed.
pub const DB_SILENCE_MS: u64 = 500;
/// The wait after the first attempt to connect that has failed. It doubles each time …
pub const DB_RETRY_BASE_MS: u64 = 100;
/// … up to this. A server that is back is used 5 s later at the latest.
pub const DB_RETRY_MAX_MS: u64 = 2_000;
/// The least wait where the server has no place for another connection, or knows us not.
pub const DB_RETRY_FULL_MS: u64 = 1_000;
/// The connection that listens is silent for so long: it is asked whether it is there.
pub const DB_LISTEN_PING_MS: u64 = 15_000;
/// One that listened was lost: another one is tried after so long.
pub const DB_LISTEN_RETRY_MS: u64 = 1_000;
/// How often one request is sent. Then its failure is told.
pub const DB_ATTEMPTS: u8 = 3;
/// What it takes to make or change tables, all together.
pub const DB_MIGRATION_MS: u64 = 10 * 60 * 1000;
