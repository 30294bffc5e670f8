//! A report: what many texts are like, counted one after the other, in as much memory as for one.
//!
//! ```text
//!  text ─┬─► labels ─► how many of each
//!        ├─► each figure ─► its histogram, from which quantiles are read     (histogram.rs)
//!        ├─► its topic ─► the most frequent ones                             (topics.rs)
//!        └─► its day or hour ─► the latest ones                              (times.rs)
//! ```
//! What is kept are counts, least and greatest values and sums: a report that is half done is put away
//! as JSON and gone on with by whoever has it next, to the last bit. What people read, means and
//! quantiles, is worked out of it when it is asked for (`document.rs`).
//!
//! Texts come in the order of their ids, from whichever database; nothing here asks one.

mod document;
mod histogram;
mod sums;
mod times;
mod topics;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::document::ReportDocument;
use self::histogram::Histogram;
use self::sums::Sums;
pub use self::times::Per;
use self::times::Times;
use self::topics::Topics;
use crate::engine::policy::prefer::Figure;
use crate::limits::jobs::{REPORT_LABELS, REPORT_TOP};
use crate::store::Listed;

/// Which texts a report is about, and what it shows of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportAsk {
    /// Only texts about this topic, letter case and outer space aside.
    pub topic: Option<String>,
    /// Only texts of this time or later, in milliseconds of Unix time …
    pub from_ms: Option<i64>,
    /// … and before this one.
    pub to_ms: Option<i64>,
    /// How long a piece of time is.
    pub per: Per,
    /// How many topics are shown; the others are one.
    pub top: usize,
}

impl Default for ReportAsk {
    fn default() -> Self {
        ReportAsk {
            topic: None,
            from_ms: None,
            to_ms: None,
            per: Per::Day,
            top: REPORT_TOP,
        }
    }
}

impl ReportAsk {
    /// Whether a text of this time belongs to it.
    fn covers(&self, ms: i64) -> bool {
        self.from_ms.is_none_or(|from| from <= ms) && self.to_ms.is_none_or(|to| ms < to)
    }
}

/// What was counted so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The last text that was read.
    after: Option<Uuid>,
    /// Texts that were read, whether they belong to it or not.
    read: u64,
    /// Those that do.
    all: Sums,
    readability: BTreeMap<String, u64>,
    sentiment: BTreeMap<String, u64>,
    /// In the order of [`Figure::ALL`].
    figures: Vec<Histogram>,
    topics: Topics,
    times: Times,
}

impl Default for Report {
    fn default() -> Self {
        let histogram = |(_, figure): &(&str, Figure)| Histogram::of(*figure);
        Report {
            after: None,
            read: 0,
            all: Sums::default(),
            readability: BTreeMap::new(),
            sentiment: BTreeMap::new(),
            figures: Figure::ALL.iter().map(histogram).collect(),
            topics: Topics::default(),
            times: Times::default(),
        }
    }
}

impl Report {
    /// What somebody has put away. `None` if it is no report of this version: then it is begun anew.
    #[must_use]
    pub fn of_json(json: &str) -> Option<Self> {
        let report: Report = serde_json::from_str(json).ok()?;
        let figures = report.figures.len() == Figure::ALL.len();
        let buckets = report.figures.iter().all(Histogram::has_buckets);
        (figures && buckets).then_some(report)
    }

    /// To be put away, or kept as the result.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Counts and finite numbers cannot fail to be written into memory.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The last text that was read.
    #[must_use]
    pub fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// Counts a text, if it belongs to the report.
    pub fn add(&mut self, text: &Listed, ask: &ReportAsk) {
        self.after = Some(text.id);
        self.read += 1;
        if !ask.covers(text.created_ms) {
            return;
        }
        let scores = text.scores.as_ref();
        self.all.add(scores);
        self.topics.add(text.search_term_id, &text.term, scores);
        self.times.add(ask.per.start_of(text.created_ms), scores);
        let Some(scores) = scores else {
            return;
        };
        count(&mut self.readability, &scores.readability.label);
        count(&mut self.sentiment, &scores.sentiment.label);
        for (histogram, (_, figure)) in self.figures.iter_mut().zip(Figure::ALL) {
            histogram.add(figure.of(scores));
        }
    }
}

/// Counts a label. There are a handful of them; a table that says otherwise makes no more of us.
fn count(labels: &mut BTreeMap<String, u64>, label: &str) {
    if let Some(texts) = labels.get_mut(label) {
        *texts += 1;
    } else if labels.len() < REPORT_LABELS {
        labels.insert(label.to_owned(), 1);
    }
}

#[cfg(test)]
mod tests;
