//! The outside of the engine without sockets, threads or a clock: clients, a provider, a store.
//!
//! [`World`] carries out what the engine wants done, but nothing by itself: a connection that is
//! being opened, bytes that are to be written, a look-up, a piece of work each stay on a list
//! until somebody lets them happen. The tests of the flows let everything happen at once
//! ([`World::settle`]) except what they hold back; the simulation picks at random.
//!
//! After every input the engine's invariants are checked.

#![allow(clippy::unwrap_used, dead_code)] // no test uses all of it

mod deliveries;
pub(crate) mod disk;
pub(crate) mod dns;
pub(crate) mod dns_message;
mod jobs;
mod keys;
pub(crate) mod openai;
pub(crate) mod postgres;
pub(crate) mod redis;
mod reply;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use maitred::config::{Config, Flags, SourceFile, Sources};
use maitred::engine::flow::body;
use maitred::engine::flow::chat::embeddings;
use maitred::engine::flow::import::line;
use maitred::engine::io::{Gone, How, Input, Output, ResolveFault};
use maitred::engine::work::{Finish, Kind, Work, WorkResult};
use maitred::engine::{ConnId, Engine, Mono, Now, Sizes, WorkId};
use maitred::score::keywords::extract;
use maitred::score::score;
use maitred::store::journal::{Ask, Journal};
use maitred::store::{StoreError, Write};
use uuid::Uuid;

pub(crate) use reply::{Event, Reply, take_reply};
pub(crate) use store::Memory;

/// One connection as the other side sees it.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    /// For a provider, where it was opened to.
    pub(crate) to: Option<SocketAddr>,
    /// It is no connection: a question goes out, datagrams come in.
    pub(crate) datagram: bool,
    /// TCP does not stand yet.
    pub(crate) connecting: bool,
    /// The TLS handshake is to be done.
    pub(crate) securing: bool,
    /// What the engine has sent.
    pub(crate) got: Vec<u8>,
    /// The engine has said that there is something to send.
    pub(crate) dirty: bool,
    /// The other side takes no bytes.
    pub(crate) stalled: bool,
    /// The engine does not read: what is said waits here.
    pub(crate) paused: bool,
    inbox: Vec<u8>,
    eof: bool,
    /// The engine has sent its FIN.
    pub(crate) fin: bool,
    /// The engine has closed it, or it is gone.
    pub(crate) closed: Option<End>,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The engine closed it.
    Engine(How),
    /// The other side did.
    Peer,
}

/// See the module.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) sockets: BTreeMap<ConnId, Socket>,
    /// Names being looked up.
    pub(crate) lookups: Vec<u16>,
    /// Work with the threads.
    pub(crate) jobs: Vec<(WorkId, Work)>,
    pub(crate) store: Memory,
    pub(crate) journal: Journal<disk::Memory>,
    /// Texts, keywords and analyses that went there.
    pub(crate) kept: BTreeSet<Uuid>,
    /// Whether connections are accepted.
    pub(crate) accepting: bool,
    /// Kinds of work that stay with the threads.
    pub(crate) held: Vec<Kind>,
    /// Whether names, connections and handshakes wait to be let through.
    pub(crate) slow_network: bool,
    /// Everything that the engine ever wanted, when somebody compares runs.
    pub(crate) history: Option<Vec<Output>>,
    outputs: Vec<Output>,
}

/// Tables that are large enough for any story.
pub(crate) const SIZES: Sizes = Sizes {
    clients: 64,
    upstreams: 32,
    generations: 64,
    scorers: 1,
};

/// A provider by its address, called `llm`, that is the default one. It is asked once for each
/// text: what is done when that fails has tests of its own, with [`RETRIED`].
pub(crate) const PROVIDER: &str = "[provider.llm]\nbase_url = \"http://10.0.0.1:8000/v1\"\nmodel = \"m\"\n\
    key = \"sk-secret\"\nretries = 0\n";

/// The same provider, asked as often as it is by default.
pub(crate) const RETRIED: &str =
    "[provider.llm]\nbase_url = \"http://10.0.0.1:8000/v1\"\nmodel = \"m\"\n";

/// Two providers, `a` at 10.0.0.1 and `b` at 10.0.0.2, and a model that is asked of the second when
/// the first fails.
pub(crate) const TWO: &str = "
    default_provider = 'a'
    [model.smart]
    targets = ['a', 'b']
    [provider.a]
    base_url = 'http://10.0.0.1:8000/v1'
    model = 'm'
    retries = 2
    [provider.b]
    base_url = 'http://10.0.0.2:8000/v1'
    model = 'n'
    retries = 2
