//! A store in memory that answers as the real one does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::jobs::Jobs;
use maitred::limits::WEIGH_ROWS;
use maitred::store::{
    AnalysisRow, CachedText, Found, FoundChat, JobWrite, KeptAnswer, KeyChange, KeywordsRow,
    Listed, Query, RequestRow, Table, Tally, TextRow, Unscored, Weight, Write, Written, excerpt,
    term_key,
};
use uuid::Uuid;

use super::keys;

/// Texts in one answer to an export.
const EXPORT_ROWS: usize = 2;

/// Texts in one page of a report.
const SURVEY_ROWS: usize = 2;

/// The rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) requests: BTreeMap<Uuid, RequestRow>,
    pub(crate) texts: BTreeMap<Uuid, TextRow>,
    pub(crate) analyses: BTreeMap<Uuid, AnalysisRow>,
    pub(crate) keywords: BTreeMap<Uuid, KeywordsRow>,
    pub(crate) jobs: Jobs,
    pub(crate) keys: keys::Keys,
    pub(crate) cached: BTreeMap<[u8; 32], CachedText>,
    /// Texts that were there.
    pub(crate) deleted: Vec<Uuid>,
}

impl Memory {
    /// Carries a write out.
    pub(crate) fn write(&mut self, write: Write) -> Written {
        match write {
            Write::Save {
                requests,
                text,
                analysis,
            } => {
                for row in requests {
                    let twice = self.requests.insert(row.id, row);
                    assert_eq!(twice, None, "a request has two rows");
                }
                if let Some(row) = text {
                    self.texts.insert(row.id, *row);
                }
                if let Some(row) = analysis {
                    self.analyses.insert(row.id, *row);
                }
                Written::Saved
            }
            Write::Keywords { requests, row } => {
                for request in requests {
                    let twice = self.requests.insert(request.id, request);
                    assert_eq!(twice, None, "a request has two rows");
                }
                self.keywords.insert(row.id, *row);
                Written::Saved
            }
            Write::Job(write) => {
                if let JobWrite::Create { requests, .. } = &*write {
                    for row in requests.clone() {
                        self.requests.insert(row.id, row);
                    }
                }
                if let JobWrite::End(end) = &*write
                    && let Some(row) = end.analysis.clone()
                {
                    self.analyses.entry(row.id).or_insert(*row);
                }
                Written::Job(self.jobs.write(*write, &self.texts))
            }
            Write::Import(rows) => {
                let mut tally = Tally::default();
                for row in rows {
                    match self.texts.entry(row.id) {
                        Entry::Occupied(_) => tally.skipped += 1,
                        Entry::Vacant(place) => {
                            tally.imported += 1;
                            tally.scored += u64::from(row.scores.is_some());
                            place.insert(row);
                        }
                    }
                }
                Written::Imported(tally)
            }
            Write::Replay(writes) => {
                for write in writes {
                    self.write_if_new(write);
                }
                Written::Saved
            }
            Write::Answered {
                rows,
                answers,
                cached,
            } => {
                let own = text_of(&rows, cached.as_ref());
                let written = self.write(*rows);
                self.cache(cached);
                self.keep(answers, own);
                written
            }
            Write::Keys(change) => self.keys.change(*change),
            Write::Delete { id, .. } => {
                self.keys.forget_text(id);
                let was = self.texts.remove(&id).is_some();
                self.deleted.extend(was.then_some(id));
                let is_told = |it: &CachedText| it.text == id && it.chat.is_some();
                let was_told = self.cached.values().any(is_told);
                self.cached.retain(|_, it| it.text != id);
                Written::Deleted(was || was_told)
            }
            Write::Expire {
                table,
                before,
                limit,
            } => self.expire(table, before, limit),
            Write::Rescore { id, scores, .. } => {
                let text = self.texts.get_mut(&id);
                Written::Rescored(text.map(|row| row.scores = Some(*scores)).is_some())
            }
        }
    }

