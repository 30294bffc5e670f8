//! Deadlines that clients set for themselves (`x-request-timeout-ms`, see `policy/deadline.rs`).
//!
//! A deadline is the exchange's, not the text's: others may listen to the same text and have more
//! time. When it comes, the exchange is answered and leaves; if nobody else listens, the text is
//! stopped at once, without the grace that a client has whose connection broke, and no later stage
//! is begun.

use super::flow::Flow;
use super::flow::analyze::Analyze;
use super::flow::chat::Chat;
use super::flow::generate::Generate;
use super::flow::keywords::Keywords;
use super::generation::Phase;
use super::now::Mono;
use super::slots::{ExchangeId, GenerationId};
use super::{Engine, Failure};
use crate::limits::STORE_MS;

impl Engine {
    /// Until when an answer of use to anybody can come.
    pub(super) fn patience(&self, id: GenerationId) -> Mono {
        let Some(generation) = self.generations.get(id) else {
            return self.now.mono;
        };
        let exchanges = generation.subscribers.iter();
        let deadlines = exchanges.filter_map(|id| self.exchanges.get(*id).map(|e| e.deadline));
        let latest = deadlines.max().unwrap_or(Mono::NEVER);
        latest.min(generation.total)
    }

    /// Whether `id` ends because its deadline has come.
    pub(super) fn is_late(&self, id: ExchangeId) -> bool {
        let exchange = self.exchanges.get(id);
        exchange.is_some_and(|exchange| exchange.deadline <= self.now.mono)
    }

    /// The deadline of an exchange has come.
    pub(super) fn deadline_passed(&mut self, id: ExchangeId) {
        if self.is_settled(id) {
            return self.lift_deadline(id);
        }
        if let Some(exchange) = self.exchanges.get_mut(id)
            && exchange.is_reading()
        {
            // What is left of its body is nobody's request.
            exchange.terms.keep_alive = false;
        }
        self.fail_exchange(id, &Failure::Deadline);
    }

    /// Whether all is known, and its rows are on the way or written: to cut it off now would help
    /// nobody, and what its row says would not be true.
    fn is_settled(&self, id: ExchangeId) -> bool {
        let Some(exchange) = self.exchanges.get(id) else {
            return false;
        };
        match &exchange.flow {
            Flow::Generate(Generate::Sending(_) | Generate::Over) => true,
            Flow::Generate(_) => exchange
                .held
                .generation
                .and_then(|id| self.generations.get(id))
                .is_some_and(|text| text.phase != Phase::Calling),
            Flow::Chat(chat) => matches!(chat, Chat::Sending(_) | Chat::Over),
            Flow::Analyze(analysis) => matches!(analysis, Analyze::Saving(_)),
            Flow::Keywords(keywords) => matches!(keywords, Keywords::Saving(_)),
            Flow::Gather(gather) => gather.is_settled(),
            Flow::Contents(contents) => contents.is_settled(),
            Flow::Jobs(jobs) => jobs.is_settled(),
            Flow::Export(export) => export.has_begun(),
            Flow::Page(_) | Flow::Kept(_) => true,
            Flow::Cached(cached) => cached.is_saving(),
            // What an import has stored so far it tells in its answer, whenever it ends.
            Flow::Import(_)
            | Flow::Keyed(_)
            | Flow::Watch(_)
            | Flow::Body(_)
            | Flow::Parked(_)
            | Flow::Doomed(_)
            | Flow::Parsing(_)
            | Flow::Between => false,
        }
    }

    /// The exchange has the time that it would have without a deadline.
    fn lift_deadline(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        exchange.deadline = Mono::NEVER;
        let streams = matches!(exchange.flow, Flow::Generate(_)) && exchange.terms.wants_stream;
        let now = self.now.mono;
        let deletes = matches!(exchange.flow, Flow::Contents(_));
        let at = if exchange.held.work.is_some() || deletes {
            now.plus_ms(STORE_MS)
        } else if streams {
            now.plus_ms(self.config.limits.heartbeat_ms)
        } else {
            Mono::NEVER
        };
        self.set_exchange_timer(id, at);
    }
}
