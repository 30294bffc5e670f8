//! What must be true of a reply, of a wait, and of a run at its end.

use maitred::engine::Mono;
use maitred::store::RequestOutcome;
use serde_json::Value;
use uuid::Uuid;

use super::guest::{Ask, What};
use super::host;
use super::play::Play;
use super::world::{Event, Reply};

/// Nobody who reads waits longer: a text may take 20 s in all, its scores and its row 5 s each, a
/// row that is resumed 5 s; and time passes in leaps of up to 4 s.
const LONGEST_WAIT_MS: u64 = 60_000;

/// A reply to `ask`, at the moment when it was read. `ask` is `None` for one that is only allowed
/// because its guest says things that are no requests.
pub(crate) fn judge(play: &Play, ask: Option<&Ask>, whole: bool, reply: &Reply) {
    assert!(reply.field("date").is_some(), "{reply:?}");
    if reply.field("content-type") == Some("application/problem+json") && !reply.body.is_empty() {
        let problem = reply.json();
        assert_eq!(problem["status"], reply.status, "{reply:?}");
        assert!(problem["code"].is_string() && problem["request_id"].is_string());
        assert_ne!(problem["code"], "internal", "{reply:?}");
    }
    // Who has not asked in full is told why it will not be heard, and that is the last word.
    assert!(
        whole || (reply.status >= 400 && reply.closes()),
        "{reply:?}"
    );
    if reply.status != 200 {
        return;
    }
    match ask.map(|ask| &ask.what) {
        Some(What::Text { topic, provider }) => {
            let text = host::text(*topic, *provider);
            if reply.field("content-type") == Some("application/json") {
                stored(play, &reply.json(), &text);
            } else {
                stream(play, &reply.events(), 0, Some(&text));
            }
        }
        Some(What::Resume { from, .. }) => stream(play, &reply.events(), *from as usize, None),
        Some(What::Scores { .. }) => {
            let id: Uuid = reply.json()["id"].as_str().unwrap().parse().unwrap();
            assert_eq!(reply.json()["sentiment"]["label"], "positive");
            assert!(play.world.store.analyses.contains_key(&id), "{id} is lost");
        }
        Some(What::Other) | None => {}
    }
}

/// What a stream says: `start` unless it is resumed, pieces that join, one end and nothing after.
fn stream(play: &Play, events: &[Event], from: usize, whole: Option<&str>) {
    let (last, before) = events.split_last().expect("a stream has an end");
    assert!(matches!(last.name.as_str(), "done" | "error"), "{events:?}");
    let starts = usize::from(whole.is_some());
    assert!(
        events
            .iter()
            .take(starts)
            .all(|event| event.name == "start")
    );
    let mut text = String::new();
    for event in &before[starts.min(before.len())..] {
        match event.name.as_str() {
            ":" => continue,
            "token" => text.push_str(event.data["text"].as_str().unwrap()),
            other => panic!("{other} in the middle: {events:?}"),
        }
        assert_eq!(event.id, Some((from + text.len()) as u64), "{events:?}");
    }
    if last.name == "error" {
        assert_ne!(last.data["code"], "internal", "{last:?}");
        return;
    }
    match whole {
        Some(whole) => {
            assert_eq!(text, whole);
            stored(play, &last.data, whole);
        }
        None => {
            let id: Uuid = last.data["id"].as_str().unwrap().parse().unwrap();
            if let Some(row) = play.world.store.texts.get(&id) {
                assert_eq!(row.text[from..], text);
            }
        }
    }
}

/// What is acknowledged is on disk at that moment, unless somebody had it deleted.
fn stored(play: &Play, document: &Value, text: &str) {
    assert_eq!(document["stored"], true, "{document}");
    if let Some(told) = document.get("generated_text") {
        assert_eq!(told, text);
    }
    let id: Uuid = document["id"].as_str().unwrap().parse().unwrap();
    match play.world.store.texts.get(&id) {
        Some(row) => assert_eq!(row.text, text),
        None => assert!(play.world.store.deleted.contains(&id), "{id} is lost"),
    }
}

/// Nobody who reads waits for ever.
pub(crate) fn patience(play: &Play) {
    let now = play.world.now.mono;
    for (id, guest) in &play.guests {
        let socket = &play.world.sockets[id];
        let reads = !guest.deaf && !guest.wild && !socket.dirty && socket.closed.is_none();
        let late = guest.since.plus_ms(LONGEST_WAIT_MS) < now;
        let in_vain = late && reads && guest.waits() && !guest.dismissed;
        assert!(!in_vain, "{id:?} waits in vain: {}", guest.describe());
    }
}

/// After the last step.
pub(crate) fn at_the_end(play: &Play) {
    if let Err(broken) = play.world.engine.check_empty() {
        panic!("something is left: {broken}");
    }
    assert_ne!(play.world.now.mono, Mono::NEVER);
    for (id, guest) in &play.guests {
        let socket = &play.world.sockets[id];
        assert!(socket.closed.is_some(), "{id:?} is not closed");
        // Only a connection that broke, or that the client gave up, may end inside a reply.
        let given_up = guest.ended || guest.deaf || play.was_cut(*id);
        assert!(
            socket.got.is_empty() || given_up,
            "{id:?} has {:?}",
            String::from_utf8_lossy(&socket.got)
        );
    }
    rows(play);
}

/// One row for each request that was accepted, but for those that the store was made to lose.
fn rows(play: &Play) {
    let figure = |name: &str| play.world.metric(name) as usize;
    let store = &play.world.store;
    let accepted = figure("generations_total") + figure("generations_coalesced_total");
    let of_texts = |route: &str| route == "/generate/";
    let kept = store.requests.values().filter(|row| of_texts(&row.route));
    let lost = play.lost.values().filter(|row| of_texts(&row.route));
    assert_eq!(kept.count() + lost.count(), accepted, "rows of texts");
    let scored = store
        .requests
        .values()
        .filter(|row| row.route == "/analyze/" && row.outcome == RequestOutcome::Ok);
    assert_eq!(scored.count(), store.analyses.len(), "rows of analyses");
    for id in &play.owed {
        let there = store.requests.contains_key(id) || play.lost.contains_key(id);
        assert!(there, "{id} has no row");
    }
    for name in ["calls", "ledger_bytes"] {
        assert_eq!(figure(name), 0, "{name}");
    }
}
