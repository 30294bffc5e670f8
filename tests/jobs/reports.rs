//! Reports by the real server: the same over both databases, and there once whoever is killed.

use serde_json::{Value, json};

use crate::support::client::post;
use crate::support::postgres::Postgres;
use crate::support::{Server, get, until};
use crate::{JOBS, replicas};

const TEXTS: usize = 3_000;

/// Imports texts about many topics, in many months.
fn fill(server: &Server) {
    let mut random = fastrand::Rng::with_seed(4);
    let lines: String = (0..TEXTS)
        .map(|_| {
            let topic = format!("topic {}", random.u16(0..300));
            let text = random.choice(["I love green tea.", "What awful weather!", "So."]);
            let (month, day) = (random.u8(1..=12), random.u8(1..=28));
            let time = format!("2025-{month:02}-{day:02}T10:00:00Z");
            let line = json!({"topic": topic, "text": text, "created_at": time});
            format!("{line}\n")
        })
        .collect();
    let request =
        post("/contents/import", &lines).replace("application/json", "application/x-ndjson");
    let reply = server.ask(request);
    assert_eq!(reply.json()["imported"], TEXTS, "{}", reply.text());
}

/// Asks for a report; its path.
fn make(server: &Server, ask: &Value) -> String {
    let reply = server.ask(post("/jobs", &ask.to_string()));
    assert_eq!(reply.status, 202, "{}", reply.text());
    format!("/jobs/{}", reply.json()["id"].as_str().unwrap())
}

/// What has come of it.
fn result(server: &Server, path: &str) -> Value {
    let page = until("the report is there", || {
        let page = server.ask(get(path)).json();
        (page["state"] == "done").then_some(page)
    });
    assert_eq!((&page["done"], &page["failed"]), (&1.into(), &0.into()));
    page["results"][0]["result"].clone()
}

fn asks() -> [Value; 3] {
    [
        json!({"kind": "report"}),
        json!({"kind": "report", "topic": "TOPIC 7", "per": "hour"}),
        json!({"kind": "report", "from": "2025-03-01T00:00:00Z", "to": "2025-06-01T00:00:00Z", "top": 3}),
    ]
}

#[test]
fn a_report_is_there_although_its_server_is_killed() {
    let server = Server::start(JOBS);
    fill(&server);
    let path = make(&server, &json!({"kind": "report"}));
    let server = Server::start_in(server.kill(), JOBS);
    let said = result(&server, &path);
    assert_eq!(
        (&said["texts"], &said["read"]),
        (&TEXTS.into(), &TEXTS.into())
    );
    let labels = said["labels"]["sentiment"].as_object().unwrap();
    assert_eq!(labels.len(), 3);
    let all: u64 = labels.values().map(|texts| texts.as_u64().unwrap()).sum();
    assert_eq!(all, TEXTS as u64);
    let sum = |list: &str, rest: &str| {
        let texts = |group: &Value| group["texts"].as_u64().unwrap();
        said[list]
            .as_array()
            .unwrap()
            .iter()
            .map(texts)
            .sum::<u64>()
            + texts(&said[rest])
    };
    assert_eq!(sum("topics", "other_topics"), TEXTS as u64);
    assert_eq!(sum("times", "earlier"), TEXTS as u64);
}

#[test]
#[ignore = "needs postgresql"]
fn both_databases_give_the_same_report_and_the_other_replica_finishes_it() {
    let file = Server::start(JOBS);
    fill(&file);
    let postgres = Postgres::start();
    let [first, second] = replicas(&postgres, JOBS);
    fill(&first);
    for ask in asks() {
        let of_file = result(&file, &make(&file, &ask));
        assert_eq!(of_file, result(&second, &make(&first, &ask)), "{ask}");
        assert!(of_file["texts"].as_u64().unwrap() > 0);
    }
    let path = make(&first, &json!({"kind": "report"}));
    drop(first.kill());
    assert_eq!(result(&second, &path)["texts"], TEXTS);
}
