//! Webhooks: that a job has ended is told, whoever is in trouble meanwhile.

use serde_json::Value;

use super::World;
use crate::engine::ConnId;
use crate::engine::hooks::GivenUp;
use crate::engine::io::{Gone, Input};
use crate::engine::work::{Kind, Work, WorkResult};
use crate::limits::hooks::{HOOK_ANSWER_BYTES, HOOK_ATTEMPTS, HOOK_PARALLEL};
use crate::limits::jobs::JOB_LEASE_MS;
use crate::proto::webhook::{Secret, sign};
use crate::store::{DeliveryState, DeliveryWrite, JobWrite, StoreError, Write};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HOOK: &str = "[webhook.orders]\nurl = \"http://10.0.0.9:9000/hook?a=b\"\n\
    secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const JOB: &str = r#"{"kind":"analyze","contents":["I like it."],"webhook":"orders"}"#;
const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A job that has ended, and whose webhook has got the news and not answered.
fn told(config: &str) -> World {
    let mut world = World::new(config);
    let client = world.post("/jobs", JOB);
    assert_eq!(world.reply(client).status, 202);
    world.pass(300);
    world
}

/// What stands in a request: its fields by name, and its body.
fn letter(world: &World, id: ConnId) -> (impl Fn(&str) -> String + use<>, Vec<u8>) {
    let text = String::from_utf8(world.sockets[&id].got.clone()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (head, body) = (head.to_owned(), body.as_bytes().to_vec());
    let field = move |name: &str| {
        let mut lines = head.lines().skip(1);
        let line = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
            .to_owned()
    };
    (field, body)
}

fn status(status: u16, fields: &str) -> String {
    format!("HTTP/1.1 {status} Told\r\n{fields}content-length: 0\r\n\r\n")
}

/// `GET /jobs/{id}` says it about the only job.
fn shown(world: &mut World) -> Value {
    let path = format!("/jobs/{}", world.store.jobs.only().id);
    world.get(&path).json()["webhook"].take()
}

fn state(world: &World) -> DeliveryState {
    world.store.jobs.deliveries.only().state
}

#[test]
fn the_end_of_a_job_is_told_and_signed() {
    let mut world = told(HOOK);
    let hook = world.upstream();
    assert_eq!(
        world.sockets[&hook].to.unwrap().to_string(),
        "10.0.0.9:9000"
    );
    let (field, body) = letter(&world, hook);
    let got = &world.sockets[&hook].got;
    assert!(got.starts_with(b"POST /hook?a=b HTTP/1.1\r\nhost: 10.0.0.9:9000\r\n"));
    let secret = [Secret::parse(SECRET).unwrap()];
    let seconds = field("webhook-timestamp").parse().unwrap();
    assert_eq!(seconds, world.now.wall_ms / 1_000);
    let signed = sign(&secret, &field("webhook-id"), seconds, &body);
    assert_eq!(field("webhook-signature"), signed);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let job = world.store.jobs.only().clone();
    assert_eq!(
        (&body["type"], &body["data"]["id"]),
        (&"job.ended".into(), &job.id.to_string().into())
    );
    assert_eq!(
        (&body["data"]["state"], &body["data"]["done"]),
        (&"done".into(), &1.into())
    );
    assert_eq!(body["timestamp"], body["data"]["finished_at"]);
    assert_eq!(body["data"].get("results"), None);
    let id = field("webhook-id");
    assert_eq!(shown(&mut world)["state"], "sending");
    world.answer(TAKEN);
    world.settle();
    assert!(world.upstreams().is_empty());
    let expected = serde_json::json!({
        "name": "orders", "id": id, "state": "delivered", "attempts": 1, "last_error": null,
        "next_at": null,
    });
    assert_eq!(shown(&mut world), expected);
    assert_eq!(
        world.metric("webhook_deliveries_total{what=\"delivered\"}"),
        1.0
    );
    world.pass(600_000);
    assert!(world.upstreams().is_empty());
}

#[test]
fn what_is_not_taken_is_told_again_under_the_same_id_and_then_given_up() {
    let mut world = told(&format!("{HOOK}retry_ms = 10\n"));
    let mut ids = Vec::new();
    for attempt in 1..=HOOK_ATTEMPTS {
        ids.push(letter(&world, world.upstream()).0("webhook-id"));
        world.answer(status(500, ""));
        world.settle();
        let row = world.store.jobs.deliveries.only();
        assert_eq!(
            (row.attempts, row.last_error.as_deref()),
            (attempt, Some("it answered 500"))
        );
        if attempt == 1 {
            assert!(shown(&mut world)["next_at"].is_string());
        }
        wait_for_the_next(&mut world);
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert!(world.upstreams().is_empty());
    assert_eq!(state(&world), DeliveryState::GivenUp);
    let given_up: Vec<GivenUp> = world.engine.webhooks_given_up().collect();
    assert_eq!((given_up.len(), &*given_up[0].hook), (1, "orders"));
    assert_eq!(
        world.metric("webhook_deliveries_total{what=\"failed\"}"),
        9.0
    );
    assert_eq!(
        world.metric("webhook_deliveries_total{what=\"given_up\"}"),
        1.0
    );
}

/// Until there is another attempt, or none to come.
fn wait_for_the_next(world: &mut World) {
    while world.upstreams().is_empty() && state(world) == DeliveryState::Due {
        world.pass(1_000);
    }
}

#[test]
fn only_2xx_is_taken_and_410_ends_it() {
    for (answer, expected) in [
        (status(200, ""), DeliveryState::Delivered),
        (status(299, ""), DeliveryState::Delivered),
        (
            status(302, "location: http://10.0.0.10/\r\n"),
            DeliveryState::Due,
        ),
        (status(404, ""), DeliveryState::Due),
        (status(410, ""), DeliveryState::GivenUp),
        (
            "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 202 Yes\r\n\r\n".to_owned(),
            DeliveryState::Sending,
        ),
        ("SSH-2.0-x\r\n".to_owned(), DeliveryState::Due),
    ] {
        let mut world = told(HOOK);
        world.answer(&answer);
        world.settle();
        assert_eq!(state(&world), expected, "{answer}");
    }
}

#[test]
fn the_body_of_an_answer_is_read_to_its_end_or_its_bound_and_dropped() {
    let mut world = told(HOOK);
    let hook = world.upstream();
    world.send(hook, "HTTP/1.1 200 OK\r\n\r\nthanks");
    assert_eq!(state(&world), DeliveryState::Sending);
    world.end(hook);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", DeliveryState::Delivered),
        ("HTTP/1.1 503 No\r\n\r\n", DeliveryState::Due),
    ] {
        let mut world = told(HOOK);
        let hook = world.upstream();
        world.send(hook, answer);
        world.send(hook, "x".repeat(HOOK_ANSWER_BYTES + 1));
        world.settle();
        assert!(world.upstreams().is_empty());
        assert_eq!(state(&world), expected, "{answer}");
    }
}

#[test]
fn whoever_does_not_answer_in_time_is_asked_again() {
    let errors = |trouble: fn(&mut World)| {
        let mut world = told(&format!("{HOOK}timeout_ms = 500\n"));
        trouble(&mut world);
        world.settle();
        assert!(world.upstreams().is_empty());
        let error = world.store.jobs.deliveries.only().last_error.clone();
        assert_eq!(state(&world), DeliveryState::Due);
        error.unwrap()
    };
    let late = errors(|world| world.pass(600));
    assert!(late.contains("in time"), "{late}");
    let closed = errors(|world| world.end(world.upstream()));
    assert!(closed.contains("without an answer"), "{closed}");
    let broken = errors(|world| world.reset(world.upstream(), Gone::Reset));
    assert!(broken.contains("broke"), "{broken}");
    // Nobody is there at all.
    let mut world = World::new(HOOK);
    world.slow_network = true;
    world.post("/jobs", JOB);
    world.pass(1_000);
    let dial = world.upstream();
    world.reset(dial, Gone::Refused);
    world.settle();
    let row = world.store.jobs.deliveries.only();
    assert_eq!(
        (row.state, row.last_error.as_deref()),
        (DeliveryState::Due, Some("nobody listens there"))
    );
}

#[test]
fn a_wait_that_a_webhook_asks_for_is_kept() {
    let mut world = told(HOOK);
    world.answer(status(429, "retry-after: 600\r\n"));
    world.pass(590_000);
    assert!(world.upstreams().is_empty());
    world.pass(15_000);
    assert_eq!(world.upstreams().len(), 1);
}

#[test]
fn over_tls_nothing_is_said_before_the_handshake() {
    let mut world = World::new(&HOOK.replace("http://", "https://"));
    world.slow_network = true;
    world.post("/jobs", JOB);
    world.pass(1_000);
    let hook = world.upstream();
    world.connect(hook);
    assert!(world.sockets[&hook].securing && world.unsent(hook).is_empty());
    world.secure(hook);
    world.settle();
    world.answer(TAKEN);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
    // A handshake that does not end is no attempt without an end.
    let mut world = World::new(&HOOK.replace("http://", "https://"));
    world.slow_network = true;
    world.post("/jobs", JOB);
    world.pass(1_000);
    world.connect(world.upstream());
    world.pass(6_000);
    assert_ne!(state(&world), DeliveryState::Sending);
}

/// The same rows, and another process.
fn next(mut world: World, config: &str) -> World {
    let mut next = World::with(config, super::world::SIZES, 2);
    next.store = std::mem::take(&mut world.store);
    next.now = world.now;
    next.pass(1);
    next
}

#[test]
fn a_process_that_dies_between_the_end_and_the_news_leaves_the_news_to_the_next_one() {
    // It has written the end of the job, and nothing else.
    let mut world = World::new(HOOK);
    world.post("/jobs", JOB);
    while world.store.jobs.jobs.is_empty() || state(&world) == DeliveryState::Waiting {
        world.pass(10);
    }
    assert!(world.upstreams().is_empty());
    let mut world = next(world, HOOK);
    world.pass(3_000);
    world.answer(TAKEN);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
}

#[test]
fn a_process_that_dies_over_an_attempt_is_followed_by_another_with_the_same_id() {
    let world = told(HOOK);
    let id = letter(&world, world.upstream()).0("webhook-id");
    let mut world = next(world, HOOK);
    world.pass(JOB_LEASE_MS);
    assert!(world.upstreams().is_empty()); // the attempt may still be going on
    world.pass(4 * 10_000);
    assert_eq!(letter(&world, world.upstream()).0("webhook-id"), id);
    world.answer(TAKEN);
    world.settle();
    assert_eq!(world.store.jobs.deliveries.only().attempts, 2);
}

#[test]
fn who_has_no_webhook_of_that_name_lets_it_wait() {
    let mut world = next(told(HOOK), "");
    world.pass(4 * JOB_LEASE_MS);
    assert_eq!(state(&world), DeliveryState::Sending);
    let mut world = next(world, &HOOK.replace("orders", "others"));
    world.pass(5_000);
    let row = world.store.jobs.deliveries.only();
    assert_eq!(row.last_error.as_deref(), Some("it is not configured here"));
    let mut world = next(world, HOOK);
    wait_for_the_next(&mut world);
    world.answer(TAKEN);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
}

#[test]
fn an_unknown_name_is_told_with_those_that_are_known() {
    let mut world = World::new(HOOK);
    for (config, name, words) in [(HOOK, "order", "orders"), ("", "orders", "no webhook")] {
        if config.is_empty() {
            world = World::new(config);
        }
        let client = world.post("/jobs", &JOB.replace("orders", name));
        let reply = world.reply(client);
        assert_eq!(reply.status, 422);
        let problem = reply.json();
        assert_eq!(
            (&problem["field"], &problem["code"]),
            (&"webhook".into(), &"invalid_field".into())
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{problem}"
        );
    }
    assert!(world.store.jobs.jobs.is_empty());
}

#[test]
fn no_more_than_a_few_are_told_at_a_time_and_all_in_the_end() {
    let mut world = World::new(HOOK);
    for _ in 0..2 * HOOK_PARALLEL + 1 {
        world.post("/jobs", JOB);
    }
    world.pass(3_000);
    assert_eq!(world.upstreams().len(), HOOK_PARALLEL);
    let mut told = 0;
    while told < 2 * HOOK_PARALLEL + 1 {
        let served = world.serve(TAKEN);
        assert!(served > 0, "{told} were told");
        told += served;
        world.pass(100);
    }
    assert!(world.upstreams().is_empty());
}

#[test]
fn a_cancelled_job_is_told_too() {
    let mut world = World::new(&format!("{HOOK}{}", super::PROVIDER));
    let body = r#"{"kind":"generate","topics":["tea"],"webhook":"orders"}"#;
    world.post("/jobs", body);
    world.pass(1_000);
    let path = format!("/jobs/{}", world.store.jobs.only().id);
    let client = world.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    world.reply(client);
    world.pass(1_000);
    let (_, body) = letter(&world, world.upstream());
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["data"]["state"], "cancelled");
}

