//! A client that hangs up is noticed in every phase of its request, and whoever is being asked for it
//! is told at once.

use std::time::{Duration, Instant};

use crate::drill::{Drill, for_all};
use crate::sim::DIALECTS;
use crate::support::{Client, ms, until};
use crate::told;

/// From the hang-up until it is seen. The program has a tenth of this; the rest is for the machine,
/// which may be busy with other tests.
const SEEN: Duration = ms(1000);

/// Sends a request for a model and leaves once `begun`; how long it took until `seen`.
fn leave(
    drill: &Drill,
    model: &str,
    stream: bool,
    begun: impl Fn(&mut Client) -> bool,
    seen: impl Fn() -> bool,
) -> Duration {
    let mut client = drill.server.connect();
    drill.note_request();
    client.send(told::request(drill.dialect, model, stream));
    until("the phase", || begun(&mut client).then_some(()));
    drop(client);
    let left = Instant::now();
    until("the provider to notice", || seen().then_some(()));
    left.elapsed()
}

/// Whether the last call of the bad target was cut by us.
fn is_cut(drill: &Drill, calls: u64) -> bool {
    let all = drill.bad.calls();
    all.len() as u64 == calls && all.last().unwrap()["outcome"] == "cut_by_client"
}

#[test]
fn while_a_provider_is_being_asked() {
    for_all(&[], |drill| {
        let mut calls = 0;
        for (model, stream) in [
            ("bad/fault:silent", false),   // waiting for the head
            ("bad/fault:silent", true),    //
            ("bad/fault:head-only", true), // waiting for content
            ("bad/fault:stall-3", false),  // within a whole answer
            ("bad/sim:tokens-2000", true), // streaming
        ] {
            calls += 1;
            let begun = |_: &mut Client| {
                let all = drill.bad.calls();
                all.len() as u64 == calls
            };
            let took = leave(drill, model, stream, begun, || is_cut(drill, calls));
            assert!(took < SEEN, "{} {model} {stream}: {took:?}", drill.dialect);
        }
        drill.wait_for_rows(calls as i64);
        assert_eq!(drill.outcomes(), vec!["client_gone"; calls as usize]);
    });
}

#[test]
fn in_the_line_before_a_provider() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "key = \"sk\"\nconcurrency = 1");
        let mut first = drill.server.connect();
        drill.note_request();
        first
            .send(told::request(dialect, "bad/fault:stall-3", true))
            .head();
        let waiting = || drill.server.total("maitred_gate_waiting");
        let took = leave(
            &drill,
            "bad/sim",
            true,
            |_| waiting() == 1.0,
            || waiting() == 0.0,
        );
        assert!(took < SEEN, "{took:?}");
        assert_eq!(drill.bad.stat("calls"), 1, "it was never asked");
        drop(first);
        drill.end();
    }
}

#[test]
fn while_the_second_target_is_being_asked() {
    for dialect in DIALECTS {
        let targets = ["nobody/sim", "bad/fault:silent"];
        let drill = Drill::of_two(dialect, targets, "slow_ms = 0");
        let begun = |_: &mut Client| drill.bad.stat("calls") == 1;
        let took = leave(&drill, "model", true, begun, || is_cut(&drill, 1));
        assert!(took < SEEN, "{took:?}");
        drill.end();
    }
}

#[test]
fn while_two_are_being_asked() {
    for dialect in DIALECTS {
        let targets = ["bad/fault:head-only", "bad/fault:silent"];
        let drill = Drill::of_two(dialect, targets, "slow_ms = 0\nhedge_ms = 50");
        let begun = |_: &mut Client| drill.bad.stat("calls") == 2;
        let both = || drill.bad.stat("cut_by_client") == 2;
        let took = leave(&drill, "model", true, begun, both);
        assert!(took < SEEN, "{took:?}");
        drill.end();
    }
}
