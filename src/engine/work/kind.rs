//! The kinds of work. What is of one kind waits in one queue.

/// How many kinds of work there are.
pub const KINDS: usize = 6;

/// Kinds of work: each has its own queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Long JSON, by the scorer threads.
    Parse,
    /// Texts to be scored or searched for keywords, by the scorer threads.
    Score,
    /// Generated texts to be scored, by the scorer threads, and then written.
    Finish,
    /// The SQLite reader.
    Read,
    /// The SQLite writer.
    Write,
    /// The spill journal.
    Journal,
}

impl Kind {
    /// All kinds, in the order of their queues.
    pub const ALL: [Kind; KINDS] = [
        Kind::Parse,
        Kind::Score,
        Kind::Finish,
        Kind::Read,
        Kind::Write,
        Kind::Journal,
    ];

    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Parse => "parse",
            Kind::Score => "score",
            Kind::Finish => "finish",
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Journal => "journal",
        }
    }
}
