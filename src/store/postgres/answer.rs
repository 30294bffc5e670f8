//! Answers: rows and tags of the statements of one request, in their order.

use std::borrow::Cow;

use uuid::Uuid;

use super::{NAME, counters, jobs};
use crate::proto::postgres::{Row, Tag, ValueFault, Values};
use crate::score::{Readability, Scores, Sentiment};
use crate::store::counters::{Counted, Drawn};
use crate::store::{
    Answer as KeptAnswer, Claimed, Found, FoundChat, Listed, StoreError, Tally, TextRow, TextState,
    ToldChat, Unscored, Weight, Written,
};

/// What is asked, as far as its answer is read by it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Saved,
    /// So many texts.
    Imported(u64),
    Deleted,
    Rescored,
    One,
    Page {
        limit: usize,
    },
    Texts,
    Unscored,
    Job(jobs::Kind),
    Claimed,
    Keys,
    KeptAnswer,
    CachedChat,
    Expired,
    Weighed,
    Drawn,
    Swept,
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Answer {
    kind: Kind,
    /// Statements that are not done.
    left: usize,
    /// Whether the first statement, or the last one of a deletion, has found something.
    found: bool,
    tally: Tally,
    listed: Vec<Listed>,
    texts: Vec<TextRow>,
    unscored: Vec<Unscored>,
    jobs: jobs::Rows,
    /// Whose a key is; nobody's if it was freed in this moment.
    claimed: Claimed,
    kept: Option<Box<KeptAnswer>>,
    chat: Option<Box<FoundChat>>,
    weighed: Vec<Weight>,
    /// Rows that were removed.
    expired: u64,
    drawn: Vec<Drawn>,
    /// Up to which id an export goes, if there is more of it.
    more: Option<Uuid>,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// A change was made.
    Written(Written),
    /// A question was answered.
    Found(Found),
    /// Counters were asked.
    Counted(Counted),
}

impl Answer {
    pub(super) fn new(kind: Kind, statements: usize) -> Self {
        Answer {
            kind,
            left: statements,
            found: false,
            tally: Tally::default(),
            listed: Vec::new(),
            texts: Vec::new(),
            unscored: Vec::new(),
            jobs: jobs::Rows::default(),
            claimed: Claimed::Busy,
            kept: None,
            chat: None,
            weighed: Vec::new(),
            expired: 0,
            drawn: Vec::new(),
            more: None,
        }
    }

    /// One row of the present statement.
    ///
    /// # Errors
    /// It is not as it should be: the tables are not ours.
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        self.read(row).map_err(|fault| StoreError::Failed {
            path: NAME.into(),
            reason: fault.to_string(),
        })
    }

    fn read(&mut self, row: &Row<'_>) -> Result<(), ValueFault> {
        let mut values = row.values();
        match self.kind {
            Kind::Saved | Kind::Rescored | Kind::Keys => {}
            Kind::Deleted => self.found = true,
            Kind::Imported(_) => {
                self.tally.imported += 1;
                self.tally.scored += u64::from(values.take::<bool>()?);
            }
            Kind::Page { .. } => {
                let row = text(&mut values)?;
                let excerpt = values.take::<&str>()?.to_owned();
                self.listed.push(listed(row, excerpt, count(&mut values)?));
            }
            Kind::One | Kind::Texts => {
                let mut row = text(&mut values)?;
                row.text = values.take::<&str>()?.to_owned();
                self.texts.push(row);
                if matches!(self.kind, Kind::Texts) {
                    self.more = values.take()?;
                }
            }
            Kind::Job(kind) => self.jobs.read(kind, &mut values)?,
            Kind::Unscored => self.unscored.push(Unscored {
                tenant: values.take::<&str>()?.to_owned(),
                id: values.take()?,
                text: values.take::<&str>()?.to_owned(),
            }),
            Kind::Claimed => {
                let (is_owner, is_equal) = (values.take()?, values.take()?);
                self.claimed = Claimed::of_row(is_owner, is_equal, values.take()?);
            }
            Kind::KeptAnswer => {
                self.kept = Some(Box::new(KeptAnswer {
                    status: values.take::<i32>()?.unsigned_abs() as u16,
                    streamed: values.take()?,
                    body: values.take::<&str>()?.to_owned(),
                }));
            }
            Kind::CachedChat => {
                self.chat = Some(Box::new(FoundChat {
                    text: values.take()?,
                    created_ms: values.take()?,
                    told: ToldChat {
                        provider: values.take::<&str>()?.to_owned(),
                        model: values.take::<&str>()?.to_owned(),
                        body: values.take::<&str>()?.to_owned(),
                    },
                }));
            }
            Kind::Expired | Kind::Swept => self.expired = count(&mut values)?,
            Kind::Drawn => self.drawn.push(counters::drawn(&mut values)?),
            Kind::Weighed => self.weighed.push(Weight {
                id: values.take()?,
                bytes: count(&mut values)?,
            }),
        }
        Ok(())
    }

    /// The present statement is done.
    pub fn done(&mut self, tag: &Tag<'_>) {
        // The first of a rescoring says whether there is such a text.
        if matches!(self.kind, Kind::Rescored) && self.left == 3 {
            self.found = tag.rows() > 0;
        }
        self.jobs.done(tag);
        self.left = self.left.saturating_sub(1);
    }

    /// All of it has come.
    ///
    /// # Errors
    /// It has not.
    pub fn finish(mut self) -> Result<Answered, StoreError> {
        if self.left > 0 {
            return Err(StoreError::Failed {
                path: NAME.into(),
                reason: "an answer that is not whole".into(),
            });
        }
        Ok(match self.kind {
            Kind::Saved => Answered::Written(Written::Saved),
            Kind::Deleted => Answered::Written(Written::Deleted(self.found)),
            Kind::Rescored => Answered::Written(Written::Rescored(self.found)),
            Kind::Imported(texts) => {
                self.tally.skipped = texts.saturating_sub(self.tally.imported);
                Answered::Written(Written::Imported(self.tally))
            }
            Kind::One => Answered::Found(Found::One(self.texts.pop().map(Box::new))),
            Kind::Page { limit } => {
                let more = self.listed.len() > limit;
                self.listed.truncate(limit);
                let next = self.listed.last().filter(|_| more).map(|row| row.id);
                Answered::Found(Found::Page {
                    rows: self.listed,
                    next,
                    indexing: false,
                })
            }
            Kind::Texts => Answered::Found(Found::Texts {
                rows: self.texts,
                more: self.more,
            }),
            Kind::Unscored => Answered::Found(Found::Unscored(self.unscored)),
            Kind::Job(kind) => self.jobs.finish(kind),
            Kind::Claimed => Answered::Written(Written::Claimed(self.claimed)),
            Kind::Keys => Answered::Written(Written::Keys),
            Kind::KeptAnswer => Answered::Found(Found::Answer(self.kept)),
            Kind::CachedChat => Answered::Found(Found::CachedChat(self.chat)),
            Kind::Weighed => Answered::Found(Found::Weighed(self.weighed)),
            Kind::Expired => Answered::Written(Written::Expired(self.expired)),
            Kind::Drawn => Answered::Counted(Counted::Drawn(self.drawn)),
            Kind::Swept => Answered::Counted(Counted::Swept(self.expired)),
        })
    }
}

