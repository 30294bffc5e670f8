//! Every bound of the program, in one place, with its unit in the name.
//!
//! A limit answers the question "what happens when somebody sends more?" before somebody does.
//! The comment beside each one says what the answer is. Relations between limits are checked when
//! the program is compiled, at the end of this file.
//!
//! Limits that an operator may move are read through [`crate::config::Config`], which starts from
//! the values here and refuses values outside their range.

mod cache;
mod counters;
mod database;
mod idempotency;
mod redis;
mod retention;

pub use cache::*;
pub use counters::*;
pub use database::*;
pub mod hooks;
pub mod jobs;
pub use idempotency::*;
pub use redis::*;
pub use retention::*;
pub mod spill;

// --- HTTP/1.1, what a peer may send ------------------------------------------------------------

/// A request line longer than this is answered with 414.
pub const REQUEST_LINE_BYTES: usize = 8 * 1024;
/// A header section (request or response) longer than this: 431 to a client, 502 from a provider.
pub const HEAD_BYTES: usize = 16 * 1024;
/// More header fields than this: 431 to a client, 502 from a provider.
pub const HEADER_COUNT: usize = 100;
/// One chunk-size line, extensions included. Longer: 400 and close.
pub const CHUNK_LINE_BYTES: usize = 256;
/// All chunk extensions of one body together. More: 400 and close.
pub const CHUNK_EXTENSIONS_BYTES: usize = 4 * 1024;
/// The trailer section of one body. Longer: 431 and close.
pub const TRAILER_BYTES: usize = 8 * 1024;
/// Informational (1xx) responses that may come before a real one. More: 502.
pub const INFORMATIONAL_RESPONSES: usize = 8;
/// A request body, unless its route says otherwise. Larger: 413.
pub const BODY_BYTES: usize = 1024 * 1024;
/// The body of `/analyze/` and `/keywords/`. Larger: 413.
pub const ANALYZE_BODY_BYTES: usize = 4 * 1024 * 1024;
/// The body of a chat in a vendor's dialect, unless configured: pictures are part of it. Larger: 413.
pub const CHAT_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of a chat's answer that are held back until there is content. More: 502.
pub const HELD_BYTES: usize = 64 * 1024;
/// The body that a provider may send when it does not stream. Larger: 502. It is parsed on the
/// loop, in a few milliseconds at most (docs/decisions/0017-answers-on-the-loop.md).
pub const PROVIDER_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Body of a provider's answer to a request for embeddings: 2,048 vectors of 1,536 numbers, packed.
/// More: `upstream_too_large`.
pub const EMBEDDINGS_BYTES: usize = 32 * 1024 * 1024;
/// One server-sent event of a provider. Longer: an error event, and the provider is closed.
pub const SSE_EVENT_BYTES: usize = 1024 * 1024;
/// Bytes that a client may send ahead of the answer it is waiting for. Past it, reading pauses.
pub const PIPELINE_BYTES: usize = 64 * 1024;
/// Requests of one connection answered before other connections get their turn.
pub const PIPELINE_PER_TURN: usize = 16;
/// Requests on one connection before it is closed, so that load balancers can rebalance.
pub const REQUESTS_PER_CONNECTION: u32 = 1000;
/// JSON nested deeper than this: 400.
pub const JSON_DEPTH: usize = 64;
/// JSON larger than this is parsed on a thread, not on the loop.
pub const JSON_ON_LOOP_BYTES: usize = 64 * 1024;

/// Fields of one object of a request in a vendor's dialect: none has half as many. More: 400.
pub const CHAT_FIELDS: usize = 64;
/// Characters of a field's name that an error repeats.
pub const CHAT_NAME_CHARS: usize = 64;
/// Fields unknown to other dialects that are remembered by name. One is enough to refuse.
pub const CHAT_FOREIGN: usize = 8;
/// Calls of tools in one answer. More: the answer is broken.
pub const TOOL_CALLS: u32 = 256;
/// Choices (`n`) of one answer. More: 400.
pub const CHOICES: u64 = 32;

// --- DNS, what a name server may say ---------------------------------------------------------------

