//! The connection to a webhook: one attempt to deliver, from TCP to the end of its answer.
//!
//! ```text
//!  Connecting ─► Securing ─► Sending ─(status)─► Sending ─(end, or enough of it)─► closed
//!   a dial's       TLS        the request is out; what follows the status is read and dropped
//! ```
//! Deliveries to the same webhook wait for whichever connection to it stands first, and whoever has waited
//! longest has it: so none waits for longer than for its own, and its lease is not over by then.

use super::{Stage, letter};
use crate::config::{Timeouts, Webhook};
use crate::engine::Engine;
use crate::engine::conn::{Conn, Role, Wait};
use crate::engine::dial::why_no_dial;
use crate::engine::failure::Failure;
use crate::engine::io::{Gone, How, Output};
use crate::engine::policy::hint;
use crate::engine::slots::{ConnId, DeliveryId, DialId};
use crate::limits::hooks::HOOK_ANSWER_BYTES;
use crate::proto::http1::{self, ClientStep};

/// A webhook's side of a connection.
#[derive(Debug)]
pub struct Link {
    /// The webhook's place in the table of names.
    name: u16,
    /// What it is doing.
    pub phase: Phase,
    /// For which delivery, once it stands.
    pub delivery: Option<DeliveryId>,
    http: http1::Client,
    /// What it has answered.
    status: Option<u16>,
    /// When it wants to be asked again.
    retry_after_ms: Option<u64>,
    /// Bytes of the answer.
    bytes: usize,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The TCP connection is being made.
    Connecting(DialId),
    /// The TLS handshake is going on.
    Securing,
    /// The request is out.
    Sending,
}

impl Link {
    /// A connection that is being made.
    #[must_use]
    pub fn new(name: u16, dial: DialId) -> Self {
        Link {
            name,
            phase: Phase::Connecting(dial),
            delivery: None,
            http: http1::Client::new(),
            status: None,
            retry_after_ms: None,
            bytes: 0,
        }
    }
}

/// The time limits of the ways to an answer: each at most as long as the answer itself may take, so that
/// four times that is the whole of an attempt.
#[must_use]
pub fn hook_times(hook: &Webhook) -> Timeouts {
    let usual = Timeouts::default();
    Timeouts {
        resolve_ms: usual.resolve_ms.min(hook.timeout_ms),
        connect_ms: usual.connect_ms.min(hook.timeout_ms),
        tls_ms: usual.tls_ms.min(hook.timeout_ms),
        ..usual
    }
}

impl Engine {
    fn hook_link(&mut self, id: ConnId) -> Option<&mut Link> {
        match &mut self.conns.get_mut(id)?.role {
            Role::Hook(link) => Some(link),
            _ => None,
        }
    }

    /// TCP stands.
    pub(in crate::engine) fn hook_connected(&mut self, id: ConnId) {
        if let Some(Phase::Connecting(dial)) = self.hook_link(id).map(|link| link.phase) {
            self.dial_connected(id, dial);
        }
    }

    /// The delivery that has waited longest for a connection to this webhook.
    fn dialing_to(&self, name: u16) -> Option<DeliveryId> {
        let at = usize::from(name).checked_sub(self.jobs.hooks.first);
        let hands = self.jobs.hooks.hands.iter();
        let mine = hands.filter(|(_, hand)| hand.hook == at && hand.stage == Stage::Dialing);
        let first = mine.min_by_key(|(_, hand)| hand.number);
        first.map(|(id, _)| id)
    }

    /// A dial was won by this connection.
    pub(in crate::engine) fn enter_hook(&mut self, id: ConnId, name: u16) {
        let Some(delivery) = self.dialing_to(name) else {
            return self.close_conn(id, How::Plain); // it was given back meanwhile
        };
        if let Some(hand) = self.jobs.hooks.hands.get_mut(delivery) {
            hand.stage = Stage::Sending(id);
        }
        let tls = self.webhook(name).is_some_and(|hook| hook.url.base.tls);
        if let Some(link) = self.hook_link(id) {
            link.delivery = Some(delivery);
            link.phase = Phase::Securing;
        }
        if tls {
            let at = self.now.mono.plus_ms(self.times(name).tls_ms);
            self.set_wait(id, Wait::Hook, at);
            self.out.push(Output::StartTls(id, name));
        } else {
            self.send_letter(id);
        }
    }

    /// No connection could be opened.
    pub(in crate::engine) fn no_hook_dial(&mut self, name: u16, failure: &Failure) {
        if let Some(delivery) = self.dialing_to(name) {
            self.attempt_failed(delivery, why_no_dial(failure), None);
        }
    }

