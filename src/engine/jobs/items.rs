//! One item in hand: what is done with it.
//!
//! ```text
//!  generate:  Writing ─(the text is stored, or has failed)─┐
//!  analyze:   Scoring ─(scores)────────────────────────────┼─► Ending ─(commit)─► out of hand
//!  report:    Reading ─(all pages)─────────────────────────┘
//! ```
//! A text for an item is a generation like any other: it has its turn, its further attempts, its scores
//! and its row. What it does not have is a client. Of one that fails nothing is stored: the next attempt
//! would find its row there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reading::Reading;
use super::report::ReportAsk;
use super::{Engine, Failure, JobWork};
use crate::engine::TENANT;
use crate::engine::failure::Bound;
use crate::engine::flow::body::GenerateAsk;
use crate::engine::generation::Generation;
use crate::engine::slots::{GenerationId, HandId, WorkId};
use crate::engine::work::{Cancel, Work, WorkOwner, WorkResult};
use crate::limits::jobs::JOB_ATTEMPTS;
use crate::score::Scores;
use crate::store::{AnalysisRow, Came, ClaimedItem, ItemEnd, JobKind, term_id};

/// The code of an item that was taken in hand again and again, and never came to an end.
const EXHAUSTED: &str = "attempts_exhausted";

/// An item in hand.
#[derive(Debug)]
pub(in crate::engine) struct Hand {
    pub(super) item: Box<ClaimedItem>,
    pub(super) stage: Stage,
    /// Its end was written once, and nobody knows whether it was heard.
    pub(super) doubtful: bool,
}

/// Where it is.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing was begun.
    New,
    /// Its text is being generated.
    Writing(GenerationId),
    /// Its text is being scored.
    Scoring(Arc<String>, WorkId),
    /// Stored texts are being counted. The store is asked for some, or to put the report away.
    Reading(Box<Reading>, Option<WorkId>),
    /// Its end is being written, or is to be written again.
    Ending(Box<ItemEnd>, Option<WorkId>),
}

impl Hand {
    /// Whether all is done but for the writing.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ending(..))
    }

    /// The text that is being generated.
    pub(super) fn text(&self) -> Option<GenerationId> {
        match self.stage {
            Stage::Writing(text) => Some(text),
            _ => None,
        }
    }
}

/// For which item a text is generated. Part of its plan.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// The item, as long as it is in hand.
    pub hand: HandId,
    /// The id that the text has.
    pub row_id: Uuid,
}

/// What all items of a job have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobParams {
    /// Name of a configured provider; the default one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Name of a model; the provider's usual one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The most tokens that a text may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// What a report is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportAsk>,
}

impl Engine {
    /// An item is ours.
    pub(super) fn take_in_hand(&mut self, item: ClaimedItem) {
        self.jobs.counts.claimed += 1;
        self.jobs.counts.repeated += u64::from(item.attempts > 1);
        self.job_changed(item.key.job);
        if self.stopping.is_some() {
            // What was given back before went another way, and may not have seen this one.
            return self.give_items_back();
        }
        // Ours still, and its lease is over: the store was out of reach for so long.
        let same = |(_, hand): &(HandId, &Hand)| hand.item.key == item.key;
        let old = self.jobs.hands.iter().find(same).map(|(old, _)| old);
        if let Some(old) = old {
            self.drop_item(old);
        }
        let hand = Hand {
            item: Box::new(item),
            stage: Stage::New,
            doubtful: false,
        };
        let Ok(id) = self.jobs.hands.insert(hand) else {
            return; // nobody asks for more than there is room for; the lease ends by itself
        };
        let hold_at = self.now.mono.plus_ms(self.jobs.lease_ms / 3);
        self.jobs.hold_at = self.jobs.hold_at.min(hold_at);
        self.items_may_be_due();
        if let Err(failure) = self.begin_item(id) {
            self.item_failed(id, &failure);
        }
    }

    fn begin_item(&mut self, id: HandId) -> Result<(), Failure> {
        let Some(hand) = self.jobs.hands.get_mut(id) else {
            return Ok(());
        };
        let item = &mut hand.item;
        if item.stored {
            self.end_item(id, Came::Done { result: None }, None);
            return Ok(());
        }
        if item.attempts > JOB_ATTEMPTS {
            let code = EXHAUSTED.to_owned();
            self.end_item(id, Came::Failed { code }, None);
            return Ok(());
        }
        let input = std::mem::take(&mut item.input);
        let params: JobParams = serde_json::from_str(&item.params)
            .map_err(|_| Failure::Internal("a job whose parameters cannot be read"))?;
        match item.kind {
            JobKind::Generate => self.generate_item(id, input, params),
            JobKind::Analyze => self.analyze_item(id, input),
            JobKind::Report => self.report_item(id, params),
        }
    }