/// The largest datagram that name servers are asked to send (the DNS flag day of 2020: it passes
/// everywhere in one piece). What does not fit is asked for again over TCP.
pub const DNS_UDP_BYTES: u16 = 1232;
/// Records in one answer. More: the server has failed.
pub const DNS_RECORDS: usize = 128;
/// Pointers in one name of an answer. More: the server has failed.
pub const DNS_POINTERS: usize = 16;
/// Aliases (CNAME) from a name to its addresses. More, or a circle: the server has failed.
pub const DNS_ALIASES: usize = 8;
/// Addresses taken from one answer; the rest is ignored.
pub const DNS_ADDRESSES: usize = 16;
/// Datagrams on one socket that answer no question of ours. More: somebody is guessing, and the
/// question is asked again over TCP, where guessing is of no use.
pub const DNS_STRAYS: u8 = 16;

// --- what a request may ask for ----------------------------------------------------------------

/// The most tokens that may be asked for. More: 422.
pub const MAX_TOKENS: u32 = 1_000_000;
/// The highest temperature. Higher: 422.
pub const TEMPERATURE: f64 = 2.0;
/// Characters of a name, such as a model's. More: 422.
pub const NAME_CHARS: usize = 200;
/// How large or small a figure may be wished to be. Further from zero: 422.
pub const WISH: f64 = 1e9;
/// A topic longer than this: 422.
pub const TOPIC_CHARS: usize = 2_000;
/// A text to analyse, or to find keywords in, longer than this: 413.
pub const CONTENT_CHARS: usize = 1_000_000;
/// Keywords that one request may ask for. More: 422.
pub const KEYWORDS: usize = 100;
/// … and those that it gets if it does not say.
pub const KEYWORDS_UNASKED: usize = 10;
/// Characters of a text that a provider is shown to name its keywords. What follows is not sent.
pub const KEYWORDS_PROMPT_CHARS: usize = 50_000;
/// Bytes of a provider's list of keywords that are read. What follows is not looked at.
pub const KEYWORDS_ANSWER_BYTES: usize = 64 * 1024;
/// A longer item in such a list is no keyword, and left out.
pub const KEYWORD_CHARS: usize = 100;
/// Rows on one page of `/contents`.
pub const PAGE_ROWS: usize = 100;
/// Models on one page of a list of them; whoever asks for more gets as many.
pub const MODELS_PAGE: usize = 1_000;
/// Characters of a text shown in a list.
pub const EXCERPT_CHARS: usize = 500;
/// Characters that may be searched for. More: 422.
pub const SEARCH_CHARS: usize = 200;
/// Different words of a search that are looked for; those after them are not.
pub const SEARCH_WORDS: usize = 16;
/// Matches that are walked for one page of a search. Past it the page is short, and its `next` goes on.
pub const SEARCH_WALK_ROWS: usize = 10_000;
/// Texts that one statement of an export reads: no further one past this many bytes.
pub const EXPORT_BYTES: usize = 256 * 1024;
/// A line of an import: enough for the longest text, each byte of it written as `\u0000`. Longer: 422.
pub const IMPORT_LINE_BYTES: usize = 6 * GENERATION_BYTES + 64 * 1024;
/// Lines of an import that are scored and stored together: no further one past this many bytes.
pub const IMPORT_BATCH_BYTES: usize = 256 * 1024;
/// … and at most so many, because the other writes wait while a batch is stored.
pub const IMPORT_BATCH_ROWS: usize = 256;
/// Imports at a time. More: 503.
pub const IMPORTS: usize = 4;
/// Bytes of text that one generation may produce. More: the provider is stopped and the text is
/// marked truncated.
pub const GENERATION_BYTES: usize = 4 * 1024 * 1024;

// --- rate limits (docs/decisions/0036-rate-limits.md) ----------------------------------------------

/// Limits in force, half of them on requests and half on tokens. More: a wrong setting.
pub const RATE_METERS: usize = 8;
/// The largest number in a limit. Larger: a wrong setting.
pub const RATE_COUNT: u64 = 1_000_000_000_000;
/// Addresses whose use is remembered, unless configured. Those for whom there is no place share one.
pub const RATE_SUBJECTS: u64 = 65_536;
/// Tokens that an answer is taken to have until it is there, if nobody says how long it may be.
pub const RATE_TOKENS_UNASKED: u64 = 1_024;
/// … and that a prompt is taken to have at most: what is longer is mostly pictures.
pub const RATE_PROMPT_TOKENS: u64 = 16_384;
/// A block that a process takes from a counter it shares with others: this part of the limit.
pub const RATE_BLOCK_PART: u64 = 16;
/// A shared counter that does not answer in time is not asked for as long again.
pub const RATE_LEASE_MS: u64 = 1_000;
/// Requests that were waiting for a shared counter and are begun in one go. More: the next turn.
pub const RATE_SERVED_PER_TURN: usize = 64;

