//! How requests for a text reach their generation: admission, single flight, resume and stop.

use uuid::Uuid;

use super::Flow;
use super::body::GenerateAsk;
use super::generate::{Event, Generate, Step};
use crate::config::Store;
use crate::engine::call::Plan;
use crate::engine::failure::Bound;
use crate::engine::generation::{Generation, Phase};
use crate::engine::keywords::Purpose;
use crate::engine::now::Mono;
use crate::engine::policy::{cache, coalesce};
use crate::engine::slots::{ExchangeId, GenerationId};
use crate::engine::timers::Owner;
use crate::engine::trace::State;
use crate::engine::work::Work;
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::{STORE_MS, TOPIC_CHARS};
use crate::store::{Found, Query, RequestOutcome, StoreError, term_id};

impl Engine {
    /// `POST /generate/`
    pub(super) fn begin_generate(
        &mut self,
        id: ExchangeId,
        ask: GenerateAsk,
    ) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        exchange.terms.wants_stream |= ask.stream;
        let (stream, control) = (exchange.terms.wants_stream, exchange.terms.control);
        self.ledger.settle(&mut exchange.charged, 0); // the body is gone, the plan has its topic
        let may = cache::for_text(ask.cache, control, &self.config);
        let plan = self.plan(ask, stream)?;
        match may {
            Some(may) => self.look_in_cache(id, plan, may),
            None => self.wait_for_plan(id, plan),
        }
    }

    /// Makes `id` wait for what `plan` asks for.
    pub(super) fn wait_for_plan(&mut self, id: ExchangeId, plan: Plan) -> Result<(), Failure> {
        let stream = plan.stream;
        let (generation, is_new) = self.join_or_admit(id, plan)?;
        self.wait_for(id, generation, Generate::new(stream, 0, false));
        if is_new && let Err(failure) = self.start_call(generation) {
            self.fail_generation(generation, failure);
        }
        // Whoever joins a text late gets what there is of it at once.
        if !is_new {
            self.catch_up(id, generation);
        }
        Ok(())
    }

    /// The text that `plan` asks for: one that is being produced, or a new one, whose call is to
    /// be started once somebody listens.
    pub(super) fn join_or_admit(
        &mut self,
        id: ExchangeId,
        plan: Plan,
    ) -> Result<(GenerationId, bool), Failure> {
        if let Some(generation) = self.joinable(&plan) {
            self.charge_request(id)?;
            self.counters.coalesced += 1;
            return Ok((generation, false));
        }
        let charge = self.charge_text(id, &plan)?;
        Ok((self.admit_charged(plan, charge)?, true))
    }

    /// Makes `plan` the plan of one of several texts about the same topic.
    pub(super) fn make_candidate(&self, plan: &mut Plan, candidate: u8) {
        plan.candidate = candidate;
        plan.key = coalesce::key(&self.by_prompt.keyed(), TENANT, plan);
    }

    /// `GET /generate/{id}/events`
    pub(super) fn resume(&mut self, id: ExchangeId, uuid: Uuid) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        exchange.terms.wants_stream = true;
        // Wherever it lies: past the end there is nothing to send but the end, and inside a
        // character the text is sent from the start of that character on.
        let cursor = exchange.terms.last_event_id.unwrap_or(0);
        let cursor = usize::try_from(cursor).unwrap_or(usize::MAX);
        let state = Generate::new(true, cursor, true);
        if let Some(generation) = self.generation_by_id(uuid) {
            self.listen(id, generation, state);
            return Ok(());
        }
        let tenant = TENANT.to_string();
        let query = Work::Read(Query::One { tenant, id: uuid });
        self.submit_for(id, query, Bound::Store)?;
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Generate(state);
        }
        self.enter(id, State::Querying);
        Ok(())
    }

    /// The row of a text that is to be resumed.
    pub(super) fn resume_found(
        &mut self,
        id: ExchangeId,
        state: Generate,
        found: Result<Found, StoreError>,
    ) -> Result<(), Failure> {
        let uuid = match self.exchanges.get(id).map(|exchange| &exchange.route) {
            Some(super::Route::Resume(uuid)) => *uuid,
            _ => return Err(Failure::Internal("a row for a request that did not ask")),
        };
        match found.map_err(super::store)? {
            Found::One(Some(row)) => {
                // It may have come into memory while the store was asked.
                if let Some(generation) = self.generation_by_id(uuid) {
                    self.listen(id, generation, state);
                    return Ok(());
                }
                let generation = self.revive(*row)?;
                self.wait_for(id, generation, state);
                self.keep_for_replay(generation);
                self.catch_up(id, generation);
                Ok(())
            }
            Found::One(None) if self.is_young(uuid) => Err(Failure::NotYet),
            Found::One(None) => Err(Failure::Gone),
            _ => Err(Failure::Internal("another read was answered")),
        }
    }

    /// `DELETE /generate/{id}`
    pub(super) fn stop(&mut self, id: ExchangeId, uuid: Uuid) -> Result<(), Failure> {
        let generation = self.generation_by_id(uuid).ok_or(Failure::NotFound)?;
        let running = self
            .generations
            .get(generation)
            .is_some_and(|g| g.phase == Phase::Calling && g.result.verdict.is_none());
        if running {
            self.fail_generation(generation, Failure::Cancelled);
        }
        self.reply_stopped(id, uuid, running);
        Ok(())
    }

    /// A text with this id may still be on its way to the store, here or on another machine.
    fn is_young(&self, uuid: Uuid) -> bool {
        let Some(stamp) = uuid.get_timestamp() else {
            return false;
        };
        let (seconds, nanos) = stamp.to_unix();
        let born_ms = seconds as i64 * 1000 + i64::from(nanos / 1_000_000);
        let age_ms = self.now.wall_ms - born_ms;
        age_ms.unsigned_abs() < crate::limits::GENERATION_MS
    }

    /// What is asked for, with everything that was left open filled in.
    pub(in crate::engine) fn plan(&self, ask: GenerateAsk, stream: bool) -> Result<Plan, Failure> {
        let route = self.route_for(ask.provider.as_deref(), ask.model.as_deref())?;
        debug_assert!(ask.topic.chars().count() <= TOPIC_CHARS);
        let asked = ask.model.as_deref();
        let asked = asked.and_then(|model| route.unless_all_are(model));
        let mut plan = Plan {
            key: 0,
            term_id: term_id(TENANT, &ask.topic),
            topic: ask.topic,
            route,
            max_tokens: ask.max_tokens,
            temperature: ask.temperature,
            stream,
            candidate: 0,
            patient: false,
            purpose: Purpose::Text,
            asked,
            errand: None,
        };
        plan.key = coalesce::key(&self.by_prompt.keyed(), TENANT, &plan);
        Ok(plan)
    }

    /// A text in the making that is just what `plan` asks for.
    pub(super) fn joinable(&self, plan: &Plan) -> Option<GenerationId> {
        if !self.config.coalesce {
            return None;
        }
        let id = self.by_prompt.get(&plan.key)?;
        let room = self
            .generations
            .get(id)
            .is_some_and(|g| g.subscribers.len() < coalesce::SUBSCRIBERS);
        room.then_some(id)
    }

    /// Lets a new text in. With it, its places in the queues of scoring and saving are taken: a
    /// text that was paid for is never refused for want of room.
    pub(in crate::engine) fn admit(&mut self, plan: Plan) -> Result<GenerationId, Failure> {
        let is_chat = plan.purpose == Purpose::Chat;
        if !(is_chat && self.config.gateway.store == Store::Off) {
            self.admit_rows()?;
        }
        if !self.make_room_for_generation() {
            return Err(Failure::Full(Bound::Generations));
        }
        let now = self.now;
        let total_ms = self.total_ms(&plan.route);
        let (key, purpose) = (plan.key, plan.purpose);
        let id = match plan.errand {
            Some(errand) => errand.row_id,
            None => self.new_id(),
        };
        let total = now.mono.plus_ms(total_ms);
        let generation = Generation::new(id, plan, total, now.wall_ms);
        let uuid = generation.id;
        let id = self
            .generations
            .insert(generation)
            .map_err(|_| Failure::Full(Bound::Generations))?;
        if purpose == Purpose::Text {
            self.by_id.insert(uuid, id);
        }
        if !is_chat {
            self.by_prompt.insert(key, id);
        }
        if let Some(generation) = self.generations.get_mut(id) {
            let at = generation.total;
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, at);
        }
        self.settle_generation(id);
        self.counters.generations += 1;
        Ok(id)
    }

    /// Makes `id` listen to `generation` from `state` on, without bringing it up to date.
    pub(super) fn wait_for(&mut self, id: ExchangeId, generation: GenerationId, state: Generate) {
        let mut wake = Mono::NEVER;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Generate(state);
            if exchange.terms.wants_stream {
                wake = self.now.mono.plus_ms(self.config.limits.heartbeat_ms);
            }
        }
        self.set_exchange_timer(id, wake);
        self.enter(id, State::AwaitingText);
        self.subscribe(generation, id);
    }

    fn listen(&mut self, id: ExchangeId, generation: GenerationId, state: Generate) {
        self.wait_for(id, generation, state);
        self.catch_up(id, generation);
    }

    /// Tells `id` how `generation` stands.
    pub(in crate::engine) fn catch_up(&mut self, id: ExchangeId, generation: GenerationId) {
        let Some(generation) = self.generations.get(generation) else {
            return;
        };
        let verdict = generation.verdict();
        let has_text = !generation.text.is_empty();
        if let Some(verdict) = verdict {
            self.generate_event(id, Event::Verdict(verdict));
        } else if has_text {
            self.generate_event(id, Event::Content);
        }
    }

    /// Takes an event into the flow of a request for a text, and does what it asks for.
    pub(in crate::engine) fn generate_event(&mut self, id: ExchangeId, event: Event) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let state = match &exchange.flow {
            Flow::Generate(state) => *state,
            Flow::Chat(_) => {
                if let Event::Verdict(Err(failure)) = event {
                    self.fail_exchange(id, &failure);
                }
                return;
            }
            // It looks at its texts when it is its turn.
            Flow::Gather(_) if event != Event::Content => return self.serve_later(id),
            _ => return,
        };
        let step = match state.on(event) {
            Ok((next, step)) => {
                exchange.flow = Flow::Generate(next);
                step
            }
            Err(failure) => return self.fail_exchange(id, &failure),
        };
        match step {
            Step::Rest => {}
            Step::Begin { resumed } => {
                self.enter(id, State::Streaming);
                self.begin_stream(id, resumed);
                self.pump(id);
            }
            Step::Pump => self.pump(id),
            Step::Beat => self.heartbeat(id),
            Step::Answer => self.begin_document(id),
            Step::Finish => {
                self.settle_row(id, RequestOutcome::Ok, 200, None);
                let keep = self.exchanges.get(id).is_some_and(|e| e.terms.keep_alive);
                self.reply_written(id, keep);
            }
            Step::Done => {
                self.settle_row(id, RequestOutcome::Ok, 200, None);
                self.end_stream(id, None);
            }
            Step::Error(failure) => self.end_stream(id, Some(&failure)),
        }
    }
}
