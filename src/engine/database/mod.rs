//! A PostgreSQL server as the store: few connections, each shared by many.
//!
//! ```text
//!  works ─► order ─► line ─► link ─► server            a piece of work is an order here
//!             ▲        ▲       │
//!             │        └───────┤ lost, or refused: sent again
//!             └────────────────┘ answered: the result goes to whoever waits
//! ```
//! Orders of many owners are in flight on one connection (a [`link`]), one behind the other, each
//! with its own Sync: one that fails does not touch the others. Whoever stops waiting leaves an
//! order behind whose answer is read and dropped; the server is not asked to stop, because it could
//! only stop whatever the connection is at by then.
//!
//! | file | is |
//! |---|---|
//! | `order.rs` | one question or change, and what was heard of it |
//! | `line.rs` | orders in line: sent, answered, repeated, too late |
//! | `late.rs` | rows that are taken back, for the journal |
//! | `link.rs` | one connection: its bytes and its session |
//! | `pool.rs` | which connections there are: opened, let in, lost |
//! | `migrate.rs` | the tables, before anything else is sent |
//! | `cancel.rs` | a word behind the back of a connection that is silent |
//! | `listen.rs` | the one connection that hears what other processes tell |
//! | `verdict.rs` | what an error means. Pure |
//! | `drive.rs` | orders of nobody, for the bench |
//!
//! The server may be away when we start, and at any time later: then orders fail after a moment,
//! and nothing else does. What this room refuses to know: SQL, which is the store's, and bytes,
//! which are [`crate::proto::postgres`]'s.

mod cancel;
mod drive;
mod late;
mod line;
pub mod link;
pub mod listen;
mod migrate;
mod order;
mod pool;
mod verdict;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use self::listen::Listener;
use self::migrate::Migration;
use self::order::Order;
use super::backoff::Backoff;
use super::chance::Secrets;
use super::check::{Broken, holds};
use super::conn::Role;
use super::now::Mono;
use super::slots::{ConnId, DialId, OrderId, Slots};
use super::timers::Timer;
use super::{Engine, Sizes};
use crate::config;
use crate::limits::{PG_PIPELINE, READ_WAITING, WRITE_WAITING};
use crate::proto::postgres::settings::{Host, Settings};
use crate::proto::postgres::{Login, Stretch, StretchedKey};
use crate::store::StoreError;

use self::link::{Link, LinkPhase};

/// See the module.
pub(super) struct Database {
    settings: Arc<Settings>,
    /// The first of its servers in the table of names.
    first_name: u16,
    connections: usize,
    statement_ms: u64,
    wait_ms: u64,
    orders: Slots<OrderId, Order>,
    /// Those that are on no connection, the oldest first.
    line: VecDeque<OrderId>,
    /// Connections that stand, on whatever way to being used or closed.
    links: Vec<ConnId>,
    /// Connections that do not stand yet.
    dials: usize,
    /// More connections would be of use.
    wants_more: bool,
    /// The server that is tried next.
    host: u16,
    /// Servers that were tried since the last one that would do.
    tried: usize,
    /// A standby was wished for and none is there.
    any_will_do: bool,
    backoff: Backoff,
    /// The same where there is a connection, and there could be more.
    further: Backoff,
    /// The last attempt to have more has failed.
    is_tight: bool,
    /// Why there is no connection, and since when.
    trouble: Option<Trouble>,
    migration: Migration,
    listener: Listener,
    /// A pooler is in between.
    pooled: bool,
    nonces: Secrets,
    /// The last password that was stretched, which is the next one too.
    stretched: Option<(Stretch, StretchedKey)>,
    /// Hashes of certificates, until their sessions ask for them.
    end_points: BTreeMap<ConnId, Vec<u8>>,
    timer: Timer,
    counts: Counts,
    turns: Vec<Turn>,
}

/// Something that whoever looks after the server wants to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is a connection, after there was none.
    Reached {
        /// To which server.
        host: String,
    },
    /// A connection was lost, or could not be had, for another reason than the last time.
    Away {
        /// To which server.
        host: String,
        /// Why.
        error: StoreError,
    },
    /// There are connections, and no further one could be had. Told once, until there is one.
    Tight(String),
    /// No connection could be had that listens, or it could not listen: what other processes tell is found by
    /// looking. Told once, until one listens.
    Deaf(String),
}