// --- time ----------------------------------------------------------------------------------------

/// From the first byte of a request head to its last. Then 408 and close.
pub const HEAD_MS: u64 = 10_000;
/// Between two pieces of a request body. Then 408 and close.
pub const BODY_GAP_MS: u64 = 10_000;
/// A body has to come at this mean speed at least, so that single bytes do not hold a place.
pub const BODY_BYTES_PER_SECOND: u64 = 1024;
/// A connection with no request on it is closed after this long.
pub const KEEP_ALIVE_MS: u64 = 60_000;
/// A client that takes no byte of its answer for this long is cut off.
pub const WRITE_STALL_MS: u64 = 30_000;
/// After an early answer the rest of the request is read and thrown away for this long, because a
/// close with unread data would be a reset that can destroy the answer (RFC 9112 §9.6).
pub const LINGER_MS: u64 = 2_000;
/// … or until this much was thrown away.
pub const LINGER_BYTES: usize = 1024 * 1024;
/// An import is large, and few clients listen while they send it: the rest of it is read for this
/// long at least …
pub const IMPORT_LINGER_MS: u64 = 10_000;
/// … or until this much was thrown away.
pub const IMPORT_LINGER_BYTES: usize = 64 * 1024 * 1024;
/// One look-up of a name.
pub const RESOLVE_MS: u64 = 3_000;
/// Before the same question goes to the next name server.
pub const DNS_RETRY_MS: u64 = 1_000;
/// Once there are IPv4 addresses, waiting for those of IPv6 (RFC 8305 §3).
pub const DNS_DELAY_MS: u64 = 50;
/// An answer of a name server is used for as long as it says, but for this long at least …
pub const DNS_TTL_MIN_MS: u64 = 1_000;
/// … and this long at most.
pub const DNS_TTL_MAX_MS: u64 = 30_000;
/// That a name has no address is believed for as long as the server says, but this long at most.
pub const DNS_DENIED_MS: u64 = 5_000;
/// TCP connect, all addresses together.
pub const CONNECT_MS: u64 = 3_000;
/// Between two addresses of one name (RFC 8305 §5).
pub const CONNECT_STAGGER_MS: u64 = 250;
/// TLS handshake as a client.
pub const TLS_MS: u64 = 5_000;
/// A call that waits for its turn at a provider. Then 503.
pub const QUEUE_MS: u64 = 1_000;
/// The same where the operator has chosen how many calls there may be at a time: whoever does that
/// wants the others to wait. Then 503.
pub const QUEUE_CHOSEN_MS: u64 = 60_000;
/// A call that has its turn and waits until a connection to its provider may be opened. Then 503.
pub const POOL_WAIT_MS: u64 = 1_000;
/// From the request to the first byte of the provider's answer.
pub const FIRST_BYTE_MS: u64 = 60_000;
/// From the request to the first piece of content: a model may think, and say so, for a while.
pub const FIRST_CONTENT_MS: u64 = 120_000;
/// Between two pieces of content of a provider's stream.
pub const CONTENT_GAP_MS: u64 = 60_000;
/// A whole generation.
pub const GENERATION_MS: u64 = 600_000;
/// A generation nobody listens to any more goes on for this long, so that a client can come back.
pub const RESUME_GRACE_MS: u64 = 10_000;
/// A finished generation can be resumed from memory for this long.
pub const REPLAY_MS: u64 = 60_000;
/// Silence on a stream before a heartbeat comment is sent.
pub const HEARTBEAT_MS: u64 = 15_000;
/// Parsing a long body on a thread, the wait for one included. Then 503, and nothing was begun.
pub const PARSE_MS: u64 = 5_000;
/// Scoring a text that was generated. Past it the text is answered and stored without scores.
pub const SCORE_MS: u64 = 5_000;
/// Scoring the lines of an import that are scored together. Then 503.
pub const IMPORT_SCORE_MS: u64 = 30_000;
/// `/analyze/` and `/keywords/` waiting for a scorer. Then 503.
pub const ANALYZE_WAIT_MS: u64 = 1_000;
/// A query or a transaction of the store. Then 503. For the rows of a text it counts from the last
/// commit at least, because a store that writes others is not silent but behind. A text whose row is not known to be stored is
/// answered with that error too; in a stream it comes after all of the text, in the place of `done`.
pub const STORE_MS: u64 = 5_000;
/// SQLite waits this long for a lock of another process, so that a short one does not cost a text
/// that is finished. Then 503, as for any failure of the store.
pub const SQLITE_BUSY_MS: u64 = 4_000;
/// From SIGTERM to the exit: requests in flight may finish, then streams get an error event.
pub const SHUTDOWN_MS: u64 = 30_000;
/// An idle connection to a provider is kept for this long.
pub const POOL_IDLE_MS: u64 = 30_000;
/// A connection to a provider is not reused past this age.
pub const POOL_AGE_MS: u64 = 300_000;

