//! The golden files of `tests/golden`, from end to end: nine pairs, eight endings.

use std::fs;
use std::path::PathBuf;

use super::openai::{END, STREAM, answer};
use super::{DIALECTS, World, ask, chunk, provider, word};
use crate::dialect::Dialect;
use crate::store::{RequestOutcome, TextState};

#[path = "../../../../tests/golden/upstream.rs"]
pub(super) mod upstream;

use upstream::Ending;

/// The two halves of a golden file: streamed, and not.
fn golden(ours: Dialect, theirs: Dialect, ending: Ending) -> (String, String) {
    let name = format!("{}-{}-{}.txt", word(ours), word(theirs), ending.name());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let (streamed, whole) = text
        .split_once("-------- not streamed --------\n")
        .unwrap_or((&text, ""));
    (streamed.to_owned(), whole.trim_end().to_owned())
}

/// Ids and words of an answer as they stand in the files.
fn as_in_the_files(world: &World, ours: Dialect, text: &str, failed: bool) -> String {
    let row = world.store.request();
    let id = row.generation_id.unwrap().simple().to_string();
    let (prefix, letters, short) = match ours {
        Dialect::OpenAi => ("chatcmpl-", "chatcmpl", "chatcmpl7"),
        Dialect::Anthropic => ("msg_", "msg", "msg7"),
        Dialect::Gemini => ("", "", "7"),
    };
    let long = format!("{letters}{id}");
    let mut text = text
        .replace(&format!("{prefix}{id}"), &format!("{prefix}7"))
        .replace(&long[long.len() - 24..], short)
        .replace(&row.id.to_string(), "req_7");
    if failed && let Some(at) = text.rfind("\"message\":\"") {
        let at = at + 11;
        let end = at + text[at..].find('"').unwrap();
        text.replace_range(at..end, "The provider broke off.");
        // The files know of no wait that goes with an error.
        let wait = r#","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1s"}]"#;
        text = text.replace(wait, "");
    }
    text
}

fn streamed(ours: Dialect, theirs: Dialect, ending: Ending, step: usize) {
    let mut world = World::new(&provider(theirs));
    let client = ask(&mut world, ours, true);
    let body = upstream::stream(theirs, ending);
    // What a provider's body is like to who reads it must not depend on its chunks.
    let middle = body.len() / 2
        + (0..)
            .find(|n| body.is_char_boundary(body.len() / 2 + n))
            .unwrap();
    let (first, second) = body.split_at(middle);
    let bytes = [STREAM, &chunk(first), &chunk(second), END].concat();
    for piece in bytes.as_bytes().chunks(step) {
        if world.upstreams().len() == 1 {
            world.answer(piece);
        }
    }
    let reply = world.reply(client);
    assert_eq!(reply.status, 200);
    let got = as_in_the_files(&world, ours, &reply.body, !ending.is_whole());
    let (expected, _) = golden(ours, theirs, ending);
    let name = format!("{ours:?} {theirs:?} {ending:?} by {step}");
    assert_eq!(got, expected, "{name}");
    let outcome = world.store.request().outcome;
    let state = world.store.texts.values().next().map(|row| row.state);
    match ending.is_whole() {
        true => assert_eq!(
            (outcome, state),
            (RequestOutcome::Ok, Some(TextState::Complete)),
            "{name}"
        ),
        false => {
            let expected = (RequestOutcome::Truncated, Some(TextState::Truncated));
            assert_eq!((outcome, state), expected, "{name}");
            assert!(world.is_over(client));
        }
    }
}

#[test]
fn every_client_gets_every_providers_stream_to_the_byte() {
    for ours in DIALECTS {
        for theirs in DIALECTS {
            for ending in Ending::ALL {
                for step in [usize::MAX, 101] {
                    streamed(ours, theirs, ending, step);
                }
            }
            streamed(ours, theirs, Ending::Tool, 3);
        }
    }
}

#[test]
fn every_client_gets_every_providers_document_to_the_byte() {
    for ours in DIALECTS {
        for theirs in DIALECTS {
            for ending in Ending::ALL {
                let Some(body) = upstream::whole(theirs, ending) else {
                    continue;
                };
                let mut world = World::new(&provider(theirs));
                let client = ask(&mut world, ours, false);
                world.answer(answer(200, "", &body));
                let reply = world.reply(client);
                let mut got = as_in_the_files(&world, ours, &reply.body, !ending.is_whole());
                if let Some(code) = reply.json()["error"]["code"].as_str() {
                    // Nothing of it was sent, so the code says more than in a stream.
                    got = got.replace(&format!("\"{code}\""), "\"stream_interrupted\"");
                }
                if !ending.is_whole() {
                    got = format!("{} {}", reply.status, got);
                }
                let (_, expected) = golden(ours, theirs, ending);
                assert_eq!(got, expected, "{ours:?} {theirs:?} {ending:?}");
            }
        }
    }
}
