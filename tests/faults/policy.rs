//! Attempts, and what bounds them: waits, hints, the budget, the breaker, a client's deadline.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::drill::{Drill, LIMITS, Told};
use crate::sim::{DIALECTS, Sim};
use crate::simulator::fault;
use crate::support::provider::{config_for, nobody};
use crate::support::{ms, until};

/// When each call came, in milliseconds.
fn times(calls: &[Value]) -> Vec<f64> {
    calls
        .iter()
        .map(|call| call["asked_ms"].as_f64().unwrap())
        .collect()
}

/// The pauses before the second and third attempt of a text.
fn pauses(calls: &[Value]) -> Vec<f64> {
    times(calls)
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect()
}

/// The value of a field of the reply.
fn field<'a>(told: &'a Told, name: &str) -> Option<&'a str> {
    told.head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn p4_failures_that_may_heal_are_tried_twice_more() {
    let mut seen: Vec<u64> = Vec::new();
    for dialect in DIALECTS {
        for status in [500, 502, 503, 529] {
            let sim = Sim::start();
            let drill = Drill::start(&sim.config(dialect, LIMITS));
            for stream in [false, true] {
                let before = sim.calls().len();
                let told = drill.ask(&format!("fault:status-{status}"), stream);
                assert_eq!(
                    told.failure(),
                    (502, "upstream_unavailable"),
                    "{dialect} {status}"
                );
                let calls = &sim.calls()[before..];
                assert_eq!(calls.len(), 3, "{dialect} {status}");
                // Drawn from 0 to 25 ms, and then to 50 ms.
                let pauses = pauses(calls);
                assert!(
                    pauses[0] < 25.0 + 100.0 && pauses[1] < 50.0 + 100.0,
                    "{pauses:?}"
                );
                seen.extend(pauses.iter().map(|pause| *pause as u64));
            }
            drill.end(sim);
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert!(
        seen.len() > 5,
        "the pauses are drawn, and not always the same: {seen:?}"
    );
}

#[test]
fn p5_a_provider_that_wants_to_be_left_alone_is() {
    let sim = Sim::start();
    let drill = Drill::start(&sim.config("openai", LIMITS));
    std::thread::scope(|scope| {
        let patient = scope.spawn(|| drill.ask("fault:retry-after-2", false));
        until("the first call", || (sim.stat("calls") == 1).then_some(()));
        // Others who want the same model do not wait, and do not ask: they are told when to come again.
        until("the refusal", || {
            let told = drill.ask("fault:retry-after-2", false);
            assert_eq!(told.failure(), (429, "upstream_rate_limited"), "{told:?}");
            assert!(told.took < ms(200), "{told:?}");
            let hint: u64 = field(&told, "retry-after").unwrap().parse().unwrap();
            let hint_ms: u64 = field(&told, "retry-after-ms").unwrap().parse().unwrap();
            assert!(
                (1..=2).contains(&hint) && (1..=2_000).contains(&hint_ms),
                "{told:?}"
            );
            Some(())
        });
        let told = patient.join().unwrap();
        assert_eq!(told.failure(), (429, "upstream_rate_limited"));
        assert!(field(&told, "retry-after").is_some(), "{told:?}");
    });
    let pauses = pauses(&sim.calls());
    assert_eq!(pauses.len(), 2, "three attempts, and nobody else's call");
    assert!(
        pauses.iter().all(|ms| (2_000.0..3_000.0).contains(ms)),
        "{pauses:?}"
    );
    let other = drill.ask("sim", false);
    assert_eq!(other.status, 200, "another model is not limited: {other:?}");
    drill.end(sim);
}

#[test]
fn p5_hints_in_every_form() {
    for (dialect, fault, least) in [
        ("openai", "retry-after-ms-300", 300.0),
        ("anthropic", "retry-after-1", 1_000.0),
        ("gemini", "retry-delay-1", 1_000.0),
        ("openai", "retry-delay-1", 1_000.0),
    ] {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        let told = drill.ask(&format!("fault:{fault}"), false);
        assert_eq!(told.failure(), (429, "upstream_rate_limited"), "{fault}");
        let pauses = pauses(&sim.calls());
        assert!(
            pauses.len() == 2 && pauses.iter().all(|ms| *ms >= least),
            "{fault}: {pauses:?}"
        );
        drill.end(sim);
    }
    // Nobody is made to wait for longer than ten seconds.
    let sim = Sim::start();
    let drill = Drill::start(&sim.config("openai", LIMITS));
    let told = drill.ask("fault:retry-after-30", false);
    assert_eq!(told.failure(), (429, "upstream_rate_limited"));
    assert_eq!(field(&told, "retry-after"), Some("30"));
    assert!(told.took < ms(500) && sim.calls().len() == 1, "{told:?}");
    drill.end(sim);
}

#[test]
fn p1_the_breaker_opens_and_one_probe_closes_it_again() {
    let addr = nobody();
    let limits = LIMITS.replace(
        "breaker_failures = 0",
        "breaker_failures = 5\nbreaker_open_ms = 500",
    );
    let drill = Drill::start(&config_for(&format!("http://{addr}/v1"), &limits));
    let told = until("the breaker to open", || {
        let told = drill.ask("sim", false);
        (told.code == "upstream_breaker_open").then_some(told)
    });
    assert_eq!(told.status, 503);
    assert!(
        told.took < ms(50) && field(&told, "retry-after").is_some(),
        "{told:?}"
    );
    // The provider comes up. It is slow, so that whoever asks meanwhile meets the probe.
    let sim = Sim::with(|options| {
        options.listen = addr;
        options.latency_ms = 300;
    });
    std::thread::sleep(ms(600));
    let answers: Vec<Told> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| drill.ask("sim", false)))
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let whole = answers.iter().filter(|told| told.is_whole()).count();
    assert_eq!((whole, sim.stat("calls")), (1, 1), "one probe: {answers:?}");
    assert!(
        answers
            .iter()
            .all(|told| told.is_whole() || told.status == 503)
    );
    assert!(drill.ask("sim", true).is_whole(), "it is closed");
    drill.end(sim);
}

