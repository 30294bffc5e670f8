//! Answers near by: stored texts that several processes keep in Redis for a moment, so that a hit of the
//! answer cache costs one command there instead of a query of the database.
//!
//! ```text
//!  look:    MGET edition, answer ─┬─(an answer of this edition)──► a hit
//!                                 ├─(none)─► the store ─(a hit)──► SET answer, with that edition
//!                                 └─(no edition)─► the store       SET edition NX: a new one
//!  delete:  the store ─(commit)─► DEL edition ─(told, or not to be told)─► 204
//! ```
//! What is deleted must answer nobody, and who deletes knows neither the prompt nor which answers were read
//! from the store a moment ago and are on their way to Redis. So a deletion ends the *edition*: whatever
//! was written down in it is worth nothing from then on, whoever writes it down however late, and is
//! read from the store again. What a process could not tell it owes, believes nothing itself until it is
//! told, and tells before anything else. The others are bound by the life of a value, a minute
//! ([why](../../../docs/decisions/0049-answers-near-by.md)).
//!
//! Nothing here is needed: whatever is missing, late or wrong is a look at the store. What this room
//! refuses to know: connections to Redis (`engine/redis/`) and what is done with an answer
//! (`flow/cached.rs`).

mod value;

use std::collections::VecDeque;
use std::fmt::Write as _;

pub(in crate::engine) use self::value::Edition;
use super::redis::link::Caller;
use super::slots::ExchangeId;
use super::work::WorkResult;
use super::{Engine, TENANT};
use crate::config;
use crate::limits::CACHE_EDITION_MS;
use crate::proto::redis::Reply;
use crate::store::{StoreError, TextRow, Written};

/// See the module.
#[derive(Debug)]
pub(in crate::engine) struct Nearby {
    /// Deletions that are known here, the one that the process before this one may owe included.
    deletions: u64,
    /// How many of them Redis was asked to take note of.
    asked: u64,
    /// How many it has taken note of.
    told: u64,
    /// Who has deleted, and waits until it is known: after which deletion.
    waiting: VecDeque<(u64, ExchangeId)>,
    /// What has happened so far.
    pub(super) counts: Counts,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answers found.
    pub hits: u64,
    /// Look-ups that found none of this edition.
    pub misses: u64,
    /// Look-ups that found something else.
    pub invalid: u64,
    /// Look-ups without an answer, or that were refused.
    pub unanswered: u64,
    /// Look-ups that could not be sent.
    pub unsent: u64,
    /// Answers written down.
    pub kept: u64,
    /// Editions ended.
    pub ended: u64,
    /// Deletions that could not be told at the first attempt.
    pub owed: u64,
}

impl Default for Nearby {
    fn default() -> Self {
        Nearby {
            deletions: 1,
            asked: 0,
            told: 0,
            waiting: VecDeque::new(),
            counts: Counts::default(),
        }
    }
}

/// What Redis had to say about a prompt.
#[derive(Debug)]
pub(in crate::engine) enum Near {
    /// This text answers it.
    Text(Box<TextRow>),
    /// The store is to be asked. What it says may be written down for this edition, if there is one.
    Ask(Option<Edition>),
}

impl Engine {
    fn nearby(&self) -> Option<&config::Redis> {
        let redis = self.config.redis.as_ref();
        redis.filter(|redis| redis.answers_s > 0)
    }

    fn nearby_mut(&mut self) -> Option<&mut Nearby> {
        self.redis.as_mut().map(|redis| redis.nearby_mut())
    }

    /// Asks Redis for an answer, which [`Engine::nearby_looked`] hears of. `false`: it cannot be asked.
    pub(in crate::engine) fn look_nearby(&mut self, id: ExchangeId, prompt: &[u8; 32]) -> bool {
        let Some(redis) = self.nearby() else {
            return false;
        };
        let keys = [edition_key(redis), answer_key(redis, prompt)];
        self.tell_deletions();
        let words = ["MGET", &keys[0], &keys[1]];
        let sent = self.ask_redis(&keys[0], &words, Caller::Answer(id));
        if let Some(nearby) = self.nearby_mut() {
            nearby.counts.unsent += u64::from(!sent);
        }
        sent
    }

