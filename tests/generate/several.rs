//! Several texts for one request, over real sockets.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::client::post;
use crate::support::{Act, Provider, Script, Server, database, ms};

/// A provider that takes 300 ms for each text.
fn slow(text: &'static str) -> Provider {
    Provider::start(move |_| {
        let mut script = Script::default().wait(ms(300));
        script.0.extend(Script::whole(text).0);
        script
    })
}

#[test]
fn twenty_texts_of_a_batch_take_as_long_as_one() {
    let provider = slow("All about it.");
    let server = Server::start(&provider.config(""));
    let topics: Vec<String> = (0..20).map(|n| format!("topic {n}")).collect();
    let begun = Instant::now();
    let reply = server.ask(post("/batch", &json!({ "topics": topics }).to_string()));
    let took = begun.elapsed();
    assert!(
        took < ms(20 * 300 / 2),
        "{took:?}, one after the other is 6 s"
    );
    assert_eq!(reply.field("content-type"), Some("application/x-ndjson"));
    let mut seen: Vec<String> = reply.text().lines().map(topic_of_whole).collect();
    seen.sort();
    let mut asked = topics;
    asked.sort();
    assert_eq!(seen, asked);
    let data = server.house().data();
    database::wait_for_count(&data, "SELECT count(*) FROM generated_content", 20);
    database::wait_for_count(&data, "SELECT count(*) FROM requests", 1);
}

/// The topic of a line that has its text.
fn topic_of_whole(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["generated_text"], "All about it.");
    assert_eq!(line["stored"], true);
    line["topic"].as_str().unwrap().to_owned()
}

#[test]
fn candidates_are_asked_for_side_by_side_and_the_best_is_the_answer() {
    let provider = slow("The cat sat on the mat. It was good.");
    let server = Server::start(&provider.config(""));
    let begun = Instant::now();
    let body = r#"{"topic":"tea","candidates":8,"prefer":{"flesch_kincaid_grade":1}}"#;
    let reply = server.ask(post("/generate/", body)).json();
    assert!(begun.elapsed() < ms(8 * 300 / 2));
    assert_eq!(provider.asked().len(), 8);
    let shown = reply["candidates"].as_array().unwrap();
    let chosen: Vec<_> = shown.iter().filter(|c| c["chosen"] == true).collect();
    assert_eq!((shown.len(), chosen.len()), (8, 1));
    assert_eq!(chosen[0]["id"], reply["id"]);
}

#[test]
fn who_leaves_a_batch_ends_its_calls() {
    let provider = Provider::start(|_| Script::default().then(Act::Hang));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(post("/batch", r#"{"topics":["a","b","c"]}"#));
    provider.wait_for_requests(3);
    drop(client);
    provider.wait_for_deserters(3);
    let sql = "SELECT count(*) FROM requests WHERE outcome = 'client_gone' AND route = '/batch'";
    database::wait_for_count(&server.house().data(), sql, 1);
}