// --- attempts at a provider (docs/decisions/0020-when-a-provider-fails.md) ------------------------

/// Further attempts at a provider for one text, as long as none of it has come.
pub const RETRIES: u32 = 2;
/// The wait before a further attempt is drawn from 0 to this, doubled each time …
pub const RETRY_BASE_MS: u64 = 500;
/// … and never more than this.
pub const RETRY_CAP_MS: u64 = 8_000;
/// The same base where no connection could be opened: an attempt costs the provider nothing, and
/// one that is not there is to be told within 200 ms.
pub const RETRY_CONNECT_BASE_MS: u64 = 50;
/// A provider that asks for a longer wait than this is not waited for: the client is told.
pub const RETRY_HINT_MS: u64 = 10_000;
/// A wait that a provider asked for is made longer by up to a tenth, and by no more than this, so
/// that those who were told the same do not come back in the same millisecond.
pub const RETRY_JITTER_MS: u64 = 250;
/// Further attempts per hundred calls of a provider, over the last seconds. One less than ten, so
/// that with those that were put off from the second before there are never 1.1 times the calls …
pub const RETRY_BUDGET_PERCENT: u64 = 9;
/// … so many seconds. Past it, failures are told at once.
pub const RETRY_BUDGET_SECONDS: usize = 10;
/// Further attempts in that time that are always allowed, so that a quiet server has some at all.
pub const RETRY_BUDGET_FLOOR: u64 = 10;
/// The longest hint of a provider that is passed on to a client.
pub const HINT_MS: u64 = 24 * 3600 * 1000;
/// A provider that asked to be left alone is asked again after this at the latest: limits are
/// raised, keys are changed, and nobody would notice.
pub const COOL_DOWN_MS: u64 = 60_000;
/// Failures of a provider in a row until it is no longer asked. Then 503 at once.
pub const BREAKER_FAILURES: u32 = 5;
/// How long it is not asked, before one call is let through to see …
pub const BREAKER_OPEN_MS: u64 = 5_000;
/// … which doubles with each one that fails, up to this.
pub const BREAKER_OPEN_MAX_MS: u64 = 60_000;
/// Who can be asked for one model, at most.
pub const TARGETS: usize = 16;
/// A stream that has no content for so long goes on at another target, where there is one. A person
/// in front of a page waits about that long for a first word (see `RETRY_HINT_MS`).
pub const FAILOVER_MS: u64 = 10_000;
/// A key that its provider refuses, or whose account is empty, rests for so long: somebody has to
/// mend it, and must not have to restart us for it.
pub const KEY_REST_MS: u64 = 300_000;
/// A key that is asked for less without being told for how long rests for so long, if there are others.
pub const KEY_LIMITED_MS: u64 = 1_000;
/// Models for which a key, or a provider without several, is remembered to be limited. Past it, what
/// ends first is forgotten: one more call hears of it again.
pub const MODELS_LIMITED: usize = 32;
/// The longest time limit that a client may set for its own request. Longer: 400.
pub const CLIENT_TIMEOUT_MS: u64 = 3_600_000;

// --- tables and queues -----------------------------------------------------------------------------

