//! `[rate]`: so much in so long for each address, and so many connections.

use std::net::Ipv6Addr;

use super::openai;
use super::world::{Reply, post};
use super::{PROVIDER, World};
use crate::engine::ConnId;

fn limited(rules: &str) -> World {
    World::new(&format!("{PROVIDER}[rate]\n{rules}\n"))
}

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

fn ask_from(world: &mut World, host: u8, n: usize) -> ConnId {
    let id = world.try_client_at([192, 0, 2, host]).unwrap();
    world.send(id, post("/generate/", &topic(n)));
    id
}

fn answered(world: &mut World, id: ConnId) -> Reply {
    world.serve(openai::whole("Tea."));
    world.reply(id)
}

#[test]
fn parallel_requests_do_not_overshoot_and_another_address_goes_on() {
    let mut world = limited("requests = [\"3/min\"]");
    let clients: Vec<ConnId> = (0..10).map(|n| ask_from(&mut world, 1, n)).collect();
    assert_eq!(world.upstreams().len(), 3);
    let refused: Vec<Reply> = clients[3..].iter().map(|id| world.reply(*id)).collect();
    for reply in &refused {
        assert_eq!(reply.problem(), (429, "requests_limited".to_owned()));
        let fields = ["retry-after", "retry-after-ms", "x-should-retry"];
        let fields = fields.map(|name| reply.field(name));
        assert_eq!(fields, [Some("60"), Some("60000"), None]);
        assert_eq!(reply.json()["limit_of"], "address");
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("3 requests per min"), "{detail}");
    }
    let other = ask_from(&mut world, 2, 99);
    assert_eq!(answered(&mut world, other).status, 200);
    world.pass(60_001);
    let again = ask_from(&mut world, 1, 50);
    let reply = answered(&mut world, again);
    assert_eq!(reply.status, 200);
    let policy = Some("\"requests-per-min\";q=3;w=60");
    assert_eq!(reply.field("ratelimit-policy"), policy);
    let left = Some("\"requests-per-min\";r=2;t=60");
    assert_eq!(reply.field("ratelimit"), left);
    assert_eq!(world.metric("rate_refused_total{limit=\"requests\"}"), 7.0);
}

#[test]
fn who_has_nothing_left_is_refused_before_the_body_is_read() {
    let mut world = limited("requests = [\"1/min\"]");
    ask_from(&mut world, 1, 0);
    let id = world.client();
    let head = "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n";
    world.send(id, head);
    assert_eq!(world.reply(id).problem().1, "requests_limited");
    assert_eq!(
        world.get("/contents").status,
        200,
        "what costs nothing is free"
    );
    let probe = world.get("/healthz");
    assert_eq!((probe.status, probe.field("ratelimit")), (200, None));
}

#[test]
fn tokens_are_reserved_by_estimate_and_settled_by_the_providers_count() {
    let mut world = limited("tokens = [\"1000/min\"]");
    let body = r#"{"topic":"tea","max_tokens":600}"#;
    let first = world.post("/generate/", body);
    // Ninety-nine bytes of prompt are 25 tokens.
    assert_eq!(world.metric("rate_open_tokens"), 625.0);
    let second = world.post("/generate/", &body.replace("tea", "oolong"));
    let reply = world.reply(second);
    assert_eq!(reply.problem(), (429, "tokens_limited".to_owned()));
    let reply = answered(&mut world, first);
    let left = Some("\"tokens-per-min\";r=988;t=60");
    assert_eq!(reply.field("ratelimit"), left, "it was 12 tokens");
    let third = world.post("/generate/", &body.replace("tea", "oolong"));
    assert_eq!(answered(&mut world, third).status, 200);
    let figures = ["reserved", "charged", "reported"];
    let figures = figures.map(|name| world.metric(&format!("rate_{name}_tokens_total")));
    assert_eq!(figures, [625.0 + 626.0, 24.0, 24.0]);
    assert_eq!(world.metric("rate_open_tokens"), 0.0);
}

#[test]
fn a_request_that_can_never_pass_is_told_so() {
    let mut world = limited("tokens = [\"500/min\"]");
    let id = world.post("/generate/", r#"{"topic":"tea","max_tokens":600}"#);
    let reply = world.reply(id);
    assert_eq!(reply.problem(), (429, "request_over_limit".to_owned()));
    let fields = [reply.field("retry-after"), reply.field("x-should-retry")];
    assert_eq!(fields, [None, Some("false")]);
}

#[test]
fn whatever_becomes_of_a_call_nothing_stays_reserved() {
    let mut world = limited("tokens = [\"100000/min\"]");
    let failed = world.post("/generate/", &topic(1));
    world.answer(openai::answer(500, "", "{}"));
    assert_eq!(world.reply(failed).status, 502);
    assert_eq!(world.metric("rate_charged_tokens_total"), 0.0);
    let left = world.post("/generate/", &topic(2));
    world.end(left);
    world.settle();
    let figures = ["rate_open_tokens", "rate_charged_tokens_total"];
    let figures = figures.map(|name| world.metric(name));
    assert_eq!(figures, [0.0, 26.0], "the prompt was sent");
}

#[test]
fn each_text_of_a_batch_counts_and_who_joins_pays_no_tokens() {
    let mut world = limited("requests = [\"2/min\"]\ntokens = [\"100000/min\"]");
    let batch = world.post("/batch", r#"{"topics":["tea","oolong","sencha"]}"#);
    world.serve(openai::whole("Tea."));
    world.pass(10);
    let text = world.reply(batch).body;
    assert_eq!(
        text.matches("\"code\":\"requests_limited\"").count(),
        1,
        "{text}"
    );

    let mut world = limited("requests = [\"9/min\"]\ntokens = [\"100000/min\"]");
    world.post("/generate/", &topic(1));
    let before = world.metric("rate_reserved_tokens_total");
    world.post("/generate/", &topic(1));
    assert_eq!(world.metric("rate_reserved_tokens_total"), before);
    assert_eq!(world.upstreams().len(), 1);
}

#[test]
fn one_address_over_its_connections_is_told_and_then_shut_out() {
    let mut world = limited("connections = 2");
    let open = |world: &mut World, host| world.try_client_at([192, 0, 2, host]);
    let all: Vec<Option<ConnId>> = (0..5).map(|_| open(&mut world, 1)).collect();
    assert_eq!(all.iter().flatten().count(), 4);
    let (welcome, told) = (all[0].unwrap(), all[2].unwrap());
    let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    world.send(welcome, get);
    assert_eq!(world.reply(welcome).status, 200);
    world.send(told, get);
    let reply = world.reply(told);
    assert_eq!(reply.problem(), (429, "connections_limited".to_owned()));
    assert!(reply.closes());
    let other = open(&mut world, 2).unwrap();
    world.send(other, get);
    assert_eq!(world.reply(other).status, 200);
    world.end(told);
    world.settle();
    assert!(open(&mut world, 1).is_some(), "one of four has gone");
}

#[test]
fn a_household_of_ipv6_is_one_address() {
    let mut world = limited("requests = [\"1/min\"]");
    for (last, expected) in [(1, None), (2, Some("requests_limited".to_owned()))] {
        let peer = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 0, 0, 0, last);
        let id = world.try_client_at(peer).unwrap();
        world.send(id, post("/generate/", &topic(last as usize)));
        let code = (!world.is_quiet(id)).then(|| world.reply(id).problem().1);
        assert_eq!(code, expected);
    }
}
