//! Who plays: clients with something to say, a provider with a mood, and chance.

use std::collections::BTreeMap;

use fastrand::Rng;
use maitred::engine::io::{Gone, Input, ResolveFault, TlsFault};
use maitred::engine::work::{Work, WorkResult};
use maitred::engine::{ConnId, Sizes};
use maitred::store::StoreError;

use super::world::{World, openai, post};

/// Clients at a time.
const CLIENTS: usize = 12;

/// One client.
pub(crate) struct Guest {
    /// What it has still to say.
    left: Vec<u8>,
    /// Whether each of its requests is a HEAD, in order; `None` past what is no request.
    pub(crate) heads: Vec<bool>,
    /// It has said something that is no HTTP, so one more reply may come.
    pub(crate) rude: bool,
    /// It has gone by itself.
    pub(crate) gone: bool,
}

/// A run.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) guests: BTreeMap<ConnId, Guest>,
    /// Whether the store fails now and then, so that rows may be missing.
    pub(crate) store_fails: bool,
    chance: Rng,
    /// What the provider has still to say on each connection.
    answers: BTreeMap<ConnId, Vec<u8>>,
    tell: bool,
}

const CONFIG: &str = "default_provider = \"llm\"\n\
    [provider.llm]\nbase_url = \"http://10.0.0.1:8000/v1\"\nmodel = \"m\"\nconnections = 4\n\
    [provider.named]\nbase_url = \"https://llm.test/v1\"\nmodel = \"m\"\nkey = \"sk-1\"\n";

impl Play {
    pub(crate) fn new(seed: u64, tell: bool) -> Play {
        let mut chance = Rng::with_seed(seed ^ 0x5eed);
        let sizes = Sizes {
            clients: CLIENTS,
            upstreams: 12,
            generations: 4 + chance.usize(0..12),
            scorers: 1 + chance.usize(0..2),
        };
        let half = if chance.bool() {
            "half_close = true\n"
        } else {
            ""
        };
        let mut world = World::with(&format!("{half}{CONFIG}"), sizes, seed);
        world.slow_network = true;
        world.history = Some(Vec::new());
        Play {
            world,
            guests: BTreeMap::new(),
            store_fails: chance.bool(),
            chance,
            answers: BTreeMap::new(),
            tell,
        }
    }

    /// Something happens.
    pub(crate) fn step(&mut self) {
        match self.chance.u8(0..20) {
            0 | 1 => self.somebody_comes(),
            2..=6 => self.somebody_speaks(),
            7 => self.somebody_leaves(),
            8..=10 => self.somebody_takes(),
            11 | 12 => self.the_network_moves(),
            13..=15 => self.the_provider_speaks(),
            16 | 17 => self.a_thread_ends(),
            _ => self.time_passes(),
        }
        // What waited while the engine did not read is read as soon as it does.
        for id in self.world.open_sockets() {
            self.world.catch_up(id);
        }
    }

