//! What is an answer, though not the usual one, is passed on; and what nobody answers is an error
//! of the right kind.

use std::time::Instant;

use crate::drill::{BAD, Drill, GOOD, for_all};
use crate::sim::DIALECTS;
use crate::support::ms;

#[test]
fn a_refusal_of_content_is_an_answer() {
    for_all(&["fault:filtered-3"], |drill| {
        let reason = match drill.dialect {
            "openai" => "content_filter",
            "anthropic" => "refusal",
            _ => "SAFETY",
        };
        for stream in [false, true] {
            let told = drill.ask("fault:filtered-3", stream);
            assert!(told.is_answer() && told.text == "Tea is a", "{told:?}");
            assert_eq!(told.finish.as_deref(), Some(reason), "{told:?}");
            assert_eq!(told.field("x-maitred-attempts"), Some("1"));
        }
        assert_eq!(drill.good.stat("calls"), 0);
    });
}

#[test]
fn what_the_request_deserves_nobody_could_do_better() {
    for_all(&["fault:status-400"], |drill| {
        for stream in [false, true] {
            let told = drill.ask("fault:status-400", stream);
            assert_eq!(told.status, 400, "{told:?}");
            assert!(told.error.is_some(), "{told:?}");
        }
        assert_eq!((drill.bad.stat("calls"), drill.good.stat("calls")), (2, 0));
    });
}

#[test]
fn connections_that_were_used_and_close_without_a_word() {
    for_all(&["fault:reused-close"], |drill| {
        for stream in [false, true, false, true] {
            let told = drill.ask("fault:reused-close", stream);
            assert!(told.is_answer() && told.text == BAD, "{told:?}");
        }
    });
}

#[test]
fn a_target_that_is_ten_times_slower_is_slow_and_right() {
    for_all(&["sim:slower-10"], |drill| {
        for stream in [false, true] {
            let told = drill.ask("sim:slower-10", stream);
            assert!(told.is_answer() && told.text == BAD, "{told:?}");
        }
    });
}

/// Both targets fail. What the client is told is the failure that may pass.
#[test]
fn when_all_fail_the_error_is_of_the_right_kind() {
    for dialect in DIALECTS {
        for (faults, status) in [
            (["fault:status-500", "fault:status-500"], 502),
            (["fault:status-401", "fault:status-401"], 502),
            (["fault:garbage", "fault:cut-0"], 502),
            (["fault:silent", "fault:silent"], 504),
            (["fault:retry-after-100", "fault:retry-after-100"], 429),
        ] {
            for stream in [false, true] {
                let targets = [format!("bad/{}", faults[0]), format!("good/{}", faults[1])];
                let drill = Drill::of_two(dialect, [&targets[0], &targets[1]], "");
                let told = drill.ask_for("model", stream);
                assert_eq!(told.status, status, "{dialect} {faults:?}: {told:?}");
                assert!(told.error.is_some() && told.framed, "{told:?}");
                let hint = told.field("retry-after").is_some();
                assert!(hint || status != 429, "{told:?}");
                drill.end();
            }
        }
    }
}

#[test]
fn a_hedge_wins_and_the_loser_is_told_to_stop() {
    for dialect in DIALECTS {
        let targets = ["bad/fault:late-token-5000", "good/sim"];
        let drill = Drill::of_two(dialect, targets, "slow_ms = 0\nhedge_ms = 200");
        let asked = Instant::now();
        let told = drill.ask_for("model", true);
        assert!(told.is_answer() && told.text == GOOD, "{told:?}");
        let took = asked.elapsed();
        // After 900 ms the first one would have failed by itself.
        assert!(took >= ms(190) && took < ms(850), "{took:?}");
        assert_eq!(told.field("x-maitred-attempts"), Some("2"), "{told:?}");
        assert_eq!(drill.bad.outcome_of(0), "cut_by_client");
        drill.end();
    }
}

/// What is silent does not hold the answer up, and what fails beside a hedge is not told.
#[test]
fn a_hedge_answers_whatever_becomes_of_the_first() {
    for dialect in DIALECTS {
        for fault in ["silent", "head-only", "stall-0", "late-token-5000"] {
            let bad = format!("bad/fault:{fault}");
            let hedged = "slow_ms = 0\nhedge_ms = 100";
            let drill = Drill::of_two(dialect, [&bad, "good/sim"], hedged);
            let told = drill.ask_for("model", true);
            assert!(told.is_answer() && told.text == GOOD, "{fault}: {told:?}");
            drill.wait_for_rows(1);
            assert_eq!(drill.rows("outcome = 'ok' AND provider = 'good'"), 1);
            drill.end();
        }
    }
}

#[test]
fn when_a_hedge_fails_as_well_there_is_one_error() {
    for dialect in DIALECTS {
        let targets = ["bad/fault:stall-0", "good/fault:silent"];
        let drill = Drill::of_two(dialect, targets, "slow_ms = 0\nhedge_ms = 100");
        let told = drill.ask_for("model", true);
        assert_eq!(told.status, 504, "{told:?}");
        assert!(told.error.is_some() && told.framed, "{told:?}");
        drill.wait_for_rows(1);
        drill.end();
    }
}

#[test]
fn a_deadline_of_the_client_bounds_all_attempts_together() {
    let deadline = "X-Request-Timeout-Ms: 700\r\n";
    for dialect in DIALECTS {
        for stream in [false, true] {
            let targets = ["bad/fault:cut-0", "good/sim"];
            let drill = Drill::of_two(dialect, targets, "");
            let told = drill.ask_with("model", stream, deadline);
            assert!(told.is_answer() && told.text == GOOD, "{told:?}");
            drill.end();

            // Half a second each, and no third one is begun.
            let targets = ["bad/fault:silent", "good/fault:silent"];
            let drill = Drill::of_two(dialect, targets, "");
            let asked = Instant::now();
            let told = drill.ask_with("model", stream, deadline);
            let took = asked.elapsed();
            assert_eq!(told.status, 504, "{told:?}");
            assert!(took >= ms(690) && took < ms(1500), "{took:?}");
            drill.wait_for_rows(1);
            assert_eq!(drill.outcomes(), ["timed_out"]);
            drill.end();
        }
    }
}
