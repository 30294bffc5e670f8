//! Further attempts: which failures are tried again, and after how long.
//!
//! ```text
//!  failure ──► cause? ──► attempts left? ──► wait ──► within the deadline? ──► budget? ──► again
//!                │ none       │ no             │ asked for too long │ no         │ no
//!                └────────────┴────────────────┴────────────────────┴────────────┴──► the client
//! ```
//! This file has the first three questions; `engine/attempts.rs` asks all of them.
//!
//! A failure has a cause to try again if it is likely to heal by itself within seconds and if trying
//! costs nobody anything: so never once a piece of the text has come, never for a wrong key, a wrong
//! request or an empty account, and not for a time limit that ran out, because the time is spent
//! (unless the configuration says otherwise).
//!
//! The wait is what that very answer asked for. Otherwise it is drawn evenly from zero to a bound
//! that doubles ("full jitter": <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>),
//! so that clients that failed together do not come back together.

use crate::config::{self, Resilience};
use crate::engine::Failure;
use crate::engine::failure::Upstream;
use crate::engine::io::{Gone, TlsFault};
use crate::limits::{RETRY_CONNECT_BASE_MS, RETRY_JITTER_MS};

/// Why another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody was there. An attempt costs the provider nothing.
    Absent,
    /// It was there and failed.
    Busy,
    /// It was there and said how many milliseconds to wait.
    Asked(u64),
}

/// Why another attempt may help after `failure`; `None` if it would not.
#[must_use]
pub fn cause(failure: &Failure, rules: &Resilience) -> Option<Cause> {
    let Failure::Upstream(upstream) = failure else {
        return None;
    };
    match upstream {
        Upstream::Connect(Gone::TimedOut)
        | Upstream::NameTimeout
        | Upstream::ConnectTimeout
        | Upstream::TlsTimeout
        | Upstream::FirstByteTimeout
        | Upstream::FirstContentTimeout => rules.retry_timeouts.then_some(Cause::Busy),
        Upstream::Connect(_) => Some(Cause::Absent),
        // A name that cannot be looked up is not asked for again: its servers were, several times.
        Upstream::Tls(TlsFault::Protocol | TlsFault::Truncated)
        | Upstream::Broken
        | Upstream::Truncated => Some(Cause::Busy),
        Upstream::RateLimited { retry_after_ms, .. } => Some(asked_or_busy(*retry_after_ms)),
        Upstream::Unavailable {
            status,
            retry_after_ms,
            ..
        } => heals(*status).then(|| asked_or_busy(*retry_after_ms)),
        _ => None,
    }
}

fn asked_or_busy(hint_ms: Option<u64>) -> Cause {
    hint_ms.map_or(Cause::Busy, Cause::Asked)
}

/// Whether a status of a provider that could not answer passes by itself; 200 is that of an error
/// in the stream. The vendors' own clients try 409 again as well: it is about two requests that
/// contradict each other, which ours never do.
fn heals(status: u16) -> bool {
    match status {
        200 | 408 | 429 => true,
        501 | 505 => false, // not implemented, version not supported
        other => (500..600).contains(&other),
    }
}

