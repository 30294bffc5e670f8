//! The engine: who does what next. No socket, no thread, no clock, no randomness of its own.
//!
//! It owns every table and decides everything; it does nothing. Somebody hands it one [`Input`] at
//! a time together with the time, and carries out the [`Output`]s that it leaves:
//!
//! ```text
//!   loop {
//!       engine.handle(now, input, &mut outputs);      // one thing that happened
//!       for output in outputs.drain(..) { … }         // all that has to be done about it
//!   }
//!   engine.unsent(conn, …)      what to write when a connection can be written to
//!   engine.take_work(id)        what to give to a thread
//!   engine.next_deadline()      how long it is content to hear nothing
//! ```
//! The outputs are to be carried out after *every* input. The same inputs in the same order give
//! the same outputs and the same bytes: that is what the simulation and the recorder rest on.
//!
//! This file only routes. Each arm calls one function in a file that is named for it.
//!
//! Reading order: [`io`], [`slots`], [`conn`], [`client`], [`exchange`], [`flow`], [`generation`],
//! [`call`], [`gate`], [`pool`], [`provider`], `attempts.rs`, `completion.rs`, `reply.rs`,
//! `stream.rs`.

pub mod account;
mod archive;
mod asked;
mod attempts;
mod backoff;
pub mod blocks;
pub mod call;
pub mod chance;
mod check;
pub mod client;
mod completion;
pub mod conn;
mod conns;
mod content;
pub mod database;
mod deadline;
mod detour;
pub mod dial;
pub mod digest;
mod documents;
pub mod exchange;
pub mod failover;
pub mod failure;
pub mod flow;
pub mod gate;
pub mod generation;
mod hedge;
pub mod hooks;
mod house;
pub mod idempotency;
mod index;
pub mod io;
pub mod jobs;
mod keys;
pub mod keywords;
pub mod ledger;
pub mod metrics;
pub mod names;
pub mod nearby;
mod notices;
pub mod now;
pub mod offline;
pub mod openapi;
pub mod outcome;
pub mod policy;
pub mod pool;
pub mod provider;
mod rate;
pub mod redis;
mod reply;
pub mod resolver;
mod results;
mod retention;
pub mod routes;
mod said;
pub mod share;
pub mod slots;
pub mod spill;
mod stream;
mod tables;
mod targets;
pub mod timers;
pub mod trace;
mod turn;
pub mod work;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

pub use self::check::Broken;
pub use self::failure::Failure;
use self::io::{Input, Observed, Output};
pub use self::notices::{Notice, Tried};
pub use self::now::{Mono, Now};
pub use self::slots::{CallId, ConnId, DialId, ExchangeId, GenerationId, Key, WorkId};
pub use self::tables::Sizes;

use self::blocks::Blocks;
use self::call::Call;
use self::conn::{Conn, Role};
use self::database::Database;
use self::dial::Dial;
use self::exchange::Exchange;
use self::gate::{BreakerTurn, Gate};
use self::generation::Generation;
use self::index::Index;
use self::ledger::Ledger;
use self::metrics::Counters;
use self::names::Name;
use self::policy::hosts::Hosts;
use self::policy::rate::{Doors, Rates, fields::Fields};
use self::policy::route::Router;
use self::pool::Pool;
use self::redis::Redis;
use self::resolver::Resolver;
use self::slots::Slots;
use self::timers::Timers;
use self::trace::Trace;
use self::work::{Work, Works};
use crate::config::Config;
use crate::limits::REFUSALS_PER_TURN;
use crate::proto::http1::HttpDate;

/// The owner of all data while there are no API keys.
pub const TENANT: &str = "local";

