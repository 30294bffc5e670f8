//! Figures of the connections to the database, where there is a server.

use super::page::Page;
use crate::engine::Engine;

impl Engine {
    pub(super) fn database_metrics(&self, page: &mut Page) {
        let Some(standing) = self.database_standing() else {
            return;
        };
        page.family(
            "database_connections",
            "gauge",
            "Connections to the database by state.",
        );
        page.value("database_connections", "state=\"ready\"", standing.ready);
        page.value(
            "database_connections",
            "state=\"opening\"",
            standing.opening,
        );
        page.gauge(
            "database_connections_max",
            "The most connections to the database.",
            standing.connections,
        );
        page.family(
            "database_orders",
            "gauge",
            "Questions and changes for the database: without a connection, and on one.",
        );
        page.value("database_orders", "state=\"waiting\"", standing.waiting);
        page.value("database_orders", "state=\"sent\"", standing.sent);
        let counts = standing.counts;
        page.family(
            "database_events_total",
            "counter",
            "What has happened to connections and to what was sent on them.",
        );
        for (event, count) in [
            ("opened", counts.opened),
            ("refused", counts.refused),
            ("lost", counts.lost),
            ("sent", counts.sent),
            ("repeated", counts.repeated),
            ("late", counts.late),
        ] {
            page.value(
                "database_events_total",
                &format!("event=\"{event}\""),
                count,
            );
        }
    }
}