    fn generate_item(
        &mut self,
        id: HandId,
        topic: String,
        params: JobParams,
    ) -> Result<(), Failure> {
        let Some(hand) = self.jobs.hands.get(id) else {
            return Ok(());
        };
        let row_id = hand.item.row_id;
        let ask = GenerateAsk {
            topic,
            provider: params.provider,
            model: params.model,
            max_tokens: params.max_tokens,
            temperature: params.temperature,
            ..GenerateAsk::default()
        };
        let mut plan = self.plan(ask, false)?;
        plan.errand = Some(Errand { hand: id, row_id });
        plan.key = row_id.as_u128(); // nobody shares it
        let text = self.admit(plan)?;
        if let Some(hand) = self.jobs.hands.get_mut(id) {
            hand.stage = Stage::Writing(text);
        }
        if let Err(failure) = self.start_call(text) {
            self.fail_generation(text, failure);
        }
        Ok(())
    }

    fn analyze_item(&mut self, id: HandId, content: String) -> Result<(), Failure> {
        self.admit_rows()?;
        let text = Arc::new(content);
        let work = Work::Score {
            text: Arc::clone(&text),
            cancel: Cancel::default(),
        };
        let owner = WorkOwner::Job(JobWork::Item(id));
        let work = self.works.submit(owner, work);
        let work = work.ok_or(Failure::Full(Bound::Scorers))?;
        if let Some(hand) = self.jobs.hands.get_mut(id) {
            hand.stage = Stage::Scoring(text, work);
        }
        Ok(())
    }

    /// A scorer or the store is done with something for this item.
    pub(super) fn item_work_done(&mut self, id: HandId, result: WorkResult) {
        let Some(hand) = self.jobs.hands.get(id) else {
            return self.counters.stale += 1;
        };
        match (&hand.stage, result) {
            (Stage::Ending(..), result) => self.end_written(id, &result),
            (Stage::Reading(..), result) => self.report_goes_on(id, result),
            (Stage::Scoring(text, _), WorkResult::Scored(Some(scores))) => {
                let (text, row_id) = (Arc::clone(text), hand.item.row_id);
                self.item_scored(id, row_id, Arc::unwrap_or_clone(text), scores);
            }
            (Stage::Scoring(..), _) => self.item_failed(id, &Failure::Panicked),
            (Stage::New | Stage::Writing(_), _) => self.counters.stale += 1,
        }
    }

    fn item_scored(&mut self, id: HandId, row_id: Uuid, content: String, scores: Scores) {
        let row = AnalysisRow {
            id: row_id,
            tenant: TENANT.to_string(),
            search_term_id: term_id(TENANT, &content),
            term: content.clone(),
            content,
            created_ms: self.now.wall_ms,
            scores,
        };
        let result = serde_json::to_string(&row.scores).ok();
        self.end_item(id, Came::Done { result }, Some(Box::new(row)));
    }

    /// The text of an item is stored, or will not be.
    pub(in crate::engine) fn errand_ended(
        &mut self,
        text: GenerationId,
        verdict: &Result<(), Failure>,
    ) {
        let Some(generation) = self.generations.get(text) else {
            return;
        };
        let Some(Errand { hand, .. }) = generation.plan.errand else {
            return;
        };
        let waits = self.jobs.hands.get(hand).and_then(Hand::text) == Some(text);
        if !waits {
            return; // it was dropped
        }
        match verdict {
            Ok(()) => {
                let result = figures(generation);
                self.end_item(hand, Came::Done { result }, None);
            }
            Err(failure) => self.item_failed(hand, failure),
        }
    }
}

/// What is known of a text, besides its row.
fn figures(generation: &Generation) -> Option<String> {
    #[derive(Serialize)]
    struct Figures<'a> {
        provider: &'a str,
        model: &'a str,
        finish_reason: Option<&'a str>,
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
    }
    let (result, target) = (&generation.result, generation.target());
    let figures = Figures {
        provider: &target.provider_name,
        model: result.model.as_deref().unwrap_or(&target.model),
        finish_reason: result.finish.map(|finish| finish.as_str()),
        prompt_tokens: result.usage.prompt_tokens,
        completion_tokens: result.usage.completion_tokens,
    };
    serde_json::to_string(&figures).ok()
}
