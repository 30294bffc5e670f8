//! Several processes over one database, with a Redis that does as it likes: it is slow, refuses, forgets
//! everything, and its connections break at any byte.
//!
//! A run is made of a seed, as the others here are. What it is about: whatever Redis does, every request is
//! answered, and a text that was deleted answers nobody who asks from then on, also not by a key that was sent
//! before. Only if the process that deleted it could not tell Redis, it may still be found for a minute.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use maitred::engine::io::{Gone, Input};
use maitred::engine::{ConnId, Mono};

use super::world::redis::{Keeper, REDIS, Shelf, connections, take_command};
use super::world::{Memory, Reply, SIZES, World, post};

const STEPS: usize = 600;
const CLIENTS: usize = 12;
const TOPICS: u8 = 3;
/// How long a text may be found that Redis could not be told of: the life of a value, and of the command
/// that sets it.
const LIFE_MS: u64 = 61_000;

/// One process, and the other end of its connections to Redis.
struct Process {
    world: World,
    lines: BTreeMap<ConnId, Line>,
}

/// A connection: bytes that are no command yet, and answers that are still to be said.
#[derive(Default)]
struct Line {
    tail: Vec<u8>,
    unsaid: VecDeque<u8>,
}

/// Somebody who waits.
struct Client {
    which: usize,
    id: ConnId,
    since: Mono,
    wants: Wants,
}

enum Wants {
    Text,
    /// This text is to go; and what its process owed to Redis so far.
    Deletion(String, f64),
}

struct Play {
    processes: Vec<Process>,
    shelf: Shelf,
    store: Memory,
    chance: Rng,
    clients: Vec<Client>,
    known: Vec<String>,
    /// From when on nobody may be answered with it who asks.
    gone: BTreeMap<String, Mono>,
    answered: u64,
}

impl Play {
    fn new(seed: u64) -> Play {
        let mut chance = Rng::with_seed(seed);
        let config = format!(
            "{REDIS}answers_s = 60\n[rate]\nrequests = [\"200/min\"]\n[offline]\ngap_ms = 0\ntokens = 5\n"
        );
        let process = |n| {
            let mut world = World::with(&config, SIZES, seed * 8 + n);
            world.slow_network = true;
            let lines = BTreeMap::new();
            Process { world, lines }
        };
        Play {
            processes: (0..chance.u64(2..4)).map(process).collect(),
            shelf: Shelf::default(),
            store: Memory::default(),
            chance,
            clients: Vec::new(),
            known: Vec::new(),
            gone: BTreeMap::new(),
            answered: 0,
        }
    }

    fn step(&mut self) {
        match self.chance.u8(0..40) {
            0..=5 if self.clients.len() < CLIENTS => self.somebody_asks(),
            6 => self.somebody_deletes(),
            7 => self.somebody_leaves(),
            8..=27 => self.redis_moves(),
            28 => self.redis_changes(),
            _ => {
                let ms = match self.chance.u8(0..40) {
                    0 => 30_000,
                    1..=4 => 1_000,
                    _ => self.chance.u64(0..30),
                };
                self.time_passes(ms);
            }
        }
        self.read_replies();
    }

    /// Does something with one process, over the one database, and lets happen what follows from it.
    fn within<T>(&mut self, which: usize, step: impl FnOnce(&mut World) -> T) -> T {
        let world = &mut self.processes[which].world;
        std::mem::swap(&mut world.store, &mut self.store);
        let result = step(world);
        world.settle();
        std::mem::swap(&mut world.store, &mut self.store);
        result
    }

    fn any(&mut self) -> usize {
        self.chance.usize(0..self.processes.len())
    }

    fn wait(&mut self, which: usize, bytes: &str, wants: Wants) {
        let id = self.within(which, |world| {
            let id = world.client();
            world.say(id, bytes.as_bytes());
            id
        });
        let since = self.processes[which].world.now.mono;
        self.clients.push(Client {
            which,
            id,
            since,
            wants,
        });
    }

