//! What processes tell each other by way of the database: that something about a job has changed.
//!
//! It is told by the statement that makes the change, so it is heard after the commit, and not at all
//! if there is none. What is told is the id of the job and nothing else: whoever hears it looks.

use uuid::Uuid;

/// What to send on a connection that is to hear of it.
pub const LISTEN: &str = "LISTEN maitred_jobs";

/// The name of the channel.
const CHANNEL: &str = "maitred_jobs";

/// Tells it, for each row that it is evaluated for.
macro_rules! tell {
    ($job:literal) => {
        concat!("pg_notify('maitred_jobs', ", $job, "::text)")
    };
}
pub(super) use tell;

/// The job that is told of. `None`: it is none of our words; anybody may tell anything on any channel.
#[must_use]
pub fn job_told_of(channel: &str, payload: &str) -> Option<Uuid> {
    // The one form in which PostgreSQL writes an id, of the several that can be read.
    let is_hyphenated = payload.len() == 36 && channel == CHANNEL;
    Uuid::try_parse(payload).ok().filter(|_| is_hyphenated)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_an_id_on_our_channel_is_heard() {
        assert_eq!(LISTEN, format!("LISTEN {CHANNEL}"));
        let id = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";
        assert_eq!(job_told_of(CHANNEL, id), Some(id.parse().unwrap()));
        let long = id.repeat(200);
        for (channel, payload) in [
            ("other", id),
            (CHANNEL, ""),
            (CHANNEL, &id[1..]),
            (CHANNEL, &long),
            (CHANNEL, "{0190d6a5-6f27-7ad0-8a5e-0123456789ab}"),
            (CHANNEL, "0190d6a56f277ad08a5e0123456789ab"),
            (CHANNEL, "0190d6a5-6f27-7ad0-8a5e-0123456789aé"),
        ] {
            assert_eq!(job_told_of(channel, payload), None, "{channel} {payload}");
        }
    }
}
