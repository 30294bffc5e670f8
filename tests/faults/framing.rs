//! HTTP as it should not be: 502, bounded memory and time, and a connection that nobody uses again.

use std::net::TcpListener;

use crate::drill::{Drill, HEARTBEAT_MS, LIMITS, for_all};
use crate::sim::{DIALECTS, Sim};
use crate::support::{Provider, Script, ms};

/// Asks for an answer that is none, streamed and whole, in every dialect.
fn refused(faults: &[&str], code: &str) {
    for_all(|drill, sim, dialect, stream| {
        for fault in faults {
            let (calls, open) = (sim.stat("calls"), sim.stat("connections"));
            let told = drill.ask(&format!("fault:{fault}"), stream);
            let (status, told_code) = told.failure();
            assert_eq!(told_code, code, "{dialect} {fault} {stream}");
            // A simulator that is slow on a busy machine is overtaken by the first heartbeat.
            let late = stream && told.took > ms(HEARTBEAT_MS);
            assert!(
                status == 502 || late,
                "{dialect} {fault} {stream}: {status}"
            );
            assert!(told.took < ms(4_000), "{dialect} {fault}: {:?}", told.took);
            assert_eq!(sim.stat("calls") - calls, 1, "{dialect} {fault}");
            assert!(
                drill.ask("sim", stream).is_whole(),
                "{dialect} after {fault}"
            );
            let calls = sim.calls();
            let [.., bad, good] = calls.as_slice() else {
                panic!("two calls: {calls:?}");
            };
            assert_ne!(bad["connection"], good["connection"], "{dialect} {fault}");
            assert!(sim.stat("connections") > open);
        }
    });
}

#[test]
fn p16_heads_without_end() {
    refused(
        &["big-head", "many-fields", "many-continues"],
        "upstream_http",
    );
}

#[test]
fn p17_answers_whose_end_can_be_read_in_two_ways() {
    refused(
        &[
            "length-and-chunked",
            "bad-chunk-size",
            "negative-length",
            "two-lengths",
            "http-0.9",
            "nul-field",
        ],
        "upstream_http",
    );
}

#[test]
fn p18_informational_heads_are_passed_over() {
    for_all(|drill, _, dialect, stream| {
        let told = drill.ask("fault:early-hints", stream);
        assert!(told.is_whole(), "{dialect}: {told:?}");
    });
}

#[test]
fn p19_compressed_though_nobody_asked() {
    refused(&["gzip", "gzip-bomb"], "upstream_compressed");
}

#[test]
fn p20_redirects_are_not_followed() {
    for_all(|drill, sim, dialect, stream| {
        for fault in ["fault:redirect", "fault:redirect-file"] {
            let told = drill.ask(fault, stream);
            assert_eq!(
                told.failure(),
                (502, "upstream_status"),
                "{dialect} {fault}"
            );
        }
        assert_eq!(sim.stat("calls") % 2, 0, "one call each");
    });
}

#[test]
fn p20_nobody_knocks_at_the_place_of_a_redirect() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("Location: http://{}/\r\n", elsewhere.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        let provider = Provider::start(move |_| Script::status(status, &location, ""));
        let drill = Drill::start(&provider.config(LIMITS));
        assert_eq!(
            drill.ask("any", true).failure(),
            (502, "upstream_status"),
            "{status}"
        );
        drill.end(provider);
    }
    let knock = elsewhere.accept().unwrap_err();
    assert_eq!(knock.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn p22_bytes_behind_an_answer_reach_nobody() {
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        for stream in [false, true, false, true] {
            let told = drill.ask("fault:trailing", stream);
            assert!(told.is_whole(), "{dialect}: {told:?}");
            assert!(told.text.ends_with("warm."), "{told:?}");
        }
        assert!(drill.ask("sim", false).text.ends_with("warm."));
        let calls = sim.calls();
        let mut connections: Vec<_> = calls.iter().map(|c| c["connection"].as_u64()).collect();
        connections.dedup();
        assert_eq!(
            connections.len(),
            calls.len(),
            "each was dropped: {connections:?}"
        );
        drill.end(sim);
    }
}