/// How many milliseconds to wait before attempt `nth + 2`, `nth` further ones having been made;
/// `None` if there may be no more, or not so late.
#[must_use]
pub fn wait_ms(
    cause: Cause,
    nth: u32,
    rules: &config::Retry,
    random: &mut fastrand::Rng,
) -> Option<u64> {
    if nth >= rules.retries {
        return None;
    }
    let base = match cause {
        Cause::Asked(ms) if ms > rules.retry_hint_ms => return None,
        Cause::Asked(ms) => return Some(ms + random.u64(0..=(ms / 10).min(RETRY_JITTER_MS))),
        Cause::Absent => RETRY_CONNECT_BASE_MS.min(rules.retry_base_ms),
        Cause::Busy => rules.retry_base_ms,
    };
    let bound = base.saturating_mul(1 << nth.min(32));
    Some(random.u64(0..=bound.min(rules.retry_cap_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Reach;
    use crate::engine::io::ResolveFault;

    fn of(upstream: Upstream) -> Option<Cause> {
        cause(&upstream.into(), &Resilience::default())
    }

    fn unavailable(status: u16) -> Upstream {
        Upstream::Unavailable {
            status,
            code: None,
            retry_after_ms: None,
            busy: true,
        }
    }

    #[test]
    fn what_may_heal_is_tried_again() {
        for status in [200, 408, 500, 502, 503, 504, 529] {
            assert_eq!(of(unavailable(status)), Some(Cause::Busy), "{status}");
        }
        assert_eq!(of(Upstream::Broken), Some(Cause::Busy));
        assert_eq!(of(Upstream::Connect(Gone::Refused)), Some(Cause::Absent));
        let limited = |retry_after_ms| {
            of(Upstream::RateLimited {
                retry_after_ms,
                reach: Reach::Model,
            })
        };
        assert_eq!(limited(Some(7)), Some(Cause::Asked(7)));
        assert_eq!(limited(None), Some(Cause::Busy));
    }

    #[test]
    fn what_cannot_heal_is_not() {
        for upstream in [
            unavailable(409),
            unavailable(501),
            Upstream::Rejected {
                status: 400,
                code: None,
                words: None,
            },
            Upstream::Key,
            Upstream::Model(None),
            Upstream::Quota(Reach::Account),
            Upstream::Malformed,
            Upstream::Empty,
            Upstream::Status(302),
            Upstream::Name(ResolveFault::NoSuchName),
            Upstream::Name(ResolveFault::Failed),
            Upstream::Tls(TlsFault::Expired),
            Upstream::PoolTimeout,
            Upstream::TotalTimeout,
            Upstream::ContentTimeout,
        ] {
            assert_eq!(of(upstream.clone()), None, "{upstream:?}");
        }
        assert_eq!(cause(&Failure::Cancelled, &Resilience::default()), None);
    }

    #[test]
    fn a_limit_that_ran_out_is_tried_again_only_where_that_is_wanted() {
        let patient = Resilience {
            retry_timeouts: true,
            ..Resilience::default()
        };
        for upstream in [Upstream::FirstByteTimeout, Upstream::ConnectTimeout] {
            assert_eq!(of(upstream.clone()), None);
            assert_eq!(cause(&upstream.into(), &patient), Some(Cause::Busy));
        }
    }

    /// The least and the most of a thousand draws.
    fn range(cause: Cause, nth: u32) -> (u64, u64) {
        let mut random = fastrand::Rng::with_seed(1);
        let rules = config::Retry {
            retries: 10,
            ..config::Retry::default()
        };
        let draws = (0..1000).filter_map(|_| wait_ms(cause, nth, &rules, &mut random));
        draws.fold((u64::MAX, 0), |(least, most), ms| {
            (least.min(ms), most.max(ms))
        })
    }

    #[test]
    fn waits_are_drawn_evenly_from_zero_to_a_bound_that_doubles() {
        for (nth, bound) in [(0, 500), (1, 1_000), (2, 2_000), (4, 8_000), (9, 8_000)] {
            let (least, most) = range(Cause::Busy, nth);
            assert!(
                least <= bound / 50 && most <= bound,
                "{nth}: {least} to {most}"
            );
            assert!(most >= bound - bound / 50, "{nth}: {least} to {most}");
        }
        assert!(range(Cause::Absent, 0).1 <= 50 && range(Cause::Absent, 1).1 <= 100);
    }

    #[test]
    fn a_hint_is_kept_to_and_a_little_more() {
        let (least, most) = range(Cause::Asked(2_000), 0);
        assert_eq!(least, 2_000, "never less");
        assert!((2_100..=2_200).contains(&most));
        assert!(range(Cause::Asked(10_000), 9).1 <= 10_250);
    }

    #[test]
    fn too_often_or_too_long_is_no_wait_at_all() {
        let mut random = fastrand::Rng::with_seed(1);
        let rules = config::Retry::default();
        assert_eq!(
            wait_ms(Cause::Busy, rules.retries, &rules, &mut random),
            None
        );
        let long = Cause::Asked(rules.retry_hint_ms + 1);
        assert_eq!(wait_ms(long, 0, &rules, &mut random), None);
    }
}
