//! Name servers that do as they like: the engine's own resolver among clients that come and leave.
//!
//! A run is made of a seed, as the others here are. Look-ups are what it is about, so everything else
//! is simple: clients ask for a text and sometimes leave, providers answer or refuse connections.

use fastrand::Rng;
use maitred::engine::ConnId;
use maitred::engine::io::{Gone, Input};

use super::world::dns_message::{A, Asked, a, aaaa, cname, soa};
use super::world::{SIZES, World, openai};

/// More names than may be looked up at a time.
const NAMES: usize = 20;
const STEPS: usize = 300;
const CLIENTS: usize = 24;

struct Play {
    world: World,
    chance: Rng,
    /// Clients that have neither left nor read their reply.
    clients: Vec<ConnId>,
    asked: usize,
    answered: usize,
}

impl Play {
    fn new(seed: u64) -> Play {
        let servers = ["10.0.0.53:53", "10.0.0.54:53", "[fd00::53]:53"];
        let servers = &servers[..1 + seed as usize % 3];
        let tables: String = (0..NAMES).map(table).collect();
        let config = format!("default_provider = \"offline\"\ndns = {servers:?}\n{tables}");
        let mut world = World::with(&config, SIZES, seed);
        world.slow_network = true;
        world.history = Some(Vec::new());
        Play {
            world,
            chance: Rng::with_seed(seed),
            clients: Vec::new(),
            asked: 0,
            answered: 0,
        }
    }

    fn step(&mut self) {
        match self.chance.u8(0..16) {
            0..=2 if self.clients.len() < CLIENTS => self.somebody_asks(),
            3 => self.somebody_leaves(),
            4..=10 => self.a_name_server_moves(),
            11..=13 => self.a_provider_moves(),
            _ => self.time_passes(),
        }
        self.read_replies();
    }

