//! A disk in memory that forgets what was not synced, and breaks on order.
//!
//! A crash keeps, of what was written since the last sync, some blocks of 512 bytes and not others;
//! of what happened to names, some first steps. A sync that fails leaves its bytes in doubt for
//! ever: later syncs do not make them durable.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use crate::store::journal::{Disk, DiskFile};

const BLOCK: usize = 512;

/// See the module. A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Model(Arc<Mutex<State>>);

/// A file of it.
#[derive(Clone, Debug)]
pub(super) struct ModelFile {
    disk: Model,
    inode: usize,
}

#[derive(Clone, Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What happened to names since they were synced.
    steps: Vec<Step>,
    /// Changes until one fails, and whether all after it do too.
    fails_in: Option<(u32, bool)>,
    dead: bool,
    /// Syncs so far.
    syncs: u64,
    /// Bytes that fit.
    room: Option<usize>,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// What was done since the last sync.
    since: Vec<Change>,
    /// … before a sync that failed.
    doubtful: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Change {
    /// What came to the disk after it cannot be undone by it.
    fn give_way(&mut self, newer: &Change) {
        let Change::Write(at, piece) = self else {
            *self = Change::Write(0, Vec::new());
            return;
        };
        match newer {
            Change::Write(from, bytes) => {
                for (n, byte) in piece.iter_mut().enumerate() {
                    let new = (*at + n).checked_sub(*from).and_then(|n| bytes.get(n));
                    *byte = new.copied().unwrap_or(*byte);
                }
            }
            Change::Cut(length) => piece.truncate(length.saturating_sub(*at)),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Link(String, usize),
    Unlink(String),
}

impl Step {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Step::Link(name, inode) => names.insert(name.clone(), *inode),
            Step::Unlink(name) => names.remove(name),
        };
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.resize(bytes.len().max(at + piece.len()), 0);
    bytes[at..at + piece.len()].copy_from_slice(piece);
}

impl Model {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The change after so many others fails; with `dead`, all after it do too.
    pub(super) fn fail_in(&self, changes: u32, dead: bool) {
        self.state().fails_in = Some((changes, dead));
    }

    /// So many bytes fit in all.
    pub(super) fn room(&self, bytes: usize) {
        self.state().room = Some(bytes);
    }

    /// Syncs so far.
    pub(super) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// The bytes of a file, to be looked at or changed.
    pub(super) fn edit<T>(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let state = &mut *self.state();
        let inode = &mut state.inodes[state.names[name]];
        let result = edit(&mut inode.bytes);
        inode.durable.clone_from(&inode.bytes);
        inode.since.clear();
        result
    }

    /// The disk after a `kill -9`: the kernel lives, and what was written is there.
    pub(super) fn after_a_kill(&self) -> Model {
        let mut state = self.state().clone();
        (state.fails_in, state.dead, state.room) = (None, false, None);
        Model(Arc::new(Mutex::new(state)))
    }

    /// The disk after a loss of power.
    pub(super) fn after_a_crash(&self, chance: &mut fastrand::Rng) -> Model {
        let mut state = self.state().clone();
        (state.fails_in, state.dead, state.room) = (None, false, None);
        for inode in &mut state.inodes {
            let mut bytes = std::mem::take(&mut inode.durable);
            for change in inode.doubtful.drain(..).chain(inode.since.drain(..)) {
                match change {
                    Change::Write(at, piece) => {
                        for (n, block) in piece.chunks(BLOCK).enumerate() {
                            if chance.bool() {
                                write(&mut bytes, at + n * BLOCK, block);
                            }
                        }
                    }
                    Change::Cut(length) => {
                        if chance.bool() {
                            bytes.truncate(length);
                        }
                    }
                }
            }
            inode.bytes.clone_from(&bytes);
            inode.durable = bytes;
        }
        let kept = chance.usize(0..=state.steps.len());
        let mut names = std::mem::take(&mut state.durable_names);
        for step in state.steps.drain(..).take(kept) {
            step.apply(&mut names);
        }
        state.names.clone_from(&names);
        state.durable_names = names;
        Model(Arc::new(Mutex::new(state)))
    }
}

impl State {
    /// Every change passes through here.
    fn change(&mut self) -> io::Result<()> {
        let fails = match &mut self.fails_in {
            Some((0, dead)) => {
                self.dead |= *dead;
                true
            }
            Some((left, _)) => {
                *left -= 1;
                false
            }
            None => false,
        };
        if fails {
            self.fails_in = None;
        }
        if fails || self.dead {
            return Err(io::Error::other("a fault on purpose"));
        }
        Ok(())
    }

    fn step(&mut self, step: Step) {
        step.apply(&mut self.names);
        self.steps.push(step);
    }

    fn has_room(&self, more: usize) -> bool {
        let used: usize = (self.names.values())
            .map(|inode| self.inodes[*inode].bytes.len())
            .sum();
        more == 0 || self.room.is_none_or(|room| used + more <= room)
    }
}

impl Disk for Model {
    type File = ModelFile;

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<ModelFile> {
        let mut state = self.state();
        state.change()?;
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.step(Step::Link(name.to_owned(), inode));
        let disk = self.clone();
        Ok(ModelFile { disk, inode })
    }

    fn open(&self, name: &str) -> io::Result<ModelFile> {
        let inode = *(self.state().names.get(name)).ok_or(io::ErrorKind::NotFound)?;
        let disk = self.clone();
        Ok(ModelFile { disk, inode })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        // One step on a real disk as well; the old name gone alone is never seen.
        state.step(Step::Link(to.to_owned(), inode));
        state.step(Step::Unlink(from.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.step(Step::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.steps.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

impl DiskFile for ModelFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].bytes.len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state();
        let bytes = &state.inodes[self.inode].bytes;
        let piece = bytes.get(at as usize..at as usize + into.len());
        into.copy_from_slice(piece.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, at: u64, piece: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let length = state.inodes[self.inode].bytes.len();
        let more = (at as usize + piece.len()).saturating_sub(length);
        if !state.has_room(more) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        write(&mut inode.bytes, at as usize, piece);
        inode.since.push(Change::Write(at as usize, piece.to_vec()));
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let inode = &mut state.inodes[self.inode];
        inode.bytes.truncate(length as usize);
        inode.since.push(Change::Cut(length as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let result = state.change();
        state.syncs += 1;
        let inode = &mut state.inodes[self.inode];
        let since: Vec<Change> = inode.since.drain(..).collect();
        match &result {
            Ok(()) => {
                for change in since {
                    match &change {
                        Change::Write(at, piece) => write(&mut inode.durable, *at, piece),
                        Change::Cut(length) => inode.durable.truncate(*length),
                    }
                    (inode.doubtful.iter_mut()).for_each(|older| older.give_way(&change));
                }
            }
            Err(_) => inode.doubtful.extend(since),
        }
        result
    }
}
