//! What is known of a job that is watched, and what one client has been told of it.
//!
//! There is one [`Known`] for all who watch a job, and one [`Watcher`] for each of them. A watcher has no
//! queue: what it is to be told next follows from the two, whenever there is room to tell it. So one that
//! does not read costs nothing, misses no end of an item, and finds the newest totals when it goes on.
//!
//! ```text
//!  New ─(how it stands)─► Told ─(an item ended, or the job has begun)─► Told … ─(it is over)─► Over
//! ```

use std::collections::BTreeMap;

use super::ended::{Ended, Seen};
use crate::store::{EndedItem, JobProgress, JobRow, JobState};

/// What is known of a job.
#[derive(Debug)]
pub struct Known {
    /// Its row.
    pub job: JobRow,
    /// Items that somebody has in hand.
    pub running: u64,
    /// Which items have ended, …
    ended: Ended,
    /// … and how.
    items: BTreeMap<u32, EndedItem>,
    /// Whether `ended` is all that there is.
    whole: bool,
}

/// Where one client is.
#[derive(Debug)]
pub enum Watcher {
    /// It was told nothing; and what it had been told before, if it comes back.
    New(Option<Box<Seen>>),
    /// It knows of these items, and that the job is in this state.
    Told(Box<Ended>, JobState),
    /// It knows all.
    Over(Box<Ended>),
}

/// What a client is to be told next.
#[derive(Debug, PartialEq, Eq)]
pub enum Tell<'a> {
    /// How the job stands.
    Job,
    /// How an item has ended.
    Item(&'a EndedItem),
    /// That the job is over, and all was told.
    Over,
}

impl Known {
    /// What a first look has found.
    pub fn new(progress: JobProgress) -> Self {
        let mut known = Known {
            job: progress.job.clone(),
            running: progress.running,
            ended: Ended::default(),
            items: BTreeMap::new(),
            whole: false,
        };
        known.learn(progress);
        known
    }

    /// What a further look has found. Returns whether anything has changed.
    pub fn learn(&mut self, progress: JobProgress) -> bool {
        let is_new = self.job != progress.job || self.running != progress.running;
        let changed = is_new || !progress.ended.is_empty();
        (self.job, self.running) = (progress.job, progress.running);
        self.whole = !progress.more;
        for item in progress.ended {
            self.ended.add(item.position);
            self.items.insert(item.position, item);
        }
        changed
    }

    /// Whether it is known of every item that had ended at the last look.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether nothing more will happen to the job.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.job.state.is_over()
    }

    /// The items that are known to have ended.
    #[must_use]
    pub fn ended(&self) -> &Ended {
        &self.ended
    }

    /// Items that were given up with the job.
    #[must_use]
    pub fn cancelled(&self) -> u64 {
        let open = self.open();
        if self.job.state == JobState::Cancelled {
            open
        } else {
            0
        }
    }

    /// Items that nobody has in hand and that are to be done.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let open = self.open().saturating_sub(self.cancelled());
        open.saturating_sub(self.running)
    }

    fn open(&self) -> u64 {
        let ended = self.job.done + self.job.failed;
        self.job.items.saturating_sub(ended)
    }

    /// Bytes of memory it holds, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let codes = self.items.values().filter_map(|i| i.error_code.as_ref());
        let codes: usize = codes.map(String::len).sum();
        let items = self.items.len() * (size_of::<EndedItem>() + size_of::<u32>());
        size_of::<Known>() + self.job.params.len() + items + codes
    }
}

