//! A run: one thing after the other happens, by chance. Who does what is in the files beside this
//! one: `clients`, `network`, `threads`.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use maitred::engine::io::{How, Input};
use maitred::engine::{ConnId, Mono, Sizes, WorkId};

use super::books::Books;
use super::guest::{Guest, Known};
use super::host::{self, Host};
use super::setting::Setting;
use super::story::Story;
use super::verdict;
use super::world::{End, World};

/// A run.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) setting: Setting,
    pub(crate) guests: BTreeMap<ConnId, Guest>,
    pub(crate) books: Books,
    pub(super) hosts: BTreeMap<ConnId, Host>,
    pub(super) known: Vec<Known>,
    cut: BTreeSet<ConnId>,
    pub(super) chance: Rng,
    /// How much goes wrong with the store and the threads: one in so many, or nothing.
    pub(super) trouble: Option<u8>,
    /// Work that its thread does not go on with for a while.
    pub(super) stalled: BTreeSet<WorkId>,
    pub(crate) stopped: bool,
    story: Story,
}

impl Play {
    pub(crate) fn new(seed: u64, story: Story) -> Play {
        let mut chance = Rng::with_seed(seed ^ 0x5eed);
        let setting = Setting::new(&mut chance);
        let sizes = Sizes {
            clients: setting.clients(),
            upstreams: [4, 12, 40][chance.usize(0..3)],
            generations: if setting.calm { 40 } else { 2 } + chance.usize(0..14),
            scorers: 1 + chance.usize(0..2),
        };
        let switches = format!(
            "coalesce = {}\nhalf_close = {}\n{}[limits]\nkeep_alive_ms = {}\nreplay_bytes = {}\n\
             resume_grace_ms = {}\nshutdown_ms = 5000\nheartbeat_ms = {}\n",
            setting.crowd || chance.u8(0..4) > 0,
            setting.half_close,
            host::config(1 + chance.usize(0..4), setting) + setting.rates() + setting.cache(),
            [500, 60_000][chance.usize(0..2)],
            [0, 300, 1_000_000][chance.usize(0..3)],
            [0, 3_000][chance.usize(0..2)],
            // A heartbeat wakes readers up that were forgotten.
            if setting.calm { 3_600_000 } else { 15_000 },
        );
        let mut world = World::with(&switches, sizes, seed);
        world.slow_network = true;
        world.history = Some(Vec::new());
        story.tell(&world, &format!("{setting:?}, {sizes:?}"));
        Play {
            world,
            setting,
            guests: BTreeMap::new(),
            books: Books::default(),
            hosts: BTreeMap::new(),
            known: Vec::new(),
            cut: BTreeSet::new(),
            trouble: if setting.calm {
                None
            } else {
                [None, Some(4), Some(12)][chance.usize(0..3)]
            },
            chance,
            stalled: BTreeSet::new(),
            stopped: false,
            story,
        }
    }

    pub(super) fn tell(&self, what: &str) {
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
        self.books.note_analyses(&self.world);
        verdict::patience(self);
        verdict::welcome(self);
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        self.chance.choice(from).copied()
    }

    fn time_passes(&mut self) {
        let next = self.world.engine.next_deadline();
        let now = self.world.now.mono;
        let soon = now.plus_ms(self.chance.u64(0..40));
        let to = match self.chance.u8(0..10) {
            _ if self.setting.calm && self.is_busy() => return,
            1 | 2 if self.setting.calm && next < now.plus_ms(500) => next.max(now),
            _ if self.setting.calm => soon,
            0 => now.plus_ms(self.chance.u64(0..4_000)),
            1 | 2 if next != Mono::NEVER => next.max(now),
            _ => soon,
        };
        self.world.jump(to);
        self.tell("time passes");
        self.world.tick();
        self.note_cuts();
    }

    /// Whether somebody besides clients and providers has something to do.
    fn is_busy(&self) -> bool {
        let connecting = |id: &ConnId| {
            let socket = &self.world.sockets[id];
            socket.connecting || socket.securing
        };
        let (jobs, lookups) = (&self.world.jobs, &self.world.lookups);
        !jobs.is_empty() || !lookups.is_empty() || self.world.upstreams().iter().any(connecting)
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
        if !self.setting.calm && self.chance.u8(0..80) == 0 {
            self.stop();
        }
    }

    fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.tell("the server is to stop");
            self.world.feed(Input::Shutdown);
        }
    }

    /// Nobody comes or asks any more, and all but those who never do so do what they can: whoever
    /// still waits gets its replies.
    pub(crate) fn rest(&mut self) {
        self.tell("nobody asks any more");
        self.world.slow_network = false;
        for _ in 0..400 {
            self.half_a_second();
            if !self.guests.keys().any(|id| verdict::is_waiting(self, *id)) {
                break;
            }
        }
        verdict::at_rest(self);
        if !self.stopped && self.trouble.is_none() {
            // The house looks for texts without scores once a minute, from one to the next, and
            // leaves those alone that are still in memory.
            self.world.pass(310_000);
            verdict::scored(self);
        }
    }

    fn half_a_second(&mut self) {
        self.world.pass(500);
        for id in self.world.upstreams() {
            self.serve(id);
        }
        let all: Vec<ConnId> = self.guests.keys().copied().collect();
        for id in all {
            self.read(id);
        }
        self.books.note_analyses(&self.world);
        self.note_cuts();
    }

    /// The server is asked to stop.
    pub(crate) fn close(&mut self) {
        self.stop();
        for _ in 0..60 {
            self.half_a_second();
            if self.world.engine.is_finished() && self.world.jobs.is_empty() {
                break;
            }
        }
        assert!(
            self.world.engine.is_finished(),
            "it does not come to its end"
        );
        self.note_cuts();
        // Connections that providers have left open.
        for id in self.world.upstreams() {
            self.world.end(id);
        }
        self.world.pass(61_000);
    }
}
