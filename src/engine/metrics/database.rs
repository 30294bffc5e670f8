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
        page.value(
            "database_connections",
            "state=\"listening\"",
            usize::from(self.hears_others()),
        );
        page.gauge(
            "database_connections_max",
            "The most connections to the database that are shared.",
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
        let heard = self.heard().unwrap_or_default();
        let name = "database_notifications_total";
        let help = "What processes have told about jobs: others, this one, and nobody understands.";
        page.family(name, "counter", help);
        for (of, count) in [
            ("others", heard.others),
            ("own", heard.own),
            ("strange", heard.strange),
        ] {
            page.value(name, &format!("of=\"{of}\""), count);
        }
    }
}
