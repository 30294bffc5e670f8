//! A cluster: a key is with another server than the one that was asked, which says with whom.
//!
//! ```text
//!  command ─► who is known to have its slot ─┬─► answer
//!                 ▲                          ├─ MOVED: learned, and asked there ──┐
//!                 └──────────────────────────┴─ ASK:   asked there, this once ────┘ three times at most
//! ```
//! Where a server is, another one says: a peer. It is followed only where `redis.cluster` is set, to so
//! many servers at most, with the same name, password and TLS; and only about the slot that was asked for.
//! A server that is not connected yet is connected to, and this command does without: whoever has asked goes on
//! alone, as if there were no Redis.

use super::Trouble;
use super::link::Caller;
use crate::engine::dial::why_no_dial;
use crate::engine::names::Name;
use crate::engine::slots::ConnId;
use crate::engine::{Engine, Failure};
use crate::limits::{REDIS_AGAIN_BYTES, REDIS_REDIRECTS};
use crate::proto::redis::slot::slot;
use crate::proto::redis::{Redirect, Refusal, Reply, map};

/// What is needed to ask another server the same.
#[derive(Debug)]
pub(super) struct Trip {
    slot: u16,
    words: Vec<Vec<u8>>,
    /// Servers that have said to go elsewhere.
    hops: u8,
}

impl Trip {
    /// Of a command about `key`. A long one is not kept: it can do without.
    pub(super) fn new<A: AsRef<[u8]>>(key: &str, words: &[A], hops: u8) -> Option<Box<Trip>> {
        let bytes: usize = words.iter().map(|word| word.as_ref().len()).sum();
        let slot = slot(key.as_bytes());
        (bytes <= REDIS_AGAIN_BYTES).then(|| {
            let words = words.iter().map(|word| word.as_ref().to_vec()).collect();
            Box::new(Trip { slot, words, hops })
        })
    }
}

impl Engine {
    /// Asks where `refusal` says. `false`: nobody is asked, and there will be no answer.
    pub(super) fn follow(
        &mut self,
        from: ConnId,
        refusal: &Refusal,
        to: Caller,
        trip: Option<Box<Trip>>,
    ) -> bool {
        let (redirect, once) = match refusal {
            Refusal::Moved(redirect) => (redirect, false),
            Refusal::Ask(redirect) => (redirect, true),
            _ => return false,
        };
        let Some(trip) = trip.filter(|trip| trip.slot == redirect.slot) else {
            return false;
        };
        let Redirect { slot, host, port } = redirect;
        let Some(node) = self.place_of(from, host.as_deref(), *port) else {
            return false;
        };
        if let Some(redis) = self.redis.as_mut().filter(|_| !once) {
            redis.nodes.learn(*slot, *slot, node);
        }
        if trip.hops >= REDIS_REDIRECTS {
            return false;
        }
        // If there is room for the first and not for the second, the first changes nothing.
        let asks = !once || self.send_redis(node, &["ASKING"], Caller::Nobody, None);
        let again = Trip {
            slot: *slot,
            words: trip.words.clone(),
            hops: trip.hops + 1,
        };
        let sent = asks && self.send_redis(node, &trip.words, to, Some(Box::new(again)));
        if let Some(redis) = self.redis.as_mut().filter(|_| sent) {
            redis.counts.followed += 1;
        }
        sent
    }

    /// The place of the server that another one has named.
    fn place_of(&mut self, from: ConnId, host: Option<&str>, port: u16) -> Option<usize> {
        let now = self.now.mono;
        let from = self.redis_link(from)?.node;
        let redis = self
            .redis
            .as_mut()
            .filter(|redis| redis.nodes.is_cluster())?;
        let host: Box<str> = match host {
            Some(host) => host.into(),
            None => redis.nodes.get(from)?.host.clone(),
        };
        let first = usize::from(redis.name);
        let names = &self.names;
        let is_free = |node: usize| {
            let name = names.get(first + node);
            name.is_some_and(|name| !name.asking && name.waiting.is_empty())
        };
        let (node, is_new) = redis.nodes.place(now, &host, port, is_free)?;
        if let Some(name) = self.names.get_mut(first + node).filter(|_| is_new) {
            *name = Name::default();
        }
        Some(node)
    }

    /// Asks which server has what.
    pub(super) fn ask_for_map(&mut self, id: ConnId) {
        let node = self.redis_link(id).map(|link| link.node);
        let is_cluster = (self.redis.as_ref()).is_some_and(|redis| redis.nodes.is_cluster());
        if let Some(node) = node.filter(|_| is_cluster) {
            self.send_redis(node, &["CLUSTER", "SLOTS"], Caller::Map(id), None);
        }
    }

    /// A server has said which one has what. Each of them is connected to.
    pub(super) fn map_answered(&mut self, from: ConnId, reply: Option<&Reply>) {
        let ranges = reply.into_iter().flat_map(map::ranges);
        for range in ranges {
            let Some(node) = self.place_of(from, range.host, range.port) else {
                continue;
            };
            if let Some(redis) = &mut self.redis {
                redis.nodes.learn(range.first, range.last, node);
            }
            self.wake_node(node);
        }
    }

    /// A server is wanted that is not connected: it will be.
    pub(super) fn wake_node(&mut self, node: usize) {
        let now = self.now.mono;
        let Some(redis) = &mut self.redis else {
            return;
        };
        let name = redis.name + node as u16;
        // The first one is looked after by its timer.
        let Some(wanted) =
            (redis.nodes.get_mut(node)).filter(|wanted| node > 0 && wanted.may_dial(now))
        else {
            return;
        };
        wanted.dialing = true;
        if let Err(failure) = self.dial(name) {
            self.no_redis_dial(name, &failure);
        }
    }

    /// An attempt to connect is over, without a connection.
    pub(in crate::engine) fn no_redis_dial(&mut self, index: u16, failure: &Failure) {
        let Some(redis) = &mut self.redis else {
            return;
        };
        let node = usize::from(index.saturating_sub(redis.name));
        if let Some(node) = redis.nodes.get_mut(node) {
            node.dialing = false;
        }
        self.redis_is_away(node, Trouble::Unreachable(why_no_dial(failure)));
    }
}
