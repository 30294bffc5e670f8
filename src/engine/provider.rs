//! The side that faces the providers: from bytes to a call's verdict.

use super::blocks::Pen;
use super::call::{CallWait, Reception, Stage};
use super::conn::{ProviderPhase, Wait};
use super::io::{Gone, How, Output};
use super::policy::retry;
use super::slots::{CallId, ConnId};
use super::trace::State;
use super::{Engine, Failure, failure::Upstream};
use crate::config;
use crate::dialect::{Ask, End, Event, openai};
use crate::proto::http1::{self, ClientStep, ResponseHead};
use crate::proto::sse;

const USER_AGENT: &str = concat!("maitred/", env!("CARGO_PKG_VERSION"));

/// How long the framed end of an answer is waited for once its content is complete.
const TAIL_MS: u64 = 1_000;

impl Engine {
    /// TCP stands.
    pub(super) fn provider_connected(&mut self, id: ConnId) {
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
    pub(super) fn provider_secured(&mut self, id: ConnId) {
        let Some(provider) = self.conns.get_mut(id).and_then(|c| c.provider()) else {
            return;
        };
        if provider.phase == ProviderPhase::Securing {
            let index = provider.pool;
            self.pools[index as usize].opening -= 1;
            self.conn_ready(id);
        }
    }

    /// Writes the request of a call.
    pub(super) fn write_call(&mut self, conn_id: ConnId, call_id: CallId) -> Result<(), Failure> {
        let Some(generation) = self.calls.get(call_id).map(|call| call.generation) else {
            return Ok(());
        };
        let (Some(generation), Some(conn)) = (
            self.generations.get(generation),
            self.conns.get_mut(conn_id),
        ) else {
            return Ok(());
        };
        let plan = &generation.plan;
        let Some(upstream) = self.config.providers[plan.provider as usize].upstream() else {
            return Err(Failure::Internal("a call without an upstream"));
        };
        let prompt = self.config.prompt.fill(&plan.topic);
        let mut body = Vec::with_capacity(256 + prompt.len());
        openai::write_request(
            &mut body,
            &Ask {
                model: &plan.model,
                prompt: &prompt,
                max_tokens: plan.max_tokens,
                temperature: plan.temperature,
                stream: plan.stream,
            },
        );
        let accept: &[u8] = if plan.stream {
            b"text/event-stream"
        } else {
            b"application/json"
        };
        let target = format!("{}{}", upstream.base.path_prefix, openai::PATH);
        let host = upstream.base.authority();
        let mut fields: Vec<(&str, &[u8])> = vec![
            ("content-type", b"application/json"),
            ("accept", accept),
            ("accept-encoding", b"identity"),
            ("user-agent", USER_AGENT.as_bytes()),
        ];
        let bearer = upstream
            .key
            .as_ref()
            .map(|key| format!("Bearer {}", key.expose()));
        if let Some(bearer) = &bearer {
            fields.push(("authorization", bearer.as_bytes()));
        }
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: true,
        };
        let length = Some(body.len() as u64);
        http1::write_request(
            &mut pen,
            http1::Method::Post,
            &target,
            &host,
            &fields,
            length,
        )
        .map_err(|_| Failure::Internal("a provider's request could not be written"))?;
        self.blocks.put(&mut conn.out, &body);
        self.flush(conn_id);
        Ok(())
    }

    /// Bytes from a provider.
    pub(super) fn provider_received(&mut self, id: ConnId, fresh: &[u8]) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let mut tail = std::mem::take(&mut conn.tail);
        let used = if tail.is_empty() {
            self.provider_steps(id, fresh)
        } else {
            tail.extend_from_slice(fresh);
            self.provider_steps(id, &tail)
        };
        if let Some(conn) = self.conns.get_mut(id) {
            if tail.is_empty() {
                conn.tail.extend_from_slice(&fresh[used..]);
            } else if used < tail.len() {
                tail.drain(..used);
                conn.tail = tail;
            }
            self.settle_conn(id);
        }
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
                Ok(ClientStep::Informational { consumed }) => used += consumed,
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

