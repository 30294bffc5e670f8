//! One key of a provider is refused or limited, and another is not.

use crate::drill::{BAD, Drill};
use crate::sim::DIALECTS;

/// Fields of a provider's table: the first key orders what goes wrong.
fn keys(order: &str) -> String {
    format!("keys = {{ broken = \"fault:{order}\", sound = \"sk-sound\" }}")
}

#[test]
fn a_key_that_is_refused_rests_and_the_other_one_is_used() {
    for dialect in DIALECTS {
        for order in [
            "status-401",
            "status-403",
            "retry-after-30",
            "insufficient-quota",
        ] {
            let drill = Drill::with_keys(dialect, &keys(order));
            for stream in [false, true, false, true] {
                let told = drill.ask_for("bad/sim", stream);
                assert!(told.is_answer() && told.text == BAD, "{order}: {told:?}");
                assert_eq!(told.field("x-maitred-key"), Some("sound"), "{told:?}");
            }
            let keys: Vec<String> = drill
                .bad
                .calls()
                .iter()
                .map(|c| c["key"].to_string())
                .collect();
            let broken = keys.iter().filter(|key| key.contains("fault:")).count();
            assert!(broken <= 1, "{order}: {keys:?}");
            drill.end();
        }
    }
}

#[test]
fn the_key_of_a_client_is_never_passed_on() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "key = \"sk-ours\"");
        let request = crate::told::request(dialect, "bad/sim", false);
        let field = match dialect {
            "openai" => "Authorization: Bearer sk-theirs",
            "anthropic" => "X-Api-Key: sk-theirs",
            _ => "X-Goog-Api-Key: sk-theirs",
        };
        let request = request.replacen("\r\n", &format!("\r\n{field}\r\n"), 1);
        let told = crate::told::ask(&mut drill.server.connect(), dialect, &request);
        assert!(told.is_answer(), "{told:?}");
        assert_eq!(drill.bad.calls()[0]["key"], "sk-ours");
        drill.note_request();
        drill.end();
    }
}