    fn somebody_asks(&mut self) {
        let name = self.chance.usize(0..NAMES);
        self.asked += 1;
        let topic = self.asked;
        let json = format!(r#"{{"topic":"tea {topic}","provider":"llm{name}"}}"#);
        let client = self.world.post("/generate/", &json);
        self.clients.push(client);
    }

    fn somebody_leaves(&mut self) {
        if !self.clients.is_empty() {
            let at = self.chance.usize(0..self.clients.len());
            let client = self.clients.swap_remove(at);
            self.world.reset(client, Gone::Reset);
        }
    }

    fn read_replies(&mut self) {
        for client in std::mem::take(&mut self.clients) {
            if self.world.is_quiet(client) {
                self.clients.push(client);
            } else {
                let reply = self.world.reply(client);
                assert!(reply.status == 200 || reply.status >= 500, "{reply:?}");
                self.answered += 1;
                self.world.reset(client, Gone::Reset);
            }
        }
    }

    fn a_name_server_moves(&mut self) {
        let all = self.world.questions();
        let Some(id) = self.chance.choice(&all).copied() else {
            return;
        };
        if self.world.sockets[&id].connecting {
            return match self.chance.bool() {
                true => self.world.connect(id),
                false => self.world.reset(id, Gone::Refused),
            };
        }
        match self.chance.u8(0..10) {
            0 => self.world.reset(id, Gone::Refused),
            1 => self.world.end(id),
            _ if self.world.sockets[&id].got.is_empty() => {}
            _ => self.a_name_server_speaks(id),
        }
    }

    fn a_name_server_speaks(&mut self, id: ConnId) {
        let asked = self.world.asked(id);
        let mut message = self.compose(&asked);
        if self.chance.u8(0..8) == 0 {
            let at = self.chance.usize(0..message.len());
            message[at] = self.chance.u8(..);
        }
        if self.chance.u8(0..8) == 0 {
            message.truncate(self.chance.usize(0..message.len()));
        }
        // Over TCP a message has its length in front, and comes in pieces.
        if self.world.sockets[&id].datagram {
            return self.world.say(id, &message);
        }
        let framed = [&(message.len() as u16).to_be_bytes(), &message[..]].concat();
        let size = self.chance.usize(1..40);
        for piece in framed.chunks(size) {
            self.world.say(id, piece);
        }
    }

    fn compose(&mut self, asked: &Asked) -> Vec<u8> {
        let name = asked.name.as_str();
        let ttl = self.chance.u32(0..60);
        let yes = |owner: &str| match asked.kind {
            A => a(owner, ttl, [10, 0, 0, 9]),
            _ => aaaa(owner, ttl, "fd00::9"),
        };
        match self.chance.u8(0..12) {
            0 => asked.answer(3, &[], &[soa("test", 60, 60)]),
            1 => asked.answer(2, &[], &[]),
            2 => asked.truncated(),
            3 => asked.answer(0, &[], &[]),
            4 => asked.answer(0, &[cname(name, 9, "b.test"), yes("b.test")], &[]),
            5 => asked.answer(
                0,
                &[cname(name, 9, "b.test"), cname("b.test", 9, name)],
                &[],
            ),
            6 | 7 => {
                let id = asked.id ^ 1;
                Asked {
                    id,
                    ..asked.clone()
                }
                .answer(0, &[yes(name)], &[])
            }
            _ => asked.answer(0, &[yes(name)], &[]),
        }
    }

    fn a_provider_moves(&mut self) {
        let all = self.world.upstreams();
        let Some(id) = self.chance.choice(&all).copied() else {
            return;
        };
        match (self.world.sockets[&id].connecting, self.chance.u8(0..4)) {
            (true, 0) => self.world.reset(id, Gone::Refused),
            (true, _) => self.world.connect(id),
            (false, 0) => self.world.end(id),
            (false, _) if self.world.sockets[&id].got.is_empty() => {}
            (false, _) => {
                self.world.sockets.get_mut(&id).unwrap().got.clear();
                self.world.send(id, openai::whole("Tea."));
            }
        }
    }

    fn time_passes(&mut self) {
        let now = self.world.now.mono;
        let next = self.world.engine.next_deadline();
        let to = match self.chance.u8(0..3) {
            0 if next < now.plus_ms(5_000) => next.max(now),
            1 => now.plus_ms(self.chance.u64(0..1_500)),
            _ => now.plus_ms(self.chance.u64(0..60)),
        };
        self.world.jump(to);
        self.world.tick();
        self.world.settle();
    }

    /// Nobody answers any more: whoever still waits is told so, and nothing is left.
    fn close(&mut self) {
        for _ in 0..200 {
            if self.clients.is_empty() {
                break;
            }
            self.world.pass(500);
            self.read_replies();
        }
        assert!(self.clients.is_empty(), "somebody waits for ever");
        self.world.feed(Input::Shutdown);
        for id in self.world.upstreams() {
            self.world.end(id);
        }
        self.world.pass(61_000);
        assert_eq!(self.world.questions(), []);
        self.world.holds_nothing();
    }
}

fn table(n: usize) -> String {
    format!("[provider.llm{n}]\nbase_url = \"http://llm{n}.test/v1\"\nmodel = \"m\"\n")
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
fn whatever_name_servers_say_every_look_up_ends_and_leaves_nothing() {
    if let Some(seed) = super::number("SIM_SEED") {
        run(seed);
        return;
    }
    let (mut answered, mut strays, mut failed) = (0, 0.0, 0.0);
    let seeds = super::number("SIM_SEEDS").unwrap_or(64);
    for seed in 0..seeds {
        let play = std::panic::catch_unwind(|| run(seed));
        let Ok(play) = play else {
            panic!("seed {seed} fails: SIM_SEED={seed} cargo test --test simulation resolver");
        };
        answered += play.answered as u64;
        strays += play.world.metric("dns_strays_total");
        failed += play.world.metric("name_lookups_failed_total");
    }
    assert!(answered > 5 * seeds && strays > seeds as f64 && failed > seeds as f64);
}

#[test]
fn the_same_seed_asks_the_same_questions() {
    let (one, other, another) = (run(5), run(5), run(6));
    assert_eq!(one.world.history, other.world.history);
    assert_eq!(one.world.engine.digest(), other.world.engine.digest());
    assert_ne!(one.world.engine.digest(), another.world.engine.digest());
}
