//! The store on PostgreSQL beside the server's own tools: `cargo bench --bench database`.
//!
//! ```text
//!  look-ups, inserts   4 sessions, one thread, requests in a pipeline  |  pgbench -c 4 -M prepared
//!    by the pool       the same by way of the engine's line of orders  |
//!  replay              batches of the spill journal, one at a time     |  psql, INSERT … VALUES
//! ```
//! Both sides send the same statements to the same server, a private one without `fsync`, so that it
//! is the work that is measured and not the disk. There is no HTTP in it: it is what one request costs
//! the store, the codec and the session, and in `pool.rs` the pool that shares its connections. Needs
//! Debian's package `postgresql`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "figures for whoever runs it"
)]

mod pool;
#[path = "../../tests/stores/rows.rs"]
#[allow(dead_code, reason = "the suite of the stores uses the rest")]
mod rows;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use maitred::engine::work::Work;
use maitred::limits::spill::JOURNAL_BATCH_BYTES;
use maitred::proto::postgres::{Type, Value};
use maitred::store::postgres::Request;
use maitred::store::postgres::migrations::Migrator;
use maitred::store::{Query, TextRow, Write};
use pool::House;
use support::link::Link;
use support::postgres::{self, DATABASE, PASSWORD, Postgres, USER, tool};
use uuid::Uuid;

const CONNECTIONS: usize = 4;
/// Requests in flight on each.
const PIPELINE: usize = 32;
const SPAN: Duration = Duration::from_secs(5);
/// Rows of the replay, and about what each has.
const ROWS: usize = 8_192;
const TEXT_BYTES: usize = 4_000;
/// As many as the journal hands back at a time: as JSON, each has some hundred bytes more.
const REPLAY_ROWS: usize = JOURNAL_BATCH_BYTES as usize / (TEXT_BYTES + 600);

fn main() {
    let postgres = Postgres::start();
    let mut links: Vec<Link> = (0..CONNECTIONS)
        .map(|_| Link::ready(postgres.addr))
        .collect();
    let mut migrator = Migrator::default();
    while let Some(script) = migrator.script().unwrap() {
        links[0].migrate(&mut migrator, &script).unwrap();
    }
    let text = rows::save(long_text(Uuid::from_u128(1), 1));
    links[0].run(&Request::of_write(&text)).unwrap();
    let look_up = Query::One {
        tenant: "local".to_owned(),
        id: Uuid::from_u128(1),
    };
    let ours = rate(&mut links, || Ask::Query(look_up.clone()));
    let theirs = pgbench(&postgres, &as_script(&Request::of_query(&look_up), None));
    compare("look-ups a second", ours, theirs, 0.9);
    let mut house = House::open(&postgres::url(postgres.addr));
    by_pool("look-ups", theirs, &mut house, || {
        Work::Read(look_up.clone())
    });

    let insert = || rows::save_request(request(by_chance()));
    let ours = rate(&mut links, || Ask::Write(insert()));
    let written = rows::save_request(request(Uuid::nil()));
    let script = as_script(
        &Request::of_write(&written),
        Some("ARRAY[gen_random_uuid()]"),
    );
    let theirs = pgbench(&postgres, &script);
    compare("inserts a second", ours, theirs, 0.9);
    // A loop that stood still meanwhile would find its connections timed out.
    let mut house = House::open(&postgres::url(postgres.addr));
    let (before, mut asked) = (requests(&postgres), 0);
    by_pool("inserts", theirs, &mut house, || {
        asked += 1;
        Work::Write(Box::new(insert()))
    });
    assert_eq!(requests(&postgres) - before, asked, "each is a row");

    let ours = replay(&mut links[0]);
    postgres.psql(DATABASE, "TRUNCATE search_terms CASCADE");
    compare("replayed rows a second", ours, by_psql(&postgres), 0.8);
}

fn compare(what: &str, ours: f64, theirs: f64, target: f64) {
    let ratio = ours / theirs;
    println!("{what}: {ours:.0}, theirs {theirs:.0}: {ratio:.2} (target {target})");
}

