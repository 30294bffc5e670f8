//! Streams that break, lie, or never end: what came before is told, and then an error; never a
//! `done` that is not true.

use std::time::Duration;

use crate::drill::{Drill, LIMITS, Told, for_all};
use crate::sim::{DIALECTS, Sim};
use crate::support::proxy::{End, Harm, Proxy};
use crate::support::{Event, database, ms};

/// Asks for a stream that goes wrong; it must end with this error, after this text, and be known
/// as truncated.
fn broken(drill: &Drill, sim: &Sim, fault: &str, code: &str) -> Told {
    let before = sim.stat("calls");
    let told = drill.ask(fault, true);
    assert_eq!(told.failure(), (200, code), "{fault}: {told:?}");
    assert!(!told.names.iter().any(|name| name == "done"), "{told:?}");
    assert_eq!(told.names.last().unwrap(), "error");
    assert_eq!(
        sim.stat("calls") - before,
        1,
        "{fault}: text that went out is not asked for again"
    );
    told
}

fn streams(row: impl Fn(&Drill, &Sim, &str)) {
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        row(&drill, &sim, dialect);
        drill.end(sim);
    }
}

#[test]
fn p9_a_reset_in_the_middle() {
    for dialect in DIALECTS {
        let sim = Sim::with(|options| options.gap_ms = 50);
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        let mut client = drill.open("fault:reset-5");
        client.head();
        let mut events: Vec<(Event, std::time::Instant)> = Vec::new();
        while let Some(event) = client.event() {
            events.push((event, std::time::Instant::now()));
        }
        let (last, at) = events.last().unwrap();
        assert_eq!(
            (last.name.as_str(), drill.noted(last).as_str()),
            ("error", "upstream_broken")
        );
        // The reset leaves one gap after the fifth token.
        let token = events[events.len() - 2].1;
        assert!(*at - token < ms(50) + ms(100), "{:?}", *at - token);
        assert_eq!(sim.stat("calls"), 1);
        drill.end(sim);
    }
}

#[test]
fn p9_p10_whole_answers_that_break_in_the_middle() {
    for_all(|drill, _, dialect, stream| {
        for (fault, code) in [("reset", "upstream_broken"), ("cut", "upstream_truncated")] {
            if !stream {
                let told = drill.ask(&format!("fault:{fault}"), false);
                assert_eq!(told.failure(), (502, code), "{dialect}");
            }
        }
    });
}

#[test]
fn p10_a_fin_without_the_last_chunk() {
    streams(|drill, sim, _| {
        for tokens in [1, 4, 19] {
            let told = broken(
                drill,
                sim,
                &format!("fault:cut-{tokens}"),
                "upstream_truncated",
            );
            assert!(
                told.text.starts_with("Tea") && told.took < ms(1000),
                "{told:?}"
            );
        }
        let rows = "SELECT count(*) FROM generated_content WHERE state = 'truncated'";
        database::wait_for_count(&drill.server.house().data(), rows, 3);
    });
}

#[test]
fn p10_cut_at_every_place() {
    // Wherever the wire is cut: never `done`, never a text that is not a beginning of the text.
    let sim = Sim::with(|options| options.tokens = 2);
    let whole = {
        let drill = Drill::start(&sim.config("openai", LIMITS));
        let told = drill.ask("sim", true);
        drill.end(());
        told.text
    };
    let answer = sim.calls()[0]["bytes"].as_u64().unwrap();
    for dialect in DIALECTS {
        for (end, codes) in [
            (End::Cut, ["upstream_truncated", "upstream_broken"]),
            (End::Reset, ["upstream_broken", "upstream_broken"]),
        ] {
            let proxy = Proxy::start(sim.addr, move |n| Harm::after(1 + n * 61, end));
            let drill = Drill::start(&Sim::config_at(proxy.addr, "http", dialect, LIMITS));
            for n in 0..answer / 61 {
                let told = drill.ask("sim", true);
                if told.is_whole() {
                    break; // the answer of this dialect is shorter
                }
                assert!(whole.starts_with(&told.text), "{told:?}");
                assert!(
                    codes.contains(&told.code.as_str()),
                    "{dialect} {n} {end:?}: {told:?}"
                );
            }
            drill.end(proxy);
        }
    }
}