/// Why there is no connection.
#[derive(Clone, Debug)]
struct Trouble {
    error: StoreError,
    since: Mono,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were let in.
    pub opened: u64,
    /// Attempts to get one that have failed.
    pub refused: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Orders sent.
    pub sent: u64,
    /// Orders sent again.
    pub repeated: u64,
    /// Orders that had waited too long for a connection.
    pub late: u64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Connections that take orders.
    pub ready: usize,
    /// Connections on the way to that.
    pub opening: usize,
    /// The most that there may be.
    pub connections: usize,
    /// Orders in line.
    pub waiting: usize,
    /// Orders on a connection.
    pub sent: usize,
    /// What has happened so far.
    pub counts: Counts,
}

impl Database {
    /// With no connection. `first_name` is where its servers begin in the table of names.
    pub(super) fn new(
        config: &config::Database,
        first_name: usize,
        sizes: Sizes,
        seed: u64,
    ) -> Option<Box<Self>> {
        let settings = config.postgres()?.clone();
        Some(Box::new(Database {
            pooled: settings.login.pooled,
            settings: Arc::new(settings),
            first_name: first_name as u16,
            connections: config.connections,
            statement_ms: config.statement_ms,
            wait_ms: config.wait_ms,
            orders: Slots::new(most_orders(sizes, config.connections)),
            line: VecDeque::new(),
            links: Vec::new(),
            dials: 0,
            wants_more: true,
            host: 0,
            tried: 0,
            any_will_do: false,
            backoff: Backoff::default(),
            further: Backoff::default(),
            is_tight: false,
            trouble: None,
            migration: Migration::default(),
            listener: Listener::default(),
            nonces: Secrets::of(b"database", seed),
            stretched: None,
            end_points: BTreeMap::new(),
            timer: Timer::default(),
            counts: Counts::default(),
            turns: Vec::new(),
        }))
    }

    fn login(&self) -> Login {
        Login {
            pooled: self.pooled,
            ..self.settings.login.clone()
        }
    }

    pub(super) fn timer_mut(&mut self) -> &mut Timer {
        &mut self.timer
    }

    /// The server behind a name.
    fn host_of(&self, index: u16) -> Option<&Host> {
        let at = index.checked_sub(self.first_name)?;
        self.settings.hosts.get(usize::from(at))
    }
}

/// As many as there are pieces of work that can be orders, and those on connections whose rows were
/// taken back.
fn most_orders(sizes: Sizes, connections: usize) -> usize {
    let pieces = READ_WAITING + WRITE_WAITING + 2 * sizes.generations + sizes.clients;
    pieces + PG_PIPELINE * (1 + connections)
}

/// Sockets that a database needs.
#[must_use]
pub fn sockets_max(config: &config::Database) -> usize {
    // Each with one that is tried beside it, or that speaks behind its back; and the one that listens.
    config
        .postgres()
        .map_or(0, |_| 2 * (config.connections + 1))
}

/// The servers of a database.
pub(super) fn hosts(config: &config::Database) -> &[Host] {
    config.postgres().map_or(&[], |settings| &settings.hosts)
}

impl Engine {
    /// Whether rows are with a server, and not with threads.
    #[must_use]
    pub fn has_database(&self) -> bool {
        self.database.is_some()
    }

    /// The server behind a name, if it is the database's.
    pub(super) fn database_host(&self, index: u16) -> Option<&Host> {
        self.database.as_ref()?.host_of(index)
    }

    /// Whether this name is that of a server of the database.
    pub(super) fn is_database(&self, index: u16) -> bool {
        self.database_host(index).is_some()
    }

    /// The role of a connection that is being made to a server of the database.
    pub(super) fn database_role(
        &self,
        index: u16,
        address: SocketAddr,
        dial: DialId,
    ) -> Option<Role> {
        let database = self.database.as_ref()?;
        database.host_of(index)?;
        let host = index - database.first_name;
        let phase = LinkPhase::Connecting(dial);
        Some(Role::Database(Box::new(Link::new(host, address, phase))))
    }

    /// The name of a server of the database in the table of names.
    fn database_name(&self, host: u16) -> u16 {
        let database = self.database.as_ref();
        database.map_or(0, |database| database.first_name) + host
    }

