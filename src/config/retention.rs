//! How long rows are kept.

use super::ConfigError;
use super::layers::Layers;

/// A hundred years.
const DAYS: u64 = 36_525;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The settings of it. Without them rows are kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Texts, generated and analysed, with scores and keywords: milliseconds.
    pub texts_ms: Option<i64>,
    /// Rows of requests: milliseconds.
    pub requests_ms: Option<i64>,
    /// Jobs that are over, with their results: milliseconds from their end.
    pub jobs_ms: Option<i64>,
    /// All texts together, generated and analysed: bytes of UTF-8.
    pub texts_bytes: Option<u64>,
}

impl Retention {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        let ms = |days: u64| i64::try_from(days).ok().map(|days| days * DAY_MS);
        let texts = layers.optional_number(&key("texts_days"), 1..=DAYS)?;
        let requests = layers.optional_number(&key("requests_days"), 1..=DAYS)?;
        let jobs = layers.optional_number(&key("jobs_days"), 1..=DAYS)?;
        Ok(Retention {
            texts_ms: texts.and_then(ms),
            requests_ms: requests.and_then(ms),
            jobs_ms: jobs.and_then(ms),
            texts_bytes: layers.optional_number(&key("texts_bytes"), 1_000_000..=1 << 50)?,
        })
    }

    /// Whether anything goes at all.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        *self == Retention::default()
    }
}
