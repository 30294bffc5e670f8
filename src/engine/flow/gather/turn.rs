//! What a request for several texts does when it is its turn: see who has ended, begin the next,
//! write, and end.

use super::{Gather, Kind, Member, Phase};
use crate::engine::archive::outcome_of;
use crate::engine::failure::Bound;
use crate::engine::flow::Flow;
use crate::engine::rate::cost_of_topic;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::engine::{Engine, Failure};
use crate::limits::STORE_MS;
use crate::store::{RequestOutcome, RequestRow, Write, Written};

impl Engine {
    /// It is the turn of a request for several texts.
    pub(in crate::engine) fn gather_turn(&mut self, id: ExchangeId) {
        self.note_ended_members(id);
        self.begin_members(id);
        let Some(gather) = self.gather(id) else {
            return;
        };
        match gather.phase {
            Phase::Going if gather.is_batch() => {
                self.write_pieces(id);
                let over = |gather: &Gather| gather.all_have_ended() && gather.is_written();
                if self.gather(id).is_some_and(over) {
                    self.save_gather(id);
                }
            }
            Phase::Going if gather.all_have_ended() => self.choose(id),
            Phase::Going | Phase::Saving => {}
            Phase::Telling => {
                self.write_pieces(id);
                if self.gather(id).is_some_and(Gather::is_written) {
                    self.end_gather(id);
                }
            }
        }
    }

    /// Takes the verdicts of texts that have ended.
    fn note_ended_members(&mut self, id: ExchangeId) {
        let mut at = 0;
        while let Some(gather) = self.gather(id) {
            let Some(&place) = gather.running.get(at) else {
                break;
            };
            let text = gather.members[place].text;
            let verdict = match text.and_then(|text| self.generations.get(text)) {
                Some(text) => text.verdict(),
                None => Some(Err(Failure::Internal("a text is gone that is listened to"))),
            };
            match verdict {
                Some(end) => {
                    self.count_member(id, place);
                    if let Some(gather) = self.gather_mut(id) {
                        gather.running.remove(at);
                        gather.end_member(place, end);
                    }
                }
                None => at += 1,
            }
        }
    }

    /// Adds what the calls of a text came to, once for each text.
    fn count_member(&mut self, id: ExchangeId, place: usize) {
        let Some(gather) = self.gather(id) else {
            return;
        };
        let text = gather.members[place].text;
        let counted = |member: &Member| member.text == text && member.end.is_some();
        if gather.members.iter().any(counted) {
            return;
        }
        let Some(generation) = text.and_then(|text| self.generations.get(text)) else {
            return;
        };
        let cost = self.cost_nanos(generation);
        if let Some(Flow::Gather(gather)) = self.exchanges.get_mut(id).map(|e| &mut e.flow) {
            gather.sum.add(&generation.result, cost);
        }
    }

    /// Begins as many texts as may be in hand.
    fn begin_members(&mut self, id: ExchangeId) {
        while let Some(gather) = self.gather(id) {
            let in_hand = gather.in_hand();
            let place = gather.begun;
            if place == gather.members.len() || in_hand >= gather.at_once {
                return;
            }
            let ask = gather.ask(place);
            let cost = cost_of_topic(&ask.topic, ask.max_tokens);
            if !self.stopped_streams && self.waits_for_share(id, cost) {
                return; // it is its turn again when the counter has answered
            }
            let begun = if self.stopped_streams {
                Err(Failure::Stopping)
            } else {
                self.begin_member(id, place)
            };
            match begun {
                Ok(()) => {}
                // There will be room for it when one of the others has ended.
                Err(Failure::Full(_)) if in_hand > 0 => return,
                Err(failure) => {
                    if let Some(gather) = self.gather_mut(id) {
                        gather.begun += 1;
                        gather.end_member(place, Err(failure));
                    }
                }
            }
        }
    }

    /// Begins one text, or joins one that is being produced.
    pub(super) fn begin_member(&mut self, id: ExchangeId, place: usize) -> Result<(), Failure> {
        let Some(gather) = self.gather(id) else {
            return Ok(());
        };
        let is_batch = gather.is_batch();
        let mut plan = self.plan(gather.ask(place), false)?;
        if !is_batch {
            self.make_candidate(&mut plan, place as u8);
        }
        plan.patient = true;
        let who = self.subject_of(id);
        let gates = plan.route.targets().iter().map(|target| target.provider);
        let mut permits = gates.map(|provider| &self.gates[usize::from(provider)].permits);
        if !permits.any(|permits| permits.has_room_for(who)) {
            return Err(Failure::Full(Bound::Provider));
        }
        let (text, is_new) = self.join_or_admit(id, plan)?;
        if let Some(gather) = self.gather_mut(id) {
            gather.begun += 1;
            gather.running.push(place);
            gather.members[place].text = Some(text);
        }
        let listens = self
            .exchanges
            .get(id)
            .is_some_and(|exchange| exchange.held.party.contains(&text));
        if !listens {
            self.subscribe(text, id);
        }
        if is_new && let Err(failure) = self.start_call(text) {
            self.fail_generation(text, failure);
        }
        Ok(())
    }

