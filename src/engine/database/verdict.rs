//! What follows from an error of the server: for the order, and for the connection. Pure.
//!
//! The table of codes is [`Meaning`]'s; here it meets what is known about the order and the server.

use crate::limits::DB_ATTEMPTS;
use crate::proto::postgres::{Meaning, Report};

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The order is sent again; otherwise the error is its result.
    pub(super) repeat: bool,
    /// The connection takes no more orders, and is closed when it owes nothing.
    pub(super) leave: bool,
    /// A pooler is in between that gives each transaction another session.
    pub(super) pooled: bool,
}

/// Judges an error that came as the answer to an order. `attempts` counts the one that has failed,
/// `others` says whether there are further servers.
pub(super) fn judge(report: &Report, attempts: u8, others: bool) -> Verdict {
    let verdict = |repeat, leave, pooled| Verdict {
        repeat: repeat && attempts < DB_ATTEMPTS,
        leave,
        pooled,
    };
    match report.meaning() {
        // The server has undone all of it: two orders were in each other's way.
        Meaning::Again => verdict(true, false, false),
        Meaning::Elsewhere => verdict(true, true, false),
        // Another session answers than the one that has the statement: that is a pooler. If a table
        // has changed, the session has forgotten its statements by now.
        Meaning::Forgotten => match report.code.bytes() {
            b"26000" | b"42P05" => verdict(true, true, true),
            _ => verdict(true, false, false),
        },
        // A term was removed while a text came to refer to it: the second time it is made again.
        Meaning::Conflict if report.code.bytes() == b"23503" => verdict(true, false, false),
        // Another server may be the one that takes writes.
        Meaning::ReadOnly => verdict(others, others, false),
        Meaning::Pooler
        | Meaning::Later
        | Meaning::TimedOut
        | Meaning::Denied
        | Meaning::Conflict
        | Meaning::Value
        | Meaning::Program => verdict(false, false, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::postgres::{Severity, SqlState};

    fn report(code: &[u8; 5]) -> Report {
        Report {
            severity: Severity::Error,
            code: SqlState::new(code),
            message: String::new(),
            detail: None,
            hint: None,
            position: None,
            table: None,
            constraint: None,
            routine: None,
        }
    }

    fn words(code: &[u8; 5], attempts: u8, others: bool) -> (bool, bool, bool) {
        let verdict = judge(&report(code), attempts, others);
        (verdict.repeat, verdict.leave, verdict.pooled)
    }

    #[test]
    fn each_error_has_its_consequence() {
        let (yes, no) = (true, false);
        for (code, others, expected) in [
            (b"40001", no, (yes, no, no)),  // serialization_failure
            (b"40P01", no, (yes, no, no)),  // deadlock_detected
            (b"57P01", no, (yes, yes, no)), // admin_shutdown
            (b"26000", no, (yes, yes, yes)),
            (b"0A000", no, (no, no, no)),
            (b"25006", no, (no, no, no)), // read_only_sql_transaction
            (b"25006", yes, (yes, yes, no)),
            (b"53100", no, (no, no, no)),  // disk_full
            (b"57014", no, (no, no, no)),  // query_canceled
            (b"23503", no, (yes, no, no)), // foreign_key_violation
            (b"23505", no, (no, no, no)),
            (b"22021", no, (no, no, no)),
            (b"42601", no, (no, no, no)),
        ] {
            assert_eq!(words(code, 1, others), expected, "{:?}", report(code).code);
        }
    }

    #[test]
    fn nothing_is_repeated_for_ever() {
        assert!(words(b"40001", DB_ATTEMPTS - 1, false).0);
        assert!(!words(b"40001", DB_ATTEMPTS, false).0);
    }
}