/// See the module.
pub struct Engine {
    config: Arc<Config>,
    // the tables
    conns: Slots<ConnId, Conn>,
    exchanges: Slots<ExchangeId, Exchange>,
    generations: Slots<GenerationId, Generation>,
    calls: Slots<CallId, Call>,
    dials: Slots<DialId, Dial>,
    works: Works,
    gates: Vec<Gate>,
    gates_to_open: Vec<u16>,
    refusals_left: usize,
    pools: Vec<Pool>,
    pools_to_open: Vec<u16>,
    names: Vec<Name>,
    resolver: Resolver,
    database: Option<Box<Database>>,
    redis: Option<Box<Redis>>,
    // how to find things in them
    by_id: Index<Uuid>,
    by_prompt: Index<u128>,
    provider_names: Vec<Arc<str>>,
    router: Router,
    replay: VecDeque<GenerationId>,
    replay_bytes: usize,
    again: VecDeque<ConnId>,
    readers: VecDeque<ExchangeId>,
    store_trouble: Option<results::Trouble>,
    spill: spill::Spill,
    jobs: jobs::Jobs,
    keys: policy::idempotency::Keys,
    last_commit: Mono,
    // what is shared by all
    timers: Timers,
    ledger: Ledger,
    blocks: Blocks,
    trace: Trace,
    counters: Counters,
    observed: Observed,
    observed_before: Observed,
    hosts: Hosts,
    /// Made when it is first asked for.
    openapi: Option<Arc<openapi::OpenApi>>,
    random: fastrand::Rng,
    /// Millisecond and count of the id that was made last.
    last_id: (u64, u16),
    date: (u64, HttpDate),
    // the state of the whole
    rates: Rates,
    share: share::Share,
    rate_fields: Fields,
    doors: Doors,
    clients: usize,
    clients_max: usize,
    imports: usize,
    accept_paused: bool,
    stopping: Option<Mono>,
    stopped_streams: bool,
    house: house::House,
    retention: retention::Retention,
    // set for the length of one call of `handle`
    now: Now,
    out: Vec<Output>,
    // memory that is used again
    scratch: Vec<u8>,
    head: Vec<u8>,
    heads: provider::Heads,
    json: Vec<u8>,
    /// What a voice has said and no client has got yet; empty between two inputs.
    frames: Vec<u8>,
    /// Whose it is.
    speaking: Option<GenerationId>,
    audience: Vec<ExchangeId>,
    notices: Vec<Notice>,
    breaker_turns: Vec<BreakerTurn>,
    failovers: Vec<failover::Failover>,
    advisor: provider::Advisor,
    secrets: provider::Secrets,
}

impl Engine {
    /// An engine with empty tables. `seed` is all the randomness it will ever have.
    #[must_use]
    pub fn new(config: Arc<Config>, sizes: Sizes, seed: u64) -> Self {
        let providers = &config.providers;
        let pools = Pool::for_each(providers, sizes.upstreams);
        let mut engine = Engine {
            conns: Slots::new(sizes.sockets(&config)),
            exchanges: Slots::new(sizes.clients),
            generations: Slots::new(sizes.generations),
            calls: Slots::new(sizes.calls(&config)),
            dials: Slots::new(sizes.dials(&config)),
            works: Works::new(&sizes.work(&config)),
            gates: Gate::for_each(providers, &pools, sizes.generations),
            gates_to_open: Vec::new(),
            refusals_left: REFUSALS_PER_TURN,
            pools,
            pools_to_open: Vec::new(),
            names: Name::for_each(&config),
            resolver: Resolver::new(config.dns.as_slice(), seed),
            database: Database::new(&config.database, providers.len(), sizes, seed),
            redis: Redis::new(config.redis.as_ref(), Name::of_redis(&config)),
            by_id: Index::new(seed),
            by_prompt: Index::new(seed),
            provider_names: providers.iter().map(|p| p.name.as_str().into()).collect(),
            router: Router::new(&config),
            replay: VecDeque::new(),
            replay_bytes: 0,
            again: VecDeque::new(),
            readers: VecDeque::new(),
            store_trouble: None,
            spill: spill::Spill::new(config.durable, config.limits.journal_bytes),
            jobs: jobs::Jobs::new(&config),
            keys: policy::idempotency::Keys::default(),
            last_commit: Mono(0),
            timers: Timers::default(),
            ledger: Ledger::new(config.limits.ledger_bytes),
            blocks: Blocks::default(),
            trace: Trace::default(),
            counters: Counters::default(),
            observed: Observed::default(),
            observed_before: Observed::default(),
            hosts: Hosts::of(&config),
            openapi: None,
            random: fastrand::Rng::with_seed(chance::open_seed(seed)),
            last_id: (0, 0),
            date: (u64::MAX, HttpDate::from_unix(0)),
            rates: Rates::of(&config, seed),
            share: share::Share::of(&config),
            rate_fields: Fields::default(),
            doors: Doors::new(config.rate.connections, sizes.clients, seed),
            clients: 0,
            clients_max: sizes.clients,
            imports: 0,
            accept_paused: false,
            stopping: None,
            stopped_streams: false,
            house: house::House::default(),
            retention: retention::Retention::default(),
            now: Now::default(),
            out: Vec::new(),
            scratch: Vec::new(),
            head: Vec::new(),
            heads: provider::Heads::default(),
            json: Vec::new(),
            frames: Vec::new(),
            speaking: None,
            audience: Vec::new(),
            notices: Vec::new(),
            breaker_turns: Vec::new(),
            failovers: Vec::new(),
            advisor: provider::Advisor::default(),
            secrets: provider::Secrets::of(&config),
            config,
        };
        engine.begin_links();
        engine
    }

    /// A client has connected. `None`: there is no place, close it.
    pub fn accept(&mut self, now: Now, peer: IpAddr, out: &mut Vec<Output>) -> Option<ConnId> {
        self.within(now, out, |engine| engine.client_accepted(peer))
    }

