//! The offline provider: everything works with nothing configured.

use serde_json::Value;

use crate::support::response::text_of;
use crate::support::{Server, generate, get};

const QUICK: &str = "[offline]\ngap_ms = 1\ntokens = 60\n";

/// What every finished text says of itself, whole or in `done`.
fn check(answer: &Value) {
    assert_eq!(
        (&answer["provider"], &answer["offline"]),
        (&"offline".into(), &true.into())
    );
    assert_eq!(
        (&answer["stored"], &answer["cached"]),
        (&true.into(), &false.into())
    );
    assert!(answer["usage"]["total_tokens"].is_u64(), "{answer}");
    assert!(
        answer["readability"]["flesch_kincaid_grade"].is_f64(),
        "{answer}"
    );
    assert!(answer["sentiment"]["label"].is_string(), "{answer}");
    for id in ["id", "search_term_id"] {
        assert_eq!(answer[id].as_str().unwrap().len(), 36, "{id}");
    }
}

#[test]
fn whole() {
    let server = Server::start(QUICK);
    let response = server.ask(generate("green tea", false));
    assert_eq!(
        (response.status, response.field("content-type")),
        (200, Some("application/json"))
    );
    let answer = response.json();
    check(&answer);
    let text = answer["generated_text"].as_str().unwrap();
    assert!(text.contains("green tea") && text.len() > 100, "{text}");

    let stored = server.ask(get(&format!(
        "/contents/{}",
        answer["id"].as_str().unwrap()
    )));
    assert_eq!(stored.json()["text"], text);
    assert_eq!(stored.json()["state"], "complete");
}

#[test]
fn streamed() {
    let server = Server::start(QUICK);
    let mut client = server.connect();
    let head = client.send(generate("green tea", true)).head();
    assert_eq!(
        head.field("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(head.field("cache-control"), Some("no-cache"));
    assert_eq!(head.field("content-encoding"), None);
    let events = client.events();
    let (start, done) = (events.first().unwrap(), events.last().unwrap());
    assert_eq!((start.name.as_str(), done.name.as_str()), ("start", "done"));
    check(&done.json());
    assert_eq!(start.json()["id"], done.json()["id"]);
    assert!(events.len() > 20, "token by token, not all at once");

    let text = text_of(&events, 0);
    let stored = server.ask(get(&format!(
        "/contents/{}",
        done.json()["id"].as_str().unwrap()
    )));
    assert_eq!(stored.json()["text"], text);
    assert_eq!(
        client.send(get("/healthz")).response().status,
        200,
        "the connection goes on"
    );
}

#[test]
fn the_same_topic_gives_the_same_text_and_the_same_term() {
    let server = Server::start(QUICK);
    let [first, second] = [(); 2].map(|()| server.ask(generate("tea", false)).json());
    assert_eq!(first["generated_text"], second["generated_text"]);
    assert_eq!(first["search_term_id"], second["search_term_id"]);
    assert_ne!(first["id"], second["id"]);
}

#[test]
fn a_stream_may_be_asked_for_by_accept() {
    let server = Server::start(QUICK);
    let request =
        generate("tea", false).replace("\r\nHost", "\r\nAccept: text/event-stream\r\nHost");
    let mut client = server.connect();
    client.send(request).head();
    assert_eq!(client.events().last().unwrap().name, "done");
}

#[test]
fn what_is_stored_is_listed_page_by_page_and_deleted() {
    let server = Server::start("[offline]\ngap_ms = 0\ntokens = 5\n");
    let ids: Vec<Value> = (0..5)
        .map(|n| server.ask(generate(&format!("topic {n}"), false)).json()["id"].clone())
        .collect();
    let mut listed = Vec::new();
    let mut path = "/contents?limit=2".to_owned();
    loop {
        let page = server.ask(get(&path)).json();
        listed.extend(
            page["contents"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].clone()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/contents?limit=2&cursor={next}");
    }
    listed.reverse();
    assert_eq!(listed, ids, "the newest first, each once");

    let one = format!("/contents/{}", ids[2].as_str().unwrap());
    let delete = get(&one).replace("GET", "DELETE");
    assert_eq!(server.ask(&delete).status, 204);
    assert_eq!(server.ask(&delete).status, 404);
    assert_eq!(server.ask(get(&one)).status, 404);
    let of_topic = server.ask(get("/contents?topic=topic%203")).json();
    assert_eq!(of_topic["contents"].as_array().unwrap().len(), 1);
}

#[test]
fn a_silent_stream_has_a_heartbeat() {
    let server =
        Server::start("[limits]\nheartbeat_ms = 100\n[offline]\ngap_ms = 350\ntokens = 2\n");
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let names: Vec<String> = client
        .events()
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(names[0], "start", "a heartbeat comes after it: {names:?}");
    assert!(
        names.iter().filter(|name| *name == ":").count() >= 2,
        "{names:?}"
    );
}
