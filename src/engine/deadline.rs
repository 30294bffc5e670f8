//! Deadlines that clients set for themselves (`x-request-timeout-ms`, see `policy/deadline.rs`).
//!
//! A deadline is the exchange's, not the text's: others may listen to the same text and have more
//! time. When it comes, the exchange is answered and leaves; if nobody else listens, the text is
//! stopped at once, without the grace that a client has whose connection broke, and no later stage
//! is begun.

use super::flow::Flow;
use super::flow::generate::Generate;
use super::now::Mono;
use super::slots::{ExchangeId, GenerationId};
use super::{Engine, Failure};

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
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        if exchange.is_reading() {
            // What is left of its body is nobody's request.
            exchange.terms.keep_alive = false;
        }
        let sending = match &exchange.flow {
            Flow::Generate(Generate::Sending(_) | Generate::Over) => true,
            Flow::Generate(Generate::Streaming(_)) => exchange
                .held
                .generation
                .and_then(|id| self.generations.get(id))
                .is_some_and(|generation| generation.verdict().is_some()),
            Flow::Gather(gather) => gather.is_settled(),
            _ => false,
        };
        if sending {
            // All is said and on its way: to cut it off now would help nobody.
            exchange.deadline = Mono::NEVER;
            return;
        }
        self.fail_exchange(id, &Failure::Deadline);
    }
}
