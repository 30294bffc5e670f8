//! When there is a connection to Redis: opened at the start, and again whenever it was lost, after a
//! wait that doubles. One attempt at a time: a server that starts, or has no place left, is not stormed.
//! Those to the other servers of a cluster are opened when they are wanted (`redirect.rs`).

use super::link::LinkPhase;
use super::{Trouble, Turn};
use crate::engine::conn::Wait;
use crate::engine::io::{Gone, How};
use crate::engine::slots::ConnId;
use crate::engine::timers::Owner;
use crate::engine::{Engine, Mono};
use crate::limits::REDIS_DENIED_MS;

impl Engine {
    /// Sees to it that there is a first attempt.
    pub(in crate::engine) fn begin_redis(&mut self) {
        if let Some(redis) = &mut self.redis {
            self.timers.set(Owner::Redis, &mut redis.timer, Mono(0));
            self.rates.set_alone(true); // until it is there
        }
    }

    /// The next attempt is due.
    pub(in crate::engine) fn redis_due(&mut self) {
        let Some(redis) = &mut self.redis else {
            return;
        };
        let name = redis.name;
        let Some(first) = redis.nodes.get_mut(0).filter(|first| first.is_idle()) else {
            return;
        };
        first.dialing = true;
        redis.timer.clear();
        if let Err(failure) = self.dial(name) {
            self.no_redis_dial(name, &failure);
        }
    }

    /// We are let in.
    pub(super) fn redis_ready(&mut self, id: ConnId) {
        let Some(link) = self.redis_link(id) else {
            return;
        };
        link.phase = LinkPhase::Ready;
        let at = link.node;
        let Some(redis) = &mut self.redis else {
            return;
        };
        redis.counts.opened += 1;
        if let Some(node) = redis.nodes.get_mut(at) {
            node.ready = true;
            node.backoff.succeeded();
            let is_news = node.trouble.take().is_some() || !node.opened;
            node.opened = true;
            if is_news && at == 0 {
                redis.turns.push(Turn::Reached);
            }
        }
        self.set_wait(id, Wait::Redis, Mono::NEVER);
        if at == 0 {
            self.ask_for_map(id);
        }
        self.tell_deletions();
        self.counter_is_there(true);
    }

    /// The server will say nothing more.
    pub(in crate::engine) fn redis_ended(&mut self, id: ConnId) {
        self.redis_failed(id, Trouble::Unreachable("it has closed the connection"));
    }

    /// The connection is gone; the reactor has closed its socket already.
    pub(in crate::engine) fn redis_gone(&mut self, id: ConnId, gone: Gone) {
        if let Some(LinkPhase::Connecting(dial)) = self.redis_link(id).map(|link| link.phase) {
            self.remove_conn(id);
            self.dial_refused(id, dial, gone);
        } else {
            self.redis_failed(id, Trouble::Unreachable(gone.words()));
        }
    }

    /// An answer is too late, or we were not let in in time.
    pub(in crate::engine) fn redis_late(&mut self, id: ConnId) {
        self.redis_failed(id, Trouble::Unreachable("it does not answer in time"));
    }

    /// The connection is of no use any more. Whoever waits for an answer goes on without.
    pub(super) fn redis_failed(&mut self, id: ConnId, trouble: Trouble) {
        let Some(link) = self.redis_link(id) else {
            return;
        };
        let (was_ready, node) = (link.phase == LinkPhase::Ready, link.node);
        let lost: Vec<_> = link.end().collect();
        self.close_conn(id, How::Plain);
        if let Some(redis) = &mut self.redis {
            redis.counts.lost += u64::from(was_ready);
            redis.counts.unanswered += lost.len() as u64;
        }
        self.redis_is_away(node, trouble);
        for caller in lost {
            self.caller_answered(caller, None);
        }
    }

    /// There is no connection to this server, for this reason.
    pub(super) fn redis_is_away(&mut self, at: usize, trouble: Trouble) {
        let now = self.now.mono;
        let Some(redis) = &mut self.redis else {
            return;
        };
        let Some(node) = redis.nodes.get_mut(at) else {
            return;
        };
        (node.link, node.ready) = (None, false);
        redis.counts.refused += u64::from(node.trouble.is_some() || !node.opened);
        let least_ms = match trouble {
            Trouble::Denied(_) => REDIS_DENIED_MS,
            Trouble::Unreachable(_) | Trouble::Refused(_) => 0,
        };
        node.backoff.failed(now, least_ms, &mut self.random);
        let is_news = node.trouble.as_ref() != Some(&trouble);
        node.trouble = Some(trouble.clone());
        if at > 0 {
            redis.nodes.forget(at); // the others know who has its slots now
        } else {
            let at = node.backoff.until();
            self.timers.set(Owner::Redis, &mut redis.timer, at);
            // What has not changed is not told again.
            if is_news {
                redis.turns.push(Turn::Away(trouble));
            }
        }
        let there = redis.nodes.iter().any(|node| node.ready);
        self.counter_is_there(there);
    }

    /// Takes a connection off the list.
    pub(in crate::engine) fn strike_from_redis(&mut self, id: ConnId) {
        let Some(redis) = &mut self.redis else {
            return;
        };
        if let Some(node) = redis.nodes.iter_mut().find(|node| node.link == Some(id)) {
            (node.link, node.ready) = (None, false);
        }
    }
}
