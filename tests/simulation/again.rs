//! The same requests again and again: with keys, from the cache, by clients that leave, on a server that
//! is killed and started again.
//!
//! ```text
//!  ask ─► a provider writes ANSWER NUMBER n ─► told, kept under a key, kept for the next one
//!   ▲                                            │
//!   └──────────── killed, started again ◄────────┘
//! ```
//! No two calls are answered alike, so each answer says which call it is from. What must be true then: an
//! answer that is kept under a key never changes, and whoever is told that it is a replay is told that one;
//! once a key has an answer no other is told under it; a hit is an answer that was stored, about the same
//! topic; and what our own API has acknowledged is in the store, whatever is killed when.
//!
//! The large simulation beside this one has one server and many faults; here there are few faults and many
//! servers.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use maitred::engine::ConnId;
use maitred::engine::work::{Kind, Work, WorkResult};
use maitred::store::{KeyScope, StoreError};

use super::story::Story;
use super::world::{PROVIDER, Reply, SIZES, World, openai, take_reply};

mod question;
use question::{Question, TOPICS, id_of, number, said};

const CONFIG: &str =
    "[cache]\nmax_age_s = 60\nchats_max_age_s = 60\n[limits]\nkeep_alive_ms = 500\n";
/// Steps of a run.
const STEPS: usize = 300;
/// Clients at a time.
const CLIENTS: usize = 12;
/// Keys in a run. Each is always sent with the same request.
const KEYS: usize = 5;

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    question: Question,
    key: Option<usize>,
    /// Somebody had been told for certain what this key is answered.
    is_again: bool,
}

/// What has happened, over all runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) answers: usize,
    pub(crate) replays: usize,
    pub(crate) hits: usize,
    pub(crate) keyed_hits: usize,
    pub(crate) kills: usize,
    pub(crate) failures: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Seen) {
        self.answers += other.answers;
        self.replays += other.replays;
        self.hits += other.hits;
        self.keyed_hits += other.keyed_hits;
        self.kills += other.kills;
        self.failures += other.failures;
    }

    /// Whether all of it has happened.
    pub(crate) fn is_full(&self) -> bool {
        let kinds = [
            self.replays,
            self.hits,
            self.keyed_hits,
            self.kills,
            self.failures,
        ];
        self.answers > 0 && kinds.iter().all(|times| *times > 0)
    }
}

/// A run.
struct Again {
    world: World,
    chance: Rng,
    story: Story,
    clients: BTreeMap<ConnId, Sent>,
    /// What each key is sent with.
    keys: [Question; KEYS],
    /// The topic of each call.
    calls: Vec<usize>,
    /// Answers that were in the store at some time.
    stored: BTreeSet<usize>,
    /// What is kept under each key.
    kept: BTreeMap<KeyScope, String>,
    /// Which answer each key has, once somebody was told so for certain.
    certain: BTreeMap<usize, usize>,
    seen: Seen,
}

/// Plays one seed.
pub(crate) fn run(seed: u64, story: &Story) -> Seen {
    let mut chance = Rng::with_seed(seed ^ 0xa9a1);
    let mut again = Again {
        world: server(seed),
        keys: std::array::from_fn(|_| Question::new(&mut chance)),
        chance,
        story: story.clone(),
        clients: BTreeMap::new(),
        calls: Vec::new(),
        stored: BTreeSet::new(),
        kept: BTreeMap::new(),
        certain: BTreeMap::new(),
        seen: Seen::default(),
    };
    for _ in 0..STEPS {
        again.step();
        again.look();
    }
    again.rest();
    again.seen
}

/// A server whose threads do nothing by themselves.
fn server(seed: u64) -> World {
    let mut world = World::with(&[CONFIG, PROVIDER].concat(), SIZES, seed);
    world.held = vec![Kind::Read, Kind::Write, Kind::Finish, Kind::Score];
    world
}

impl Again {
    fn tell(&self, what: &str) {
        self.story.tell(&self.world, what);
    }

