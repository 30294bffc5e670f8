//! The side that faces the providers: from bytes to a call's verdict.

mod advice;
mod answer;
mod chat;
mod heads;
mod reception;
mod request;
mod secrets;
pub mod voice;

pub(in crate::engine) use self::advice::Advisor;
pub(in crate::engine) use self::heads::Heads;
pub use self::reception::{Reception, Told};
pub(in crate::engine) use self::request::USER_AGENT;
pub(in crate::engine) use self::secrets::Secrets;

use crate::config::{self, Speech};
use crate::dialect::Dialect;
use crate::engine::call::Stage;
use crate::engine::conn::{ProviderPhase, Wait};
use crate::engine::hooks::link::hook_times;
use crate::engine::io::{Gone, How, Output};
use crate::engine::slots::{CallId, ConnId};
use crate::engine::{Engine, failure::Upstream};
use crate::proto::http1::ClientStep;

impl Engine {
    /// TCP stands.
    pub(crate) fn provider_connected(&mut self, id: ConnId) {
        let phase = self
            .conns
            .get_mut(id)
            .and_then(|c| c.provider())
            .map(|p| p.phase);
        if let Some(ProviderPhase::Connecting(dial)) = phase {
            self.dial_connected(id, dial);
        }
    }

    /// TLS stands.
    pub(crate) fn provider_secured(&mut self, id: ConnId) {
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        if provider.phase == ProviderPhase::Securing {
            let index = provider.pool;
            self.pools[index as usize].opening -= 1;
            self.conn_ready(id);
        }
    }

    /// Bytes from a provider.
    pub(crate) fn provider_received(&mut self, id: ConnId, fresh: &[u8]) {
        if self.conns.get(id).is_none() {
            return;
        }
        if self.feed(id, fresh, Engine::provider_steps) {
            self.settle_conn(id);
        }
        self.put_spoken();
    }

