//! The house itself: shutting down, and texts whose scores are still owed.

use uuid::Uuid;

use super::conn::{ClientPhase, Role};
use super::flow::Flow;
use super::generation::Phase;
use super::io::{How, Output};
use super::slots::{ConnId, GenerationId};
use super::timers::{Owner, Timer};
use super::work::{Cancel, Kind, PassedOn, Work, WorkOwner, WorkResult};
use super::{Engine, Failure};
use crate::limits::STORE_MS;
use crate::score::Scores;
use crate::store::{Found, Query, Unscored, Write};

/// How often texts without scores are looked for.
const RESCORE_MS: u64 = 60_000;
/// How many are scored in one go.
const RESCORE_ROWS: usize = 16;

/// What house-keeping is at.
#[derive(Debug, Default)]
pub(super) struct House {
    pub(super) timer: Timer,
    /// Texts up to this id were looked at, so that one that cannot be scored does not stop the
    /// walk.
    after: Option<Uuid>,
    /// Whether the store is being asked.
    asking: bool,
    /// Whether the store may have something that it is to forget in time: keys of requests,
    /// and what it would answer from its cache.
    pub(super) forgets: bool,
    /// Whether the first look was ordered.
    started: bool,
}

impl Engine {
    /// SIGTERM: no new clients, no new texts; what is there may end.
    pub(super) fn begin_shutdown(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        let until = self.now.mono.plus_ms(self.config.limits.shutdown_ms);
        self.stopping = Some(until);
        self.out.push(Output::PauseAccept);
        for id in self.exchanges.ids() {
            if let Some(exchange) = self.exchanges.get_mut(id) {
                exchange.terms.keep_alive = false;
            }
        }
        for id in self.conns.ids() {
            self.end_if_idle(id);
        }
        self.stop_jobs();
        self.stop_watches();
        self.stop_hooks();
        self.begin_giving_back();
        self.stop_deserted();
        self.timers.set(Owner::House, &mut self.house.timer, until);
    }

    /// Nobody can come back for a text any more: those without a reader are stopped.
    fn stop_deserted(&mut self) {
        for id in self.generations.ids() {
            if self.subscribers(id).is_empty() {
                self.fail_generation(id, Failure::Stopping);
            }
        }
    }

    /// Closes a connection on which nothing is going on.
    fn end_if_idle(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        match &conn.role {
            Role::Client(client) => {
                if client.exchange.is_none() && client.phase == ClientPhase::Open {
                    self.begin_close(id);
                }
            }
            Role::Provider(provider) => {
                if provider.phase == super::conn::ProviderPhase::Idle {
                    self.close_conn(id, How::Plain);
                }
            }
            Role::Database(_) => {}   // rows are still to be written
            Role::Redis(_) => {}      // what goes on is still counted
            Role::Hook(_) => {}       // its delivery is given back, or has ended
            Role::NameServer(_) => {} // somebody may be waiting for the name
        }
    }

    /// The time for shutting down is over: texts are stopped, their streams end with an event and
    /// what there is of them is stored; other requests get 503.
    fn end_everything(&mut self) {
        self.stopped_streams = true;
        for id in self.generations.ids() {
            self.fail_generation(id, Failure::Stopping);
        }
        for id in self.exchanges.ids() {
            let waits_for_rows =
                self.exchanges
                    .get(id)
                    .is_some_and(|exchange| match &exchange.flow {
                        Flow::Generate(_) => exchange.held.generation.is_some(),
                        Flow::Gather(_) | Flow::Chat(_) => true,
                        Flow::Contents(contents) => contents.is_settled(),
                        flow => flow.is_saving(),
                    });
            if waits_for_rows {
                self.serve_later(id); // topics of a batch that were not begun are refused
            } else {
                self.fail_exchange(id, &Failure::Stopping);
            }
        }
        self.set_house_timer(STORE_MS);
    }

