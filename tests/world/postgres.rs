//! The PostgreSQL of the world: it understands what it is sent, and answers when it is told to.
//!
//! It keeps no rows. A question finds nothing, a change succeeds, unless a test has it say something
//! else. So a test is about what becomes of questions and changes, and not about SQL.

use std::collections::{BTreeMap, VecDeque};

use maitred::engine::ConnId;

use super::World;

/// Whoever listens on this port is the database, and nobody else is.
pub(crate) const PORT: u16 = 5432;

const SSL_REQUEST: [u8; 4] = [4, 210, 22, 47];

/// A configuration with it, and without a spill journal. Nobody asks for a password here, and nobody does
/// jobs, so there is no connection that listens for them.
pub(crate) const DATABASE: &str = "durable = 'strict'\n[jobs]\nparallel = 0\n[database]\nurl = 'postgres://maitre@10.0.0.5/tables'\n";

/// See the module.
#[derive(Default)]
pub(crate) struct Elephant {
    pub(crate) sessions: BTreeMap<ConnId, Session>,
    /// What is said instead of letting somebody in.
    pub(crate) refuses: Option<&'static str>,
    /// Requests wait until they are answered one by one.
    pub(crate) holds: bool,
    /// Each request that was ever sent, by the first words of its first statement.
    pub(crate) asked: Vec<String>,
}

/// One connection.
#[derive(Default)]
pub(crate) struct Session {
    entered: bool,
    /// Bytes that are no whole message yet.
    tail: Vec<u8>,
    /// The answer to the request that is coming in, and its first statement.
    answer: Vec<u8>,
    first: Option<String>,
    /// Answers that wait.
    held: VecDeque<Vec<u8>>,
}

impl Elephant {
    /// Reads all that was sent, and answers it unless it holds back. Everything that follows from it
    /// happens too.
    pub(crate) fn serve(&mut self, world: &mut World) {
        world.settle();
        while self.step(world) {
            world.settle();
        }
    }

    /// The same once on each connection, and nothing that follows from it. `false`: there was nothing.
    pub(crate) fn step(&mut self, world: &mut World) -> bool {
        let mut moved = false;
        for id in connections(world) {
            let got = std::mem::take(&mut world.sockets.get_mut(&id).unwrap().got);
            if got.is_empty() {
                continue;
            }
            moved = true;
            let session = self.sessions.entry(id).or_default();
            session.tail.extend(got);
            let says = session.read(self.refuses, &mut self.asked);
            if let Some(says) = says {
                world.say(id, &says);
            }
            if !self.holds {
                for answer in std::mem::take(&mut self.sessions.get_mut(&id).unwrap().held) {
                    world.say(id, &answer);
                }
            }
        }
        moved
    }

    /// Requests on a connection that wait for their answer.
    pub(crate) fn held(&self, id: ConnId) -> usize {
        self.sessions
            .get(&id)
            .map_or(0, |session| session.held.len())
    }

    /// Connections that have been let in, and on which something waits, the fullest first.
    pub(crate) fn busy(&self) -> Vec<ConnId> {
        let mut all: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, s)| !s.held.is_empty())
            .collect();
        all.sort_by_key(|(_, session)| std::cmp::Reverse(session.held.len()));
        all.into_iter().map(|(id, _)| *id).collect()
    }

    /// The oldest request of a connection is answered as it should be.
    pub(crate) fn answer(&mut self, world: &mut World, id: ConnId) {
        let answer = self.sessions.get_mut(&id).and_then(|s| s.held.pop_front());
        world.say(id, &answer.expect("a request waits"));
    }

    /// The oldest request of a connection is refused with this code.
    pub(crate) fn refuse(&mut self, world: &mut World, id: ConnId, code: &str) {
        let waits = self.sessions.get_mut(&id).and_then(|s| s.held.pop_front());
        assert!(waits.is_some(), "a request waits");
        let says = [error("ERROR", code), message(b'Z', b"I")].concat();
        world.say(id, &says);
    }

    /// The server ends a connection with this code.
    pub(crate) fn dismiss(&mut self, world: &mut World, id: ConnId, code: &str) {
        self.forget(id);
        world.say(id, &error("FATAL", code));
        world.end(id);
    }

    /// Nothing that waits on a connection will ever be answered.
    pub(crate) fn forget(&mut self, id: ConnId) {
        self.sessions.remove(&id);
    }
}

impl Session {
    /// Takes whole messages in. Returns what is to be said at once.
    fn read(&mut self, refuses: Option<&str>, asked: &mut Vec<String>) -> Option<Vec<u8>> {
        if !self.entered {
            let length = u32::from_be_bytes(*self.tail.first_chunk()?) as usize;
            if self.tail.len() < length {
                return None;
            }
            let first: Vec<u8> = self.tail.drain(..length).collect();
            if first[4..8] == SSL_REQUEST {
                return Some(b"N".to_vec());
            }
            if let Some(code) = refuses {
                return Some(error("FATAL", code));
            }
            self.entered = true;
            return Some(welcome());
        }
        while let Some((tag, body)) = take_message(&mut self.tail) {
            self.hear(tag, &body, asked);
        }
        None
    }

    fn hear(&mut self, tag: u8, body: &[u8], asked: &mut Vec<String>) {
        let reply = match tag {
            b'P' => {
                let sql = body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
                self.first.get_or_insert_with(|| words(sql));
                message(b'1', b"")
            }
            b'B' => message(b'2', b""),
            b'D' => message(b'n', b""),
            b'E' => message(b'C', b"INSERT 0 0\0"),
            b'C' => message(b'3', b""),
            b'Q' => {
                self.first.get_or_insert_with(|| words(body));
                message(b'C', b"SELECT 0\0")
            }
            b'S' | b'X' => Vec::new(),
            other => panic!("a message '{}'", char::from(other)),
        };
        self.answer.extend(reply);
        if tag == b'S' || tag == b'Q' {
            self.answer.extend(message(b'Z', b"I"));
            self.held.push_back(std::mem::take(&mut self.answer));
            asked.push(self.first.take().unwrap_or_else(|| "(known)".into()));
        }
    }
}

/// Connections to the database that are open, the oldest first.
pub(crate) fn connections(world: &World) -> Vec<ConnId> {
    let is_database = |id: &ConnId| {
        let to = world.sockets[id].to;
        to.is_some_and(|to| to.port() == PORT)
    };
    world
        .open_sockets()
        .into_iter()
        .filter(is_database)
        .collect()
}

fn take_message(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let head: [u8; 5] = *bytes.first_chunk()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if bytes.len() <= length {
        return None;
    }
    let whole: Vec<u8> = bytes.drain(..=length).collect();
    Some((head[0], whole[5..].to_vec()))
}

fn words(sql: &[u8]) -> String {
    let text = String::from_utf8_lossy(sql);
    text.trim_end_matches('\0').chars().take(40).collect()
}

/// A message of this type.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

/// Somebody is let in without a question.
fn welcome() -> Vec<u8> {
    [
        message(b'R', &0_u32.to_be_bytes()),
        message(b'S', b"server_version\x0017.1\0"),
        message(b'S', b"client_encoding\0UTF8\0"),
        message(b'K', &[0, 0, 0, 7, 1, 2, 3, 4]),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// An error with a severity and a code.
pub(crate) fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mit went wrong\0\0");
    message(b'E', fields.as_bytes())
}
