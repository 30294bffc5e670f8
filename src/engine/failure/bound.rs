//! The bounds of the server as a whole: what a request is told that finds one of them reached.

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of all buffers.
    Memory,
    /// Requests being answered.
    Exchanges,
    /// Texts being produced.
    Generations,
    /// Calls waiting for their turn at a provider.
    Provider,
    /// Texts waiting for a scorer.
    Scorers,
    /// Long bodies waiting to be parsed.
    Parsers,
    /// Reads or writes waiting for the store.
    Store,
    /// Imports.
    Imports,
    /// Clients that watch jobs.
    Watchers,
}

impl Bound {
    /// The stable name for programs.
    pub(super) fn code(self) -> &'static str {
        match self {
            Bound::Memory => "memory_full",
            Bound::Exchanges => "exchanges_full",
            Bound::Generations => "generations_full",
            Bound::Provider => "provider_queue_full",
            Bound::Scorers => "scorer_queue_full",
            Bound::Parsers => "parser_queue_full",
            Bound::Store => "store_queue_full",
            Bound::Imports => "imports_full",
            Bound::Watchers => "watchers_full",
        }
    }

    /// What is full, for a person.
    pub(super) fn words(self) -> &'static str {
        match self {
            Bound::Memory => "The server has no memory left for another request.",
            Bound::Exchanges => "The server is answering as many requests as it may.",
            Bound::Generations => "The server is producing as many texts as it may.",
            Bound::Provider => "Too many requests are waiting for their turn at this provider.",
            Bound::Scorers => "Too many texts are waiting to be scored.",
            Bound::Parsers => "Too many long bodies are waiting to be parsed.",
            Bound::Store => "Too many requests are waiting for the store.",
            Bound::Imports => "Other imports are going on, as many as there may be.",
            Bound::Watchers => "As many clients as may are watching jobs.",
        }
    }
}
