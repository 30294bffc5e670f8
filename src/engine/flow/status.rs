//! What the page asks about the house: `GET /providers` and `GET /status`. From the loop alone, at
//! a cost that does not grow with the number of clients: it is asked by every open page every other
//! second.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Provider;
use crate::engine::gate::Gate;
use crate::engine::io::{LAG_BOUNDS_US, Observed};
use crate::engine::now::Mono;
use crate::engine::policy::keys::Key;
use crate::engine::slots::ExchangeId;
use crate::engine::work::Kind;
use crate::engine::{Engine, Failure};

#[derive(Serialize)]
struct ProvidersReply<'a> {
    default: &'a str,
    providers: Vec<ProviderReply<'a>>,
}

/// Neither where it is nor its keys: only what a request may name, and the names of the keys.
#[derive(Serialize)]
struct ProviderReply<'a> {
    name: &'a str,
    kind: &'static str,
    model: &'a str,
    offline: bool,
    keys: Vec<KeyReply>,
}

#[derive(Serialize)]
struct KeyReply {
    name: String,
    state: &'static str,
    calls: usize,
}

impl<'a> ProviderReply<'a> {
    fn new(provider: &'a Provider, gate: &Gate, now: Mono) -> Self {
        let speech = provider.upstream().map(|upstream| upstream.speech.as_str());
        let key = |key: &Key| KeyReply {
            name: key.name.to_string(),
            state: gate.key_state(key, now),
            calls: key.calls,
        };
        ProviderReply {
            name: &provider.name,
            kind: speech.unwrap_or("offline"),
            model: &provider.model,
            offline: speech.is_none(),
            keys: gate.keys.iter().map(key).collect(),
        }
    }
}

#[derive(Serialize)]
struct StatusReply {
    version: &'static str,
    uptime_s: u64,
    /// Being answered, this one not counted.
    requests: usize,
    connections: usize,
    connections_max: usize,
    calls: CallsReply,
    queues: BTreeMap<&'static str, QueueReply>,
    limits: LimitsReply,
    store: StoreReply,
    r#loop: LoopReply,
}

/// Calls to providers, the offline one included.
#[derive(Serialize)]
struct CallsReply {
    /// In line for a turn, without a connection yet, or resting before another attempt.
    waiting: usize,
    running: usize,
}

#[derive(Serialize)]
struct QueueReply {
    waiting: usize,
    waiting_max: usize,
    running: usize,
}

/// How requests and tokens are counted.
#[derive(Serialize)]
struct LimitsReply {
    /// `process`: by this one alone; `redis`, `postgresql`: together with others, there.
    counted_by: &'static str,
    /// They should be counted together, and are not at the moment.
    degraded: bool,
}

/// Where rows are kept. What is only there with a server is `null` without one.
#[derive(Serialize)]
struct StoreReply {
    kind: &'static str,
    /// Why nothing can be asked of it at the moment.
    away: Option<&'static str>,
    connections: Option<ConnectionsReply>,
    orders: Option<OrdersReply>,
    journal: JournalReply,
}

/// Connections to the server of the database.
#[derive(Serialize)]
struct ConnectionsReply {
    ready: usize,
    opening: usize,
    max: usize,
}

/// Questions and changes for it.
#[derive(Serialize)]
struct OrdersReply {
    /// On no connection.
    waiting: usize,
    /// On one, and not answered.
    sent: usize,
}

/// What it has not taken.
#[derive(Serialize)]
struct JournalReply {
    rows: u64,
    bytes: u64,
    /// Refused as such.
    aside: u64,
}

/// The loop, over the last second in which it was observed.
#[derive(Debug, PartialEq, Serialize)]
struct LoopReply {
    turns: u64,
    busy: f64,
    /// 99 of 100 turns took no longer; `null` if that is longer than the last bound.
    turn_p99_us: Option<u64>,
    /// Since the start.
    turn_max_us: u64,
}

impl LoopReply {
    fn between(before: &Observed, now: &Observed) -> Self {
        let turns = now.turns.saturating_sub(before.turns);
        let nanos = now.elapsed_ns.saturating_sub(before.elapsed_ns);
        let busy = now.busy_ns.saturating_sub(before.busy_ns);
        let counts = (now.lag.iter().zip(&before.lag)).map(|(now, was)| now.saturating_sub(*was));
        let all: u64 = counts.clone().sum();
        let mut seen = 0;
        let at = counts.map(|count| {
            seen += count;
            seen
        });
        let at = at
            .take_while(|seen| u128::from(*seen) * 100 < u128::from(all) * 99)
            .count();
        LoopReply {
            turns,
            busy: if nanos == 0 {
                0.0
            } else {
                busy as f64 / nanos as f64
            },
            turn_p99_us: LAG_BOUNDS_US.get(at).copied(),
            turn_max_us: now.lag_max_ns / 1_000,
        }
    }
}