/// Connections in all, when the limit of open files allows it.
pub const CONNECTIONS: usize = 65_536;
/// Unsent bytes of one connection at which its generation's cursor waits.
pub const SEND_HIGH_BYTES: usize = 256 * 1024;
/// Unsent bytes at which the cursor moves on; also how many unsent ones the kernel takes over, so that
/// a client that does not read is noticed by us and not hidden in its buffers.
pub const SEND_LOW_BYTES: usize = 128 * 1024;
/// … once half of all memory for buffers is used: everybody goes on, in smaller steps.
pub const SEND_HIGH_SCARCE_BYTES: usize = 16 * 1024;
/// Written to one connection at a time; the rest of what it has coming waits for its next turn.
pub const PUMP_BYTES: usize = 64 * 1024;
/// Readers of one text that are served at once. If there are more, all of them are served in turn.
pub const READERS_AT_ONCE: usize = 8;
/// Readers served in one turn …
pub const READERS_PER_TURN: usize = 256;
/// … and what is written to all of them.
pub const READERS_BYTES_PER_TURN: usize = 1024 * 1024;
/// How far the only subscriber may be behind before its provider is paused.
pub const LAG_HIGH_BYTES: usize = 256 * 1024;
/// … and at which the provider is resumed.
pub const LAG_LOW_BYTES: usize = 128 * 1024;
/// Connections to one provider, unless configured: HTTP/1.1 needs one for each stream. Past it,
/// calls wait.
pub const POOL_CONNECTIONS: usize = 16_384;
/// Calls that wait for their turn at one provider, unless configured. More: 503.
pub const QUEUE_CALLS: usize = 4096;
/// Generations that may be alive, and so places in the scoring and saving queues. More: 503.
pub const GENERATIONS: usize = 32_768;
/// Topics of one `POST /batch`.
pub const BATCH_TOPICS: usize = 1_000;
/// Texts of one batch that are produced, or wait to be written, at a time; fewer if the provider
/// may have fewer calls. The other topics wait.
pub const BATCH_AT_ONCE: usize = 64;
/// Texts that one `POST /generate/` may choose the best of.
pub const CANDIDATES: u8 = 8;
/// Texts of `/analyze/` and `/keywords/` that wait for a scorer. More: 503.
pub const ANALYZE_WAITING: usize = 256;
/// Requests whose JSON is being parsed on a thread. More: 503.
pub const PARSE_WAITING: usize = 256;
/// Reads of the store that wait. More: 503.
pub const READ_WAITING: usize = 1024;
/// Writes that are not part of a generation (analyses, deletions) and wait. More: 503.
pub const WRITE_WAITING: usize = 4096;
/// Older texts that are taken into the search index in one transaction …
pub const INDEX_ROWS: usize = 64;
/// … and no further one past this many bytes of them.
pub const INDEX_BYTES: usize = 1024 * 1024;
/// Items in one transaction of the SQLite writer. A batch of an import counts as many as it has rows.
pub const WRITE_GROUP: usize = 256;
/// The write-ahead log of SQLite is copied into the database past this size, and cut back to it.
pub const SQLITE_WAL_BYTES: u64 = 16 * 1024 * 1024;
/// Finished generations kept for resume, in bytes of text.
pub const REPLAY_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of all buffers together, unless configured. Full: 503 for new requests.
pub const LEDGER_BYTES: u64 = 1024 * 1024 * 1024;
/// Scorer threads, whatever the number of cores.
pub const SCORERS_MAX: usize = 4;
/// Generated texts that a scorer has at hand, so that it need not wait for the loop between two.
pub const SCORE_AHEAD: usize = 64;
/// A scorer looks whether its text is still wanted after this many bytes of it.
pub const SCORE_POLL_BYTES: usize = 64 * 1024;
/// Name servers that can be configured. More: a wrong setting.
pub const DNS_SERVERS: usize = 3;
/// Names that are looked up at a time by our own resolver. More wait for their turn.
pub const DNS_LOOKUPS: usize = 16;
/// Sockets of one look-up: two kinds of address, each asked for three times within the time limit.
pub const DNS_SOCKETS: usize = 6;
/// Threads for names.
pub const NAME_THREADS: usize = 2;
/// Closed spans kept in the trace ring (a power of two).
pub const SPANS: usize = 65_536;

// --- one turn of the loop ----------------------------------------------------------------------------

