//! Our own resolver: names are looked up by asking name servers, as one more wait of the loop.
//!
//! It is used where the configuration names servers (`dns`); elsewhere the threads of the reactor
//! call `getaddrinfo`. Both fill the same table (`names.rs`).
//!
//! ```text
//!             ┌─ AAAA ─► server 1 ── 1 s ──► server 2 ── 1 s ──► server 3
//!  look-up ───┤             │ refuses: the next one at once
//!             └─ A ─► …     │ truncated, or strays: the same question over TCP
//!
//!  both have answered      the addresses, IPv6 first        all refuse    failed
//!  AAAA alone              to be dialled; A comes behind    nobody says   3 s
//!  A alone, for 50 ms      to be dialled; AAAA comes behind
//!  neither has any         that is known for 5 s at most
//! ```
//! Every question has a socket of its own, with a port that the kernel draws and an id that
//! `chance.rs` draws, connected to its server: the kernel drops what comes from elsewhere, and an
//! answer that does not fit the question is counted and dropped. A socket that is answered has done
//! its work.
//!
//! What it does not do, and why it is there: docs/decisions/0022-a-resolver-of-our-own.md.
//! `lookup.rs` has the rules of one look-up, `ask.rs` its sockets.

mod ask;
mod lookup;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

pub use self::ask::{Question, Transport};
pub use self::lookup::{Half, Lookup, Outcome, Verdict};

use super::chance::Secrets;
use super::check::{Broken, holds};
use super::conn::Role;
use super::io::ResolveFault;
use super::timers::Owner;
use super::{Engine, failure::Upstream};
use crate::limits::{DNS_DENIED_MS, DNS_LOOKUPS, DNS_SOCKETS};
use crate::proto::dns::{Kind, Name};

/// Look-ups, and what they need. See the module.
#[derive(Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
    /// By the name's place in the table of names.
    running: BTreeMap<u16, Lookup>,
    /// Names whose look-up has to wait for another one to end.
    waiting: VecDeque<u16>,
    ids: Secrets,
}

impl Resolver {
    /// One that asks these servers; without any it is never used.
    #[must_use]
    pub fn new(servers: &[SocketAddr], seed: u64) -> Self {
        Resolver {
            servers: servers.to_vec(),
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            ids: Secrets::new(seed),
        }
    }

    /// Whether there is anybody to ask.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.servers.is_empty()
    }

    /// The most sockets it may have open, for so many names.
    #[must_use]
    pub fn sockets_max(servers: &[SocketAddr], names: usize) -> usize {
        if servers.is_empty() {
            return 0;
        }
        names.min(DNS_LOOKUPS) * DNS_SOCKETS
    }

    /// Look-ups that are going on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether nothing is being looked up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether addresses of this name may still come.
    #[must_use]
    pub fn is_looking_up(&self, index: u16) -> bool {
        self.running.contains_key(&index)
    }

    /// A look-up that is going on.
    pub fn lookup(&mut self, index: u16) -> Option<&mut Lookup> {
        self.running.get_mut(&index)
    }
}

impl Engine {
    /// Begins the look-up of a name, or puts it in line.
    pub(super) fn begin_lookup(&mut self, index: u16) {
        let Ok(name) = Name::parse(self.host_name(index)) else {
            self.end_lookup(index);
            return self.deny_name(index, ResolveFault::NoSuchName, DNS_DENIED_MS);
        };
        if self.resolver.running.len() >= DNS_LOOKUPS {
            self.resolver.waiting.push_back(index);
            return;
        }
        self.counters.lookups += 1;
        let lookup = Lookup::new(name, self.now.mono);
        self.resolver.running.insert(index, lookup);
        for kind in [Kind::Aaaa, Kind::A] {
            self.ask_next(index, kind, true);
        }
        self.set_lookup_timer(index);
    }

    /// Time has passed for a look-up.
    pub(super) fn lookup_due(&mut self, index: u16) {
        let now = self.now.mono;
        let Some(lookup) = self.resolver.lookup(index) else {
            return;
        };
        if lookup.is_over(now) {
            return self.lookup_unanswered(index);
        }
        if lookup.takes_retry(now) {
            for kind in [Kind::Aaaa, Kind::A] {
                self.ask_next(index, kind, true);
            }
        }
        self.settle_lookup(index);
    }

