//! Deliveries, as rows and words: that a job has ended is told to a webhook until it has taken it.
//!
//! ```text
//!  waiting ─(the job ends)─► due ◄──────────────┐ not taken, not tried, or its time is over
//!                             └─(claimed)─► sending ─┬─(taken)──► delivered
//!                                                    └─(enough)─► given_up
//! ```
//! Each claim has an id of its own, and what is said under another one is not heard: so an attempt that
//! took too long changes nothing about the one that has followed it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::JobRow;

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The job has not ended.
    Waiting,
    /// An attempt is to be made.
    Due,
    /// Somebody makes one.
    Sending,
    /// The webhook has taken it.
    Delivered,
    /// It never did, and is not asked again.
    GivenUp,
}

impl DeliveryState {
    /// All states.
    pub const ALL: [DeliveryState; 5] = [
        DeliveryState::Waiting,
        DeliveryState::Due,
        DeliveryState::Sending,
        DeliveryState::Delivered,
        DeliveryState::GivenUp,
    ];

    /// The word in the table and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Due => "due",
            DeliveryState::Sending => "sending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::GivenUp => "given_up",
        }
    }

    /// The state behind a word of the table.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A delivery that is stored with its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDelivery {
    /// What the receiver will know it by.
    pub id: Uuid,
    /// The name of a configured webhook.
    pub hook: String,
}

/// A delivery as answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// What the receiver knows it by.
    pub id: Uuid,
    /// The name of the webhook.
    pub hook: String,
    /// Where it is.
    pub state: DeliveryState,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Why the last one that failed did.
    pub last_error: Option<String>,
    /// When the next attempt may be made, or the present one is given up for lost.
    pub due_ms: Option<i64>,
}

/// A delivery that was taken in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedDelivery {
    /// What the receiver knows it by.
    pub id: Uuid,
    /// The name of the webhook.
    pub hook: String,
    /// Attempts that were begun, this one included.
    pub attempts: u32,
    /// What has ended.
    pub job: JobRow,
}

/// A change about deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryWrite {
    /// Take the one in hand that has been due for longest, if there is any. A claim that is made again, because
    /// its answer was lost, finds what it has taken and takes nothing else.
    Claim {
        /// The id of this claim; no other has it.
        claim: Uuid,
        /// The time.
        now_ms: i64,
        /// When somebody else may take it.
        until_ms: i64,
    },
    /// Say what came of an attempt. Does nothing if there has been another claim.
    End {
        /// Of which claim.
        claim: Uuid,
        /// What.
        came: Attempted,
    },
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempted {
    /// It was taken.
    Delivered,
    /// There is to be another one.
    Again {
        /// Why; `None` if nothing was sent, and this attempt does not count.
        error: Option<String>,
        /// Not before this time.
        due_ms: i64,
    },
    /// There is to be none.
    GivenUp {
        /// Why.
        error: String,
    },
}

impl Attempted {
    /// The state of the delivery, and when it is due.
    pub(in crate::store) fn state(&self) -> (DeliveryState, Option<i64>) {
        match self {
            Attempted::Delivered => (DeliveryState::Delivered, None),
            Attempted::Again { due_ms, .. } => (DeliveryState::Due, Some(*due_ms)),
            Attempted::GivenUp { .. } => (DeliveryState::GivenUp, None),
        }
    }

    /// Why it failed.
    pub(in crate::store) fn error(&self) -> Option<&str> {
        match self {
            Attempted::Delivered => None,
            Attempted::Again { error, .. } => error.as_deref(),
            Attempted::GivenUp { error } => Some(error),
        }
    }

    /// How many attempts are not to be counted: this one, or none. What was said of the last one
    /// stays then.
    pub(in crate::store) fn untried(&self) -> i64 {
        i64::from(matches!(self, Attempted::Again { error: None, .. }))
    }
}

/// The statements that both databases understand; see [`super::sql`] for the order of parameters.
pub(in crate::store) mod sql {
    /// A claim that is made again has the time of a new one.
    pub(in crate::store) const KEEP: &str = "UPDATE deliveries SET due_ms = $1 WHERE claim = $2";

    /// Takes a delivery in hand, unless the claim has one. `$lock` keeps two connections from taking the same
    /// one.
    macro_rules! claim {
        ($lock:literal) => {
            concat!(
                "WITH next AS MATERIALIZED (
                    SELECT tenant AS t, job AS j FROM deliveries
                    WHERE due_ms <= $1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE claim = $2)
                    ORDER BY due_ms, job LIMIT 1 ",
                $lock,
                ") UPDATE deliveries
                SET state = 'sending', attempts = attempts + 1, claim = $2, due_ms = $3
                FROM next WHERE tenant = t AND job = j"
            )
        };
    }
    pub(in crate::store) use claim;

    /// What was taken with a claim: the columns of the job as in a list, and those of the delivery.
    pub(in crate::store) const CLAIMED: &str = "
        SELECT j.tenant, j.id, j.kind, j.state, j.params, j.items, j.done, j.failed, j.created_ms,
            j.started_ms, j.finished_ms, d.id, d.hook, d.attempts
        FROM deliveries AS d JOIN jobs AS j ON j.tenant = d.tenant AND j.id = d.job
        WHERE d.claim = $1";

    pub(in crate::store) const INSERT: &str = "
        INSERT INTO deliveries (tenant, job, id, hook, state, attempts)
        VALUES ($1, $2, $3, $4, 'waiting', 0) ON CONFLICT (tenant, job) DO NOTHING";

    /// The delivery of a job becomes due if the job has just ended. Part of the transaction that may
    /// have ended it.
    pub(in crate::store) const JOB_ENDED: &str = "
        UPDATE deliveries SET state = 'due', due_ms = $1
        WHERE tenant = $2 AND job = $3 AND state = 'waiting' AND EXISTS (
            SELECT 1 FROM jobs WHERE jobs.tenant = deliveries.tenant AND jobs.id = deliveries.job
                AND jobs.state IN ('done', 'cancelled'))";

    pub(in crate::store) const END: &str = "
        UPDATE deliveries SET state = $1, due_ms = $2, attempts = attempts - $3,
            last_error = CASE WHEN $3 > 0 THEN last_error ELSE $4 END, claim = NULL
        WHERE claim = $5";

    pub(in crate::store) const DUE: &str =
        "SELECT min(due_ms) FROM deliveries WHERE due_ms IS NOT NULL";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_table_and_of_json_are_the_same() {
        for state in DeliveryState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(DeliveryState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(DeliveryState::from_word("Due"), None);
    }
}
