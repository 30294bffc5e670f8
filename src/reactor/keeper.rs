//! The thread of the spill journal: it keeps rows that the database does not take.
//!
//! ```text
//!  asks   k k k ? k k a k     k: keep a row; ?: a question, a deletion; a: the cursor moves
//!         [k k k] ? [k k] a [k]     rows in brackets share one sync
//! ```
//! It takes what waits, in its order, and answers each. It sleeps in its receive for as long as the
//! database works.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use crossbeam_channel::Receiver;
use uuid::Uuid;

use super::StartError;
use super::data_dir::{DataDir, Whose};
use super::start::draw_seed;
use super::threads::{Back, Finished, guarded};
use crate::config::{Config, Durable};
use crate::engine::WorkId;
use crate::engine::work::WorkResult;
use crate::limits::spill::SQLITE_SPILL_BUSY_MS;
use crate::limits::{SQLITE_BUSY_MS, WRITE_GROUP};
use crate::store::journal::{Answer, Ask, Folder, Journal, JournalError, Standing};
use crate::store::{StoreError, Write, Written};

/// The journal and whoever it answers.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// None with `durable = "strict"`, unless rows wait from before.
    journal: Option<Journal<Folder>>,
    spills: bool,
    /// Of a folder of its own: ours for as long as we live.
    _lock: Option<DataDir>,
}

/// Rows that share a sync.
type Rows = Vec<(WorkId, i64, Box<Write>)>;

impl Keeper {
    /// Opens the journal that the configuration names, and makes it if rows may go there.
    ///
    /// # Errors
    /// Its folder cannot be used, or another process uses it.
    pub(super) fn open(config: &Config, data_dir: &DataDir) -> Result<Self, StartError> {
        let (folder, lock) = match &config.journal_dir {
            None => (data_dir.journal(), None),
            Some(path) => (path.clone(), Some(DataDir::claim(path, Whose::Journal)?)),
        };
        let spills = config.durable == Durable::Spill;
        let journal = if spills || folder.is_dir() {
            fs::create_dir_all(&folder).map_err(|error| StartError::Folder {
                whose: Whose::Journal,
                path: folder.clone(),
                error,
            })?;
            let fresh = Uuid::from_u64_pair(draw_seed(), draw_seed());
            let opened = Journal::open(Folder(folder.clone()), fresh);
            Some(opened.map_err(|error| StartError::Journal {
                path: folder.clone(),
                error,
            })?)
        } else {
            None
        };
        Ok(Keeper {
            folder,
            journal,
            spills,
            _lock: lock,
        })
    }

    /// Whether rows go to the journal.
    pub(super) fn spills(&self) -> bool {
        self.spills
    }

    /// How long the database waits for the locks of others.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(if self.spills {
            SQLITE_SPILL_BUSY_MS
        } else {
            SQLITE_BUSY_MS
        })
    }

    /// What waits.
    pub(super) fn standing(&self) -> Standing {
        self.journal
            .as_ref()
            .map_or(Standing::default(), |journal| journal.standing())
    }

    /// Answers until nobody asks any more.
    pub(super) fn run(mut self, work: &Receiver<(WorkId, Ask)>, back: &Back) {
        self.begin();
        let busy = AtomicU64::new(0);
        let mut rows = Rows::new();
        for first in work {
            let others = work.try_iter().take(WRITE_GROUP - 1);
            for (id, ask) in std::iter::once(first).chain(others) {
                match ask {
                    Ask::Keep { write, at_ms } if is_new(&write) => rows.push((id, at_ms, write)),
                    ask => {
                        self.keep(&mut rows, back);
                        let answer = guarded(&busy, || self.answer(ask));
                        back.send(Finished::Work(id, answer.unwrap_or(WorkResult::Panicked)));
                    }
                }
            }
            self.keep(&mut rows, back);
        }
    }

    fn begin(&mut self) {
        let folder = self.folder.display();
        let Some(journal) = &mut self.journal else {
            return;
        };
        if let Some(damage) = journal.damage() {
            tracing::error!(
                "the journal in {folder} is damaged: {damage}. The rows before it are replayed, those after \
                 it are not, and no new ones are kept. Restore that file from a copy, or move it away to give \
                 its rows up, and start again"
            );
        }
        let Standing { rows, bytes, .. } = journal.standing();
        if rows > 0 {
            tracing::info!(rows, bytes, "rows wait in the journal for the database");
        }
        let aside = journal.standing().aside;
        if aside > 0 {
            tracing::warn!(
                "{aside} rows that the database has refused lie in {folder}, as JSON in files named aside-…"
            );
        }
        if let Err(error) = journal.prepare() {
            tracing::error!("the journal in {folder} has no room for rows: {error}");
        }
    }

    /// Writes rows with one sync, and answers for each.
    fn keep(&mut self, rows: &mut Rows, back: &Back) {
        if rows.is_empty() {
            return;
        }
        let group: Vec<(i64, &Write)> = rows.iter().map(|(_, at, row)| (*at, &**row)).collect();
        let before = self.standing().rows;
        let busy = AtomicU64::new(0);
        let journal = &mut self.journal;
        let results = guarded(&busy, || journal.as_mut().map(|it| it.append(&group)));
        let standing = self.standing();
        if before == 0 && standing.rows > 0 {
            tracing::warn!("the database takes no rows: they are kept in the journal");
        }
        let mut results = results.flatten().unwrap_or_default().into_iter();
        for (id, _, _) in rows.drain(..) {
            let answer = match results.next() {
                Some(Ok(())) => Ok(Answer::Kept(Written::Saved, standing)),
                Some(Err(error)) => Err(self.explain(&error)),
                None => Err(self.absent()),
            };
            back.send(Finished::Work(id, WorkResult::Journal(answer)));
        }
    }

    fn answer(&mut self, ask: Ask) -> WorkResult {
        let Some(journal) = &mut self.journal else {
            return WorkResult::Journal(Err(self.absent()));
        };
        let set_aside = match &ask {
            Ask::SetAside { through, why } => Some((*through, why.clone())),
            _ => None,
        };
        let (waited, well) = (journal.standing().rows > 0, journal.damage().is_none());
        let answer = journal.answer(ask);
        if waited && journal.standing().rows == 0 {
            tracing::info!("everything in the journal is in the database");
        }
        if well && let Some(damage) = journal.damage() {
            tracing::error!("the journal is damaged: {damage}. Nothing behind it is replayed");
        }
        if let Some((number, why)) = set_aside
            && answer.is_ok()
        {
            tracing::error!(
                "the database refuses a row ({why}): it is kept in {}, and those behind it go on. Put it in \
                 by hand if it is wanted, and remove the file",
                self.folder
                    .join(Journal::<Folder>::file_aside(number))
                    .display()
            );
        }
        WorkResult::Journal(answer.map_err(|error| self.explain(&error)))
    }

    fn explain(&self, error: &JournalError) -> StoreError {
        let error = StoreError::Journal {
            path: self.folder.clone(),
            reason: error.to_string(),
        };
        tracing::error!(code = error.code(), "{error}");
        error
    }

    fn absent(&self) -> StoreError {
        StoreError::Journal {
            path: self.folder.clone(),
            reason: "it is not open".to_owned(),
        }
    }
}

/// Whether it is kept whatever else waits.
fn is_new(write: &Write) -> bool {
    write.may_wait()
}
