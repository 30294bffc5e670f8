//! Several keys of one provider: what is said against one is not said against the others.

use super::openai::{self, answer};
use super::{World, world};
use crate::engine::ConnId;

/// Two keys, in a table.
const KEYS: &str = "
    [provider.llm]
    base_url = 'http://10.0.0.1:8000/v1'
    model = 'm'
    retries = 0
    [provider.llm.keys]
    main = 'sk-main'
    spare = 'sk-spare'
";

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

impl World {
    /// The keys of the requests that have not been answered, by connection.
    pub(super) fn shown(&self) -> Vec<(ConnId, String)> {
        let key = |id: ConnId| {
            let got = String::from_utf8_lossy(&self.sockets[&id].got).to_lowercase();
            let (_, rest) = got.split_once("authorization: bearer ")?;
            Some((id, rest.split("\r\n").next()?.to_owned()))
        };
        self.upstreams().into_iter().filter_map(key).collect()
    }

    /// The request with this key is answered.
    pub(super) fn answer_key(&mut self, key: &str, bytes: impl AsRef<[u8]>) {
        let shown = self.shown();
        let (id, _) = (shown.iter().find(|(_, shown)| shown == key))
            .unwrap_or_else(|| panic!("{key} is not in {shown:?}"));
        self.sockets.get_mut(id).unwrap().got.clear();
        self.send(*id, bytes);
    }

    fn key_state(&mut self, name: &str) -> String {
        let providers = self.get("/providers").json();
        let keys = providers["providers"][0]["keys"]
            .as_array()
            .unwrap()
            .clone();
        let key = keys.iter().find(|key| key["name"] == name).unwrap();
        key["state"].as_str().unwrap().to_owned()
    }
}

#[test]
fn calls_are_spread_over_the_keys() {
    let mut world = World::new(KEYS);
    for n in 0..4 {
        world.post("/generate/", &topic(n));
    }
    let mut keys: Vec<String> = world.shown().into_iter().map(|(_, key)| key).collect();
    keys.sort();
    assert_eq!(keys, ["sk-main", "sk-main", "sk-spare", "sk-spare"]);
}

#[test]
fn a_refused_key_rests_and_the_call_goes_on_with_another_at_once() {
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    for refusal in [
        answer(401, "", "{}"),
        answer(403, "", "{}"),
        answer(429, "", quota),
    ] {
        let mut world = World::new(KEYS);
        let client = world.post("/generate/", &topic(0));
        world.answer_key("sk-main", &refusal);
        world.answer_key("sk-spare", openai::whole("Tea."));
        let reply = world.reply(client);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.field("x-maitred-key"), Some("spare"));
        assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
        assert_eq!(
            world.store.request().calls.key_name.as_deref(),
            Some("spare")
        );
        assert_eq!(world.key_state("main"), "refused");
        assert_eq!(world.key_state("spare"), "awake");
        world.post("/generate/", &topic(1));
        world.post("/generate/", &topic(2));
        assert!(world.shown().iter().all(|(_, key)| key == "sk-spare"));
        let rests = r#"key_rests_total{provider="llm",key="main"}"#;
        assert_eq!(world.metric(rests), 1.0);
        world.pass(300_000);
        assert_eq!(
            world.key_state("main"),
            "awake",
            "somebody may have mended it"
        );
    }
}