    fn somebody_asks(&mut self) {
        let (which, topic) = (self.any(), self.chance.u8(0..TOPICS));
        let json = format!(r#"{{"topic":"topic {topic}","cache":"use"}}"#);
        let mut request = post("/generate/", &json);
        if self.chance.u8(0..3) == 0 {
            let key = format!("Idempotency-Key: {topic}{}\r\nHost:", self.chance.u8(0..9));
            request = request.replacen("Host:", &key, 1);
        }
        self.wait(which, &request, Wants::Text);
    }

    fn somebody_deletes(&mut self) {
        let which = self.any();
        let Some(id) = self.chance.choice(&self.known).cloned() else {
            return;
        };
        let line = format!("DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let wants = Wants::Deletion(id, self.owed(which));
        self.wait(which, &line, wants);
    }

    fn owed(&self, which: usize) -> f64 {
        let world = &self.processes[which].world;
        world.metric("redis_answers_total{event=\"owed\"}")
    }

    fn somebody_leaves(&mut self) {
        // Whoever deletes stays, to say when it was done.
        let texts = self.clients.iter();
        let at = texts
            .enumerate()
            .find(|(_, client)| matches!(client.wants, Wants::Text));
        if let Some((at, _)) = at {
            let Client { which, id, .. } = self.clients.remove(at);
            self.within(which, |world| world.reset(id, Gone::Reset));
        }
    }

    /// A connection to Redis goes on by some bytes, or breaks.
    fn redis_moves(&mut self) {
        let which = self.any();
        let all = connections(&self.processes[which].world);
        let Some(id) = self.chance.choice(&all).copied() else {
            return;
        };
        let connecting = self.processes[which].world.sockets[&id].connecting;
        match (connecting, self.chance.u8(0..60)) {
            (true, 0..=9) => self.within(which, |world| world.reset(id, Gone::Refused)),
            (true, _) => self.within(which, |world| world.connect(id)),
            (false, 0) => self.within(which, |world| world.reset(id, Gone::Reset)),
            (false, 1) => self.within(which, |world| world.end(id)),
            (false, _) => self.redis_speaks(which, id),
        }
    }

    fn redis_speaks(&mut self, which: usize, id: ConnId) {
        let Process { world, lines } = &mut self.processes[which];
        let socket = world.sockets.get_mut(&id).unwrap();
        let (got, at) = (std::mem::take(&mut socket.got), socket.to.unwrap());
        let line = lines.entry(id).or_default();
        line.tail.extend(got);
        let now_ms = world.now.mono.0 / 1_000_000;
        while let Some(words) = take_command(&mut line.tail) {
            line.unsaid.extend(self.shelf.answer(at, &words, now_ms));
        }
        let most = [1, 9, 100, 100_000, 100_000][self.chance.usize(0..5)];
        let n = line.unsaid.len().min(most);
        let says: Vec<u8> = line.unsaid.drain(..n).collect();
        if n > 0 {
            self.within(which, |world| world.say(id, &says));
        }
    }

    /// It refuses, does not refuse any more, or forgets everything.
    fn redis_changes(&mut self) {
        let refusals = [
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "READONLY You can't write against a read only replica.",
        ];
        match self.chance.u8(0..6) {
            0 => {
                self.shelf.values.clear();
                self.shelf.counters.clear();
            }
            1 | 2 => self.shelf.refuses = self.chance.choice(refusals),
            _ => self.shelf.refuses = None,
        }
    }

    fn time_passes(&mut self, ms: u64) {
        for which in 0..self.processes.len() {
            self.within(which, |world| world.pass(ms));
        }
    }

    fn read_replies(&mut self) {
        for client in std::mem::take(&mut self.clients) {
            let world = &mut self.processes[client.which].world;
            if world.is_quiet(client.id) {
                self.clients.push(client);
                continue;
            }
            let reply = world.reply(client.id);
            self.judge(&client, &reply);
            self.answered += 1;
            self.within(client.which, |world| world.reset(client.id, Gone::Reset));
        }
    }

    fn judge(&mut self, client: &Client, reply: &Reply) {
        let now = self.processes[client.which].world.now.mono;
        match &client.wants {
            Wants::Text if reply.status == 200 => {
                let id = reply.json()["id"].as_str().unwrap().to_owned();
                if let Some(from) = self.gone.get(&id) {
                    assert!(client.since < *from, "{id} is deleted: {reply:?}");
                }
                if !self.known.contains(&id) {
                    self.known.push(id);
                }
            }
            // The limit is reached, or another process is at the key.
            Wants::Text => assert!(matches!(reply.status, 429 | 409), "{reply:?}"),
            Wants::Deletion(id, owed) if reply.status == 204 => {
                let is_told = self.owed(client.which) == *owed;
                let from = if is_told { now } else { now.plus_ms(LIFE_MS) };
                self.gone.insert(id.clone(), from);
            }
            Wants::Deletion(..) => assert_eq!(reply.status, 404, "{reply:?}"),
        }
    }

    /// Nobody asks any more: whoever waits is answered, and nothing is left.
    fn close(&mut self) {
        for _ in 0..200 {
            self.time_passes(100);
            self.read_replies();
        }
        assert!(self.clients.is_empty(), "somebody waits for ever");
        for which in 0..self.processes.len() {
            // An attempt to connect is none that is left.
            self.processes[which].world.slow_network = false;
            self.within(which, |world| world.feed(Input::Shutdown));
            self.within(which, |world| world.pass(61_000));
            self.processes[which].world.holds_nothing();
        }
    }

    fn total(&self, event: &str) -> f64 {
        let name = format!("redis_answers_total{{event=\"{event}\"}}");
        let all = self.processes.iter();
        all.map(|process| process.world.metric(&name)).sum()
    }
}

fn run(seed: u64) -> Play {
    let mut play = Play::new(seed);
    for _ in 0..STEPS {
        play.step();
    }
    play.close();
    play
}

#[test]
fn whatever_redis_does_everybody_is_answered_and_what_is_deleted_is_gone() {
    if let Some(seed) = super::number("SIM_SEED") {
        run(seed);
        return;
    }
    let seeds = super::number("SIM_SEEDS").unwrap_or(128);
    let (mut answered, mut seen) = (0, [0.0; 6]);
    let events = ["hit", "miss", "unanswered", "kept", "ended", "owed"];
    for seed in 0..seeds {
        let Ok(play) = std::panic::catch_unwind(|| run(seed)) else {
            panic!("seed {seed} fails: SIM_SEED={seed} cargo test --test simulation nearby");
        };
        answered += play.answered;
        for (sum, event) in seen.iter_mut().zip(events) {
            *sum += play.total(event);
        }
    }
    super::story::write(&format!(
        "{seeds} runs: {answered} replies, {events:?} {seen:?}"
    ));
    assert!(answered > 20 * seeds, "{answered} replies");
    assert!(seen.iter().all(|sum| *sum > seeds as f64 / 2.0), "{seen:?}");
}
