//! What holds in every drill, whatever the fault: the guard that each row of the matrix runs under.
//!
//! ```text
//!   U1  the same process              U5  every request ends, and nothing is left of it
//!   U2  /healthz within 250 ms        U6  key and prompt are nowhere they should not be
//!   U3  open files as before          U7  one line of log for each failure, and no panic
//!   U4  memory about as before
//! ```
//! All limits are a twentieth of their defaults; `defaults.rs` has the defaults.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::sim::Sim;
use crate::support::client::post;
use crate::support::response::text_of;
use crate::support::{Client, Event, House, Server, get, ms, process, until};

/// A key that must be in requests to the provider and nowhere else.
pub(crate) const KEY: &str = "sk-canary-5ab1e0f7c3d94e62";
/// Words of a prompt that must not be in logs, errors and metrics.
pub(crate) const PROMPT: &str = "canary-prompt-0c9f17";

/// The limits of a provider, at a twentieth, and no breaker: a row is about one fault many times.
pub(crate) const LIMITS: &str = "connect_ms = 150\ntls_ms = 250\nfirst_byte_ms = 3000\n\
     content_gap_ms = 3000\nfirst_content_ms = 6000\ntotal_ms = 30000\npool_wait_ms = 50\n\
     queue_ms = 50\nretry_base_ms = 25\nretry_cap_ms = 400\nbreaker_failures = 0\n\
     key = \"sk-canary-5ab1e0f7c3d94e62\"\n";

/// A stream is silent for so long before a heartbeat.
pub(crate) const HEARTBEAT_MS: u64 = 750;

/// A probe may take so long.
const PROBE: Duration = ms(250);
/// Files that may be open more than before: connections to the provider that wait for their next
/// use, and files of the database.
const FILES: usize = 5;
/// Memory that may stay with the allocator.
const MEMORY: u64 = 24 * 1024 * 1024;

/// A server under observation.
pub(crate) struct Drill {
    pub(crate) server: Server,
    probes: Option<JoinHandle<Vec<Duration>>>,
    over: Over,
    files: usize,
    memory: u64,
    recording: PathBuf,
    /// Requests so far: each has a topic of its own, so that none is taken for another.
    topics: AtomicUsize,
    /// Request id and code of each failure that a client was told of.
    failures: Mutex<Vec<(String, String)>>,
}

/// What a client was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// The code of the problem, or of the error event; empty if all went well.
    pub(crate) code: String,
    /// The text, as far as it came.
    pub(crate) text: String,
    /// Names of the events of a stream.
    pub(crate) names: Vec<String>,
    /// Head of the reply.
    pub(crate) head: String,
    /// From the request to the end of the reply.
    pub(crate) took: Duration,
    /// When the reply ended.
    pub(crate) ended: Instant,
}

impl Told {
    /// Status and code, for comparison.
    pub(crate) fn failure(&self) -> (u16, &str) {
        (self.status, &self.code)
    }

    /// Whether all of a text came.
    pub(crate) fn is_whole(&self) -> bool {
        let ended = self.names.is_empty() || self.names.last().is_some_and(|n| n == "done");
        self.status == 200 && self.code.is_empty() && ended
    }
}

impl Drill {
    /// A server with these providers, the first of them called `fake`.
    pub(crate) fn start(providers: &str) -> Drill {
        Drill::with("", providers)
    }

    /// The same with further top-level settings.
    pub(crate) fn with(settings: &str, providers: &str) -> Drill {
        let house = House::new();
        let recording = house.path().join("run.rec");
        let config = format!(
            "record = {recording:?}\ndebug = true\ndefault_provider = \"fake\"\n{settings}\n\
             [log]\nlevel = \"debug\"\n\
             [limits]\nheartbeat_ms = {HEARTBEAT_MS}\nresume_grace_ms = 0\nreplay_ms = 0\n\
             write_stall_ms = 1500\n{providers}"
        );
        let server = Server::start_in(house, &config);
        let over = Arc::new(AtomicBool::new(false));
        let mut prober = server.connect();
        prober.send(get("/healthz")).response();
        let (files, memory) = (
            process::open_files(server.pid()),
            process::resident_bytes(server.pid()),
        );
        let (pid, stop) = (server.pid(), Arc::clone(&over));
        Drill {
            probes: Some(std::thread::spawn(move || probe(pid, &mut prober, &stop))),
            server,
            over: Over(over),
            files,
            memory,
            recording,
            topics: AtomicUsize::new(0),
            failures: Mutex::default(),
        }
    }

    /// A request for a text of `model`.
    pub(crate) fn request(&self, model: &str, stream: bool) -> String {
        let number = self.topics.fetch_add(1, Ordering::SeqCst);
        let topic = format!("{PROMPT} number {number}");
        let body = json!({"topic": topic, "model": model, "stream": stream});
        post("/generate/", &body.to_string())
    }

    /// Asks for a text of another provider than the first.
    pub(crate) fn ask_of(&self, provider: &str, stream: bool) -> Told {
        let number = self.topics.fetch_add(1, Ordering::SeqCst);
        let topic = format!("{PROMPT} number {number}");
        let body = json!({"topic": topic, "provider": provider, "stream": stream});
        let request = post("/generate/", &body.to_string());
        self.read(&mut self.server.connect(), &request)
    }

    /// Asks for a text of `model`, which for the simulator may be a fault.
    pub(crate) fn ask(&self, model: &str, stream: bool) -> Told {
        self.read(&mut self.server.connect(), &self.request(model, stream))
    }

