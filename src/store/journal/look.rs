//! Reading what waits: a row that was acknowledged is found, wherever it is.

use super::disk::Disk;
use super::index::{Entry, Place};
use super::{Journal, JournalError, Overlay};
use crate::limits::PAGE_ROWS;
use crate::store::{Listed, Query, TextRow, Write, excerpt, term_key};

impl<D: Disk> Journal<D> {
    /// What is here of an answer to `query`.
    ///
    /// # Errors
    /// The disk cannot be read, or something on it is not what was written.
    pub fn look(&self, query: &Query) -> Result<Overlay, JournalError> {
        match query {
            Query::One { tenant, id } => match self.index.find(tenant, *id) {
                None => Ok(Overlay::default()),
                Some(entry) if entry.deleted => Ok(Overlay::without(vec![*id], false)),
                Some(entry) => Ok(Overlay::of(self.text(&entry)?)),
            },
            Query::List {
                tenant,
                term,
                words: None,
                limit,
                before,
            } => {
                let key = term.as_deref().map(term_key);
                let limit = (*limit).clamp(1, PAGE_ROWS);
                let (mut rows, mut gone) = (Vec::new(), Vec::new());
                for (id, entry) in self.index.newest(tenant, *before) {
                    if entry.deleted {
                        gone.push(id);
                    } else if rows.len() <= limit && key.is_none_or(|key| key == entry.term_key) {
                        rows.push(*entry);
                    }
                }
                let more = rows.len() > limit;
                rows.truncate(limit);
                let listed = rows.iter().map(|entry| self.text(entry).map(listed));
                let listed = listed.collect::<Result<_, _>>()?;
                Ok(Overlay::page(listed, limit, more, gone))
            }
            Query::List { tenant, .. } | Query::Export { tenant, .. } => {
                let all = || self.index.newest(tenant, None);
                let gone = all().filter(|(_, entry)| entry.deleted).map(|(id, _)| id);
                let waits = all().any(|(_, entry)| !entry.deleted);
                Ok(Overlay::without(gone.collect(), waits))
            }
            Query::Unscored { .. }
            | Query::Answer(_)
            | Query::Cached { .. }
            | Query::Weigh { .. }
            | Query::Survey { .. }
            | Query::Job(_) => Ok(Overlay::default()),
        }
    }

    /// The row of a text, with the scores that came later.
    fn text(&self, entry: &Entry) -> Result<TextRow, JournalError> {
        let (write, damaged) = self.record(entry.text)?;
        let Write::Save {
            text: Some(mut text),
            ..
        } = write.into_rows()
        else {
            return Err(damaged);
        };
        if let Some(place) = entry.scores {
            let (write, damaged) = self.record(place)?;
            let Write::Rescore { scores, .. } = write else {
                return Err(damaged);
            };
            text.scores = Some(*scores);
        }
        Ok(*text)
    }

    /// The record at a place, and the error if it should be another one.
    fn record(&self, place: Place) -> Result<(Write, JournalError), JournalError> {
        let segments = self.segments.iter();
        let mut found = segments.filter(|segment| segment.head.segment == place.segment);
        let segment = found.next().expect("a segment outlives the places in it");
        Ok((segment.write_at(place.at)?, segment.damage(place.at)))
    }
}

fn listed(row: TextRow) -> Listed {
    Listed {
        id: row.id,
        search_term_id: row.search_term_id,
        term: row.term,
        excerpt: excerpt(&row.text).to_owned(),
        text_bytes: row.text.len() as u64,
        provider: row.provider,
        model: row.model,
        offline: row.offline,
        finish_reason: row.finish_reason,
        state: row.state,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: row.completion_tokens,
        created_ms: row.created_ms,
        scores: row.scores,
    }
}
