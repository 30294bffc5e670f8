//! What is stored, as somebody uses it: found, taken out, brought back, in constant memory.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write as _;

use serde_json::{Value, json};
use support::{Client, House, Server, database, generate, get, ms, process};

const QUICK: &str = "[offline]\ngap_ms = 0\ntokens = 60\n";

/// The head of an import, of a length that is known or comes in chunks.
fn import_head(framing: &str) -> String {
    format!(
        "POST /contents/import HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-ndjson\r\n{framing}\r\n\r\n"
    )
}

fn import(server: &Server, lines: &[u8]) -> Value {
    let mut request = import_head(&format!("Content-Length: {}", lines.len())).into_bytes();
    request.extend_from_slice(lines);
    let response = server.ask(request);
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

fn export(server: &Server) -> Vec<u8> {
    let response = server.ask(get("/contents/export"));
    assert_eq!(response.status, 200);
    response.body
}

/// How many texts a search finds.
fn found(server: &Server, query: &str) -> usize {
    let page = server.ask(get(&format!("/contents?{query}"))).json();
    page["contents"].as_array().unwrap().len()
}

/// What the store is asked for next follows from bytes that left, and not from anything that came:
/// a loop that sleeps then goes on when some timer is due, seconds later.
#[test]
fn an_export_goes_on_though_nothing_else_happens() {
    let server = Server::start(QUICK);
    let text = "a ".repeat(2 * 1024 * 1024);
    let line = |n| json!({"topic": format!("t{n}"), "text": text}).to_string() + "\n";
    let lines: String = (0..4).map(line).collect();
    import(&server, lines.as_bytes());
    for round in 0..6 {
        let begun = std::time::Instant::now();
        assert!(export(&server).len() > lines.len());
        let took = begun.elapsed();
        assert!(took < ms(2_500), "round {round}: {took:?}");
    }
}

#[test]
fn an_export_brings_everything_back_byte_for_byte() {
    let server = Server::start(QUICK);
    for topic in [
        "green tea",
        "Ölmühlen",
        "a \"quoted\" topic\\ with\ttab",
        "🍵",
    ] {
        assert_eq!(server.ask(generate(topic, false)).status, 200);
    }
    let exported = export(&server);
    assert_eq!(exported.iter().filter(|byte| **byte == b'\n').count(), 4);
    let again = import(&server, &exported);
    assert_eq!(
        again,
        json!({"imported": 0, "skipped": 4, "scored": 0}),
        "no doubles"
    );

    // Away with all of it, one by one, and back.
    for line in std::str::from_utf8(&exported).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let path = format!("/contents/{}", row["id"].as_str().unwrap());
        assert_eq!(server.ask(get(&path).replace("GET", "DELETE")).status, 204);
    }
    assert_eq!(export(&server), b"");
    assert_eq!(found(&server, "q=tea"), 0);
    let back = import(&server, &exported);
    assert_eq!(back, json!({"imported": 4, "skipped": 0, "scored": 4}));
    assert_eq!(export(&server), exported);
    assert_eq!(found(&server, "q=tea"), 1);
    assert_eq!(found(&server, "q=olmuhl"), 1);

    // And into the house of somebody else.
    let other = Server::start(QUICK);
    import(&other, &exported);
    assert_eq!(export(&other), exported);
}

#[test]
fn a_text_is_found_as_soon_as_it_was_answered_and_never_after_it_was_deleted() {
    let server = Server::start(QUICK);
    let mut ids = Vec::new();
    for topic in ["green tea", "black tea", "coffee"] {
        let answer = server.ask(generate(topic, false)).json();
        ids.push(answer["id"].as_str().unwrap().to_owned());
        let word = topic.split(' ').next().unwrap();
        assert_eq!(found(&server, &format!("q={word}")), 1);
    }
    assert_eq!(found(&server, "q=tea"), 2);
    assert_eq!(found(&server, "q=tea&topic=green+tea"), 1);
    assert_eq!(
        found(&server, "q=%22tea%20OR%20(*"),
        0,
        "words, and not a language"
    );
    let delete = get(&format!("/contents/{}", ids[0])).replace("GET", "DELETE");
    assert_eq!(server.ask(delete).status, 204);
    assert_eq!(found(&server, "q=tea"), 1);
    // The index is on disk like everything else.
    let server = Server::start_in(server.kill(), QUICK);
    assert_eq!(found(&server, "q=black"), 1);
}

