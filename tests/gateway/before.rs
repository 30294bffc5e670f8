//! Whatever goes wrong before the first content, the other target answers, and nobody can tell.

use std::time::Instant;

use crate::drill::{GOOD, for_all};
use crate::support::ms;

/// What fails whether or not the answer is streamed.
const FAULTS: &[&str] = &[
    "nobody",
    "fault:silent",
    "fault:head-only",
    "fault:status-404",
    "fault:status-500",
    "fault:status-503",
    "fault:status-529",
    "fault:garbage",
    "fault:http-0.9",
    "fault:bad-chunk-size",
    "fault:length-and-chunked",
    "fault:two-lengths",
    "fault:redirect",
    "fault:cut-0",
    "fault:reset-0",
    "fault:stall-0",
    "fault:not-json-0",
    "fault:error-event-0",
];

/// What a provider answers that wants to be left alone, or whose only key is of no use; it is, so
/// these have a server each.
const LIMITED: &[&str] = &[
    "fault:status-401",
    "fault:status-403",
    "fault:insufficient-quota",
    "fault:retry-after-7",
    "fault:retry-after-ms-7000",
    "fault:retry-delay-7",
];

#[test]
fn the_other_target_answers() {
    for_all(FAULTS, |drill| {
        for fault in FAULTS {
            for stream in [false, true] {
                let asked = Instant::now();
                let told = drill.ask(fault, stream);
                let what = format!("{} {fault} {stream}: {told:?}", drill.dialect);
                assert!(told.is_answer() && told.text == GOOD, "{what}");
                assert_eq!(told.field("x-maitred-attempts"), Some("2"), "{what}");
                assert_eq!(told.field("x-maitred-target"), Some("good/sim"), "{what}");
                assert!(asked.elapsed() < ms(6000), "{what} {:?}", asked.elapsed());
            }
        }
        let all = 2 * FAULTS.len() as i64;
        drill.wait_for_rows(all);
        assert_eq!(drill.rows("outcome = 'ok' AND provider = 'good'"), all);
    });
}

#[test]
fn a_target_that_wants_to_be_left_alone_is_while_the_other_answers() {
    for fault in LIMITED {
        for_all(&[fault], |drill| {
            // Anthropic's body has no place for a hint.
            if drill.bad_speaks == "anthropic" && *fault == "fault:retry-delay-7" {
                return;
            }
            for (nth, stream) in [false, true, false].into_iter().enumerate() {
                let told = drill.ask(fault, stream);
                assert!(told.is_answer() && told.text == GOOD, "{fault}: {told:?}");
                let attempts = told.field("x-maitred-attempts");
                assert!(nth > 0 || attempts == Some("2"), "{fault}: {told:?}");
            }
            assert_eq!(drill.bad.stat("calls"), 1, "{fault}: it was left alone");
        });
    }
}

#[test]
fn a_first_token_that_is_slow() {
    for_all(&["fault:late-token-5000"], |drill| {
        let asked = Instant::now();
        let told = drill.ask("fault:late-token-5000", true);
        assert!(told.is_answer() && told.text == GOOD, "{told:?}");
        let took = asked.elapsed();
        assert!(took >= ms(290) && took < ms(3000), "{took:?}");
        assert_eq!(
            drill.bad.outcome_of(0),
            "cut_by_client",
            "it was told to stop"
        );
    });
}

#[test]
fn whole_answers_that_break_leave_no_trace() {
    let faults = [
        "fault:cut",
        "fault:reset",
        "fault:stall",
        "fault:no-finish",
        "fault:not-json",
        "fault:error-event",
    ];
    for_all(&faults, |drill| {
        for fault in faults {
            let told = drill.ask(fault, false);
            assert!(told.is_answer() && told.text == GOOD, "{fault}: {told:?}");
        }
    });
}
