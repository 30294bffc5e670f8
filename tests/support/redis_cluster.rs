//! A cluster of three Redis servers of a test's own: each has a third of the slots, and slots can be
//! moved from one to another while others ask.

use maitred::proto::redis::{Refusal, Reply};

use super::provider::free_addr;
use super::redis::{Line, PASSWORD, Redis};
use super::until;

/// Servers, and a connection to each.
pub struct Cluster {
    /// The servers.
    pub servers: Vec<Redis>,
    lines: Vec<Line>,
    ids: Vec<String>,
}

impl Cluster {
    /// Starts three servers, makes them meet, and waits until all of them know of each other.
    pub fn start() -> Cluster {
        let servers: Vec<Redis> = (0..3).map(|_| start()).collect();
        let mut lines: Vec<Line> = servers.iter().map(Redis::connect).collect();
        let ids = lines
            .iter_mut()
            .map(|line| text(line, &["CLUSTER", "MYID"]));
        let ids = ids.collect();
        let buses: Vec<String> = lines.iter_mut().map(bus_port).collect();
        for (which, line) in lines.iter_mut().enumerate() {
            let bounds = [which, which + 1].map(|third| third * 16_384 / 3);
            let (first, last) = (bounds[0].to_string(), (bounds[1] - 1).to_string());
            line.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])
                .expect("the slots are free");
            let epoch = (which + 1).to_string();
            line.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch])
                .expect("it is alone");
        }
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            let port = server.addr.port().to_string();
            lines[0]
                .ask(&["CLUSTER", "MEET", "127.0.0.1", &port, bus])
                .expect("it may");
        }
        let mut cluster = Cluster {
            servers,
            lines,
            ids,
        };
        cluster.wait_until_all_agree();
        cluster
    }

    fn wait_until_all_agree(&mut self) {
        for line in &mut self.lines {
            until("the cluster is whole", || {
                let info = text(line, &["CLUSTER", "INFO"]);
                let agree = [
                    "cluster_state:ok",
                    "cluster_known_nodes:3",
                    "cluster_size:3",
                ];
                agree.iter().all(|word| info.contains(word)).then_some(())
            });
        }
    }

    /// Which server has a slot.
    pub fn owner(&mut self, slot: u16) -> usize {
        let key = key_in(slot);
        let mut owners = self.lines.iter_mut();
        let owner = owners.position(|line| line.ask(&["EXISTS", &key]).is_ok());
        owner.expect("somebody has it")
    }

    /// The slot of the keys that begin with `prefix`, wherever they are, and how many there are.
    pub fn keys(&mut self, prefix: &str) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        for (which, line) in self.lines.iter_mut().enumerate() {
            let Ok(Reply::List(keys)) = line.ask(&["KEYS", &format!("{prefix}*")]) else {
                panic!("it lists its keys");
            };
            for key in keys {
                let Reply::Bytes(key) = key else {
                    panic!("a key is bytes");
                };
                all.push((which, String::from_utf8(key).expect("ours is text")));
            }
        }
        all
    }

    /// Moves a slot with its keys, one step at a time, and does something in between.
    pub fn migrate(&mut self, slot: u16, to: usize, mut meanwhile: impl FnMut()) {
        let from = self.owner(slot);
        let (slot, key) = (slot.to_string(), key_in(slot));
        let ids = self.ids.clone();
        let set = |line: &mut Line, what: &str, id: &str| {
            line.ask(&["CLUSTER", "SETSLOT", &slot, what, id])
                .expect("it may");
        };
        set(&mut self.lines[to], "IMPORTING", &ids[from]);
        set(&mut self.lines[from], "MIGRATING", &ids[to]);
        let asked = self.lines[from].ask(&["GET", &key]);
        assert!(matches!(asked, Err(Refusal::Ask(_))), "{asked:?}");
        meanwhile();
        let port = self.servers[to].addr.port().to_string();
        let Ok(Reply::List(keys)) =
            self.lines[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "99"])
        else {
            panic!("it lists them");
        };
        for key in keys {
            let Reply::Bytes(key) = key else {
                panic!("a key is bytes");
            };
            let words: [&[u8]; 8] = [
                b"MIGRATE",
                b"127.0.0.1",
                port.as_bytes(),
                &key,
                b"0",
                b"2000",
                b"AUTH",
                PASSWORD.as_bytes(),
            ];
            self.lines[from].ask(&words).expect("it goes");
        }
        meanwhile();
        for which in [to, from, 3 - to - from] {
            set(&mut self.lines[which], "NODE", &ids[to]);
        }
        meanwhile();
    }
}

fn start() -> Redis {
    let bus = free_addr().port().to_string();
    Redis::start(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-node-timeout",
        "5000",
        "--cluster-require-full-coverage",
        "no",
    ])
}

fn bus_port(line: &mut Line) -> String {
    match line.ask(&["CONFIG", "GET", "cluster-port"]) {
        Ok(Reply::Map(pair)) => match &pair[..] {
            [_, Reply::Bytes(port)] => String::from_utf8_lossy(port).into_owned(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn text(line: &mut Line, words: &[&str]) -> String {
    match line.ask(words) {
        Ok(Reply::Bytes(text)) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("{other:?}"),
    }
}

/// A key that is in this slot and that nobody has.
fn key_in(wanted: u16) -> String {
    let slot = |key: &String| maitred::proto::redis::slot::slot(key.as_bytes()) == wanted;
    let mut keys = (0..).map(|n: u32| format!("nobody{n}"));
    keys.find(slot).expect("every slot has keys")
}
