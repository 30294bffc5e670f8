//! Two servers over one database, with a Redis in which the answers are that are asked for again.

use crate::config;
use crate::support::client::{delete, post};
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::{Response, Server, until};
use crate::wait_until_ready;

const ASK: &str = r#"{"topic":"green tea","cache":"use"}"#;

fn ask(server: &Server) -> Response {
    let reply = server.ask(post("/generate/", ASK));
    assert_eq!(reply.status, 200);
    reply
}

/// What `Cache-Status` says, but for the seconds that are left.
fn said(reply: &Response) -> &str {
    match reply.field("cache-status").unwrap() {
        field if field.ends_with("; detail=redis") => "redis",
        field if field.starts_with("maitred; hit") => "database",
        field => field,
    }
}

#[test]
#[ignore = "needs postgresql and redis-server"]
fn what_is_asked_for_again_is_near_by_until_it_is_deleted() {
    let postgres = Postgres::start();
    let mut redis = Redis::start(&[]);
    let further = format!("[redis]\nurl = '{}'\n", redis.url());
    let servers = [(); 2].map(|()| {
        let server = Server::start(&config(postgres.addr, &further));
        wait_until_ready(&server);
        until("it has Redis", || {
            (server.metric("maitred_redis_up") > 0.0).then_some(())
        });
        server
    });
    let first = ask(&servers[0]);
    assert_eq!(said(&first), "maitred; fwd=miss; stored");
    assert_eq!(said(&ask(&servers[1])), "database");
    let queries = servers[0].metric("maitred_redis_answers_total{event=\"miss\"}");
    let near = ask(&servers[0]);
    assert_eq!(said(&near), "redis");
    assert_eq!(
        servers[0].metric("maitred_redis_answers_total{event=\"miss\"}"),
        queries
    );
    let (first, near) = (first.json(), near.json());
    for member in [
        "id",
        "generated_text",
        "readability",
        "sentiment",
        "search_term_id",
    ] {
        assert_eq!(first[member], near[member], "{member}");
    }
    // Deleted by one, it is gone for the other.
    let path = format!("/contents/{}", first["id"].as_str().unwrap());
    assert_eq!(servers[0].ask(delete(&path)).status, 204);
    assert_eq!(said(&ask(&servers[1])), "maitred; fwd=miss; stored");
    // Without Redis the database answers, and nobody waits.
    assert_eq!(said(&ask(&servers[0])), "database");
    redis.kill();
    until("it has noticed", || {
        (servers[0].metric("maitred_redis_up") == 0.0).then_some(())
    });
    assert_eq!(said(&ask(&servers[0])), "database");
    redis.restart();
    until("it has it again, and a new edition", || {
        (said(&ask(&servers[0])) == "redis").then_some(())
    });
}
