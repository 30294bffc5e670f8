//! The provider simulator of `examples/provider_sim`, on a thread of the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::simulator::{Options, Simulator};
use crate::support::provider::config_for;
use crate::support::{ask, get, ms, until};

/// A running simulator. When it is dropped, all of its connections are closed.
pub(crate) struct Sim {
    pub(crate) addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The three dialects.
pub(crate) const DIALECTS: [&str; 3] = ["openai", "anthropic", "gemini"];

impl Sim {
    /// One that answers at once.
    pub(crate) fn start() -> Sim {
        Sim::with(|_| {})
    }

    /// One with options of its own.
    pub(crate) fn with(choose: impl FnOnce(&mut Options)) -> Sim {
        let mut options = Options::default();
        choose(&mut options);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (send, receive) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let (mut simulator, addr) = Simulator::bind(&options).expect("a free port");
            send.send(addr).expect("somebody waits for it");
            while !stopped.load(Ordering::SeqCst) {
                simulator.turn(Some(ms(20))).expect("poll");
            }
        });
        Sim {
            addr: receive.recv().expect("it was bound"),
            stop,
            thread: Some(thread),
        }
    }

    /// `[provider.fake]` for it, in a dialect, by way of `addr` if there is a proxy.
    pub(crate) fn config_at(addr: SocketAddr, scheme: &str, dialect: &str, more: &str) -> String {
        let path = if dialect == "openai" { "/v1" } else { "" };
        let url = format!("{scheme}://{addr}{path}");
        config_for(&url, &format!("kind = \"{dialect}\"\n{more}"))
    }

    /// The same without a proxy.
    pub(crate) fn config(&self, dialect: &str, more: &str) -> String {
        Sim::config_at(self.addr, "http", dialect, more)
    }

    /// Its journal, oldest first.
    pub(crate) fn calls(&self) -> Vec<Value> {
        let journal = ask(self.addr, get("/_sim/journal"));
        let lines = journal.text().lines();
        lines
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    /// Waits until a call has ended, and says how.
    pub(crate) fn outcome_of(&self, call: usize) -> String {
        until("the end of the call", || {
            let calls = self.calls();
            let outcome = calls.get(call)?["outcome"].as_str()?;
            (outcome != "playing").then(|| outcome.to_owned())
        })
    }

    /// A count of `/_sim/stats`.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = ask(self.addr, get("/_sim/stats")).json();
        stats[name].as_u64().expect("a count")
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the simulator panicked"
            );
        }
    }
}
