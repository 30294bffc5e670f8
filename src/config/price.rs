//! What tokens cost: `[price."MODEL"]`, per million tokens, in whatever currency.
//!
//! ```toml
//! [price."gpt-4o-mini"]          # or "openai/gpt-4o-mini", for that provider alone
//! prompt = 0.15
//! completion = 0.60
//! cached = 0.075
//! ```
//! Prices are decimal fractions and are kept as whole millionths, so that a sum is exact.

use super::ConfigError;
use super::layers::{Layers, Raw};
use super::names::segment;
use super::values::Value;

/// Millionths in one.
const MICROS: u64 = 1_000_000;
/// The highest price, for a million tokens.
const HIGHEST: u64 = 1_000_000;

/// A price of a million tokens, in millionths of the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(u64);

/// What the tokens of a model cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// The model, or `provider/model`.
    pub model: String,
    /// Of the prompt.
    pub prompt: Price,
    /// Of the answer.
    pub completion: Price,
    /// Of the part of the prompt that the provider had in its cache.
    pub cached: Price,
}

impl Prices {
    /// What an answer costs, in thousand-millionths (10⁻⁹) of the currency, rounded down. `prompt`
    /// includes `cached`.
    #[must_use]
    pub fn cost_nanos(&self, prompt: u64, cached: u64, completion: u64) -> u64 {
        let cached = cached.min(prompt);
        let part = |price: Price, tokens: u64| u128::from(price.0) * u128::from(tokens);
        let sum = part(self.prompt, prompt - cached)
            + part(self.cached, cached)
            + part(self.completion, completion);
        u64::try_from(sum / 1_000).unwrap_or(u64::MAX)
    }
}

impl Value for Price {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || format!("must be a price between 0 and {HIGHEST}, such as 0.15");
        let (Raw::Untyped(digits) | Raw::Number(digits)) = raw else {
            return Err(wrong());
        };
        micros(digits).map(Price).ok_or_else(wrong)
    }

    fn show(&self) -> String {
        let (whole, rest) = (self.0 / MICROS, self.0 % MICROS);
        let rest = format!("{rest:06}");
        let rest = rest.trim_end_matches('0');
        format!("{whole}.{}", if rest.is_empty() { "0" } else { rest })
    }
}

/// A decimal fraction with at most six places, in millionths.
fn micros(digits: &str) -> Option<u64> {
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(plain(whole) && plain(rest) && rest.len() <= 6) {
        return None;
    }
    let whole: u64 = whole.parse().ok().filter(|whole| *whole < HIGHEST)?;
    let rest: u64 = format!("{rest:0<6}").parse().ok()?;
    Some(whole * MICROS + rest)
}

/// Asks for the prices of every model that the file has a table for.
pub(super) fn read_all(layers: &mut Layers) -> Result<Vec<Prices>, ConfigError> {
    let names = layers.tables_below("price").into_iter();
    names.map(|(model, _)| read(layers, model)).collect()
}

fn read(layers: &mut Layers, model: String) -> Result<Prices, ConfigError> {
    let section = format!("price.{}", segment(&model));
    let key = |field: &str| format!("{section}.{field}");
    let prompt = layers.value(&key("prompt"), Price(0))?;
    Ok(Prices {
        prompt,
        completion: layers.value(&key("completion"), Price(0))?,
        cached: layers.value(&key("cached"), prompt)?,
        model,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_price_is_shown_as_it_was_written() {
        for text in ["0.15", "2.5", "0.000001", "15.0", "999999.999999"] {
            let price = Price::parse(&Raw::Untyped(text.to_owned())).unwrap();
            assert_eq!(price.show(), text);
        }
        for text in ["", ".5", "1.", "-1", "1e3", "0.0000001", "1000000", "nan"] {
            assert!(micros(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_sum_is_exact() {
        let price = |text| Price(micros(text).unwrap());
        let prices = Prices {
            model: "m".to_owned(),
            prompt: price("0.15"),
            completion: price("0.6"),
            cached: price("0.075"),
        };
        assert_eq!(prices.cost_nanos(1_000_000, 0, 0), 150_000_000);
        // 8 × 150 + 2 × 75 + 3 × 600
        assert_eq!(prices.cost_nanos(10, 2, 3), 3_150);
        assert_eq!(
            prices.cost_nanos(1, 9, 0),
            75,
            "no more is cached than there is"
        );
        assert_eq!(prices.cost_nanos(u64::MAX, 0, u64::MAX), u64::MAX);
    }
}
