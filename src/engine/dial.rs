//! Dials: one attempt to open a connection to a provider, to a server of the database, to Redis or to
//! a webhook, over all addresses of its name.
//!
//! ```text
//!  Resolving ─(addresses)─► Trying ─(first TCP connection)─► TLS or ready
//!                             │ 250 ms without an answer, or a failure: the next address as well
//!                             └─ no address left, or the connect limit: failed
//! ```
//! While our own resolver still waits for the other family, running out of addresses is no end.
//! Addresses are tried as RFC 8305 says: the families take turns, the first one as the resolver
//! ordered them, and a slow address does not hold the next one up. The first connection wins; the
//! others are closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::conn::{Conn, Provider, ProviderPhase, Role, Wait};
use super::io::{Gone, How, Output, ResolveFault};
use super::now::Mono;
use super::pool::Attempt;
use super::slots::{ConnId, DialId};
use super::timers::{Owner, Timer};
use super::{Engine, Failure, failure::Bound, failure::Upstream};
use crate::limits::CONNECT_STAGGER_MS;
use crate::proto::{dns, http1};

/// Addresses of one name that are tried at most.
const ADDRESSES: usize = 8;

/// One attempt to open a connection.
#[derive(Debug)]
pub struct Dial {
    /// Whose connection it will be, by its place in the table of names.
    pub pool: u16,
    /// What is still to be tried; `None` while the name is looked up.
    pub left: Option<Vec<SocketAddr>>,
    /// Connections on the way.
    pub trying: Vec<ConnId>,
    /// What went wrong last.
    pub last: Gone,
    /// The next address, or the end.
    pub timer: Timer,
    /// The end of the attempt.
    pub until: Mono,
}

impl Engine {
    /// Sees to it that connections are opened which nobody has to ask for.
    pub(super) fn begin_links(&mut self) {
        self.begin_database();
        self.begin_counters();
        self.begin_redis();
    }

    /// Starts an attempt for the pool of provider `index`.
    pub(super) fn dial(&mut self, index: u16) -> Result<(), Failure> {
        let now = self.now.mono;
        let dial = Dial {
            pool: index,
            left: None,
            trying: Vec::new(),
            last: Gone::TimedOut,
            timer: Timer::default(),
            until: Mono::NEVER,
        };
        let id = self
            .dials
            .insert(dial)
            .map_err(|_| Failure::Full(Bound::Provider))?;
        if self.is_provider(index) {
            self.note_attempt(index, Attempt::Dial(id));
        }
        if let Some(addresses) = self.known_by_itself(self.host_name(index)) {
            self.dial_addresses(id, &addresses);
            return Ok(());
        }
        match self.names[index as usize].lookup(now) {
            super::names::Lookup::Known(addresses) => self.dial_addresses(id, &addresses),
            super::names::Lookup::Wait { ask } => self.wait_for_name(index, id, ask),
            super::names::Lookup::Full => {
                self.dials.remove(id);
                return Err(Upstream::Name(ResolveFault::Failed).into());
            }
            super::names::Lookup::Denied(fault) => {
                self.dials.remove(id);
                return Err(Upstream::Name(fault).into());
            }
        }
        Ok(())
    }

    /// The addresses of a host that nobody has to be asked about: an address, or this machine.
    fn known_by_itself(&self, host: &str) -> Option<Vec<IpAddr>> {
        if let Ok(ip) = host.parse() {
            return Some(vec![ip]);
        }
        // Otherwise the system's resolver may have been told better.
        (self.resolver.is_on() && dns::is_localhost(host))
            .then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
    }

    /// The name has these addresses: try them.
    pub(super) fn dial_addresses(&mut self, id: DialId, addresses: &[IpAddr]) {
        let now = self.now.mono;
        let Some(index) = self.dials.get(id).map(|dial| dial.pool) else {
            return;
        };
        let until = now.plus_ms(self.times(index).connect_ms);
        let port = self.port(index);
        let mut left: Vec<SocketAddr> = take_turns(addresses)
            .into_iter()
            .take(ADDRESSES)
            .map(|ip| SocketAddr::new(ip, port))
            .collect();
        left.reverse(); // the next one is at the end
        if let Some(dial) = self.dials.get_mut(id) {
            dial.left = Some(left);
            dial.until = until;
        }
        self.dial_next(id);
    }

