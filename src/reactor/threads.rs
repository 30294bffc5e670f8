//! The threads that do what would block the loop, and the way their results come back.
//!
//! ```text
//!  loop ──(bounded channel)──► scorer-0 … scorer-3   parse, score, keywords
//!                                │ texts that are scored
//!                                ▼
//!                          ──► sqlite-writer         transactions, in groups
//!                          ──► sqlite-reader         questions
//!                          ──► journal               rows that the database does not take
//!                          ──► names-0, names-1      getaddrinfo
//!  loop ◄──(one channel, one wake)── all of them
//! ```
//! The engine never has more pieces out than the channels hold, so handing over cannot fail; if it
//! does, that is a broken rule and the piece comes back as one that panicked. What a scorer hands on
//! to the writer it sends by itself; the loop hears of it, but is not woken for it. A panic is caught
//! where it happens: the piece has no result, the thread goes on.
//!
//! `docs/threads.md` lists every thread with its name, queue and bound.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use mio::Waker;

use super::group::{Group, Order};
use super::keeper::Keeper;
use super::os_error;
use super::scorer::Scorer;
use crate::config::Drill;
use crate::engine::WorkId;
use crate::engine::io::ResolveFault;
use crate::engine::work::{Work, WorkResult};
use crate::limits::{NAME_THREADS, WRITE_GROUP};
use crate::store::journal::Ask;
use crate::store::sqlite::{Reader, Writer};
use crate::store::{StoreError, Write};

/// Pieces that a channel towards threads can hold.
const CHANNEL: usize = 8 * WRITE_GROUP;
/// Results that may wait for the loop: more than there are pieces with the threads, of which each has
/// two at most.
const RESULTS: usize = 4 * CHANNEL;

/// Something that a thread has finished.
#[derive(Debug)]
pub enum Finished {
    /// A piece of work.
    Work(WorkId, WorkResult),
    /// A look-up.
    Name(u16, Result<Vec<IpAddr>, ResolveFault>),
}

/// How long threads have worked, in nanoseconds.
#[derive(Debug, Default)]
pub struct Busy {
    /// All scorers together.
    pub scorers: AtomicU64,
    /// The SQLite writer.
    pub writer: AtomicU64,
    /// The SQLite reader.
    pub reader: AtomicU64,
}

/// The way back to the loop: a channel, and one wake however many results there are.
#[derive(Clone)]
pub(super) struct Back {
    results: Sender<Finished>,
    waker: Arc<Waker>,
    woken: Arc<AtomicBool>,
}

impl Back {
    pub(super) fn send(&self, finished: Finished) {
        self.send_quietly(finished);
        self.wake();
    }

    /// Without waking the loop, because something that wakes it follows soon. It is fetched before
    /// that if the loop is awake. There is always room: see [`RESULTS`].
    pub(super) fn send_quietly(&self, finished: Finished) {
        // The loop is gone when the process ends; then nobody wants the result.
        let _ = self.results.send(finished);
    }

    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst); // the pair of the one in `begin_fetch`
        if !self.woken.swap(true, Ordering::Relaxed)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "the loop could not be woken");
        }
    }
}

/// The loop's side of all threads.
pub struct Threads {
    texts: Sender<(WorkId, Work)>,
    /// Where rows go if they are kept by SQLite. Scorers may use it for as long as it is here.
    writes: Option<Arc<Sender<Order>>>,
    reads: Option<Sender<(WorkId, crate::store::Query)>>,
    asks: Sender<(WorkId, Ask)>,
    names: Sender<(u16, String)>,
    results: Receiver<Finished>,
    back: Back,
    /// How long they have worked.
    pub busy: Arc<Busy>,
    writer: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts them all.
    pub fn start(
        scorers: usize,
        sqlite: Option<(Writer, Reader)>,
        keeper: Keeper,
        waker: Arc<Waker>,
        drill: &Drill,
    ) -> io::Result<Self> {
        let (texts, texts_in) = bounded(CHANNEL);
        let (writes, writes_in) = bounded(CHANNEL);
        let writes = sqlite.is_some().then(|| Arc::new(writes));
        let (reads, reads_in) = bounded(CHANNEL);
        let (asks, asks_in) = bounded(CHANNEL);
        let (names, names_in) = bounded(CHANNEL);
        let (results, results_in) = bounded(RESULTS);
        let back = Back {
            results,
            waker,
            woken: Arc::default(),
        };
        let busy = Arc::new(Busy::default());
        for n in 0..scorers {
            let scorer = Scorer {
                writes: writes.as_ref().map(Arc::downgrade),
                back: back.clone(),
                busy: Arc::clone(&busy),
                drill: drill.clone(),
                quiet: 0,
            };
            let work = texts_in.clone();
            spawn(format!("scorer-{n}"), move || scorer.run(&work))?;
        }
        for n in 0..NAME_THREADS {
            let (work, back) = (names_in.clone(), back.clone());
            spawn(format!("names-{n}"), move || look_names_up(&work, &back))?;
        }
        let reads = sqlite.is_some().then_some(reads);
        let mut threads = Threads {
            texts,
            writes,
            reads,
            asks,
            names,
            results: results_in,
            back,
            busy,
            writer: None,
            keeper: None,
        };
        if let Some((writer, reader)) = sqlite {
            let how = (drill.stall_writer_ms, keeper.spills());
            threads.start_sqlite(writer, reader, (writes_in, reads_in), how)?;
        }
        let to_loop = threads.back.clone();
        let keeper = spawn("journal".into(), move || keeper.run(&asks_in, &to_loop))?;
        threads.keeper = Some(keeper);
        Ok(threads)
    }