    /// Why the database takes nothing at all at the moment.
    #[must_use]
    pub fn database_trouble(&self) -> Option<&StoreError> {
        let database = self.database.as_ref()?;
        let trouble = database.trouble.as_ref()?;
        (!self.has_shared_link()).then_some(&trouble.error)
    }

    /// Why no question can be put to the database, for those who look after it.
    #[must_use]
    pub fn database_is_away(&self) -> Option<&'static str> {
        let database = self.database.as_ref()?;
        if self.has_shared_link() {
            return None;
        }
        Some(
            match database.trouble.as_ref().map(|trouble| &trouble.error) {
                None => "the database was not reached yet",
                Some(error) if error.code() == "store_schema" => {
                    "the tables of the database are of another version"
                }
                Some(StoreError::Foreign { .. }) => {
                    "the tables of the database are another program's"
                }
                Some(_) => "the database cannot be reached",
            },
        )
    }

    fn has_shared_link(&self) -> bool {
        self.shared_links() > 0
    }

    fn shared_links(&self) -> usize {
        self.shared_hosts().count()
    }

    /// Where orders are sent to.
    fn shared_hosts(&self) -> impl Iterator<Item = u16> {
        let links = self.database.iter().flat_map(|database| &database.links);
        links.filter_map(|id| match &self.conns.get(*id)?.role {
            Role::Database(link) => (link.phase == LinkPhase::Shared).then_some(link.host),
            _ => None,
        })
    }

    fn phase_of(&self, id: ConnId) -> Option<LinkPhase> {
        match &self.conns.get(id)?.role {
            Role::Database(link) => Some(link.phase),
            _ => None,
        }
    }

    /// How things stand with the database, if there is one.
    #[must_use]
    pub fn database_standing(&self) -> Option<Standing> {
        let database = self.database.as_ref()?;
        let phases = database.links.iter().filter_map(|id| self.phase_of(*id));
        let entering = |phase: &LinkPhase| matches!(phase, LinkPhase::Entering | LinkPhase::Leased);
        Some(Standing {
            ready: self.shared_links(),
            opening: database.dials + phases.filter(entering).count(),
            connections: database.connections,
            waiting: database.line.len(),
            sent: database.orders.len() - database.line.len(),
            counts: database.counts,
        })
    }

    /// What has become of the database since the last call, for the log.
    pub fn database_turns(&mut self) -> impl Iterator<Item = Turn> + '_ {
        let database = self.database.as_mut();
        database
            .into_iter()
            .flat_map(|database| database.turns.drain(..))
    }

    /// Whether the books of the database agree.
    pub(super) fn check_database(&self) -> Result<(), Broken> {
        let Some(database) = &self.database else {
            return Ok(());
        };
        let (mut links, mut pending, mut long) = (0, 0, 0);
        for (id, conn) in self.conns.iter() {
            let Role::Database(link) = &conn.role else {
                continue;
            };
            match link.phase {
                LinkPhase::Connecting(dial) => holds(self.dials.get(dial).is_some(), || {
                    format!("{id:?} connects for a dial that is gone")
                })?,
                LinkPhase::Cancelling(_) => {}
                _ => {
                    links += 1;
                    holds(database.links.contains(&id), || {
                        format!("{id:?} is on no list")
                    })?;
                }
            }
            if matches!(link.phase, LinkPhase::Shared | LinkPhase::Leaving) {
                pending += link.pending();
                long += link.long;
            }
        }
        holds(links == database.links.len(), || {
            format!(
                "{links} connections to the database, listed {}",
                database.links.len()
            )
        })?;
        let most = database.connections + usize::from(database.listener.wanted);
        holds(database.links.len() + database.dials <= most, || {
            format!("more than {most} connections to the database")
        })?;
        let leased = database.links.iter().filter_map(|id| self.phase_of(*id));
        let leased = leased.filter(|phase| *phase == LinkPhase::Leased).count();
        let running = matches!(database.migration, Migration::Running { .. });
        holds(leased == usize::from(running), || {
            format!("{leased} connections make the tables, which is {running}")
        })?;
        let (line, orders) = (database.line.len(), database.orders.len());
        holds(line + pending == orders, || {
            format!("{orders} orders: {line} in line and {pending} sent")
        })?;
        let sent = database.orders.iter().map(|(_, order)| order);
        let sent = sent.filter(|order| order.link.is_some() && order.is_long());
        holds(sent.count() == long, || {
            format!("{long} long orders are known to connections")
        })
    }
}
