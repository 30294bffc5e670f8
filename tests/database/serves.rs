//! Everything that is asked of a store is asked of this one.

use crate::support::client::post;
use crate::support::postgres::{DATABASE, PgBouncer, Postgres};
use crate::support::{House, Server, generate, get};
use crate::{config, texts, wait_until_ready};

fn walk(server: &Server) {
    wait_until_ready(server);
    let answer = server.ask(generate("green tea", false)).json();
    assert_eq!(answer["stored"], true, "{answer}");
    let path = format!("/contents/{}", answer["id"].as_str().unwrap());
    let one = server.ask(get(&path)).json();
    assert_eq!(one["text"], answer["generated_text"]);
    assert_eq!(one["readability"], answer["readability"]);
    for path in ["/contents", "/contents?topic=Green+TEA", "/contents?q=gre"] {
        let page = server.ask(get(path)).json();
        assert_eq!(
            page["contents"].as_array().unwrap().len(),
            1,
            "{path}: {page}"
        );
    }
    let export = server.ask(get("/contents/export"));
    assert_eq!(export.body.iter().filter(|byte| **byte == b'\n').count(), 1);
    let analysis = server.ask(post("/analyze/", r#"{"content":"Tea is good."}"#));
    assert_eq!(analysis.status, 200);
    let delete = || server.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!((delete().status, delete().status), (204, 404));
    assert_eq!(server.ask(get(&path)).status, 404);
}

#[test]
#[ignore = "needs postgresql"]
fn a_text_is_stored_found_and_removed() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    walk(&server);
    assert_eq!(texts(&postgres), 0);
    assert!(
        !server.house().data().join("maitred.db").exists(),
        "no SQLite"
    );
}

#[test]
#[ignore = "needs postgresql"]
fn two_servers_remove_what_is_too_old_and_it_goes_once() {
    let postgres = Postgres::start();
    let first = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&first);
    let line = |n| {
        format!(
            "{{\"id\":\"018cc251-f400-7000-8000-{n:012x}\",\"topic\":\"tea\",\"text\":\"Old.\"}}\n"
        )
    };
    let lines: String = (0..700).map(line).collect();
    let framing = format!(
        "Content-Type: application/x-ndjson\r\nContent-Length: {}",
        lines.len()
    );
    let head = format!("POST /contents/import HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
    assert_eq!(first.ask(head + &lines).json()["imported"], 700);
    first.ask(post("/keywords/", r#"{"content":"Green tea is good."}"#));
    let settings =
        config(postgres.addr, "") + "[retention]\ntexts_days = 30\ntexts_bytes = 1000000\n";
    let both = [Server::start(&settings), Server::start(&settings)];
    let removed = || {
        both.iter()
            .map(|server| server.metric("maitred_rows_expired_total"))
            .sum::<f64>()
    };
    crate::support::until("the old ones are gone", || {
        (removed() >= 700.0).then_some(())
    });
    assert_eq!((removed(), texts(&postgres)), (700.0, 0));
    let terms = "SELECT count(*) FROM search_terms";
    assert_eq!(postgres.psql(DATABASE, terms), "1", "that of the keywords");
}

#[test]
#[ignore = "needs postgresql"]
fn with_tls_and_a_certificate_that_is_trusted() {
    let postgres = Postgres::start();
    let house = House::new();
    let roots = house.write("ca.pem", &postgres.identity.pem);
    let strict = format!("sslmode=verify-full&sslrootcert={}", roots.display());
    let named = postgres.addr.to_string().replace("127.0.0.1", "localhost");
    let config = config(postgres.addr, "").replace(&postgres.addr.to_string(), &named);
    let config = config.replace(
        "sslmode=disable",
        &format!("{strict}&channel_binding=require"),
    );
    let server = Server::start_in(house, &config);
    walk(&server);
    let secure = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                  WHERE ssl AND application_name = 'maitred'";
    assert_ne!(postgres.psql(DATABASE, secure), "0");
}

#[test]
#[ignore = "needs postgresql"]
fn with_a_certificate_that_nobody_trusts_nothing_is_said() {
    let postgres = Postgres::start();
    let config = config(postgres.addr, "")
        .replace("sslmode=disable", "sslmode=verify-full&sslrootcert=system");
    let server = Server::start(&config);
    crate::support::until("it has tried", || {
        let failed = server.metric("maitred_database_events_total{event=\"refused\"}");
        (failed > 0.0).then_some(())
    });
    let why = "degraded: the database cannot be reached, and rows wait in the journal\n";
    assert_eq!(server.ask(get("/readyz")).text(), why);
    assert_eq!(server.ask(get("/healthz")).status, 200);
}

#[test]
#[ignore = "needs pgbouncer"]
fn behind_a_pooler_that_nobody_has_named() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::start(&postgres, 2);
    let server = Server::start(&config(pooler.addr, ""));
    walk(&server);
}

#[test]
#[ignore = "needs postgresql"]
fn two_servers_make_the_tables_once() {
    let postgres = Postgres::start();
    let text = config(postgres.addr, "");
    let servers: Vec<Server> = (0..2).map(|_| Server::start(&text)).collect();
    for server in &servers {
        wait_until_ready(server);
    }
    let answer = servers[0].ask(generate("tea", false)).json();
    let path = format!("/contents/{}", answer["id"].as_str().unwrap());
    assert_eq!(servers[1].ask(get(&path)).status, 200);
}
