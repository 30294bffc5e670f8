//! A run: one thing after the other happens, by chance.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use maitred::engine::io::{Gone, How, Input, ResolveFault, TlsFault};
use maitred::engine::work::{Work, WorkResult};
use maitred::engine::{ConnId, Mono, Sizes};
use maitred::store::{RequestRow, StoreError, Write};
use uuid::Uuid;

use super::guest::{Ask, Guest, Known, What};
use super::host::{self, Host, Then};
use super::story::Story;
use super::verdict;
use super::world::{End, Reply, World, take_reply};

/// Clients at a time.
const CLIENTS: usize = 12;
/// Texts that guests remember.
const KNOWN: usize = 8;

/// A run.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) guests: BTreeMap<ConnId, Guest>,
    /// Rows that the store was made to lose.
    pub(crate) lost: BTreeMap<Uuid, RequestRow>,
    /// Requests that were told a failure after they had been accepted.
    pub(crate) owed: BTreeSet<Uuid>,
    hosts: BTreeMap<ConnId, Host>,
    known: Vec<Known>,
    cut: BTreeSet<ConnId>,
    chance: Rng,
    /// How much goes wrong with the store and the threads: one in so many, or nothing.
    trouble: Option<u8>,
    stopped: bool,
    story: Story,
}

impl Play {
    pub(crate) fn new(seed: u64, story: Story) -> Play {
        let mut chance = Rng::with_seed(seed ^ 0x5eed);
        let sizes = Sizes {
            clients: CLIENTS,
            upstreams: [4, 12, 40][chance.usize(0..3)],
            generations: 2 + chance.usize(0..14),
            scorers: 1 + chance.usize(0..2),
        };
        let switches = format!(
            "coalesce = {}\nhalf_close = {}\n{}[limits]\nkeep_alive_ms = {}\nreplay_bytes = {}\n\
             resume_grace_ms = {}\nshutdown_ms = 5000\n",
            chance.u8(0..4) > 0,
            chance.bool(),
            host::config(1 + chance.usize(0..4)),
            [500, 60_000][chance.usize(0..2)],
            [0, 300, 1_000_000][chance.usize(0..3)],
            [0, 3_000][chance.usize(0..2)],
        );
        let mut world = World::with(&switches, sizes, seed);
        world.slow_network = true;
        world.history = Some(Vec::new());
        Play {
            world,
            guests: BTreeMap::new(),
            lost: BTreeMap::new(),
            owed: BTreeSet::new(),
            hosts: BTreeMap::new(),
            known: Vec::new(),
            cut: BTreeSet::new(),
            trouble: [None, Some(4), Some(12)][chance.usize(0..3)],
            chance,
            stopped: false,
            story,
        }
    }

    fn tell(&self, what: &str) {
        self.story.tell(&self.world, what);
    }

    /// Something happens.
    pub(crate) fn step(&mut self) {
        match self.chance.u8(0..40) {
            0..=2 => self.somebody_comes(),
            3..=12 => self.somebody_speaks(),
            13 => self.somebody_leaves(),
            14..=20 => self.somebody_takes(),
            21..=24 => self.the_network_moves(),
            25..=31 => self.a_provider_moves(),
            32..=35 => self.a_thread_ends(),
            36 => self.perhaps_stop(),
            _ => self.time_passes(),
        }
        // What waited while the engine did not read is read as soon as it does.
        for id in self.world.open_sockets() {
            self.world.catch_up(id);
        }
        verdict::patience(self);
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        self.chance.choice(from).copied()
    }

    // --- clients -----------------------------------------------------------------------------------

    fn somebody_comes(&mut self) {
        let Some(id) = self.world.try_client() else {
            return self.tell("somebody finds no place");
        };
        let mut guest = Guest::new(&mut self.chance, self.world.now.mono);
        if guest.wild || self.chance.u8(0..3) == 0 {
            guest.think(&mut self.chance, &self.known, 4); // all at once
        }
        self.tell(&format!("{id:?} comes: {}", guest.describe()));
        self.world.sockets.get_mut(&id).unwrap().stalled = guest.deaf;
        self.guests.insert(id, guest);
    }

    /// Guests that may still say something.
    fn present(&self) -> Vec<ConnId> {
        let open = self.world.open_sockets();
        open.into_iter()
            .filter(|id| self.guests.get(id).is_some_and(|guest| !guest.ended))
            .collect()
    }