    /// Takes in one thing that happened, and leaves what has to be done about it in `out`.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        self.within(now, out, |engine| {
            engine.route(input);
            engine.let_calls_go_on();
            engine.dispatch_work();
        });
    }

    fn within<T>(
        &mut self,
        now: Now,
        out: &mut Vec<Output>,
        step: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.now = now;
        std::mem::swap(&mut self.out, out);
        let result = step(self);
        std::mem::swap(&mut self.out, out);
        result
    }

    fn route(&mut self, input: Input<'_>) {
        match input {
            Input::Connected(id) => match self.side(id) {
                Some(Side::NameServer) => self.name_server_connected(id),
                Some(Side::Database) => self.database_connected(id),
                Some(Side::Redis) => self.redis_connected(id),
                Some(Side::Hook) => self.hook_connected(id),
                _ => self.provider_connected(id),
            },
            Input::EndPoint(id, hash) => self.end_point_known(id, hash),
            Input::Secured(id) => match self.side(id) {
                Some(Side::Database) => self.database_secured(id),
                Some(Side::Redis) => self.redis_secured(id),
                Some(Side::Hook) => self.hook_secured(id),
                _ => self.provider_secured(id),
            },
            Input::Received(id, bytes) => match self.side(id) {
                Some(Side::Client) => self.client_received(id, bytes),
                Some(Side::Provider) => self.provider_received(id, bytes),
                Some(Side::Database) => self.database_received(id, bytes),
                Some(Side::Redis) => self.redis_received(id, bytes),
                Some(Side::Hook) => self.hook_received(id, bytes),
                Some(Side::NameServer) => self.name_server_received(id, bytes),
                None => self.counters.stale += 1,
            },
            Input::EndOfInput(id) => match self.side(id) {
                Some(Side::Client) => self.client_eof(id),
                Some(Side::Provider) => self.provider_eof(id),
                Some(Side::Database) => self.database_ended(id),
                Some(Side::Redis) => self.redis_ended(id),
                Some(Side::Hook) => self.hook_ended(id),
                Some(Side::NameServer) => self.name_server_ended(id, false),
                None => self.counters.stale += 1,
            },
            Input::HungUp(id) => self.client_hung_up(id),
            Input::Sent(id, bytes) => self.sent(id, bytes),
            Input::Closed(id, gone) => self.closed(id, gone),
            Input::Done(id, result) => self.work_done(id, result),
            Input::Resolved(index, result) => self.name_resolved(index, result),
            Input::Observed(observed) => {
                self.observed_before = std::mem::replace(&mut self.observed, observed);
            }
            Input::Turned(turn) => self.trace.turn(&turn),
            Input::Journal(standing) => self.journal_found(standing),
            Input::Tick => self.tick(),
            Input::Shutdown => self.begin_shutdown(),
        }
    }

    fn side(&self, id: ConnId) -> Option<Side> {
        self.conns.get(id).map(|conn| match conn.role {
            Role::Client(_) => Side::Client,
            Role::Provider(_) => Side::Provider,
            Role::Database(_) => Side::Database,
            Role::Redis(_) => Side::Redis,
            Role::Hook(_) => Side::Hook,
            Role::NameServer(_) => Side::NameServer,
        })
    }

    /// The first bytes that `id` has to send. Returns how many slices were set.
    pub fn unsent<'a>(&'a self, id: ConnId, into: &mut [IoSlice<'a>]) -> usize {
        self.conns
            .get(id)
            .map_or(0, |conn| self.blocks.peek(&conn.out, into))
    }

    /// The work behind [`Output::Submit`].
    pub fn take_work(&mut self, id: WorkId) -> Option<Work> {
        let work = self.works.take(id)?;
        self.blocks.note_work(&work);
        Some(work)
    }

    /// The breakers that have opened or closed since the last call, for the log.
    pub fn breaker_turns(&mut self) -> impl Iterator<Item = BreakerTurn> + '_ {
        self.breaker_turns.drain(..)
    }

    /// When it wants to hear [`Input::Tick`] at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Mono {
        let others =
            self.gates_are_behind() || self.share.is_behind() || self.goes_on_giving_back();
        if self.again.is_empty() && self.readers.is_empty() && !others {
            self.timers.next()
        } else {
            Mono(0)
        }
    }

    /// The ring of spans.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Hashes whatever is to be sent or given to threads from here on, for the recorder.
    pub fn start_digest(&mut self) {
        self.blocks.start_digest();
    }

    /// The hash so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.blocks.digest()
    }

    fn provider_index(&self, name: &str) -> Option<u16> {
        let at = self.provider_names.iter().position(|p| &**p == name)?;
        Some(at as u16)
    }

    fn provider_names(&self) -> String {
        self.provider_names.join(", ")
    }
}

enum Side {
    Client,
    Provider,
    Database,
    Redis,
    Hook,
    NameServer,
}
