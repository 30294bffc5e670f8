//! After the first content nobody else can be asked: the client is told, in its own words and in
//! the stream, that what it has is not all. It never looks whole.

use crate::drill::{BAD, for_all};
use crate::support::until;
use crate::told;

/// Each with the statuses or words that it may be told by.
const FAULTS: &[&str] = &[
    "fault:cut-3",
    "fault:reset-3",
    "fault:stall-3",
    "fault:error-event-3",
    "fault:not-json-3",
    "fault:no-finish",
];

#[test]
fn a_stream_that_breaks_after_content_ends_with_an_error() {
    for_all(FAULTS, |drill| {
        for fault in FAULTS {
            let told = drill.ask(fault, true);
            let what = format!("{} {fault}: {told:?}", drill.dialect);
            assert_eq!(told.status, 200, "{what}");
            assert!(!told.is_answer() && told.error.is_some(), "{what}");
            assert!(
                told.text.starts_with("Tea") && BAD.starts_with(&told.text),
                "{what}"
            );
            assert_eq!(told.field("x-maitred-attempts"), Some("1"), "{what}");
            // OpenAI's and Anthropic's clients would take a reason for the end.
            assert_eq!(told.finish, None, "{what}");
        }
        assert_eq!(drill.good.stat("calls"), 0, "two texts are never mixed");
        let all = FAULTS.len() as i64;
        until("rows", || {
            let rows = drill.rows("outcome <> 'ok' AND error_code IS NOT NULL");
            (rows == all).then_some(())
        });
        assert_eq!(drill.rows("provider = 'bad'"), all);
    });
}

#[test]
fn a_client_that_leaves_is_noticed_by_whoever_is_being_asked() {
    for_all(&[], |drill| {
        for (call, model) in ["bad/fault:stall-3", "bad/fault:silent"].iter().enumerate() {
            let request = told::request(drill.dialect, model, true);
            let mut client = drill.server.connect();
            client.send(&request);
            if call == 0 {
                client.head();
            }
            until("the call", || {
                (drill.bad.stat("calls") > call as u64).then_some(())
            });
            drill.note_request();
            drop(client);
            assert_eq!(drill.bad.outcome_of(call), "cut_by_client", "{model}");
        }
    });
}
