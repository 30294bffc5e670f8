//! A job that is asked for twice with the same `Idempotency-Key` is one job.

use crate::support::client::post;
use crate::support::postgres::Postgres;
use crate::support::{Response, Server, get};
use crate::{on, replicas};

/// Nobody does jobs here: what is looked at is how they are made.
const NONE: &str = "[jobs]\nparallel = 0\n";
const BODY: &str = r#"{"kind": "analyze", "contents": ["I like tea."]}"#;

fn keyed(body: &str) -> String {
    let field = "\r\nIdempotency-Key: one job\r\nHost";
    post("/jobs", body).replacen("\r\nHost", field, 1)
}

/// `again` is the answer to the second request.
fn is_the_same_job(first: &Response, again: &Response) {
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.body, again.body);
    let location = again.field("location").unwrap();
    assert_eq!(first.field("location"), Some(location));
    assert!(location.ends_with(first.json()["id"].as_str().unwrap()));
    assert_eq!(first.field("idempotent-replayed"), None);
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
}

fn there_is_one_job(server: &Server) {
    let jobs = server.ask(get("/jobs")).json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
}

fn another_body_is_refused(server: &Server) {
    let other = server.ask(keyed(&BODY.replace("like", "hate")));
    assert_eq!(
        (other.status, other.problem()),
        (422, "idempotency_key_reused".to_owned())
    );
}

#[test]
fn after_a_kill_the_second_request_gets_the_job_of_the_first() {
    let server = Server::start(NONE);
    let first = server.ask(keyed(BODY));
    is_the_same_job(&first, &server.ask(keyed(BODY)));
    let server = Server::start_in(server.kill(), NONE);
    is_the_same_job(&first, &server.ask(keyed(BODY)));
    another_body_is_refused(&server);
    there_is_one_job(&server);
}

#[test]
#[ignore = "needs postgresql"]
fn another_replica_answers_with_the_job_of_the_first() {
    let postgres = Postgres::start();
    let [first_server, second_server] = replicas(&postgres, NONE);
    let first = first_server.ask(keyed(BODY));
    is_the_same_job(&first, &second_server.ask(keyed(BODY)));
    another_body_is_refused(&second_server);
    let house = first_server.kill();
    drop(second_server.kill());
    let server = Server::start_in(house, &on(&postgres, NONE));
    let again = crate::support::until("it is ready", || {
        let again = server.ask(keyed(BODY));
        (again.status == 202).then_some(again)
    });
    is_the_same_job(&first, &again);
    there_is_one_job(&server);
}