#[test]
fn p28_an_outage_is_not_made_worse() {
    let sim = Sim::with(|options| options.fault = fault::parse("status-503").ok());
    let drill = Drill::start(&sim.config("openai", LIMITS));
    // A hundred requests a second for three seconds.
    let started = Instant::now();
    std::thread::scope(|scope| {
        for n in 0..300_u32 {
            let at = started + Duration::from_millis(10) * n;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            let drill = &drill;
            scope.spawn(move || {
                let told = drill.ask("any", false);
                assert_eq!(told.failure(), (502, "upstream_unavailable"));
            });
        }
    });
    // Of all and not second by second: a busy machine sends the hundred of one second in another.
    let calls = sim.calls().len();
    assert!(calls <= 330, "{calls} calls for 300 requests");
    assert!(calls > 300, "some were tried again");
    drill.end(sim);
}

#[test]
fn p28_with_the_breaker_hardly_anything_is_asked() {
    let sim = Sim::with(|options| options.fault = fault::parse("status-503").ok());
    let limits = LIMITS.replace("breaker_failures = 0", "breaker_failures = 5");
    let drill = Drill::start(&sim.config("openai", &limits));
    for _ in 0..200 {
        let told = drill.ask("any", false);
        assert!([502, 503].contains(&told.status), "{told:?}");
    }
    assert!(sim.stat("calls") <= 8, "{} calls", sim.stat("calls"));
    drill.end(sim);
}

#[test]
fn p29_a_client_with_a_deadline() {
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        for (call, (fault, stream, status)) in [
            ("fault:late-5000", false, 504),
            ("fault:late-5000", true, 200), // heartbeats have said so
            ("fault:stall-2", true, 200),
        ]
        .into_iter()
        .enumerate()
        {
            let request = drill.request(fault, stream);
            let request = request.replacen("\r\n", "\r\nX-Request-Timeout-Ms: 2000\r\n", 1);
            let told = drill.read(&mut drill.server.connect(), &request);
            assert_eq!(told.failure(), (status, "deadline_exceeded"), "{fault}");
            assert!(told.took >= ms(2_000) && told.took < ms(3_000), "{told:?}");
            assert_eq!(sim.outcome_of(call), "cut_by_client");
            let seen = &sim.calls()[call];
            let lasted = seen["ended_ms"].as_f64().unwrap() - seen["asked_ms"].as_f64().unwrap();
            assert!(lasted < 3_000.0, "it was told at once: {lasted}");
        }
        assert_eq!(sim.stat("calls"), 3, "nothing was tried again");
        drill.end(sim);
    }
}
