//! A Redis (or Valkey) server as the memory that several processes share: one connection, on which the
//! commands of many are on the way at a time.
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
//!
//! What this room refuses to know: what is kept in the server, which is its callers' business, and
//! bytes, which are [`crate::proto::redis`]'s.

pub mod link;
mod pool;

use self::link::{Link, LinkPhase};
use super::Engine;
use super::backoff::Backoff;
use super::check::{Broken, holds};
use super::conn::Role;
use super::slots::{ConnId, DialId};
use super::timers::Timer;
use crate::config;
use crate::proto::redis::{Login, Refusal};

/// Sockets that it needs: the connection, and another address that is tried beside it.
pub const SOCKETS: usize = 2;

/// See the module.
pub(super) struct Redis {
    /// Its place in the table of names.
    name: u16,
    tls: bool,
    login: Login,
    /// A connection that is being made.
    dialing: bool,
    /// The one that stands, on whatever way to being used.
    link: Option<ConnId>,
    backoff: Backoff,
    /// Why there is none.
    trouble: Option<Trouble>,
    timer: Timer,
    counts: Counts,
    turns: Vec<Turn>,
}

/// Why the server cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, for this reason.
    Unreachable(&'static str),
    /// It says no, and that is tried again.
    Refused(Refusal),
    /// It says no until an operator has done something: it is not tried again.
    Denied(Refusal),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Unreachable(reason) => write!(f, "Redis cannot be used: {reason}"),
            Trouble::Refused(refusal) => write!(f, "Redis cannot be used: {refusal:?}"),
            Trouble::Denied(refusal) => write!(
                f,
                "Redis does not let us in: {refusal:?}; it is not tried again before a restart"
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
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether commands can be sent.
    pub ready: bool,
    /// Answers that are awaited.
    pub awaited: usize,
    /// What has happened so far.
    pub counts: Counts,
}

impl Redis {
    /// Without a connection. `name` is its place in the table of names.
    pub(super) fn new(config: Option<&config::Redis>, name: usize) -> Option<Box<Self>> {
        let config = config?;
        Some(Box::new(Redis {
            name: name as u16,
            tls: config.url.tls,
            login: Login::of(&config.url, "maitred"),
            dialing: false,
            link: None,
            backoff: Backoff::default(),
            trouble: None,
            timer: Timer::default(),
            counts: Counts::default(),
            turns: Vec::new(),
        }))
    }

    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.timer
    }
}

impl Engine {
    /// Whether this name is Redis's.
    pub(super) fn is_redis(&self, index: u16) -> bool {
        (self.redis.as_ref()).is_some_and(|redis| redis.name == index)
    }

    /// Where Redis is, if this name is its.
    pub(super) fn redis_url(&self, index: u16) -> Option<&crate::proto::redis::Url> {
        let config = self.config.redis.as_ref()?;
        self.is_redis(index).then_some(&config.url)
    }

    /// The role of a connection that is being made to it.
    pub(super) fn redis_role(&self, index: u16, dial: DialId) -> Option<Role> {
        let phase = LinkPhase::Connecting(dial);
        self.is_redis(index)
            .then(|| Role::Redis(Box::new(Link::new(phase))))
    }

    /// How things stand with Redis, if there is one.
    #[must_use]
    pub fn redis_standing(&self) -> Option<Standing> {
        let redis = self.redis.as_ref()?;
        let link = redis.link.and_then(|id| self.conns.get(id));
        let link = link.and_then(|conn| match &conn.role {
            Role::Redis(link) => Some(link),
            _ => None,
        });
        Some(Standing {
            ready: link.is_some_and(|link| link.phase == LinkPhase::Ready),
            awaited: link.map_or(0, |link| link.awaited()),
            counts: redis.counts,
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
                _ => holds(redis.link == Some(id), || {
                    format!("{id:?} is not the connection to Redis")
                })?,
            }
        }
        holds(!(redis.dialing && redis.link.is_some()), || {
            "a second connection to Redis is being made".to_owned()
        })?;
        let stands = |id| self.conns.get(id).is_some();
        holds(redis.link.is_none_or(stands), || {
            "the connection to Redis is gone".to_owned()
        })
    }

    /// The port of Redis.
    pub(super) fn redis_port(&self, index: u16) -> Option<u16> {
        self.redis_url(index).map(|url| url.port)
    }

    /// An address of Redis was connected to: see [`Engine::redis_role`].
    pub(super) fn redis_link(&mut self, id: ConnId) -> Option<&mut Link> {
        match &mut self.conns.get_mut(id)?.role {
            Role::Redis(link) => Some(link),
            _ => None,
        }
    }
}

/// The same for the table of names and for the reactor: a server of Redis has one name.
#[must_use]
pub fn names(config: Option<&config::Redis>) -> usize {
    usize::from(config.is_some())
}

/// Sockets that Redis needs.
#[must_use]
pub fn sockets_max(config: Option<&config::Redis>) -> usize {
    names(config) * SOCKETS
}
