//! Several texts for one request: `POST /batch`, and `candidates` of `POST /generate/`.

use serde_json::Value;

use super::openai::{answer, whole};
use super::world::Reply;
use super::{PROVIDER, World};
use crate::engine::ConnId;
use crate::engine::work::{Kind, WorkResult};
use crate::store::{RequestOutcome, StoreError};

const EASY: &str = "The cat sat on the mat. It was good. We love the cat.";
const HARD: &str = "Institutional considerations notwithstanding, representative methodologies \
                    necessitate horrible compromises.";

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.field("content-type"), Some("application/x-ndjson"));
    let lines = reply.body.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn batch(world: &mut World, topics: &[&str]) -> ConnId {
    let topics = serde_json::to_string(topics).unwrap();
    world.post("/batch", &format!(r#"{{"topics":{topics}}}"#))
}

fn candidates(world: &mut World, n: usize, more: &str) -> ConnId {
    world.post(
        "/generate/",
        &format!(r#"{{"topic":"tea","candidates":{n}{more}}}"#),
    )
}

#[test]
fn all_topics_are_asked_for_at_once_and_each_is_told_as_it_ends() {
    let mut world = World::new(PROVIDER);
    let client = batch(&mut world, &["tea", "rice", "salt"]);
    let calls = world.upstreams();
    assert_eq!(calls.len(), 3, "upstream calls run side by side");

    world.send(calls[2], whole("All about salt."));
    let got = String::from_utf8_lossy(&world.sockets[&client].got).into_owned();
    assert!(
        got.contains("All about salt."),
        "the first line does not wait"
    );
    world.send(calls[0], whole("All about tea."));
    world.send(calls[1], whole("All about rice."));

    let lines = lines(&world.reply(client));
    let order: Vec<_> = lines
        .iter()
        .map(|line| line["index"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [2, 0, 1]);
    assert_eq!(lines[1]["topic"], "tea");
    assert_eq!(lines[1]["generated_text"], "All about tea.");
    assert!(lines[1]["stored"].as_bool().unwrap() && lines[1]["readability"].is_object());
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (3, 1)
    );
    let row = world.store.request();
    assert_eq!(
        (row.route.as_str(), row.outcome),
        ("/batch", RequestOutcome::Ok)
    );
    assert_eq!(
        (row.prompt_tokens, row.completion_tokens),
        (Some(27), Some(9))
    );
}

#[test]
fn a_topic_that_fails_is_a_line_of_its_own() {
    let mut world = World::new(PROVIDER);
    let client = batch(&mut world, &["tea", "rice"]);
    let calls = world.upstreams();
    world.send(
        calls[0],
        answer(
            400,
            "",
            r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
        ),
    );
    world.send(calls[1], whole("All about rice."));
    let lines = lines(&world.reply(client));
    assert_eq!(lines[0]["topic"], "tea");
    assert_eq!(lines[0]["error"]["status"], 502);
    assert_eq!(lines[0]["error"]["code"], "upstream_rejected");
    assert_eq!(lines[1]["generated_text"], "All about rice.");
    assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
}

#[test]
fn no_more_texts_are_in_hand_than_the_provider_takes_calls() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 2\n"));
    let topics: Vec<String> = (0..7).map(|n| format!("topic {n}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let client = batch(&mut world, &topics);
    for _ in 0..7 {
        let calls = world.upstreams();
        assert!(calls.len() <= 2);
        let busy = calls.iter().find(|id| !world.sockets[id].got.is_empty());
        let busy = *busy.unwrap();
        world.sockets.get_mut(&busy).unwrap().got.clear();
        world.send(busy, whole("A text."));
    }
    assert_eq!(lines(&world.reply(client)).len(), 7);
}

#[test]
fn a_client_that_does_not_read_starts_no_more_calls() {
    let mut world = World::new("");
    let topics: Vec<String> = (0..1000).map(|n| format!("topic {n}")).collect();
    let topics = serde_json::to_string(&topics).unwrap();
    let body = format!(r#"{{"topics":{topics},"max_tokens":2000}}"#);
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.send(client, super::post("/batch", &body));
    let begun = world.metric("generations_total");
    assert!(begun < 200.0, "{begun} of 1000 texts");

    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert_eq!(lines(&world.reply(client)).len(), 1000);
    assert_eq!(world.store.texts.len(), 1000);
}

#[test]
fn the_same_topic_twice_is_one_text_and_two_lines() {
    let mut world = World::new(PROVIDER);
    let client = batch(&mut world, &["tea", "tea"]);
    world.answer(whole("All about tea."));
    let lines = lines(&world.reply(client));
    assert_eq!(lines[0]["id"], lines[1]["id"]);
    assert_eq!(
        world.store.request().completion_tokens,
        Some(3),
        "paid once"
    );
}

#[test]
fn a_client_that_leaves_its_batch_ends_every_call_and_leaves_one_row() {
    let mut world = World::new(PROVIDER);
    let client = batch(&mut world, &["tea", "rice", "salt"]);
    let calls = world.upstreams();
    world.send(calls[0], whole("All about tea."));
    world.end(client);
    world.settle();
    assert!(calls[1..].iter().all(|call| world.is_over(*call)));
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
}

#[test]
fn a_shutdown_ends_a_batch_with_a_line_for_each_topic() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    let client = batch(&mut world, &["tea", "rice", "salt"]);
    world.feed(crate::engine::io::Input::Shutdown);
    world.pass(31_000);
    let lines = lines(&world.reply(client));
    let codes: Vec<_> = lines.iter().map(|line| &line["error"]["code"]).collect();
    assert_eq!(codes, ["shutting_down"; 3]);
    assert!(world.engine.is_finished() || world.is_over(client));
}

#[test]
fn a_batch_whose_row_is_not_stored_is_cut_and_not_ended() {
    let lost = StoreError::Corrupt { path: "x".into() };
    for result in [WorkResult::Written(Err(lost)), WorkResult::Panicked] {
        let mut world = World::new(PROVIDER);
        let client = batch(&mut world, &["tea"]);
        world.held.push(Kind::Write);
        world.answer(whole("All about tea."));
        world.work(0); // the text
        world.settle();
        world.fail_work(0, result);
        world.settle();
        let got = String::from_utf8_lossy(&world.sockets[&client].got).into_owned();
        assert!(
            got.contains("All about tea.") && got.ends_with("}\n\r\n"),
            "{got}"
        );
        assert!(world.is_over(client));
    }
}

#[test]
fn the_best_of_several_texts_is_the_answer_and_all_are_shown() {
    for (wish, best, text) in [
        (r#","prefer":{"flesch_kincaid_grade":2}"#, 1, EASY),
        (r#","prefer":{"flesch_kincaid_grade":20}"#, 0, HARD),
        (r#","prefer":{"sentiment":"positive"}"#, 1, EASY),
        (r#","prefer":{"sentiment":"negative"}"#, 0, HARD),
        ("", 1, EASY),
    ] {
        let mut world = World::new(PROVIDER);
        let client = candidates(&mut world, 2, wish);
        let calls = world.upstreams();
        assert_eq!(calls.len(), 2, "two texts, though the prompt is the same");
        world.send(calls[0], whole(HARD));
        assert!(world.is_quiet(client));
        world.send(calls[1], whole(EASY));
        let reply = world.reply(client).json();
        assert_eq!(reply["generated_text"], text, "{wish}");
        let shown = reply["candidates"].as_array().unwrap();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[best]["chosen"], true);
        assert_eq!(shown[1 - best]["chosen"], false);
        assert!(shown[best]["distance"].as_f64() < shown[1 - best]["distance"].as_f64());
        assert_eq!(shown[best]["id"], reply["id"]);
        assert_eq!(
            (world.store.texts.len(), world.store.requests.len()),
            (2, 1)
        );
        assert_eq!(world.store.request().completion_tokens, Some(6), "of both");
    }
}

#[test]
fn a_candidate_that_fails_leaves_the_choice_to_the_others() {
    let mut world = World::new(PROVIDER);
    let client = candidates(&mut world, 2, "");
    let calls = world.upstreams();
    world.send(
        calls[0],
        answer(
            400,
            "",
            r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
        ),
    );
    world.send(calls[1], whole(EASY));
    let reply = world.reply(client).json();
    assert_eq!(reply["generated_text"], EASY);
    assert_eq!(reply["candidates"][0]["error"]["code"], "upstream_rejected");
    assert_eq!(reply["candidates"][1]["chosen"], true);
}

#[test]
fn candidates_come_one_after_the_other_if_the_provider_takes_one_call_at_a_time() {
    let mut world = World::new(&format!("{PROVIDER}connections = 1\n"));
    let client = candidates(&mut world, 3, "");
    for _ in 0..3 {
        assert!(world.is_quiet(client));
        world.answer(whole(EASY));
    }
    let reply = world.reply(client).json();
    assert_eq!(reply["candidates"].as_array().unwrap().len(), 3);
    assert_eq!(world.store.texts.len(), 3);
}

#[test]
fn if_all_candidates_fail_the_first_failure_is_the_answer() {
    let mut world = World::new(PROVIDER);
    let client = candidates(&mut world, 2, "");
    for call in world.upstreams() {
        world.send(
            call,
            answer(
                400,
                "",
                r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
            ),
        );
    }
    assert_eq!(
        world.reply(client).problem(),
        (502, "upstream_rejected".into())
    );
    assert_eq!(
        world.store.request().outcome,
        RequestOutcome::ProviderFailed
    );
    assert!(world.store.texts.is_empty());
}

#[test]
fn equal_requests_for_candidates_share_all_of_them() {
    let mut world = World::new(PROVIDER);
    let first = candidates(&mut world, 2, "");
    let second = candidates(&mut world, 2, r#","prefer":{"flesch_kincaid_grade":20}"#);
    let calls = world.upstreams();
    assert_eq!(calls.len(), 2);
    world.send(calls[0], whole(HARD));
    world.send(calls[1], whole(EASY));
    assert_eq!(world.reply(first).json()["generated_text"], EASY);
    assert_eq!(world.reply(second).json()["generated_text"], HARD);
    assert_eq!(world.store.requests.len(), 2);
}

#[test]
fn a_server_that_is_full_refuses_a_batch_as_it_refuses_a_text() {
    let mut world = World::new(PROVIDER);
    for n in 0..62 {
        world.post("/generate/", &format!(r#"{{"topic":"topic {n}"}}"#));
    }
    let client = batch(&mut world, &["a", "b", "c"]);
    assert!(
        world.is_quiet(client) || !world.is_over(client),
        "two fit, one waits"
    );
    let late = batch(&mut world, &["d"]);
    assert_eq!(
        world.reply(late).problem(),
        (503, "generations_full".into())
    );
    assert_eq!(
        world.store.requests.len(),
        0,
        "what is refused leaves no row"
    );
}

#[test]
fn batches_at_one_small_provider_wait_for_each_other_and_lose_no_topic() {
    let mut world = World::new(&format!("{PROVIDER}connections = 2\n"));
    let topics: Vec<String> = (0..10).map(|n| format!("topic {n}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let others: Vec<String> = (10..20).map(|n| format!("topic {n}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let clients = [batch(&mut world, &topics), batch(&mut world, &others)];
    let mut answered = 0;
    while answered < 20 {
        world.pass(3_000); // longer than a single request would wait for its turn
        for call in world.upstreams() {
            let socket = world.sockets.get_mut(&call).unwrap();
            if !std::mem::take(&mut socket.got).is_empty() {
                world.send(call, whole("A text."));
                answered += 1;
            }
        }
    }
    for client in clients {
        for line in lines(&world.reply(client)) {
            assert_eq!(line["generated_text"], "A text.", "{line}");
        }
    }
}
