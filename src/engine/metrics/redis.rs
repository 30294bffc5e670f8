//! Figures of the connection to Redis, where there is a server.

use super::page::Page;
use crate::engine::Engine;

impl Engine {
    pub(super) fn redis_metrics(&self, page: &mut Page) {
        let Some(standing) = self.redis_standing() else {
            return;
        };
        page.gauge(
            "redis_up",
            "Whether Redis can be asked. If not, each process counts alone.",
            usize::from(standing.ready),
        );
        page.gauge(
            "redis_nodes",
            "Servers of Redis that can be asked: one, or those of a cluster.",
            standing.nodes,
        );
        page.gauge(
            "redis_awaited",
            "Commands sent to Redis whose answers are awaited.",
            standing.awaited,
        );
        let name = "redis_events_total";
        let help = "What has happened to the connection to Redis and to what was to be sent on it.";
        page.family(name, "counter", help);
        let counts = standing.counts;
        for (event, count) in [
            ("opened", counts.opened),
            ("refused", counts.refused),
            ("lost", counts.lost),
            ("sent", counts.sent),
            ("unsent", counts.unsent),
            ("unanswered", counts.unanswered),
            ("rejected", counts.rejected),
            ("elsewhere", counts.elsewhere),
            ("followed", counts.followed),
        ] {
            page.value(name, &format!("event=\"{event}\""), count);
        }
        let name = "redis_answers_total";
        let help = "What has become of stored texts that are kept in Redis for a moment.";
        page.family(name, "counter", help);
        let answers = standing.answers;
        for (event, count) in [
            ("hit", answers.hits),
            ("miss", answers.misses),
            ("invalid", answers.invalid),
            ("unanswered", answers.unanswered),
            ("unsent", answers.unsent),
            ("kept", answers.kept),
            ("ended", answers.ended),
            ("owed", answers.owed),
        ] {
            page.value(name, &format!("event=\"{event}\""), count);
        }
    }
}