    /// All candidates have ended: the best of those that are whole is the answer.
    fn choose(&mut self, id: ExchangeId) {
        let Some(gather) = self.gather(id) else {
            return;
        };
        let Kind::Best { prefer, .. } = &gather.kind else {
            return;
        };
        let whole = |place: &usize| gather.members[*place].end == Some(Ok(()));
        let texts = (0..gather.members.len()).filter(whole).map(|place| {
            let text = gather.members[place].text;
            let text = text.and_then(|text| self.generations.get(text));
            (place, text.and_then(|text| text.result.scores.as_deref()))
        });
        match prefer.best(texts) {
            Some(place) => {
                if let Some(gather) = self.gather_mut(id)
                    && let Kind::Best { best, .. } = &mut gather.kind
                {
                    *best = place;
                }
                self.save_gather(id);
            }
            None => {
                let failure = gather.first_failure().cloned();
                let lost = Failure::Internal("candidates that ended in no way");
                self.fail_exchange(id, &failure.unwrap_or(lost));
            }
        }
    }

    /// Queues the row of the request. Its texts are stored already.
    fn save_gather(&mut self, id: ExchangeId) {
        let Some(row) = self.gather_row(id) else {
            return;
        };
        let rows = Write::Save {
            requests: vec![row],
            text: None,
            analysis: None,
        };
        self.promise_gather(id);
        let work = Work::Write(Box::new(self.with_answer(id, rows)));
        let Some(work) = self.works.submit(WorkOwner::Exchange(id), work) else {
            return self.fail_exchange(id, &Failure::Full(Bound::Store));
        };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
            exchange.held.owes_row = false;
        }
        if let Some(gather) = self.gather_mut(id) {
            gather.phase = Phase::Saving;
        }
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        self.enter(id, State::Saving);
    }

    /// The row of the request is on disk, or is not.
    pub(in crate::engine::flow) fn gather_saved(
        &mut self,
        id: ExchangeId,
        gather: Box<Gather>,
        result: WorkResult,
    ) -> Result<(), Failure> {
        let is_batch = gather.is_batch();
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Gather(gather);
        }
        match super::super::written(result)? {
            Written::Saved if is_batch => {
                self.answer_is_kept(id);
                self.end_gather(id);
            }
            Written::Saved => {
                self.answer_is_kept(id);
                self.tell_the_best(id);
            }
            _ => return Err(Failure::Internal("another write was answered")),
        }
        Ok(())
    }

    fn tell_the_best(&mut self, id: ExchangeId) {
        if let Some(gather) = self.gather_mut(id) {
            gather.phase = Phase::Telling;
            gather.ready = (0..gather.members.len()).collect();
        }
        self.enter(id, State::Streaming);
        self.begin_best_answer(id);
        self.gather_turn(id);
    }

    /// What the row of the request says: it went well if one of its texts did, and its tokens are
    /// those of all.
    fn gather_row(&self, id: ExchangeId) -> Option<RequestRow> {
        let gather = self.gather(id)?;
        let well = gather.members.iter().any(|m| m.end == Some(Ok(())));
        let mut row = match gather.first_failure() {
            Some(failure) if !well => {
                let mut row = self.request_row(id, outcome_of(failure, false), 200)?;
                row.error_code = Some(failure.code().to_string());
                row
            }
            _ => self.request_row(id, RequestOutcome::Ok, 200)?,
        };
        self.enter_gather(id, &mut row);
        Some(row)
    }

    /// Puts into the row of a request what is known of its texts, if it is one for several.
    pub(in crate::engine) fn enter_gather(&self, id: ExchangeId, row: &mut RequestRow) {
        let (Some(exchange), Some(gather)) = (self.exchanges.get(id), self.gather(id)) else {
            return;
        };
        gather.sum.enter(row, exchange.started.mono);
        if let Ok(plan) = self.plan(gather.ask(0), false) {
            row.provider = Some(plan.route.first().provider_name.to_string());
            row.model = Some(plan.route.first().model.to_string());
        }
    }

    /// The line of a member of a batch is written: its text need not be kept for this request,
    /// unless another member is the same text.
    pub(super) fn leave_member(&mut self, id: ExchangeId, place: usize) {
        let Some(gather) = self.gather(id) else {
            return;
        };
        let Some(text) = gather.members[place].text else {
            return;
        };
        let others = gather.running.iter().chain(&gather.ready);
        let mut others = others.map(|place| gather.members[*place].text);
        if others.any(|other| other == Some(text)) {
            return;
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.party.retain(|held| *held != text);
        }
        self.unsubscribe(text, id);
    }
}

impl Gather {
    fn end_member(&mut self, place: usize, end: Result<(), Failure>) {
        self.members[place].end = Some(end);
        self.ready.push_back(place);
    }

    fn first_failure(&self) -> Option<&Failure> {
        let mut ends = self.members.iter().filter_map(|m| m.end.as_ref());
        ends.find_map(|end| end.as_ref().err())
    }
}
