//! A Redis (or Valkey) server as the memory that several processes share: one connection, on which the
//! commands of many are on the way at a time; in a cluster, one to each of its servers.
//!
//! ```text
//!          (an attempt)      TCP           TLS, if any     let in
//!  Nobody ────────────► Dial ───► Securing ─────► Greeting ─────► Ready ─► commands, answers
//!    ▲  ▲                 │          │               │              │ too late, broken, READONLY
//!    │  └──(a wait)───────┴──────────┴───────────────┴──────────────┘
//!    └─ for good: it does not want us (NOAUTH, WRONGPASS, NOPERM)
//! ```
//! Nothing here is worth waiting for. A command that cannot be sent, or has no answer in
//! [`redis.op_ms`](crate::config::Redis), is a *miss*: whoever has asked goes on without, and nobody's client hears of it.
//! Answers carry no names, so a connection that owes one for too long is closed: what would come later
//! must not be taken for somebody else's.
//!
//! | file | is |
//! |---|---|
//! | `link.rs` | the connection: its bytes, its session, who waits for which answer |
//! | `pool.rs` | when there is one: opened, let in, lost, tried again |
//! | `nodes.rs` | the servers of a cluster, and which slots each of them has |
//! | `redirect.rs` | a key is with another server than the one that was asked |
//!
//! What this room refuses to know: what is kept in the server, which is its callers' business, and
//! bytes, which are [`crate::proto::redis`]'s.

pub mod link;
mod nodes;
mod pool;
mod redirect;

use self::link::{Link, LinkPhase};
use self::nodes::Nodes;
use super::Engine;
use super::check::{Broken, holds};
use super::conn::Role;
use super::nearby::{self, Nearby};
use super::slots::{ConnId, DialId};
use super::timers::Timer;
use crate::config;
use crate::limits::REDIS_NODES;
use crate::proto::redis::{Login, Refusal};

/// Sockets that a server needs: the connection, and another address that is tried beside it.
pub const SOCKETS: usize = 2;

/// See the module.
pub(super) struct Redis {
    /// Its place in the table of names; those of other servers of a cluster are behind it.
    name: u16,
    tls: bool,
    login: Login,
    nodes: Nodes,
    /// The next attempt to reach the configured one.
    timer: Timer,
    counts: Counts,
    turns: Vec<Turn>,
    nearby: Nearby,
}

/// Why the server cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, for this reason.
    Unreachable(&'static str),
    /// It says no, and that is tried again.
    Refused(Refusal),
    /// It says no until an operator has done something: it is tried again once a minute.
    Denied(Refusal),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Unreachable(reason) => write!(f, "Redis cannot be used: {reason}"),
            Trouble::Refused(refusal) => write!(f, "Redis cannot be used: {refusal}"),
            Trouble::Denied(refusal) => write!(
                f,
                "Redis does not let us in: {refusal}; it is tried again once a minute"
            ),
        }
    }
}

/// Something that whoever looks after the server wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is a connection, after there was none.
    Reached,
    /// There is none any more, or still none for another reason.
    Away(Trouble),
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were let in.
    pub opened: u64,
    /// Attempts that have failed.
    pub refused: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Commands sent.
    pub sent: u64,
    /// Commands that were not sent, because there was no connection or too many were on the way.
    pub unsent: u64,
    /// Commands without an answer: it was too late, or the connection was lost.
    pub unanswered: u64,
    /// Commands that the server would not carry out.
    pub rejected: u64,
    /// Of these, those that belong to another server of a cluster.
    pub elsewhere: u64,
    /// Of these, those that were sent there.
    pub followed: u64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether commands can be sent.
    pub ready: bool,
    /// To how many servers of a cluster.
    pub nodes: usize,
    /// Answers that are awaited.
    pub awaited: usize,
    /// What has happened so far.
    pub counts: Counts,
    /// What has become of answers that are kept there.
    pub answers: nearby::Counts,
}

impl Redis {
    /// Without a connection. `name` is its place in the table of names.
    pub(super) fn new(config: Option<&config::Redis>, name: usize) -> Option<Box<Self>> {
        let config = config?;
        Some(Box::new(Redis {
            name: name as u16,
            tls: config.url.tls,
            login: Login::of(&config.url, "maitred"),
            nodes: Nodes::new(&config.url, config.cluster),
            timer: Timer::default(),
            counts: Counts::default(),
            turns: Vec::new(),
            nearby: Nearby::default(),
        }))
    }

