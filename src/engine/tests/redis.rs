//! Limits that several processes share by way of Redis, and what becomes of them without it.

use super::World;
use super::world::post;
use super::world::redis::{Porter, REDIS, Shelf, connections};
use crate::engine::ConnId;
use crate::engine::io::{Gone, Input};
use crate::limits::{DB_RETRY_MAX_MS, RATE_LEASE_MS, REDIS_DENIED_MS, REDIS_OP_MS};

/// One process, and its way to Redis.
struct Replica {
    world: World,
    porter: Porter,
}

impl Replica {
    fn new(rules: &str, shelf: &mut Shelf) -> Replica {
        let mut replica = Replica {
            world: World::new(&format!("{REDIS}[rate]\n{rules}\n")),
            porter: Porter::default(),
        };
        replica.serve(shelf);
        replica
    }

    fn serve(&mut self, shelf: &mut Shelf) {
        self.porter.serve(&mut self.world, shelf);
    }

    /// Asks for something that costs one request, from address 192.0.2.`host`.
    fn ask(&mut self, host: u8) -> ConnId {
        let id = self.world.try_client_at([192, 0, 2, host]).unwrap();
        let body = r#"{"content":"Tea is good. It is very good."}"#;
        self.world.send(id, post("/analyze/", body));
        id
    }

    fn status(&mut self, id: ConnId) -> u16 {
        self.world.reply(id).status
    }

    fn event(&self, name: &str) -> f64 {
        let name = format!("redis_events_total{{event=\"{name}\"}}");
        self.world.metric(&name)
    }

    /// `/status` says whether limits are counted together, and whether they ought to be.
    fn counted(&mut self) -> (String, bool) {
        let status = self.world.get("/status").json();
        let limits = &status["limits"];
        let by = limits["counted_by"].as_str().unwrap().to_owned();
        (by, limits["degraded"] == true)
    }

    fn pass(&mut self, ms: u64, shelf: &mut Shelf) {
        for _ in 0..ms.div_ceil(10) {
            self.world.pass(10);
            self.serve(shelf);
        }
    }
}

