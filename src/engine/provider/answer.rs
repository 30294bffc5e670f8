//! Reading the answer to a call: head, events or document, and what it all comes to.

use super::Reception;
use crate::dialect::{AnyStream, Dialect, End, Event};
use crate::engine::account::native_finish;
use crate::engine::call::{CallWait, Stage};
use crate::engine::conn::{ProviderPhase, Wait};
use crate::engine::hedge::is_content;
use crate::engine::io::How;
use crate::engine::policy::hint;
use crate::engine::slots::{CallId, ConnId};
use crate::engine::trace::State;
use crate::engine::{Engine, Failure, failure::Upstream};
use crate::proto::http1::ResponseHead;
use crate::proto::sse;

/// How long the framed end of an answer is waited for once its content is complete.
const TAIL_MS: u64 = 1_000;

impl Engine {
    pub(crate) fn provider_head(
        &mut self,
        conn: ConnId,
        phase: ProviderPhase,
        head: &ResponseHead<'_>,
    ) {
        let ProviderPhase::Leased(id) = phase else {
            return;
        };
        let (Some(dialect), Some(call)) = (self.dialect(id), self.calls.get(id)) else {
            return;
        };
        let (asked, provider) = (call.since, call.provider);
        let times = self.times(provider);
        let generation = call.generation;
        let reception = match reception_of(head, dialect, self.now.wall_ms) {
            Ok(stream @ Reception::Stream { .. }) => {
                self.chat_reception(generation, dialect).unwrap_or(stream)
            }
            Ok(reception) => reception,
            Err(upstream) => return self.fail_call(id, upstream.into()),
        };
        if let Reception::Stream { .. } | Reception::Told(_) = reception {
            let nanos = self.now.mono.since(asked);
            self.adapt(provider, |adaptive, used| adaptive.answered(nanos, used));
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::Receiving(conn, Box::new(reception));
        }
        self.enter_call(id, State::Receiving);
        let at = asked.plus_ms(times.first_content_ms);
        self.set_call_timer(id, CallWait::FirstContent, at);
    }

    pub(crate) fn provider_body(&mut self, phase: ProviderPhase, bytes: &[u8]) {
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
        if let Reception::Told(_) = **reception {
            return self.chat_heard(conn, id, bytes);
        }
        let Reception::Stream { sse, dialect, .. } = reception.as_mut() else {
            return self.keep_body(id, bytes);
        };
        // Taken out while events are handled, because they reach the whole engine.
        let (mut sse, mut dialect) = (std::mem::take(sse), *dialect);
        let verdict = self.stream_events(id, &mut sse, &mut dialect, bytes);
        if let Some(call) = self.calls.get_mut(id)
            && let Stage::Receiving(_, reception) = &mut call.stage
        {
            **reception = Reception::Stream { sse, dialect };
        }
        match verdict {
            Ok(false) => {}
            Ok(true) => self.content_complete(conn, id),
            Err(failure) => self.fail_call(id, failure),
        }
    }