    fn provider_head(&mut self, conn: ConnId, phase: ProviderPhase, head: &ResponseHead<'_>) {
        let ProviderPhase::Leased(id) = phase else {
            return;
        };
        let gap_ms = self.content_gap_ms(id);
        let reception = match reception_of(head) {
            Ok(reception) => reception,
            Err(upstream) => return self.fail_call(id, upstream.into()),
        };
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Receiving(conn, Box::new(reception));
        }
        self.enter_call(id, State::Receiving);
        let at = self.now.mono.plus_ms(gap_ms);
        self.set_call_timer(id, CallWait::Content, at);
    }

    fn provider_body(&mut self, phase: ProviderPhase, bytes: &[u8]) {
        let ProviderPhase::Leased(id) = phase else {
            return; // the rest of an answer whose content is complete
        };
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Stage::Receiving(conn, reception) = &mut call.stage else {
            return;
        };
        let conn = *conn;
        let Reception::Stream { sse, dialect, .. } = reception.as_mut() else {
            if let Err(upstream) = reception.keep(bytes) {
                self.fail_call(id, upstream.into());
            }
            return;
        };
        // Taken out while events are handled, because they reach the whole engine.
        let (mut sse, mut dialect) = (std::mem::take(sse), std::mem::take(dialect));
        let verdict = self.stream_events(id, &mut sse, &mut dialect, bytes);
        if let Some(call) = self.calls.get_mut(id)
            && let Stage::Receiving(_, reception) = &mut call.stage
        {
            let finished = verdict == Ok(true);
            **reception = Reception::Stream {
                sse,
                dialect,
                finished,
            };
        }
        match verdict {
            Ok(false) => {}
            Ok(true) => self.content_complete(conn, id),
            Err(failure) => self.fail_call(id, failure),
        }
    }

    /// Feeds bytes of a stream; `true` when the provider said that nothing more will come.
    fn stream_events(
        &mut self,
        id: CallId,
        sse: &mut sse::Reader,
        dialect: &mut openai::Stream,
        mut bytes: &[u8],
    ) -> Result<bool, Failure> {
        loop {
            let event = match sse.next(&mut bytes) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(false),
                Err(_) => return Err(Upstream::TooLarge.into()),
            };
            let mut done = false;
            let mut failure = None;
            dialect
                .event(event.data, &mut |event| match event {
                    Event::Done => done = true,
                    Event::Error(error) => failure = Some(retry::in_band(&error)),
                    event => self.content(id, &event),
                })
                .map_err(|_| Failure::from(Upstream::Malformed))?;
            if let Some(upstream) = failure {
                return Err(upstream.into());
            }
            if done {
                return match dialect.end() {
                    End::Complete => Ok(true),
                    End::Truncated => Err(Upstream::Truncated.into()),
                };
            }
            if self.calls.get(id).is_none() {
                return Ok(false); // what was told has ended the call
            }
        }
    }

    /// One thing that a provider said.
    fn content(&mut self, id: CallId, event: &Event<'_>) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let generation = call.generation;
        let throttled = call.throttled;
        match event {
            Event::Text(text) | Event::Refusal(text) => {
                self.grow(generation, |log| text.append_to(log));
            }
            Event::Thinking(_) => {}
            Event::Usage(usage) => {
                if let Some(generation) = self.generations.get_mut(generation) {
                    generation.result.usage = *usage;
                }
                return;
            }
            Event::Model(model) => {
                if let Some(generation) = self.generations.get_mut(generation) {
                    let mut name = String::new();
                    model.append_to(&mut name);
                    generation.result.model = Some(name.chars().take(200).collect());
                }
                return;
            }
            Event::Finish { reason, .. } => {
                if let Some(generation) = self.generations.get_mut(generation) {
                    generation.result.finish = Some(*reason);
                }
                return;
            }
            Event::Done | Event::Error(_) => return,
        }
        // Only content moves the gap on (R21): comments and usage do not.
        if !throttled {
            let at = self.now.mono.plus_ms(self.content_gap_ms(id));
            if let Some(call) = self.calls.get(id)
                && !call.throttled
            {
                self.set_call_timer(id, CallWait::Content, at);
            }
        }
    }

    /// The content is complete before the body has ended: the text need not wait for the last
    /// chunk. The connection does, for a second.
    fn content_complete(&mut self, conn: ConnId, id: CallId) {
        if let Some(provider) = self.conns.get_mut(conn).and_then(|c| c.provider()) {
            provider.phase = ProviderPhase::Tail;
        }
        self.resume_conn(conn);
        let at = self.now.mono.plus_ms(TAIL_MS);
        self.set_wait(conn, Wait::Tail, at);
        self.complete_call(id);
    }

    /// The framed end of an answer.
    fn provider_end(&mut self, conn: ConnId, phase: ProviderPhase, reusable: bool) {
        let ProviderPhase::Leased(id) = phase else {
            return self.release_conn(conn, reusable);
        };
        let Some(call) = self.calls.get_mut(id) else {
            return self.close_conn(conn, How::Plain);
        };
        let Stage::Receiving(_, reception) = &mut call.stage else {
            return self.fail_call(id, Upstream::Http.into());
        };
        let mut whole = Reception::Whole(Vec::new());
        std::mem::swap(reception.as_mut(), &mut whole);
        match self.verdict_of(id, &whole) {
            Ok(()) => {
                if let Some(provider) = self.conns.get_mut(conn).and_then(|c| c.provider()) {
                    provider.phase = ProviderPhase::Tail;
                }
                self.complete_call(id);
                self.release_conn(conn, reusable);
            }
            Err(failure) => {
                // The connection is in order even though the answer is not what was wanted.
                if let Some(provider) = self.conns.get_mut(conn).and_then(|c| c.provider()) {
                    provider.phase = ProviderPhase::Tail;
                }
                if let Some(call) = self.calls.get_mut(id) {
                    call.stage = Stage::Queued;
                }
                self.fail_call(id, failure);
                self.release_conn(conn, reusable);
            }
        }
    }

    fn verdict_of(&mut self, id: CallId, reception: &Reception) -> Result<(), Failure> {
        match reception {
            Reception::Stream { dialect, .. } => match dialect.end() {
                End::Complete => Ok(()),
                End::Truncated => Err(Upstream::Truncated.into()),
            },
            Reception::Whole(body) => {
                let mut failure = None;
                let end = openai::answer(body, &mut |event| match event {
                    Event::Error(error) => failure = Some(retry::in_band(&error)),
                    event => self.content(id, &event),
                })
                .map_err(|_| Failure::from(Upstream::Malformed))?;
                match (failure, end) {
                    (Some(upstream), _) => Err(upstream.into()),
                    (None, End::Complete) => Ok(()),
                    (None, End::Truncated) => Err(Upstream::Truncated.into()),
                }
            }
            Reception::Refused {
                status,
                retry_after_ms,
                body,
            } => {
                let error = openai::failure(*status, body);
                Err(retry::refused(&error, *status, *retry_after_ms).into())
            }
        }
    }

    /// The provider will send nothing more.
    pub(super) fn provider_eof(&mut self, id: ConnId) {
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
    pub(super) fn provider_closed(&mut self, id: ConnId, gone: Gone) {
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

    /// A connection broke under a call: the call is tried again if nothing of the answer came and
    /// the connection had been lying idle, else it has failed.
    fn provider_broke(&mut self, conn: ConnId, id: CallId, upstream: Upstream) {
        let silent = self
            .conns
            .get(conn)
            .is_some_and(|conn| conn.tail.is_empty());
        let again = self.calls.get(id).is_some_and(|call| {
            silent && matches!(call.stage, Stage::Awaiting(_)) && retry::after_break(call)
        });
        if again {
            if let Some(call) = self.calls.get_mut(id) {
                call.stage = Stage::Queued;
                call.retries += 1;
            }
            self.counters.retries += 1;
            self.enter_call(id, State::Queued);
            self.close_conn(conn, How::Plain);
            if let Err(failure) = self.queue_call(id) {
                self.fail_call(id, failure);
            }
            return;
        }
        self.fail_call(id, upstream.into());
        self.close_conn(conn, How::Plain);
    }

    /// What came breaks the protocol.
    fn provider_fault(&mut self, id: ConnId, phase: ProviderPhase, upstream: Upstream) {
        if let ProviderPhase::Leased(call) = phase {
            self.fail_call(call, upstream.into());
        }
        self.close_conn(id, How::Plain);
    }

    /// A deadline of a provider's connection has come.
    pub(super) fn provider_due(&mut self, id: ConnId, wait: Wait) {
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
        self.upstream(index)
            .map_or("", |upstream| &upstream.base.host)
    }

    /// Where a provider is; `None` for the built-in one.
    pub(super) fn upstream(&self, index: u16) -> Option<&config::Upstream> {
        self.config.providers.get(index as usize)?.upstream()
    }

    /// The time limits of a provider.
    pub(super) fn times(&self, index: u16) -> config::Timeouts {
        self.upstream(index)
            .map_or_else(config::Timeouts::default, |upstream| upstream.timeouts)
    }
}

/// How an answer with this head is read, or why not at all.
fn reception_of(head: &ResponseHead<'_>) -> Result<Reception, Upstream> {
    let coded = head
        .fields
        .all("content-encoding")
        .any(|coding| !coding.trim_ascii().eq_ignore_ascii_case(b"identity"));
    if coded {
        return Err(Upstream::Compressed);
    }
    match head.status {
        200 => {
            let kind = head.fields.get("content-type").unwrap_or(b"");
            let kind = kind.split(|b| *b == b';').next().unwrap_or(b"");
            let is_events = kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
            Ok(Reception::of_success(is_events))
        }
        400..=599 => Ok(Reception::Refused {
            status: head.status,
            retry_after_ms: retry::retry_after_ms(&head.fields),
            body: Vec::new(),
        }),
        status => Err(Upstream::Status(status)),
    }
}