    fn somebody_speaks(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        let guest = self.guests.get_mut(&id).unwrap();
        if guest.unsaid.is_empty() && guest.asks.is_empty() {
            guest.think(&mut self.chance, &self.known, 1);
        }
        let n = guest.unsaid.len().min(guest.pace);
        if n > 0 {
            let piece: Vec<u8> = guest.unsaid.drain(..n).collect();
            guest.said += n;
            guest.since = self.world.now.mono;
            let shown = String::from_utf8_lossy(&piece[..n.min(60)]).into_owned();
            self.tell(&format!("{id:?} says {n} bytes: {shown:?}"));
            self.world.say(id, &piece);
        } else if guest.short || guest.dismissed || (guest.asks.is_empty() && guest.more == 0) {
            guest.ended = true;
            self.tell(&format!("{id:?} has said all and sends its FIN"));
            self.world.end(id);
        }
    }

    fn somebody_leaves(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        self.guests.get_mut(&id).unwrap().ended = true;
        if self.chance.bool() {
            self.tell(&format!("{id:?} is reset"));
            self.world.reset(id, Gone::Reset);
        } else {
            self.tell(&format!("{id:?} sends its FIN"));
            self.world.end(id);
        }
    }

    fn somebody_takes(&mut self) {
        let dirty: Vec<ConnId> = self
            .world
            .open_sockets()
            .into_iter()
            .filter(|id| self.world.sockets[id].dirty && !self.world.sockets[id].stalled)
            .collect();
        if let Some(id) = self.pick(&dirty) {
            let n = [1, 7, 100, 5_000, usize::MAX, usize::MAX][self.chance.usize(0..6)];
            self.tell(&format!("{id:?} takes at most {n} bytes"));
            self.world.take(id, n);
            self.read(id);
        }
    }

    /// A guest reads the replies that are whole.
    fn read(&mut self, id: ConnId) {
        while let Some(guest) = self.guests.get_mut(&id) {
            let socket = self.world.sockets.get_mut(&id).unwrap();
            // The end of a connection is the end of a body only if it is a FIN.
            let ended = socket.fin || socket.closed == Some(End::Engine(How::Plain));
            // Half a HEAD is not known for one: its refusal has a body.
            let head = guest.waits() && guest.asks[0].head;
            let reply = match take_reply(&mut socket.got, head, ended && !guest.ended) {
                Ok(Some(reply)) => reply,
                Ok(None) => return,
                Err(stray) => panic!("{id:?} reads {stray:?}"),
            };
            if head && reply.status == 408 {
                socket.got.clear(); // given up on before it was known for a HEAD: with a body
            }
            let now = self.world.now.mono;
            let ask = self.note_reply(id, &reply, now);
            let whole = ask.as_ref().is_none_or(|(_, whole)| *whole);
            self.tell(&format!("{id:?} reads {} for {ask:?}", reply.status));
            let ask = ask.map(|(ask, _)| ask);
            verdict::judge(self, ask.as_ref(), whole, &reply);
            self.remember(ask.as_ref(), &reply);
        }
    }

    /// The request that a reply belongs to, and whether it had been said in full.
    fn note_reply(&mut self, id: ConnId, reply: &Reply, now: Mono) -> Option<(Ask, bool)> {
        let guest = self.guests.get_mut(&id).unwrap();
        assert!(!guest.dismissed, "{id:?} gets a reply after the last one");
        guest.dismissed = reply.closes();
        guest.since = now;
        guest.replies += 1;
        let (wild, said) = (guest.wild, guest.said);
        let ask = guest.asks.pop_front();
        assert!(ask.is_some() || wild, "{id:?} did not ask");
        ask.map(|ask| {
            let whole = wild || ask.end <= said;
            (ask, whole)
        })
    }

    /// What a guest learns from a reply: ids of texts and offsets in them, and what is owed to it.
    fn remember(&mut self, ask: Option<&Ask>, reply: &Reply) {
        if let Some(ask) = ask
            && reply.status >= 400
        {
            return self.note_failure(ask, reply);
        }
        let is_stream = reply.field("content-type") == Some("text/event-stream; charset=utf-8");
        if !is_stream || reply.body.is_empty() {
            return;
        }
        let events = reply.events();
        let Some(id) = events.iter().find_map(|event| event.data["id"].as_str()) else {
            return;
        };
        let offsets = events.iter().filter_map(|event| event.id).collect();
        self.know(id.to_owned(), offsets);
    }

