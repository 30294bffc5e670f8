//! The figures of jobs.

use super::page::Page;
use crate::engine::Engine;

impl Engine {
    pub(super) fn job_metrics(&self, page: &mut Page) {
        let (in_hand, most) = self.jobs.in_hand();
        let name = "job_items_in_hand";
        page.gauge(name, "Items of jobs that this process is at.", in_hand);
        let name = "job_items_in_hand_max";
        page.gauge(name, "The most of them.", most);
        let (watchers, most) = self.jobs.watches.watchers();
        page.gauge("job_watchers", "Clients that watch jobs.", watchers);
        page.gauge("job_watchers_max", "The most of them.", most);
        let (name, text) = ("job_looks_total", "Looks at jobs that are watched.");
        page.family(name, "counter", text);
        page.value(name, "", self.jobs.watches.looks);
        let counts = &self.jobs.counts;
        let name = "job_items_total";
        page.family(name, "counter", "What has happened to items of jobs here.");
        for (what, count) in [
            ("claimed", counts.claimed),
            ("repeated", counts.repeated),
            ("done", counts.done),
            ("failed", counts.failed),
            ("put_off", counts.put_off),
            ("lost", counts.lost),
        ] {
            page.value(name, &format!("what=\"{what}\""), count);
        }
    }
}
