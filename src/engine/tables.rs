//! How large the tables are, as far as it follows from the configuration.

use super::database;
use super::hooks;
use super::names::Name;
use super::redis;
use super::resolver::Resolver;
use super::work::WorkLimits;
use crate::config::Config;
use crate::limits::hooks::HOOK_PARALLEL;
use crate::limits::jobs::JOB_PARALLEL_MAX;
use crate::limits::{ANALYZE_WAITING, PARSE_WAITING, READ_WAITING, WRITE_GROUP, WRITE_WAITING};

/// Questions that the SQLite reader has at a time.
const READERS_AHEAD: usize = 8;
/// Places for second addresses that are tried while the first has not answered.
const SPARE_CONNECTIONS: usize = 32;

/// How large the tables are. Decided once, before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sizes {
    /// Clients at a time.
    pub clients: usize,
    /// Connections to providers at a time, over all pools.
    pub upstreams: usize,
    /// Texts at a time, those kept for resume included.
    pub generations: usize,
    /// Scorer threads.
    pub scorers: usize,
}

impl Sizes {
    /// Connections of all kinds: no more can be open at a time, and each is an open file.
    #[must_use]
    pub fn sockets(self, config: &Config) -> usize {
        self.clients + self.upstreams + Sizes::sockets_beside(config)
    }

    /// Those that are neither clients' nor in the pool of a provider: questions to name servers, the database,
    /// Redis, webhooks, and second addresses.
    #[must_use]
    pub fn sockets_beside(config: &Config) -> usize {
        let providers = config.providers.iter();
        let remote = providers.filter(|p| p.upstream().is_some()).count();
        let hosts = database::hosts(&config.database).len()
            + redis::names(config.redis.as_ref())
            + config.webhooks.len();
        let questions = Resolver::sockets_max(config.dns.as_slice(), remote + hosts);
        let links = database::sockets_max(&config.database)
            + redis::sockets_max(config.redis.as_ref())
            + hooks::sockets_max(config);
        questions + links + SPARE_CONNECTIONS
    }

    /// Calls: two for a text where a second one may be made beside the first.
    pub(super) fn calls(self, config: &Config) -> usize {
        let has_hedges = config.models.iter().any(|model| model.hedge_ms.is_some());
        self.generations * if has_hedges { 2 } else { 1 }
    }

    /// Attempts to open a connection.
    pub(super) fn dials(self, config: &Config) -> usize {
        self.upstreams.max(1)
            + database::sockets_max(&config.database)
            + redis::names(config.redis.as_ref())
            + hooks::sockets_max(config)
    }

    /// The queues of work.
    pub(super) fn work(self, config: &Config) -> WorkLimits {
        let texts = self.generations; // each has its place
        WorkLimits {
            scorers: self.scorers,
            // A server takes all that there is; what waits for it waits in its own line.
            store: if config.database.postgres().is_some() {
                [READ_WAITING, WRITE_WAITING + texts]
            } else {
                [READERS_AHEAD, 4 * WRITE_GROUP]
            },
            waiting: [
                PARSE_WAITING,
                ANALYZE_WAITING,
                texts,
                READ_WAITING,
                WRITE_WAITING,
                WRITE_WAITING, // for the journal, which gets what the writer does not
            ],
            // An item or a delivery in hand has one piece, the queue of each another, and a few are not
            // waited for.
            reserved: 2 * self.generations + self.clients + 2 * (JOB_PARALLEL_MAX + HOOK_PARALLEL),
        }
    }
}

impl Name {
    /// The table of names: those of the providers, behind them the database's servers, Redis, and the
    /// webhooks.
    pub(super) fn for_each(config: &Config) -> Vec<Name> {
        let all = Name::of_hooks(config) + config.webhooks.len();
        (0..all).map(|_| Name::default()).collect()
    }

    /// The place of the first webhook in that table.
    pub(super) fn of_hooks(config: &Config) -> usize {
        Name::of_redis(config) + redis::names(config.redis.as_ref())
    }

    /// The place of Redis in that table, if there is one.
    pub(super) fn of_redis(config: &Config) -> usize {
        config.providers.len() + database::hosts(&config.database).len()
    }
}
