//! Limits that several processes share by way of PostgreSQL, and what becomes of them without it. What the
//! database would say about counters is told by real ones (`tests/counters.rs`); the one here answers that
//! there are none.

use super::World;
use super::world::SIZES;
use super::world::postgres::{DATABASE, Elephant, connections};
use crate::engine::{ConnId, Sizes};
use crate::limits::{COUNTERS_DRAW_MS, COUNTERS_REST_MS, COUNTERS_SWEEP_MS, PG_PIPELINE};

fn house(rules: &str) -> (World, Elephant) {
    with_links(1, rules)
}

fn with_links(connections: usize, rules: &str) -> (World, Elephant) {
    let config = format!("{DATABASE}connections = {connections}\n[rate]\n{rules}\n");
    let sizes = Sizes {
        clients: 2 * PG_PIPELINE,
        ..SIZES
    };
    let (mut world, mut server) = (World::with(&config, sizes, 1), Elephant::default());
    server.serve(&mut world);
    server.asked.clear();
    (world, server)
}

/// Asks for something that costs a request and leaves no row, from address 192.0.2.`host`.
fn ask(world: &mut World, host: u8) -> ConnId {
    let id = world.try_client_at([192, 0, 2, host]).unwrap();
    world.send(id, super::world::post("/generate/", r#"{"topic":"tea"}"#));
    id
}

fn counted(world: &mut World) -> (String, bool) {
    let status = world.get("/status").json();
    let by = status["limits"]["counted_by"].as_str().unwrap().to_owned();
    (by, status["limits"]["degraded"] == true)
}

fn pass(world: &mut World, server: &mut Elephant, ms: u64) {
    for _ in 0..ms.div_ceil(10) {
        world.pass(10);
        server.serve(world);
    }
}

fn alone(world: &World) -> f64 {
    world.metric("rate_alone_total")
}

const HERE: (&str, bool) = ("postgresql", false);
const ALONE: (&str, bool) = ("process", true);

fn is(counted: &(String, bool), expected: (&str, bool)) -> bool {
    (counted.0.as_str(), counted.1) == expected
}

#[test]
fn what_comes_while_a_statement_is_on_the_way_is_in_the_next_one() {
    let (mut world, mut server) = house("requests = [\"20/min\", \"100/hour\"]");
    server.holds = true;
    for host in 0..4 {
        ask(&mut world, host);
    }
    server.serve(&mut world);
    let link = connections(&world)[0];
    assert!(server.asked[0].starts_with("INSERT INTO rate_counters"));
    assert_eq!(server.held(link), 1, "one at a time");
    while server.held(link) > 0 {
        server.answer(&mut world, link);
        server.serve(&mut world);
    }
    assert_eq!(world.metric("rate_blocks_asked_total"), 8.0);
    let name = "rate_statements_total{what=\"answered\"}";
    assert_eq!(world.metric(name), 2.0, "{:?}", server.asked);
}

/// D4: nobody waits longer than a tenth of a second, and then nobody at all, until there is an answer.
#[test]
fn a_database_that_hangs_costs_a_tenth_of_a_second_once() {
    let (mut world, mut server) = house("requests = [\"2/min\"]");
    server.holds = true;
    let first = ask(&mut world, 1);
    server.serve(&mut world);
    pass(&mut world, &mut server, COUNTERS_DRAW_MS - 20);
    assert!(world.metric("calls_total") < 0.5, "it waits for its share");
    pass(&mut world, &mut server, 40);
    assert!(world.metric("calls_total") > 0.5);
    assert!(is(&counted(&mut world), ALONE));
    let before = server.asked.len();
    ask(&mut world, 2);
    assert!(world.metric("calls_total") > 1.5, "at once");
    assert_eq!((alone(&world), server.asked.len()), (2.0, before));
    let link = connections(&world)[0];
    server.answer(&mut world, link);
    assert!(is(&counted(&mut world), HERE), "the answer came after all");
    assert_eq!(world.metric("rate_statements_total{what=\"late\"}"), 1.0);
    world.reset(first, crate::engine::io::Gone::Reset);
}

/// Four searches that take a second are no reason to count alone.
#[test]
fn long_questions_leave_a_connection_to_the_counter() {
    let (mut world, mut server) = with_links(3, "requests = [\"2/min\"]");
    server.holds = true;
    for _ in 0..9 {
        world.ask("GET /contents?q=tea HTTP/1.1\r\nHost: localhost\r\n\r\n");
        server.serve(&mut world);
    }
    let idle = |server: &Elephant, id: &ConnId| server.held(*id) == 0;
    let links = connections(&world);
    let [left] = links
        .into_iter()
        .filter(|id| idle(&server, id))
        .collect::<Vec<_>>()[..]
    else {
        panic!("one connection is left")
    };
    ask(&mut world, 1);
    server.serve(&mut world);
    assert_eq!(server.held(left), 1);
    assert!(world.metric("calls_total") < 0.5, "it waits for its share");
    server.answer(&mut world, left);
    assert!(world.metric("calls_total") > 0.5);
    assert!(is(&counted(&mut world), HERE));
}

/// Whoever waits for a connection has more time than the counter.
#[test]
fn the_counter_is_the_first_in_line() {
    let (mut world, mut server) = house("requests = [\"2/min\"]");
    server.holds = true;
    for _ in 0..PG_PIPELINE + 3 {
        world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    ask(&mut world, 1);
    server.serve(&mut world);
    let link = connections(&world)[0];
    assert_eq!(server.held(link), PG_PIPELINE);
    server.answer(&mut world, link);
    server.serve(&mut world);
    let last = server.asked.last().unwrap();
    assert!(last.starts_with("INSERT INTO rate_counters"), "{last}");
}

#[test]
fn a_database_that_refuses_is_asked_again_each_second_and_told_once() {
    let (mut world, mut server) = house("requests = [\"2/min\"]");
    server.holds = true;
    ask(&mut world, 1);
    server.serve(&mut world);
    let link = connections(&world)[0];
    for _ in 0..50 {
        while server.held(link) > 0 {
            server.refuse(&mut world, link, "42501");
        }
        pass(&mut world, &mut server, COUNTERS_REST_MS / 10);
    }
    assert!(is(&counted(&mut world), ALONE));
    let refused = world.metric("rate_statements_total{what=\"refused\"}");
    assert!((4.0..=6.0).contains(&refused), "{refused} in five seconds");
    assert_eq!(world.engine.counter_refusals().count(), 1);
    assert_eq!(connections(&world), [link], "nobody else is to blame");
    server.holds = false;
    while server.held(link) > 0 {
        server.answer(&mut world, link);
    }
    pass(&mut world, &mut server, 2 * COUNTERS_REST_MS);
    assert!(is(&counted(&mut world), HERE));
}

/// D3
#[test]
fn while_there_is_no_connection_nobody_waits() {
    let (mut world, mut server) = house("requests = [\"2/min\"]");
    assert!(is(&counted(&mut world), HERE));
    server.refuses = Some("57P03");
    let link = connections(&world)[0];
    server.dismiss(&mut world, link, "57P01");
    assert!(is(&counted(&mut world), ALONE));
    ask(&mut world, 1);
    assert!(world.metric("calls_total") > 0.5);
    server.refuses = None;
    pass(&mut world, &mut server, 5_000);
    assert!(is(&counted(&mut world), HERE));
}

#[test]
fn counters_are_removed_now_and_then() {
    let (mut world, mut server) = house("requests = [\"2/min\"]");
    pass(&mut world, &mut server, COUNTERS_SWEEP_MS + 100);
    let sweeps = |server: &Elephant| {
        let all = server.asked.iter();
        all.filter(|sql| sql.contains("WITH gone AS")).count()
    };
    assert_eq!(sweeps(&server), 1, "{:?}", server.asked);
    let (mut without, mut server) = house("");
    pass(&mut without, &mut server, 2 * COUNTERS_SWEEP_MS);
    assert_eq!(sweeps(&server), 0, "nothing is counted");
    assert!(is(&counted(&mut without), ("process", false)));
}
