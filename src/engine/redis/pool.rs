//! When there is a connection to Redis: opened at the start, and again whenever it was lost, after a
//! wait that doubles. One attempt at a time: a server that starts, or has no place left, is not stormed.

use super::link::LinkPhase;
use super::{Trouble, Turn};
use crate::engine::conn::Wait;
use crate::engine::dial::why_no_dial;
use crate::engine::io::{Gone, How};
use crate::engine::slots::ConnId;
use crate::engine::timers::Owner;
use crate::engine::{Engine, Failure, Mono};

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
        if redis.dialing || redis.link.is_some() {
            return;
        }
        redis.timer.clear();
        redis.dialing = true;
        let name = redis.name;
        if let Err(failure) = self.dial(name) {
            self.no_redis_dial(&failure);
        }
    }

    /// An attempt to connect is over, without a connection.
    pub(in crate::engine) fn no_redis_dial(&mut self, failure: &Failure) {
        if let Some(redis) = &mut self.redis {
            redis.dialing = false;
        }
        self.redis_is_away(Trouble::Unreachable(why_no_dial(failure)));
    }

    /// We are let in.
    pub(super) fn redis_ready(&mut self, id: ConnId) {
        let Some(redis) = &mut self.redis else {
            return;
        };
        redis.counts.opened += 1;
        redis.backoff.succeeded();
        if redis.trouble.take().is_some() || redis.counts.opened == 1 {
            redis.turns.push(Turn::Reached);
        }
        if let Some(link) = self.redis_link(id) {
            link.phase = LinkPhase::Ready;
        }
        self.set_wait(id, Wait::Redis, Mono::NEVER);
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
        let was_ready = link.phase == LinkPhase::Ready;
        let lost: Vec<_> = link.end().collect();
        self.close_conn(id, How::Plain);
        if let Some(redis) = &mut self.redis {
            redis.counts.lost += u64::from(was_ready);
            redis.counts.unanswered += lost.len() as u64;
        }
        self.redis_is_away(trouble);
        for caller in lost {
            self.caller_answered(caller, None);
        }
    }

    /// There is no connection, for this reason.
    fn redis_is_away(&mut self, trouble: Trouble) {
        let now = self.now.mono;
        let Some(redis) = &mut self.redis else {
            return;
        };
        redis.link = None;
        redis.counts.refused += u64::from(redis.trouble.is_some() || redis.counts.opened == 0);
        redis.backoff.failed(now, 0, &mut self.random);
        if !matches!(trouble, Trouble::Denied(_)) {
            let at = redis.backoff.until();
            self.timers.set(Owner::Redis, &mut redis.timer, at);
        }
        // What has not changed is not told again.
        if redis.trouble.as_ref() != Some(&trouble) {
            redis.turns.push(Turn::Away(trouble.clone()));
            redis.trouble = Some(trouble);
        }
        self.counter_is_there(false);
    }

    /// Takes a connection off the list.
    pub(in crate::engine) fn strike_from_redis(&mut self, id: ConnId) {
        if let Some(redis) = &mut self.redis
            && redis.link == Some(id)
        {
            redis.link = None;
        }
    }
}