/// The scratch buffer that all sockets are read into.
pub const SCRATCH_BYTES: usize = 64 * 1024;
/// Reads from one connection in one turn.
pub const READS_PER_TURN: usize = 4;
/// Connections taken from the ready list in one turn.
pub const READY_PER_TURN: usize = 256;
/// Time spent on writing to those that have something to be written, in one turn.
pub const FLUSH_MS_PER_TURN: u64 = 4;
/// Time spent on the ready list in one turn.
pub const READY_MS_PER_TURN: u64 = 2;
/// Connections accepted in one turn.
pub const ACCEPTS_PER_TURN: usize = 64;
/// TLS handshakes moved forward in one turn: each costs up to a millisecond.
pub const HANDSHAKES_PER_TURN: usize = 8;
/// Connections with requests in their tail that are served in one turn.
pub const AGAIN_PER_TURN: usize = 128;
/// Calls in line for a provider that are turned away in one turn, when it is not asked any more.
pub const REFUSALS_PER_TURN: usize = 256;
/// Results of threads told to the engine in one turn.
pub const RESULTS_PER_TURN: usize = 256;
/// Timers fired in one turn.
pub const TIMERS_PER_TURN: usize = 1024;
/// After running out of file descriptors, accepting rests for this long.
pub const ACCEPT_BACKOFF_MS: u64 = 100;
/// Size of one block of a send buffer.
pub const BLOCK_BYTES: usize = 4096;
/// Free blocks kept for reuse; more are given back to the allocator.
pub const FREE_BLOCKS: usize = 4096;

const _: () = {
    assert!(REQUEST_LINE_BYTES <= HEAD_BYTES && CHUNK_LINE_BYTES <= CHUNK_EXTENSIONS_BYTES);
    assert!(CHUNK_EXTENSIONS_BYTES <= HEAD_BYTES && TRAILER_BYTES <= HEAD_BYTES);
    // Whatever is refused for its size still fits what a connection may hold.
    assert!(HEAD_BYTES <= PIPELINE_BYTES && BODY_BYTES <= ANALYZE_BODY_BYTES);
    // What is stored can be read back.
    assert!(2 * GENERATION_BYTES <= PG_ROW_BYTES && PG_ROW_BYTES <= PG_REQUEST_BYTES);
    assert!(PG_LOGIN_BYTES <= PG_MESSAGE_BYTES && PG_MESSAGE_BYTES <= PG_ROW_BYTES);
    // Lengths of the protocol have 31 bits.
    assert!(PG_REQUEST_BYTES < i32::MAX as usize / 2 && PG_STATEMENTS < u16::MAX as usize);
    assert!(SEND_LOW_BYTES < SEND_HIGH_BYTES && LAG_LOW_BYTES < LAG_HIGH_BYTES);
    assert!(SEND_HIGH_SCARCE_BYTES < SEND_LOW_BYTES);
    assert!(PUMP_BYTES < SEND_HIGH_BYTES && PUMP_BYTES < READERS_BYTES_PER_TURN);
    assert!(SSE_EVENT_BYTES <= GENERATION_BYTES && CONNECT_STAGGER_MS < CONNECT_MS);
    // Each question is sent once at the start and then at every retry.
    assert!(2 * RESOLVE_MS.div_ceil(DNS_RETRY_MS) as usize == DNS_SOCKETS);
    assert!(DNS_DELAY_MS < DNS_RETRY_MS && DNS_TTL_MIN_MS <= DNS_TTL_MAX_MS);
    assert!(CONNECT_MS < FIRST_BYTE_MS);
    assert!(FIRST_BYTE_MS <= FIRST_CONTENT_MS && FIRST_CONTENT_MS < GENERATION_MS);
    assert!(RETRY_BASE_MS <= RETRY_CAP_MS);
    // Two further attempts at a provider that is not there, and the client knows in 200 ms.
    assert!(3 * RETRY_CONNECT_BASE_MS < 200);
    assert!(BREAKER_OPEN_MS <= BREAKER_OPEN_MAX_MS && RESUME_GRACE_MS < REPLAY_MS);
    assert!(SPANS.is_power_of_two() && SCRATCH_BYTES >= HEAD_BYTES);
    assert!(WRITE_GROUP <= WRITE_WAITING);
    // A locked database is reported as such, and not as a deadline that passed.
    assert!(SQLITE_BUSY_MS < STORE_MS);
    assert!(JSON_ON_LOOP_BYTES < BODY_BYTES);
    assert!(IMPORT_BATCH_BYTES < IMPORT_LINE_BYTES);
    // A transaction is not made longer by imports than by clients.
    assert!(IMPORT_BATCH_ROWS <= WRITE_GROUP);
};
