//! The outside of the engine without sockets, threads or a clock: clients, a provider, a store.
//!
//! [`World`] carries out what the engine wants done, but nothing by itself: a connection that is
//! being opened, bytes that are to be written, a look-up, a piece of work each stay on a list
//! until somebody lets them happen. The tests of the flows let everything happen at once
//! ([`World::settle`]) except what they hold back; the simulation picks at random. Here is one thing at
//! a time; `threads.rs` does work, `settle.rs` lets everything happen, `people.rs` asks and answers.
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
mod people;
pub(crate) mod postgres;
pub(crate) mod redis;
mod reply;
mod settle;
mod store;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use maitred::config::{Config, Flags, SourceFile, Sources};
use maitred::engine::io::{Gone, How, Input, Output, ResolveFault};
use maitred::engine::work::{Kind, Work};
use maitred::engine::{ConnId, Engine, Mono, Now, Sizes, WorkId};
use maitred::store::journal::Journal;
use uuid::Uuid;

pub(crate) use people::post;
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

    /// The loop goes round.
    pub(crate) fn tick(&mut self) {
        self.feed(Input::Tick);
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
