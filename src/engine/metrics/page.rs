//! The page at `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::engine::Engine;
use crate::engine::conn::{ClientPhase, ProviderPhase, Role};
use crate::engine::io::LAG_BOUNDS_US;
use crate::engine::trace::State;
use crate::engine::work::Kind;

/// Writes families of the text format.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(
            self.0,
            "# HELP maitred_{name} {help}\n# TYPE maitred_{name} {kind}"
        );
    }

    pub(super) fn value(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = if labels.is_empty() {
            writeln!(self.0, "maitred_{name} {value}")
        } else {
            writeln!(self.0, "maitred_{name}{{{labels}}} {value}")
        };
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.value(name, "", value);
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, "gauge", help);
        self.value(name, "", value);
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

impl Engine {
    /// The whole page.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut page = Page(String::with_capacity(16 * 1024));
        self.loop_metrics(&mut page);
        self.connection_metrics(&mut page);
        self.table_metrics(&mut page);
        self.queue_metrics(&mut page);
        self.gate_metrics(&mut page);
        self.database_metrics(&mut page);
        self.redis_metrics(&mut page);
        self.usage_metrics(&mut page);
        self.rate_metrics(&mut page);
        self.job_metrics(&mut page);
        self.hook_metrics(&mut page);
        self.event_metrics(&mut page);
        page.0
    }

    fn loop_metrics(&self, page: &mut Page) {
        let seen = &self.observed;
        page.counter("loop_turns_total", "Turns of the event loop.", seen.turns);
        page.counter(
            "loop_events_total",
            "Ready events that poll reported.",
            seen.events,
        );
        page.counter(
            "loop_stale_events_total",
            "Ready events for a connection that was gone.",
            seen.stale_events,
        );
        page.family("loop_busy_seconds_total", "counter", "Time outside poll.");
        page.value("loop_busy_seconds_total", "", seconds(seen.busy_ns));
        page.family(
            "loop_seconds_total",
            "counter",
            "Time since the loop started.",
        );
        page.value("loop_seconds_total", "", seconds(seen.elapsed_ns));
        page.gauge(
            "loop_turn_max_seconds",
            "The longest turn outside poll.",
            seconds(seen.lag_max_ns),
        );
        page.family(
            "loop_turn_seconds",
            "histogram",
            "Turns by their length outside poll.",
        );
        let mut sum = 0;
        for (bound, count) in LAG_BOUNDS_US.iter().zip(seen.lag) {
            sum += count;
            let label = format!("le=\"{}\"", *bound as f64 / 1e6);
            page.value("loop_turn_seconds_bucket", &label, sum);
        }
        sum += seen.lag[LAG_BOUNDS_US.len()];
        page.value("loop_turn_seconds_bucket", "le=\"+Inf\"", sum);
        page.value("loop_turn_seconds_sum", "", seconds(seen.busy_ns));
        page.value("loop_turn_seconds_count", "", sum);
        page.family(
            "worker_busy_seconds_total",
            "counter",
            "Time that threads worked.",
        );
        for (name, nanos) in [
            ("scorer", seen.scorer_busy_ns),
            ("sqlite_writer", seen.writer_busy_ns),
            ("sqlite_reader", seen.reader_busy_ns),
        ] {
            let label = format!("thread=\"{name}\"");
            page.value("worker_busy_seconds_total", &label, seconds(nanos));
        }
        page.gauge("scorers", "Scorer threads.", seen.scorers);
        page.gauge("resident_bytes", "Resident memory.", seen.resident_bytes);
        page.gauge("open_files", "Open files.", seen.open_files);
        page.gauge(
            "open_files_limit",
            "Soft limit of open files.",
            seen.open_files_limit,
        );
        page.counter("log_dropped_total", "Log lines dropped.", seen.log_dropped);
        page.counter(
            "out_of_files_total",
            "Times that no file descriptor was free for a client.",
            seen.out_of_files,
        );
    }

    fn connection_metrics(&self, page: &mut Page) {
        let (mut clients, mut providers, mut questions) = ([0u64; 4], [0u64; 5], 0u64);
        for (_, conn) in self.conns.iter() {
            match &conn.role {
                Role::Client(client) => {
                    let at = match (client.phase, client.exchange) {
                        (ClientPhase::Open, None) => 0,
                        (ClientPhase::Open, Some(_)) => 1,
                        (ClientPhase::Closing, _) => 2,
                        (ClientPhase::Lingering { .. }, _) => 3,
                    };
                    clients[at] += 1;
                }
                Role::Provider(provider) => {
                    let at = match provider.phase {
                        ProviderPhase::Connecting(_) => 0,
                        ProviderPhase::Securing => 1,
                        ProviderPhase::Idle => 2,
                        ProviderPhase::Leased(_) => 3,
                        ProviderPhase::Tail => 4,
                    };
                    providers[at] += 1;
                }
                // They have figures of their own.
                Role::Database(_) | Role::Redis(_) | Role::Hook(_) => {}
                Role::NameServer(_) => questions += 1,
            }
        }
        page.family("connections", "gauge", "Connections by side and state.");
        for (state, count) in ["idle", "busy", "closing", "lingering"].iter().zip(clients) {
            let label = format!("side=\"client\",state=\"{state}\"");
            page.value("connections", &label, count);
        }
        let states = ["connecting", "securing", "idle", "leased", "tail"];
        for (state, count) in states.iter().zip(providers) {
            let label = format!("side=\"provider\",state=\"{state}\"");
            page.value("connections", &label, count);
        }
        let label = "side=\"name_server\",state=\"asking\"";
        page.value("connections", label, questions);
    }

    fn table_metrics(&self, page: &mut Page) {
        page.gauge(
            "clients_max",
            "Clients that may be connected.",
            self.clients_max,
        );
        let mut exchanges = BTreeMap::new();
        for state in State::ALL {
            exchanges.insert(state.as_str(), 0u64);
        }
        for (_, exchange) in self.exchanges.iter() {
            *exchanges.entry(exchange.state.as_str()).or_default() += 1;
        }
        page.family("exchanges", "gauge", "Requests being answered, by state.");
        for state in State::ALL.iter().filter(|s| s.is_of_exchange()) {
            let label = format!("state=\"{}\"", state.as_str());
            let count = exchanges.get(state.as_str()).copied().unwrap_or(0);
            page.value("exchanges", &label, count);
        }
        page.gauge("generations", "Texts in memory.", self.generations.len());
        page.gauge(
            "generations_max",
            "Texts that may be.",
            self.generations.limit(),
        );
        page.gauge("calls", "Calls going on.", self.calls.len());
        page.gauge(
            "timers",
            "Entries in the heap of timers.",
            self.timers.len(),
        );
        page.gauge("ledger_bytes", "Bytes of all buffers.", self.ledger.used());
        page.gauge("ledger_limit_bytes", "Their bound.", self.ledger.limit());
        page.gauge(
            "ledger_peak_bytes",
            "The most there ever was.",
            self.ledger.peak(),
        );
        page.gauge("replay_bytes", "Text kept for resume.", self.replay_bytes);
        self.journal_metrics(page);
    }

    fn journal_metrics(&self, page: &mut Page) {
        let standing = self.spill.standing();
        let rows = "Rows in the spill journal that the database has not taken.";
        page.gauge("journal_rows", rows, standing.rows);
        page.gauge("journal_bytes", "Their bytes.", standing.bytes);
        let aside = "Rows that the database refuses, in files of their own.";
        page.gauge("journal_rows_aside", aside, standing.aside);
        let bound = self.config.limits.journal_bytes;
        page.gauge("journal_bytes_max", "The bound of them.", bound);
        let age_ms = standing
            .oldest_ms
            .map_or(0, |at| self.now.wall_ms - at)
            .max(0);
        page.gauge(
            "journal_oldest_seconds",
            "How long the oldest waits.",
            age_ms as f64 / 1e3,
        );
        let away = u8::from(self.spill.away().is_some());
        page.gauge("database_away", "Whether rows go to the journal.", away);
    }

    fn queue_metrics(&self, page: &mut Page) {
        page.family("queue_waiting", "gauge", "Pieces of work that wait.");
        for kind in Kind::ALL {
            let label = format!("queue=\"{}\"", kind.as_str());
            page.value("queue_waiting", &label, self.works.depth(kind).waiting);
        }
        page.family("queue_waiting_max", "gauge", "The bound of each queue.");
        for kind in Kind::ALL {
            let label = format!("queue=\"{}\"", kind.as_str());
            page.value(
                "queue_waiting_max",
                &label,
                self.works.depth(kind).waiting_max,
            );
        }
        page.family(
            "queue_running",
            "gauge",
            "Pieces of work with their threads.",
        );
        for kind in Kind::ALL {
            let label = format!("queue=\"{}\"", kind.as_str());
            page.value("queue_running", &label, self.works.depth(kind).running);
        }
        page.family("queue_finished_total", "counter", "Pieces of work done.");
        for kind in Kind::ALL {
            let label = format!("queue=\"{}\"", kind.as_str());
            page.value(
                "queue_finished_total",
                &label,
                self.works.depth(kind).finished,
            );
        }
        page.family(
            "queue_full_total",
            "counter",
            "Requests refused because a queue was full.",
        );
        for kind in Kind::ALL {
            let label = format!("queue=\"{}\"", kind.as_str());
            page.value(
                "queue_full_total",
                &label,
                self.counters.full[kind as usize],
            );
        }
        page.family(
            "pool_connections",
            "gauge",
            "Connections of each provider by state.",
        );
        for (pool, name) in self.pools.iter().zip(&self.provider_names) {
            for (state, count) in [
                ("idle", pool.idle.len()),
                ("leased", pool.leased),
                ("opening", pool.opening),
            ] {
                let label = format!("provider=\"{name}\",state=\"{state}\"");
                page.value("pool_connections", &label, count);
            }
        }
        page.family("pool_connections_max", "gauge", "The bound of each pool.");
        for (pool, name) in self.pools.iter().zip(&self.provider_names) {
            page.value(
                "pool_connections_max",
                &format!("provider=\"{name}\""),
                pool.max,
            );
        }
        page.family("pool_waiting", "gauge", "Calls that wait for a connection.");
        for (pool, name) in self.pools.iter().zip(&self.provider_names) {
            let label = format!("provider=\"{name}\"");
            page.value("pool_waiting", &label, pool.waiting.len());
        }
    }

    fn event_metrics(&self, page: &mut Page) {
        let counters = &self.counters;
        for (name, help, value) in counters.plain() {
            page.counter(name, help, value);
        }
        let spans = self.trace.written();
        page.counter("spans_total", "Spans written to the trace ring.", spans);
        page.family("responses_total", "counter", "Replies by status.");
        for (status, count) in &counters.statuses {
            page.value("responses_total", &format!("status=\"{status}\""), count);
        }
        let failures = [
            (
                "generations_failed_total",
                "Texts that failed, by code.",
                &counters.texts_failed,
            ),
            (
                "failures_total",
                "Failures told to clients, by code.",
                &counters.failures,
            ),
        ];
        for (name, help, by_code) in failures {
            page.family(name, "counter", help);
            for (code, count) in by_code {
                page.value(name, &format!("code=\"{code}\""), count);
            }
        }
        page.family("request_seconds", "summary", "Latency of requests.");
        page.value("request_seconds_sum", "", seconds(counters.latency_ns));
        page.value("request_seconds_count", "", counters.exchanges);
        let name = "state_seconds_total";
        page.family(name, "counter", "Time spent in each state.");
        for state in State::ALL {
            let label = format!("state=\"{}\"", state.as_str());
            page.value(name, &label, seconds(self.trace.total(state).0));
        }
    }
}

impl State {
    /// Whether an exchange can be in it.
    #[must_use]
    pub fn is_of_exchange(&self) -> bool {
        !matches!(
            self,
            State::Turn
                | State::Waiting
                | State::Queued
                | State::AwaitingAnswer
                | State::Receiving
                | State::Offline
                | State::BackOff
        )
    }
}