    /// Sends a request and reads all of its answer.
    pub(crate) fn read(&self, client: &mut Client, request: &str) -> Told {
        let asked = Instant::now();
        let reply = client.send(request).head();
        let mut told = Told {
            status: reply.status,
            code: String::new(),
            text: String::new(),
            names: Vec::new(),
            head: reply.head.clone(),
            took: Duration::ZERO,
            ended: asked,
        };
        if reply.status == 200 && reply.head.contains("text/event-stream") {
            let events = client.events();
            told.text = text_of(&events, 0);
            if let Some(last) = events.last().filter(|last| last.name == "error") {
                told.code = self.note(&last.data);
            }
            told.names = events.into_iter().map(|event| event.name).collect();
        } else {
            let body = String::from_utf8(client.body()).expect("UTF-8");
            if reply.status == 200 {
                let whole: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                told.text = whole["generated_text"].as_str().expect("a text").to_owned();
            } else {
                told.code = self.note(&body);
            }
        }
        told.ended = Instant::now();
        told.took = told.ended - asked;
        told
    }

    /// Looks at an error that a client was told of; its code.
    fn note(&self, problem: &str) -> String {
        assert!(
            !problem.contains(KEY) && !problem.contains(PROMPT),
            "{problem}"
        );
        let told: serde_json::Value = serde_json::from_str(problem).expect("JSON");
        let word = |name: &str| told[name].as_str().expect(name).to_owned();
        let failure = (word("request_id"), word("code"));
        self.failures
            .lock()
            .expect("no reader panics")
            .push(failure.clone());
        failure.1
    }

    /// Asks for a stream and leaves it at its head.
    pub(crate) fn open(&self, model: &str) -> Client {
        let mut client = self.server.connect();
        client.send(self.request(model, true));
        client
    }

    /// An event that was read by the test itself.
    pub(crate) fn noted(&self, event: &Event) -> String {
        self.note(&event.data)
    }

    /// The end of a drill: everything that must hold. The provider goes first, so that its
    /// connections do not count as files left open.
    pub(crate) fn end(mut self, provider: impl Sized) {
        drop(provider);
        let server = &self.server;
        until("the end of every call", || {
            let left = server.metric("maitred_calls") + server.metric("maitred_generations");
            (left == 0.0).then_some(())
        });
        until("open files as before", || {
            (process::open_files(server.pid()) <= self.files + FILES).then_some(())
        });
        self.over.0.store(true, Ordering::SeqCst);
        let probes = self.probes.take().expect("it ends once");
        let slow = probes.join().expect("every probe is answered");
        assert!(slow.is_empty(), "probes that took too long: {slow:?}");
        let memory = process::resident_bytes(server.pid());
        assert!(
            memory <= self.memory * 6 / 5 + MEMORY,
            "memory was {} and is {memory}",
            self.memory
        );
        let mut pages = String::new();
        for path in ["/metrics", "/debug/spans", "/"] {
            pages.push_str(server.ask(get(path)).text());
        }
        self.look_through(&pages);
    }

    fn look_through(self, pages: &str) {
        let pid = self.server.pid();
        self.server.terminate();
        let ended = self.server.wait();
        assert!(
            ended.status.success(),
            "{pid} ended otherwise: {}",
            ended.log
        );
        for (place, text) in [("pages", pages), ("log", ended.log.as_str())] {
            assert!(!text.contains(KEY), "the key is in {place}");
            assert!(!text.contains(PROMPT), "the prompt is in {place}");
        }
        let recording = std::fs::read(&self.recording).expect("a recording");
        assert!(
            !recording
                .windows(KEY.len())
                .any(|bytes| bytes == KEY.as_bytes()),
            "the key is in the recording"
        );
        assert!(!ended.log.contains("panicked"), "{}", ended.log);
        for (id, code) in self.failures.lock().expect("no reader panics").iter() {
            let lines = ended.log.lines().filter(|line| line.contains(id.as_str()));
            let lines: Vec<&str> = lines.filter(|line| line.contains(code.as_str())).collect();
            assert_eq!(
                lines.len(),
                1,
                "{id} {code} in the log: {lines:?}\n{}",
                ended.log
            );
        }
    }
}

/// Ends the probes when it goes, also when a test has failed.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks `/healthz` ten times a second; the times of the probes that were too slow. What either side
/// waited for a processor, because others use the machine as well, is no fault of the server's.
fn probe(pid: u32, client: &mut Client, over: &AtomicBool) -> Vec<Duration> {
    let loops = format!("/proc/{pid}/task/{pid}/schedstat");
    let waited = || {
        process::waited_for_processor(&loops)
            + process::waited_for_processor("/proc/thread-self/schedstat")
    };
    let mut slow = Vec::new();
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(ms(100));
        let (asked, before) = (Instant::now(), waited());
        assert_eq!(client.send(get("/healthz")).response().status, 200);
        let took = asked.elapsed().saturating_sub(waited() - before);
        if took > PROBE {
            slow.push(took);
        }
    }
    slow
}

/// Runs `row` for each dialect, streamed and whole: with the drill, the simulator, the dialect's
/// name, and whether it streams. The dialects have a server each, side by side.
pub(crate) fn for_all(row: impl Fn(&Drill, &Sim, &str, bool) + Sync) {
    std::thread::scope(|scope| {
        for dialect in crate::sim::DIALECTS {
            let row = &row;
            scope.spawn(move || {
                let sim = Sim::start();
                let drill = Drill::start(&sim.config(dialect, LIMITS));
                for stream in [false, true] {
                    row(&drill, &sim, dialect, stream);
                }
                drill.end(sim);
            });
        }
    });
}
