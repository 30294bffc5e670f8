//! `/contents/import`

use serde_json::json;

use super::contents::with_texts;
use super::{PROVIDER, World, openai, world::Reply};
use crate::engine::ConnId;
use crate::engine::io::Gone;
use crate::engine::work::{Kind, Work, WorkResult};
use crate::limits::{
    IMPORT_BATCH_BYTES, IMPORT_BATCH_ROWS, IMPORT_LINE_BYTES, IMPORT_LINGER_BYTES,
    IMPORT_LINGER_MS, IMPORTS,
};
use crate::store::{StoreError, Write, Written};

fn head(length: usize) -> String {
    format!(
        "POST /contents/import HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n"
    )
}

fn request(lines: &str) -> String {
    head(lines.len()) + lines
}

pub(super) fn import(world: &mut World, lines: &str) -> Reply {
    let client = world.ask(request(lines));
    world.reply(client)
}

/// `n` lines of about `bytes` bytes, with ids.
fn lines(n: usize, bytes: usize) -> String {
    (0..n)
        .map(|n| {
            let id = format!("0190d6a5-6f27-7ad0-8a5e-{n:012x}");
            let text = "I like it. ".repeat(bytes / 11);
            json!({"id": id, "topic": format!("tea {n}"), "text": text}).to_string() + "\n"
        })
        .collect()
}

#[test]
fn what_was_exported_is_imported_byte_for_byte() {
    let mut world = with_texts(5);
    let exported = world.get("/contents/export").body;
    let again = import(&mut world, &exported).json();
    assert_eq!(again, json!({"imported": 0, "skipped": 5, "scored": 0}));
    let mut fresh = World::new("");
    let reply = import(&mut fresh, &exported).json();
    assert_eq!(reply, json!({"imported": 5, "skipped": 0, "scored": 5}));
    assert_eq!(fresh.get("/contents/export").body, exported);
    assert_eq!(fresh.store.texts, world.store.texts);
    assert!(fresh.store.requests.is_empty());
}

#[test]
fn the_body_may_come_in_any_pieces() {
    let lines = lines(3, 50);
    for size in [1, 2, 7, 64] {
        let mut world = World::new("");
        let client = world.ask(head(lines.len()));
        for piece in lines.as_bytes().chunks(size) {
            world.send(client, piece);
        }
        assert_eq!(world.reply(client).json()["imported"], 3);
        assert_eq!(world.store.texts.len(), 3);
    }
}

#[test]
fn a_line_needs_a_topic_and_a_text_and_no_more() {
    let mut world = World::new("");
    let lines = "\r\n  \n{\"topic\":\" tea \",\"text\":\"nul \\u0000 é\"}\r\n\n{\"text\":\"b\",\"topic\":\"b\"}";
    let reply = import(&mut world, lines).json();
    assert_eq!(reply, json!({"imported": 2, "skipped": 0, "scored": 2}));
    let row = world.store.texts.values().next().unwrap();
    assert_eq!((row.term.as_str(), row.text.as_str()), ("tea", "nul \0 é"));
    assert_eq!(
        (row.provider.as_str(), row.model.as_str()),
        ("import", "import")
    );
    assert_eq!(row.created_ms, world.now.wall_ms);
    let empty = import(&mut world, "").json();
    assert_eq!(empty, json!({"imported": 0, "skipped": 0, "scored": 0}));
}