/// Some text that costs little to score.
fn filler(kib: usize) -> String {
    "We walked home slowly. ".repeat(kib * 1024 / 23)
}

fn line(n: usize, text: &str) -> String {
    let id = format!("0190d6a5-6f27-7ad0-8a5e-{n:012x}");
    json!({"id": id, "topic": format!("walk {n}"), "text": text}).to_string() + "\n"
}

#[test]
#[cfg(target_os = "linux")]
fn import_and_export_take_no_more_memory_for_more_texts() {
    let server = Server::start(QUICK);
    let text = filler(64);
    let mut client = server.connect();
    client.send(import_head("Transfer-Encoding: chunked"));
    let (mut resident, mut most) = (0, 0);
    for n in 0..256 {
        let line = line(n, &text);
        client.send(format!("{:x}\r\n{line}\r\n", line.len()));
        let now = process::resident_bytes(server.pid());
        most = most.max(now);
        if n == 31 {
            resident = now; // caches and buffers have their size
        }
    }
    client.send("0\r\n\r\n");
    let answer = client.response().json();
    assert_eq!(
        answer,
        json!({"imported": 256, "skipped": 0, "scored": 256})
    );
    let mib = 1 << 20;
    assert!(
        most < resident + 8 * mib,
        "{} MiB, then {}",
        resident / mib,
        most / mib
    );

    // A reader that takes its time, of all 16 MiB.
    let mut client = Client::connect_narrow(server.addr);
    client.send(get("/contents/export"));
    assert_eq!(client.head().status, 200);
    std::thread::sleep(ms(300));
    let waiting = process::resident_bytes(server.pid());
    assert!(
        waiting < most + 4 * mib,
        "{} MiB, then {}",
        most / mib,
        waiting / mib
    );
    assert!(server.metric("maitred_ledger_bytes") < mib as f64);
    let all = client.rest_of_body();
    assert_eq!(all.iter().filter(|byte| **byte == b'\n').count(), 256);
    let most = most.max(waiting);
    let now = process::resident_bytes(server.pid());
    assert!(
        now < most + 4 * mib,
        "{} MiB, then {}",
        most / mib,
        now / mib
    );
}

#[test]
fn an_import_that_broke_off_is_sent_again_without_doubles() {
    let server = Server::start(QUICK);
    let lines: String = (0..40).map(|n| line(n, &filler(32))).collect();
    let mut client = server.connect();
    client.send(import_head(&format!("Content-Length: {}", lines.len())));
    client.send(&lines[..lines.len() / 2]);
    support::until("a first batch", || {
        let page = server.ask(get("/contents")).json();
        (!page["contents"].as_array().unwrap().is_empty()).then_some(())
    });
    let server = Server::start_in(server.kill(), QUICK);
    let half = export(&server)
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    assert!(half > 0 && half < 40);
    let answer = import(&server, lines.as_bytes());
    let expected = json!({"imported": 40 - half, "skipped": half, "scored": 40 - half});
    assert_eq!(answer, expected);
    assert_eq!(
        export(&server)
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        40
    );
}