#[test]
fn whoever_stops_gives_the_news_back() {
    let mut world = told(HOOK);
    world.feed(Input::Shutdown);
    world.settle();
    assert!(world.upstreams().is_empty());
    let row = world.store.jobs.deliveries.only();
    assert_eq!((row.state, row.attempts), (DeliveryState::Due, 0));
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    assert!(world.engine.is_finished());
}

/// The webhook has answered, and what came of it waits to be written: at this place.
fn answered(said: &str) -> (World, usize) {
    let mut world = told(HOOK);
    world.held.push(Kind::Write);
    world.answer(said);
    world.settle();
    let is_end = |work: &Work| match work {
        Work::Write(write) => matches!(&**write, Write::Job(job)
            if matches!(**job, JobWrite::Delivery(DeliveryWrite::End { .. }))),
        _ => false,
    };
    let at = world
        .jobs
        .iter()
        .position(|(_, work)| is_end(work))
        .unwrap();
    (world, at)
}

#[test]
fn an_end_that_was_stored_and_not_heard_of_is_told_in_the_log_and_counted() {
    let (mut world, at) = answered(&status(410, ""));
    world.lose_answer(at);
    world.held.clear();
    world.pass(5_000);
    assert_eq!(state(&world), DeliveryState::GivenUp);
    assert_eq!(world.engine.webhooks_given_up().count(), 1);
    let counted = |what: &str| {
        let name = format!("webhook_deliveries_total{{what=\"{what}\"}}");
        world.metric(&name)
    };
    assert_eq!((counted("given_up"), counted("lost")), (1.0, 0.0));
}

#[test]
fn an_end_that_was_not_stored_is_written_again_and_not_told_again() {
    let (mut world, at) = answered(TAKEN);
    let path = "maitred.db".into();
    world.fail_work(at, WorkResult::Written(Err(StoreError::Busy { path })));
    world.held.clear();
    world.pass(5_000);
    assert!(world.upstreams().is_empty());
    assert_eq!(state(&world), DeliveryState::Delivered);
}
