//! What an error of the server means for us: what to do next.
//!
//! ```text
//!  code                          example                      Meaning
//!  ───────────────────────────────────────────────────────────────────────────────────────────
//!  40001 40P01 55P03             deadlock, lock time-out      Again       the whole transaction
//!  57P01 57P02 57P05 25P03 08…   restart, crash, idle         Elsewhere   on another connection
//!  57P03 53300 53…  58… XX…      too many, full, broken       Later       after a pause
//!  25006                         a standby, a full disk       ReadOnly    find the primary
//!  57014                         statement_timeout            TimedOut    say so
//!  26000 42P05 0A000 (plan)      another session behind us    Forgotten   no named statements
//!  08P01 (start-up parameter)    PgBouncer                    Pooler      log in as behind one
//!  28… 3D000 42501               password, database, grants   Denied      only a person can help
//!  23…                           a constraint                 Conflict    the caller decides
//!  22…                           a value                      Value       the caller's data
//!  all else                      syntax, no such table        Program     a mistake of ours
//! ```

use super::Report;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Two transactions got into each other's way: send the whole transaction again, a few times.
    Again,
    /// This connection is over or about to be; another one may be had at once. What was not
    /// answered on this one: [`super::Session::lost`].
    Elsewhere,
    /// The server cannot just now: wait, with jitter, before asking anything of it.
    Later,
    /// Writes do not go here. Reads may go on.
    ReadOnly,
    /// The statement took longer than the server lets it, or was cancelled.
    TimedOut,
    /// The prepared statements are not those of this session (a pooler has given it another one),
    /// or their tables have changed: close it, and log in as [`super::Login::pooled`] if a pooler
    /// may be between.
    Forgotten,
    /// A pooler that does not know our start-up parameters: log in as [`super::Login::pooled`].
    Pooler,
    /// Password, database or rights: it will not go away by itself.
    Denied,
    /// A constraint holds against it.
    Conflict,
    /// A value that the server does not take.
    Value,
    /// A statement that is wrong: a bug, or a schema that is not ours.
    Program,
}

impl Report {
    /// What to do about it.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match self.code.bytes() {
            b"40001" | b"40P01" | b"55P03" => Meaning::Again,
            b"57P03" => Meaning::Later,
            b"25P03" | b"25P04" => Meaning::Elsewhere,
            b"57014" => Meaning::TimedOut,
            b"25006" => Meaning::ReadOnly,
            b"26000" | b"42P05" => Meaning::Forgotten,
            b"0A000" if self.routine.as_deref() == Some("RevalidateCachedQuery") => {
                Meaning::Forgotten
            }
            // The one refusal of PgBouncer that comes before everything else. It has no code of
            // its own, and its words have been the same since 2008.
            b"08P01" if self.message.starts_with("unsupported startup parameter") => {
                Meaning::Pooler
            }
            b"3D000" | b"42501" => Meaning::Denied,
            code => by_class(*code),
        }
    }
}

/// What a whole class of codes means: its first two characters.
fn by_class(code: [u8; 5]) -> Meaning {
    match &code[..2] {
        b"08" | b"57" => Meaning::Elsewhere,
        b"40" => Meaning::Again,
        b"53" | b"58" | b"XX" => Meaning::Later,
        b"28" => Meaning::Denied,
        b"23" => Meaning::Conflict,
        b"22" => Meaning::Value,
        _ => Meaning::Program,
    }
}