    fn expire(&mut self, table: Table, before: Uuid, limit: usize) -> Written {
        let old = |ids: Vec<&Uuid>| {
            let old = ids.into_iter().filter(|id| **id < before);
            old.take(limit).copied().collect::<Vec<Uuid>>()
        };
        if table == Table::Jobs {
            return Written::Expired(self.jobs.expire(before, limit));
        }
        let gone = match table {
            Table::Texts => old(self.texts.keys().collect()),
            Table::Requests => old(self.requests.keys().collect()),
            Table::Answers => {
                let gone = old(self.cached.values().map(|it| &it.text).collect());
                self.cached.retain(|_, it| !gone.contains(&it.text));
                return Written::Expired(gone.len() as u64);
            }
            Table::Analyses | Table::Keywords | Table::Jobs => Vec::new(),
        };
        for id in &gone {
            self.texts.remove(id);
            self.requests.remove(id);
        }
        Written::Expired(gone.len() as u64)
    }

    /// What is there already stays as it is: a row of the journal may come twice.
    pub(crate) fn write_if_new(&mut self, mut write: Write) {
        if let Write::Answered {
            rows,
            answers,
            cached,
        } = write
        {
            let own = text_of(&rows, cached.as_ref());
            self.write_if_new(*rows);
            self.cache(cached);
            return self.keep(answers, own);
        }
        if let Write::Save { requests, .. } | Write::Keywords { requests, .. } = &mut write {
            requests.retain(|row| !self.requests.contains_key(&row.id));
        }
        if let Write::Save { text, .. } = &mut write {
            *text = text
                .take()
                .filter(|text| !self.texts.contains_key(&text.id));
        }
        self.write(write);
    }

    /// What was found elsewhere is kept if its text is still there.
    fn keep(&mut self, answers: Vec<KeptAnswer>, own: Option<Uuid>) {
        for kept in answers {
            let found = kept.text.filter(|text| own != Some(*text));
            let is_told = |id| {
                let mut cached = self.cached.values();
                cached.any(|it| it.text == id && it.chat.is_some())
            };
            if found.is_none_or(|id| self.texts.contains_key(&id) || is_told(id)) {
                self.keys.keep(kept);
            } else {
                let (scope, owner) = (kept.scope, kept.owner);
                self.keys.change(KeyChange::Free { scope, owner });
            }
        }
    }

    /// The newest text is the one that is found.
    fn cache(&mut self, cached: Option<CachedText>) {
        let Some(new) = cached else {
            return;
        };
        let old = self.cached.get(&new.prompt);
        if old.is_none_or(|old| old.created_ms <= new.created_ms) {
            self.cached.insert(new.prompt, new);
        }
    }

