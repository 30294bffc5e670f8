//! What an answer cost: its tokens, times the configured prices.
//!
//! Prices are per million tokens, in whatever unit they were configured in; nothing here knows a
//! currency. Every provider reports the tokens of its cache as a part of the prompt's and those of
//! thinking as a part of the answer's (see [`Usage`]), so each token is paid for once.

use crate::dialect::Usage;

/// Tokens that a price is for.
const UNIT: f64 = 1_000_000.0;

/// The prices of one model, each for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// Of the prompt.
    pub prompt: f64,
    /// Of the answer, thinking included.
    pub completion: f64,
    /// Of the part of the prompt that the provider had in its cache; as the rest of the prompt if
    /// there is none.
    pub cached: Option<f64>,
}

/// What `usage` costs; `None` if the provider counted neither the prompt nor the answer. A count
/// that it reported as zero is one.
#[must_use]
pub fn cost(usage: &Usage, price: &Price) -> Option<f64> {
    if usage.prompt_tokens.is_none() && usage.completion_tokens.is_none() {
        return None;
    }
    let prompt = usage.prompt_tokens.unwrap_or(0);
    // A part cannot be more than the whole, whatever a provider says.
    let cached = usage.cached_tokens.unwrap_or(0).min(prompt);
    let completion = usage.completion_tokens.unwrap_or(0);
    let sum = (prompt - cached) as f64 * price.prompt
        + cached as f64 * price.cached.unwrap_or(price.prompt)
        + completion as f64 * price.completion;
    Some(sum / UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price {
        prompt: 0.15,
        completion: 0.60,
        cached: Some(0.075),
    };

    fn usage(prompt: u64, completion: u64, cached: Option<u64>) -> Usage {
        Usage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            cached_tokens: cached,
            ..Usage::default()
        }
    }

    fn is_about(cost: Option<f64>, wanted: f64) -> bool {
        cost.is_some_and(|cost| (cost - wanted).abs() < 1e-12)
    }

    #[test]
    fn each_token_is_paid_for_once() {
        let million = usage(1_000_000, 1_000_000, None);
        assert!(is_about(cost(&million, &PRICE), 0.75));
        let half = usage(1_000_000, 0, Some(500_000));
        assert!(is_about(cost(&half, &PRICE), 0.1125));
        let thinking = Usage {
            reasoning_tokens: Some(400),
            ..usage(0, 1_000, None)
        };
        assert!(is_about(cost(&thinking, &PRICE), 0.0006));
    }

    #[test]
    fn without_a_price_of_its_own_what_is_cached_costs_what_the_prompt_does() {
        let price = Price {
            cached: None,
            ..PRICE
        };
        let tokens = usage(1_000, 0, Some(900));
        assert!(is_about(cost(&tokens, &price), 0.00015));
    }

    #[test]
    fn no_count_is_no_cost_and_zero_is_a_count() {
        assert_eq!(cost(&Usage::default(), &PRICE), None);
        assert_eq!(cost(&usage(0, 0, None), &PRICE), Some(0.0));
        let only_one = Usage {
            completion_tokens: Some(1_000_000),
            ..Usage::default()
        };
        assert!(is_about(cost(&only_one, &PRICE), 0.6));
    }

    #[test]
    fn what_a_provider_miscounts_is_never_less_than_nothing() {
        let wrong = usage(10, 0, Some(u64::MAX));
        assert!(is_about(cost(&wrong, &PRICE), 10.0 * 0.075 / UNIT));
        let much = usage(u64::MAX, u64::MAX, None);
        assert!(cost(&much, &PRICE).is_some_and(f64::is_finite));
    }
}
