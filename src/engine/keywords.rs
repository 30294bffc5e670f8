//! Keywords that a provider names: the end of a generation whose answer is a list and not a text.
//!
//! Up to its last byte such an answer is an answer like any other: it has a call, its time limits,
//! perhaps several requests that share it. What differs is here: it is parsed where a text would
//! be scored, its rows are other rows, and nothing of it is kept for resume.
//!
//! ```text
//!  Calling ─(call complete)─► parsed ─► Saving ─(commit)─► Finished ─(everybody has it)─► gone
//!     │                         └─(no keyword in it: upstream_empty)─► the row of the request
//!     └─(call failed, deserted)──────────────────────────────────────► alone is saved
//! ```

use super::call::Plan;
use super::documents::whole_document;
use super::failure::Upstream;
use super::generation::Generation;
use super::slots::GenerationId;
use super::{Engine, TENANT};
use crate::config::Config;
use crate::dialect::FinishReason;
use crate::limits::KEYWORDS_PROMPT_CHARS;
use crate::score::keywords::from_answer;
use crate::store::{KeywordMethod, KeywordsRow, TextState};

/// What becomes of a provider's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is a text: streamed, scored, stored, kept for resume.
    Text,
    /// It is a list of so many keywords of the text in [`Plan::topic`].
    Keywords(usize),
    /// It is for a client of a vendor's, which gets it event by event.
    Chat,
}

impl Plan {
    /// What the provider is asked.
    #[must_use]
    pub fn prompt(&self, config: &Config) -> String {
        match self.purpose {
            // A chat is asked in its client's words.
            Purpose::Chat => String::new(),
            Purpose::Text => config.prompt.fill(&self.topic),
            Purpose::Keywords(limit) => {
                let end = self.topic.char_indices().nth(KEYWORDS_PROMPT_CHARS);
                let shown = &self.topic[..end.map_or(self.topic.len(), |(end, _)| end)];
                config.keywords_prompt.fill(shown, limit)
            }
        }
    }
}

impl Engine {
    /// The provider's list is there.
    pub(super) fn complete_keywords(&mut self, id: GenerationId, limit: usize) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        let cut = generation.result.finish == Some(FinishReason::Length);
        let keywords = from_answer(&generation.text, limit, cut);
        if keywords.is_empty() {
            return self.fail_generation(id, Upstream::Empty.into());
        }
        generation.result.keywords = keywords;
        self.count_usage(id);
        self.forget_prompt(id);
        self.settle_generation(id);
        self.promise_keywords(id);
        self.save_generation(id, TextState::Complete);
    }
}

impl Engine {
    /// What is answered to those who have sent a key is known.
    fn promise_keywords(&mut self, id: GenerationId) {
        for exchange in self.subscribers(id) {
            let Some(generation) = self.generations.get(id) else {
                return;
            };
            if self.has_key(exchange) {
                self.note_said(exchange, &whole_document(generation));
            }
            let promise = self.promise_said(exchange, false);
            self.add_promise(id, promise);
        }
    }
}

/// The rows of a list of keywords, if that is what the generation has come to.
pub(super) fn keywords_row(generation: &Generation) -> Option<Box<KeywordsRow>> {
    let (plan, result) = (&generation.plan, &generation.result);
    (!result.keywords.is_empty()).then(|| {
        Box::new(KeywordsRow {
            id: generation.id,
            tenant: TENANT.to_string(),
            search_term_id: plan.term_id,
            term: plan.topic.clone(),
            method: KeywordMethod::Provider,
            keywords: result.keywords.clone(),
            created_ms: result.created_ms,
        })
    })
}
