//! The start: from a configuration to a loop that turns, and what a person reads meanwhile.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mio::{Events, Poll, Waker};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use super::clock::Clock;
use super::data_dir::DataDir;
use super::greet::greet;
use super::keeper::Keeper;
use super::listener::Listener;
use super::mask::Mask;
use super::observe::Observer;
use super::recorder::{FORMAT, Header, Recorder};
use super::signals::Signals;
use super::threads::Threads;
use super::watchdog::{self, Board};
use super::{EVENTS, LISTENER, Reactor, SIGNALS, WAKER, os_error, tls};
use crate::config::{Config, LogFormat, Place, Provider};
use crate::engine::io::Input;
use crate::engine::redis;
use crate::engine::{Engine, Sizes};
use crate::limits::{CONNECTIONS, SCORERS_MAX, SCRATCH_BYTES};
use crate::store::StoreError;
use crate::store::journal::{JournalError, Standing};
use crate::store::sqlite::{Reader, Writer};

/// Files that are no connection of the engine's: the listener, the poller, the files of SQLite and of the journal,
/// the log, what the system's resolver opens.
const RESERVED_FILES: usize = 64;
/// With fewer for clients and providers together there is no point in starting.
const LEAST_FILES: usize = 16;

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {} (--listen ADDR:PORT)",
        os_error::listening(error)
    )]
    Listen {
        /// Which one.
        address: std::net::SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The data directory cannot be made.
    #[error(
        "the data directory {path} cannot be made: {}; make the folder above it writable for this \
         user, or choose another with --data-dir DIR",
        os_error::plain(error)
    )]
    DataDir {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The data directory is no directory.
    #[error(
        "the data directory {path} is a file: remove it, or choose another with --data-dir DIR"
    )]
    NotADirectory {
        /// Which one.
        path: PathBuf,
    },
    /// The data directory cannot be locked.
    #[error(
        "{path} cannot be made or locked: {}; make its folder writable for this user, or choose \
         another with --data-dir DIR",
        os_error::plain(error)
    )]
    Lock {
        /// The file of the lock.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process serves from the data directory.
    #[error(
        "the data directory {path} is in use by another maitred: stop that one first, or choose \
         another with --data-dir DIR"
    )]
    InUse {
        /// Which one.
        path: PathBuf,
    },
    /// Another process keeps its journal there.
    #[error(
        "the journal's folder {path} is in use by another maitred: stop that one first, or set another `journal_dir`"
    )]
    JournalInUse {
        /// Which one.
        path: PathBuf,
    },
    /// The spill journal cannot be opened.
    #[error(
        "the journal in {path} cannot be opened: {error}; rows that wait there are kept: make the folder as it was, or set another `journal_dir`"
    )]
    Journal {
        /// Its folder.
        path: PathBuf,
        /// Why.
        error: JournalError,
    },
    /// The store cannot be opened.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// There are too few file descriptors.
    #[error(
        "only {limit} open files are allowed, and at least {needed} are needed: raise the limit \
         (ulimit -n {needed}, or more)"
    )]
    Files {
        /// The limit.
        limit: u64,
        /// The least that it has to be.
        needed: u64,
    },
    /// A certificate file is not as it should be.
    #[error(
        "provider.{provider}.ca_file: {error}; name a file of certificates in PEM, or leave it out \
         to trust those of the system"
    )]
    Tls {
        /// Whose certificates.
        provider: String,
        /// Why.
        error: io::Error,
    },
    /// A certificate file of the database is not as it should be.
    #[error("database.url: sslrootcert: {0}; name a file of certificates in PEM")]
    DatabaseTls(io::Error),
    /// A certificate file of Redis is not as it should be.
    #[error("redis.ca_file: {0}; name a file of certificates in PEM")]
    RedisTls(io::Error),
    /// A certificate file of a webhook is not as it should be.
    #[error("webhook.{webhook}.ca_file: {error}; name a file of certificates in PEM")]
    HookTls {
        /// Which one.
        webhook: String,
        /// Why.
        error: io::Error,
    },
    /// A run with a database server, with Redis or with a webhook cannot be recorded.
    #[error(
        "a run with a PostgreSQL server, Redis or a webhook cannot be recorded, because what it is \
         known by cannot be played again; leave --record out, or record without them"
    )]
    Unrecordable,
    /// Somebody asked a second time to stop, and did not want to wait for what was in flight.
    #[error(
        "asked twice to stop: requests in flight were cut off, and only what was acknowledged is sure to be stored"
    )]
    CutOff,
    /// A thread, the poller or the recording could not be started.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Serves until it is asked to stop.
