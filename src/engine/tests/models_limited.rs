//! Vendors limit each model by itself: what is said of one is not said of the others. What is said of
//! the account is said of all.

use super::World;
use super::openai::{self, answer};
use crate::engine::ConnId;

const ONE_KEY: &str = "
    [provider.llm]
    base_url = 'http://10.0.0.1:8000/v1'
    model = 'large'
    retries = 0
    key = 'sk-1'
";

fn two_keys() -> String {
    ONE_KEY.replace("key = 'sk-1'", "keys = { main = 'sk-1', spare = 'sk-2' }")
}

const LIMITED: &str = "Retry-After: 20\r\n";

impl World {
    fn ask_of(&mut self, model: &str) -> ConnId {
        let topic = self.upstreams().len();
        self.post(
            "/generate/",
            &format!(r#"{{"topic":"tea {topic}","model":"llm/{model}"}}"#),
        )
    }

    /// A key that the last request has shown.
    fn last_key(&mut self) -> String {
        self.shown().pop().expect("nobody is asked").1
    }
}

#[test]
fn a_key_rests_for_the_model_that_was_asked() {
    let mut world = World::new(&two_keys());
    let client = world.ask_of("large");
    world.answer_key("sk-1", answer(429, LIMITED, "{}"));
    world.answer_key("sk-2", openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
    world.ask_of("small");
    assert_eq!(world.last_key(), "sk-1", "it is as good as the other one");
    for _ in 0..3 {
        world.ask_of("large");
        assert_eq!(world.last_key(), "sk-2");
    }
    world.pass(20_000);
    world.ask_of("large");
    assert_eq!(world.last_key(), "sk-1");
}

#[test]
fn an_only_key_and_none_at_all_rest_for_the_model_that_was_asked() {
    for config in [ONE_KEY.to_owned(), ONE_KEY.replace("key = 'sk-1'", "")] {
        let mut world = World::new(&config);
        let client = world.ask_of("large");
        world.answer(answer(429, LIMITED, "{}"));
        assert_eq!(world.reply(client).problem().0, 429);
        let client = world.ask_of("small");
        world.answer(openai::whole("Tea."));
        assert_eq!(world.reply(client).status, 200);
        let client = world.ask_of("large");
        let reply = world.reply(client);
        assert_eq!(
            (reply.status, reply.field("retry-after")),
            (429, Some("20"))
        );
        assert_eq!(world.metric("calls_total"), 2.0, "nobody was asked");
    }
}

#[test]
fn the_next_target_may_be_another_model_of_the_same_provider() {
    let route = "[model.any]\ntargets = ['llm/large', 'llm/small']\n";
    let mut world = World::new(&format!("{route}{ONE_KEY}"));
    for attempts in ["2", "1"] {
        let client = world.post("/generate/", r#"{"topic":"tea","model":"any"}"#);
        if attempts == "2" {
            world.answer(answer(429, LIMITED, "{}"));
        }
        world.answer(openai::whole("Tea."));
        let reply = world.reply(client);
        assert_eq!(reply.field("x-maitred-target"), Some("llm/small"));
        assert_eq!(reply.field("x-maitred-attempts"), Some(attempts));
    }
}

#[test]
fn an_empty_account_is_empty_for_all_models() {
    let empty = answer(429, "", r#"{"error":{"code":"insufficient_quota"}}"#);
    for refusal in [empty, answer(401, "", "{}"), answer(403, "", "{}")] {
        let mut world = World::new(&two_keys());
        world.ask_of("large");
        world.answer_key("sk-1", refusal);
        world.answer_key("sk-2", openai::whole("Tea."));
        for model in ["small", "large", "small"] {
            world.ask_of(model);
            assert_eq!(world.last_key(), "sk-2");
        }
    }
}

/// Google names the quota: those of its free tier count one model's requests of one day.
#[test]
fn a_quota_that_is_named_is_about_what_its_name_says() {
    for (quota, key) in [
        ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "sk-1"),
        ("GenerateRequestsPerDayPerProject", "sk-2"),
        ("GenerateRequestsPerMinutePerProjectPerModel", "sk-1"),
        ("GenerateRequestsPerMinutePerProject", "sk-2"),
    ] {
        let body = format!(
            r#"{{"error":{{"code":429,"details":[{{"violations":[{{"quotaId":"{quota}"}}]}}]}}}}"#
        );
        let mut world = World::new(&two_keys());
        world.ask_of("large");
        world.answer_key("sk-1", answer(429, LIMITED, &body));
        world.answer_key("sk-2", openai::whole("Tea."));
        world.ask_of("small");
        assert_eq!(world.last_key(), key, "{quota}");
        world.ask_of("large");
        assert_eq!(world.last_key(), "sk-2", "{quota}");
    }
}
