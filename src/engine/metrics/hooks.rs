//! The figures of webhooks, where there are any.

use super::page::Page;
use crate::engine::Engine;
use crate::limits::hooks::HOOK_PARALLEL;

impl Engine {
    pub(super) fn hook_metrics(&self, page: &mut Page) {
        if self.config.webhooks.is_empty() {
            return;
        }
        let hooks = &self.jobs.hooks;
        let name = "webhook_deliveries_in_hand";
        page.gauge(name, "Deliveries that this process makes.", hooks.in_hand());
        let name = "webhook_deliveries_in_hand_max";
        page.gauge(name, "The most of them.", HOOK_PARALLEL);
        let counts = &hooks.counts;
        let name = "webhook_deliveries_total";
        let help = "What has happened to deliveries to webhooks here.";
        page.family(name, "counter", help);
        for (what, count) in [
            ("claimed", counts.claimed),
            ("delivered", counts.delivered),
            ("failed", counts.failed),
            ("given_up", counts.given_up),
            ("lost", counts.lost),
        ] {
            page.value(name, &format!("what=\"{what}\""), count);
        }
    }
}