    /// TLS stands.
    pub(in crate::engine) fn hook_secured(&mut self, id: ConnId) {
        if self.hook_link(id).map(|link| link.phase) == Some(Phase::Securing) {
            self.send_letter(id);
        }
    }

    fn send_letter(&mut self, id: ConnId) {
        let (now, wall_ms) = (self.now.mono, self.now.wall_ms);
        let Some(Conn {
            role: Role::Hook(link),
            out,
            ..
        }) = self.conns.get_mut(id)
        else {
            return;
        };
        let at = usize::from(link.name).checked_sub(self.jobs.hooks.first);
        let hook = at.and_then(|at| self.config.webhooks.get(at));
        let hand = link.delivery.and_then(|id| self.jobs.hooks.hands.get(id));
        let (Some(hook), Some(hand)) = (hook, hand) else {
            return;
        };
        let mut head = std::mem::take(&mut self.head);
        let body = letter::write(&mut head, hook, &hand.delivery, wall_ms);
        if let Ok(body) = &body {
            self.blocks.put(out, &head);
            self.blocks.put(out, body);
        }
        head.clear();
        self.head = head;
        link.phase = Phase::Sending;
        link.http.start(false);
        let at = now.plus_ms(hook.timeout_ms);
        match body {
            Ok(_) => {
                self.set_wait(id, Wait::Hook, at);
                self.flush(id);
            }
            Err(words) => self.hook_over(id, words),
        }
    }

    /// Bytes came.
    pub(in crate::engine) fn hook_received(&mut self, id: ConnId, fresh: &[u8]) {
        if self.feed(id, fresh, Engine::hook_steps) {
            self.settle_conn(id);
        }
    }

    /// Takes whole pieces off `input`; returns how many bytes were used.
    fn hook_steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let wall_ms = self.now.wall_ms;
        let mut used = 0;
        loop {
            let Some(link) = self.hook_link(id) else {
                return input.len();
            };
            match link.http.step(&input[used..]) {
                Ok(ClientStep::NeedMore) => return used,
                Ok(ClientStep::Informational { consumed }) => used += consumed,
                Ok(ClientStep::Head { head, consumed }) => {
                    used += consumed;
                    link.status = Some(head.status);
                    link.retry_after_ms = hint::of_head(&head.fields, wall_ms);
                }
                Ok(ClientStep::Body { bytes, consumed }) => {
                    used += consumed;
                    link.bytes += bytes.len();
                    if link.bytes > HOOK_ANSWER_BYTES {
                        self.hook_over(id, "its answer is too long");
                        return input.len();
                    }
                }
                Ok(ClientStep::End { .. }) => {
                    self.hook_over(id, "it closed the connection without an answer");
                    return input.len();
                }
                Err(_) => {
                    self.hook_over(id, "it does not answer in HTTP");
                    return input.len();
                }
            }
        }
    }

    /// It will say nothing more.
    pub(in crate::engine) fn hook_ended(&mut self, id: ConnId) {
        self.hook_over(id, "it closed the connection without an answer");
    }

    /// The connection is gone; the reactor has closed its socket already.
    pub(in crate::engine) fn hook_gone(&mut self, id: ConnId, gone: Gone) {
        if let Some(Phase::Connecting(dial)) = self.hook_link(id).map(|link| link.phase) {
            self.remove_conn(id);
            self.dial_refused(id, dial, gone);
        } else {
            self.hook_over(id, gone.words());
        }
    }

    /// Whether the webhook has said what is to become of the delivery, though not all that it may say.
    pub(super) fn hook_has_answered(&self, id: ConnId) -> bool {
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Hook(link)) => link.status.is_some(),
            _ => false,
        }
    }

    /// It was waited for long enough.
    pub(in crate::engine) fn hook_late(&mut self, id: ConnId) {
        self.hook_over(id, "it did not answer in time");
    }

    /// Nothing more is to come on this connection. Its status, if it has sent one, is its answer: what
    /// would have followed is nobody's. Otherwise the attempt has failed, for this reason.
    fn hook_over(&mut self, id: ConnId, words: &str) {
        let Some(link) = self.hook_link(id) else {
            return;
        };
        let (delivery, status, asked_ms) = (link.delivery, link.status, link.retry_after_ms);
        match (delivery, status) {
            (Some(delivery), Some(status)) => self.delivery_answered(delivery, status, asked_ms),
            (Some(delivery), None) => self.attempt_failed(delivery, words, None),
            (None, _) => self.close_conn(id, How::Plain),
        }
    }
}