    /// Feeds bytes of a stream; `true` when the provider said that nothing more will come.
    pub(crate) fn stream_events(
        &mut self,
        id: CallId,
        sse: &mut sse::Reader,
        dialect: &mut AnyStream,
        mut bytes: &[u8],
    ) -> Result<bool, Failure> {
        loop {
            let event = match sse.next(&mut bytes) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(false),
                Err(_) => return Err(Upstream::TooLarge.into()),
            };
            if self.stream_event(id, dialect, event.data)? {
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

    /// Reads the data of one event; `true` when the provider said that nothing more will come.
    fn stream_event(
        &mut self,
        id: CallId,
        dialect: &mut AnyStream,
        data: &[u8],
    ) -> Result<bool, Failure> {
        let mut done = false;
        let mut failure = None;
        dialect
            .event(data, &mut |event| match event {
                Event::Done => done = true,
                Event::Error(error) => failure = Some(Upstream::told(&error, 200, None)),
                event => self.content(id, &event),
            })
            .map_err(|_| Failure::from(Upstream::Malformed))?;
        match failure {
            Some(upstream) => Err(upstream.into()),
            None => Ok(done),
        }
    }

    /// One thing that a provider said.
    pub(crate) fn content(&mut self, id: CallId, event: &Event<'_>) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let generation = call.generation;
        let racing = self.is_racing(id);
        if racing && is_content(event) {
            self.win(id);
        } else if racing {
            return self.note_aside(id, event);
        }
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let (throttled, is_first) = (call.throttled, call.wait == CallWait::FirstContent);
        match event {
            Event::Text(text) | Event::Refusal(text) => {
                self.grow(generation, |log| text.append_to(log));
            }
            // Content, but no text: only the clock hears of it.
            Event::Thinking(_)
            | Event::Signature(_)
            | Event::ToolCall { .. }
            | Event::Arguments { .. } => {}
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
                    if let Some((end, _)) = name.char_indices().nth(200) {
                        name.truncate(end);
                    }
                    generation.result.model = Some(name);
                }
                return;
            }
            Event::Finish { reason, native } => {
                if let Some(generation) = self.generations.get_mut(generation) {
                    generation.result.finish = Some(*reason);
                    generation.result.native = Some(native_finish(*native));
                }
                return;
            }
            Event::Done | Event::Error(_) => return,
        }
        if is_first {
            self.note_first_content(generation);
        }
        self.call_is_alive(id);
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
    pub(crate) fn content_complete(&mut self, conn: ConnId, id: CallId) {
        if let Some(provider) = self.conns.get_mut(conn).and_then(|c| c.provider()) {
            provider.phase = ProviderPhase::Tail;
        }
        self.resume_conn(conn);
        let at = self.now.mono.plus_ms(TAIL_MS);
        self.set_wait(conn, Wait::Tail, at);
        self.complete_call(id);
    }

    /// The framed end of an answer.
    pub(crate) fn provider_end(&mut self, conn: ConnId, phase: ProviderPhase, reusable: bool) {
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
        match self.verdict_of(id, &mut whole) {
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
                    call.stage = Stage::BackOff;
                }
                self.fail_call(id, failure);
                self.release_conn(conn, reusable);
            }
        }
    }

    pub(crate) fn verdict_of(
        &mut self,
        id: CallId,
        reception: &mut Reception,
    ) -> Result<(), Failure> {
        let dialect = self.dialect(id);
        let dialect = dialect.ok_or(Failure::Internal("an answer without an upstream"))?;
        match reception {
            Reception::Stream {
                sse,
                dialect: stream,
                ..
            } => {
                if let Some(event) = sse.end() {
                    self.stream_event(id, stream, event.data)?;
                }
                match stream.end() {
                    End::Complete => Ok(()),
                    End::Truncated => Err(Upstream::Truncated.into()),
                }
            }
            Reception::Told(told) => self.chat_ended(id, told),
            Reception::Whole(body) if self.is_for_chat(id) => self.chat_answered(id, dialect, body),
            Reception::Whole(body) => {
                let mut failure = None;
                let end = dialect
                    .answer(body, &mut |event| match event {
                        Event::Error(error) => failure = Some(Upstream::told(&error, 200, None)),
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
                let error = dialect.failure(*status, body);
                let told = Upstream::told(&error, *status, *retry_after_ms);
                Err(told
                    .in_words(self.words_for_client(id, *status, body))
                    .into())
            }
        }
    }
}

/// How an answer with this head is read, or why not at all.
fn reception_of(
    head: &ResponseHead<'_>,
    dialect: Dialect,
    wall_ms: i64,
) -> Result<Reception, Upstream> {
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
            Ok(Reception::of_success(is_events, dialect))
        }
        400..=599 => Ok(Reception::Refused {
            status: head.status,
            retry_after_ms: hint::of_head(&head.fields, wall_ms),
            body: Vec::new(),
        }),
        status => Err(Upstream::Status(status)),
    }
}
