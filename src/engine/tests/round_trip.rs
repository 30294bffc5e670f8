//! Out with an export, and back with an import: whatever is stored.

use serde_json::json;

use super::import::import;
use super::{PROVIDER, World, openai};
use crate::limits::{GENERATION_BYTES, NAME_CHARS, TOPIC_CHARS};
use crate::store::{TextRow, TextState};

/// Chats without a word of a user in them, or with odd ones, and a model whose provider gives it an odd
/// name or none: all of it is stored, so all of it is taken back.
#[test]
fn whatever_is_stored_is_exported_and_imported() {
    let image =
        r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]"#;
    let long = json!("é".repeat(TOPIC_CHARS + 1)).to_string();
    let contents = [image, "\"\"", r#"" ""#, &long];
    let mut chats: Vec<String> = (contents.iter())
        .map(|content| format!(r#"[{{"role":"user","content":{content}}}]"#))
        .collect();
    chats.push(r#"[{"role":"system","content":"Be brief."}]"#.to_owned());
    for model in ["", "a\u{0}\nb", &"m".repeat(2 * NAME_CHARS)] {
        let mut world = World::new(PROVIDER);
        for messages in &chats {
            let chat = format!(r#"{{"model":"x","messages":{messages}}}"#);
            let client = world.post("/v1/chat/completions", &chat);
            let message = json!({"content": "Tea \u{0} é."});
            let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
            let answer = json!({"model": model, "choices": choices});
            world.answer(openai::answer(200, "", &answer.to_string()));
            let reply = world.reply(client);
            assert_eq!(reply.status, 200, "{chat} {}", reply.body);
        }
        is_taken_back(&mut world, chats.len());
    }
}

/// A text that was cut at its bound is no longer than the bound, streamed or whole, on each route.
#[test]
fn a_text_that_was_cut_is_imported_as_well() {
    let piece = "é".repeat(100_003); // the bound is within a character
    let chat = r#"{"model":"x","stream":true,"messages":[{"role":"user","content":"Tea?"}]}"#;
    for (path, body) in [
        ("/v1/chat/completions", chat),
        ("/generate/", r#"{"topic":"Tea?","stream":true}"#),
    ] {
        let mut world = World::new(PROVIDER);
        let client = world.post(path, body);
        world.answer(openai::STREAM);
        while world.store.texts.is_empty() {
            world.answer(openai::word(&piece));
        }
        world.end(client);
        let length = world.store.text().text.len();
        assert!(
            (GENERATION_BYTES - 3..=GENERATION_BYTES).contains(&length),
            "{path}: {length}"
        );
        assert_eq!(world.store.text().state, TextState::Truncated);
        is_taken_back(&mut world, 1);
    }
}

/// An export of all `texts` goes into an empty store, and the rows there are the same but for the scores,
/// which are worked out anew.
fn is_taken_back(world: &mut World, texts: usize) {
    let exported = world.get("/contents/export").body;
    assert_eq!(exported.lines().count(), texts);
    let mut fresh = World::new("");
    let reply = import(&mut fresh, &exported).json();
    assert_eq!(reply["imported"], texts, "{reply}");
    let rows = |world: &World| {
        let rows = world.store.texts.values().cloned();
        rows.map(|row| TextRow {
            scores: None,
            ..row
        })
        .collect::<Vec<_>>()
    };
    assert!(rows(&fresh) == rows(world));
}
