//! A cluster of Redis servers: each key is asked of who has it, wherever that is said, within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::World;
use super::world::post;
use super::world::redis::{Keeper, Porter, REDIS, Shelf, connections};
use crate::engine::ConnId;
use crate::engine::io::Gone;
use crate::limits::{DB_RETRY_MAX_MS, REDIS_NODES, REDIS_REDIRECTS};
use crate::proto::redis::slot::slot;

/// Three servers, the first of which is the configured one.
const SERVERS: [[u8; 4]; 3] = [[10, 0, 0, 6], [10, 0, 0, 7], [10, 0, 0, 8]];

fn server(which: usize) -> SocketAddr {
    (SERVERS[which], 6379).into()
}

/// What the servers of a cluster know, have and say.
#[derive(Default)]
struct Cluster {
    shelves: BTreeMap<SocketAddr, Shelf>,
    /// Who has a slot, where it is not who has a third of them.
    moved: BTreeMap<u16, SocketAddr>,
    /// Where the keys of a slot are going; those that were there are there already.
    moving: BTreeMap<u16, SocketAddr>,
    /// Those of which the next command comes after `ASKING`.
    asking: BTreeSet<SocketAddr>,
    /// Nobody says which server has what.
    no_map: bool,
    /// What is said to all commands about keys instead of an answer.
    says: Option<fn(u16, usize) -> String>,
    /// Commands about keys so far, by server.
    asked: Vec<SocketAddr>,
}

impl Cluster {
    fn owner(&self, slot: u16) -> SocketAddr {
        let third = usize::from(slot) * SERVERS.len() / 16_384;
        self.moved.get(&slot).copied().unwrap_or(server(third))
    }

    fn map(&self) -> String {
        let mut says = "*3\r\n".to_owned();
        for which in 0..3 {
            let bounds = [which, which + 1].map(|third: usize| (third * 16_384).div_ceil(3));
            let host = server(which).ip().to_string();
            says += &format!(
                "*3\r\n:{}\r\n:{}\r\n*3\r\n${}\r\n{host}\r\n:6379\r\n$1\r\nx\r\n",
                bounds[0],
                bounds[1] - 1,
                host.len()
            );
        }
        says
    }

    fn keys(&self, at: SocketAddr) -> usize {
        self.shelves
            .get(&at)
            .map_or(0, |shelf| shelf.counters.len())
    }
}

impl Keeper for Cluster {
    fn holds(&self) -> bool {
        false
    }

    fn answer(&mut self, at: SocketAddr, words: &[String], now_ms: u64) -> Vec<u8> {
        let key = match &*words[0] {
            "HELLO" => {
                return self
                    .shelves
                    .entry(at)
                    .or_default()
                    .answer(at, words, now_ms);
            }
            "CLUSTER" if self.no_map => return b"-ERR unknown subcommand\r\n".to_vec(),
            "CLUSTER" => return self.map().into_bytes(),
            "ASKING" => {
                self.asking.insert(at);
                return b"+OK\r\n".to_vec();
            }
            "EVAL" => &words[3],
            _ => &words[1],
        };
        self.asked.push(at);
        let slot = slot(key.as_bytes());
        if let Some(says) = self.says {
            return format!("-{}\r\n", says(slot, self.asked.len())).into_bytes();
        }
        let owner = self.owner(slot);
        let asking = self.asking.remove(&at);
        let there = self.moving.get(&slot).copied();
        match there {
            Some(there) if at == owner => format!("-ASK {slot} {there}\r\n").into_bytes(),
            Some(there) if at == there && asking => self
                .shelves
                .entry(at)
                .or_default()
                .answer(at, words, now_ms),
            _ if at == owner => self
                .shelves
                .entry(at)
                .or_default()
                .answer(at, words, now_ms),
            _ => format!("-MOVED {slot} {owner}\r\n").into_bytes(),
        }
    }
}

/// One process.
struct Process {
    world: World,
    porter: Porter,
}

