//! The connection to Redis: what its session wants, and who waits for which answer.
//!
//! ```text
//!  Connecting ─► Securing ─► Greeting ─► Ready ─► gone
//!   a dial's      TLS         HELLO       commands of many owners, one behind the other
//! ```
//! Each command has its own deadline, counted from when it was sent. The first one that passes ends the
//! connection, and with it all that was on the way.

use std::collections::VecDeque;

use super::Trouble;
use super::redirect::Trip;
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role, Wait};
use crate::engine::io::Output;
use crate::engine::now::Mono;
use crate::engine::policy::rate::shared::BlockId;
use crate::engine::slots::{ConnId, DialId, ExchangeId};
use crate::limits::{REDIS_LOGIN_MS, REDIS_PIPELINE};
use crate::proto::redis::{Event, Fault, Refusal, Remedy, Reply, Session};

/// Redis's side of a connection.
#[derive(Debug)]
pub struct Link {
    /// What it is doing.
    pub phase: LinkPhase,
    /// What is spoken on it, once it stands.
    session: Option<Session<Caller>>,
    /// Whose it is: see `nodes.rs`.
    pub(super) node: usize,
    /// The commands whose answers are awaited, the oldest first.
    sent: VecDeque<Sent>,
}

/// A command whose answer is awaited.
#[derive(Debug)]
struct Sent {
    at: Mono,
    /// To send it elsewhere, in a cluster.
    trip: Option<Box<Trip>>,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// The TCP connection is being made.
    Connecting(DialId),
    /// The TLS handshake is done.
    Securing,
    /// The server is told who asks.
    Greeting,
    /// Commands are sent.
    Ready,
}

/// Who gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Whoever wants a block of a shared counter.
    Block(BlockId),
    /// A request that a stored text may answer.
    Answer(ExchangeId),
    /// Whoever has deleted texts: so many times.
    Deletion(u64),
    /// Whoever wants to know which server of a cluster has what: this connection.
    Map(ConnId),
    /// Nobody.
    Nobody,
}

impl Link {
    /// A connection that is being made.
    #[must_use]
    pub(super) fn new(phase: LinkPhase, node: usize) -> Self {
        Link {
            phase,
            node,
            session: None,
            sent: VecDeque::new(),
        }
    }

    /// Answers that are awaited.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.sent.len()
    }

    /// Whether as many answers are awaited as commands were sent.
    #[must_use]
    pub fn books_agree(&self) -> bool {
        let session = self.session.as_ref();
        self.phase != LinkPhase::Ready
            || session.is_some_and(|session| session.awaited() == self.sent.len())
    }

    /// Who waits for an answer that will not come.
    pub(super) fn end(&mut self) -> impl Iterator<Item = Caller> + use<> {
        self.sent.clear();
        let session = self.session.take();
        session.into_iter().flat_map(Session::end)
    }
}

impl Engine {
    /// Sends a command about `key` whose answer is `caller`'s. `false`: not now, and there will be no
    /// answer.
    pub(in crate::engine) fn ask_redis<A: AsRef<[u8]>>(
        &mut self,
        key: &str,
        words: &[A],
        caller: Caller,
    ) -> bool {
        let Some(redis) = &self.redis else {
            return false;
        };
        let trip = (redis.nodes.is_cluster()).then(|| Trip::new(key, words, 0));
        let node = redis.nodes.home(key);
        self.send_redis(node, words, caller, trip.flatten())
    }

    /// Sends a command to this server. `false`: not now, and there will be no answer.
    pub(super) fn send_redis<A: AsRef<[u8]>>(
        &mut self,
        node: usize,
        words: &[A],
        caller: Caller,
        trip: Option<Box<Trip>>,
    ) -> bool {
        let now = self.now.mono;
        let (Some(redis), Some(config)) = (&mut self.redis, &self.config.redis) else {
            return false;
        };
        let link = redis.nodes.get(node).and_then(|node| node.link);
        let Some((id, conn)) = link.and_then(|id| Some((id, self.conns.get_mut(id)?))) else {
            redis.counts.unsent += 1;
            self.wake_node(node);
            return false;
        };
        let crowded = conn.is_crowded();
        let Role::Redis(link) = &mut conn.role else {
            return false;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: false,
        };
        let session = link.session.as_mut().filter(|_| !crowded);
        let sent = session.is_some_and(|session| session.send(&mut pen, words, caller).is_ok());
        if !sent {
            redis.counts.unsent += 1;
            return false;
        }
        redis.counts.sent += 1;
        link.sent.push_back(Sent { at: now, trip });
        debug_assert!(link.sent.len() <= REDIS_PIPELINE);
        if link.sent.len() == 1 {
            let at = now.plus_ms(config.op_ms);
            self.set_wait(id, Wait::Redis, at);
        }
        self.flush(id);
        true
    }

    /// TCP stands.
    pub(in crate::engine) fn redis_connected(&mut self, id: ConnId) {
        if let Some(LinkPhase::Connecting(dial)) = self.redis_link(id).map(|link| link.phase) {
            self.dial_connected(id, dial);
        }
    }

