//! What must be true at the end of a run.

use super::cast::{Guest, Play};
use super::world::{Reply, Socket, take_reply};

pub(crate) fn check(play: &Play) {
    if let Err(broken) = play.world.engine.check_empty() {
        panic!("something is left: {broken}");
    }
    for (id, guest) in &play.guests {
        let replies = replies(&play.world.sockets[id], guest);
        for reply in &replies {
            acknowledged(play, reply);
        }
        let most = guest.heads.len() + usize::from(guest.rude) + 1; // one for a time limit
        assert!(
            replies.len() <= most,
            "{id:?} has {} replies",
            replies.len()
        );
    }
    rows(play);
}

/// The replies that a guest has got: well formed, one after the other, the last one perhaps cut,
/// but only if the connection was.
fn replies(socket: &Socket, guest: &Guest) -> Vec<Reply> {
    let mut bytes = socket.got.clone();
    let ended = socket.fin || socket.closed.is_some();
    let mut replies = Vec::new();
    loop {
        let head = guest.heads.get(replies.len()).copied().unwrap_or(false);
        match take_reply(&mut bytes, head, ended) {
            Ok(Some(reply)) => replies.push(reply),
            Ok(None) => {
                let cut = socket.closed.is_some();
                assert!(bytes.is_empty() || cut, "a reply is not whole: {bytes:?}");
                return replies;
            }
            Err(stray) => panic!("{stray:?}"),
        }
    }
}

/// What was acknowledged is in the store, or was deleted on request.
fn acknowledged(play: &Play, reply: &Reply) {
    let kind = reply.field("content-type").unwrap_or("");
    let documents: Vec<serde_json::Value> = if kind.starts_with("text/event-stream") {
        let events = reply.events();
        let ends = events
            .iter()
            .filter(|event| matches!(event.name.as_str(), "done" | "error"))
            .count();
        assert_eq!(ends, 1, "a stream has one end: {reply:?}");
        events
            .into_iter()
            .filter(|event| event.name == "done")
            .map(|event| event.data)
            .collect()
    } else if kind == "application/json" && reply.status == 200 {
        let document = reply.json();
        if document["keywords"].is_array() {
            let id = document["id"].as_str().unwrap().parse().unwrap();
            let there = play.world.store.keywords.contains_key(&id);
            assert!(there, "the keywords {id} are lost");
        }
        vec![document]
    } else {
        return;
    };
    for document in documents {
        if document["stored"] != true {
            continue;
        }
        let id = document["id"].as_str().unwrap().parse().unwrap();
        let there = play.world.store.texts.contains_key(&id);
        assert!(
            there || play.world.store.deleted.contains(&id),
            "{id} is lost"
        );
        if let (Some(row), Some(text)) = (
            play.world.store.texts.get(&id),
            document["generated_text"].as_str(),
        ) {
            assert_eq!(row.text, text);
        }
    }
}

/// One row for each request that was accepted, unless the store was made to fail.
fn rows(play: &Play) {
    let figure = |name: &str| play.world.metric(name) as usize;
    let asked = figure("generations_total") + figure("generations_coalesced_total");
    let rows = play
        .world
        .store
        .requests
        .values()
        .filter(|row| row.generation_id.is_some())
        .count();
    if play.store_fails {
        assert!(rows <= asked);
    } else {
        assert_eq!(rows, asked, "rows of requests for texts and lists");
        assert_eq!(figure("rows_lost_total"), 0);
    }
    for name in ["calls", "ledger_bytes"] {
        assert_eq!(figure(name), 0, "{name}");
    }
}
