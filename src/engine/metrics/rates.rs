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
            (
                "rate_blocks_asked_total",
                "counter",
                "Blocks that the counter shared with other processes was asked for.",
                tally.asked,
            ),
            (
                "rate_blocks_unanswered_total",
                "counter",
                "Of these, without an answer.",
                tally.unanswered,
            ),
            (
                "rate_alone_total",
                "counter",
                "Requests that were decided without that counter, although there is one.",
                tally.alone,
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
    }
}