    /// A failure that is told after a request was accepted: its row is owed.
    fn note_failure(&mut self, ask: &Ask, reply: &Reply) {
        let accepted: fn(&str) -> bool = match ask.what {
            What::Text { .. } => |code| code.starts_with("upstream_"),
            What::Scores { long: false } => |code| code == "scorer_timeout",
            _ => return,
        };
        if accepted(&reply.problem().1) {
            let id = reply.json()["request_id"].as_str().unwrap().parse();
            self.owed.insert(id.unwrap());
        }
    }

    /// Somebody hears of a text: from here on others ask for it, too.
    fn know(&mut self, id: String, offsets: Vec<u64>) {
        if self.known.len() == KNOWN {
            self.known.remove(0);
        }
        self.known.push(Known { id, offsets });
    }

    /// Guests look at streams that have not ended: what is under way can be resumed and stopped.
    fn peek(&mut self) {
        let present = self.present();
        let Some(id) = self.pick(&present) else {
            return;
        };
        let guest = &self.guests[&id];
        let streams =
            matches!(guest.asks.front(), Some(ask) if matches!(ask.what, What::Text { .. }));
        let got = &self.world.sockets[&id].got;
        let chunked = String::from_utf8_lossy(got).contains("transfer-encoding: chunked");
        if !streams || !chunked {
            return;
        }
        let events = self.world.events(id);
        if let Some(text) = events.first().and_then(|event| event.data["id"].as_str()) {
            let offsets = events.iter().filter_map(|event| event.id).collect();
            self.know(text.to_owned(), offsets);
        }
    }

    // --- the network and the providers ---------------------------------------------------------------