#[test]
fn p11_a_clean_end_that_says_nothing() {
    streams(|drill, sim, _| {
        let told = broken(drill, sim, "fault:no-finish", "upstream_truncated");
        assert!(
            told.text.ends_with("warm."),
            "all of the text came: {told:?}"
        );
        let whole = drill.ask("fault:no-finish", false);
        assert_eq!(whole.failure(), (502, "upstream_truncated"));
    });
}

#[test]
fn p12_an_event_that_is_not_json() {
    streams(|drill, sim, _| {
        let told = broken(drill, sim, "fault:not-json", "upstream_malformed");
        assert_eq!(told.text, "Tea is");
        assert_eq!(
            drill.ask("fault:not-json", false).failure(),
            (502, "upstream_malformed")
        );
        assert_eq!(sim.outcome_of(0), "cut_by_client");
    });
}

#[test]
fn p12_a_wrong_byte_on_the_wire() {
    // A flipped byte may be anywhere; whatever it hits, nothing is taken for something else: the
    // text is whole, or there is an error. (In the text itself nobody could tell.)
    let sim = Sim::with(|options| options.tokens = 3);
    let proxy = Proxy::start(sim.addr, |n| Harm::flip(n * 37));
    let limits = LIMITS.replace("content_gap_ms = 3000", "content_gap_ms = 500");
    let limits = limits.replace("first_byte_ms = 3000", "first_byte_ms = 500");
    let drill = Drill::start(&Sim::config_at(proxy.addr, "http", "openai", &limits));
    for n in 0..40 {
        let told = drill.ask("sim", true);
        let ends = usize::from(told.is_whole()) + usize::from(!told.code.is_empty());
        assert_eq!(ends, 1, "{n}: {told:?}");
    }
    drill.end((sim, proxy));
}

#[test]
fn an_error_in_the_dialects_own_words() {
    streams(|drill, sim, dialect| {
        let told = broken(drill, sim, "fault:error-event", "upstream_unavailable");
        assert_eq!(told.text, "Tea is");
        if dialect == "gemini" {
            broken(drill, sim, "fault:bare-error", "upstream_unavailable");
        }
        let whole = drill.ask("fault:error-event", false);
        assert_eq!(whole.failure(), (502, "upstream_unavailable"), "{dialect}");
    });
}

#[test]
fn p14_an_event_without_end() {
    streams(|drill, sim, _| {
        let told = broken(drill, sim, "fault:big-event", "upstream_too_large");
        assert!(told.took < ms(2000), "{told:?}");
        assert_eq!(sim.outcome_of(0), "cut_by_client");
        let peak = drill.server.metric("maitred_ledger_peak_bytes");
        assert!(
            peak < 4e6,
            "{peak} bytes for an event of which 1 MiB may be kept"
        );
    });
}

#[test]
fn p14_a_whole_answer_that_is_too_long() {
    for_all(|drill, sim, dialect, stream| {
        if !stream {
            for fault in ["fault:big-event", "fault:endless"] {
                let call = sim.calls().len();
                let told = drill.ask(fault, false);
                assert_eq!(
                    told.failure(),
                    (502, "upstream_too_large"),
                    "{dialect} {fault}"
                );
                assert_eq!(sim.outcome_of(call), "cut_by_client");
            }
        }
    });
}

#[test]
fn p15_a_stream_that_never_ends() {
    streams(|drill, sim, _| {
        let told = broken(drill, sim, "fault:endless", "upstream_too_large");
        let most = maitred::limits::GENERATION_BYTES;
        assert!(told.text.len() <= most, "{} bytes", told.text.len());
        assert_eq!(sim.outcome_of(0), "cut_by_client");
    });
}

#[test]
fn p15_a_stream_that_takes_too_long_in_all() {
    let sim = Sim::with(|options| {
        options.gap_ms = 100;
        options.tokens = 10_000;
    });
    let limits = LIMITS.replace("total_ms = 30000", "total_ms = 1000");
    let drill = Drill::start(&sim.config("openai", &limits));
    let told = broken(&drill, &sim, "sim", "upstream_total_timeout");
    assert!(
        told.took >= ms(1000) && told.took < Duration::from_secs(2),
        "{told:?}"
    );
    drill.end(sim);
}