    /// The name has these addresses besides, or none: dials that have run out of addresses go on,
    /// or end.
    pub(super) fn add_addresses(&mut self, index: u16, addresses: &[IpAddr]) {
        let soon = self.now.mono.plus_ms(CONNECT_STAGGER_MS);
        let port = self.port(index);
        for id in self.dials.ids() {
            let Some(dial) = self.dials.get_mut(id).filter(|dial| dial.pool == index) else {
                continue;
            };
            let Some(left) = &mut dial.left else {
                continue;
            };
            let room = ADDRESSES.saturating_sub(left.len());
            let more = addresses.iter().take(room).rev(); // the next one is at the end
            left.extend(more.map(|ip| SocketAddr::new(*ip, port)));
            if dial.trying.is_empty() {
                self.dial_next(id);
            } else if !left.is_empty() {
                let at = soon.min(dial.timer.at());
                self.timers.set(Owner::Dial(id), &mut dial.timer, at);
            }
        }
    }

    fn port(&self, index: u16) -> u16 {
        match self.upstream(index) {
            Some(upstream) => upstream.base.port,
            None => {
                let database = self.database_host(index).map(|host| host.port);
                let redis = || self.redis_host(index).map(|(_, port)| port);
                let hook = || self.webhook(index).map(|hook| hook.url.base.port);
                database.or_else(redis).or_else(hook).unwrap_or(0)
            }
        }
    }

    /// Whether it is the name of a provider.
    fn is_provider(&self, index: u16) -> bool {
        usize::from(index) < self.pools.len()
    }

    /// Tries the next address, or ends the attempt when there is none and nothing on the way.
    fn dial_next(&mut self, id: DialId) {
        let now = self.now.mono;
        let Some(dial) = self.dials.get_mut(id) else {
            return;
        };
        let Some(address) = dial.left.as_mut().and_then(Vec::pop) else {
            if dial.trying.is_empty() && !self.resolver.is_looking_up(dial.pool) {
                let upstream = Upstream::Connect(dial.last);
                return self.dial_failed(id, upstream.into());
            }
            let until = dial.until;
            self.timers.set(Owner::Dial(id), &mut dial.timer, until);
            return;
        };
        let at = dial.until.min(now.plus_ms(CONNECT_STAGGER_MS));
        self.timers.set(Owner::Dial(id), &mut dial.timer, at);
        let index = dial.pool;
        let role = self.database_role(index, address, id);
        let role = role.or_else(|| self.redis_role(index, id));
        let role = role.or_else(|| self.hook_role(index, id));
        let role = role.unwrap_or_else(|| {
            Role::Provider(Provider {
                pool: index,
                phase: ProviderPhase::Connecting(id),
                http: http1::Client::new(),
                born: now,
                calls: 0,
            })
        });
        match self.conns.insert(Conn::new(role, now)) {
            Ok(conn) => {
                if let Some(dial) = self.dials.get_mut(id) {
                    dial.trying.push(conn);
                }
                self.out.push(Output::Connect(conn, address));
            }
            // No place for another address: those on the way may still do.
            Err(_) if self.dials.get(id).is_some_and(|d| !d.trying.is_empty()) => {
                if let Some(dial) = self.dials.get_mut(id) {
                    dial.left = Some(Vec::new());
                    let until = dial.until;
                    self.timers.set(Owner::Dial(id), &mut dial.timer, until);
                }
            }
            Err(_) => self.dial_failed(id, Failure::Full(Bound::Provider)),
        }
    }

