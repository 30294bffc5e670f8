//! Notices: what was told to clients that failed, for the log.
//!
//! Who reads the log wants to know at whom a request failed and after how many attempts; the client is
//! told a code. The engine has no log: the notices wait here until the reactor fetches them.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use super::slots::{ExchangeId, GenerationId};
use super::{Engine, Failure};
use crate::proto::http1::Method;

/// Failures that may wait to be logged; more between two turns of the loop are only counted.
const NOTICES: usize = 1024;

/// A failure that was told to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What the client was given to name it by.
    pub request_id: Uuid,
    /// The method, if as much of the request could be read.
    pub method: Option<Method>,
    /// The path without its query: of what is known its pattern, with `{id}` for an id.
    pub path: Cow<'static, str>,
    /// The status.
    pub status: u16,
    /// The code.
    pub code: &'static str,
    /// Who was asked, if anybody was.
    pub tried: Option<Tried>,
}

/// Who was asked for a text that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The provider that was asked last.
    pub provider: Arc<str>,
    /// The model there.
    pub model: Arc<str>,
    /// The name, never the value, of its key that was used, if it has any.
    pub key: Option<Arc<str>>,
    /// Attempts in all.
    pub attempts: u32,
}

impl Engine {
    /// The failures told to clients since the last call. Bounded: what nobody fetches is not kept.
    pub fn notices(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.notices.drain(..)
    }

    /// Notes a failure that an exchange is told of, for `/metrics` and the log.
    pub(super) fn note_failure_of(&mut self, id: ExchangeId, failure: &Failure) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let asked = Some((exchange.terms.method, exchange.route.path()));
        let request_id = exchange.request_id;
        let (text, status) = (
            exchange.held.generation,
            failure.status_in(exchange.terms.dialect),
        );
        self.note_failure(failure, status, asked, request_id, text);
    }

    /// The same, of a request that may have no exchange, or several texts.
    pub(super) fn note_failure(
        &mut self,
        failure: &Failure,
        status: u16,
        asked: Option<(Method, Cow<'static, str>)>,
        request_id: Uuid,
        text: Option<GenerationId>,
    ) {
        self.counters.failed(failure.code());
        if self.notices.len() == NOTICES {
            return;
        }
        let tried = text.and_then(|text| self.generations.get(text));
        let tried = tried.filter(|text| text.result.attempts > 0);
        let tried = tried.map(|text| Tried {
            provider: Arc::clone(&text.target().provider_name),
            model: Arc::clone(&text.target().model),
            key: self.key_name(text).map(Arc::clone),
            attempts: text.result.attempts,
        });
        let (method, path) = asked.unzip();
        self.notices.push(Notice {
            request_id,
            method,
            path: path.unwrap_or_default(),
            status,
            code: failure.code(),
            tried,
        });
    }
}