    fn step(&mut self) {
        match self.chance.u8(0..40) {
            0..=9 => self.somebody_asks(),
            10..=17 => self.a_provider_answers(),
            18..=34 => self.a_thread_ends(),
            35 => self.somebody_leaves(),
            36 => self.the_server_is_killed(),
            _ => {
                let ms = self.chance.u64(0..1_500);
                self.world.pass(ms);
            }
        }
    }

    fn somebody_asks(&mut self) {
        if self.clients.len() >= CLIENTS {
            return;
        }
        let key = self.chance.bool().then(|| self.chance.usize(0..KEYS));
        let question = match key {
            Some(key) => self.keys[key],
            None => Question::new(&mut self.chance),
        };
        let id = self.world.ask(question.request(key));
        let sent = Sent {
            question,
            key,
            is_again: key.is_some_and(|key| self.certain.contains_key(&key)),
        };
        self.tell(&format!("{id:?} asks {sent:?}"));
        self.clients.insert(id, sent);
    }

    /// Providers that were asked and have not answered.
    fn asked(&self) -> Vec<ConnId> {
        let open = self.world.upstreams();
        let asked = open.into_iter().filter(|id| !self.world.is_quiet(*id));
        asked.collect()
    }

    fn a_provider_answers(&mut self) {
        let asked = self.asked();
        let Some(id) = self.chance.choice(&asked).copied() else {
            return;
        };
        let (number, stream) = self.note_call(id);
        let text = format!("Answer number {number}.");
        let bytes = match (stream, self.chance.u8(0..8)) {
            (_, 0) => openai::answer(500, "", "{}"),
            (true, 1) => [openai::STREAM, &openai::word("Answer"), openai::END].concat(),
            (true, _) => openai::stream(&["Answer", &text["Answer".len()..]]),
            (false, _) => openai::whole(&text),
        };
        self.tell(&format!("{id:?} answers with number {number}"));
        self.world.send(id, bytes);
    }

    /// Notes what a provider is asked. Returns the number of its answer, and whether it is to be streamed.
    fn note_call(&mut self, id: ConnId) -> (usize, bool) {
        let got = std::mem::take(&mut self.world.sockets.get_mut(&id).unwrap().got);
        let got = String::from_utf8(got).unwrap();
        let body = got.rsplit("\r\n\r\n").next().unwrap();
        let asked: serde_json::Value = serde_json::from_str(body).unwrap();
        let words = asked["messages"].to_string();
        let topic = (0..TOPICS).find(|topic| words.contains(&format!("topic {topic}")));
        let stream = asked["stream"] == true;
        self.calls.push(topic.unwrap());
        (self.calls.len() - 1, stream)
    }

    fn a_thread_ends(&mut self) {
        if self.world.jobs.is_empty() {
            return;
        }
        let at = self.chance.usize(0..self.world.jobs.len());
        let fails = self.chance.u8(0..30) == 0;
        match &self.world.jobs[at].1 {
            Work::Read(_) if fails => {
                let result = WorkResult::Found(Err(StoreError::TimedOut));
                self.world.fail_work(at, result);
            }
            Work::Write(_) if fails => {
                let result = WorkResult::Written(Err(StoreError::TimedOut));
                self.world.fail_work(at, result);
            }
            _ => self.world.work(at),
        }
        self.world.settle();
    }

    fn somebody_leaves(&mut self) {
        let clients: Vec<ConnId> = self.clients.keys().copied().collect();
        if let Some(id) = self.chance.choice(&clients).copied() {
            self.tell(&format!("{id:?} leaves"));
            self.clients.remove(&id);
            self.world.end(id);
            self.world.settle();
        }
    }

    /// Whatever is not in the store or its journal is lost. A server that owns its file frees the keys of the dead one;
    /// where there are others, their time has to pass.
    fn the_server_is_killed(&mut self) {
        self.tell("the server is killed");
        self.seen.kills += 1;
        self.clients.clear();
        self.world.replay_journal(); // which the next start does
        let mut next = server(self.chance.u64(..));
        next.store = std::mem::take(&mut self.world.store);
        if self.chance.bool() {
            next.store.keys.0.retain(|_, row| row.answer.is_some());
        }
        let (mono, wall_ms) = (self.world.now.mono, self.world.now.wall_ms);
        self.world = next;
        self.world.now.mono = mono;
        self.world.now.wall_ms = wall_ms;
    }