    /// Takes whole pieces off `input`; returns how many bytes were used.
    fn provider_steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
                return input.len();
            };
            let phase = provider.phase;
            if phase == ProviderPhase::Idle && input.len() == used {
                return used;
            }
            match provider.http.step(&input[used..]) {
                Ok(ClientStep::NeedMore) => return used,
                Ok(ClientStep::Informational { consumed }) => {
                    used += consumed;
                    self.provider_spoke(phase);
                }
                Ok(ClientStep::Head { head, consumed }) => {
                    used += consumed;
                    self.provider_head(id, phase, &head);
                }
                Ok(ClientStep::Body { bytes, consumed }) => {
                    used += consumed;
                    self.provider_body(phase, bytes);
                }
                Ok(ClientStep::End { consumed, reusable }) => {
                    used += consumed;
                    let clean = used == input.len();
                    self.provider_end(id, phase, reusable && clean);
                    if !clean {
                        return input.len();
                    }
                }
                Err(_) => {
                    self.provider_fault(id, phase, Upstream::Http);
                    return input.len();
                }
            }
        }
    }

    /// The provider will send nothing more.
    pub(crate) fn provider_eof(&mut self, id: ConnId) {
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        let phase = provider.phase;
        let end = provider.http.end_of_input();
        match (phase, end) {
            (ProviderPhase::Leased(_), Ok(true)) => {
                self.provider_end(id, phase, false);
            }
            (ProviderPhase::Leased(call), _) => self.provider_broke(id, call, Upstream::Truncated),
            (ProviderPhase::Securing, _) => {
                let fault = super::io::TlsFault::Protocol;
                self.provider_closed(id, Gone::Tls(fault));
                self.out.push(Output::Close(id, How::Plain));
            }
            _ => self.close_conn(id, How::Plain),
        }
    }

    /// The connection is gone; the reactor has closed its socket already.
    pub(crate) fn provider_closed(&mut self, id: ConnId, gone: Gone) {
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        let (phase, index) = (provider.phase, provider.pool);
        match phase {
            ProviderPhase::Connecting(dial) => {
                self.remove_conn(id);
                self.dial_refused(id, dial, gone);
            }
            ProviderPhase::Securing => {
                self.remove_conn(id);
                let upstream = match gone {
                    Gone::Tls(fault) => Upstream::Tls(fault),
                    other => Upstream::Connect(other),
                };
                self.fail_first_waiting(index, upstream.into());
            }
            ProviderPhase::Leased(call) => {
                let upstream = match gone {
                    Gone::Tls(super::io::TlsFault::Truncated) => Upstream::Truncated,
                    Gone::Tls(fault) => Upstream::Tls(fault),
                    _ => Upstream::Broken,
                };
                self.provider_broke(id, call, upstream);
            }
            ProviderPhase::Idle | ProviderPhase::Tail => {
                self.remove_conn(id);
                self.open_where_needed(index);
            }
        }
    }

    /// A connection broke under a call. If nothing of the answer came and the connection had been
    /// lying idle, the provider closed it while it was idle and has almost certainly not seen the
    /// request: it is sent again at once, on a new connection, and that is no attempt of its own.
    fn provider_broke(&mut self, conn: ConnId, id: CallId, upstream: Upstream) {
        let silent = self
            .conns
            .get(conn)
            .is_some_and(|conn| conn.tail.is_empty());
        if let Some(call) = self.calls.get_mut(id)
            && matches!(call.stage, Stage::Awaiting(_))
            && silent
            && call.reused
            && !call.renewed
        {
            call.renewed = true;
            self.counters.renewed += 1;
            self.close_conn(conn, How::Plain);
            return self.queue_call(id);
        }
        self.fail_call(id, upstream.into());
        self.close_conn(conn, How::Plain);
    }

    /// The provider has seen the request: should the connection break, it is not sent again.
    fn provider_spoke(&mut self, phase: ProviderPhase) {
        if let ProviderPhase::Leased(id) = phase
            && let Some(call) = self.calls.get_mut(id)
        {
            call.reused = false;
        }
    }

    /// What came breaks the protocol.
    fn provider_fault(&mut self, id: ConnId, phase: ProviderPhase, upstream: Upstream) {
        if let ProviderPhase::Leased(call) = phase {
            self.fail_call(call, upstream.into());
        }
        self.close_conn(id, How::Plain);
    }

    /// A deadline of a provider's connection has come.
    pub(crate) fn provider_due(&mut self, id: ConnId, wait: Wait) {
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        let (phase, index) = (provider.phase, provider.pool);
        self.close_conn(id, How::Plain);
        if wait == Wait::Tls && phase == ProviderPhase::Securing {
            self.fail_first_waiting(index, Upstream::TlsTimeout.into());
        }
    }

    /// What the reactor has to know to open TLS for a pool: the host to be verified.
    #[must_use]
    pub fn tls_host(&self, index: u16) -> &str {
        self.host_name(index)
    }

    /// The name behind [`Output::Resolve`].
    #[must_use]
    pub fn host_name(&self, index: u16) -> &str {
        match self.upstream(index) {
            Some(upstream) => &upstream.base.host,
            None => match self.redis_host(index) {
                Some((host, _)) => host,
                None => match self.webhook(index) {
                    Some(hook) => &hook.url.base.host,
                    None => self.database_host(index).map_or("", |host| &host.name),
                },
            },
        }
    }

    /// Where a provider is; `None` for the built-in one.
    pub(crate) fn upstream(&self, index: u16) -> Option<&config::Upstream> {
        self.config.providers.get(index as usize)?.upstream()
    }

    /// How the provider of a call is spoken to; `None` for a call that is gone or needs nobody.
    pub(in crate::engine) fn dialect(&self, id: CallId) -> Option<Dialect> {
        let call = self.calls.get(id)?;
        self.upstream(call.provider).map(dialect_of)
    }

    /// The time limits of a provider, or for a connection to somebody else.
    pub(crate) fn times(&self, index: u16) -> config::Timeouts {
        match self.upstream(index) {
            Some(upstream) => upstream.timeouts,
            None => self.webhook(index).map(hook_times).unwrap_or_default(),
        }
    }
}

/// The dialect behind the word of the configuration.
pub(in crate::engine) fn dialect_of(upstream: &config::Upstream) -> Dialect {
    match upstream.speech {
        Speech::OpenAi => Dialect::OpenAi,
        Speech::Anthropic => Dialect::Anthropic,
        Speech::Gemini => Dialect::Gemini,
    }
}