pub fn run(config: Config) -> Result<(), StartError> {
    let (guard, dropped) = start_log(&config)?;
    let data_dir = DataDir::claim(&config.data_dir)?;
    let reactor = open(&Arc::new(config), &data_dir, dropped)?;
    let ended = reactor.run();
    drop(data_dir); // the last row is written: another process may have it
    drop(guard); // the last lines of the log
    ended
}

/// Everything that can fail is tried before the address is printed.
fn open(
    config: &Arc<Config>,
    data_dir: &DataDir,
    dropped: Option<ErrorCounter>,
) -> Result<Reactor, StartError> {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    let sizes = sizes(config, files)?;
    let clock = Clock::start();
    let mut listener = Listener::bind(config.listen).map_err(|error| StartError::Listen {
        address: config.listen,
        error,
    })?;
    let keeper = Keeper::open(config, data_dir)?;
    let journal = keeper.standing();
    let sqlite = open_sqlite(config, data_dir, &keeper)?;
    let tls = tls_configs(config)?;
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    listener.register(poll.registry(), LISTENER)?;
    let mut signals = Signals::take()?;
    signals.register(poll.registry(), SIGNALS)?;
    let threads = Threads::start(sizes.scorers, sqlite, keeper, waker, &config.drill)?;
    let board = Arc::new(Board::default());
    watchdog::start(clock, Arc::clone(&board))?;

    let seed = config.seed.unwrap_or_else(draw_seed);
    let mut engine = Engine::new(Arc::clone(config), sizes, seed);
    let has_secrets =
        engine.has_database() || config.redis.is_some() || !config.webhooks.is_empty();
    if config.record.is_some() && has_secrets {
        return Err(StartError::Unrecordable);
    }
    let recorder = start_recorder(config, sizes, seed)?;
    if recorder.is_some() {
        engine.start_digest();
    }
    greet(
        &mut io::stdout().lock(),
        config,
        listener.address()?,
        sizes,
        files,
    )?;
    let mut reactor = Reactor {
        poll,
        events: Events::with_capacity(EVENTS),
        engine,
        sockets: Vec::with_capacity(sizes.clients + sizes.upstreams),
        datagrams: Vec::new(),
        listener,
        signals,
        threads,
        tls,
        recorder,
        clock,
        now: clock.now(),
        board,
        observer: Observer::new(sizes.scorers, files, dropped),
        ready: VecDeque::new(),
        dirty: VecDeque::new(),
        outputs: Vec::new(),
        news: VecDeque::new(),
        work: Vec::new(),
        scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
        plain: vec![0; SCRATCH_BYTES].into_boxed_slice(),
        results_left: false,
        handshakes: 0,
        stall_ms: config.drill.stall_loop_ms,
    };
    if journal != Standing::default() {
        reactor.feed(Input::Journal(journal));
    }
    Ok(reactor)
}

/// The store on this machine, unless rows are kept by a server.
fn open_sqlite(
    config: &Config,
    data_dir: &DataDir,
    keeper: &Keeper,
) -> Result<Option<(Writer, Reader)>, StartError> {
    let path = match &config.database.place {
        Place::Postgres(_) => return Ok(None),
        Place::File(path) => path.clone(),
        Place::DataDir => data_dir.database(),
    };
    let mut writer = Writer::open_with(&path, keeper.patience())?;
    if config.database.place == Place::DataDir {
        writer.free_keys()?; // the folder is ours alone: whoever had them is dead
    }
    Ok(Some((writer, Reader::open(&path)?)))
}

/// A number that nobody can guess: each `RandomState` has keys of the operating system's.
pub(super) fn draw_seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// How many of everything, so that the open files suffice whatever happens.
fn sizes(config: &Config, files: u64) -> Result<Sizes, StartError> {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let reserved = RESERVED_FILES + Sizes::sockets_beside(config);
    let usable = files.saturating_sub(reserved);
    if usable < LEAST_FILES {
        return Err(StartError::Files {
            limit: files as u64,
            needed: (reserved + LEAST_FILES) as u64,
        });
    }
    let remote = config.providers.iter().filter_map(|p| p.upstream());
    let wanted: usize = remote.map(|upstream| upstream.connections).sum();
    let upstreams = wanted.min(usable / 2);
    let clients = (usable - upstreams)
        .min(CONNECTIONS)
        .min(config.connections.unwrap_or(CONNECTIONS));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    Ok(Sizes {
        clients,
        upstreams,
        generations: config.limits.generations,
        scorers: (cores - 1).clamp(1, SCORERS_MAX),
    })
}

