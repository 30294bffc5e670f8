//! The closed lists about jobs: their words are the same in the tables, in requests and in answers.

use serde::{Deserialize, Serialize};

/// What is done with each item of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A text is generated about a topic, scored and stored.
    Generate,
    /// A text is scored, and stored with its scores.
    Analyze,
    /// Stored texts are counted. Its only item leaves no row, but a result.
    Report,
}

impl JobKind {
    /// All kinds.
    pub const ALL: [JobKind; 3] = [JobKind::Generate, JobKind::Analyze, JobKind::Report];

    /// The word in the table, in requests and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Generate => "generate",
            JobKind::Analyze => "analyze",
            JobKind::Report => "report",
        }
    }

    /// The kind behind a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// No item was begun.
    Queued,
    /// Items are being worked on.
    Running,
    /// Every item has ended, well or not.
    Done,
    /// What had not ended was given up.
    Cancelled,
}

impl JobState {
    const ALL: [JobState; 4] = [
        JobState::Queued,
        JobState::Running,
        JobState::Done,
        JobState::Cancelled,
    ];

    /// The word in the table and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Cancelled => "cancelled",
        }
    }

    /// The state behind a word of the table.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, JobState::Done | JobState::Cancelled)
    }
}

/// Where an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Nobody has it in hand.
    Waiting,
    /// Somebody has.
    Running,
    /// It ended well.
    Done,
    /// It ended otherwise.
    Failed,
    /// Its job was cancelled first.
    Cancelled,
}

impl ItemState {
    const ALL: [ItemState; 5] = [
        ItemState::Waiting,
        ItemState::Running,
        ItemState::Done,
        ItemState::Failed,
        ItemState::Cancelled,
    ];

    /// The word in the table and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ItemState::Waiting => "waiting",
            ItemState::Running => "running",
            ItemState::Done => "done",
            ItemState::Failed => "failed",
            ItemState::Cancelled => "cancelled",
        }
    }

    /// The state behind a word of the table.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_tables_and_of_json_are_the_same() {
        for kind in JobKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(JobKind::from_word(kind.as_str()), Some(kind));
        }
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(JobState::from_word(state.as_str()), Some(state));
        }
        for state in ItemState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(ItemState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(JobState::from_word("Done"), None);
    }
}