    fn say(&self, what: &str) {
        if self.tell {
            println!("{:>12} {what}", self.world.now.mono.0 / 1_000);
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.chance.usize(0..from.len())])
    }

    fn somebody_comes(&mut self) {
        let Some(id) = self.world.try_client() else {
            return self.say("somebody finds no place");
        };
        let mut guest = Guest {
            left: Vec::new(),
            heads: Vec::new(),
            rude: false,
            gone: false,
        };
        for _ in 0..=self.chance.usize(0..3) {
            self.write_request(&mut guest);
        }
        self.say(&format!("{id:?} comes with {} requests", guest.heads.len()));
        self.guests.insert(id, guest);
    }

    /// One more request in what a guest has to say.
    fn write_request(&mut self, guest: &mut Guest) {
        let topic = self.chance.u8(0..4);
        let stream = self.chance.bool();
        let provider = ["offline", "llm", "llm", "named"][self.chance.usize(0..4)];
        let json =
            format!(r#"{{"topic":"topic {topic}","stream":{stream},"provider":"{provider}"}}"#);
        let some_text = self.world.store.texts.keys().next().copied();
        let id = some_text.unwrap_or_default();
        let method = ["local", "provider", "provider"][self.chance.usize(0..3)];
        let content = format!(r#"{{"content":"Tea {topic} is good.","method":"{method}"}}"#);
        let plain = |line: String| format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let (text, head) = match self.chance.u8(0..20) {
            16 | 17 => (post("/keywords/", &content), false),
            0..=6 => (post("/generate/", &json), false),
            7 => (
                post("/analyze/", r#"{"content":"I like this very much."}"#),
                false,
            ),
            8 => (plain("GET /contents".into()), false),
            9 => (plain(format!("DELETE /contents/{id}")), false),
            10 => (plain(format!("GET /generate/{id}/events")), false),
            11 => (plain(format!("DELETE /generate/{id}")), false),
            12 => (plain("HEAD /healthz".into()), true),
            13 => (post("/generate/", r#"{"topic":5}"#), false),
            14 => (plain("GET /metrics".into()), false),
            15 => (plain("GET /contents/export".into()), false),
            18 => (self.import(), false),
            _ => {
                guest.rude = true;
                guest.left.extend_from_slice(b"GET / HTTP/1.1\nHost: a\n\n");
                return;
            }
        };
        guest.left.extend_from_slice(text.as_bytes());
        guest.heads.push(head);
    }

    /// A few texts, some of them the same in each import, some wrong.
    fn import(&mut self) -> String {
        let mut lines = String::new();
        for _ in 0..self.chance.usize(0..4) {
            let n = self.chance.u8(0..8);
            let text = "Nice. ".repeat(self.chance.usize(1..20_000));
            lines += &match n {
                0 => "{\"topic\":\"no text\"}\n".to_owned(),
                _ => format!(
                    "{{\"id\":\"0190d6a5-6f27-7ad0-8a5e-00000000000{n}\",\"topic\":\"t{n}\",\
                     \"text\":\"{text}\"}}\n"
                ),
            };
        }
        let kind = "Content-Type: application/x-ndjson";
        post("/contents/import", &lines).replace("Content-Type: application/json", kind)
    }

    /// Guests that are still there.
    fn present(&self) -> Vec<ConnId> {
        let open = self.world.open_sockets();
        open.into_iter()
            .filter(|id| self.guests.get(id).is_some_and(|guest| !guest.gone))
            .collect()
    }

    fn somebody_speaks(&mut self) {
        let ids = self.present();
        let Some(id) = self.pick(&ids) else {
            return;
        };
        let whole = self.chance.bool();
        let guest = self.guests.get_mut(&id).unwrap();
        let n = if whole {
            guest.left.len()
        } else {
            self.chance.usize(0..=guest.left.len().min(90))
        };
        let piece: Vec<u8> = guest.left.drain(..n).collect();
        if !piece.is_empty() {
            self.say(&format!("{id:?} says {n} bytes"));
            self.world.say(id, &piece);
        }
    }

    fn somebody_leaves(&mut self) {
        let ids = self.present();
        let Some(id) = self.pick(&ids) else {
            return;
        };
        let kind = self.chance.u8(0..3);
        self.guests.get_mut(&id).unwrap().gone = true;
        if kind == 0 {
            self.say(&format!("{id:?} is reset"));
            self.world.reset(id, Gone::Reset);
        } else {
            self.say(&format!("{id:?} sends its FIN"));
            self.world.end(id);
        }
    }

    fn somebody_takes(&mut self) {
        let dirty: Vec<ConnId> = self
            .world
            .open_sockets()
            .into_iter()
            .filter(|id| self.world.sockets[id].dirty)
            .collect();
        if let Some(id) = self.pick(&dirty) {
            let n = [1, 7, 100, 5_000, usize::MAX][self.chance.usize(0..5)];
            self.say(&format!("{id:?} takes at most {n} bytes"));
            self.world.take(id, n);
        }
    }

    fn the_network_moves(&mut self) {
        if !self.world.lookups.is_empty() && self.chance.bool() {
            let result = match self.chance.u8(0..4) {
                0 => Err(ResolveFault::NoSuchName),
                1 => Ok(vec![[10, 0, 0, 7], [10, 0, 0, 8]]),
                _ => Ok(vec![[10, 0, 0, 7]]),
            };
            self.say("a name is looked up");
            return self.world.resolve(0, result);
        }
        let waiting: Vec<ConnId> = self
            .world
            .upstreams()
            .into_iter()
            .filter(|id| self.world.sockets[id].connecting || self.world.sockets[id].securing)
            .collect();
        let Some(id) = self.pick(&waiting) else {
            return;
        };
        let fails = self.chance.u8(0..5) == 0;
        let connecting = self.world.sockets[&id].connecting;
        self.say(&format!("{id:?} connects; fails: {fails}"));
        match (connecting, fails) {
            (true, false) => self.world.connect(id),
            (true, true) => self.world.reset(id, Gone::Refused),
            (false, false) => self.world.secure(id),
            (false, true) => self.world.reset(id, Gone::Tls(TlsFault::Expired)),
        }
    }

    /// The provider goes on with an answer, starts one, or does something that it should not.
    fn the_provider_speaks(&mut self) {
        let ids: Vec<ConnId> = self
            .world
            .upstreams()
            .into_iter()
            .filter(|id| !self.world.sockets[id].connecting && !self.world.sockets[id].securing)
            .collect();
        let Some(id) = self.pick(&ids) else {
            return;
        };
        match self.chance.u8(0..24) {
            0 => {
                self.say(&format!("{id:?} of the provider is reset"));
                return self.world.reset(id, Gone::Reset);
            }
            1 => {
                self.say(&format!("{id:?} of the provider ends"));
                return self.world.end(id);
            }
            2 => {
                return self
                    .world
                    .say(id, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n");
            }
            _ => {}
        }
        let asked = !self.world.sockets[&id].got.is_empty();
        if self.answers.get(&id).is_none_or(Vec::is_empty) && asked {
            let streamed = {
                let got = &mut self.world.sockets.get_mut(&id).unwrap().got;
                let text = String::from_utf8_lossy(got).into_owned();
                got.clear();
                text.contains("\"stream\":true")
            };
            let answer = self.compose(streamed);
            self.answers.insert(id, answer.into_bytes());
        }
        let Some(answer) = self.answers.get_mut(&id) else {
            return;
        };
        let n = self.chance.usize(0..=answer.len().min(200));
        let piece: Vec<u8> = answer.drain(..n).collect();
        if !piece.is_empty() {
            self.say(&format!("{id:?} of the provider says {n} bytes"));
            self.world.say(id, &piece);
        }
    }

    fn compose(&mut self, streamed: bool) -> String {
        let words = ["Tea", " is", " good.", " Very\\n", " \\u00e9"];
        match self.chance.u8(0..12) {
            0 => openai::answer(500, "", "{}"),
            1 => openai::answer(
                429,
                "Retry-After: 2\r\n",
                r#"{"error":{"code":"slow_down"}}"#,
            ),
            2 => {
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".into()
            }
            3 if streamed => [openai::STREAM, &openai::word("cut"), openai::END].concat(),
            4 if streamed => [openai::STREAM, &openai::event("not json")].concat(),
            _ if streamed => openai::stream(&words),
            _ => openai::whole("Tea is good."),
        }
    }

    fn a_thread_ends(&mut self) {
        if self.world.jobs.is_empty() {
            return;
        }
        let at = self.chance.usize(0..self.world.jobs.len());
        let writes = matches!(self.world.jobs[at].1, Work::Write(_));
        match self.chance.u8(0..12) {
            0 if !writes => {
                self.say("a thread panics");
                self.world.fail_work(at, WorkResult::Panicked);
            }
            1 if writes && self.store_fails => {
                let path = "maitred.db".into();
                let error = if self.chance.bool() {
                    StoreError::Full { path }
                } else {
                    StoreError::Busy { path }
                };
                self.say(&format!("the store says {}", error.code()));
                self.world.fail_work(at, WorkResult::Written(Err(error)));
            }
            _ => {
                self.say("a thread ends");
                self.world.work(at);
            }
        }
    }

    fn time_passes(&mut self) {
        let next = self.world.engine.next_deadline();
        let now = self.world.now.mono;
        let to = match self.chance.u8(0..8) {
            0 => now.plus_ms(self.chance.u64(0..4_000)),
            1 | 2 if next != maitred::engine::Mono::NEVER => next.max(now),
            _ => now.plus_ms(self.chance.u64(0..40)),
        };
        self.world.jump(to);
        self.world.tick();
    }

    /// The server is asked to stop, and everybody does what they can.
    pub(crate) fn close(&mut self) {
        self.say("the end begins");
        self.world.slow_network = false;
        self.world.feed(Input::Shutdown);
        for _ in 0..400 {
            if self.world.engine.is_finished() && self.world.jobs.is_empty() {
                break;
            }
            self.world.pass(500);
        }
        // Texts that are kept for resume, and connections that providers left open.
        for id in self.world.upstreams() {
            self.world.end(id);
        }
        self.world.pass(61_000);
    }
}
