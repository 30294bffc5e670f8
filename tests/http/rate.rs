//! Limits of one address, and another that does not notice. Linux has all of 127.0.0.0/8.

use crate::support::client::{Client, post};
use crate::support::{Server, get};

const GREEDY: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];

#[test]
fn an_address_over_its_connections_is_told_and_another_is_served() {
    let server = Server::start("[rate]\nconnections = 3\n");
    let open = |ip| Client::connect_from(ip, server.addr);
    let mut greedy: Vec<Client> = (0..5).map(|_| open(GREEDY)).collect();
    let statuses: Vec<u16> = (greedy.iter_mut())
        .map(|client| client.send(get("/healthz")).response().status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let response = open(OTHER).send(get("/healthz")).response();
    assert_eq!(response.status, 200);
}

#[test]
fn a_hundred_requests_at_once_and_ten_are_let_in() {
    let server = Server::start("[rate]\nrequests = [\"10/min\"]\n[offline]\ngap_ms = 0\n");
    let asks = |n: usize| post("/generate/", &format!(r#"{{"topic":"tea {n}"}}"#));
    let mut clients: Vec<Client> = (0..100)
        .map(|_| Client::connect_from(GREEDY, server.addr))
        .collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(asks(n));
    }
    let answers = clients.iter_mut().map(|client| client.response());
    let (good, bad): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (10, 90));
    for refused in bad {
        assert_eq!(
            (refused.status, refused.problem()),
            (429, "requests_limited".to_owned())
        );
        let seconds: u64 = refused.field("retry-after").unwrap().parse().unwrap();
        assert!((50..=60).contains(&seconds));
    }
    let mut other = Client::connect_from(OTHER, server.addr);
    assert_eq!(other.send(asks(0)).response().status, 200);
}
