//! Lists never scan, and never sort.

use super::*;
use crate::store::sqlite::reader::{
    ALL, BY_TERM, EXCERPT, EXPORT, NO_WORDS, SURVEY, UNSCORED, select, survey_of_term,
};

#[test]
fn every_list_walks_an_index() {
    let store = Store::new();
    let cases = [
        (
            select(EXCERPT, ALL),
            "SEARCH g USING INDEX sqlite_autoindex_generated_content_1",
        ),
        (
            select(EXCERPT, BY_TERM),
            "SEARCH g USING INDEX generated_content_by_key",
        ),
        (
            select("g.text", EXPORT),
            "SEARCH g USING INDEX sqlite_autoindex_generated_content_1",
        ),
        (
            select(NO_WORDS, SURVEY),
            "SEARCH g USING INDEX sqlite_autoindex_generated_content_1",
        ),
        (
            survey_of_term(),
            "SEARCH g USING INDEX generated_content_by_key",
        ),
        (
            UNSCORED.to_owned(),
            "USING INDEX generated_content_unscored",
        ),
    ];
    for (sql, index) in cases {
        let mut explain = store
            .reader
            .conn
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let plan: Vec<String> = explain
            .raw_query()
            .mapped(|row| row.get("detail"))
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
        assert!(
            !plan
                .iter()
                .any(|step| step.contains("SCAN g") || step.contains("B-TREE"))
        );
    }
}