    pub(super) fn nearby_mut(&mut self) -> &mut Nearby {
        &mut self.nearby
    }

    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.timer
    }
}

impl Engine {
    /// Whether this name is Redis's.
    pub(super) fn is_redis(&self, index: u16) -> bool {
        self.redis_node(index).is_some()
    }

    /// Which of its servers this name is.
    fn redis_node(&self, index: u16) -> Option<usize> {
        let redis = self.redis.as_ref()?;
        let node = usize::from(index.checked_sub(redis.name)?);
        redis.nodes.get(node).map(|_| node)
    }

    /// Where a server of Redis is, if this name is one's.
    pub(super) fn redis_host(&self, index: u16) -> Option<(&str, u16)> {
        let node = self.redis_node(index)?;
        let node = self.redis.as_ref()?.nodes.get(node)?;
        Some((&node.host, node.port))
    }

    /// The role of a connection that is being made to it.
    pub(super) fn redis_role(&self, index: u16, dial: DialId) -> Option<Role> {
        let node = self.redis_node(index)?;
        let phase = LinkPhase::Connecting(dial);
        Some(Role::Redis(Box::new(Link::new(phase, node))))
    }

    /// How things stand with Redis, if there is one.
    #[must_use]
    pub fn redis_standing(&self) -> Option<Standing> {
        let redis = self.redis.as_ref()?;
        let ready = redis.nodes.iter().filter(|node| node.ready);
        let links = ready.filter_map(|node| self.conns.get(node.link?)?.redis());
        let (nodes, awaited) = links.fold((0, 0), |(nodes, awaited), link| {
            (nodes + 1, awaited + link.awaited())
        });
        Some(Standing {
            ready: nodes > 0,
            nodes,
            awaited,
            counts: redis.counts,
            answers: redis.nearby.counts,
        })
    }

    /// What has become of Redis since the last call, for the log.
    pub fn redis_turns(&mut self) -> impl Iterator<Item = Turn> + '_ {
        let redis = self.redis.as_mut();
        redis.into_iter().flat_map(|redis| redis.turns.drain(..))
    }

    /// Whether the books of Redis agree.
    pub(super) fn check_redis(&self) -> Result<(), Broken> {
        let Some(redis) = &self.redis else {
            return Ok(());
        };
        for (id, conn) in self.conns.iter() {
            let Role::Redis(link) = &conn.role else {
                continue;
            };
            holds(link.books_agree(), || {
                format!("{id:?} awaits other answers than it has sent commands")
            })?;
            match link.phase {
                LinkPhase::Connecting(dial) => holds(self.dials.get(dial).is_some(), || {
                    format!("{id:?} connects for a dial that is gone")
                })?,
                phase => {
                    let node = redis.nodes.get(link.node);
                    let is_it = |node: &nodes::Node| {
                        node.link == Some(id) && node.ready == (phase == LinkPhase::Ready)
                    };
                    holds(node.is_some_and(is_it), || {
                        format!("{id:?} is not the connection to its server of Redis")
                    })?;
                }
            }
        }
        for node in redis.nodes.iter() {
            holds(!(node.dialing && node.link.is_some()), || {
                "a second connection to a server of Redis is being made".to_owned()
            })?;
            let stands = |id| self.conns.get(id).is_some();
            holds(node.link.is_none_or(stands), || {
                "the connection to a server of Redis is gone".to_owned()
            })?;
        }
        Ok(())
    }

    /// An address of Redis was connected to: see [`Engine::redis_role`].
    pub(super) fn redis_link(&mut self, id: ConnId) -> Option<&mut Link> {
        match &mut self.conns.get_mut(id)?.role {
            Role::Redis(link) => Some(link),
            _ => None,
        }
    }
}

/// The same for the table of names and for the reactor: each server of Redis has one name.
#[must_use]
pub fn names(config: Option<&config::Redis>) -> usize {
    match config {
        None => 0,
        Some(redis) if redis.cluster => REDIS_NODES,
        Some(_) => 1,
    }
}

/// Sockets that Redis needs.
#[must_use]
pub fn sockets_max(config: Option<&config::Redis>) -> usize {
    names(config) * SOCKETS
}
