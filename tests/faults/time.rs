//! Providers that are not there, or are in no hurry: every wait has an end, and the end has a name.

use std::net::TcpListener;
use std::time::Duration;

use crate::drill::{Drill, LIMITS, for_all};
use crate::sim::{DIALECTS, Sim};
use crate::support::provider::{config_for, nobody};
use crate::support::proxy::{BlackHole, End, Harm, Proxy};
use crate::support::{database, ms, until};

/// How much later than its limit something may happen on a machine with other work.
const LATE: Duration = ms(1000);

fn is_about(took: Duration, limit: Duration) -> bool {
    took >= limit && took < limit + LATE
}

#[test]
fn p1_nobody_listens() {
    let drill = Drill::start(&config_for(&format!("http://{}", nobody()), LIMITS));
    for stream in [false, true] {
        let told = drill.ask("any", stream);
        assert_eq!(told.failure(), (502, "upstream_connect"));
        assert!(told.took < ms(200), "{told:?}");
    }
    drill.end(());
}

#[test]
#[cfg(target_os = "linux")]
fn p2_no_syn_is_answered() {
    let hole = BlackHole::new();
    let drill = Drill::start(&config_for(&format!("http://{}", hole.addr), LIMITS));
    let told = drill.ask("any", false);
    assert_eq!(told.failure(), (504, "upstream_connect_timeout"));
    assert!(is_about(told.took, ms(150)), "{told:?}");
    drill.end(hole);
}

#[test]
fn p2_a_listener_that_never_accepts() {
    // The kernel shakes hands for it; nobody reads the request.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let drill = Drill::start(&config_for(&url, LIMITS));
    // The heartbeats of a stream have said 200 by then.
    for (stream, status) in [(false, 504), (true, 200)] {
        let told = drill.ask("any", stream);
        assert_eq!(told.failure(), (status, "upstream_first_byte_timeout"));
        assert!(is_about(told.took, ms(3000)), "{told:?}");
    }
    drill.end(listener);
}

#[test]
fn p3_an_answer_that_never_comes() {
    let limits = LIMITS.replace("first_byte_ms = 3000", "first_byte_ms = 1000");
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, &limits));
        // The first heartbeat of a stream has said 200 by then.
        for (call, status) in [504, 200].into_iter().enumerate() {
            let told = drill.ask("fault:silent", status == 200);
            assert_eq!(told.failure(), (status, "upstream_first_byte_timeout"));
            assert!(is_about(told.took, ms(1000)), "{told:?}");
            assert_eq!(sim.outcome_of(call), "cut_by_client");
        }
        assert!(drill.ask("sim", true).is_whole());
        let connections: Vec<_> = sim
            .calls()
            .iter()
            .map(|c| c["connection"].clone())
            .collect();
        assert_eq!(connections.len(), 3, "none was asked twice");
        assert!(
            connections[0] != connections[1] && connections[1] != connections[2],
            "{connections:?}: a connection with an answer outstanding is not used again"
        );
        drill.end(sim);
    }
}

#[test]
fn p7_a_first_token_that_takes_its_time() {
    for_all(|drill, _, dialect, stream| {
        for fault in ["fault:late-2000", "fault:late-token-2000"] {
            let told = drill.ask(fault, stream);
            assert!(told.is_whole(), "{dialect}: {told:?}");
            assert!(is_about(told.took, ms(2000)), "{told:?}");
            if stream {
                // After 750 ms of silence the head and `start`, after 750 ms more a comment.
                assert_eq!(
                    told.names[..3],
                    ["start", ":", "token"],
                    "{dialect} {fault}"
                );
            }
        }
    });
}

#[test]
fn p8_a_stall_in_the_middle() {
    let limits = LIMITS.replace("content_gap_ms = 3000", "content_gap_ms = 1000");
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, &limits));
        let told = drill.ask("fault:stall-4+pings", true);
        assert_eq!(told.failure(), (200, "upstream_content_timeout"));
        assert_eq!(told.text, "Tea is a drink", "what came before is told");
        assert!(is_about(told.took, ms(1000)), "{told:?}");
        assert_eq!(
            sim.outcome_of(0),
            "cut_by_client",
            "the provider is not left running"
        );
        // What it cost so far, as far as anybody knows, is written down once.
        let data = drill.server.house().data();
        let texts = "SELECT count(*) FROM generated_content WHERE state = 'truncated'";
        database::wait_for_count(&data, texts, 1);
        if dialect == "anthropic" {
            let usage = "SELECT count(*) FROM generated_content WHERE prompt_tokens = 9";
            database::wait_for_count(&data, usage, 1);
        }
        database::wait_for_count(&data, "SELECT count(*) FROM requests", 1);
        drill.end(sim);
    }
}

#[test]
fn p8_whole_answers_that_stall_in_the_middle() {
    let limits = LIMITS.replace("content_gap_ms = 3000", "content_gap_ms = 1000");
    let limits = limits.replace("first_byte_ms = 3000", "first_byte_ms = 1000");
    let limits = limits.replace("first_content_ms = 6000", "first_content_ms = 2000");
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, &limits));
        for fault in ["fault:head-only", "fault:stall"] {
            let told = drill.ask(fault, false);
            assert_eq!(told.status, 504, "{told:?}");
            assert!(
                told.code.ends_with("_timeout") && told.took < ms(3000),
                "{told:?}"
            );
        }
        drill.end(sim);
    }
}

#[test]
fn p8_the_wire_goes_dead_in_the_middle() {
    // The provider says more, and nothing of it arrives: no FIN, no reset.
    let sim = Sim::start();
    let proxy = Proxy::start(sim.addr, |_| Harm::after(900, End::Hang));
    let limits = LIMITS.replace("content_gap_ms = 3000", "content_gap_ms = 500");
    let drill = Drill::start(&Sim::config_at(proxy.addr, "http", "openai", &limits));
    let told = drill.ask("sim", true);
    assert_eq!(told.failure(), (200, "upstream_content_timeout"));
    assert!(is_about(told.took, ms(500)), "{told:?}");
    until("the provider to be left", || {
        (sim.stat("open") <= 1).then_some(())
    });
    drill.end((sim, proxy));
}

#[test]
fn p30_a_pool_at_its_bound() {
    let sim = Sim::start();
    let drill = Drill::start(&sim.config("openai", &format!("connections = 1\n{LIMITS}")));
    let mut first = drill.open("fault:stall");
    until("the first call", || {
        (sim.stat("playing") == 1).then_some(())
    });
    for stream in [false, true] {
        let told = drill.ask("sim", stream);
        assert_eq!(told.failure(), (503, "queue_timeout"));
        assert!(is_about(told.took, ms(50)), "{told:?}");
        assert!(
            told.head.to_ascii_lowercase().contains("\r\nretry-after:"),
            "{told:?}"
        );
    }
    assert_eq!(first.head().status, 200);
    drop(first);
    until("the place to be free", || {
        drill.ask("sim", true).is_whole().then_some(())
    });
    drill.end(sim);
}