    /// What Redis has answered is for the flow of this request.
    pub(super) fn nearby_answered(&mut self, id: ExchangeId, reply: Option<&Reply>) {
        let Some(prompt) = self.prompt_looked_for(id) else {
            return; // it has left
        };
        let near = self.near_of(reply, &prompt);
        self.nearby_looked(id, near);
    }

    fn near_of(&mut self, reply: Option<&Reply>, prompt: &[u8; 32]) -> Near {
        let Some(redis) = self.nearby() else {
            return Near::Ask(None);
        };
        let (edition, key) = (edition_key(redis), answer_key(redis, prompt));
        let Some(nearby) = self.nearby_mut() else {
            return Near::Ask(None);
        };
        // What is known here to be deleted is not believed to be gone there before it says so.
        let is_told = nearby.told == nearby.deletions;
        let counts = &mut nearby.counts;
        let Some(Reply::List(values)) = reply else {
            counts.unanswered += 1;
            return Near::Ask(None);
        };
        match said(values, &key) {
            Said::Text(row) if is_told => {
                counts.hits += 1;
                return Near::Text(row);
            }
            Said::Nothing(present) if is_told => {
                counts.misses += 1;
                return Near::Ask(Some(present));
            }
            Said::Worthless => counts.invalid += 1,
            Said::NoEdition => {
                counts.misses += 1;
                self.begin_edition(&edition);
            }
            Said::Text(_) | Said::Nothing(_) => counts.misses += 1,
        }
        Near::Ask(None)
    }

    /// There is none, so nothing is believed. Of several who begin one at the same time, one does.
    fn begin_edition(&mut self, key: &str) {
        let new = Edition::new(&mut self.random);
        let life = CACHE_EDITION_MS.to_string();
        let words: [&[u8]; 6] = [
            b"SET",
            key.as_bytes(),
            new.as_bytes(),
            b"NX",
            b"PX",
            life.as_bytes(),
        ];
        self.ask_redis(key, &words, Caller::Nobody);
    }

    /// The store has found this text: it is written down, for as long as it may answer and no longer
    /// than a value lives. `edition` is from before the store was asked.
    pub(in crate::engine) fn keep_nearby(
        &mut self,
        row: &TextRow,
        prompt: &[u8; 32],
        edition: &Edition,
        left_ms: u64,
    ) {
        let Some(redis) = self.nearby() else {
            return;
        };
        let life = left_ms.min(redis.answers_s * 1000);
        let key = answer_key(redis, prompt);
        let Some(value) = value::write(row, &key, edition).filter(|_| life > 0) else {
            return;
        };
        let life = life.to_string();
        let words: [&[u8]; 5] = [b"SET", key.as_bytes(), &value, b"PX", life.as_bytes()];
        let sent = self.ask_redis(&key, &words, Caller::Nobody);
        if let Some(nearby) = self.nearby_mut() {
            nearby.counts.kept += u64::from(sent);
        }
    }

    /// Sees in what the store says whether texts are gone. Whoever had it deleted may have left by now.
    pub(in crate::engine) fn mind_deletions(&mut self, result: &WorkResult) {
        let gone = match result {
            WorkResult::Written(Ok(Written::Deleted(found))) => *found,
            WorkResult::Written(Ok(Written::Expired(rows))) => *rows > 0,
            // It may have been a deletion, and may have been done.
            WorkResult::Written(Err(StoreError::Unknown)) => true,
            _ => false,
        };
        if gone {
            self.texts_are_gone();
        }
    }

