//! What an answer cost: its tokens, times the configured prices.
//!
//! Nothing here knows a currency. Every provider reports the tokens of its cache as a part of the
//! prompt's and those of thinking as a part of the answer's (see [`Usage`]), so each token is paid for
//! once.

use crate::config::Prices;
use crate::dialect::Usage;

/// What `usage` costs, in thousand-millionths of the unit of the prices; `None` if the provider counted
/// neither the prompt nor the answer. A count that it reported as zero is one.
#[must_use]
pub fn cost_nanos(usage: &Usage, prices: &Prices) -> Option<u64> {
    if usage.prompt_tokens.is_none() && usage.completion_tokens.is_none() {
        return None;
    }
    let count = |tokens: Option<u64>| tokens.unwrap_or(0);
    Some(prices.cost_nanos(
        count(usage.prompt_tokens),
        count(usage.cached_tokens),
        count(usage.completion_tokens),
    ))
}

/// The same as a number for people.
#[must_use]
pub fn units(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::world;

    fn cost(usage: &Usage) -> Option<u64> {
        let text = "[price.m]\nprompt = 0.15\ncompletion = 0.60\ncached = 0.075\n";
        let config = world::config(text);
        cost_nanos(usage, config.prices_of("llm", "m")?)
    }

    fn usage(prompt: u64, completion: u64, cached: Option<u64>) -> Usage {
        Usage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            cached_tokens: cached,
            ..Usage::default()
        }
    }

    #[test]
    fn each_token_is_paid_for_once() {
        assert_eq!(cost(&usage(1_000, 1_000, None)), Some(750_000));
        assert_eq!(cost(&usage(1_000, 0, Some(500))), Some(112_500));
        let thinking = Usage {
            reasoning_tokens: Some(400),
            ..usage(0, 1_000, None)
        };
        assert_eq!(cost(&thinking), Some(600_000));
        assert_eq!(units(600_000), 0.0006);
    }

    #[test]
    fn no_count_is_no_cost_and_zero_is_a_count() {
        assert_eq!(cost(&Usage::default()), None);
        assert_eq!(cost(&usage(0, 0, None)), Some(0));
        let only_one = Usage {
            completion_tokens: Some(1_000),
            ..Usage::default()
        };
        assert_eq!(cost(&only_one), Some(600_000));
    }
}
