//! `Idempotency-Key`: a request that is sent twice has one effect, and both get the same answer.
//!
//! ```text
//!  head ──► key ──► body hashed ──► claim ─┬─ ours ────► the request goes its way
//!                    (flow/keyed.rs)       │               ├─ whole ──► promise ──► kept with its rows
//!                                          │               └─ failed, left, cut ──► the key is free
//!                                          ├─ answered ──► that answer once more
//!                                          └─ elsewhere ─► 409
//! ```
//! A request that holds a key says so in [`Held`]. Once its answer is certain it makes
//! a [`Promise`] of it, which goes into the transaction of the rows that the answer is about: so
//! there is never one without the other, whatever is killed when. From then on its end frees nothing.
//!
//! Claims are leases, renewed for as long as this process lives. This file does not know who waits for
//! whom (`policy/idempotency.rs`) and sends nothing to clients.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::documents::{Telling, stream_of_text, whole_text};
use super::exchange::Held;
use super::flow::Flow;
use super::policy::idempotency::Left;
use super::routes::Route;
use super::slots::{ExchangeId, GenerationId};
use super::timers::Owner;
use super::work::{Kind, Work, WorkOwner};
use super::{Engine, Failure, TENANT};
use crate::limits::{KEY_ANSWER_BYTES, KEY_BEAT_MS, KEY_BYTES, KEY_KEPT_MS};
use crate::proto::http1::RequestHead;
use crate::store::{
    Answer, CachedText, KeptAnswer, KeyChange, KeyScope, StoreError, TextRow, Write,
};

/// The key that a request was sent with.
#[derive(Debug)]
pub struct HeldKey {
    /// Which one.
    pub scope: KeyScope,
    /// What is hashed of the request so far.
    hash: Sha256,
    /// All of it, once it is there.
    pub fingerprint: [u8; 32],
    /// How the request stands to it.
    pub stands: Stands,
    /// What was said of an answer that is sent as it comes; `None` if that was too much to keep.
    said: Option<Vec<u8>>,
}

/// How a request stands to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It has nothing to do with it, yet or any more.
    Outside,
    /// It waits for the first one.
    Waits,
    /// It is the one to answer, by this name.
    Holds(Uuid),
}

/// An answer that is certain, and is to be kept with the rows it is about.
#[derive(Clone, Debug)]
pub struct Promise {
    scope: KeyScope,
    fingerprint: [u8; 32],
    owner: Uuid,
    until_ms: i64,
    form: Form,
}

/// What the answer is made of.
#[derive(Clone, Debug)]
pub enum Form {
    /// The text as a document.
    Document,
    /// The text as events.
    Events,
    /// Something was made, and this is said of it.
    Made(Arc<String>),
    /// It was said already.
    Said {
        /// Whether as a stream.
        streamed: bool,
        /// What.
        body: Arc<String>,
        /// The text in it, if it is in none of the rows that it is kept with.
        text: Option<Uuid>,
    },
}

/// What has become of rows, and of the answers that went with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are on disk.
    Kept,
    /// They are not, and will not be.
    Lost,
    /// They may still come to be there.
    Unknown,
}

impl Fate {
    /// What the end of a write says of it.
    pub(super) fn of(result: &Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Fate::Kept,
            Err(Failure::StoreTimeout | Failure::Store(StoreError::Unknown)) => Fate::Unknown,
            Err(_) => Fate::Lost,
        }
    }
}

impl HeldKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// It is none: empty, longer than [`KEY_BYTES`], twice there, or not of printable ASCII.
    pub fn of_head(
        route: &Route,
        head: &RequestHead<'_>,
        wants_stream: bool,
    ) -> Result<Option<Box<HeldKey>>, Failure> {
        let mut values = head.fields.all("idempotency-key");
        let Some(value) = values.next().filter(|_| route.is_recorded()) else {
            return Ok(None);
        };
        let is_plain = value.iter().all(|byte| (b' '..=b'~').contains(byte));
        let key = str::from_utf8(value).ok().filter(|key| {
            is_plain && !key.is_empty() && key.len() <= KEY_BYTES && values.next().is_none()
        });
        let key = key.ok_or(Failure::Header {
            name: "idempotency-key",
            expected: "one key of 1 to 255 printable characters of ASCII",
        })?;
        // What is asked for is in the path and in `Accept` too.
        let hash = Sha256::new()
            .chain_update(head.path)
            .chain_update([0])
            .chain_update(head.query.unwrap_or(""))
            .chain_update([0, u8::from(wants_stream)]);
        Ok(Some(Box::new(HeldKey {
            scope: KeyScope {
                tenant: TENANT.to_owned(),
                route: route.as_str().to_owned(),
                key: key.to_owned(),
            },
            hash,
            fingerprint: [0; 32],
            stands: Stands::Outside,
            said: Some(Vec::new()),
        })))
    }

    /// A piece of the body.
    pub fn note_body(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// The body is complete.
    pub fn close_body(&mut self) {
        self.fingerprint = std::mem::take(&mut self.hash).finalize().into();
    }

    /// Bytes of memory that grow with the answer.
    pub fn bytes(&self) -> usize {
        self.said.as_ref().map_or(0, Vec::capacity)
    }
}