#[test]
fn an_export_that_cannot_go_on_is_cut_and_not_just_short() {
    let server = Server::start(QUICK);
    let lines: String = (0..100).map(|n| line(n, &filler(16))).collect();
    import(&server, lines.as_bytes());
    let mut client = Client::connect_narrow(server.addr);
    client.send(get("/contents/export"));
    assert_eq!(client.head().status, 200);
    // The tables change under it: the next read finds none of ours.
    let db = rusqlite::Connection::open(database::file(&server.house().data())).unwrap();
    support::until("the writer has a moment", || {
        db.execute_batch("ALTER TABLE search_terms RENAME TO gone")
            .ok()
    });
    let (body, whole) = client.body_until_cut();
    assert!(!body.is_empty());
    assert!(!whole, "it looks like all there is");
    support::until("a line in the log", || {
        server.log().contains("/contents/export").then_some(())
    });
}

/// A store of the version before has no index: its texts are taken in after the start.
#[test]
fn texts_of_the_version_before_are_found_after_the_start() {
    let house = House::new();
    std::fs::create_dir(house.data()).unwrap();
    let db = rusqlite::Connection::open(house.data().join("maitred.db")).unwrap();
    db.execute_batch(include_str!(
        "../src/store/migrations/0001_first_tables.sql"
    ))
    .unwrap();
    db.execute_batch("PRAGMA application_id = 0x6d747264; PRAGMA user_version = 1")
        .unwrap();
    db.execute_batch(
        "INSERT INTO search_terms VALUES ('local', x'00112233445566778899aabbccddeeff', 'tea',
            x'00', 0);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 500)
         INSERT INTO generated_content
         SELECT 'local', unhex(printf('0190d6a56f277ad08a5e%012x', n)),
            x'00112233445566778899aabbccddeeff', x'00', 'complete', 'offline', 'offline', 1, NULL,
            NULL, NULL, 0, 0, 8, 'an older', 'an older text'
         FROM n;",
    )
    .unwrap();
    drop(db);
    let server = Server::start_in(house, QUICK);
    support::until("the index", || {
        let page = server.ask(get("/contents?q=older&limit=100")).json();
        let all = page["indexing"] == false;
        all.then(|| assert_eq!(page["contents"].as_array().unwrap().len(), 100))
    });
    assert!(server.log().contains("500"), "{}", server.log());
}

#[test]
#[ignore = "needs curl"]
fn curl_takes_them_out_and_brings_them_back() {
    let server = Server::start(QUICK);
    server.ask(generate("green tea", false));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let url = format!("http://{}/contents", server.addr);
    let curl = |arguments: &[&str]| {
        let output = std::process::Command::new("curl")
            .args(["-sS", "--fail-with-body"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    let lines = curl(&[&format!("{url}/export")]);
    file.write_all(&lines).unwrap();
    let path = file.path().to_str().unwrap();
    let kind = "Content-Type: application/x-ndjson";
    for how in [
        &["--data-binary", &format!("@{path}")],
        &["-XPOST", &format!("-T{path}")],
    ] {
        let answer = curl(&[how[0], how[1], "-H", kind, &format!("{url}/import")]);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["skipped"], 1);
    }
}

/// Texts of the first hours of 2024, each about its own topic.
fn old_lines(count: u64) -> String {
    let line = |n| {
        format!(
            "{{\"id\":\"018cc251-f400-7000-8000-{n:012x}\",\"topic\":\"tea {n}\",\"text\":\"Old.\"}}\n"
        )
    };
    (0..count).map(line).collect()
}

#[test]
fn texts_that_are_too_old_are_gone_soon_after_the_start_and_others_are_not() {
    let server = Server::start(QUICK);
    import(&server, old_lines(300).as_bytes());
    server.ask(generate("green tea", false));
    let house = server.kill();
    let server = Server::start_in(house, &format!("{QUICK}[retention]\ntexts_days = 30\n"));
    support::until("the old ones are gone", || {
        (server.metric("maitred_rows_expired_total") >= 300.0).then_some(())
    });
    assert_eq!(
        export(&server)
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        1
    );
    let db = rusqlite::Connection::open(database::file(&server.house().data())).unwrap();
    let left: i64 = db
        .query_row("SELECT count(*) FROM search_terms", (), |row| row.get(0))
        .unwrap();
    assert_eq!(left, 1);
}