#[test]
fn a_wrong_line_is_named_and_what_is_before_it_is_stored() {
    for (line, field) in [
        (r#"{"topic":"a""#, None),
        ("[]", None),
        ("\u{0}", None),
        (r#"{"topic":"a"}"#, Some("text")),
        (r#"{"text":"a"}"#, Some("topic")),
        (r#"{"topic":null,"text":"a"}"#, Some("topic")),
        (r#"{"topic":"a","text":""}"#, Some("text")),
        (r#"{"topic":"a","text":5}"#, Some("text")),
        (r#"{"topic":"a","text":"a","id":"5"}"#, Some("id")),
        (
            r#"{"topic":"a","text":"a","id":"0190d6a5-6f27-4ad0-8a5e-000000000000"}"#,
            Some("id"),
        ),
        (
            r#"{"topic":"a","text":"a","created_at":"yesterday"}"#,
            Some("created_at"),
        ),
        (r#"{"topic":"a","text":"a","state":"done"}"#, Some("state")),
        (
            r#"{"topic":"a","text":"a","usage":{"prompt_tokens":-1}}"#,
            Some("usage"),
        ),
        (r#"{"topic":"a","text":"a","usage":[1,2]}"#, Some("usage")),
        (
            r#"{"topic":"a","text":"a","usage":{"tokens":1}}"#,
            Some("usage"),
        ),
        (r#"{"topic":"a","text":"a","texts":1}"#, Some("texts")),
        (r#"{"topic":"a","text":"a","text":"b"}"#, Some("text")),
    ] {
        let mut world = World::new("");
        let all = format!("{}\n{line}\n{}", lines(2, 20), lines(3, 20));
        let reply = import(&mut world, &all);
        assert_eq!(reply.problem(), (422, "invalid_line".to_owned()), "{line}");
        let problem = reply.json();
        assert_eq!(problem["line"], 4, "the third is empty: {problem}");
        assert_eq!(problem["field"].as_str(), field, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("ine 4"),
            "{problem}"
        );
        let stored = [
            &problem["imported"],
            &problem["skipped"],
            &problem["scored"],
        ];
        assert_eq!(stored, [2, 0, 2]);
        assert_eq!(world.store.texts.len(), 2);
        assert!(!reply.closes(), "its end was seen");
    }
}

#[test]
fn a_line_does_not_take_the_place_of_a_text_that_is_being_generated() {
    for held in [None, Some(Kind::Score), Some(Kind::Write)] {
        let mut world = World::new(PROVIDER);
        let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
        world.answer([openai::STREAM, &openai::word("Tea")].concat());
        let id = world.events(client)[0].data["id"].clone();
        world.held.extend(held);
        if held.is_some() {
            world.answer([&openai::finish(), &openai::done(), openai::END].concat());
        }
        let line = json!({"id": id, "topic": "tea", "text": "another"}).to_string();
        let importer = world.ask(request(&(line + "\n" + &lines(1, 20))));
        world.held.clear();
        world.settle();
        let reply = world.reply(importer).json();
        assert_eq!(reply, json!({"imported": 1, "skipped": 1, "scored": 1}));
        if held.is_none() {
            world.answer([&openai::finish(), &openai::done(), openai::END].concat());
        }
        assert_eq!(world.reply(client).events().last().unwrap().name, "done");
        let texts = world.store.texts.values();
        let tea: Vec<_> = texts.filter(|row| row.term == "tea").collect();
        assert_eq!((tea.len(), tea[0].text.as_str()), (1, "Tea"));
    }
}

/// Sends `bytes` as far as the engine reads.
fn push(world: &mut World, client: ConnId, bytes: &[u8]) -> usize {
    for (n, piece) in bytes.chunks(8 * 1024).enumerate() {
        if world.sockets[&client].paused {
            return n * 8 * 1024;
        }
        world.send(client, piece);
    }
    bytes.len()
}

#[test]
fn a_client_is_not_read_from_while_a_scorer_or_the_writer_is_behind() {
    for behind in [Kind::Score, Kind::Write] {
        let mut world = World::new("");
        world.held = vec![behind];
        let all = lines(1_000, 2_000);
        let client = world.ask(head(all.len()));
        let taken = push(&mut world, client, all.as_bytes());
        assert!(taken < IMPORT_BATCH_BYTES + 16 * 1024, "{taken}");
        let used = world.metric("ledger_bytes") as usize;
        assert!(used < 3 * IMPORT_BATCH_BYTES, "{used} bytes");
        world.pass(4_000);
        assert!(
            !world.is_over(client),
            "a wait of ours is no fault of the client's"
        );
        world.held.clear();
        world.send(client, &all.as_bytes()[taken..]);
        assert_eq!(world.reply(client).json()["imported"], 1_000);
        assert_eq!(world.metric("ledger_bytes"), 0.0);
    }
}

#[test]
fn however_short_the_lines_are_a_transaction_has_so_many_rows_and_no_more() {
    let mut world = World::new("");
    world.held = vec![Kind::Write];
    let tiny = "{\"topic\":\"a\",\"text\":\"b\"}\n";
    let all = tiny.repeat(60_000) + tiny.trim_end();
    let client = world.ask(head(all.len()));
    let (mut sent, mut batches) = (0, 0);
    loop {
        sent += push(&mut world, client, &all.as_bytes()[sent..]);
        let Some((_, Work::Write(write))) = world.jobs.first() else {
            break;
        };
        let Write::Import(rows) = write.as_ref() else {
            panic!("{write:?}");
        };
        assert!(rows.len() <= IMPORT_BATCH_ROWS, "{} rows", rows.len());
        batches += 1;
        world.work(0);
        world.settle();
    }
    assert_eq!(batches, 60_001_usize.div_ceil(IMPORT_BATCH_ROWS));
    assert_eq!(world.reply(client).json()["imported"], 60_001);
    assert_eq!(world.metric("ledger_bytes"), 0.0);
}

#[test]
fn one_long_line_is_read_and_a_longer_one_is_not() {
    let mut world = World::new("");
    let long = json!({"topic": "tea", "text": "\u{1}".repeat(4 << 20)}).to_string();
    let all = format!("{}{long}\n{}", lines(1, 50_000), lines(1, 20));
    let reply = import(&mut world, &all).json();
    assert_eq!(reply, json!({"imported": 2, "skipped": 1, "scored": 2}));

    let client = world.ask(head(1 << 30));
    let line = format!("{}\n", lines(1, 20)).into_bytes();
    world.send(client, &line);
    let piece = vec![b' '; 1 << 20];
    for _ in 0..=IMPORT_LINE_BYTES >> 20 {
        world.send(client, &piece);
    }
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (422, "invalid_line".to_owned()));
    assert_eq!(reply.json()["line"], 3);
    assert!(reply.closes(), "the rest of it is not read");
}

#[test]
fn what_was_stored_stays_when_the_client_goes() {
    let all = lines(400, 2_000);
    for at in [Kind::Score, Kind::Write, Kind::Parse] {
        let mut world = World::new("");
        world.held = vec![at];
        let client = world.ask(head(all.len()));
        push(&mut world, client, &all.as_bytes()[..all.len() / 2]);
        world.reset(client, Gone::Reset);
        world.held.clear();
        world.settle();
        let stored = world.store.texts.len();
        let whole = |stored: usize| stored > 100 && stored < 200;
        assert!(
            if at == Kind::Score {
                stored == 0
            } else {
                whole(stored)
            },
            "{stored}"
        );
        world.engine.check_empty().unwrap();
        assert_eq!(world.metric("rows_lost_total"), 0.0);
    }
}

#[test]
fn a_client_that_ends_early_has_left_and_one_that_ends_after_all_has_not() {
    let all = lines(3, 20);
    let mut world = World::new("");
    let client = world.ask(head(all.len() + 1) + &all);
    world.end(client);
    assert!(world.is_over(client) && world.is_quiet(client));
    world.held = vec![Kind::Score];
    let client = world.ask(request(&all));
    world.end(client);
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).json()["imported"], 3);
}

#[test]
fn a_store_that_fails_in_the_middle_is_said_with_what_is_there() {
    let all = lines(400, 2_000);
    let busy = || WorkResult::Written(Err(StoreError::Busy { path: "a".into() }));
    let other = || WorkResult::Written(Ok(Written::Saved));
    for (result, code) in [
        (Some(busy()), "store_busy"),
        (Some(other()), "internal"),
        (Some(WorkResult::Panicked), "worker_panicked"),
        (None, "store_timeout"),
    ] {
        let mut world = World::new("");
        let client = world.ask(head(all.len()));
        world.send(client, &all.as_bytes()[..all.len() / 2]);
        world.held = vec![Kind::Write];
        world.send(client, &all.as_bytes()[all.len() / 2..all.len() - 1]);
        match result {
            Some(result) => world.fail_work(0, result),
            None => world.pass(5_001),
        }
        world.settle();
        let reply = world.reply(client);
        assert_eq!(reply.problem().1, code);
        assert_eq!(reply.json()["imported"], world.store.texts.len());
        assert!(reply.closes());
    }
}

#[test]
fn only_so_many_at_a_time_and_the_next_request_follows() {
    let mut world = World::new("");
    let all = lines(1, 20);
    let open: Vec<_> = (0..IMPORTS).map(|_| world.ask(head(all.len()))).collect();
    let refused = import(&mut world, &all);
    assert_eq!(refused.problem(), (503, "imports_full".to_owned()));
    for client in open {
        world.send(
            client,
            [all.as_str(), "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"].concat(),
        );
        assert_eq!(world.reply(client).status, 200);
        assert_eq!(world.reply(client).body, "ok\n");
    }
    assert_eq!(import(&mut world, &all).json()["skipped"], 1);
}

#[test]
fn a_body_of_another_kind_is_refused_before_it_comes() {
    let mut world = World::new("");
    for kind in [
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
    ] {
        let client = world.ask(head(1 << 30).replace("application/x-ndjson", kind));
        let reply = world.reply(client);
        assert_eq!(reply.problem(), (415, "unsupported_media_type".to_owned()));
        assert!(
            reply.json()["detail"]
                .as_str()
                .unwrap()
                .contains("application/x-ndjson")
        );
    }
    for kind in ["application/jsonl; charset=utf-8", "application/ndjson"] {
        let client = world.ask(request("").replace("application/x-ndjson", kind));
        assert_eq!(world.reply(client).status, 200);
    }
}

#[test]
fn whoever_sends_all_before_it_reads_gets_to_know_what_is_wrong() {
    let mut world = World::new("");
    let client = world.ask(head(60 << 20) + "wrong\n");
    let piece = vec![b'x'; 1 << 20];
    let lines = [&piece[1..], b"\n"].concat();
    world.send(client, &lines);
    let reply = world.reply(client);
    assert_eq!((reply.status, reply.closes()), (422, true));
    world.pass(IMPORT_LINGER_MS - 1);
    for _ in 1..60 {
        world.send(client, &piece);
    }
    assert!(world.sockets[&client].closed.is_none(), "no reset so far");
    world.pass(2);
    assert!(world.sockets[&client].closed.is_some());

    let client = world.ask(head(1 << 30).replace("x-ndjson", "pdf"));
    assert_eq!(world.reply(client).status, 415);
    for _ in 0..IMPORT_LINGER_BYTES >> 20 {
        assert!(world.sockets[&client].closed.is_none());
        world.send(client, &piece);
    }
    assert!(world.sockets[&client].closed.is_some(), "not without end");
}

#[test]
fn a_pause_of_the_client_has_its_deadline() {
    let mut world = World::new("");
    let client = world.ask(head(1 << 20));
    world.send(client, lines(2, 20));
    world.pass(10_001);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (408, "body_timeout".to_owned()));
    assert_eq!(reply.json()["imported"], 0, "they were no batch yet");
}
