//! Rate limits at the door: who is asking, what is charged for it, and what is given back.
//!
//! ```text
//!  connection ─► too many of one address?            429, closed
//!  head ───────► anything left at all?               429 before its body is read
//!  text ───────► take: one request and its tokens by estimate, all windows or none
//!                  └─► its call has ended, however: settle what was really used
//! ```
//! What is asked of each is in `policy/rate/`; here it is found out who asks, and what is reserved is
//! kept with the text that it was reserved for, because a text can outlive the request for it.
//! It is settled in one place, [`Engine::settle_charge`], on each way in which a call can end.

use super::call::Plan;
use super::conn::Client;
use super::failure::{Limited, Upstream};
use super::generation::{Generation, Outcome};
use super::policy::rate::{Cost, Door, Refused, Reserved, Subject, fields::Words, tokens_in};
use super::routes::Route;
use super::slots::{ConnId, ExchangeId, GenerationId};
use super::{Engine, Failure};

/// Bytes of a prompt around its topic, roughly.
const PROMPT_BYTES: usize = 96;

/// Who has asked for a text first, and what was charged for it in advance.
#[derive(Debug, Default)]
pub struct Charge {
    /// Who.
    pub who: Subject,
    /// What, until its call has ended.
    pub reserved: Option<Reserved>,
}

impl Engine {
    /// Who is on the other end of a connection.
    fn who(&mut self, id: ConnId) -> Subject {
        let client = self.conns.get_mut(id).and_then(|conn| conn.client());
        client.map_or(Subject::Others, |client| Subject::of(client.peer))
    }

    /// Who waits for an exchange.
    pub(super) fn subject_of(&mut self, id: ExchangeId) -> Subject {
        let conn = self.exchanges.get(id).map(|exchange| exchange.conn);
        conn.map_or(Subject::Others, |conn| self.who(conn))
    }

    /// Whether a request may go on to its body: its connection is none too many, and there is
    /// something left of every limit.
    pub(super) fn check_rate(&mut self, id: ConnId, route: &Route) -> Result<(), Failure> {
        let too_many = (self.conns.get_mut(id))
            .and_then(|conn| conn.client())
            .is_some_and(|client| client.door == Door::Told);
        if let Some(most) = self.doors.cap().filter(|_| too_many) {
            return Err(Failure::Limited(Limited::Connections { most }));
        }
        if !self.rates.is_on() || !route.is_recorded() {
            return Ok(());
        }
        // What it will cost is in its body. Where a text is asked for it is one token at least.
        let writes = matches!(route, Route::Generate | Route::Batch);
        let least = Cost {
            requests: 1,
            tokens: u64::from(writes),
        };
        let who = self.who(id);
        let checked = self.rates.check(self.now.mono, who, least);
        checked.map_err(|refused| limited(who, refused))
    }

    /// Charges a request that no model is asked for.
    pub(super) fn charge_request(&mut self, id: ExchangeId) -> Result<(), Failure> {
        if self.rates.is_on() {
            let reserved = self.take(id, Cost::REQUEST)?;
            self.rates.settle(self.now.mono, reserved, 0, false);
        }
        Ok(())
    }

    /// Charges a text in advance.
    pub(super) fn charge_text(&mut self, id: ExchangeId, plan: &Plan) -> Result<Charge, Failure> {
        let who = self.subject_of(id);
        let reserved = match self.rates.is_on() {
            true => Some(self.take(id, Cost::of_text(prompt_bytes(plan), plan.max_tokens))?),
            false => None,
        };
        Ok(Charge { who, reserved })
    }

    fn take(&mut self, id: ExchangeId, cost: Cost) -> Result<Reserved, Failure> {
        let who = self.subject_of(id);
        let taken = self.rates.take(self.now.mono, who, cost);
        taken.map_err(|refused| limited(who, refused))
    }

    /// A text was not begun after all.
    pub(super) fn uncharge(&mut self, charge: Charge) {
        if let Some(reserved) = charge.reserved {
            self.rates.put_back(reserved);
        }
    }

    /// No provider is at work for a text any more: what it has used takes the place of the
    /// estimate.
    pub(super) fn settle_charge(&mut self, id: GenerationId) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        let Some(reserved) = generation.result.charge.reserved.take() else {
            return;
        };
        let reported = reported(&generation.result);
        let tokens = reported.unwrap_or_else(|| unreported(generation));
        self.rates
            .settle(self.now.mono, reserved, tokens, reported.is_some());
    }

    /// Writes down for the head of a reply how its client stands with its limits.
    pub(super) fn note_rate_fields(&mut self, id: ExchangeId) {
        self.rate_fields.clear();
        let counted = |route: &Route| route.is_recorded();
        let exchange = self.exchanges.get(id).map(|exchange| &exchange.route);
        if self.rates.is_on() && exchange.is_some_and(counted) {
            let who = self.subject_of(id);
            let standing = self.rates.standing(self.now.mono, who);
            let wall_ms = self.now.wall_ms;
            self.rate_fields.write(Words::Own, standing, wall_ms);
        }
    }

    /// A client has connected.
    pub(super) fn knock_at_door(&mut self, client: &mut Client) -> bool {
        client.door = self.doors.knock(Subject::of(client.peer));
        client.door != Door::Shut
    }
}

fn limited(who: Subject, refused: Refused) -> Failure {
    let whose = who.kind();
    Failure::Limited(Limited::Rate { whose, refused })
}

fn prompt_bytes(plan: &Plan) -> usize {
    plan.topic.len() + PROMPT_BYTES
}

/// What the provider has counted.
fn reported(result: &Outcome) -> Option<u64> {
    let usage = result.usage;
    let parts = match (usage.prompt_tokens, usage.completion_tokens) {
        (None, None) => None,
        (prompt, completion) => Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0))),
    };
    usage.total_tokens.or(parts)
}

/// What a text has used of which nobody has reported anything: nothing if nobody was asked, or if
/// the provider has failed before any of it came; else its prompt and what came of it, by estimate.
/// So a client that leaves early pays for what was begun.
fn unreported(generation: &Generation) -> u64 {
    let result = &generation.result;
    let failed = matches!(&result.verdict, Some(Err(Failure::Upstream(upstream)))
        if !matches!(upstream, Upstream::TotalTimeout));
    if result.attempts == 0 || (failed && generation.text.is_empty()) {
        return 0;
    }
    tokens_in(prompt_bytes(&generation.plan)) + tokens_in(generation.text.len())
}