";

/// The configuration in a file with this text.
pub(crate) fn config(text: &str) -> Arc<Config> {
    let file = SourceFile {
        path: PathBuf::from("maitred.toml"),
        text: text.to_owned(),
    };
    let sources = Sources {
        file: Some(file),
        dotenv: None,
        environment: BTreeMap::new(),
        flags: Flags::default(),
    };
    Arc::new(Config::load(&sources).unwrap_or_else(|error| panic!("{error}")))
}

impl World {
    /// With this configuration file.
    pub(crate) fn new(text: &str) -> World {
        World::with(text, SIZES, 1)
    }

    /// With tables of these sizes and this seed.
    pub(crate) fn with(text: &str, sizes: Sizes, seed: u64) -> World {
        let mut engine = Engine::new(config(text), sizes, seed);
        engine.start_digest();
        World {
            engine,
            now: Now {
                mono: Mono(1_000_000_000),
                wall_ms: 1_700_000_000_000,
            },
            sockets: BTreeMap::new(),
            lookups: Vec::new(),
            jobs: Vec::new(),
            store: Memory::default(),
            journal: Journal::open(disk::Memory::default(), Uuid::nil()).unwrap(),
            kept: BTreeSet::new(),
            accepting: true,
            held: Vec::new(),
            slow_network: false,
            history: None,
            outputs: Vec::new(),
        }
    }

    // --- one thing at a time ---------------------------------------------------------------------

    /// Tells the engine one thing, notes what it wants, and looks whether all is in order.
    pub(crate) fn feed(&mut self, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.engine.handle(self.now, input, &mut outputs);
        self.note(&mut outputs);
        self.outputs = outputs;
    }

    fn note(&mut self, outputs: &mut Vec<Output>) {
        if let Some(history) = &mut self.history {
            history.extend_from_slice(outputs);
        }
        for output in outputs.drain(..) {
            self.perform(output);
        }
        if let Err(broken) = self.engine.check() {
            panic!("broken invariant: {broken}");
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect(id, to) => {
                let socket = Socket {
                    to: Some(to),
                    connecting: true,
                    ..Socket::default()
                };
                assert!(
                    self.sockets.insert(id, socket).is_none(),
                    "{id:?} was there before"
                );
            }
            Output::SendDatagram(id, to) => self.note_question(id, to),
            Output::StartTls(id, _) => self.open(id).securing = true,
            Output::Resolve(index) => self.lookups.push(index),
            Output::Flush(id) => self.open(id).dirty = true,
            Output::Pause(id) => self.open(id).paused = true,
            Output::Resume(id) => self.open(id).paused = false,
            Output::ShutWrite(id) => {
                assert!(!self.has_unsent(id), "a FIN before all was sent");
                self.open(id).fin = true;
            }
            Output::Close(id, how) => {
                // What a peer has closed may be closed by the engine as well.
                if let Some(socket) = self.sockets.get_mut(&id) {
                    socket.closed.get_or_insert(End::Engine(how));
                }
            }
            Output::Submit(id) => {
                let work = self.engine.take_work(id).expect("the work is there");
                self.jobs.push((id, work));
            }
            Output::PauseAccept => self.accepting = false,
            Output::ResumeAccept => self.accepting = true,
        }
    }

    fn open(&mut self, id: ConnId) -> &mut Socket {
        let socket = self.sockets.get_mut(&id).expect("a known connection");
        assert_eq!(socket.closed, None, "{id:?} is wanted after its end");
        socket
    }

