//! Who was asked for a text, for the head of an answer: how often, at which target, with which key.
//!
//! The target and the key are told where there was a choice. A key is told by its name.

use std::sync::Arc;

use super::Engine;
use super::exchange::Terms;
use super::flow::Flow;
use super::flow::generate::Generate;
use super::flow::kept::Hit;
use super::generation::Generation;
use super::provider::dialect_of;
use super::routes::{Inbound, Route};
use super::slots::ExchangeId;
use crate::dialect::Dialect;
use crate::proto::Sink;
use crate::proto::http1::ReplyHead;

/// What a head says about who was asked. Nothing, if nobody was.
#[derive(Debug, Default)]
pub(super) struct Asked {
    attempts: Option<u64>,
    target: Option<String>,
    key: Option<Arc<str>>,
    cache: Option<String>,
    unheard: Option<&'static str>,
}

impl Asked {
    /// Of an answer from the cache: no provider was asked. Our own API says it in the body. `unheard`:
    /// what its provider had not heard.
    pub(super) fn before(hit: &Hit, terms: &Terms, unheard: Option<&'static str>) -> Self {
        let for_vendor = terms.dialect.is_some();
        Asked {
            attempts: for_vendor.then_some(0),
            target: for_vendor.then(|| {
                let model: String = hit.model.bytes().map(plain).map(char::from).collect();
                format!("{}/{model}", hit.provider)
            }),
            key: None,
            cache: terms.cache.field(true),
            unheard,
        }
    }

    /// Adds the fields to a head.
    pub(super) fn put<'a, S: Sink>(&self, mut head: ReplyHead<'a, S>) -> ReplyHead<'a, S> {
        if let Some(attempts) = self.attempts {
            head = head.number("x-maitred-attempts", attempts);
        }
        if let Some(target) = &self.target {
            head = head.field("x-maitred-target", target);
        }
        if let Some(key) = &self.key {
            head = head.field("x-maitred-key", key.as_bytes());
        }
        if let Some(cache) = &self.cache {
            head = head.field("cache-status", cache);
        }
        if let Some(names) = self.unheard {
            head = head.field("x-maitred-unheard", names);
        }
        head
    }
}

impl Engine {
    /// Attempts for the text that `id` waits for, if there were any.
    pub(super) fn attempts_for(&self, id: ExchangeId) -> Option<u64> {
        let generation = self.exchanges.get(id)?.held.generation?;
        let attempts = self.generations.get(generation)?.result.attempts;
        (attempts > 0).then_some(u64::from(attempts))
    }

    /// Who was asked for the text that `id` waits for.
    pub(super) fn asked_for(&self, id: ExchangeId) -> Asked {
        let held = self.exchanges.get(id).and_then(|e| e.held.generation);
        let attempts = self.attempts_for(id);
        let (Some(text), Some(_)) = (held.and_then(|id| self.generations.get(id)), attempts) else {
            return Asked {
                cache: self.cache_status(id),
                ..Asked::default()
            };
        };
        let target = text.target();
        let name = || {
            let name = format!("{}/{}", target.provider_name, target.model);
            // A model may be called anything by a client; a field of a head may not.
            name.bytes()
                .all(|byte| byte.is_ascii_graphic())
                .then_some(name)
        };
        Asked {
            attempts,
            target: if text.plan.route.targets().len() > 1 {
                name()
            } else {
                None
            },
            key: self.key_for(text),
            cache: self.cache_status(id),
            unheard: None, // nobody has answered
        }
    }

    /// What is said about the answer cache. A whole answer is told when it is stored.
    fn cache_status(&self, id: ExchangeId) -> Option<String> {
        let exchange = self.exchanges.get(id)?;
        let is_stored = matches!(exchange.flow, Flow::Generate(Generate::Sending(_)));
        exchange.terms.cache.field(is_stored)
    }

    /// The fields of a client's head that `provider` has no words for, because they are of another
    /// vendor's. They are no part of a translation, and must not be lost in silence either.
    pub(super) fn unheard(&self, id: ExchangeId, provider: u16) -> Option<&'static str> {
        let Route::Chat(Inbound::Anthropic(Some(passed))) = &self.exchanges.get(id)?.route else {
            return None;
        };
        let upstream = self.config.providers.get(usize::from(provider))?.upstream();
        let hears = upstream.is_some_and(|theirs| dialect_of(theirs) == Dialect::Anthropic);
        (!hears).then(|| passed.names())
    }

    /// The name of the key that a text was asked with, where there are several.
    pub(super) fn key_for(&self, text: &Generation) -> Option<Arc<str>> {
        let keys = &self.gates[usize::from(text.target().provider)].keys;
        let several = keys.iter().len() > 1;
        several
            .then(|| self.key_name(text).map(Arc::clone))
            .flatten()
    }
}

/// A byte of a model's name, fit for a field of a head whatever a client calls a model.
pub(super) fn plain(byte: u8) -> u8 {
    if byte.is_ascii_graphic() { byte } else { b'?' }
}