/// A text without its words.
fn text(values: &mut Values<'_>) -> Result<TextRow, ValueFault> {
    Ok(TextRow {
        tenant: values.take::<&str>()?.to_owned(),
        id: values.take()?,
        search_term_id: values.take()?,
        term: values.take::<&str>()?.to_owned(),
        provider: values.take::<&str>()?.to_owned(),
        model: values.take::<&str>()?.to_owned(),
        offline: values.take()?,
        finish_reason: values.take::<Option<&str>>()?.map(str::to_owned),
        // A word that no version of the program has written says nothing: the text may be cut.
        state: TextState::from_word(values.take()?).unwrap_or(TextState::Truncated),
        prompt_tokens: values.take::<Option<i64>>()?.map(i64::unsigned_abs),
        completion_tokens: values.take::<Option<i64>>()?.map(i64::unsigned_abs),
        created_ms: values.take()?,
        scores: scores(values)?,
        text: String::new(),
    })
}

fn listed(row: TextRow, excerpt: String, text_bytes: u64) -> Listed {
    Listed {
        id: row.id,
        search_term_id: row.search_term_id,
        term: row.term,
        excerpt,
        text_bytes,
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

/// The scores in a row, if the outer join found any. Their columns are read in any case.
fn scores(values: &mut Values<'_>) -> Result<Option<Scores>, ValueFault> {
    let label = values.take::<Option<&str>>()?;
    let sentiment = Sentiment {
        label: Cow::Owned(label.unwrap_or_default().to_owned()),
        compound: figure(values)?,
        pos: figure(values)?,
        neu: figure(values)?,
        neg: figure(values)?,
    };
    let readability = Readability {
        label: Cow::Owned(
            values
                .take::<Option<&str>>()?
                .unwrap_or_default()
                .to_owned(),
        ),
        flesch_reading_ease: figure(values)?,
        flesch_kincaid_grade: figure(values)?,
        gunning_fog: figure(values)?,
        smog_index: figure(values)?,
        automated_readability_index: figure(values)?,
        coleman_liau_index: figure(values)?,
        dale_chall_readability_score: figure(values)?,
        lix: figure(values)?,
        linsear_write_formula: figure(values)?,
        syllable_count: count(values)?,
        sentence_count: count(values)?,
        lexicon_count: count(values)?,
    };
    Ok(label.map(|_| Scores {
        readability,
        sentiment,
    }))
}

/// NULL is how a store of SQLite's keeps what is no number.
fn figure(values: &mut Values<'_>) -> Result<f64, ValueFault> {
    Ok(values.take::<Option<f64>>()?.unwrap_or(f64::NAN))
}

pub(super) fn count(values: &mut Values<'_>) -> Result<u64, ValueFault> {
    Ok(values.take::<Option<i64>>()?.unwrap_or(0).unsigned_abs())
}
