//! A report as it is answered: what is worked out of the counts, with names.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::sums::Sums;
use super::{Histogram, Per, Report, ReportAsk};
use crate::engine::documents::rfc3339;
use crate::engine::policy::prefer::Figure;

/// The document.
#[derive(Debug, Serialize)]
pub struct ReportDocument {
    texts: u64,
    unscored: u64,
    read: u64,
    topic: Option<String>,
    from: Option<String>,
    to: Option<String>,
    labels: Labels,
    figures: BTreeMap<&'static str, FigureDocument>,
    topics: Vec<TopicDocument>,
    other_topics: Group,
    per: Per,
    times: Vec<TimeDocument>,
    earlier: Group,
}

#[derive(Debug, Serialize)]
struct Labels {
    readability: BTreeMap<String, u64>,
    sentiment: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct FigureDocument {
    texts: u64,
    mean: Option<f64>,
    min: Option<f64>,
    p10: Option<f64>,
    p25: Option<f64>,
    p50: Option<f64>,
    p75: Option<f64>,
    p90: Option<f64>,
    max: Option<f64>,
    histogram: Buckets,
}

#[derive(Debug, Serialize)]
struct Buckets {
    from: f64,
    width: f64,
    below: u64,
    counts: Vec<u64>,
    above: u64,
}

/// What is said of some texts.
#[derive(Debug, Serialize)]
struct Group {
    texts: u64,
    unscored: u64,
    positive: u64,
    neutral: u64,
    negative: u64,
    compound: Option<f64>,
    flesch_reading_ease: Option<f64>,
    flesch_kincaid_grade: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TopicDocument {
    topic: String,
    search_term_id: Uuid,
    missed: u64,
    #[serde(flatten)]
    group: Group,
}

#[derive(Debug, Serialize)]
struct TimeDocument {
    from: String,
    #[serde(flatten)]
    group: Group,
}

impl ReportDocument {
    /// What is known so far.
    #[must_use]
    pub fn new(report: &Report, ask: &ReportAsk) -> Self {
        let shown = report.topics.first(ask.top);
        let mut others = report.all;
        shown.iter().for_each(|topic| others -= topic.sums);
        let topics = shown.into_iter().map(|topic| TopicDocument {
            topic: topic.topic.clone(),
            search_term_id: topic.id,
            missed: topic.missed,
            group: Group::new(topic.sums),
        });
        let times = report
            .times
            .pieces
            .iter()
            .map(|(start, sums)| TimeDocument {
                from: rfc3339(*start),
                group: Group::new(*sums),
            });
        let names = Figure::ALL.iter().map(|(name, _)| *name);
        let figures = report.figures.iter().map(FigureDocument::new);
        ReportDocument {
            texts: report.all.texts,
            unscored: report.all.texts - report.all.scored,
            read: report.read,
            topic: ask.topic.clone(),
            from: ask.from_ms.map(rfc3339),
            to: ask.to_ms.map(rfc3339),
            labels: Labels {
                readability: report.readability.clone(),
                sentiment: report.sentiment.clone(),
            },
            figures: names.zip(figures).collect(),
            topics: topics.collect(),
            other_topics: Group::new(others),
            per: ask.per,
            times: times.collect(),
            earlier: Group::new(report.times.earlier),
        }
    }
}

impl Group {
    fn new(sums: Sums) -> Self {
        let [compound, ease, grade] = sums.means().map(|mean| mean.map(rounded));
        Group {
            texts: sums.texts,
            unscored: sums.texts - sums.scored,
            positive: sums.positive,
            neutral: sums.neutral,
            negative: sums.negative,
            compound,
            flesch_reading_ease: ease,
            flesch_kincaid_grade: grade,
        }
    }
}

impl FigureDocument {
    fn new(histogram: &Histogram) -> Self {
        let quantile = |share| histogram.quantile(share).map(rounded);
        FigureDocument {
            texts: histogram.values(),
            mean: histogram.mean().map(rounded),
            min: histogram.least,
            p10: quantile(0.1),
            p25: quantile(0.25),
            p50: quantile(0.5),
            p75: quantile(0.75),
            p90: quantile(0.9),
            max: histogram.greatest,
            histogram: Buckets {
                from: histogram.from,
                width: histogram.width,
                below: histogram.below,
                counts: histogram.buckets.clone(),
                above: histogram.above,
            },
        }
    }
}

/// Four places are more than the figures are good for.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
