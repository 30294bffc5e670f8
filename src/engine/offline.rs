//! The offline provider at work: a word at a time for those who watch, the whole at once for
//! those who do not. What it writes is in `dialect/offline/`.

use super::Engine;
use super::call::{CallWait, Stage};
use super::generation::Generation;
use super::slots::{CallId, GenerationId};
use super::trace::State;
use crate::dialect::offline::Article;

impl Engine {
    /// A call to it has its turn.
    pub(super) fn begin_offline(&mut self, id: CallId) {
        let Some(generation) = self.calls.get(id).map(|call| call.generation) else {
            return;
        };
        let Some(plan) = self.generations.get(generation).map(|g| &g.plan) else {
            return;
        };
        let tokens = plan.max_tokens.unwrap_or(self.config.offline.tokens as u32);
        let article = Article::new(&plan.topic, Some(tokens));
        let gap = self.offline_gap_ms(generation);
        self.enter_call(id, State::Offline);
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Offline(Some(Box::new(article)));
        }
        self.set_call_timer(id, CallWait::Pace, self.now.mono.plus_ms(gap));
    }

    /// The offline provider writes a word, or the whole text when nobody watches it grow.
    pub(super) fn offline_tick(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let generation = call.generation;
        let Stage::Offline(article) = &mut call.stage else {
            return;
        };
        let Some(mut article) = article.take() else {
            return;
        };
        let gap = self.offline_gap_ms(generation);
        self.note_first_content(generation);
        let mut more = true;
        self.grow(generation, |text| {
            more = article.next_token(text);
            while more && gap == 0 {
                more = article.next_token(text);
            }
        });
        if !more {
            return self.offline_end(id, generation, &article);
        }
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let throttled = call.throttled;
        call.stage = Stage::Offline(Some(article));
        if !throttled {
            self.set_call_timer(id, CallWait::Pace, now.plus_ms(gap.max(1)));
        }
    }

    fn offline_end(&mut self, id: CallId, generation: GenerationId, article: &Article) {
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.finish = article.finish();
            generation.result.usage = article.usage();
        }
        self.complete_call(id);
    }

    /// Milliseconds between two words: none when nobody watches.
    fn offline_gap_ms(&self, id: GenerationId) -> u64 {
        let watched = self.generations.get(id).is_some_and(Generation::is_watched);
        if watched {
            self.config.offline.gap_ms
        } else {
            0
        }
    }
}
