//! Keys whose answer may have been stored, or not.

use super::idempotency::{TEA, keyed, over, world};
use super::openai::whole;
use crate::engine::work::{Kind, WorkResult};
use crate::store::StoreError;

/// Whoever is next asks by another name, and is told by the store that the first may have been answered.
#[test]
fn where_an_answer_may_still_come_the_next_one_does_not_make_another() {
    let content = r#"{"content":"Green tea is good.","method":"local"}"#;
    for (path, body) in [
        ("/jobs", r#"{"kind":"report"}"#),
        ("/analyze/", r#"{"content":"Green tea is good."}"#),
        ("/keywords/", content),
        ("/generate/", TEA),
    ] {
        let mut world = world();
        world.held = vec![Kind::Write];
        let first = keyed(&mut world, "a", path, body);
        let second = keyed(&mut world, "a", path, body);
        world.work(0); // the claim
        world.settle();
        if path == "/generate/" {
            world.answer(whole("Tea."));
        }
        assert_eq!(world.jobs.len(), 1, "{path}: the rows of the first one");
        world.fail_work(0, WorkResult::Written(Err(StoreError::Unknown)));
        world.held.clear();
        world.settle();
        let unknown = (503, "store_outcome_unknown".to_owned());
        assert_eq!(world.reply(first).problem(), unknown, "{path}");
        let in_use = (409, "idempotency_key_in_use".to_owned());
        assert_eq!(world.reply(second).problem(), in_use, "{path}");
        over(world);
    }
}