/// Orders a second by way of the pool: with as much under way as the sessions above have, and with as
/// much as pgbench has.
fn by_pool(what: &str, theirs: f64, house: &mut House, mut ask: impl FnMut() -> Work) {
    for at_a_time in [CONNECTIONS * PIPELINE, CONNECTIONS] {
        let ours = house.rate(at_a_time, SPAN, &mut ask);
        let what = format!("{what} a second by the pool, {at_a_time} at a time");
        compare(&what, ours, theirs, 0.9);
    }
}

/// Rows of requests.
fn requests(postgres: &Postgres) -> u64 {
    let count = postgres.psql(DATABASE, "SELECT count(*) FROM requests");
    count.parse().unwrap()
}

/// What is asked for again and again.
enum Ask {
    Query(Query),
    Write(Write),
}

impl Ask {
    fn request(&self) -> Request<'_> {
        match self {
            Ask::Query(query) => Request::of_query(query),
            Ask::Write(write) => Request::of_write(write),
        }
    }
}

/// Requests a second, on all connections, each with a pipeline of its own.
fn rate(links: &mut [Link], mut ask: impl FnMut() -> Ask) -> f64 {
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < SPAN {
        let asks: Vec<Vec<Ask>> = (0..links.len())
            .map(|_| (0..PIPELINE).map(|_| ask()).collect())
            .collect();
        for (link, asks) in links.iter_mut().zip(&asks) {
            asks.iter().for_each(|ask| link.begin(&ask.request()));
            link.flush();
        }
        for (link, asks) in links.iter_mut().zip(&asks) {
            for ask in asks {
                link.end(&ask.request()).unwrap();
                done += 1;
            }
        }
    }
    f64::from(done) / begun.elapsed().as_secs_f64()
}

/// What pgbench runs: a request's statement, with the same parameters.
struct Script {
    sql: String,
    /// Of each parameter its value in the server's own words.
    values: Vec<String>,
}

/// A request as a script. `id` stands for its second value, which is another one each time.
fn as_script(request: &Request<'_>, id: Option<&str>) -> Script {
    request.with(|statements| {
        let [statement] = statements else {
            panic!("one statement");
        };
        let mut sql = statement.sql.to_owned();
        // From the last to the first, so that `$1` is not found in `$10`.
        for (at, kind) in statement.types.iter().enumerate().rev() {
            let parameter = match (id, at, kind) {
                (Some(id), 1, _) => id.to_owned(),
                (_, _, Type::One(scalar)) => format!(":v{at}::{scalar:?}"),
                (_, _, Type::List(scalar)) => format!(":v{at}::{scalar:?}[]"),
            };
            sql = sql.replace(&format!("${}", at + 1), &parameter);
        }
        Script {
            sql: sql.split_whitespace().collect::<Vec<_>>().join(" ") + ";\n",
            values: statement.values.iter().map(in_words).collect(),
        }
    })
}

fn in_words(value: &Value<'_>) -> String {
    match value {
        Value::List(items) => {
            let items = items.iter().map(|item| match item {
                Value::Text(text) => format!("{text:?}"),
                other => in_words(other),
            });
            format!("{{{}}}", items.collect::<Vec<_>>().join(","))
        }
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int4(value) => value.to_string(),
        Value::Int8(value) => value.to_string(),
        Value::Float8(value) => value.to_string(),
        Value::Text(text) => (*text).to_owned(),
        Value::Uuid(id) => id.to_string(),
        other => panic!("{other:?} is in no statement here"),
    }
}

