//! Answers that wait for their rows: told when these are on disk, and kept with them if the request was
//! sent with a key.
//!
//! ```text
//!  say ─► rows, and the answer if it is to be kept ─┬─(on disk)─► answer_is_kept, told
//!                                                   └─(not)─────► answer_failed, the key is free or in doubt
//! ```

use std::sync::Arc;

use serde::Serialize;

use super::idempotency::{Fate, Form, with_answers};
use super::reply::Content;
use super::slots::ExchangeId;
use super::{Engine, Failure};
use crate::store::{StoreError, Write};

impl Engine {
    /// The document that will be the answer to `id`. If it was sent with a key, it is promised.
    pub(super) fn say(&mut self, id: ExchangeId, document: &impl Serialize) -> Arc<String> {
        self.say_as(id, document, |body| Form::Said {
            streamed: false,
            body,
            text: None,
        })
    }

    /// The same for something that is made.
    pub(super) fn say_made(&mut self, id: ExchangeId, document: &impl Serialize) -> Arc<String> {
        self.say_as(id, document, Form::Made)
    }

    fn say_as(
        &mut self,
        id: ExchangeId,
        document: &impl Serialize,
        form: impl FnOnce(Arc<String>) -> Form,
    ) -> Arc<String> {
        // Strings and numbers cannot fail to be written into memory.
        let body = Arc::new(serde_json::to_string(document).unwrap_or_default());
        let form = form(Arc::clone(&body));
        let promise = self.promise(id, form).map(Box::new);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.promise = promise;
        }
        body
    }

    /// All that was noted as said to `id` is promised, if that is its answer.
    pub(super) fn promise_all_said(&mut self, id: ExchangeId) {
        let promise = self.promise_said(id, false).map(Box::new);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.promise = promise;
        }
    }

    /// The rows of `id`, with the answer that was promised.
    pub(super) fn with_answer(&self, id: ExchangeId, rows: Write) -> Write {
        let promise = self.exchanges.get(id).and_then(|e| e.held.promise.as_ref());
        match promise {
            Some(promise) => with_answers(rows, std::slice::from_ref(promise), None, None),
            None => rows,
        }
    }

    /// They are on disk.
    pub(super) fn answer_is_kept(&mut self, id: ExchangeId) {
        let exchange = self.exchanges.get_mut(id);
        if let Some(promise) = exchange.and_then(|exchange| exchange.held.promise.take()) {
            self.promise_kept(&promise, Fate::Kept);
        }
    }

    /// They are not, or nobody knows.
    pub(super) fn answer_failed(&mut self, id: ExchangeId, error: &StoreError) {
        let exchange = self.exchanges.get_mut(id);
        if let Some(promise) = exchange.and_then(|exchange| exchange.held.promise.take()) {
            let fate = Fate::of(&Err(Failure::Store(error.clone())));
            self.promise_kept(&promise, fate);
        }
    }

    /// Tells the answer, whose rows are on disk.
    pub(super) fn reply_said(&mut self, id: ExchangeId, body: &str) {
        self.answer_is_kept(id);
        self.reply(id, 200, Content::Json, body.as_bytes());
    }
}