    /// The stagger or the limit of a dial has come.
    pub(super) fn dial_due(&mut self, id: DialId) {
        let now = self.now.mono;
        match self.dials.get(id) {
            Some(dial) if now >= dial.until => {
                self.dial_failed(id, Upstream::ConnectTimeout.into());
            }
            Some(_) => self.dial_next(id),
            None => {}
        }
    }

    /// A TCP connection stands: it wins, the others are closed.
    pub(super) fn dial_connected(&mut self, conn: ConnId, id: DialId) {
        let now = self.now.mono;
        let Some(dial) = self.dials.remove(id) else {
            return;
        };
        for other in dial.trying {
            if other != conn {
                self.close_conn(other, How::Plain);
            }
        }
        let index = dial.pool;
        if self.is_database(index) {
            self.log_in(conn);
        } else if self.is_redis(index) {
            self.enter_redis(conn);
        } else if self.webhook(index).is_some() {
            self.enter_hook(conn, index);
        } else if self
            .upstream(index)
            .is_some_and(|upstream| upstream.base.tls)
        {
            let at = now.plus_ms(self.times(index).tls_ms);
            if let Some(side) = self.conns.get_mut(conn).and_then(|c| c.provider()) {
                side.phase = ProviderPhase::Securing;
            }
            self.set_wait(conn, Wait::Tls, at);
            self.note_attempt(index, Attempt::Handshake(conn));
            self.out.push(Output::StartTls(conn, index));
        } else {
            self.pools[index as usize].opening -= 1;
            self.conn_ready(conn);
        }
    }

    /// One address did not work.
    pub(super) fn dial_refused(&mut self, conn: ConnId, id: DialId, gone: Gone) {
        if let Some(dial) = self.dials.get_mut(id) {
            dial.trying.retain(|trying| *trying != conn);
            dial.last = gone;
            self.dial_next(id);
        }
    }

    /// Nobody waits for the attempt any more.
    pub(super) fn abandon_dial(&mut self, id: DialId) {
        let Some(dial) = self.dials.remove(id) else {
            return;
        };
        let index = dial.pool as usize;
        self.pools[index].opening -= 1;
        self.names[index].waiting.retain(|waiting| *waiting != id);
        for conn in dial.trying {
            self.close_conn(conn, How::Plain);
        }
    }

    /// The attempt is over.
    pub(super) fn dial_failed(&mut self, id: DialId, failure: Failure) {
        let Some(dial) = self.dials.remove(id) else {
            return;
        };
        for conn in dial.trying {
            self.close_conn(conn, How::Plain);
        }
        if self.is_database(dial.pool) {
            self.no_dial(&failure);
        } else if self.is_redis(dial.pool) {
            self.no_redis_dial(dial.pool, &failure);
        } else if self.webhook(dial.pool).is_some() {
            self.no_hook_dial(dial.pool, &failure);
        } else {
            self.opening_failed(dial.pool, failure);
        }
    }
}

/// Why nothing could be opened, for whoever looks after the server.
pub(super) fn why_no_dial(failure: &Failure) -> &'static str {
    match failure {
        Failure::Upstream(upstream) => match upstream {
            Upstream::Connect(gone) => gone.words(),
            Upstream::ConnectTimeout => Gone::TimedOut.words(),
            Upstream::Name(_) => "its name has no address",
            Upstream::NameTimeout => "nobody knows its address",
            _ => failure.code(),
        },
        _ => failure.code(),
    }
}

/// RFC 8305 §4: the families take turns, starting with the family of the first address.
fn take_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first_is_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (mut first, mut second): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut turns = Vec::with_capacity(addresses.len());
    while turns.len() < addresses.len() {
        turns.extend(first.pop());
        turns.extend(second.pop());
    }
    turns
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn families_take_turns() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (a, b, c, d) = (ip("::1"), ip("::2"), ip("::3"), ip("127.0.0.1"));
        assert_eq!(take_turns(&[a, b, c, d]), [a, d, b, c]);
        assert_eq!(take_turns(&[d, a]), [d, a]);
        assert!(take_turns(&[]).is_empty());
    }
}
