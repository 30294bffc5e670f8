//! Work that needs nothing but itself: what any thread makes of it is the same.

use super::{Work, WorkResult};
use crate::engine::flow::body;
use crate::engine::flow::chat::embeddings;
use crate::engine::flow::import::line;
use crate::score;

impl Work {
    /// What comes of it.
    ///
    /// # Errors
    /// The work itself, if somebody else is needed for it: a writer, a store, a journal.
    pub fn compute(self) -> Result<WorkResult, Work> {
        Ok(match self {
            Work::Parse { shape, body } => WorkResult::Parsed(body::parse(shape, &body)),
            Work::Embeddings {
                asked,
                theirs,
                body,
            } => WorkResult::Embeddings(embeddings::read(&asked, theirs, body)),
            Work::Score { text, cancel } => {
                WorkResult::Scored(score::score(&text, &|| cancel.is_cancelled()))
            }
            Work::Keywords {
                text,
                limit,
                cancel,
            } => {
                let cancelled = || cancel.is_cancelled();
                WorkResult::Keywords(score::keywords::extract(&text, limit, &cancelled))
            }
            Work::Import {
                lines,
                first,
                cancel,
            } => WorkResult::Lines(line::read(&lines, first, &|| cancel.is_cancelled())),
            Work::Stretch(stretch) => WorkResult::Stretched(stretch.run()),
            other @ (Work::Finish(_)
            | Work::Read(_)
            | Work::Write(_)
            | Work::Journal(_)
            | Work::Count(_)) => return Err(other),
        })
    }
}
