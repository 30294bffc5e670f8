//! `/contents`

use super::{PROVIDER, World, openai};
use crate::engine::work::{Kind, WorkResult};
use crate::store::StoreError;

pub(super) fn with_texts(n: usize) -> World {
    let mut world = World::new("");
    texts_into(&mut world, n);
    world
}

pub(super) fn texts_into(world: &mut World, n: usize) {
    for n in 0..n {
        let client = world.post("/generate/", &format!(r#"{{"topic":"tea {n}"}}"#));
        world.end(client);
        world.pass(10);
    }
}

fn delete(world: &mut World, path: &str) -> super::world::Reply {
    let client = world.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    world.reply(client)
}

#[test]
fn pages_are_the_newest_first_and_each_names_the_next() {
    let mut world = with_texts(5);
    let mut path = "/contents?limit=2".to_owned();
    let mut topics = Vec::new();
    loop {
        let page = world.get(&path).json();
        for row in page["contents"].as_array().unwrap() {
            topics.push(row["topic"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/contents?limit=2&cursor={next}");
    }
    assert_eq!(topics, ["tea 4", "tea 3", "tea 2", "tea 1", "tea 0"]);
    let found = world.get("/contents?topic=TEA+3").json();
    assert_eq!(found["contents"].as_array().unwrap().len(), 1);
    assert_eq!(found.get("indexing"), None);
    let found = world.get("/contents?q=tea%202").json();
    assert_eq!(found["contents"].as_array().unwrap().len(), 1);
    assert_eq!(found["indexing"], false);
}

#[test]
fn one_text_is_read_and_removed() {
    let mut world = with_texts(1);
    let row = world.store.text().clone();
    let path = format!("/contents/{}", row.id);
    let reply = world.get(&path).json();
    assert_eq!(reply["text"], row.text);
    assert_eq!(reply["created_at"], "2023-11-14T22:13:20.000Z");
    assert_eq!(delete(&mut world, &path).status, 204);
    assert!(world.store.texts.is_empty());
    for reply in [world.get(&path), delete(&mut world, &path)] {
        assert_eq!(reply.problem(), (404, "not_found".to_owned()));
    }
}

#[test]
fn a_text_that_was_removed_cannot_be_resumed_from_memory() {
    let mut world = with_texts(1);
    let id = world.store.text().id;
    delete(&mut world, &format!("/contents/{id}"));
    assert_eq!(world.get(&format!("/generate/{id}/events")).status, 404);
}

#[test]
fn a_store_that_fails_or_is_silent_is_said_so() {
    for (result, code) in [
        (Some(WorkResult::Panicked), "worker_panicked"),
        (
            Some(WorkResult::Found(Err(StoreError::Corrupt {
                path: "a".into(),
            }))),
            "store_corrupt",
        ),
        (None, "store_timeout"),
    ] {
        let mut world = World::new("");
        world.held = vec![Kind::Read];
        let client = world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n");
        match result {
            Some(result) => world.fail_work(0, result),
            None => world.pass(5_001),
        }
        world.settle();
        assert_eq!(world.reply(client).problem().1, code);
    }
}

#[test]
fn a_half_closed_client_gets_its_page() {
    let mut world = with_texts(1);
    world.held = vec![Kind::Read];
    let client = world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n");
    world.end(client);
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).status, 200);
    assert!(world.is_over(client));
}

#[test]
fn more_reads_than_may_wait_are_refused() {
    let mut world = World::with(
        "",
        crate::engine::Sizes {
            clients: 2_000,
            ..super::world::SIZES
        },
        1,
    );
    world.held = vec![Kind::Read];
    let get = "GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let room = crate::limits::READ_WAITING + world.jobs.len() + 8;
    for _ in 0..room {
        let client = world.ask(get);
        assert!(world.is_quiet(client));
    }
    let client = world.ask(get);
    assert_eq!(
        world.reply(client).problem(),
        (503, "store_queue_full".to_owned())
    );
}

#[test]
fn large_texts_for_clients_that_do_not_read_stay_within_the_ledger() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nledger_bytes = 16777216\n"));
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.answer(openai::whole(&"All about tea. ".repeat(60_000)));
    let id = world.reply(client).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = format!("GET /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let clients: Vec<_> = (0..40).map(|_| world.client()).collect();
    for client in &clients {
        world.sockets.get_mut(client).unwrap().stalled = true;
    }
    for client in &clients {
        world.send(*client, &request);
    }
    let peak = world.metric("ledger_peak_bytes");
    assert!(peak < 18.0 * 1048576.0, "{peak} bytes");
}