    /// Starts the two that SQLite needs, because it blocks.
    fn start_sqlite(
        &mut self,
        writer: Writer,
        reader: Reader,
        (writes, reads): (Receiver<Order>, Receiver<(WorkId, crate::store::Query)>),
        how: (u64, bool),
    ) -> io::Result<()> {
        let (to_loop, counter) = (self.back.clone(), Arc::clone(&self.busy));
        spawn("sqlite-reader".into(), move || {
            answer_questions(reader, &reads, &to_loop, &counter);
        })?;
        let (to_loop, counter) = (self.back.clone(), Arc::clone(&self.busy));
        self.writer = Some(spawn("sqlite-writer".into(), move || {
            write_in_groups(writer, &writes, &to_loop, &counter, how);
        })?);
        Ok(())
    }

    /// Hands a piece of work over. Never waits.
    pub fn submit(&self, id: WorkId, work: Work) {
        let handed = match work {
            work @ (Work::Parse { .. }
            | Work::Stretch(_)
            | Work::Embeddings { .. }
            | Work::Score { .. }
            | Work::Finish(_)
            | Work::Keywords { .. }
            | Work::Import { .. }) => self.texts.try_send((id, work)).is_ok(),
            Work::Read(query) => {
                (self.reads.as_ref()).is_some_and(|reads| reads.try_send((id, query)).is_ok())
            }
            Work::Journal(ask) => self.asks.try_send((id, ask)).is_ok(),
            Work::Count(_) => false, // the loop itself talks to who can count
            Work::Write(write) => {
                let order = Order {
                    id,
                    write: *write,
                    withdrawn: None,
                };
                let writes = self.writes.as_ref();
                writes.is_some_and(|writes| writes.try_send(order).is_ok())
            }
        };
        if !handed {
            tracing::error!("a piece of work found its channel full; it is given up");
            self.back.send(Finished::Work(id, WorkResult::Panicked));
        }
    }

    /// Asks for the addresses of a name. Never waits.
    pub fn resolve(&self, index: u16, host: &str) {
        if self.names.try_send((index, host.to_string())).is_err() {
            self.back
                .send(Finished::Name(index, Err(ResolveFault::Failed)));
        }
    }

    /// The next result, if there is one.
    pub fn next_result(&self) -> Option<Finished> {
        self.results.try_recv().ok()
    }

    /// Whether there is a result to be fetched.
    pub fn has_results(&self) -> bool {
        !self.results.is_empty()
    }

    /// After a wake, says that results are about to be fetched: the next one wakes the loop again.
    pub fn begin_fetch(&self) {
        self.back.woken.store(false, Ordering::Relaxed);
        // Whoever has seen the flag still set has put its result in the channel before the reading
        // that follows; whoever comes later sees it cleared and wakes us again.
        fence(Ordering::SeqCst);
    }

    /// Lets the writer and the journal end, and waits until the last row is on disk.
    pub fn stop(mut self) {
        let both = [self.writer.take(), self.keeper.take()];
        drop(self.writes);
        drop(self.asks);
        drop(self.reads);
        // Nobody fetches results any more; a writer that waits for room must not wait for ever.
        drop(self.results);
        for thread in both.into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a thread that writes rows ended by a panic");
            }
        }
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let named = name.clone();
    thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(|error| os_error::thread(&named, &error))
}

/// Runs a piece of work and counts the time; a panic becomes `None`.
pub(super) fn guarded<T>(busy: &AtomicU64, work: impl FnOnce() -> T) -> Option<T> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    busy.fetch_add(nanos, Ordering::Relaxed);
    result
}