impl Promise {
    /// Bytes of memory that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.form {
            Form::Said { body, .. } | Form::Made(body) => body.len(),
            Form::Document | Form::Events => 0,
        }
    }

    /// Whether the answer is the whole document of a text.
    #[must_use]
    pub fn is_document(&self) -> bool {
        matches!(self.form, Form::Document)
    }

    /// What is kept of it. `row` is the text that it is about, `own` the id of that text, or of the one that
    /// is told and not stored, and `total_tokens` what the provider has counted for it in all. `None` if it
    /// is too long.
    fn keep(
        &self,
        row: Option<&TextRow>,
        own: Option<Uuid>,
        total_tokens: Option<u64>,
    ) -> Option<KeptAnswer> {
        let (status, streamed, body) = match (&self.form, row) {
            (Form::Document, Some(row)) => {
                (200, false, whole_text(row, total_tokens, Telling::New))
            }
            (Form::Events, Some(row)) => {
                (200, true, stream_of_text(row, total_tokens, Telling::New))
            }
            (Form::Said { streamed, body, .. }, _) => (200, *streamed, String::clone(body)),
            (Form::Made(body), _) => (202, false, String::clone(body)),
            (Form::Document | Form::Events, None) => return None,
        };
        let said_of = match self.form {
            Form::Said { text, .. } => text,
            Form::Document | Form::Events | Form::Made(_) => None,
        };
        (body.len() <= KEY_ANSWER_BYTES).then(|| KeptAnswer {
            scope: self.scope.clone(),
            fingerprint: self.fingerprint,
            owner: self.owner,
            until_ms: self.until_ms,
            text: own.or(said_of),
            answer: Answer {
                status,
                streamed,
                body,
            },
        })
    }
}

/// A write with the answers that are to be kept with it.
#[must_use]
pub fn with_answers(
    rows: Write,
    promises: &[Promise],
    total_tokens: Option<u64>,
    cached: Option<CachedText>,
) -> Write {
    let row = match &rows {
        Write::Save { text, .. } => text.as_deref(),
        _ => None,
    };
    // Our own API's answers are made of the row, a chat's is kept whether its text is stored or not.
    let cached = cached.filter(|cached| row.is_some() || cached.chat.is_some());
    let told = cached.as_ref().map(|cached| cached.text);
    let own = row.map(|row| row.id).or(told);
    let answers: Vec<KeptAnswer> = promises
        .iter()
        .filter_map(|promise| promise.keep(row, own, total_tokens))
        .collect();
    if answers.is_empty() && cached.is_none() {
        return rows;
    }
    Write::Answered {
        rows: Box::new(rows),
        answers,
        cached,
    }
}

impl Engine {
    /// Whether `id` was sent with a key, and is the one to answer.
    pub(super) fn has_key(&self, id: ExchangeId) -> bool {
        let exchange = self.exchanges.get(id);
        exchange.is_some_and(|exchange| exchange.held.key.is_some())
    }