    /// Does what follows from what is known by now.
    pub(super) fn settle_lookup(&mut self, index: u16) {
        let now = self.now.mono;
        let Some(lookup) = self.resolver.lookup(index) else {
            return;
        };
        match lookup.verdict(now) {
            Verdict::Start if lookup.told.is_empty() => {
                let (all, fresh_ms) = lookup.found();
                lookup.tell(all.clone(), now);
                self.set_lookup_timer(index);
                self.learn_name(index, all, fresh_ms);
            }
            Verdict::Wait | Verdict::Start => self.set_lookup_timer(index),
            Verdict::Found => {
                if let Some(lookup) = self.end_lookup(index) {
                    let (all, fresh_ms) = lookup.found();
                    self.add_addresses(index, &late(&lookup.told, &all));
                    self.learn_name(index, all, fresh_ms);
                }
            }
            Verdict::Denied { fault, keep_ms } => {
                self.end_lookup(index);
                self.deny_name(index, fault, keep_ms);
            }
            Verdict::Failed => {
                self.end_lookup(index);
                self.name_resolved(index, Err(ResolveFault::Failed));
            }
        }
    }

    /// The servers have had their time. Those who wait have a time limit of their own; whoever came
    /// late enough to have some of it left begins again.
    fn lookup_unanswered(&mut self, index: u16) {
        let Some(lookup) = self.end_lookup(index) else {
            return;
        };
        if lookup.told.is_empty() {
            self.counters.lookups_failed += 1;
        } else {
            self.add_addresses(index, &[]);
        }
        if !self.names[index as usize].waiting.is_empty() {
            self.look_up(index);
        }
    }

    /// Nobody waits for a look-up any longer, or it has its answer. The next in line begins.
    pub(super) fn end_lookup(&mut self, index: u16) -> Option<Lookup> {
        self.resolver.waiting.retain(|waiting| *waiting != index);
        self.names[index as usize].asking = false;
        let mut lookup = self.resolver.running.remove(&index)?;
        for kind in [Kind::A, Kind::Aaaa] {
            self.close_questions(std::mem::take(&mut lookup.half(kind).sockets));
        }
        if let Some(next) = self.resolver.waiting.pop_front() {
            self.begin_lookup(next);
        }
        Some(lookup)
    }

    /// Fails whoever waits for a name, because the answer is no.
    fn deny_name(&mut self, index: u16, fault: ResolveFault, keep_ms: u64) {
        self.counters.lookups_failed += 1;
        self.names[index as usize].deny(self.now.mono, fault, keep_ms);
        self.serve_name(index, &Err(Upstream::Name(fault)));
    }

    /// Gives whoever waits for a name its addresses.
    fn learn_name(&mut self, index: u16, addresses: Vec<IpAddr>, fresh_ms: u64) {
        self.names[index as usize].learn(self.now.mono, addresses.clone(), fresh_ms);
        self.serve_name(index, &Ok(addresses));
    }

    fn set_lookup_timer(&mut self, index: u16) {
        if let Some(lookup) = self.resolver.running.get_mut(&index) {
            let at = lookup.wake_at();
            self.timers.set(Owner::Lookup(index), &mut lookup.timer, at);
        }
    }

    /// Whether the look-ups and their sockets agree.
    pub(super) fn check_resolver(&self) -> Result<(), Broken> {
        let mut sockets = 0;
        for (index, lookup) in &self.resolver.running {
            for (kind, half) in lookup.halves() {
                sockets += half.sockets.len();
                for id in &half.sockets {
                    let back = self.conns.get(*id).map(|conn| &conn.role);
                    let whose = matches!(back, Some(Role::NameServer(question))
                        if question.name == *index && question.kind == kind);
                    holds(whose && half.is_asking(), || {
                        format!("{id:?} does not ask for {kind:?} of name {index}")
                    })?;
                }
            }
        }
        let questions = self.conns.iter();
        let questions = questions.filter(|(_, c)| matches!(c.role, Role::NameServer(_)));
        let (open, running) = (questions.count(), self.resolver.running.len());
        holds(open == sockets && open <= running * DNS_SOCKETS, || {
            format!("{open} questions, {sockets} of {running} look-ups")
        })?;
        let idle = running < DNS_LOOKUPS && !self.resolver.waiting.is_empty();
        holds(!idle, || "a look-up waits for nothing".into())
    }
}

/// Those of `all` that nobody was told of yet, if somebody was told of any.
fn late(told: &[IpAddr], all: &[IpAddr]) -> Vec<IpAddr> {
    let new = all
        .iter()
        .filter(|ip| !told.is_empty() && !told.contains(ip));
    new.copied().collect()
}