/// Transactions a second of PostgreSQL's own bench.
fn pgbench(postgres: &Postgres, script: &Script) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    std::fs::write(&file, &script.sql).unwrap();
    let connections = CONNECTIONS.to_string();
    let values = (script.values.iter().enumerate()).map(|(at, value)| format!("-Dv{at}={value}"));
    let output = Command::new(tool("pgbench"))
        .args(["-n", "-M", "prepared", "-j", "1", "-c", &connections])
        .args(["-T", &SPAN.as_secs().to_string(), "-h", "127.0.0.1"])
        .args(["-p", &postgres.addr.port().to_string(), "-U", USER, "-f"])
        .arg(&file)
        .args(values)
        .arg(DATABASE)
        .env("PGPASSWORD", PASSWORD)
        .output()
        .expect("pgbench is there");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let tps = tps.and_then(|rest| rest.split(' ').next()?.parse().ok());
    tps.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

fn by_chance() -> Uuid {
    Uuid::from_u128(fastrand::u128(..))
}

fn request(id: Uuid) -> maitred::store::RequestRow {
    maitred::store::RequestRow {
        id,
        ..rows::request(1)
    }
}

/// A text of some thousand bytes, with words that others do not have.
fn long_text(id: Uuid, number: usize) -> TextRow {
    let mut text = String::with_capacity(TEXT_BYTES + 64);
    for word in 0.. {
        if text.len() >= TEXT_BYTES {
            break;
        }
        write!(text, "word{} of a text, ", (number * 31 + word) % 5_000).unwrap();
    }
    TextRow {
        id,
        text,
        ..rows::text("local", 1, &format!("topic {number}"))
    }
}

/// Texts in batches as the journal replays them; rows a second.
fn replay(link: &mut Link) -> f64 {
    let text = |number| rows::save(long_text(rows::id(number as u128), number));
    let numbers: Vec<usize> = (0..ROWS).collect();
    let batches = numbers.chunks(REPLAY_ROWS);
    let batches: Vec<Write> = batches
        .map(|batch| Write::Replay(batch.iter().map(|number| text(*number)).collect()))
        .collect();
    let begun = Instant::now();
    for batch in &batches {
        link.run(&Request::of_write(batch)).unwrap();
    }
    ROWS as f64 / begun.elapsed().as_secs_f64()
}

/// The same rows from a file of statements; rows a second.
fn by_psql(postgres: &Postgres) -> f64 {
    let (mut sql, numbers) = (String::new(), (0..ROWS).collect::<Vec<_>>());
    for batch in numbers.chunks(REPLAY_ROWS) {
        let texts: Vec<TextRow> = (batch.iter())
            .map(|number| long_text(rows::id(*number as u128), *number))
            .collect();
        let terms = texts.iter().map(|row| {
            let (id, term) = (row.search_term_id, &row.term);
            format!("('local', '{id}', '{term}', sha256('{term}'), 1)")
        });
        let contents = texts.iter().map(|row| {
            let (id, term_id, term, text) = (row.id, row.search_term_id, &row.term, &row.text);
            format!(
                "('local', '{id}', '{term_id}', sha256('{term}'), 'complete', 'offline', 'article',
                  TRUE, 'stop', 0, NULL, 1700000000000, FALSE, {}, '{}', '{text}',
                  maitred_words('{term}', '{text}'))",
                text.len(),
                maitred::store::excerpt(text),
            )
        });
        let (terms, contents): (Vec<_>, Vec<_>) = (terms.collect(), contents.collect());
        sql += &format!(
            "BEGIN;\nINSERT INTO search_terms VALUES {} ON CONFLICT DO NOTHING;\n\
             INSERT INTO generated_content VALUES {} ON CONFLICT DO NOTHING;\nCOMMIT;\n",
            terms.join(", "),
            contents.join(", ")
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sql");
    std::fs::write(&file, sql).unwrap();
    let begun = Instant::now();
    let status = Command::new(tool("psql"))
        .args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            USER,
        ])
        .args([
            "-p",
            &postgres.addr.port().to_string(),
            "-d",
            DATABASE,
            "-f",
        ])
        .arg(&file)
        .env("PGPASSWORD", PASSWORD)
        .status()
        .expect("psql is there");
    assert!(status.success());
    ROWS as f64 / begun.elapsed().as_secs_f64()
}
