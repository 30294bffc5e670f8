//! What each provider was used for: tokens, what they cost, and how long the first content took.

use super::page::Page;
use crate::dialect::Usage;
use crate::engine::Engine;
use crate::engine::gate::Gate;
use crate::engine::policy::price::units;

/// Upper bounds of the buckets for the first content, in milliseconds; one more is without bound.
const BOUNDS_MS: [u64; 10] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
];

/// What one provider was used for since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    tokens: [u64; 4],
    cost_nanos: u64,
    first_content: [u64; BOUNDS_MS.len() + 1],
    first_content_ns: u64,
}

/// The labels of `tokens`.
const KINDS: [&str; 4] = ["prompt", "completion", "cached", "reasoning"];

impl Used {
    /// The calls for one text have come to so much.
    pub fn text(&mut self, usage: &Usage, cost_nanos: Option<u64>) {
        let counts = [
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_tokens,
            usage.reasoning_tokens,
        ];
        for (sum, count) in self.tokens.iter_mut().zip(counts) {
            *sum = sum.saturating_add(count.unwrap_or(0));
        }
        self.cost_nanos = self.cost_nanos.saturating_add(cost_nanos.unwrap_or(0));
    }

    /// The first content of an answer came so long after its request.
    pub fn first_content(&mut self, nanos: u64) {
        let ms = nanos.div_ceil(1_000_000);
        let bucket = BOUNDS_MS.iter().position(|bound| ms <= *bound);
        self.first_content[bucket.unwrap_or(BOUNDS_MS.len())] += 1;
        self.first_content_ns = self.first_content_ns.saturating_add(nanos);
    }
}

impl Engine {
    pub(super) fn usage_metrics(&self, page: &mut Page) {
        let label = |gate: &Gate| format!("provider=\"{}\"", gate.provider);
        let name = "provider_tokens_total";
        page.family(
            name,
            "counter",
            "Tokens as providers counted them; cached ones are among those of prompts, those of \
             reasoning among those of completions.",
        );
        for gate in &self.gates {
            for (kind, tokens) in KINDS.iter().zip(gate.used.tokens) {
                page.value(name, &format!("{},kind=\"{kind}\"", label(gate)), tokens);
            }
        }
        let name = "provider_cost_total";
        page.family(name, "counter", "What they cost, by the configured prices.");
        for gate in &self.gates {
            page.value(name, &label(gate), units(gate.used.cost_nanos));
        }
        let name = "provider_first_content_seconds";
        page.family(name, "histogram", "From a request to its first content.");
        for gate in &self.gates {
            let bucket = format!("{name}_bucket");
            let mut sum = 0;
            for (bound, count) in BOUNDS_MS.iter().zip(gate.used.first_content) {
                sum += count;
                let le = *bound as f64 / 1e3;
                page.value(&bucket, &format!("{},le=\"{le}\"", label(gate)), sum);
            }
            sum += gate.used.first_content[BOUNDS_MS.len()];
            page.value(&bucket, &format!("{},le=\"+Inf\"", label(gate)), sum);
            let seconds = gate.used.first_content_ns as f64 / 1e9;
            page.value(&format!("{name}_sum"), &label(gate), seconds);
            page.value(&format!("{name}_count"), &label(gate), sum);
        }
    }
}