    /// The same for deletions that have waited in the journal. They were told when they came there, but
    /// until now the store may have had their texts, and whoever asked it may have written them down.
    pub(in crate::engine) fn mind_replayed(&mut self, result: &Result<Written, StoreError>) {
        if matches!(result, Ok(_) | Err(StoreError::Unknown)) {
            self.texts_are_gone();
        }
    }

    fn texts_are_gone(&mut self) {
        if self.nearby().is_none() {
            return;
        }
        if let Some(nearby) = self.nearby_mut() {
            nearby.deletions += 1;
        }
        self.tell_deletions();
    }

    /// Ends the edition, if that is owed.
    pub(super) fn tell_deletions(&mut self) {
        let Some(key) = self.nearby().map(edition_key) else {
            return;
        };
        let nearby = self.nearby_mut();
        let Some(owed) = nearby
            .filter(|nearby| nearby.asked < nearby.deletions)
            .map(|nearby| nearby.deletions)
        else {
            return;
        };
        let sent = self.ask_redis(&key, &["DEL", &key], Caller::Deletion(owed));
        if let Some(nearby) = self.nearby_mut() {
            nearby.counts.owed += u64::from(!sent);
            if sent {
                nearby.asked = owed;
            }
        }
    }

    /// Redis knows of all deletions up to this one, or cannot be told.
    pub(super) fn deletions_told(&mut self, upto: u64, reply: Option<&Reply>) {
        let Some(nearby) = self.nearby_mut() else {
            return;
        };
        if matches!(reply, Some(Reply::Integer(_))) {
            nearby.told = nearby.told.max(upto);
            nearby.counts.ended += 1;
        } else {
            nearby.asked = nearby.told;
            nearby.counts.owed += 1;
        }
        while let Some(nearby) = self.nearby_mut()
            && let Some(&(_, id)) = nearby.waiting.front().filter(|(after, _)| *after <= upto)
        {
            nearby.waiting.pop_front();
            self.deletion_is_known(id);
        }
    }

    /// Whether `id` has to wait until others know what it has just deleted.
    pub(in crate::engine) fn waits_to_tell(&mut self, id: ExchangeId) -> bool {
        let Some(nearby) = self.nearby_mut() else {
            return false;
        };
        let on_the_way = nearby.asked == nearby.deletions && nearby.told < nearby.deletions;
        if on_the_way {
            nearby.waiting.push_back((nearby.deletions, id));
        }
        on_the_way
    }
}

/// What the answer to a look-up says.
enum Said {
    Text(Box<TextRow>),
    /// There is no answer of this edition.
    Nothing(Edition),
    /// There is something that nobody of us has written like this.
    Worthless,
    NoEdition,
}

fn said(values: &[Reply], key: &str) -> Said {
    let (present, answer) = match values {
        [Reply::Null, _] => return Said::NoEdition,
        [Reply::Bytes(present), answer] => (Edition::read(present), answer),
        _ => return Said::Worthless,
    };
    match (present, answer) {
        (Some(present), Reply::Null) => Said::Nothing(present),
        (Some(present), Reply::Bytes(bytes)) => match value::edition_of(bytes) {
            Some(edition) if edition != present => Said::Nothing(present),
            Some(_) => match value::read(bytes, key, &present, TENANT) {
                Some(row) => Said::Text(Box::new(row)),
                None => Said::Worthless,
            },
            None => Said::Worthless,
        },
        _ => Said::Worthless,
    }
}

/// Both keys of a database and tenant are in one place of a cluster: one command asks for both.
fn edition_key(redis: &config::Redis) -> String {
    format!(
        "{}answer1:{{{}:{TENANT}}}:edition",
        redis.prefix, redis.realm
    )
}

fn answer_key(redis: &config::Redis, prompt: &[u8; 32]) -> String {
    let mut key = format!("{}answer1:{{{}:{TENANT}}}:", redis.prefix, redis.realm);
    for byte in prompt {
        let _ = write!(key, "{byte:02x}"); // into memory
    }
    key
}