impl Watcher {
    /// Whether it was told anything.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !matches!(self, Watcher::New(_))
    }

    /// Whether it comes back although it had been told that the job is over.
    #[must_use]
    pub fn knows_the_end(&self, known: &Known) -> bool {
        let had_it = matches!(self, Watcher::New(Some(seen)) if seen.over);
        had_it && known.is_over()
    }

    /// What it is to be told next, which from then on it has been.
    pub fn next<'a>(&mut self, known: &'a Known) -> Option<Tell<'a>> {
        if !known.whole {
            return None;
        }
        let state = known.job.state;
        match self {
            Watcher::New(seen) => {
                let ended = match seen {
                    Some(seen) => seen.ended.and(&known.ended), // what did not end it cannot know
                    None => known.ended.clone(),
                };
                *self = Watcher::Told(Box::new(ended), state);
                Some(Tell::Job)
            }
            Watcher::Told(_, told) if *told != state && !state.is_over() => {
                *told = state;
                Some(Tell::Job)
            }
            Watcher::Told(ended, _) => {
                let Some(position) = known.ended.first_beyond(ended) else {
                    return self.end(state);
                };
                ended.add(position);
                known.items.get(&position).map(Tell::Item)
            }
            Watcher::Over(_) => None,
        }
    }

    fn end(&mut self, state: JobState) -> Option<Tell<'static>> {
        let Watcher::Told(ended, _) = self else {
            return None;
        };
        if !state.is_over() {
            return None;
        }
        *self = Watcher::Over(std::mem::take(ended));
        Some(Tell::Over)
    }

    /// What it knows, for the `id` of what it was just told.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let (ended, over) = match self {
            Watcher::New(_) => (Ended::default(), false),
            Watcher::Told(ended, _) => (Ended::clone(ended), false),
            Watcher::Over(ended) => (Ended::clone(ended), true),
        };
        Seen { ended, over }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;
    use crate::store::{ItemState, JobKind};

    fn progress(state: JobState, ended: &[u32], done: u64) -> JobProgress {
        let job = JobRow {
            id: Uuid::nil(),
            tenant: "local".into(),
            kind: JobKind::Generate,
            state,
            params: "{}".into(),
            items: 4,
            done,
            failed: 0,
            created_ms: 1,
            started_ms: None,
            finished_ms: None,
        };
        let item = |position: &u32| EndedItem {
            position: *position,
            state: ItemState::Done,
            row_id: Uuid::nil(),
            error_code: None,
        };
        JobProgress {
            job,
            running: 1,
            ended: ended.iter().map(item).collect(),
            more: false,
        }
    }

    /// All that there is to tell, as the `id` of each and what it is about.
    fn told(watcher: &mut Watcher, known: &Known) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(tell) = watcher.next(known) {
            let what = match tell {
                Tell::Job => "job".to_owned(),
                Tell::Item(item) => format!("item {}", item.position),
                Tell::Over => "over".to_owned(),
            };
            told.push(format!("{} {what}", watcher.seen()));
        }
        told
    }

    fn back(id: &str) -> Watcher {
        Watcher::New(Seen::parse(id.as_bytes()).map(Box::new))
    }

    #[test]
    fn a_new_client_is_told_how_it_stands_and_then_what_happens() {
        let mut known = Known::new(progress(JobState::Queued, &[], 0));
        let mut client = Watcher::New(None);
        assert_eq!(told(&mut client, &known), ["0 job"]);
        assert!(!known.learn(progress(JobState::Queued, &[], 0)));
        assert_eq!(told(&mut client, &known), [""; 0]);
        assert!(known.learn(progress(JobState::Running, &[2], 1)));
        assert_eq!(told(&mut client, &known), ["0 job", "0.4 item 2"]);
        let mut late = Watcher::New(None);
        assert_eq!(told(&mut late, &known), ["0.4 job"]);
        known.learn(progress(JobState::Done, &[0, 1, 3], 4));
        let rest = ["1.8 item 0", "3 item 1", "4 item 3", "4! over"];
        assert_eq!(told(&mut client, &known), rest);
    }

    #[test]
    fn one_that_comes_back_misses_nothing_and_hears_nothing_twice() {
        let known = Known::new(progress(JobState::Cancelled, &[0, 2, 3], 3));
        let rest = ["0.4 job", "1.8 item 0", "1.c item 3", "1.c! over"];
        assert_eq!(told(&mut back("0.4"), &known), rest);
        assert!(back("1.c!").knows_the_end(&known));
        assert!(!back("1.c").knows_the_end(&known));
        // It claims to know of an item that has not ended.
        assert_eq!(told(&mut back("4"), &known)[0], "1.c job");
    }

    #[test]
    fn nothing_is_told_before_all_is_known() {
        let part = JobProgress {
            more: true,
            ..progress(JobState::Done, &[0, 1], 4)
        };
        let mut known = Known::new(part);
        let mut client = Watcher::New(None);
        assert_eq!(told(&mut client, &known), [""; 0]);
        known.learn(progress(JobState::Done, &[2, 3], 4));
        assert_eq!(told(&mut client, &known), ["4 job", "4! over"]);
    }

    #[test]
    fn the_states_of_the_items_add_up() {
        let known = Known::new(progress(JobState::Running, &[0], 1));
        assert_eq!((known.waiting(), known.cancelled()), (2, 0));
        let mut cancelled = progress(JobState::Cancelled, &[0], 1);
        cancelled.running = 0;
        let known = Known::new(cancelled);
        assert_eq!((known.waiting(), known.cancelled()), (0, 3));
    }
}
