//! The figures of the rate limits.

use super::page::Page;
use crate::engine::Engine;
use crate::engine::policy::rate::Kind;

impl Engine {
    pub(super) fn rate_metrics(&self, page: &mut Page) {
        let tally = &self.rates.tally;
        let (subjects, limit) = self.rates.subjects();
        for (name, kind, help, value) in [
            (
                "rate_subjects",
                "gauge",
                "Addresses whose use is remembered.",
                subjects as u64,
            ),
            (
                "rate_subjects_max",
                "gauge",
                "Of how many it can be.",
                limit as u64,
            ),
            (
                "rate_crowded_total",
                "counter",
                "Requests counted together with others because that many were remembered.",
                tally.crowded,
            ),
            (
                "rate_open_tokens",
                "gauge",
                "Tokens reserved by calls that go on.",
                self.rates.open_tokens(),
            ),
            (
                "rate_reserved_tokens_total",
                "counter",
                "Tokens reserved, by estimate.",
                tally.reserved,
            ),
            (
                "rate_charged_tokens_total",
                "counter",
                "Tokens charged in the end.",
                tally.charged,
            ),
            (
                "rate_reported_tokens_total",
                "counter",
                "Of these, tokens that a provider has counted.",
                tally.reported,
            ),
        ] {
            page.family(name, kind, help);
            page.value(name, "", value);
        }
        let name = "rate_refused_total";
        page.family(name, "counter", "Requests refused, by the limit reached.");
        for kind in [Kind::Requests, Kind::Tokens] {
            let label = format!("limit=\"{}\"", kind.as_str());
            page.value(name, &label, tally.refused[kind as usize]);
        }
        self.shared_metrics(page);
        self.counter_metrics(page);
    }

    /// What came of the counter that several processes share, whoever keeps it.
    fn shared_metrics(&self, page: &mut Page) {
        let tally = &self.rates.tally;
        for (name, help, value) in [
            (
                "rate_blocks_asked_total",
                "Blocks that the counter shared with other processes was asked for.",
                tally.asked,
            ),
            (
                "rate_blocks_unanswered_total",
                "Of these, without an answer.",
                tally.unanswered,
            ),
            (
                "rate_alone_total",
                "Requests that were decided without that counter, although there is one.",
                tally.alone,
            ),
            (
                "rate_given_back_total",
                "What was given back to that counter when this process was told to end.",
                tally.given_back,
            ),
        ] {
            page.family(name, "counter", help);
            page.value(name, "", value);
        }
    }

    /// Those of the counter, where the database is it.
    fn counter_metrics(&self, page: &mut Page) {
        let Some(table) = &self.share.table else {
            return;
        };
        let counts = table.counts;
        let name = "rate_statements_total";
        let help = "Statements about limits that several processes share.";
        page.family(name, "counter", help);
        for (what, count) in [
            ("answered", counts.drawn),
            ("late", counts.late),
            ("refused", counts.refused),
        ] {
            page.value(name, &format!("what=\"{what}\""), count);
        }
        let name = "rate_counters_removed_total";
        page.family(name, "counter", "Counters removed whose windows were over.");
        page.value(name, "", counts.swept);
    }
}
