//! The offline provider at work: a word at a time for those who watch, the whole at once for
//! those who do not. What it writes is in `dialect/offline/`.

use super::Engine;
use super::call::{CallWait, Stage};
use super::flow::chat::inquiry::Inquiry;
use super::generation::Generation;
use super::provider::voice::{Heard, Tongue};
use super::slots::{CallId, GenerationId};
use super::trace::State;
use crate::config::OFFLINE;
use crate::dialect::json::parse;
use crate::dialect::offline::Article;
use crate::dialect::{Event, JsonStr};

/// What an offline call has on its desk.
#[derive(Debug)]
pub struct Desk {
    article: Article,
    /// For a client of a vendor's: who tells it in its dialect.
    tongue: Option<Tongue>,
}

impl Engine {
    /// A call to it has its turn.
    pub(super) fn begin_offline(&mut self, id: CallId) {
        let Some(generation_id) = self.calls.get(id).map(|call| call.generation) else {
            return;
        };
        let Some(generation) = self.generations.get(generation_id) else {
            return;
        };
        let tokens = self.config.offline.tokens as u32;
        let desk = match &generation.inquiry {
            Some(inquiry) => desk_of_chat(inquiry, generation, tokens),
            None => {
                let tokens = generation.plan.max_tokens.unwrap_or(tokens);
                Desk {
                    article: Article::new(&generation.plan.topic, Some(tokens)),
                    tongue: None,
                }
            }
        };
        let gap = self.offline_gap_ms(generation_id);
        self.enter_call(id, State::Offline);
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Offline(Some(Box::new(desk)));
        }
        self.set_call_timer(id, CallWait::Pace, self.now.mono.plus_ms(gap));
    }

    /// The offline provider writes a word, or the whole text when nobody watches it grow.
    pub(super) fn offline_tick(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let generation = call.generation;
        let Stage::Offline(desk) = &mut call.stage else {
            return;
        };
        let Some(mut desk) = desk.take() else {
            return;
        };
        let gap = self.offline_gap_ms(generation);
        self.win(id); // its words are content
        self.note_first_content(generation);
        let more = if desk.tongue.is_some() {
            self.tell_offline(id, &mut desk, gap == 0)
        } else {
            let mut more = true;
            self.grow(generation, |text| {
                more = desk.article.next_token(text);
                while more && gap == 0 {
                    more = desk.article.next_token(text);
                }
            });
            more
        };
        if !more {
            return self.offline_end(id, generation, &desk.article);
        }
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let throttled = call.throttled;
        call.stage = Stage::Offline(Some(desk));
        if !throttled {
            self.set_call_timer(id, CallWait::Pace, now.plus_ms(gap.max(1)));
        }
    }

    /// The next word, or all of them, told to a client in its dialect; `false` after the last one.
    fn tell_offline(&mut self, id: CallId, desk: &mut Desk, all: bool) -> bool {
        let keeps_text = self.keeps_chats();
        let Some(tongue) = &mut desk.tongue else {
            return false;
        };
        let (mut words, mut heard) = (String::new(), Heard::default());
        let mut more = desk.article.next_token(&mut words);
        while more && all {
            more = desk.article.next_token(&mut words);
        }
        let quoted = serde_json::to_string(&words).unwrap_or_default();
        let mut told = Ok(());
        if let Ok(text) = parse::<JsonStr<'_>>(quoted.as_bytes())
            && !text.is_empty()
        {
            told = tongue.say(&Event::Text(text), &mut self.frames);
            heard.contents = 1;
        }
        if !more {
            told = told.and_then(|()| tongue.finish_offline(&desk.article, &mut self.frames));
        }
        // It says nothing that a dialect has no form for.
        debug_assert!(told.is_ok());
        let generation = self.calls.get(id).map(|call| call.generation);
        if let Some(generation) = generation.and_then(|id| self.generations.get_mut(id))
            && keeps_text
        {
            std::sync::Arc::make_mut(&mut generation.text).push_str(&words);
        }
        let noted = self.note_heard(id, heard);
        debug_assert!(noted.is_ok());
        if more {
            self.put_spoken();
        }
        more
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

/// An article about what the user said last.
fn desk_of_chat(inquiry: &Inquiry, generation: &Generation, tokens: u32) -> Desk {
    let created_ms = generation.result.created_ms;
    let listener = inquiry
        .ask
        .listener(generation.id, created_ms, Some(OFFLINE));
    Desk {
        article: Article::new(
            &inquiry.topic(),
            Some(inquiry.ask.skim.max_tokens.unwrap_or(tokens)),
        ),
        tongue: Some(Tongue::new(&listener)),
    }
}

impl Tongue {
    /// Says why an article has ended, and how long it is.
    fn finish_offline(
        &mut self,
        article: &Article,
        out: &mut Vec<u8>,
    ) -> Result<(), crate::dialect::speak::Unspeakable> {
        self.say(&Event::Usage(article.usage()), out)?;
        if let Some(reason) = article.finish() {
            let quoted = format!("\"{}\"", reason.as_str());
            if let Ok(native) = parse::<JsonStr<'_>>(quoted.as_bytes()) {
                self.say(&Event::Finish { reason, native }, out)?;
            }
        }
        self.finish(out)
    }
}
