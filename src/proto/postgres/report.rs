//! What a server reports: an error or a notice, with its SQLSTATE.
//!
//! Messages of a server repeat values of statements ("invalid input syntax for type uuid: …"), and
//! so what users have said. A [`Report`] prints its code, with our words for it, and never its own:
//! whoever wants to log those has to ask for the field.

use std::fmt;

use super::Fault;
use super::frame::Fields;

/// The five characters that say what happened (PostgreSQL manual, appendix A).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// A code that is known to have five letters or digits.
    #[must_use]
    pub const fn new(code: &[u8; 5]) -> Self {
        SqlState(*code)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let code: [u8; 5] = bytes.try_into().ok()?;
        code.iter()
            .all(u8::is_ascii_alphanumeric)
            .then_some(SqlState(code))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("five letters or digits")
    }

    /// The bytes, for a match.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 5] {
        &self.0
    }

    /// What it is in plain words, for those codes that whoever sets a server up meets first.
    #[must_use]
    pub const fn words(&self) -> Option<&'static str> {
        Some(match &self.0 {
            b"28P01" => "the password is wrong, or there is no such user",
            b"28000" => "this user may not log in from here: see its pg_hba.conf",
            b"3D000" => "there is no such database: create it",
            b"42501" => "the user may not make or use tables there: let it own the database",
            b"53300" => "all of its connections are taken",
            b"57P01" | b"57P02" => "it was stopped",
            b"57P03" => "it is starting or stopping",
            _ => return None,
        })
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing has failed.
    Notice,
    /// The request has failed; the connection goes on.
    Error,
    /// The connection ends with it.
    Fatal,
}

/// An error or a notice. Its words are those of the server, in its language; what is not UTF-8 in
/// them is replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: SqlState,
    /// One line. May hold values of the statement.
    pub message: String,
    /// More of it. May hold values of the statement.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Where in the SQL, in characters from 1.
    pub position: Option<u32>,
    /// The table that it is about.
    pub table: Option<String>,
    /// The constraint that it is about.
    pub constraint: Option<String>,
    /// The function of the server that says so.
    pub routine: Option<String>,
}

impl Report {
    /// Reads the fields of an error or a notice, which `least` says.
    pub(super) fn read(fields: &mut Fields<'_>, least: Severity) -> Result<Self, Fault> {
        let mut report = Report {
            severity: least,
            code: SqlState::new(b"XX000"),
            message: String::new(),
            detail: None,
            hint: None,
            position: None,
            table: None,
            constraint: None,
            routine: None,
        };
        loop {
            let kind = fields.u8()?;
            if kind == 0 {
                return Ok(report);
            }
            let bytes = fields.bytes_to_zero()?;
            let text = || String::from_utf8_lossy(bytes).into_owned();
            match kind {
                // V is in English; S, which comes before it, is in the language of the server, and
                // all that servers before 9.6 and some poolers have.
                b'S' | b'V' if least == Severity::Error && is_fatal(bytes) => {
                    report.severity = Severity::Fatal;
                }
                b'C' => report.code = SqlState::read(bytes).ok_or(fields.malformed())?,
                b'M' => report.message = text(),
                b'D' => report.detail = Some(text()),
                b'H' => report.hint = Some(text()),
                b'P' => report.position = text().parse().ok(),
                b't' => report.table = Some(text()),
                b'n' => report.constraint = Some(text()),
                b'R' => report.routine = Some(text()),
                // The manual wants unknown fields to be ignored.
                _ => {}
            }
        }
    }
}

fn is_fatal(word: &[u8]) -> bool {
    matches!(word, b"FATAL" | b"PANIC")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgreSQL says {}", self.code)?;
        if let Some(words) = self.code.words() {
            write!(f, ": {words}")?;
        }
        if let Some(constraint) = &self.constraint {
            write!(f, " (constraint {constraint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.severity, self.code)
    }
}

impl std::error::Error for Report {}
