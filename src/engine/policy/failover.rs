//! Failover: which failures of an attempt are a reason to ask somebody else at once.
//!
//! Whatever another provider could do better is one; what the request itself deserves is none, and
//! neither is what has nothing to do with the provider. Unlike for a further attempt at the same
//! provider (`retry.rs`) it does not matter whether the failure will pass: a wrong key is as good a
//! reason as an overload.

use crate::engine::Failure;
use crate::engine::failure::{Bound, Upstream};
use crate::engine::flow::body::ParseFault;

/// Whether another target may do better.
#[must_use]
pub fn may_help(failure: &Failure) -> bool {
    match failure {
        // The request was found wrong by somebody who has read it; and time that ran out for the
        // whole has run out for all.
        Failure::Upstream(Upstream::Rejected { .. } | Upstream::TotalTimeout) => false,
        Failure::Upstream(_) => true,
        Failure::Full(bound) => *bound == Bound::Provider,
        Failure::QueueTimeout { .. } => true,
        // It cannot be said in the words of this one.
        Failure::Body(ParseFault::Refused(refused)) => refused.is_of_target(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::{Dialect, Reach, Refused, Why};

    #[test]
    fn whatever_somebody_else_could_do_better() {
        for upstream in [
            Upstream::Key,
            Upstream::Model(None),
            Upstream::Quota(Reach::Account),
            Upstream::Malformed,
            Upstream::Truncated,
            Upstream::FirstContentTimeout,
            Upstream::Status(302),
            Upstream::RateLimited {
                retry_after_ms: None,
                reach: Reach::Model,
            },
        ] {
            assert!(may_help(&upstream.clone().into()), "{upstream:?}");
        }
        assert!(may_help(&Failure::Full(Bound::Provider)));
        let why = Why::Inexpressible {
            target: Dialect::Gemini,
            reason: String::new(),
        };
        let refused =
            |why| Failure::Body(ParseFault::Refused(Box::new(Refused { field: None, why })));
        assert!(may_help(&refused(why)));
        assert!(!may_help(&refused(Why::Missing)), "nobody takes that");
        let provider = "p".into();
        assert!(may_help(&Failure::QueueTimeout { provider }));
    }

    #[test]
    fn not_what_the_request_deserves_or_what_is_ours() {
        let rejected = Upstream::Rejected {
            status: 400,
            code: None,
            words: None,
        };
        assert!(!may_help(&rejected.into()));
        assert!(!may_help(&Upstream::TotalTimeout.into()));
        for failure in [Failure::Cancelled, Failure::Deadline, Failure::Stopping] {
            assert!(!may_help(&failure), "{failure:?}");
        }
        assert!(!may_help(&Failure::Full(Bound::Generations)));
    }
}