    fn the_network_moves(&mut self) {
        if !self.world.lookups.is_empty() && self.chance.bool() {
            let result = match self.chance.u8(0..6) {
                0 => Err(ResolveFault::NoSuchName),
                1 => Err(ResolveFault::Failed),
                2 => Ok(vec![[10, 0, 0, 7], [10, 0, 0, 8]]),
                _ => Ok(vec![[10, 0, 0, 7]]),
            };
            self.tell(&format!("a name is looked up: {result:?}"));
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
        let fails = self.chance.u8(0..6) == 0;
        let connecting = self.world.sockets[&id].connecting;
        self.tell(&format!("{id:?} connects; fails: {fails}"));
        match (connecting, fails) {
            (true, false) => self.world.connect(id),
            (true, true) => self.world.reset(id, Gone::Refused),
            (false, false) => self.world.secure(id),
            (false, true) => self.world.reset(id, Gone::Tls(TlsFault::Expired)),
        }
    }

    /// A provider takes a request up, goes on with an answer, or gives a connection up.
    fn a_provider_moves(&mut self) {
        self.peek();
        let ids: Vec<ConnId> = self
            .world
            .upstreams()
            .into_iter()
            .filter(|id| !self.world.sockets[id].connecting && !self.world.sockets[id].securing)
            .collect();
        let Some(id) = self.pick(&ids) else {
            return;
        };
        let socket = self.world.sockets.get_mut(&id).unwrap();
        let to = socket.to.unwrap();
        let busy = self
            .hosts
            .get(&id)
            .is_some_and(|host| !host.script.is_empty() || host.then == Then::Silence);
        if !busy && let Some(request) = host::request(&mut socket.got) {
            let host = host::answer(&mut self.chance, to, &request);
            self.hosts.insert(id, host);
        }
        if self.chance.u8(0..60) == 0 {
            self.tell(&format!("{id:?} of a provider is given up"));
            return self.break_off(id, to.port());
        }
        self.go_on(id, to.port());
    }

    fn go_on(&mut self, id: ConnId, port: u16) {
        let Some(host) = self.hosts.get_mut(&id) else {
            return;
        };
        let n = host
            .script
            .len()
            .min([10, 60, 300, 10_000][self.chance.usize(0..4)]);
        let piece: Vec<u8> = host.script.drain(..n).collect();
        let (over, then) = (host.script.is_empty(), host.then);
        if n > 0 {
            self.tell(&format!("{id:?} of a provider says {n} bytes"));
            self.world.say(id, &piece);
        }
        if over && then == Then::End {
            self.tell(&format!("{id:?} of a provider ends"));
            self.hosts.remove(&id);
            self.world.end(id);
        } else if over && then == Then::Reset {
            self.break_off(id, port);
        }
    }

    /// A connection breaks; under TLS it may also end without a word.
    fn break_off(&mut self, id: ConnId, port: u16) {
        self.hosts.remove(&id);
        match (self.chance.u8(0..3), port) {
            (0, 443) => self.world.reset(id, Gone::Tls(TlsFault::Truncated)),
            (1, _) => self.world.end(id),
            _ => self.world.reset(id, Gone::Reset),
        }
    }

    // --- threads, time, the end ------------------------------------------------------------------------

    fn a_thread_ends(&mut self) {
        if self.world.jobs.is_empty() {
            return;
        }
        let at = self.chance.usize(0..self.world.jobs.len());
        let trouble = self
            .trouble
            .is_some_and(|one_in| self.chance.u8(0..one_in) == 0);
        if !trouble {
            self.tell(&format!(
                "a thread ends: {:?}",
                self.world.jobs[at].1.kind()
            ));
            return self.world.work(at);
        }
        let path = || "maitred.db".into();
        let error = match self.chance.u8(0..3) {
            0 => StoreError::Full { path: path() },
            1 => StoreError::Busy { path: path() },
            _ => StoreError::Corrupt { path: path() },
        };
        let panics = self.chance.bool();
        let result = match &self.world.jobs[at].1 {
            Work::Write(write) => {
                if let Write::Save { requests, .. } = write.as_ref() {
                    let rows = requests.iter().map(|row| (row.id, row.clone()));
                    self.lost.extend(rows);
                }
                WorkResult::Written(Err(error))
            }
            Work::Read(_) => WorkResult::Found(Err(error)),
            Work::Parse { .. } | Work::Score { .. } => WorkResult::Panicked,
        };
        let result = if panics { WorkResult::Panicked } else { result };
        self.tell(&format!("a thread fails: {result:?}"));
        self.world.fail_work(at, result);
    }

    fn time_passes(&mut self) {
        let next = self.world.engine.next_deadline();
        let now = self.world.now.mono;
        let to = match self.chance.u8(0..10) {
            0 => now.plus_ms(self.chance.u64(0..4_000)),
            1 | 2 if next != Mono::NEVER => next.max(now),
            _ => now.plus_ms(self.chance.u64(0..40)),
        };
        self.world.jump(to);
        self.tell("time passes");
        self.world.tick();
        self.note_cuts();
    }

    /// Connections that the engine has reset, because nobody read from them or time was up.
    fn note_cuts(&mut self) {
        let reset = Some(End::Engine(How::Reset));
        let sockets = self.world.sockets.iter();
        let cut = sockets.filter(|(_, socket)| socket.closed == reset);
        self.cut.extend(cut.map(|(id, _)| *id));
    }

    /// Whether the engine may have ended this connection inside a reply.
    pub(crate) fn was_cut(&self, id: ConnId) -> bool {
        self.cut.contains(&id)
    }

    fn perhaps_stop(&mut self) {
        if self.chance.u8(0..120) == 0 {
            self.stop();
        }
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.tell("the server is to stop");
            self.world.feed(Input::Shutdown);
        }
    }

    /// The server is asked to stop, and all but those who never do so do what they can.
    pub(crate) fn close(&mut self) {
        self.stop();
        self.world.slow_network = false;
        for _ in 0..60 {
            self.world.pass(500);
            for id in self.world.open_sockets() {
                self.read(id);
            }
            if self.world.engine.is_finished() && self.world.jobs.is_empty() {
                break;
            }
        }
        assert!(
            self.world.engine.is_finished(),
            "it does not come to its end"
        );
        self.note_cuts();
        let all: Vec<ConnId> = self.guests.keys().copied().collect();
        for id in all {
            self.read(id);
        }
        // Connections that providers have left open.
        for id in self.world.upstreams() {
            self.world.end(id);
        }
        self.world.pass(61_000);
    }
}