/// Takes what is there, up to the size of a [`Group`], as one transaction.
fn write_in_groups(
    mut writer: Writer,
    work: &Receiver<Order>,
    back: &Back,
    busy: &Busy,
    (stall_ms, spills): (u64, bool),
) {
    let mut group = Group::default();
    let mut indexing = owes_indexing(&writer);
    loop {
        let next = if let Some(kept) = group.kept() {
            Ok(kept)
        } else if indexing {
            work.try_recv().map_err(|error| error.is_disconnected())
        } else {
            work.recv().map_err(|_| true)
        };
        let first = match next {
            Ok(first) => first,
            Err(true) => return,
            Err(false) => {
                indexing = index_some(&mut writer, busy);
                continue;
            }
        };
        group.fill(first, work);
        let results = guarded(&busy.writer, || {
            if stall_ms > 0 {
                thread::sleep(Duration::from_millis(stall_ms));
            }
            writer.apply(&group.writes)
        });
        let mut results = results.unwrap_or_default().into_iter();
        let mut away = None;
        for id in group.withdrawn.drain(..) {
            back.send_quietly(Finished::Work(id, WorkResult::Withdrawn));
        }
        for (id, write) in group.ids.drain(..).zip(group.writes.drain(..)) {
            let result = match results.next() {
                Some(Err(error)) => {
                    away = Some(error.clone());
                    failed(write, error, spills)
                }
                Some(written) => WorkResult::Written(written),
                None => WorkResult::Panicked,
            };
            back.send_quietly(Finished::Work(id, result));
        }
        // What waits behind it need not wait for the same lock once more.
        if spills && let Some(error @ StoreError::Busy { .. }) = away {
            for order in work.try_iter() {
                let result = if order.withdrawn.is_some_and(|flag| flag.is_cancelled()) {
                    WorkResult::Withdrawn
                } else {
                    failed(order.write, error.clone(), spills)
                };
                back.send_quietly(Finished::Work(order.id, result));
            }
        }
        back.wake(); // once for all of them
        if !group.is_followed(work) {
            match guarded(&busy.writer, || writer.checkpoint()) {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(code = error.code(), "checkpoint: {error}"),
                None => tracing::error!("a checkpoint of the store panicked"),
            }
        }
    }
}

/// A write that has failed. One that the journal can keep comes back.
fn failed(write: Write, error: StoreError, spills: bool) -> WorkResult {
    if spills && error.is_away() && write.may_wait() {
        tracing::debug!(code = error.code(), "{error}");
        return WorkResult::Returned(Box::new(write), error);
    }
    tracing::error!(code = error.code(), "{error}");
    WorkResult::Written(Err(error))
}

/// Whether texts are to be taken into the search index, because they are older than it.
fn owes_indexing(writer: &Writer) -> bool {
    match writer.unindexed() {
        Ok(0) => false,
        Ok(texts) => {
            tracing::info!(
                texts,
                "texts of an older version are being indexed for search"
            );
            true
        }
        Err(error) => {
            tracing::warn!(code = error.code(), "search index: {error}");
            false
        }
    }
}

/// A few of them. Returns whether to go on: after an error the next start does.
fn index_some(writer: &mut Writer, busy: &Busy) -> bool {
    match guarded(&busy.writer, || writer.index_some()) {
        Some(Ok(more)) => {
            if !more {
                tracing::info!("all texts are indexed for search");
            }
            more
        }
        Some(Err(error)) => {
            tracing::warn!(code = error.code(), "search index: {error}");
            false
        }
        None => {
            tracing::error!("taking texts into the search index panicked");
            false
        }
    }
}

fn answer_questions(
    mut reader: Reader,
    work: &Receiver<(WorkId, crate::store::Query)>,
    back: &Back,
    busy: &Busy,
) {
    for (id, query) in work {
        let result = match guarded(&busy.reader, || reader.run(&query)) {
            Some(found) => WorkResult::Found(found),
            None => WorkResult::Panicked,
        };
        back.send(Finished::Work(id, result));
    }
}

fn look_names_up(work: &Receiver<(u16, String)>, back: &Back) {
    for (index, host) in work {
        let result = match (host.as_str(), 0).to_socket_addrs() {
            Ok(addresses) => {
                let mut found: Vec<IpAddr> = Vec::new();
                for address in addresses {
                    if !found.contains(&address.ip()) {
                        found.push(address.ip());
                    }
                }
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(%error, host, "a name could not be looked up");
                Err(fault_of(&error))
            }
        };
        back.send(Finished::Name(index, result));
    }
}

/// `getaddrinfo` tells "no such name" apart only in words.
fn fault_of(error: &io::Error) -> ResolveFault {
    let words = error.to_string();
    let unknown = ["not known", "No address", "nodename nor servname"];
    if unknown.iter().any(|part| words.contains(part)) {
        ResolveFault::NoSuchName
    } else {
        ResolveFault::Failed
    }
}