    /// Whether the process may end: nobody is served any more, every row is written, and the others
    /// have what is left of the limits.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.stopping.is_some() && self.has_served_all() && self.has_given_back()
    }

    /// Whether there is nobody to be served, and nothing to be written.
    pub(super) fn has_served_all(&self) -> bool {
        self.clients == 0 && self.writes_are_done()
    }

    fn writes_are_done(&self) -> bool {
        let depths = [Kind::Write, Kind::Journal].map(|kind| self.works.depth(kind));
        depths
            .iter()
            .all(|depth| depth.waiting + depth.running == 0)
            && self
                .generations
                .iter()
                .all(|(_, generation)| generation.phase == Phase::Finished)
            // They are in no queue while the store does not take them.
            && (self.stopped_streams || !self.jobs.hooks.owes_ends())
    }

    /// Orders the first look for texts without scores.
    pub(super) fn mind_the_house(&mut self) {
        if !self.house.started && self.stopping.is_none() {
            self.house.started = true;
            self.set_house_timer(1_000);
            self.begin_retention();
        }
    }

    fn set_house_timer(&mut self, ms: u64) {
        let at = self.now.mono.plus_ms(ms);
        self.timers.set(Owner::House, &mut self.house.timer, at);
    }

    /// The deadline of the house.
    pub(super) fn house_due(&mut self) {
        match self.stopping {
            Some(_) if !self.stopped_streams => self.end_everything(),
            Some(_) => {
                for id in self.conns.ids() {
                    self.end_client(id);
                }
            }
            None => {
                self.look_for_unscored();
                self.sweep_keys();
                self.set_house_timer(RESCORE_MS);
            }
        }
    }

    /// Whoever has not taken its answer by now does not get it. A FIN would say that the answer is
    /// whole where only the end of the connection ends it (HTTP/1.0), so it is a reset.
    fn end_client(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get(id) else {
            return;
        };
        if let Role::Client(client) = &conn.role {
            let whole = conn.out.is_empty() && client.exchange.is_none();
            let how = if whole { How::Plain } else { How::Reset };
            self.client_closed(id);
            self.out.push(Output::Close(id, how));
        }
    }

    fn look_for_unscored(&mut self) {
        let scorers = self.works.depth(Kind::Score);
        let busy = scorers.waiting > 0 || !self.works.has_room(Kind::Read);
        if self.house.asking || busy {
            return;
        }
        let query = Query::Unscored {
            after: self.house.after,
            limit: RESCORE_ROWS,
        };
        if self
            .works
            .submit(WorkOwner::House, Work::Read(query))
            .is_some()
        {
            self.house.asking = true;
        }
    }

    /// The store has named texts without scores.
    pub(super) fn house_work_done(&mut self, result: WorkResult) {
        self.house.asking = false;
        let WorkResult::Found(Ok(Found::Unscored(rows))) = result else {
            self.house.after = None;
            return;
        };
        self.house.after = rows.last().map(|row| row.id);
        for Unscored { tenant, id, text } in rows {
            let in_the_making = self.generation_by_id(id).is_some();
            if in_the_making || !self.works.has_room(Kind::Score) {
                continue;
            }
            let work = Work::Score {
                text: text.into(),
                cancel: Cancel::default(),
            };
            let owner = WorkOwner::Rescore(tenant.into(), id);
            if self.works.submit(owner, work).is_none() {
                self.counters.scores_lost += 1;
            }
        }
    }

    /// A text that was stored without scores has been scored.
    pub(super) fn rescored(&mut self, tenant: &str, id: Uuid, result: WorkResult) {
        match result {
            // Passed on in the moment in which the rows were written without them.
            WorkResult::Scored(Some(scores)) => self.write_scores(tenant, id, Box::new(scores)),
            WorkResult::PassedOn(PassedOn {
                scores: Some(scores),
                ..
            }) => self.write_scores(tenant, id, scores),
            _ => self.counters.scores_lost += 1,
        }
    }

    fn write_scores(&mut self, tenant: &str, id: Uuid, scores: Box<Scores>) {
        if let Some(generation) = self.generation_by_id(id)
            && let Some(generation) = self.generations.get_mut(generation)
        {
            generation.result.scores = Some(scores.clone());
        }
        self.write_unwatched(Write::Rescore {
            tenant: tenant.to_string(),
            id,
            scores,
        });
    }

    /// Rows that nobody waited for were written, or not.
    pub(super) fn unwatched_done(&mut self, result: &WorkResult) {
        if !matches!(
            result,
            WorkResult::Written(Ok(_)) | WorkResult::Found(Ok(_)) | WorkResult::Withdrawn
        ) {
            self.counters.rows_lost += 1;
        }
    }

    /// A thread panicked over a generation: a text is stored without scores, a row is not stored.
    pub(super) fn generation_work_panicked(&mut self, id: GenerationId) {
        match self.generations.get(id).map(|g| g.phase) {
            // The answer that it was to read is gone.
            Some(Phase::Calling) => self.fail_generation(id, Failure::Panicked),
            Some(Phase::Scoring) => self.scored(id, None),
            Some(Phase::Saving) => {
                self.counters.rows_lost += 1;
                self.saved(id, Err(Failure::Panicked));
            }
            _ => {}
        }
    }
}