#[test]
fn a_limited_key_rests_for_as_long_as_was_asked_and_not_the_provider() {
    let mut world = World::new(KEYS);
    let client = world.post("/generate/", &topic(0));
    world.answer_key("sk-main", answer(429, "Retry-After: 20\r\n", "{}"));
    world.answer_key("sk-spare", openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
    assert_eq!(world.key_state("main"), "limited");
    world.pass(19_000);
    world.post("/generate/", &topic(1));
    assert_eq!(world.shown()[0].1, "sk-spare");
    world.pass(1_000);
    world.post("/generate/", &topic(2));
    assert_eq!(world.shown().last().unwrap().1, "sk-main");
}

#[test]
fn the_only_key_is_limited_when_its_provider_is() {
    let mut world = World::new(super::PROVIDER);
    let client = world.post("/generate/", &topic(0));
    world.answer(answer(429, "Retry-After: 20\r\n", "{}"));
    assert_eq!(world.reply(client).problem().0, 429);
    let awake = r#"key_awake{provider="llm",key="main"}"#;
    assert_eq!(
        (world.key_state("main").as_str(), world.metric(awake)),
        ("limited", 0.0)
    );
    world.pass(20_000);
    assert_eq!(
        (world.key_state("main").as_str(), world.metric(awake)),
        ("awake", 1.0)
    );
}

#[test]
fn when_all_keys_are_limited_the_provider_rests_until_the_first_wakes() {
    let mut world = World::new(KEYS);
    let client = world.post("/generate/", &topic(0));
    world.answer_key("sk-main", answer(429, "Retry-After: 20\r\n", "{}"));
    world.answer_key("sk-spare", answer(429, "Retry-After: 15\r\n", "{}"));
    assert_eq!(world.reply(client).problem().0, 429);
    let client = world.post("/generate/", &topic(1));
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (429, "upstream_rate_limited".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("15"));
    assert_eq!(world.metric("calls_total"), 2.0, "nobody was asked");
    world.pass(15_000);
    let client = world.post("/generate/", &topic(2));
    world.answer_key("sk-spare", openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
}

#[test]
fn when_all_keys_are_refused_they_are_asked_all_the_same() {
    let mut world = World::new(KEYS);
    let client = world.post("/generate/", &topic(0));
    world.answer_key("sk-main", answer(401, "", "{}"));
    world.answer_key("sk-spare", answer(401, "", "{}"));
    assert_eq!(
        world.reply(client).problem(),
        (502, "upstream_key".to_owned())
    );
    let lines: Vec<String> = world.engine.advice().collect();
    assert!(
        lines.iter().any(|line| line.contains("its key `main`")),
        "{lines:?}"
    );
    assert!(lines.iter().all(|line| !line.contains("sk-")), "{lines:?}");
    // Somebody has mended it.
    let client = world.post("/generate/", &topic(1));
    world.answer_key("sk-main", openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
    assert_eq!(world.key_state("main"), "awake");
}

#[test]
fn a_key_that_is_quoted_is_not_handed_on() {
    let mut world = World::new(KEYS);
    let client = world.post("/generate/", &topic(0));
    world.answer_key(
        "sk-main",
        answer(400, "", r#"{"error":{"code":"sk-spare"}}"#),
    );
    let reply = world.reply(client);
    assert!(!reply.body.contains("sk-"), "{}", reply.body);
}

#[test]
fn one_target_with_a_refused_key_is_not_asked_first_any_more() {
    let keyed = world::TWO.replace("[provider.b]", "key = 'sk-a'\n[provider.b]");
    let mut world = World::new(&keyed);
    let tea = r#"{"topic":"tea 0","model":"smart"}"#;
    let client = world.post("/generate/", tea);
    world.answer_key("sk-a", answer(401, "", "{}"));
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(client).field("x-maitred-target"), Some("b/n"));
    world.post("/generate/", &tea.replace('0', "1"));
    assert!(world.shown().is_empty(), "the other one is asked at once");
}

#[test]
fn a_target_with_a_refused_key_is_asked_when_there_is_nobody_else() {
    let keyed = world::TWO.replace("[provider.b]", "key = 'sk-a'\n[provider.b]");
    let mut world = World::new(&keyed);
    let tea = r#"{"topic":"tea 0","model":"smart"}"#;
    let client = world.post("/generate/", tea);
    world.answer_key("sk-a", answer(401, "", "{}"));
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
    // Now the other one is out of order, and somebody has mended the key.
    let client = world.post("/generate/", &tea.replace('0', "1"));
    world.send(world.at(2), answer(500, "", "{}"));
    world.answer_key("sk-a", openai::whole("Tea."));
    let reply = world.reply(client);
    assert_eq!(
        (reply.status, reply.field("x-maitred-target")),
        (200, Some("a/m"))
    );
}

/// Or two keys that rest for a moment only would be asked in turn for ever, at once and without budget.
#[test]
fn each_key_is_asked_once_however_short_it_is_to_rest() {
    let mut world = World::new(KEYS);
    let client = world.post("/generate/", &topic(0));
    let refusal = answer(429, "Retry-After-Ms: 0\r\n", "{}");
    world.answer_key("sk-main", &refusal);
    world.pass(1);
    world.answer_key("sk-spare", &refusal);
    assert!(world.shown().is_empty());
    assert_eq!(world.reply(client).status, 429);
    assert_eq!(world.metric("calls_total"), 2.0);
}
