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
use super::policy::rate::fields::Words;
use super::policy::rate::{Cost, Door, Refused, Reserved, Subject, tokens_in, tokens_of_prompt};
use super::routes::Route;
use super::slots::{ConnId, ExchangeId, GenerationId};
use super::{Engine, Failure};
use crate::dialect::Dialect;

/// Bytes of a prompt around its topic, roughly.
const PROMPT_BYTES: usize = 96;

/// Who has asked for a text first, and what was charged for it in advance.
#[derive(Debug, Default)]
pub struct Charge {
    /// Who.
    pub who: Subject,
    /// Tokens of its prompt, by estimate.
    prompt_tokens: u64,
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
        let writes = matches!(route, Route::Generate | Route::Batch | Route::Chat(_));
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
        let bytes = plan.topic.len() + PROMPT_BYTES;
        self.charge(id, bytes, 1, plan.max_tokens)
    }

    /// Charges in advance for a prompt of so many bytes and so many answers of so many tokens at most.
    pub(super) fn charge(
        &mut self,
        id: ExchangeId,
        bytes: usize,
        answers: u32,
        max_tokens: Option<u32>,
    ) -> Result<Charge, Failure> {
        let reserved = if self.rates.is_on() {
            Some(self.take(id, Cost::of_text(bytes, answers, max_tokens))?)
        } else {
            None
        };
        Ok(Charge {
            who: self.subject_of(id),
            prompt_tokens: tokens_of_prompt(bytes),
            reserved,
        })
    }

    /// Lets a new text in that was charged for.
    pub(super) fn admit_charged(
        &mut self,
        plan: Plan,
        charge: Charge,
    ) -> Result<GenerationId, Failure> {
        match self.admit(plan) {
            Ok(id) => {
                if let Some(generation) = self.generations.get_mut(id) {
                    generation.result.charge = charge;
                }
                Ok(id)
            }
            Err(failure) => {
                self.uncharge(charge);
                Err(failure)
            }
        }
    }

    fn take(&mut self, id: ExchangeId, cost: Cost) -> Result<Reserved, Failure> {
        let who = self.subject_of(id);
        let taken = self.rates.take(self.now.mono, who, cost);
        self.put_questions();
        taken.map_err(|refused| limited(who, refused))
    }

    /// A text was not begun after all.
    fn uncharge(&mut self, charge: Charge) {
        if let Some(reserved) = charge.reserved {
            self.rates.put_back(self.now.mono, reserved);
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
        self.put_questions();
    }

    /// Writes down for the head of a reply how its client stands with its limits.
    pub(super) fn note_rate_fields(&mut self, id: ExchangeId) {
        self.rate_fields.clear();
        let counted = |route: &Route| route.is_recorded();
        let Some(exchange) = self.exchanges.get(id).filter(|_| self.rates.is_on()) else {
            return;
        };
        let words = match exchange.terms.dialect {
            Some(Dialect::OpenAi) => Words::OpenAi,
            Some(Dialect::Anthropic) => Words::Anthropic,
            // Gemini's has no words for it.
            Some(Dialect::Gemini) | None => Words::Own,
        };
        if counted(&exchange.route) {
            let who = self.subject_of(id);
            let standing = self.rates.standing(self.now.mono, who);
            let wall_ms = self.now.wall_ms;
            self.rate_fields.write(words, standing, wall_ms);
        }
    }

    /// A client has connected.
    pub(super) fn knock_at_door(&mut self, client: &mut Client) -> bool {
        client.door = self.doors.knock(Subject::of(client.peer));
        client.door != Door::Shut
    }
}

/// What a text about a topic will be charged: see [`Engine::charge_text`].
pub(super) fn cost_of_topic(topic: &str, max_tokens: Option<u32>) -> Cost {
    Cost::of_text(topic.len() + PROMPT_BYTES, 1, max_tokens)
}

fn limited(who: Subject, refused: Refused) -> Failure {
    let whose = who.kind();
    Failure::Limited(Limited::Rate { whose, refused })
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
    // Where no text is kept, a piece of content is about a token.
    let answer = tokens_in(generation.text.len()).max(result.pieces);
    if result.attempts == 0 || (failed && answer == 0) {
        return 0;
    }
    result.charge.prompt_tokens + answer
}
