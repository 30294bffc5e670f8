//! Rows that are kept no longer.
//!
//! Ids begin with the time at which they were made (UUIDv7, RFC 9562 section 5.7), so "older than" is
//! "with a lower id", and no table needs an index by time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A table whose rows may expire. Terms go with the last row that refers to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Table {
    /// Generated texts and their scores.
    Texts,
    /// Texts that were sent to be analysed, and their scores. Asked for only when no generated text
    /// is as old: the rows of both are in one table.
    Analyses,
    /// Keywords.
    Keywords,
    /// Rows of requests.
    Requests,
    /// Jobs that are over, with their items: those that ended before the time of the id. Whole jobs go,
    /// so it may be more rows than the limit, but never much more than one job has.
    Jobs,
}

/// How much of the store one text takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// Of a generated text, or of one that was analysed.
    pub id: Uuid,
    /// Its bytes of UTF-8.
    pub bytes: u64,
}

/// The lowest id that a row of this time can have, in milliseconds of Unix time.
#[must_use]
pub fn first_id_at(ms: i64) -> Uuid {
    let ms = u128::from(ms.max(0).unsigned_abs());
    Uuid::from_u128(ms << 80)
}

/// The time of an id, in milliseconds of Unix time.
#[must_use]
pub fn time_of(id: Uuid) -> i64 {
    (id.as_u128() >> 80) as i64 // 48 bits
}

/// The id that follows: whatever is below it is this one or before it.
#[must_use]
pub fn id_after(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let of = |ms| uuid::Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid();
        assert!(first_id_at(1_700_000_000_001) > of(1_700_000_000_000));
        assert!(first_id_at(1_700_000_000_000) < of(1_700_000_000_000));
        assert_eq!(first_id_at(-5), Uuid::nil());
        assert_eq!(time_of(of(1_700_000_000_000)), 1_700_000_000_000);
        assert_eq!(id_after(Uuid::max()), Uuid::max());
    }
}
