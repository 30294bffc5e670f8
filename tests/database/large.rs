//! Export and import of a large store: of any size, in constant memory.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "figures for whoever runs it")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::support::client::Client;
use crate::support::postgres::{DATABASE, Postgres};
use crate::support::{Server, get, ms, process};
use crate::{config, texts, wait_until_ready};

const ROWS: usize = 60_000;
const MIB: u64 = 1 << 20;

/// Texts with scores, made by the server itself: it is quicker.
fn fill(postgres: &Postgres) {
    postgres.psql(
        DATABASE,
        &format!(
            "CREATE TEMP TABLE made AS
                 SELECT lpad(to_hex(n), 12, '0') AS hex, n FROM generate_series(1, {ROWS}) AS n;
             INSERT INTO search_terms
                 SELECT 'local', ('018bcfe5-6800-8000-8000-' || hex)::uuid, 'walk ' || n,
                        sha256(('walk ' || n)::bytea), n FROM made;
             INSERT INTO generated_content
                 SELECT 'local', ('018bcfe5-6800-7000-8000-' || hex)::uuid,
                        ('018bcfe5-6800-8000-8000-' || hex)::uuid, sha256(('walk ' || n)::bytea),
                        'complete', 'offline', 'article', TRUE, 'stop', 1, 2, 1700000000000, TRUE,
                        459, 'We walked', rtrim(repeat('We walked home slowly. ', 20)), NULL FROM made;
             INSERT INTO sentiment_analysis
                 SELECT 'local', ('018bcfe5-6800-7000-8000-' || hex)::uuid,
                        ('018bcfe5-6800-8000-8000-' || hex)::uuid,
                        ('018bcfe5-6800-7000-8000-' || hex)::uuid, 1700000000000, 'Neutral', 0, 0, 1,
                        0, 'Easy', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, NULL FROM made"
        ),
    );
}

/// All texts, as one hash. Their scores are not compared: an import makes them anew.
fn digest(postgres: &Postgres) -> String {
    let row =
        "g.id, t.term, g.text, g.state, g.model, g.finish_reason, g.prompt_tokens, g.created_ms";
    let sql = format!(
        "SELECT md5(string_agg(md5(row({row})::text), '' ORDER BY g.id))
         FROM generated_content AS g JOIN search_terms AS t ON t.id = g.search_term_id"
    );
    postgres.psql(DATABASE, &sql)
}

/// Does something, and gives what comes of it and the most memory that the server had meanwhile.
fn most_memory_while<T>(server: &Server, something: impl FnOnce() -> T) -> (T, u64) {
    let (most, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(process::resident_bytes(server.pid()), Ordering::Relaxed);
                std::thread::sleep(ms(5));
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(something));
        over.store(true, Ordering::Relaxed);
        match result {
            Ok(result) => (result, most.load(Ordering::Relaxed)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn export(server: &Server) -> Vec<u8> {
    let mut client = Client::connect(server.addr);
    client.send(get("/contents/export"));
    assert_eq!(client.head().status, 200);
    client.rest_of_body()
}

#[test]
#[ignore = "needs postgresql"]
fn sixty_thousand_texts_go_out_and_come_back_in_constant_memory() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let before = process::resident_bytes(server.pid());
    fill(&postgres);

    let begun = Instant::now();
    let (exported, most) = most_memory_while(&server, || export(&server));
    let seconds = begun.elapsed().as_secs_f64();
    let lines = exported.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, ROWS);
    let (size, grown) = (
        exported.len() as u64 / MIB,
        most.saturating_sub(before) / MIB,
    );
    println!("export: {size} MiB in {seconds:.1} s, memory {grown} MiB more than before");
    assert!(grown < 24, "{grown} MiB");

    let digest_before = digest(&postgres);
    postgres.psql(DATABASE, "TRUNCATE search_terms CASCADE");
    let begun = Instant::now();
    let (answer, most) = most_memory_while(&server, || {
        let mut client = Client::connect(server.addr);
        let length = exported.len();
        client.send(format!(
            "POST /contents/import HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n\r\n"
        ));
        client.send(&exported);
        client.response().json()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let grown = most.saturating_sub(before) / MIB;
    println!("import: {size} MiB in {seconds:.1} s, memory {grown} MiB more than before");
    assert_eq!(answer["imported"], ROWS, "{answer}");
    assert_eq!(answer["scored"], ROWS, "{answer}");
    assert!(grown < 48, "{grown} MiB");
    assert_eq!(texts(&postgres), ROWS);
    assert_eq!(digest(&postgres), digest_before, "all of it is back");
}
