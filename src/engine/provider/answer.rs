//! Reading the answer to a call: head, events or document, and what it all comes to.

use super::Reception;
use super::voice::Heard;
use crate::dialect::{AnyStream, Dialect, End, Event};
use crate::engine::call::{CallWait, Stage};
use crate::engine::conn::{ProviderPhase, Wait};
use crate::engine::hedge::is_content;
use crate::engine::io::How;
use crate::engine::outcome::About;
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
        let verdict = if self.is_racing(id) && !sse.has_partial() {
            rehearse(&dialect, bytes)
        } else {
            Ok(())
        };
        let verdict = verdict.and_then(|()| self.stream_events(id, &mut sse, &mut dialect, bytes));
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
                whole(dialect.end())?;
                return Ok(true);
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
        let call = self.calls.get(id);
        if call.is_some_and(|call| call.wait == CallWait::FirstContent) {
            // Content that comes in one event with the failure of the answer is not to be told, because
            // somebody else may still be asked.
            let mut trial = *dialect;
            read_event(&mut trial, data, &mut |_| {})?;
        }
        Ok(read_event(dialect, data, &mut |event| {
            self.content(id, event);
        })?)
    }

    /// One thing that a provider said.
    pub(crate) fn content(&mut self, id: CallId, event: &Event<'_>) {
        if !is_content(event) {
            let mut about = About::default();
            about.note(event);
            return self.learn(id, about);
        }
        self.content_came(id, |log| {
            // Other content is no text: only the clock hears of it.
            if let Event::Text(text) | Event::Refusal(text) = event {
                text.append_to(log);
            }
        });
    }

    /// A piece of content, which `write` adds to the text.
    fn content_came(&mut self, id: CallId, write: impl FnOnce(&mut String)) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let generation = call.generation;
        self.win(id);
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let (throttled, is_first) = (call.throttled, call.wait == CallWait::FirstContent);
        self.grow(generation, write);
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

    /// What a provider said of its answer.
    fn learn(&mut self, id: CallId, about: About) {
        if self.is_racing(id) {
            return self.note_aside(id, about);
        }
        let generation = self.calls.get(id).map(|call| call.generation);
        if let Some(generation) = generation.and_then(|id| self.generations.get_mut(id)) {
            generation.result.learn(about);
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
                    let mut trial = *stream;
                    read_event(&mut trial, event.data, &mut |_| {})?;
                    whole(trial.end())?;
                    self.stream_event(id, stream, event.data)?;
                }
                Ok(whole(stream.end())?)
            }
            Reception::Told(told) => self.chat_ended(id, told),
            Reception::Whole(body) if self.is_for_chat(id) => self.chat_answered(id, dialect, body),
            Reception::Whole(body) => {
                let (heard, text) = read_document(dialect, body)?;
                if heard.contents > 0 {
                    self.content_came(id, |log| {
                        // Its memory was measured by its escaped form, which may be six times as long.
                        if log.is_empty() && text.capacity() <= 2 * text.len() {
                            *log = text;
                        } else {
                            log.push_str(&text);
                        }
                    });
                }
                self.learn(id, heard.about);
                Ok(())
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

/// Reads the data of one event; `true` when the provider said that nothing more will come.
fn read_event(
    dialect: &mut AnyStream,
    data: &[u8],
    on: &mut dyn FnMut(&Event<'_>),
) -> Result<bool, Upstream> {
    let (mut done, mut failure) = (false, None);
    let read = dialect.event(data, &mut |event| match event {
        Event::Done => done = true,
        Event::Error(error) => failure = Some(Upstream::told(&error, 200, None)),
        event => on(&event),
    });
    read.map_err(|_| Upstream::Malformed)?;
    failure.map_or(Ok(done), Err)
}

/// Reads a whole answer. Nothing of one that has failed anywhere is told, because somebody else may
/// still be asked.
fn read_document(dialect: Dialect, body: &[u8]) -> Result<(Heard, String), Upstream> {
    let (mut heard, mut text) = (Heard::default(), String::new());
    let end = dialect.answer(body, &mut |event| heard.note(&event, Some(&mut text)));
    let end = end.map_err(|_| Upstream::Malformed)?;
    match heard.failure.take() {
        Some(failure) => Err(failure),
        None => whole(end).map(|()| (heard, text)),
    }
}

/// An answer that has ended is whole, or it has failed.
fn whole(end: End) -> Result<(), Upstream> {
    match end {
        End::Complete => Ok(()),
        End::Truncated => Err(Upstream::Truncated),
    }
}

/// Reads ahead what one of two calls has said: the one that fails anywhere in it leaves the answer to
/// the other. `bytes` begin with an event.
fn rehearse(dialect: &AnyStream, mut bytes: &[u8]) -> Result<(), Failure> {
    let (mut sse, mut dialect) = (sse::Reader::new(), *dialect);
    while let Some(event) = sse.next(&mut bytes).map_err(|_| Upstream::TooLarge)? {
        if read_event(&mut dialect, event.data, &mut |_| {})? {
            return Ok(whole(dialect.end())?);
        }
    }
    Ok(())
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