    /// A dial was won by this connection: TLS if that is wanted, and who we are.
    pub(in crate::engine) fn enter_redis(&mut self, id: ConnId) {
        let Some(redis) = &mut self.redis else {
            return;
        };
        let link = self.conns.get(id).and_then(|conn| conn.redis());
        let place = link.map_or(0, |link| link.node);
        let (tls, name) = (redis.tls, redis.name + place as u16);
        if let Some(node) = redis.nodes.get_mut(place) {
            node.dialing = false;
            node.link = Some(id);
        }
        let at = self.now.mono.plus_ms(REDIS_LOGIN_MS);
        self.set_wait(id, Wait::Redis, at);
        if tls {
            if let Some(link) = self.redis_link(id) {
                link.phase = LinkPhase::Securing;
            }
            self.out.push(Output::StartTls(id, name));
        } else {
            self.greet_redis(id);
        }
    }

    /// TLS stands.
    pub(in crate::engine) fn redis_secured(&mut self, id: ConnId) {
        if self.redis_link(id).map(|link| link.phase) == Some(LinkPhase::Securing) {
            self.greet_redis(id);
        }
    }

    fn greet_redis(&mut self, id: ConnId) {
        let (
            Some(redis),
            Some(Conn {
                out,
                role: Role::Redis(link),
                ..
            }),
        ) = (&self.redis, self.conns.get_mut(id))
        else {
            return;
        };
        let mut session = Session::new(redis.login.clone());
        session.hello(&mut Pen {
            blocks: &mut self.blocks,
            chain: out,
            secret: true,
        });
        link.phase = LinkPhase::Greeting;
        link.session = Some(session);
        self.flush(id);
    }

    /// Bytes came.
    pub(in crate::engine) fn redis_received(&mut self, id: ConnId, fresh: &[u8]) {
        if self.conns.get(id).is_none() {
            return;
        }
        if self.feed(id, fresh, Engine::redis_steps) {
            self.flush(id);
        }
    }

    /// Takes whole replies off `input`; returns how many bytes were used.
    fn redis_steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let Some(Conn {
                out,
                role: Role::Redis(link),
                ..
            }) = self.conns.get_mut(id)
            else {
                return input.len();
            };
            let Some(session) = &mut link.session else {
                // It speaks before it was spoken to.
                self.redis_failed(id, Trouble::Unreachable("it is no Redis server"));
                return input.len();
            };
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: out,
                secret: !session.is_ready(),
            };
            match session.step(&input[used..], &mut pen) {
                Ok((more, event)) => {
                    used += more;
                    match event {
                        None => return used,
                        Some(Event::Ready) => self.redis_ready(id),
                        Some(Event::Push(_)) => {}
                        Some(Event::Answer { to, reply }) => self.redis_answered(id, to, reply),
                    }
                }
                Err(fault) => {
                    self.redis_broke(id, fault);
                    return input.len();
                }
            }
        }
    }

    fn redis_answered(&mut self, id: ConnId, to: Caller, reply: Result<Reply, Refusal>) {
        let patience = self.config.redis.as_ref().map_or(0, |redis| redis.op_ms);
        let mut trip = None;
        if let Some(link) = self.redis_link(id) {
            trip = link.sent.pop_front().and_then(|sent| sent.trip);
            let oldest = link.sent.front();
            let at = oldest.map_or(Mono::NEVER, |sent| sent.at.plus_ms(patience));
            self.set_wait(id, Wait::Redis, at);
        }
        let refusal = match reply {
            Ok(reply) => return self.caller_answered(to, Some(&reply)),
            Err(refusal) => refusal,
        };
        let remedy = refusal.remedy();
        if !self.follow(id, &refusal, to, trip) {
            self.caller_answered(to, None);
        }
        if let Some(redis) = &mut self.redis {
            redis.counts.rejected += 1;
            redis.counts.elsewhere += u64::from(remedy == Remedy::Elsewhere);
        }
        match remedy {
            // What was the primary is a replica: the name leads to another server by now.
            Remedy::Reconnect => self.redis_failed(id, Trouble::Refused(refusal)),
            // A user that may count and nothing else: what else there is is done without.
            Remedy::Operator
                if refusal == Refusal::NoPermission && !matches!(to, Caller::Block(_)) => {}
            Remedy::Operator => self.redis_failed(id, Trouble::Denied(refusal)),
            Remedy::Elsewhere | Remedy::Later | Remedy::Never => {}
        }
    }

    fn redis_broke(&mut self, id: ConnId, fault: Fault) {
        let trouble = match fault {
            Fault::Refused(refusal) if refusal.remedy() == Remedy::Operator => {
                Trouble::Denied(refusal)
            }
            Fault::Refused(refusal) => Trouble::Refused(refusal),
            Fault::Violation(_) => Trouble::Unreachable("it does not keep to the protocol"),
            Fault::Unsolicited => Trouble::Unreachable("it answers what nobody has asked"),
        };
        self.redis_failed(id, trouble);
    }

    /// Gives an answer, or that there is none, to whoever waits for it.
    pub(super) fn caller_answered(&mut self, to: Caller, reply: Option<&Reply>) {
        match to {
            Caller::Block(block) => self.block_answered(block, reply),
            Caller::Answer(id) => self.nearby_answered(id, reply),
            Caller::Deletion(upto) => self.deletions_told(upto, reply),
            Caller::Map(id) => self.map_answered(id, reply),
            Caller::Nobody => {}
        }
    }
}
