//! Statements to be sent, and why some are not.

use std::fmt;

use super::frontend;
use super::types::Type;
use super::value::Value;
use crate::limits::{PG_REQUEST_BYTES, PG_REQUEST_STATEMENTS};

/// The count of values has 16 bits.
const MOST_VALUES: usize = u16::MAX as usize;

/// One statement of a request, with its values.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// One statement of SQL, with `$1`, `$2`, … in the place of its values. What users say belongs
    /// into values and never in here.
    pub sql: &'a str,
    /// The types of the values.
    pub types: &'a [Type],
    /// As many values as there are types.
    pub values: &'a [Value<'a>],
    /// Whether it will come again: then the server is to keep it under a name.
    pub keep: bool,
}

/// Why a request was not sent. Nothing of it was, and the connection is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The connection is not logged in, or over.
    NotReady,
    /// As many requests as may be are waiting for their answers already.
    Full,
    /// A script or a COPY is under way, which has the connection for itself.
    Busy,
    /// There is no COPY that wants bytes.
    NotCopying,
    /// More statements or values than fit.
    TooMany,
    /// More bytes than [`PG_REQUEST_BYTES`].
    TooLong,
    /// A text with U+0000, which PostgreSQL cannot store, or SQL or a setting with it.
    Nul,
    /// A value that is not of the type that was said, or as many values as types are not there.
    Type,
    /// A point in time that PostgreSQL's clock does not reach.
    Time,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "the connection is not ready for requests",
            Self::Full => "too many requests wait on this connection",
            Self::Busy => "a script or a COPY has the connection for itself",
            Self::NotCopying => "no COPY wants bytes",
            Self::TooMany => "the request has too many statements or values",
            Self::TooLong => "the request is too long",
            Self::Nul => "a text holds U+0000, which PostgreSQL cannot store",
            Self::Type => "a value is not of the type of its parameter",
            Self::Time => "a point in time is beyond what PostgreSQL can store",
        })
    }
}

impl std::error::Error for Refused {}

impl Statement<'_> {
    /// The measure of its values, if it can be sent.
    fn values_bytes(&self) -> Result<usize, Refused> {
        if self.values.len() > MOST_VALUES {
            return Err(Refused::TooMany);
        }
        if self.values.len() != self.types.len() {
            return Err(Refused::Type);
        }
        check_text(self.sql)?;
        let pairs = self.values.iter().zip(self.types);
        pairs.map(|(value, kind)| value.measure(*kind)).sum()
    }
}

/// Measures the values of each statement, and sees whether all can be sent.
pub(super) fn measure(
    statements: &[Statement<'_>],
    values_bytes: &mut Vec<usize>,
) -> Result<(), Refused> {
    values_bytes.clear();
    if statements.len() > PG_REQUEST_STATEMENTS {
        return Err(Refused::TooMany);
    }
    let mut all = 0;
    for statement in statements {
        let bytes = statement.values_bytes()?;
        values_bytes.push(bytes);
        all += frontend::parse_bytes("", statement.sql, statement.types.len());
        all += frontend::bind_bytes("", bytes);
    }
    if all > PG_REQUEST_BYTES {
        Err(Refused::TooLong)
    } else {
        Ok(())
    }
}

/// That a text can end at a zero byte, and fits.
pub(super) fn check_text(text: &str) -> Result<(), Refused> {
    if text.len() > PG_REQUEST_BYTES {
        return Err(Refused::TooLong);
    }
    match memchr::memchr(0, text.as_bytes()) {
        Some(_) => Err(Refused::Nul),
        None => Ok(()),
    }
}
