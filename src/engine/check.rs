//! Invariants: what must hold after every step, whatever happened.
//!
//! The simulation asks after each step of each of its runs. Nothing here is needed to serve.

use std::fmt;

use super::Engine;
use super::call::Stage;
use super::conn::{ProviderPhase, Role};
use super::exchange::Held;
use super::generation::{Generation, Phase};
use super::policy::breaker::{self, Pass};

/// An invariant that does not hold, in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn holds(what: bool, words: impl FnOnce() -> String) -> Result<(), Broken> {
    if what { Ok(()) } else { Err(Broken(words())) }
}

impl Engine {
    /// Whether all invariants hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.check_clients()?;
        self.check_pools()?;
        self.check_gates()?;
        self.check_listeners()?;
        self.check_ledger()?;
        self.check_rates()?;
        self.check_archive()?;
        self.check_resolver()?;
        self.check_database()?;
        self.check_jobs()?;
        self.check_redis()?;
        self.check_hooks()?;
        // Swept once a turn to twice the owners; between two turns a few are added.
        let owners = self.owners();
        holds(self.timers.len() <= 2 * owners + 1024, || {
            format!("{} timers for {owners} owners", self.timers.len())
        })
    }

    /// Whether nothing is left of all that ever happened, but for texts kept for resume.
    pub fn check_empty(&self) -> Result<(), Broken> {
        self.check()?;
        let unfinished = self
            .generations
            .iter()
            .filter(|(_, g)| g.phase != Phase::Finished)
            .count();
        for (what, count) in [
            ("clients", self.clients),
            ("exchanges", self.exchanges.len()),
            ("unfinished generations", unfinished),
            ("calls", self.calls.len()),
            ("dials", self.dials.len()),
            ("look-ups", self.resolver.len()),
            ("pieces of work", self.works.len()),
            ("idempotency keys", self.keys.len()),
            ("watched jobs", self.jobs.watches.len()),
        ] {
            holds(count == 0, || format!("{count} {what} are left"))?;
        }
        Ok(())
    }

    fn check_clients(&self) -> Result<(), Broken> {
        let (mut clients, mut busy) = (0, 0);
        for (id, conn) in self.conns.iter() {
            let Role::Client(client) = &conn.role else {
                continue;
            };
            clients += 1;
            if let Some(exchange) = client.exchange {
                busy += 1;
                let back = self.exchanges.get(exchange).map(|e| e.conn);
                holds(back == Some(id), || {
                    format!("{id:?} and {exchange:?} disagree")
                })?;
            }
        }
        let imports = (self.exchanges.iter())
            .filter(|(_, e)| e.held.import)
            .count();
        holds(imports == self.imports, || {
            format!("{imports} imports, counted as {}", self.imports)
        })?;
        holds(clients == self.clients, || {
            format!("{clients} clients, counted as {}", self.clients)
        })?;
        holds(busy == self.exchanges.len(), || {
            format!("{busy} busy clients, {} exchanges", self.exchanges.len())
        })
    }

    /// What is reserved is what texts hold whose calls have not ended: at rest, nothing.
    fn check_rates(&self) -> Result<(), Broken> {
        let mut open = 0;
        for (id, generation) in self.generations.iter() {
            let Some(reserved) = &generation.result.charge.reserved else {
                continue;
            };
            open += reserved.tokens();
            holds(generation.phase == Phase::Calling, || {
                format!("{id:?} holds what it has reserved after its call")
            })?;
        }
        holds(open == self.rates.open_tokens(), || {
            let counted = self.rates.open_tokens();
            format!("{open} tokens are reserved, counted as {counted}")
        })
    }

    fn check_pools(&self) -> Result<(), Broken> {
        for (index, pool) in self.pools.iter().enumerate() {
            let (mut leased, mut idle, mut securing) = (0, 0, 0);
            for (id, conn) in self.conns.iter() {
                let Role::Provider(provider) = &conn.role else {
                    continue;
                };
                if provider.pool as usize != index {
                    continue;
                }
                match provider.phase {
                    ProviderPhase::Leased(call) => {
                        leased += 1;
                        holds(self.calls.get(call).is_some(), || {
                            format!("{id:?} works for a call that is gone")
                        })?;
                    }
                    ProviderPhase::Tail => leased += 1,
                    ProviderPhase::Idle => {
                        idle += 1;
                        holds(!conn.paused, || format!("{id:?} is idle and not read"))?;
                    }
                    ProviderPhase::Securing => securing += 1,
                    ProviderPhase::Connecting(dial) => {
                        holds(self.dials.get(dial).is_some(), || {
                            format!("{id:?} connects for a dial that is gone")
                        })?;
                    }
                }
            }
            let dials = self
                .dials
                .iter()
                .filter(|(_, dial)| dial.pool as usize == index)
                .count();
            holds(
                (leased, idle, securing + dials) == (pool.leased, pool.idle.len(), pool.opening),
                || format!("pool {index}: {leased} {idle} {securing}+{dials}, counted as {pool:?}"),
            )?;
            holds(pool.total() <= pool.max, || {
                format!("pool {index} is over its bound")
            })?;
        }
        Ok(())
    }

    fn check_gates(&self) -> Result<(), Broken> {
        for (index, gate) in self.gates.iter().enumerate() {
            let calls = || (self.calls.iter()).filter(|(_, call)| call.provider as usize == index);
            let turns = calls().filter(|(_, call)| call.turn.is_some()).count();
            let permits = &gate.permits;
            let fits = turns <= permits.max() || gate.adaptive.is_some();
            holds(turns == permits.used() && fits, || {
                format!("{turns} calls have their turn, counted in {gate:?}")
            })?;
            let waiting = calls().filter(|(_, call)| matches!(call.stage, Stage::Waiting));
            holds(waiting.count() == permits.waiting(), || {
                format!("those who wait are not those in line of {gate:?}")
            })?;
            let probes = calls()
                .filter(|(_, call)| call.turn == Some(Pass::Probe))
                .count();
            let probing = matches!(gate.breaker.state(), breaker::State::Probing { .. });
            holds(probes == usize::from(probing), || {
                format!("{probes} probes for {gate:?}")
            })?;
            // The next turn is taken before the present input is done with, or soon.
            let idle = permits.used() < permits.max() && permits.waiting() > 0;
            holds(!idle || gate.listed, || {
                format!("a turn is free and somebody waits at {gate:?}")
            })?;
        }
        for (id, call) in self.calls.iter() {
            let works = !matches!(call.stage, Stage::Waiting | Stage::BackOff);
            holds(works == call.turn.is_some(), || {
                format!("{id:?} is at work without its turn, or the other way round")
            })?;
        }
        Ok(())
    }

    fn check_listeners(&self) -> Result<(), Broken> {
        for (id, generation) in self.generations.iter() {
            for exchange in &generation.subscribers {
                let back = self.exchanges.get(*exchange).map(|e| &e.held);
                let knows = |h: &Held| h.generation == Some(id) || h.party.contains(&id);
                holds(back.is_some_and(knows), || {
                    format!("{id:?} is listened to by {exchange:?}, which is elsewhere")
                })?;
            }
        }
        for (id, exchange) in self.exchanges.iter() {
            let held = &exchange.held;
            for generation in held.generation.iter().chain(&held.party) {
                let listens = self
                    .generations
                    .get(*generation)
                    .is_some_and(|g| g.subscribers.contains(&id));
                holds(listens, || {
                    format!("{id:?} waits for a text that does not know it")
                })?;
            }
        }
        for (id, call) in self.calls.iter() {
            let text = self.generations.get(call.generation);
            let works = text.is_some_and(|g| [g.call, g.hedge].contains(&Some(id)));
            holds(works, || format!("{id:?} works for nobody"))?;
        }
        Ok(())
    }

    fn check_archive(&self) -> Result<(), Broken> {
        // A chat cannot be resumed, and is only there until its client has all of it.
        let finished = |(_, g): &(_, &Generation)| g.phase == Phase::Finished && !g.is_chat();
        let (mut kept, mut bytes) = (0, 0);
        for (id, generation) in self.generations.iter().filter(finished) {
            if !generation.kept {
                holds(!generation.subscribers.is_empty(), || {
                    format!("{id:?} is finished, and for nobody")
                })?;
                continue;
            }
            kept += 1;
            bytes += generation.text.len();
            holds(
                self.replay.iter().filter(|kept| **kept == id).count() == 1,
                || format!("{id:?} is finished and not kept once"),
            )?;
        }
        holds(
            (kept, bytes) == (self.replay.len(), self.replay_bytes),
            || {
                format!(
                    "{kept} texts of {bytes} bytes are kept, counted as {} of {}",
                    self.replay.len(),
                    self.replay_bytes
                )
            },
        )?;
        let listed = self.by_id.len().max(self.by_prompt.len());
        holds(listed <= self.generations.len(), || {
            format!("{listed} ids for {} texts", self.generations.len())
        })
    }

    fn check_ledger(&self) -> Result<(), Broken> {
        let conns: u64 = self.conns.iter().map(|(_, c)| u64::from(c.charged)).sum();
        let exchanges: u64 = self
            .exchanges
            .iter()
            .map(|(_, e)| u64::from(e.charged))
            .sum();
        let texts: u64 = self
            .generations
            .iter()
            .map(|(_, g)| u64::from(g.charged))
            .sum();
        let calls: u64 = self.calls.iter().map(|(_, c)| u64::from(c.charged)).sum();
        let sum = conns + exchanges + texts + calls + self.jobs.watches.charged();
        holds(sum == self.ledger.used(), || {
            format!("the ledger has {}, its owners {sum}", self.ledger.used())
        })?;
        for (id, text) in self.generations.iter() {
            holds(text.charged as usize == text.bytes(), || {
                format!(
                    "{id:?} holds {} bytes, charged {}",
                    text.bytes(),
                    text.charged
                )
            })?;
        }
        for (id, conn) in self.conns.iter() {
            holds(conn.charged as usize == conn.bytes(), || {
                format!(
                    "{id:?} holds {} bytes, charged {}",
                    conn.bytes(),
                    conn.charged
                )
            })?;
        }
        Ok(())
    }
}
