//! Rows that the database cannot take wait in the spill journal: with a database that another process
//! has locked, with `kill -9` at any moment, with a journal that is damaged or somebody else's.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures and seeds for whoever runs it")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use support::client::{delete, post};
use support::ledger::{self, Ledger};
use support::{House, Server, database, generate, get, ms, until};

const QUICK: &str = "[offline]\ngap_ms = 0\ntokens = 20\n";

/// A lock of another process on the database, until it is dropped.
struct Lock(Connection);

impl Lock {
    fn take(data: &Path) -> Lock {
        let db = Connection::open(database::file(data)).unwrap();
        db.busy_timeout(Duration::from_secs(20)).unwrap();
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        Lock(db)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

fn id_of(answer: &serde_json::Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

/// The segments of a journal, the oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("segment-") && !name.ends_with(".tmp") // one that is being made
    });
    files.sort();
    files
}

#[test]
fn a_text_does_not_wait_for_a_lock_and_is_in_the_database_after_it() {
    let server = Server::start(QUICK);
    let data = server.house().data();
    let before = server.ask(generate("before", false)).json();
    assert_eq!(before.get("stored_in"), None);

    let lock = Lock::take(&data);
    let begun = Instant::now();
    let first = server.ask(generate("tea", false)).json();
    assert!(begun.elapsed() < ms(3_000), "{:?}", begun.elapsed());
    assert_eq!(first["stored"], true);
    assert_eq!(first["stored_in"], "journal");
    let analysis = server.ask(post("/analyze/", r#"{"content":"I love tea."}"#));
    let keywords = server.ask(post(
        "/keywords/",
        r#"{"content":"Green tea is tea.","method":"local"}"#,
    ));
    assert_eq!((analysis.status, keywords.status), (200, 200));
    let second = server.ask(generate("coffee", false)).json();

    // It can be read, listed and deleted as if it were in the database.
    let read = server
        .ask(get(&format!("/contents/{}", id_of(&first))))
        .json();
    assert_eq!(read["text"], first["generated_text"]);
    let list = server.ask(get("/contents")).json();
    let listed: Vec<String> = (list["contents"].as_array().unwrap().iter())
        .map(id_of)
        .collect();
    assert_eq!(listed, [id_of(&second), id_of(&first), id_of(&before)]);
    let gone = server.ask(delete(&format!("/contents/{}", id_of(&second))));
    assert_eq!(gone.status, 204);
    assert_eq!(
        server
            .ask(get(&format!("/contents/{}", id_of(&second))))
            .status,
        404
    );

    let ready = server.ask(get("/readyz"));
    assert_eq!(
        (ready.status, ready.text()),
        (
            200,
            "degraded: the database takes no rows, and rows wait in the journal\n"
        )
    );
    assert_eq!(server.metric("maitred_journal_rows"), 5.0);
    assert!(server.metric("maitred_journal_bytes") > 1_000.0);
    drop(lock);

    until("the journal is empty", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    assert_eq!(server.ask(get("/readyz")).text(), "ready\n");
    assert_eq!(server.metric("maitred_journal_replayed_total"), 5.0);
    let house = server.kill();
    let db = database::open(&house.data());
    let mut found: Vec<String> = database::texts(&db).into_iter().map(|row| row.0).collect();
    found.sort();
    let mut expected = [id_of(&before), id_of(&first)];
    expected.sort();
    assert_eq!(found, expected);
    for (table, rows) in [("requests", 5), ("sentiment_analysis", 3)] {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(database::count(&db, &sql), rows, "{table}");
    }
    assert!(database::count(&db, "SELECT count(*) FROM generated_keywords") > 0);
}

/// One of three rows is none that the database will ever take. It is kept in a file of its own and does
/// not stand in the way of the others.
#[test]
fn a_row_that_the_database_refuses_is_set_aside_and_the_others_go_on() {
    let server = Server::start(QUICK);
    let data = server.house().data();
    let lock = Lock::take(&data);
    lock.0
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON search_terms WHEN NEW.term = 'poison'
             BEGIN SELECT RAISE(ABORT, 'no'); END;
             COMMIT; BEGIN IMMEDIATE",
        )
        .unwrap();
    let asked = ["tea", "poison", "coffee"].map(|topic| server.ask(generate(topic, false)).json());
    assert!(asked.iter().all(|answer| answer["stored_in"] == "journal"));
    drop(lock);
    until("nothing waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    assert_eq!(server.metric("maitred_journal_rows_aside"), 1.0);
    assert_eq!(server.metric("maitred_journal_replayed_total"), 2.0);
    let ready = server.ask(get("/readyz"));
    assert_eq!(
        (ready.status, ready.text()),
        (
            200,
            "degraded: the database refuses rows, which are set aside in the journal\n"
        )
    );
    let house = server.kill();
    let found = database::texts(&database::open(&house.data()));
    assert_eq!(found.len(), 2);
    let folder = house.data().join("journal");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let aside = files.find(|path| path.extension().is_some_and(|it| it == "json"));
    let kept = std::fs::read_to_string(aside.unwrap()).unwrap();
    assert!(kept.contains(&id_of(&asked[1])) && kept.contains("poison"));
    let server = Server::start_in(house, QUICK);
    assert_eq!(server.metric("maitred_journal_rows_aside"), 1.0, "still");
}

#[test]
fn what_waits_survives_kill_9_and_a_change_of_mind() {
    let server = Server::start(QUICK);
    let lock = Lock::take(&server.house().data());
    let first = server.ask(generate("tea", false)).json();
    let second = server.ask(generate("coffee", false)).json();
    assert_eq!(second["stored_in"], "journal");
    let house = server.kill();
    drop(lock);
    assert!(database::check(&database::open(&house.data())).is_empty());

    // Whatever the setting is now: what waits comes to the database.
    let server = Server::start_in(house, &format!("durable = \"strict\"\n{QUICK}"));
    for answer in [&first, &second] {
        let read = server
            .ask(get(&format!("/contents/{}", id_of(answer))))
            .json();
        assert_eq!(
            read["text"], answer["generated_text"],
            "from the first moment on"
        );
    }
    let sql = "SELECT count(*) FROM generated_content";
    database::wait_for_count(&server.house().data(), sql, 2);
    server.terminate();
    let house = server.wait().house;
    assert_eq!(database::check(&database::open(&house.data())).len(), 2);
}

/// Another process locks the database now and then, and never for long.
fn lock_now_and_then(data: &Path, until: &AtomicBool, random: &mut fastrand::Rng) {
    while !until.load(Ordering::Relaxed) {
        let lock = Lock::take(data);
        std::thread::sleep(ms(random.u64(500..1_800)));
        drop(lock);
        std::thread::sleep(ms(random.u64(0..200)));
    }
}

#[test]
fn kill_9_with_a_database_that_comes_and_goes_loses_nothing_and_doubles_nothing() {
    let (kills, mut random) = ledger::kills();
    let ledger = Ledger::default();
    let mut house = House::new();
    for _ in 0..kills {
        let server = Server::start_in(house, QUICK);
        let (addr, data) = (server.addr, server.house().data());
        let moment = ms(random.u64(200..2_000));
        let over = AtomicBool::new(false);
        let mut other = random.fork();
        house = std::thread::scope(|scope| {
            scope.spawn(|| lock_now_and_then(&data, &over, &mut other));
            ledger.fill_while(addr, || {
                std::thread::sleep(moment);
                over.store(true, Ordering::Relaxed);
                server.kill()
            })
        });
    }
    // One more start, and everything is in the database.
    let server = Server::start_in(house, QUICK);
    until("the journal is empty", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    let house = server.kill();
    let db = database::open(&house.data());
    database::check(&db);
    ledger.compare(&database::whole_texts(&db));
    let (texts, spilled) = (ledger.texts(), ledger.spilled());
    println!("{texts} texts acknowledged, {spilled} of them by way of the journal");
    assert!(
        spilled >= kills,
        "only {spilled} of {texts}: the drill drilled nothing"
    );
}

#[test]
fn a_damaged_journal_is_kept_and_said_and_what_was_before_is_replayed() {
    let server = Server::start(QUICK);
    let data = server.house().data();
    let lock = Lock::take(&data);
    for topic in ["first", "second", "third"] {
        assert_eq!(
            server.ask(generate(topic, false)).json()["stored_in"],
            "journal"
        );
    }
    let segment = segments(&data.join("journal")).remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    let second = bytes
        .windows(6)
        .position(|window| window == b"second")
        .unwrap();
    bytes[second] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    drop(lock);

    let sql = "SELECT count(*) FROM generated_content";
    database::wait_for_count(&data, sql, 1);
    let said = until("it says so", || {
        let ready = server.ask(get("/readyz"));
        (ready.status == 503).then(|| ready.text().to_owned())
    });
    assert_eq!(said, "not ready: the journal is damaged\n");
    until("the log says where", || {
        server.log().contains("is damaged at byte").then_some(())
    });
    assert_eq!(
        std::fs::read(&segment).unwrap(),
        bytes,
        "the file is as it was"
    );
    // The database works, so texts do.
    let answer = server.ask(generate("tea", false)).json();
    assert_eq!(
        (&answer["stored"], answer.get("stored_in")),
        (&true.into(), None)
    );
    // What cannot be kept is not promised.
    let lock = Lock::take(&data);
    let refused = server.ask(generate("coffee", false));
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "store_busy")
    );
    drop(lock);
}

#[test]
fn a_server_that_stops_says_how_many_rows_it_leaves_in_the_journal() {
    let server = Server::start(QUICK);
    let lock = Lock::take(&server.house().data());
    for topic in ["tea", "coffee"] {
        assert_eq!(server.ask(generate(topic, false)).status, 200);
    }
    server.terminate();
    let ended = server.wait();
    assert!(
        ended.log.contains("stopped: rows wait in the journal"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("rows=2"), "{}", ended.log);
    drop(lock);
}

#[test]
fn a_journal_has_one_server_at_a_time() {
    let shared = House::new();
    let config = format!("journal_dir = {:?}\n{QUICK}", shared.path().join("journal"));
    let server = Server::start(&config);
    let other = House::new();
    let output = other.run_to_exit(&config, &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("journal") && said.contains("in use by another maitred"),
        "{said}"
    );
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    drop(server);
}

#[test]
fn a_full_journal_is_the_database_s_error() {
    let config = format!("[limits]\njournal_bytes = 1048576\n{QUICK}");
    let server = Server::start(&config);
    let lock = Lock::take(&server.house().data());
    // Each is there twice, as the content and as what it is filed under.
    let content = "I love tea. ".repeat(20_000);
    let body = serde_json::json!({ "content": content }).to_string();
    let answers: Vec<u16> = (0..8)
        .map(|_| server.ask(post("/analyze/", &body)).status)
        .collect();
    assert_eq!(answers, [200, 200, 200, 503, 503, 503, 503, 503]);
    let ready = server.ask(get("/readyz"));
    let words = "not ready: the store takes no rows, and the journal is full\n";
    assert_eq!((ready.status, ready.text()), (503, words));
    drop(lock);
    until("the journal is empty", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    assert_eq!(server.ask(generate("tea", false)).status, 200);
}

/// `ulimit -f` stands for a disk that takes no more: writes past it fail, and those into room that was
/// taken before do not.
#[test]
fn a_disk_without_room_for_the_database_has_the_journal_s() {
    let server = Server::start(QUICK);
    assert_eq!(server.ask(generate("before", false)).status, 200);
    let journal = server.house().data().join("journal");
    until("it has its room", || {
        (!segments(&journal).is_empty()).then_some(())
    });
    let house = server.kill();
    let limit = "trap '' XFSZ; ulimit -f 300"; // blocks of 512 bytes
    let server = Server::start_after(house, QUICK, limit);
    let (mut stored, mut kept) = (1, 0);
    let refused = (0..400).find_map(|n| {
        let answer = server.ask(generate(&format!("topic {n}"), false));
        stored += usize::from(answer.status == 200);
        kept += usize::from(answer.status == 200 && answer.json()["stored_in"] == "journal");
        (answer.status != 200).then(|| answer.problem())
    });
    let refused = refused.expect("150 KiB hold no 400 texts");
    assert!(refused.starts_with("store_"), "{refused}");
    assert!(kept > 10, "{kept} of {stored}");
    let house = server.kill();

    let server = Server::start_in(house, QUICK);
    until("the journal is empty", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    let house = server.kill();
    let ids = database::check(&database::open(&house.data()));
    assert_eq!(ids.len(), stored, "{kept} by way of the journal");
}
