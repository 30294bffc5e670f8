//! Counters that several processes share: what is done to one is one script, so that nobody else's
//! commands come in between, and the server needs no clock that agrees with ours.
//!
//! A counter is a key with what was taken of a window's allowance. It comes into being with the first
//! block, lives for as long as the window, and takes the window with it when it dies. If the
//! server loses it (a restart without a disk), the window begins anew.

use super::Reply;

/// `EVAL` it with the key, and how many are wanted, how many there may be in a window, and how long a
/// window is in milliseconds. The answer is how many were granted (none, or fewer, if that is all that
/// is left), in how many milliseconds the window ends, how many are left after it, and when it ends by the
/// server's clock, which is the name of the window.
pub const LEASE: &str = "\
local used = tonumber(redis.call('GET', KEYS[1]) or '0') \
local block = math.max(0, math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - used)) \
if block > 0 then \
  redis.call('INCRBY', KEYS[1], block) \
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end \
end \
local rest = math.max(0, redis.call('PTTL', KEYS[1])) \
local now = redis.call('TIME') \
return {block, rest, math.max(0, tonumber(ARGV[2]) - used - block), \
  now[1] * 1000 + math.floor(now[2] / 1000) + rest}";

/// `EVAL` it with the key and a number: so many more have been used than were taken, or fewer if it
/// is negative. A window that is over is left alone.
pub const AMEND: &str = "\
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end \
if redis.call('INCRBY', KEYS[1], ARGV[1]) < 0 then redis.call('SET', KEYS[1], 0, 'KEEPTTL') end \
return 1";

/// `EVAL` it with the key, a number, and the name of a window: of what was taken from that window so many
/// will not be used. The end of a window is told to a few milliseconds, and the next one ends a second later
/// at least.
pub const GIVE_BACK: &str = "\
local rest = redis.call('PTTL', KEYS[1]) \
local now = redis.call('TIME') \
local ends = now[1] * 1000 + math.floor(now[2] / 1000) + rest \
if rest < 0 or math.abs(ends - tonumber(ARGV[2])) > 100 then return 0 end \
if redis.call('DECRBY', KEYS[1], ARGV[1]) < 0 then redis.call('SET', KEYS[1], 0, 'KEEPTTL') end \
return 1";

/// What [`LEASE`] has granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// How many.
    pub units: u64,
    /// Milliseconds until the window ends, counted from some time before the answer was sent.
    pub ends_in_ms: u64,
    /// How many are left of the window for others.
    pub left: u64,
    /// The name of the window: its end in milliseconds of Unix time, by the server's clock.
    pub window: u64,
}

impl Granted {
    /// Reads the answer to [`LEASE`]; `None` if it is none.
    #[must_use]
    pub fn read(reply: &Reply) -> Option<Granted> {
        match reply {
            Reply::List(values) => match values[..] {
                [
                    Reply::Integer(units),
                    Reply::Integer(ends_in_ms),
                    Reply::Integer(left),
                    Reply::Integer(window),
                ] => Some(Granted {
                    units: units.try_into().ok()?,
                    ends_in_ms: ends_in_ms.try_into().ok()?,
                    left: left.try_into().ok()?,
                    window: window.try_into().ok()?,
                }),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The words of a command that takes a block.
#[must_use]
pub fn lease(key: &str, wanted: u64, limit: u64, window_ms: u64) -> [String; 7] {
    let numbers = [wanted, limit, window_ms].map(|number| number.to_string());
    let [wanted, limit, window_ms] = numbers;
    let words = ["EVAL", LEASE, "1", key].map(str::to_owned);
    let [eval, script, keys, key] = words;
    [eval, script, keys, key, wanted, limit, window_ms]
}

/// The words of a command that says what was really used.
#[must_use]
pub fn amend(key: &str, by: i64) -> [String; 5] {
    let words = ["EVAL", AMEND, "1", key].map(str::to_owned);
    let [eval, script, keys, key] = words;
    [eval, script, keys, key, by.to_string()]
}

/// The words of a command that says what will not be used of a window.
#[must_use]
pub fn give_back(key: &str, units: u64, window: u64) -> [String; 6] {
    let words = ["EVAL", GIVE_BACK, "1", key].map(str::to_owned);
    let [eval, script, keys, key] = words;
    [
        eval,
        script,
        keys,
        key,
        units.to_string(),
        window.to_string(),
    ]
}