impl Engine {
    /// `GET /providers`: what `provider` and `model` of a request may be.
    pub(super) fn reply_providers(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let config = std::sync::Arc::clone(&self.config);
        let now = self.now.mono;
        let reply = ProvidersReply {
            default: &config.default_provider,
            providers: (config.providers.iter().zip(&self.gates))
                .map(|(provider, gate)| ProviderReply::new(provider, gate, now))
                .collect(),
        };
        self.reply_json(id, 200, &reply);
        Ok(())
    }

    /// `GET /status`
    pub(super) fn reply_status(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let queue = |kind: Kind| {
            let depth = self.works.depth(kind);
            let reply = QueueReply {
                waiting: depth.waiting,
                waiting_max: depth.waiting_max,
                running: depth.running,
            };
            (kind.as_str(), reply)
        };
        let reply = StatusReply {
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: self.now.mono.0 / 1_000_000_000,
            requests: self.exchanges.len().saturating_sub(1),
            connections: self.clients,
            connections_max: self.clients_max,
            calls: self.calls_reply(),
            queues: Kind::ALL.into_iter().map(queue).collect(),
            limits: self.limits_reply(),
            store: self.store_reply(),
            r#loop: LoopReply::between(&self.observed_before, &self.observed),
        };
        self.reply_json(id, 200, &reply);
        Ok(())
    }

    fn limits_reply(&self) -> LimitsReply {
        let shared = self.rates.is_shared() && !self.counts_alone();
        LimitsReply {
            counted_by: match &self.config.redis {
                _ if !shared => "process",
                Some(_) => "redis",
                None => "postgresql",
            },
            degraded: self.counts_alone(),
        }
    }

    fn store_reply(&self) -> StoreReply {
        let server = self.database_standing();
        let journal = self.spill.standing();
        StoreReply {
            kind: server.map_or("sqlite", |_| "postgresql"),
            away: self.database_is_away(),
            connections: server.map(|server| ConnectionsReply {
                ready: server.ready,
                opening: server.opening,
                max: server.connections,
            }),
            orders: server.map(|server| OrdersReply {
                waiting: server.waiting,
                sent: server.sent,
            }),
            journal: JournalReply {
                rows: journal.rows,
                bytes: journal.bytes,
                aside: journal.aside,
            },
        }
    }

    /// Whoever has its turn and needs no connection any more is at work, and all others wait. Told
    /// from the accounts of the gates and the pools: no call is looked at.
    fn calls_reply(&self) -> CallsReply {
        let turns: usize = self.gates.iter().map(|gate| gate.permits.used()).sum();
        let without_conn: usize = self.pools.iter().map(|pool| pool.waiting.len()).sum();
        let running = turns.saturating_sub(without_conn);
        CallsReply {
            waiting: self.calls.len().saturating_sub(running),
            running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_is_shown_as_it_was_in_the_last_second_and_not_since_the_start() {
        let (mut before, mut now) = (Observed::default(), Observed::default());
        before.turns = 1_000;
        before.lag[9] = 1_000; // a bad start: 250 ms each
        now.turns = 1_200;
        now.lag[9] = 1_000;
        now.lag[0] = 197;
        now.lag[4] = 3; // three of two hundred took a millisecond
        now.elapsed_ns = 1_000_000_000;
        now.busy_ns = 250_000_000;
        let seen = LoopReply::between(&before, &now);
        let expected = LoopReply {
            turns: 200,
            busy: 0.25,
            turn_p99_us: Some(1_000),
            turn_max_us: 0,
        };
        assert_eq!(seen, expected);
        now.lag[10] = 10; // and ten took longer than any bound
        assert_eq!(LoopReply::between(&before, &now).turn_p99_us, None);
    }

    #[test]
    fn a_loop_that_was_never_observed_is_not_slow() {
        let never = Observed::default();
        let seen = LoopReply::between(&never, &never);
        assert_eq!((seen.turns, seen.turn_p99_us), (0, Some(LAG_BOUNDS_US[0])));
    }
}
