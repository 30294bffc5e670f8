//! The figures of the gates: turns, lines and breakers of each provider.

use super::page::Page;
use crate::engine::Engine;
use crate::engine::gate::Gate;
use crate::engine::policy::breaker::State;
use crate::engine::policy::keys::Key;

impl Engine {
    pub(super) fn gate_metrics(&self, page: &mut Page) {
        let each = |page: &mut Page, name: &str, value: &dyn Fn(&Gate) -> f64| {
            for gate in &self.gates {
                let label = format!("provider=\"{}\"", gate.provider);
                page.value(name, &label, value(gate));
            }
        };
        for (name, kind, help, value) in FAMILIES {
            page.family(name, kind, help);
            each(page, name, &value);
        }
        let name = "gate_refused_total";
        page.family(name, "counter", "Calls not let in, by reason.");
        for gate in &self.gates {
            for (reason, count) in [
                ("full", gate.tally.full),
                ("late", gate.tally.late),
                ("cool_down", gate.tally.cool_down),
                ("breaker", gate.tally.breaker),
            ] {
                let label = format!("provider=\"{}\",reason=\"{reason}\"", gate.provider);
                page.value(name, &label, count);
            }
        }
        self.key_metrics(page);
        page.family("breaker_state", "gauge", "1 for the state that it is in.");
        for gate in &self.gates {
            let now = gate.breaker.state().as_str();
            for state in ["closed", "open", "probing"] {
                let label = format!("provider=\"{}\",state=\"{state}\"", gate.provider);
                page.value("breaker_state", &label, u8::from(state == now));
            }
        }
    }
}

impl Engine {
    fn key_metrics(&self, page: &mut Page) {
        let now = self.now.mono;
        let each = |page: &mut Page, name: &str, value: &dyn Fn(&Gate, &Key) -> f64| {
            for gate in &self.gates {
                for key in gate.keys.iter() {
                    let label = format!("provider=\"{}\",key=\"{}\"", gate.provider, key.name);
                    page.value(name, &label, value(gate, key));
                }
            }
        };
        let name = "key_rests_total";
        page.family(name, "counter", "Times that a key was put to rest.");
        each(page, name, &|_, key| key.rests as f64);
        let name = "key_awake";
        page.family(name, "gauge", "1 for a key that rests for no model.");
        each(page, name, &|gate, key| {
            f64::from(u8::from(gate.key_state(key, now) == "awake"))
        });
        let name = "key_calls";
        page.family(name, "gauge", "Calls that have the key.");
        each(page, name, &|_, key| key.calls as f64);
    }
}

/// Name, kind, words and value of a family with one figure for each provider.
type Family = (&'static str, &'static str, &'static str, fn(&Gate) -> f64);

const FAMILIES: [Family; 7] = [
    (
        "gate_turns",
        "gauge",
        "Calls that have their turn.",
        |gate| gate.permits.used() as f64,
    ),
    (
        "gate_turns_max",
        "gauge",
        "How many may have it at a time.",
        |gate| gate.permits.max() as f64,
    ),
    (
        "gate_waiting",
        "gauge",
        "Calls in line for their turn.",
        |gate| gate.permits.waiting() as f64,
    ),
    (
        "gate_waits_total",
        "counter",
        "Calls that have been in line.",
        |gate| gate.tally.waits as f64,
    ),
    (
        "gate_waited_seconds_total",
        "counter",
        "Time that they were.",
        |gate| gate.tally.waited_ns as f64 / 1e9,
    ),
    (
        "breaker_opened_total",
        "counter",
        "Times that a breaker has opened.",
        |gate| gate.tally.opened as f64,
    ),
    (
        "retry_budget_exhausted_total",
        "counter",
        "Further attempts that the budget has forbidden.",
        |gate| gate.tally.broke as f64,
    ),
];

impl State {
    /// The label in metrics and in the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Closed { .. } => "closed",
            State::Open { .. } => "open",
            State::Probing { .. } => "probing",
        }
    }
}
