//! `POST /generate/` with the built-in provider.

use super::World;

#[test]
fn a_text_is_answered_whole_with_its_scores_and_stored_with_its_request() {
    let mut world = World::new("");
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    let reply = world.reply(client);
    let text = reply.json();
    assert_eq!((reply.status, &text["offline"]), (200, &true.into()));
    assert_eq!(text["stored"], true);
    assert!(text["readability"].is_object() && text["sentiment"].is_object());

    let row = world.store.text();
    assert_eq!(text["generated_text"], row.text);
    assert_eq!(text["id"], row.id.to_string());
    assert_eq!(row.term, "tea");
    assert_eq!(world.store.request().generation_id, Some(row.id));
    assert_eq!(world.store.request().status, 200);
}

#[test]
fn a_stream_begins_with_start_and_ends_with_done_after_the_commit() {
    let mut world = World::new("");
    let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.pass(30_000);
    let reply = world.reply(client);
    let events = reply.events();
    let (first, last) = (&events[0], &events[events.len() - 1]);
    assert_eq!((first.name.as_str(), last.name.as_str()), ("start", "done"));

    let mut text = String::new();
    for token in events.iter().filter(|event| event.name == "token") {
        text.push_str(token.data["text"].as_str().unwrap());
        assert_eq!(token.id, Some(text.len() as u64), "the id counts bytes");
    }
    let row = world.store.text();
    assert_eq!(text, row.text);
    assert_eq!(first.data["id"], row.id.to_string());
    assert_eq!(last.data["id"], row.id.to_string());
    assert_eq!(first.data["search_term_id"], row.search_term_id.to_string());
    assert!(events.len() > 100, "word by word");
}

#[test]
fn words_come_at_the_configured_pace() {
    let mut world = World::new("[offline]\ngap_ms = 100\n");
    let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.pass(1_050);
    let events = world.events(client);
    assert_eq!(events.len(), 1 + 10, "start and ten words");
}