fn tls_configs(config: &Config) -> Result<Vec<Option<Arc<rustls::ClientConfig>>>, StartError> {
    let of_upstream = |upstream: &crate::config::Upstream| {
        upstream
            .base
            .tls
            .then(|| tls::client_config(upstream.ca_file.as_deref()))
            .transpose()
    };
    let of_provider = |provider: &Provider| {
        let tls = provider.upstream().map_or(Ok(None), of_upstream);
        tls.map_err(|error| StartError::Tls {
            provider: provider.name.clone(),
            error,
        })
    };
    let providers = config.providers.iter().map(of_provider);
    let mut all = providers.collect::<Result<Vec<_>, _>>()?;
    if let Some(settings) = config.database.postgres() {
        // The same for all of its servers, which come behind the providers.
        let tls = tls::database_config(settings).map_err(StartError::DatabaseTls)?;
        all.extend(settings.hosts.iter().map(|_| tls.clone()));
    }
    if let Some(settings) = &config.redis {
        let ca_file = settings.ca_file.as_deref();
        let tls = (settings.url.tls).then(|| tls::plain_config(ca_file));
        let tls = tls.transpose().map_err(StartError::RedisTls)?;
        // The same for all servers of a cluster.
        all.extend(vec![tls; redis::names(Some(settings))]);
    }
    for hook in &config.webhooks {
        let tls = hook.url.base.tls;
        let tls = tls.then(|| tls::client_config(hook.ca_file.as_deref()));
        all.push(tls.transpose().map_err(|error| StartError::HookTls {
            webhook: hook.name.clone(),
            error,
        })?);
    }
    Ok(all)
}

fn start_recorder(config: &Config, sizes: Sizes, seed: u64) -> io::Result<Option<Recorder>> {
    let Some(path) = &config.record else {
        return Ok(None);
    };
    let keys = || {
        let upstreams = config
            .providers
            .iter()
            .filter_map(|provider| provider.upstream());
        let keys = upstreams.flat_map(|upstream| &upstream.keys);
        keys.map(|key| (key.setting.as_str(), key.secret.expose()))
    };
    let mask = Mask::of(keys().map(|(_, key)| key));
    let keys = keys()
        .map(|(name, key)| (name.to_owned(), key.len()))
        .collect();
    let header = Header {
        maitred_recording: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_string(),
        config: config.effective().to_string(),
        keys,
        seed,
        sizes,
    };
    Recorder::start(path, &header, mask).map(Some)
}

/// Colours are for people who have not said that they want none (<https://no-color.org>).
fn wants_color() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Log lines go to standard error through a thread: a terminal that does not scroll must not hold
/// the loop up. When its queue is full, lines are dropped and counted.
fn start_log(config: &Config) -> io::Result<(Option<WorkerGuard>, Option<ErrorCounter>)> {
    // The library panics if it gets no thread. Where there is one for us there is one for it.
    let probe = std::thread::Builder::new().spawn(|| ());
    probe
        .map_err(|error| os_error::thread("log", &error))?
        .join()
        .expect("it does nothing");
    let (writer, guard) = NonBlockingBuilder::default()
        .thread_name("log")
        .finish(io::stderr());
    let dropped = writer.error_counter();
    let filter = tracing_subscriber::EnvFilter::new(config.log_level.as_str());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(wants_color() && io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .with_writer(writer);
    let started = match config.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    match started {
        Ok(()) => Ok((Some(guard), Some(dropped))),
        Err(_) => Ok((None, None)), // somebody (a test) has a log of their own
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{SourceFile, Sources};

    fn config(text: &str) -> Config {
        let (path, text) = ("maitred.toml".into(), text.to_owned());
        Config::load(&Sources {
            file: Some(SourceFile { path, text }),
            ..Sources::default()
        })
        .unwrap()
    }

    #[test]
    fn whatever_is_configured_all_that_can_be_open_at_a_time_may_be() {
        let hooks = ["a", "b", "c"].map(|name| {
            format!(
                "[webhook.{name}]\nurl = 'https://{name}.example/'\n\
                 secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'\n"
            )
        });
        let all = format!(
            "dns = '10.0.0.2:53'\n[database]\nurl = 'postgres://m@one.example,two.example/t'\n\
             [redis]\nurl = 'redis://r.example'\ncluster = true\n\
             [provider.p]\nbase_url = 'https://p.example'\nmodel = 'm'\n{}",
            hooks.concat()
        );
        for text in ["", "dns = '10.0.0.2:53'\n", &hooks[0], &all] {
            let config = config(text);
            for files in [400, 1_024, 4_096, 65_536] {
                let sizes = sizes(&config, files).unwrap();
                assert!(sizes.clients >= LEAST_FILES / 2);
                let open = sizes.sockets(&config) + RESERVED_FILES;
                assert!(open <= files as usize, "{open} of {files}: {text}");
            }
        }
    }
}