    /// Answers a question.
    pub(crate) fn query(&self, query: &Query) -> Found {
        match query {
            Query::One { id, .. } => Found::One(self.texts.get(id).cloned().map(Box::new)),
            Query::List {
                term,
                words,
                limit,
                before,
                ..
            } => {
                let words = words.as_deref().unwrap_or("");
                let key = term.as_deref().map(term_key);
                let mut rows: Vec<Listed> = self
                    .texts
                    .values()
                    .rev()
                    .filter(|row| before.is_none_or(|before| row.id < before))
                    .filter(|row| key.is_none_or(|key| term_key(&row.term) == key))
                    .filter(|row| row.text.contains(words) || row.term.contains(words))
                    .take(limit + 1)
                    .map(listed)
                    .collect();
                let more = rows.len() > *limit;
                rows.truncate(*limit);
                let next = rows.last().filter(|_| more).map(|row| row.id);
                Found::Page {
                    rows,
                    next,
                    indexing: false,
                }
            }
            Query::Job(query) => Found::Job(self.jobs.query(query)),
            Query::Export { after, until, .. } => {
                let mut rows = (self.texts.values()).filter(|row| {
                    after.is_none_or(|after| row.id > after)
                        && until.is_none_or(|until| row.id <= until)
                });
                let some = rows.by_ref().take(EXPORT_ROWS).cloned().collect();
                Found::Texts {
                    rows: some,
                    more: rows
                        .next()
                        .and_then(|_| until.or(self.texts.keys().last().copied())),
                }
            }
            Query::Survey {
                term, after, until, ..
            } => {
                let key = term.as_deref().map(term_key);
                let rows = (self.texts.values())
                    .filter(|row| after.is_none_or(|after| row.id > after) && row.id < *until)
                    .filter(|row| key.is_none_or(|key| term_key(&row.term) == key));
                let mut rows: Vec<Listed> = rows.take(SURVEY_ROWS + 1).map(listed).collect();
                let more = rows.len() > SURVEY_ROWS;
                rows.truncate(SURVEY_ROWS);
                Found::Page {
                    next: rows.last().filter(|_| more).map(|row| row.id),
                    rows,
                    indexing: false,
                }
            }
            Query::Weigh { before } => {
                let texts = self.texts.values().rev();
                let weights = texts
                    .filter(|row| before.is_none_or(|before| row.id < before))
                    .take(WEIGH_ROWS)
                    .map(|row| Weight {
                        id: row.id,
                        bytes: row.text.len() as u64,
                    });
                Found::Weighed(weights.collect())
            }
            Query::Unscored { after, limit } => {
                let wanted = self.texts.values().filter(|row| row.scores.is_none());
                let rows = wanted
                    .filter(|row| after.is_none_or(|after| row.id > after))
                    .take(*limit)
                    .map(|row| Unscored {
                        tenant: row.tenant.clone(),
                        id: row.id,
                        text: row.text.clone(),
                    });
                Found::Unscored(rows.collect())
            }
            Query::Cached {
                prompt, since_ms, ..
            } => {
                let it = self.cached.get(prompt);
                let it = it.filter(|it| it.created_ms >= *since_ms);
                let text = it.and_then(|it| self.texts.get(&it.text));
                Found::One(text.cloned().map(Box::new))
            }
            Query::CachedChat {
                prompt, since_ms, ..
            } => {
                let it = self.cached.get(prompt);
                let it = it.filter(|it| it.created_ms >= *since_ms);
                let found = it.and_then(|it| {
                    Some(FoundChat {
                        text: it.text,
                        created_ms: it.created_ms,
                        told: (**it.chat.as_ref()?).clone(),
                    })
                });
                Found::CachedChat(found.map(Box::new))
            }
            Query::Answer(scope) => Found::Answer(self.keys.read(scope)),
        }
    }

    /// The only text.
    pub(crate) fn text(&self) -> &TextRow {
        assert_eq!(self.texts.len(), 1, "texts");
        self.texts.values().next().expect("there is one")
    }

    /// The only row of a request.
    pub(crate) fn request(&self) -> &RequestRow {
        assert_eq!(self.requests.len(), 1, "rows of requests");
        self.requests.values().next().expect("there is one")
    }
}

/// The text that comes with these rows, stored or told.
fn text_of(rows: &Write, cached: Option<&CachedText>) -> Option<Uuid> {
    let stored = match rows {
        Write::Save { text, .. } => text.as_ref().map(|text| text.id),
        _ => None,
    };
    stored.or(cached.map(|cached| cached.text))
}

/// The id of what a write stores besides requests.
pub(super) fn id_of(write: &Write) -> Option<Uuid> {
    match write.rows() {
        Write::Save {
            text: Some(text), ..
        } => Some(text.id),
        Write::Save {
            analysis: Some(analysis),
            ..
        } => Some(analysis.id),
        Write::Keywords { row, .. } => Some(row.id),
        _ => None,
    }
}

fn listed(row: &TextRow) -> Listed {
    Listed {
        id: row.id,
        search_term_id: row.search_term_id,
        term: row.term.clone(),
        excerpt: excerpt(&row.text).to_owned(),
        text_bytes: row.text.len() as u64,
        provider: row.provider.clone(),
        model: row.model.clone(),
        offline: row.offline,
        finish_reason: row.finish_reason.clone(),
        state: row.state,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: row.completion_tokens,
        created_ms: row.created_ms,
        scores: row.scores.clone(),
    }
}
