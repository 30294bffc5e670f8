//! What the log says about a provider.

use super::{PROVIDER, World, openai};

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\n\
                       Content-Length: 2\r\n\r\n{}";

fn ask(world: &mut World, answer: &str) -> Vec<String> {
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.answer(answer);
    world.reply(client);
    world.pass(1_000);
    world.engine.advice().collect()
}

#[test]
fn a_key_that_is_refused_is_told_once_and_again_after_it_was_right() {
    let mut world = World::new(PROVIDER);
    let told = ask(&mut world, REFUSED);
    assert_eq!(
        told,
        [
            "the provider llm does not accept its key; set another (this one is from: maitred.toml:4)"
        ]
    );
    assert!(ask(&mut world, REFUSED).is_empty());
    assert!(ask(&mut world, &openai::whole("Tea.")).is_empty());
    assert_eq!(ask(&mut world, REFUSED).len(), 1);
    assert!(!told[0].contains("sk-secret"));
}

#[test]
fn a_provider_without_a_key_is_told_where_one_goes() {
    let mut world = World::new(&PROVIDER.replace("key = \"sk-secret\"\n", ""));
    let told = ask(&mut world, REFUSED);
    assert_eq!(
        told,
        ["the provider llm wants a key; set MAITRED_PROVIDER_LLM_KEY"]
    );
}

#[test]
fn the_whole_address_is_told_where_nothing_is() {
    let mut world = World::new(PROVIDER);
    let told = ask(
        &mut world,
        &REFUSED.replace("401 Unauthorized", "404 Not Found"),
    );
    assert!(told[0].contains("/v1/chat/completions: set"), "{told:?}");
}
