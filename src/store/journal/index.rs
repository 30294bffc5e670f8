//! Which texts wait in the journal, and where: so that they can be read, deleted and scored while
//! they wait.
//!
//! It holds places and no texts: some hundred bytes for each text that waits, whatever its length.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::store::{Write, term_key};

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u64,
    pub(super) at: u64,
}

/// What the journal knows about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its row.
    pub(super) text: Place,
    /// [`term_key`] of its topic.
    pub(super) term_key: [u8; 32],
    /// Scores that came later.
    pub(super) scores: Option<Place>,
    /// It was deleted. The row may be on its way to the database, so it stays hidden until the
    /// deletion is there too.
    pub(super) deleted: bool,
    /// The number of the last record about it.
    last: u64,
}

/// All of them, by owner and id.
#[derive(Debug, Default)]
pub(super) struct Index(BTreeMap<(String, Uuid), Entry>);

/// The text that a write is about, if it is about one.
pub(super) fn subject(write: &Write) -> Option<(&str, Uuid)> {
    match write.rows() {
        Write::Save { text, .. } => text.as_ref().map(|text| (text.tenant.as_str(), text.id)),
        Write::Delete { tenant, id } | Write::Rescore { tenant, id, .. } => Some((tenant, *id)),
        _ => None,
    }
}

impl Index {
    /// The entry of a text.
    pub(super) fn find(&self, tenant: &str, id: Uuid) -> Option<Entry> {
        self.0.get(&(tenant.to_owned(), id)).copied()
    }

    /// A record about a text was written.
    pub(super) fn note(&mut self, write: &Write, number: u64, place: Place) {
        let Some((tenant, id)) = subject(write) else {
            return;
        };
        let key = (tenant.to_owned(), id);
        if let Write::Save { text, .. } = write.rows() {
            let new = Entry {
                text: place,
                term_key: text.as_ref().map_or([0; 32], |text| term_key(&text.term)),
                scores: None,
                deleted: false,
                last: number,
            };
            // A row that comes twice is the first one, as in the database.
            self.0.entry(key).or_insert(new).last = number;
        } else if let Some(entry) = self.0.get_mut(&key) {
            entry.last = number;
            match write {
                Write::Delete { .. } => entry.deleted = true,
                _ => entry.scores = Some(place),
            }
        }
    }

    /// Everything about a text up to `replayed` is in the database.
    pub(super) fn forget(&mut self, tenant: String, id: Uuid, replayed: u64) {
        let key = (tenant, id);
        if self.0.get(&key).is_some_and(|entry| entry.last <= replayed) {
            self.0.remove(&key);
        }
    }

    /// The texts of a tenant, the newest first, only those before `before`.
    pub(super) fn newest(
        &self,
        tenant: &str,
        before: Option<Uuid>,
    ) -> impl Iterator<Item = (Uuid, &Entry)> {
        let tenant = tenant.to_owned();
        let from = (tenant.clone(), Uuid::nil());
        let until = (tenant, before.unwrap_or(Uuid::max()));
        let range = self.0.range(from..until);
        range.rev().map(|((_, id), entry)| (*id, entry))
    }
}
