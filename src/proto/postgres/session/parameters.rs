//! What the server says about itself, at the start and whenever it changes.

use crate::proto::postgres::Fault;

/// Which server is wanted, of several that have the same data (`target_session_attrs` of libpq).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Whichever answers first.
    #[default]
    Any,
    /// One that takes writes in new transactions.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// The same, or else any.
    PreferStandby,
}

/// What is known about the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The major version, 15 for 15.18.
    pub version: Option<u32>,
    /// `default_transaction_read_only`. Servers since 14 say it.
    pub read_only: Option<bool>,
    /// `in_hot_standby`. Servers since 14 say it, and again when they are promoted.
    pub standby: Option<bool>,
    /// Whether texts are kept in UTF-8 (`server_encoding`).
    pub utf8: Option<bool>,
}

impl Parameters {
    pub(super) fn note(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "server_version" => {
                let end = value
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(value.len());
                self.version = value[..end].parse().ok();
            }
            "default_transaction_read_only" => self.read_only = Some(value == "on"),
            "in_hot_standby" => self.standby = Some(value == "on"),
            "server_encoding" => self.utf8 = Some(value == "UTF8"),
            // Texts would be garbled, in both directions.
            "client_encoding" if value != "UTF8" => return Err(Fault::Encoding),
            _ => {}
        }
        Ok(())
    }

    /// Whether this is a server of the wanted kind. `None`: it does not say, and has to be asked
    /// (`SELECT pg_is_in_recovery()`), as do those behind a pooler.
    #[must_use]
    pub fn suits(&self, target: Target) -> Option<bool> {
        match target {
            Target::Any => Some(true),
            Target::Primary => Some(!self.standby?),
            Target::Standby | Target::PreferStandby => self.standby,
            Target::ReadWrite => Some(!(self.standby? || self.read_only?)),
            Target::ReadOnly => Some(self.standby? || self.read_only?),
        }
    }
}