#[test]
fn two_processes_let_in_as_much_as_one_may() {
    let mut shelf = Shelf::default();
    let rules = "requests = [\"20/min\"]";
    let mut replicas = [(); 2].map(|()| Replica::new(rules, &mut shelf));
    let mut asked = Vec::new();
    for n in 0..50 {
        for (which, replica) in replicas.iter_mut().enumerate() {
            asked.push((which, replica.ask(1)));
            if n % 3 == 0 {
                replica.serve(&mut shelf);
            }
        }
    }
    let mut good = 0;
    for (which, id) in asked {
        replicas[which].serve(&mut shelf);
        match replicas[which].status(id) {
            200 => good += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((18..=20).contains(&good), "{good} of 20");
    let other = replicas[1].ask(2);
    replicas[1].serve(&mut shelf);
    assert_eq!(replicas[1].status(other), 200, "another address");
    assert_eq!(replicas[0].counted(), ("redis".to_owned(), false));
}

#[test]
fn who_is_over_the_limit_elsewhere_is_told_when_to_come_again() {
    let mut shelf = Shelf::default();
    let rules = "requests = [\"1/min\"]";
    let mut one = Replica::new(rules, &mut shelf);
    let mut other = Replica::new(rules, &mut shelf);
    let first = one.ask(1);
    one.serve(&mut shelf);
    let reply = one.world.reply(first);
    assert_eq!(
        reply.field("ratelimit"),
        Some("\"requests-per-min\";r=0;t=60")
    );
    other.world.pass(20_000);
    let second = other.ask(1);
    other.serve(&mut shelf);
    let refused = other.world.reply(second);
    assert_eq!(refused.problem(), (429, "requests_limited".to_owned()));
    assert_eq!(refused.field("retry-after"), Some("40"));
    // In the next window it is its turn.
    other.world.pass(40_000);
    let third = other.ask(1);
    other.serve(&mut shelf);
    assert_eq!(other.status(third), 200);
}

/// R2: what is not answered in time is decided without it, and the connection is not used again.
#[test]
fn a_server_that_hangs_costs_a_tenth_of_a_second_once() {
    let mut shelf = Shelf::default();
    let mut replica = Replica::new("requests = [\"3/min\"]", &mut shelf);
    shelf.holds = true;
    let waiting: Vec<ConnId> = (0..5).map(|_| replica.ask(1)).collect();
    replica.serve(&mut shelf);
    replica.pass(REDIS_OP_MS - 10, &mut shelf);
    assert!(waiting.iter().all(|id| replica.world.is_quiet(*id)));
    replica.pass(20, &mut shelf);
    let statuses: Vec<u16> = waiting.iter().map(|id| replica.status(*id)).collect();
    assert_eq!(
        statuses,
        [200, 200, 200, 429, 429],
        "alone, as much as one may"
    );
    assert_eq!(
        (replica.event("lost"), replica.event("unanswered")),
        (1.0, 1.0)
    );
    // Nobody waits for a server that is not there.
    let next = replica.ask(2);
    replica.world.settle();
    assert_eq!(replica.status(next), 200);
    assert_eq!(replica.counted(), ("process".to_owned(), true));
    // It goes on, and what it had kept back is nobody's answer any more.
    shelf.holds = false;
    replica.pass(DB_RETRY_MAX_MS, &mut shelf);
    assert_eq!(replica.counted(), ("redis".to_owned(), false));
    assert_eq!(connections(&replica.world).len(), 1);
    let last = replica.ask(3);
    replica.serve(&mut shelf);
    assert_eq!(replica.status(last), 200);
}

/// R1: it is not there at all.
#[test]
fn without_a_server_everybody_is_served_at_once_and_attempts_become_rare() {
    let mut world = World::new(&format!("{REDIS}[rate]\nrequests = [\"2/min\"]\n"));
    world.slow_network = true;
    world.settle();
    let mut attempts = 0;
    for _ in 0..6_000 {
        for id in connections(&world) {
            attempts += 1;
            world.reset(id, Gone::Refused);
        }
        world.pass(10);
    }
    assert!((30..=70).contains(&attempts), "{attempts} in a minute");
    let mut ask = || {
        let id = world.post("/analyze/", r#"{"content":"Tea is good."}"#);
        world.settle();
        world.reply(id).status
    };
    assert_eq!([ask(), ask(), ask()], [200, 200, 429]);
    assert_eq!(world.metric("redis_up"), 0.0);
}

/// R3: what the server says no to is a miss.
#[test]
fn a_server_that_refuses_is_done_without_and_its_words_reach_nobody() {
    for error in [
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MOVED 3999 127.0.0.1:6381",
        "ASK 3999 127.0.0.1:6381",
        "CLUSTERDOWN Hash slot not served",
        "READONLY You can't write against a read only replica.",
        "WRONGTYPE Operation against a key holding the wrong kind of value",
    ] {
        let mut shelf = Shelf::default();
        let mut replica = Replica::new("requests = [\"2/min\"]", &mut shelf);
        shelf.refuses = Some(error);
        let ids = [(); 3].map(|()| replica.ask(1));
        replica.serve(&mut shelf);
        let statuses = ids.map(|id| replica.status(id));
        assert_eq!(statuses, [200, 200, 429], "{error}");
        assert!(replica.event("rejected") >= 1.0, "{error}");
        assert_eq!(replica.counted(), ("process".to_owned(), true), "{error}");
        shelf.refuses = None;
        replica.pass(DB_RETRY_MAX_MS + RATE_LEASE_MS, &mut shelf);
        let before = shelf.commands;
        let last = replica.ask(9);
        replica.serve(&mut shelf);
        assert_eq!(
            (replica.status(last), shelf.commands > before),
            (200, true),
            "{error}"
        );
        assert_eq!(replica.counted(), ("redis".to_owned(), false), "{error}");
    }
}

/// R3: it is not stormed by somebody it does not know, and found again when that was mended.
#[test]
fn a_wrong_password_is_tried_once_a_minute() {
    for error in [
        "WRONGPASS invalid username-password pair",
        "NOAUTH Authentication required.",
    ] {
        let mut shelf = Shelf {
            refuses: Some(error),
            ..Shelf::default()
        };
        let mut replica = Replica::new("requests = [\"2/min\"]", &mut shelf);
        replica.pass(REDIS_DENIED_MS - 1_000, &mut shelf);
        let counts = |replica: &Replica| (replica.event("opened"), replica.event("refused"));
        assert_eq!(counts(&replica), (0.0, 1.0));
        replica.pass(2_000, &mut shelf);
        assert_eq!(counts(&replica), (0.0, 2.0));
        assert_eq!(connections(&replica.world), []);
        let id = replica.ask(1);
        replica.world.settle();
        assert_eq!(replica.status(id), 200);
        let told: Vec<String> = (replica.world.engine.redis_turns())
            .map(|turn| format!("{turn:?}"))
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        shelf.refuses = None;
        replica.pass(REDIS_DENIED_MS, &mut shelf);
        assert_eq!(replica.counted(), ("redis".to_owned(), false));
    }
}

/// R4: bytes that are no answer.
#[test]
fn a_server_that_breaks_the_protocol_is_left() {
    for bytes in [
        "$2147483647\r\n",
        "$-2\r\n",
        ":1\r\n",
        "?\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    ] {
        let mut shelf = Shelf::default();
        let mut replica = Replica::new("requests = [\"2/min\"]", &mut shelf);
        let id = connections(&replica.world)[0];
        replica.world.say(id, bytes.as_bytes());
        assert_eq!(connections(&replica.world), [], "{bytes:?}");
        replica.pass(DB_RETRY_MAX_MS, &mut shelf);
        assert_eq!(replica.counted().0, "redis", "{bytes:?}");
    }
}

#[test]
fn an_answer_in_pieces_is_an_answer() {
    let mut shelf = Shelf::default();
    let mut replica = Replica::new("requests = [\"9/min\"]", &mut shelf);
    shelf.holds = true;
    let id = replica.ask(1);
    replica.serve(&mut shelf);
    let link = connections(&replica.world)[0];
    for byte in b"*4\r\n:1\r\n:60000\r\n:8\r\n:60000\r\n" {
        assert!(replica.world.is_quiet(id));
        replica.world.feed(Input::Received(link, &[*byte]));
        replica.world.settle();
    }
    assert_eq!(replica.status(id), 200);
}

#[test]
fn a_client_that_leaves_while_it_waits_costs_nothing() {
    let mut shelf = Shelf::default();
    let mut replica = Replica::new("requests = [\"1/min\"]", &mut shelf);
    shelf.holds = true;
    let gone = replica.ask(1);
    let stays = replica.ask(1);
    replica.serve(&mut shelf);
    replica.world.reset(gone, Gone::Reset);
    shelf.holds = false;
    replica.serve(&mut shelf);
    assert_eq!(replica.status(stays), 200);
}

#[test]
fn tokens_beyond_the_estimate_are_told_to_the_others() {
    let mut shelf = Shelf::default();
    let rules = "tokens = [\"1000/min\"]\n[provider.llm]\nbase_url = \"http://10.0.0.1:8000/v1\"\n\
        model = \"m\"\nretries = 0";
    let mut replica = Replica::new(rules, &mut shelf);
    let id = replica
        .world
        .post("/generate/", r#"{"topic":"tea","max_tokens":100}"#);
    replica.serve(&mut shelf);
    let usage = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
        "message":{"role":"assistant","content":"Tea."},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":25,"completion_tokens":600,"total_tokens":625}}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{usage}",
        usage.len()
    );
    assert_eq!(replica.world.serve(answer), 1);
    replica.serve(&mut shelf);
    assert_eq!(replica.status(id), 200);
    let (used, _) = shelf.counters.values().next().unwrap();
    // What is left of blocks is not used, and all the others know of the rest.
    assert!((625..=700).contains(used), "{used}");
}

#[test]
fn each_text_of_a_batch_waits_for_its_share() {
    let mut shelf = Shelf::default();
    let mut replica = Replica::new("requests = [\"8/min\"]\n[offline]\ngap_ms = 0", &mut shelf);
    let topics: Vec<String> = (0..12).map(|n| format!("\"tea {n}\"")).collect();
    let body = format!("{{\"topics\":[{}]}}", topics.join(","));
    let id = replica.world.post("/batch", &body);
    replica.pass(2_000, &mut shelf);
    let reply = replica.world.reply(id);
    let lines: Vec<&str> = reply.body.lines().collect();
    let refused = lines
        .iter()
        .filter(|line| line.contains("requests_limited"));
    assert_eq!((lines.len(), refused.count()), (12, 4), "{}", reply.body);
}
