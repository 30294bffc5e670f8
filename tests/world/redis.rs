//! The Redis of the world: it keeps counters as the scripts in `proto/redis/counters.rs` say, and plain
//! values, for one process or for several, and answers at once unless it is told to hold back.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use maitred::engine::ConnId;

use super::World;

/// Whoever listens on this port is Redis, and nobody else is.
pub(crate) const PORT: u16 = 6379;

/// A configuration with it.
pub(crate) const REDIS: &str = "[redis]\nurl = 'redis://:s3cret@10.0.0.6'\n";

/// Whoever answers: one server, or several at different addresses.
pub(crate) trait Keeper {
    /// The answer to a command that was sent to `at`.
    fn answer(&mut self, at: SocketAddr, words: &[String], now_ms: u64) -> Vec<u8>;

    /// Whether answers wait until they are let out.
    fn holds(&self) -> bool;
}

/// The server's data, which outlive its connections.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// What was used of each counter, and when its window ends.
    pub(crate) counters: BTreeMap<String, (i64, u64)>,
    /// Plain values, and when they die.
    pub(crate) values: BTreeMap<String, (String, u64)>,
    /// What is said instead of letting somebody in, or of an answer.
    pub(crate) refuses: Option<&'static str>,
    /// Answers wait until they are let out.
    pub(crate) holds: bool,
    /// Commands that were read, greetings not counted.
    pub(crate) commands: usize,
}

/// The connections of one process to it.
#[derive(Debug, Default)]
pub(crate) struct Porter {
    tails: BTreeMap<ConnId, Vec<u8>>,
    held: BTreeMap<ConnId, VecDeque<Vec<u8>>>,
}

impl Porter {
    /// Reads all that `world` has sent, and answers it unless it holds back. Everything that follows
    /// from it happens too.
    pub(crate) fn serve(&mut self, world: &mut World, keeper: &mut impl Keeper) {
        world.settle();
        while self.step(world, keeper) {
            world.settle();
        }
    }

    fn step(&mut self, world: &mut World, keeper: &mut impl Keeper) -> bool {
        let mut moved = false;
        for id in connections(world) {
            let socket = world.sockets.get_mut(&id).unwrap();
            let got = std::mem::take(&mut socket.got);
            let at = socket.to.unwrap();
            let tail = self.tails.entry(id).or_default();
            tail.extend(got);
            let held = self.held.entry(id).or_default();
            while let Some(words) = take_command(tail) {
                moved = true;
                held.push_back(keeper.answer(at, &words, world.now.mono.0 / 1_000_000));
            }
            if !keeper.holds() {
                for answer in std::mem::take(held) {
                    moved = true;
                    world.say(id, &answer);
                }
            }
        }
        moved
    }
}

impl Keeper for Shelf {
    fn holds(&self) -> bool {
        self.holds
    }

    fn answer(&mut self, _: SocketAddr, words: &[String], now_ms: u64) -> Vec<u8> {
        if let Some(error) = self.refuses {
            return format!("-{error}\r\n").into_bytes();
        }
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let number = |at: usize| word(at).parse::<i64>().unwrap();
        if word(0) == "HELLO" {
            assert_eq!(&words[1..5], ["3", "AUTH", "default", "s3cret"]);
            return b"%1\r\n+proto\r\n:3\r\n".to_vec();
        }
        self.commands += 1;
        if word(0) != "EVAL" {
            return self.answer_plain(words, now_ms);
        }
        assert_eq!(word(2), "1");
        let (used, ends) = self.counters.entry(word(3).to_owned()).or_default();
        if now_ms >= *ends {
            (*used, *ends) = (0, 0);
        }
        if words.len() == 6 {
            let same = *ends > 0 && number(5) == *ends as i64;
            *used -= if same { number(4) } else { 0 };
            return format!(":{}\r\n", i64::from(same)).into_bytes();
        }
        if words.len() == 5 {
            let there = *ends > 0;
            *used = if there { (*used + number(4)).max(0) } else { 0 };
            return format!(":{}\r\n", i64::from(there)).into_bytes();
        }
        let (wanted, limit, window_ms) = (number(4), number(5), number(6) as u64);
        let block = wanted.min(limit - *used).max(0);
        *used += block;
        if block > 0 && *ends == 0 {
            *ends = now_ms + window_ms;
        }
        let (rest, left) = (ends.saturating_sub(now_ms), (limit - *used).max(0));
        format!("*4\r\n:{block}\r\n:{rest}\r\n:{left}\r\n:{ends}\r\n").into_bytes()
    }
}

impl Shelf {
    fn answer_plain(&mut self, words: &[String], now_ms: u64) -> Vec<u8> {
        self.values.retain(|_, (_, dies)| now_ms < *dies);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["MGET", ref keys @ ..] => {
                let mut says = format!("*{}\r\n", keys.len());
                for key in keys {
                    says += &match self.values.get(*key) {
                        Some((value, _)) => format!("${}\r\n{value}\r\n", value.len()),
                        None => "_\r\n".to_owned(),
                    };
                }
                says.into_bytes()
            }
            ["SET", key, value, ref rest @ ..] => {
                let life: u64 = rest.last().unwrap().parse().unwrap();
                if rest[0] == "NX" && self.values.contains_key(key) {
                    return b"_\r\n".to_vec();
                }
                let kept = (value.to_owned(), now_ms + life);
                self.values.insert(key.to_owned(), kept);
                b"+OK\r\n".to_vec()
            }
            ["DEL", key] => {
                let was_there = self.values.remove(key).is_some();
                format!(":{}\r\n", u8::from(was_there)).into_bytes()
            }
            _ => panic!("{words:?}"),
        }
    }
}

/// Connections to Redis that are open, the oldest first.
pub(crate) fn connections(world: &World) -> Vec<ConnId> {
    let open = world.open_sockets().into_iter();
    let is_redis = |id: &ConnId| world.sockets[id].to.is_some_and(|to| to.port() == PORT);
    open.filter(is_redis).collect()
}

/// The first command of `bytes`: an array of bulks.
pub(crate) fn take_command(bytes: &mut Vec<u8>) -> Option<Vec<String>> {
    let mut at = 0;
    let count = take_number(bytes, &mut at, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = take_number(bytes, &mut at, b'$')?;
        let word = bytes.get(at..at + length)?;
        words.push(String::from_utf8(word.to_vec()).unwrap());
        at += length + 2;
    }
    if bytes.len() < at {
        return None;
    }
    bytes.drain(..at);
    Some(words)
}

fn take_number(bytes: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let line = bytes.get(*at..)?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(line[0], kind);
    *at += end + 2;
    Some(std::str::from_utf8(&line[1..end]).unwrap().parse().unwrap())
}