    /// A piece of an answer that is sent as it comes.
    pub(super) fn note_said(&mut self, id: ExchangeId, bytes: &[u8]) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let Some(key) = &mut exchange.held.key else {
            return;
        };
        match &mut key.said {
            Some(said) if said.len() + bytes.len() <= KEY_ANSWER_BYTES => {
                said.extend_from_slice(bytes);
            }
            said => *said = None,
        }
        let bytes = key.bytes();
        if exchange.flow.chat().is_some() {
            self.ledger.settle(&mut exchange.charged, bytes);
        }
    }

    /// What was said so far is the whole answer.
    pub(super) fn promise_said(&mut self, id: ExchangeId, streamed: bool) -> Option<Promise> {
        let key = self.exchanges.get_mut(id)?.held.key.as_mut()?;
        let said = String::from_utf8(key.said.take()?).ok()?;
        let body = Arc::new(said);
        let text = None;
        self.promise(
            id,
            Form::Said {
                streamed,
                body,
                text,
            },
        )
    }

    /// The answer is certain. From now on the end of the request frees its key no more: whoever keeps
    /// the promise says what becomes of it, by [`Engine::promise_kept`].
    pub(super) fn promise(&mut self, id: ExchangeId, form: Form) -> Option<Promise> {
        let until_ms = self.now.wall_ms + KEY_KEPT_MS as i64;
        let exchange = self.exchanges.get_mut(id)?;
        let Stands::Holds(owner) = exchange.held.key.as_ref()?.stands else {
            return None;
        };
        let key = exchange.held.key.take()?;
        Some(Promise {
            scope: key.scope,
            fingerprint: key.fingerprint,
            owner,
            until_ms,
            form,
        })
    }

    /// A text is complete, and so is known what is answered to those who have asked for it with a key.
    pub(super) fn promise_text(&mut self, id: GenerationId) {
        for exchange in self.subscribers(id) {
            let form = match self.exchanges.get(exchange).map(|e| &e.flow) {
                Some(Flow::Generate(flow)) if flow.wants_document() => Form::Document,
                Some(Flow::Generate(_)) => Form::Events,
                _ => continue,
            };
            let promise = self.promise(exchange, form);
            self.add_promise(id, promise);
        }
    }

    /// An answer about a text is to be kept with its rows.
    pub(super) fn add_promise(&mut self, id: GenerationId, promise: Option<Promise>) {
        if let Some(generation) = self.generations.get_mut(id) {
            generation.result.promises.extend(promise);
        }
        self.settle_generation(id);
    }

    /// What has become of the rows that a promise went with.
    pub(super) fn promise_kept(&mut self, promise: &Promise, fate: Fate) {
        let scope = &promise.scope;
        let left = match fate {
            Fate::Kept => {
                let waiting = self.keys.end(scope);
                return waiting.into_iter().for_each(|id| self.fetch_answer(id));
            }
            Fate::Lost => self.keys.give_up(scope),
            Fate::Unknown => {
                let fresh = self.new_id();
                self.keys.doubt(scope, fresh)
            }
        };
        self.key_left(scope.clone(), left);
    }

    /// The same for all promises about a text.
    pub(super) fn promises_kept(&mut self, id: GenerationId, fate: Fate) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        let promises = std::mem::take(&mut generation.result.promises);
        self.settle_generation(id);
        for promise in promises {
            self.promise_kept(&promise, fate);
        }
    }

    /// A request ends with its key in hand: no answer is kept for it. If its rows are on their way with
    /// an answer, nobody knows here what becomes of them, but the store: to free a key that was answered
    /// does nothing. What the store has said of them was noted when it came.
    pub(super) fn release_key(&mut self, id: ExchangeId, held: &mut Held) {
        if let Some(promise) = held.promise.take() {
            let is_on_its_way = held.work.is_some();
            let fate = if is_on_its_way {
                Fate::Unknown
            } else {
                Fate::Lost
            };
            self.promise_kept(&promise, fate);
        }
        let Some(key) = held.key.take() else {
            return;
        };
        let left = match key.stands {
            Stands::Outside => return,
            Stands::Waits => self.keys.leave(&key.scope, id),
            Stands::Holds(_) => self.keys.give_up(&key.scope),
        };
        self.key_left(key.scope, left);
    }

    fn key_left(&mut self, scope: KeyScope, left: Left) {
        match left {
            Left::Kept => {}
            // In its turn: nothing is begun inside the end of something else.
            Left::Next(id) => self.serve_later(id),
            // If there is no room for it, the lease ends by itself.
            Left::Nobody(owner) => self.change_keys(KeyChange::Free { scope, owner }),
        }
    }

    /// Queues a change of keys that nobody waits for.
    fn change_keys(&mut self, change: KeyChange) {
        let work = Work::Write(Box::new(Write::Keys(Box::new(change))));
        if self.works.has_room(Kind::Write) {
            self.works.submit(WorkOwner::Keys, work);
        }
    }

    /// A key is in use: it has to be renewed from time to time.
    pub(super) fn mind_the_keys(&mut self) {
        self.house.forgets = true;
        if self.keys.timer.at() == super::Mono::NEVER {
            let at = self.now.mono.plus_ms(KEY_BEAT_MS);
            self.timers.set(Owner::Keys, &mut self.keys.timer, at);
        }
    }

    /// The time has come.
    pub(super) fn keys_due(&mut self) {
        self.keys.timer.clear();
        if self.keys.is_empty() {
            return;
        }
        self.change_keys(KeyChange::Renew {
            held: self.keys.held(),
            now_ms: self.now.wall_ms,
        });
        self.mind_the_keys();
    }

    /// Has the store forget keys whose time is over, if there may be any.
    pub(super) fn sweep_keys(&mut self) {
        if self.house.forgets {
            let now_ms = self.now.wall_ms;
            self.change_keys(KeyChange::Sweep { now_ms });
        }
    }
}
