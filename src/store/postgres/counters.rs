//! The statements of counters that several processes share.
//!
//! One statement takes from many counters, each of them atomically: whoever comes second to a row waits
//! for the first one, and then sees what it has left. All lock rows in the order of their names, so
//! nobody waits in a circle. The clock of the windows is the server's, one for all processes: that of the
//! moment when the statement began, so an end that is told is never later than the real one.

use super::answer::Kind;
use super::{Cell, Request, answer, many, one};
use crate::proto::postgres::Scalar::{self, Int8, Text};
use crate::proto::postgres::{ValueFault, Values};
use crate::store::counters::{Counting, Draw, Drawn};

/// A moment as a whole number.
macro_rules! micros {
    ($when:literal) => {
        concat!("(extract(epoch FROM ", $when, ") * 1000000)::bigint")
    };
}

/// What was used of the window that runs before anything is given. What comes back belongs to the window
/// that it was taken from.
macro_rules! used {
    () => {
        "(CASE WHEN c.ends > now() THEN greatest(0, c.used +
            CASE WHEN excluded.amends >= 0 OR c.ends = excluded.ends THEN excluded.amends ELSE 0 END)
          ELSE 0 END)"
    };
}

macro_rules! given {
    () => {
        concat!(
            "greatest(0, least(excluded.wanted, excluded.most - ",
            used!(),
            "))"
        )
    };
}

/// Who only amends begins no window. A clock that was set back does not make one longer than it may be:
/// that is judged by the time at which the row is ours, and not by when the statement began, or one that
/// had to wait would shorten a window whose end somebody was told.
const DRAW: &str = concat!(
    "INSERT INTO rate_counters AS c (name, used, ends, most, wanted, given, amends)
    SELECT n.name, least(n.wanted, n.most),
        CASE WHEN n.until IS NULL THEN now() + n.window_ms * INTERVAL '1 millisecond'
             ELSE TIMESTAMPTZ 'epoch' + n.until * INTERVAL '1 microsecond' END,
        n.most, n.wanted, least(n.wanted, n.most), n.amends
    FROM unnest($1, $2, $3, $4, $5, $6) AS n (name, most, window_ms, wanted, amends, until)
    WHERE n.wanted > 0 OR EXISTS (
        SELECT 1 FROM rate_counters AS o WHERE o.name = n.name AND o.ends > now())
    ORDER BY n.name
    ON CONFLICT (name) DO UPDATE SET
        used = ",
    used!(),
    " + ",
    given!(),
    ", given = ",
    given!(),
    ", ends = CASE WHEN excluded.wanted = 0 THEN c.ends
                   WHEN c.ends > now()
                   THEN least(c.ends, clock_timestamp() + (excluded.ends - now()))
                   ELSE excluded.ends END,
        most = excluded.most, wanted = excluded.wanted, amends = excluded.amends
    RETURNING name, given, floor(extract(epoch FROM ends - now()) * 1000)::bigint,
        greatest(0, most - used), ",
    micros!("ends")
);
const DRAWS: &[Scalar] = &[Text, Int8, Int8, Int8, Int8, Int8];

/// A statement that began before a window's end may still be under way, so it is left for a while.
const SWEEP: &str = "
    WITH gone AS (
        DELETE FROM rate_counters WHERE name IN (
            SELECT name FROM rate_counters WHERE ends < now() - INTERVAL '1 minute'
            ORDER BY ends LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING 1
    ) SELECT count(*) FROM gone";

impl<'a> Request<'a> {
    /// What is sent for counters.
    #[must_use]
    pub fn of_counting(counting: &'a Counting) -> Self {
        let (part, kind) = match counting {
            Counting::Draw(draws) => {
                let rows = draws.iter().map(row).collect();
                (many(DRAW, DRAWS, rows), Kind::Drawn)
            }
            Counting::Sweep { limit } => {
                let row = vec![Cell::count(*limit as u64)];
                (one(SWEEP, &[Int8], row), Kind::Swept)
            }
        };
        Request {
            parts: vec![part],
            kind,
        }
    }
}

fn row(draw: &Draw) -> Vec<Cell<'_>> {
    vec![
        Cell::text(&draw.name),
        Cell::count(draw.most),
        Cell::count(draw.window_ms),
        Cell::count(draw.wanted),
        Cell::Int8(draw.amends),
        Cell::maybe(draw.window, Cell::count),
    ]
}

pub(super) fn drawn(values: &mut Values<'_>) -> Result<Drawn, ValueFault> {
    let name = values.take::<&str>()?.to_owned();
    let given = answer::count(values)?;
    // A window may have ended while somebody was waited for.
    let ends_in_ms: i64 = values.take()?;
    Ok(Drawn {
        name,
        given,
        ends_in_ms: u64::try_from(ends_in_ms).unwrap_or(0),
        left: answer::count(values)?,
        window: answer::count(values)?,
    })
}