    /// Looks at what is in the store, and at what clients were told.
    fn look(&mut self) {
        for row in self.world.store.texts.values() {
            self.stored.extend(number(&row.text));
        }
        for cached in self.world.store.cached.values() {
            let chat = cached.chat.as_ref();
            self.stored.extend(chat.and_then(|chat| number(&chat.body)));
        }
        for (scope, row) in &self.world.store.keys.0 {
            if let Some(answer) = &row.answer {
                let first = self
                    .kept
                    .entry(scope.clone())
                    .or_insert(answer.body.clone());
                assert_eq!(first, &answer.body, "{scope:?} has another answer");
            }
        }
        let ids: Vec<ConnId> = self.clients.keys().copied().collect();
        for id in ids {
            let socket = self.world.sockets.get_mut(&id).unwrap();
            let ended = socket.fin || socket.closed.is_some();
            let reply = take_reply(&mut socket.got, false, ended).unwrap();
            if let Some(reply) = reply {
                let sent = self.clients.remove(&id).unwrap();
                self.tell(&format!("{id:?} reads {} for {sent:?}", reply.status));
                self.judge(sent, &reply);
                self.world.end(id);
            }
        }
    }

    fn judge(&mut self, sent: Sent, reply: &Reply) {
        let status = reply.field("cache-status").unwrap_or("");
        let is_hit = status.contains("hit");
        let is_replay = reply.field("idempotent-replayed").is_some();
        let whole = (reply.status == 200).then(|| said(sent.question, reply));
        let Some(Some(text)) = whole else {
            assert!(!is_hit && !is_replay, "what is kept is whole: {reply:?}");
            self.seen.failures += 1;
            return;
        };
        let number = number(&text).unwrap_or_else(|| panic!("{text:?} is nobody's answer"));
        assert_eq!(text, format!("Answer number {number}."));
        assert_eq!(self.calls[number], sent.question.topic, "{reply:?}");
        self.seen.answers += 1;
        self.seen.hits += usize::from(is_hit);
        self.seen.replays += usize::from(is_replay);
        self.seen.keyed_hits += usize::from(is_hit && sent.key.is_some());
        if is_hit {
            assert!(
                self.stored.contains(&number),
                "it was never stored: {reply:?}"
            );
        }
        let is_own = sent.question.dialect.is_none();
        let is_acknowledged = is_own || is_replay || (is_hit && sent.key.is_some());
        if is_own {
            let id = id_of(reply);
            let is_there = self.world.store.texts.contains_key(&id);
            assert!(is_there || self.world.kept.contains(&id), "{text} is lost");
        }
        let Some(key) = sent.key else {
            return;
        };
        if let Some(certain) = self.certain.get(&key) {
            assert_eq!(number, *certain, "key {key} has two answers: {reply:?}");
            let is_anew = sent.is_again && !is_replay;
            assert!(!is_anew, "key {key} is answered anew: {reply:?}");
        }
        if is_acknowledged {
            self.certain.insert(key, number);
        }
        if is_replay {
            let mut kept = self
                .kept
                .iter()
                .filter(|(scope, _)| scope.key == format!("k{key}"));
            assert!(kept.any(|(_, body)| *body == reply.body), "{reply:?}");
        }
    }

    /// Everybody does what is to be done: whoever asks is answered, and nothing is left.
    fn rest(&mut self) {
        self.tell("the rest");
        self.world.held.clear();
        for _ in 0..100 {
            self.world.settle();
            self.look();
            for id in self.asked() {
                let (number, stream) = self.note_call(id);
                let text = format!("Answer number {number}.");
                self.world.send(
                    id,
                    match stream {
                        true => openai::stream(&[&text]),
                        false => openai::whole(&text),
                    },
                );
            }
            self.look();
            if self.clients.is_empty() {
                break;
            }
            self.world.pass(1_000);
        }
        assert!(self.clients.is_empty(), "{:?} wait in vain", self.clients);
        for id in self.world.open_sockets() {
            self.world.end(id);
        }
        self.world.pass(120_000);
        self.world.holds_nothing();
    }
}
