//! After the first content nobody else can be asked: the client is told, in its own words and in
//! the stream, that what it has is not all. It never looks whole.

use crate::drill::{BAD, for_all};

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
        drill.wait_for_rows(FAULTS.len() as i64);
        assert_eq!(drill.outcomes(), ["truncated"; FAULTS.len()]);
        let told = drill.rows("provider = 'bad' AND error_code IS NOT NULL");
        assert_eq!(told, FAULTS.len() as i64);
    });
}