impl Process {
    fn new(cluster: &mut Cluster, more: &str) -> Process {
        let mut process = Process {
            world: World::new(&format!("{REDIS}{more}[rate]\nrequests = [\"5/min\"]\n")),
            porter: Porter::default(),
        };
        process.serve(cluster);
        process
    }

    fn serve(&mut self, cluster: &mut Cluster) {
        self.porter.serve(&mut self.world, cluster);
    }

    /// The status of a request from address 192.0.2.`host`.
    fn ask(&mut self, cluster: &mut Cluster, host: u8) -> u16 {
        let id = self.world.try_client_at([192, 0, 2, host]).unwrap();
        self.world.say(
            id,
            post("/analyze/", r#"{"content":"Tea is good."}"#).as_bytes(),
        );
        self.serve(cluster);
        let status = self.world.reply(id).status;
        self.world.end(id);
        status
    }

    fn event(&self, name: &str) -> f64 {
        let name = format!("redis_events_total{{event=\"{name}\"}}");
        self.world.metric(&name)
    }

    /// Where it is connected to.
    fn servers(&self) -> Vec<SocketAddr> {
        let to = |id: &ConnId| self.world.sockets[id].to.unwrap();
        let mut all: Vec<SocketAddr> = connections(&self.world).iter().map(to).collect();
        all.sort();
        all
    }
}

fn slot_of(host: u8) -> u16 {
    slot(format!("192.0.2.{host}").as_bytes())
}

const CLUSTER: &str = "cluster = true\n";

#[test]
fn each_key_is_asked_of_who_has_it() {
    let mut cluster = Cluster::default();
    let mut process = Process::new(&mut cluster, CLUSTER);
    assert_eq!(process.servers(), [0, 1, 2].map(server));
    for host in 1..=60 {
        assert_eq!(process.ask(&mut cluster, host), 200);
    }
    assert_eq!(process.event("elsewhere"), 0.0, "the map is right");
    assert!((0..3).all(|which| cluster.keys(server(which)) > 5));
    assert_eq!(process.world.metric("redis_nodes"), 3.0);
    assert_eq!(process.world.metric("rate_alone_total"), 0.0);
}

#[test]
fn where_a_slot_has_moved_is_learned_once() {
    let mut cluster = Cluster {
        no_map: true,
        ..Cluster::default()
    };
    let mut process = Process::new(&mut cluster, CLUSTER);
    let host = (1..=60).find(|host| cluster.owner(slot_of(*host)) == server(1));
    let host = host.unwrap();
    assert_eq!(
        process.ask(&mut cluster, host),
        200,
        "alone, and it is connected now"
    );
    assert_eq!(process.servers(), [0, 1].map(server));
    process.world.pass(60_000);
    cluster.asked.clear();
    assert_eq!(process.ask(&mut cluster, host), 200);
    assert_eq!(cluster.asked, [server(1)]);
    // It moves on to one that is known, and nobody goes without.
    cluster.moved.insert(slot_of(host), server(0));
    process.world.pass(60_000);
    cluster.asked.clear();
    assert_eq!(process.ask(&mut cluster, host), 200);
    assert_eq!(cluster.asked, [server(1), server(0)]);
    assert_eq!(process.event("followed"), 1.0);
}

#[test]
fn what_is_moving_is_asked_there_after_asking_and_only_this_once() {
    let mut cluster = Cluster::default();
    let mut process = Process::new(&mut cluster, CLUSTER);
    let host = (1..=60).find(|host| cluster.owner(slot_of(*host)) == server(1));
    let host = host.unwrap();
    cluster.moving.insert(slot_of(host), server(2));
    for _ in 0..2 {
        cluster.asked.clear();
        process.world.pass(60_000);
        assert_eq!(process.ask(&mut cluster, host), 200);
        assert_eq!(
            cluster.asked,
            [server(1), server(2)],
            "the slot is not there yet"
        );
    }
    let there = &cluster.shelves[&server(2)];
    assert_eq!(there.counters.len(), 1);
    assert_eq!(process.world.metric("rate_alone_total"), 0.0);
}

#[test]
fn servers_that_point_at_each_other_are_asked_a_few_times_and_no_more() {
    let loops: [fn(u16, usize) -> String; 3] = [
        |slot, n| format!("MOVED {slot} 10.0.0.{}:6379", 6 + n % 3),
        |slot, n| format!("ASK {slot} 10.0.0.{}:6379", 6 + n % 3),
        |slot, _| format!("MOVED {slot} :6379"),
    ];
    for says in loops {
        let mut cluster = Cluster::default();
        let mut process = Process::new(&mut cluster, CLUSTER);
        cluster.says = Some(says);
        assert_eq!(process.ask(&mut cluster, 1), 200, "alone");
        assert_eq!(cluster.asked.len(), 1 + usize::from(REDIS_REDIRECTS));
        cluster.says = None;
        process.world.pass(60_000);
        assert_eq!(process.ask(&mut cluster, 1), 200);
        assert_eq!(process.event("lost"), 0.0);
    }
}

#[test]
fn a_thousand_addresses_are_not_connected_to() {
    let mut cluster = Cluster::default();
    let mut process = Process::new(&mut cluster, CLUSTER);
    cluster.says = Some(|slot, n| format!("MOVED {slot} 10.1.{}.{}:6379", n / 200, 1 + n % 200));
    for host in 1..=200 {
        assert_eq!(process.ask(&mut cluster, host), 200);
    }
    assert!(process.servers().len() <= REDIS_NODES);
    let nonsense: [fn(u16, usize) -> String; 4] = [
        |slot, _| format!("MOVED {} 10.9.9.9:6379", (slot + 1) % 16_384),
        |slot, _| format!("MOVED {slot} 10.9.9.9:0"),
        |slot, _| format!("MOVED {slot} 10.9.9.9:6379\0"),
        |_, _| "ASK".to_owned(),
    ];
    for says in nonsense {
        let mut process = Process::new(&mut Cluster::default(), CLUSTER);
        cluster.says = Some(says);
        for host in 1..=9 {
            assert_eq!(process.ask(&mut cluster, host), 200);
        }
        assert_eq!(process.servers(), [0, 1, 2].map(server));
    }
}

#[test]
fn nobody_is_followed_who_was_not_said_to_be_a_cluster() {
    let mut cluster = Cluster::default();
    let mut process = Process::new(&mut cluster, "");
    for host in 1..=30 {
        assert_eq!(process.ask(&mut cluster, host), 200);
    }
    assert_eq!(process.servers(), [server(0)]);
    assert!(process.event("elsewhere") > 5.0);
    assert_eq!(process.event("followed"), 0.0);
}

/// Its slots are another's by then, and the others know.
#[test]
fn a_server_that_is_lost_is_replaced_by_whoever_has_its_slots() {
    let mut cluster = Cluster::default();
    let mut process = Process::new(&mut cluster, CLUSTER);
    let host = (1..=60).find(|host| cluster.owner(slot_of(*host)) == server(2));
    let host = host.unwrap();
    let lost = connections(&process.world).into_iter();
    let lost: Vec<ConnId> = lost
        .filter(|id| process.world.sockets[id].to == Some(server(2)))
        .collect();
    process.world.reset(lost[0], Gone::Reset);
    cluster.moved.insert(slot_of(host), server(1));
    assert_eq!(process.ask(&mut cluster, host), 200);
    assert_eq!(cluster.keys(server(1)), 1);
    assert_eq!(process.world.metric("rate_alone_total"), 0.0);
    assert_eq!(process.world.metric("redis_up"), 1.0);
    // The first one may go as well.
    let first = connections(&process.world)[0];
    process.world.slow_network = true;
    process.world.reset(first, Gone::Reset);
    assert_eq!(process.ask(&mut cluster, host), 200);
    assert_eq!(process.world.metric("redis_nodes"), 1.0);
    process.world.slow_network = false;
    for _ in 0..DB_RETRY_MAX_MS / 10 {
        process.world.pass(10);
        process.serve(&mut cluster);
    }
    assert_eq!(
        process.servers(),
        [0, 1, 2].map(server),
        "it has said who else there is"
    );
}
