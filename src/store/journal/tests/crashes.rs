//! Random deaths of the process, the machine and the database: nothing that was promised is lost,
//! nothing is there twice, nothing that was deleted comes back.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::store::Written;

/// The database: rows by id, and how often each was inserted.
#[derive(Default)]
struct Database {
    texts: BTreeSet<Uuid>,
    inserted: BTreeMap<Uuid, u32>,
}

impl Database {
    /// One transaction of `INSERT … ON CONFLICT DO NOTHING` and `DELETE`.
    fn commit(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Save {
                    text: Some(text), ..
                } => {
                    if self.texts.insert(text.id) {
                        *self.inserted.entry(text.id).or_default() += 1;
                    }
                }
                Write::Delete { id, .. } => {
                    self.texts.remove(id);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A run from one death to the next.
struct Story {
    chance: fastrand::Rng,
    disk: Model,
    database: Database,
    next: u64,
    /// Texts that clients were told are stored, or deleted.
    stored: BTreeSet<u64>,
    deleted: BTreeSet<u64>,
    /// Texts whose deletion failed or was never answered: either is right.
    doubtful: BTreeSet<u64>,
}

impl Story {
    /// Lives until something breaks.
    fn live(&mut self) -> Result<(), JournalError> {
        let mut journal = try_open(&self.disk)?;
        assert_eq!(journal.damage(), None);
        for _ in 0..self.chance.u32(1..40) {
            match self.chance.u8(0..10) {
                0..=4 => self.store(&mut journal),
                5..=6 => self.delete_one(&mut journal),
                _ => self.replay(&mut journal)?,
            }
        }
        Ok(())
    }

    fn store(&mut self, journal: &mut Journal<Model>) {
        let count = self.chance.u64(1..6);
        let rows: Vec<Write> = (self.next..self.next + count)
            .map(|n| save(n, &"x".repeat(self.chance.usize(0..3_000))))
            .collect();
        let group: Vec<(i64, &Write)> = rows.iter().map(|row| (5, row)).collect();
        for (n, result) in (self.next..).zip(journal.append(&group)) {
            if result.is_ok() {
                self.stored.insert(n);
            }
        }
        self.next += count;
    }

    fn delete_one(&mut self, journal: &mut Journal<Model>) {
        let Some(n) = self
            .chance
            .choice(self.stored.iter().copied().collect::<Vec<_>>())
        else {
            return;
        };
        match journal.append_if_here(5, &delete(n)) {
            Some(Ok(Written::Deleted(_))) => {
                self.deleted.insert(n);
            }
            Some(_) => {
                self.doubtful.insert(n);
            }
            None => {
                self.database.commit(&[delete(n)]);
                self.deleted.insert(n);
            }
        }
    }

    /// The database may die before the commit, or the process after it.
    fn replay(&mut self, journal: &mut Journal<Model>) -> Result<(), JournalError> {
        let batch = journal.next_batch()?;
        if batch.writes.is_empty() || self.chance.u8(0..4) == 0 {
            return Ok(());
        }
        self.database.commit(&batch.writes);
        if self.chance.u8(0..4) > 0 {
            journal.advance(batch.through)?;
        }
        Ok(())
    }

    fn check(&mut self, seed: u64) {
        let mut journal = open(&self.disk);
        assert_eq!(journal.damage(), None, "seed {seed}");
        self.database.commit(&drain(&mut journal));
        for n in &self.stored {
            let there = self.database.texts.contains(&id(*n));
            if self.deleted.contains(n) {
                assert!(!there, "seed {seed}: {n} came back");
            } else if !self.doubtful.contains(n) {
                assert!(there, "seed {seed}: {n} is lost");
                assert_eq!(self.database.inserted[&id(*n)], 1, "seed {seed}: {n}");
            }
        }
    }
}

#[test]
fn nothing_promised_is_lost_and_nothing_deleted_comes_back() {
    // Two at a time: it is the longest test of the library.
    std::thread::scope(|scope| {
        for half in [0..3000, 3000..6000] {
            scope.spawn(move || half.for_each(tell_story));
        }
    });
}

fn tell_story(seed: u64) {
    let mut story = Story {
        chance: fastrand::Rng::with_seed(seed),
        disk: Model::default(),
        database: Database::default(),
        next: 1,
        stored: BTreeSet::new(),
        deleted: BTreeSet::new(),
        doubtful: BTreeSet::new(),
    };
    for _ in 0..story.chance.u32(1..6) {
        match story.chance.u8(0..3) {
            0 => {}
            1 => story.disk.fail_in(story.chance.u32(0..60), false),
            _ => story.disk.fail_in(story.chance.u32(0..60), true),
        }
        let _ = story.live(); // a fault on purpose may be its end
        story.disk = if story.chance.bool() {
            story.disk.after_a_kill()
        } else {
            story.disk.after_a_crash(&mut story.chance)
        };
    }
    story.check(seed);
}