    /// All that the engine has to send on `id`.
    pub(crate) fn unsent(&self, id: ConnId) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 1024];
        let count = self.engine.unsent(id, &mut slices);
        let slices: Vec<&[u8]> = slices[..count].iter().map(|slice| &**slice).collect();
        slices.concat()
    }

    fn has_unsent(&self, id: ConnId) -> bool {
        self.engine.unsent(id, &mut [IoSlice::new(&[])]) > 0
    }

    /// The peer of `id` takes at most `n` bytes.
    pub(crate) fn take(&mut self, id: ConnId, n: usize) {
        let mut bytes = self.unsent(id);
        bytes.truncate(n);
        let socket = self.open(id);
        socket.got.extend_from_slice(&bytes);
        if !bytes.is_empty() {
            self.feed(Input::Sent(id, bytes.len()));
        }
        let more = self.has_unsent(id);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.dirty = more;
        }
    }

    /// The peer of `id` says something. It waits while the engine does not read.
    pub(crate) fn say(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(socket) = self.sockets.get_mut(&id).filter(|s| s.closed.is_none()) else {
            return; // into a closed connection
        };
        if socket.paused || !socket.inbox.is_empty() {
            socket.inbox.extend_from_slice(bytes);
        } else {
            self.feed(Input::Received(id, bytes));
        }
    }

    /// The peer of `id` sends its FIN, after all that it has said.
    pub(crate) fn end(&mut self, id: ConnId) {
        let Some(socket) = self.sockets.get_mut(&id).filter(|s| s.closed.is_none()) else {
            return;
        };
        if socket.inbox.is_empty() {
            self.feed(Input::EndOfInput(id));
        } else {
            socket.eof = true;
        }
    }

    /// The connection breaks.
    pub(crate) fn reset(&mut self, id: ConnId, gone: Gone) {
        if let Some(socket) = self.sockets.get_mut(&id).filter(|s| s.closed.is_none()) {
            socket.closed = Some(End::Peer);
            self.feed(Input::Closed(id, gone));
        }
    }

    /// What waited while the engine did not read, if it reads again.
    pub(crate) fn catch_up(&mut self, id: ConnId) -> bool {
        let Some(socket) = self.sockets.get_mut(&id).filter(|s| s.closed.is_none()) else {
            return false;
        };
        if socket.paused || socket.inbox.is_empty() {
            return false;
        }
        let bytes = std::mem::take(&mut socket.inbox);
        let eof = std::mem::take(&mut socket.eof);
        self.feed(Input::Received(id, &bytes));
        if eof {
            self.end(id);
        }
        true
    }

    /// TCP stands.
    pub(crate) fn connect(&mut self, id: ConnId) {
        self.open(id).connecting = false;
        self.feed(Input::Connected(id));
    }

    /// TLS stands.
    pub(crate) fn secure(&mut self, id: ConnId) {
        self.open(id).securing = false;
        self.feed(Input::Secured(id));
    }

    /// A look-up ends.
    pub(crate) fn resolve(&mut self, at: usize, result: Result<Vec<[u8; 4]>, ResolveFault>) {
        let index = self.lookups.remove(at);
        let result = result.map(|ips| ips.into_iter().map(Into::into).collect());
        self.feed(Input::Resolved(index, result));
    }

    /// A thread does piece `at` as it should.
    pub(crate) fn work(&mut self, at: usize) {
        let (id, work) = self.jobs.remove(at);
        let result = match work {
            Work::Parse { shape, body } => WorkResult::Parsed(body::parse(shape, &body)),
            Work::Embeddings {
                asked,
                theirs,
                body,
            } => WorkResult::Embeddings(embeddings::read(&asked, theirs, body)),
            Work::Score { text, cancel } => {
                WorkResult::Scored(score(&text, &|| cancel.is_cancelled()))
            }
            Work::Finish(finish) => return self.finish_text(at, id, *finish),
            Work::Import {
                lines,
                first,
                cancel,
            } => WorkResult::Lines(line::read(&lines, first, &|| cancel.is_cancelled())),
            Work::Keywords {
                text,
                limit,
                cancel,
            } => WorkResult::Keywords(extract(&text, limit, &|| cancel.is_cancelled())),
            Work::Stretch(stretch) => WorkResult::Stretched(stretch.run()),
            Work::Read(query) => WorkResult::Found(Ok(self.store.query(&query))),
            Work::Write(write) => WorkResult::Written(Ok(self.store.write(*write))),
            Work::Count(_) => panic!("no thread counts for others"),
            Work::Journal(ask) => {
                if let Ask::Keep { write, .. } = &ask {
                    self.kept.extend(store::id_of(write));
                }
                let answer = self.journal.answer(ask);
                WorkResult::Journal(Ok(answer.expect("a disk that does not fail")))
            }
        };
        self.feed(Input::Done(id, result));
    }

    /// The writer finds the store locked, and gives the rows of piece `at` back.
    pub(crate) fn return_work(&mut self, at: usize, error: StoreError) {
        let (id, work) = self.jobs.remove(at);
        let result = match work {
            Work::Write(write) if write.may_wait() => WorkResult::Returned(write, error),
            Work::Write(_) => WorkResult::Written(Err(error)),
            other => panic!("no write: {other:?}"),
        };
        self.feed(Input::Done(id, result));
    }

    /// What waits in the journal comes to the store, as the next start would have it.
    pub(crate) fn replay_journal(&mut self) {
        loop {
            let batch = self.journal.next_batch().unwrap();
            if batch.writes.is_empty() {
                return;
            }
            self.store.write(Write::Replay(batch.writes));
            self.journal.advance(batch.through).unwrap();
        }
    }

    /// A scorer is done with a text: the writer has its rows, unless they are not wanted any more.
    fn finish_text(&mut self, at: usize, id: WorkId, finish: Finish) {
        let scores = score(&finish.text, &|| false);
        if finish.withdrawn.is_cancelled() {
            return self.feed(Input::Done(id, WorkResult::Scored(scores)));
        }
        let (passed, write) = finish.pass_on(scores);
        if self.engine.has_database() {
            return self.feed(Input::Done(id, WorkResult::Rows(passed, Box::new(write))));
        }
        self.jobs.insert(at, (id, Work::Write(Box::new(write))));
        self.feed(Input::Done(id, WorkResult::PassedOn(passed)));
    }

    /// A thread ends piece `at` with another result.
    pub(crate) fn fail_work(&mut self, at: usize, result: WorkResult) {
        let (id, _) = self.jobs.remove(at);
        self.feed(Input::Done(id, result));
    }

    /// The store does piece `at`, and nobody hears of it.
    pub(crate) fn lose_answer(&mut self, at: usize) {
        let (id, work) = self.jobs.remove(at);
        let Work::Write(write) = work else {
            panic!("no write: {work:?}")
        };
        self.store.write(*write);
        let unknown = WorkResult::Written(Err(StoreError::Unknown));
        self.feed(Input::Done(id, unknown));
    }

    /// The loop goes round.
    pub(crate) fn tick(&mut self) {
        self.feed(Input::Tick);
    }

    // --- all at once -----------------------------------------------------------------------------

    /// Lets everything happen that is not held back, until nothing is left to do at this time.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100_000 {
            if !(self.settle_network() || self.settle_bytes() || self.settle_threads()) {
                if self.engine.next_deadline() > self.now.mono {
                    return;
                }
                self.tick();
            }
        }
        panic!("it never comes to rest");
    }

    fn settle_network(&mut self) -> bool {
        if self.slow_network {
            return false;
        }
        if !self.lookups.is_empty() {
            self.resolve(0, Ok(vec![[10, 0, 0, 9]]));
            return true;
        }
        let find = |wanted: fn(&Socket) -> bool| {
            let mut open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
            open.find(|(_, s)| wanted(s)).map(|(id, _)| *id)
        };
        if let Some(id) = find(|s| s.connecting) {
            self.connect(id);
        } else if let Some(id) = find(|s| s.securing) {
            self.secure(id);
        } else {
            return false;
        }
        true
    }

    fn settle_bytes(&mut self) -> bool {
        let open: Vec<ConnId> = self.open_sockets();
        for id in open {
            if self.catch_up(id) {
                return true;
            }
            let socket = &self.sockets[&id];
            if socket.dirty && !socket.stalled && !socket.connecting {
                self.take(id, usize::MAX);
                return true;
            }
        }
        false
    }

    fn settle_threads(&mut self) -> bool {
        let next = self
            .jobs
            .iter()
            .position(|(_, work)| !self.held.contains(&work.kind()));
        next.map(|at| self.work(at)).is_some()
    }

    pub(crate) fn open_sockets(&self) -> Vec<ConnId> {
        let open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
        open.map(|(id, _)| *id).collect()
    }

    /// Lets `ms` milliseconds pass, and everything happen that is due in them.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now.mono.plus_ms(ms);
        self.settle();
        while self.engine.next_deadline() <= until {
            self.jump(self.engine.next_deadline());
            self.tick();
            self.settle();
        }
        self.jump(until);
        self.tick();
        self.settle();
    }

    /// Sets both clocks on.
    pub(crate) fn jump(&mut self, to: Mono) {
        let nanos = to.since(self.now.mono);
        self.now.mono = Mono(self.now.mono.0 + nanos);
        // Both from one figure, or the rounding of many small steps adds up.
        let since_start = self.now.mono.0 - 1_000_000_000;
        self.now.wall_ms = 1_700_000_000_000 + (since_start / 1_000_000) as i64;
    }

    // --- clients -----------------------------------------------------------------------------------

    /// A client connects.
    pub(crate) fn client(&mut self) -> ConnId {
        self.try_client().expect("there is a place")
    }

    /// A client connects, if there is a place for it.
    pub(crate) fn try_client(&mut self) -> Option<ConnId> {
        self.try_client_at([192, 0, 2, 1])
    }

    /// A client connects from this address, if there is a place for it.
    pub(crate) fn try_client_at(&mut self, peer: impl Into<IpAddr>) -> Option<ConnId> {
        let mut outputs = std::mem::take(&mut self.outputs);
        let peer = peer.into();
        let id = self.engine.accept(self.now, peer, &mut outputs);
        if let Some(id) = id {
            self.sockets.insert(id, Socket::default());
        }
        self.note(&mut outputs);
        self.outputs = outputs;
        id
    }

    /// `id` says something, and everything happens that follows from it.
    pub(crate) fn send(&mut self, id: ConnId, bytes: impl AsRef<[u8]>) {
        self.say(id, bytes.as_ref());
        self.settle();
    }

    /// A client connects and sends this.
    pub(crate) fn ask(&mut self, bytes: impl AsRef<[u8]>) -> ConnId {
        let id = self.client();
        self.send(id, bytes);
        id
    }

    /// A client connects and sends a JSON document to this path.
    pub(crate) fn post(&mut self, path: &str, json: &str) -> ConnId {
        self.ask(post(path, json))
    }

    /// The reply to the only request of a new client.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        let id = self.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.reply(id)
    }

    /// The first reply to `id` that was not looked at yet. It has to be whole.
    pub(crate) fn reply(&mut self, id: ConnId) -> Reply {
        self.reply_to(id, false)
    }

    /// The same for the reply to a HEAD.
    pub(crate) fn reply_to_head(&mut self, id: ConnId) -> Reply {
        self.reply_to(id, true)
    }

    fn reply_to(&mut self, id: ConnId, head: bool) -> Reply {
        let socket = self.sockets.get_mut(&id).unwrap();
        let ended = socket.fin || socket.closed.is_some();
        match take_reply(&mut socket.got, head, ended) {
            Ok(Some(reply)) => reply,
            other => panic!("{other:?} in {:?}", String::from_utf8_lossy(&socket.got)),
        }
    }

    /// What `id` has got of a reply that has not ended.
    pub(crate) fn events(&self, id: ConnId) -> Vec<Event> {
        reply::events_so_far(&self.sockets[&id].got)
    }

    /// Whether nothing was sent to `id` that was not looked at.
    pub(crate) fn is_quiet(&self, id: ConnId) -> bool {
        self.sockets[&id].got.is_empty()
    }

    /// Whether the engine has ended its side of `id`.
    pub(crate) fn is_over(&self, id: ConnId) -> bool {
        let socket = &self.sockets[&id];
        socket.fin || socket.closed.is_some()
    }

    // --- the provider --------------------------------------------------------------------------------

    /// Connections to providers that are open, the oldest first.
    pub(crate) fn upstreams(&self) -> Vec<ConnId> {
        let open = self.sockets.iter().filter(|(_, s)| s.closed.is_none());
        let others = [dns::PORT, redis::PORT];
        open.filter(|(_, s)| s.to.is_some_and(|to| !others.contains(&to.port())))
            .map(|(id, _)| *id)
            .collect()
    }

    /// The only connection to a provider.
    pub(crate) fn upstream(&self) -> ConnId {
        let open = self.upstreams();
        assert_eq!(open.len(), 1, "connections to the provider");
        open[0]
    }

    /// The only connection to the provider answers.
    pub(crate) fn answer(&mut self, bytes: impl AsRef<[u8]>) {
        let id = self.upstream();
        self.send(id, bytes);
    }

    /// Every request that a provider has got and not answered yet is answered like this. Returns
    /// how many there were.
    pub(crate) fn serve(&mut self, bytes: impl AsRef<[u8]>) -> usize {
        let asked = |world: &World, id: &ConnId| !world.sockets[id].got.is_empty();
        let ids: Vec<ConnId> = self.upstreams();
        let ids: Vec<ConnId> = ids.into_iter().filter(|id| asked(self, id)).collect();
        for id in &ids {
            self.sockets.get_mut(id).unwrap().got.clear();
            self.send(*id, bytes.as_ref());
        }
        ids.len()
    }

    /// The value of a figure of `/metrics`, by name and labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.engine.metrics();
        let line = page.lines().find_map(|line| {
            line.strip_prefix("maitred_")?
                .strip_prefix(name)?
                .strip_prefix(' ')
        });
        line.and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no figure {name}"))
    }
}

/// A POST of a JSON document.
pub(crate) fn post(path: &str, json: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{json}",
        json.len()
    )
}
