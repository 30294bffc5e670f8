//! Webhooks: what must not be a reason to tell the same news twice.

use std::collections::BTreeMap;

use super::World;
use crate::engine::ConnId;
use crate::engine::io::{Input, Output};
use crate::engine::work::{Kind, Work, WorkResult};
use crate::limits::hooks::HOOK_POLL_MS;
use crate::store::{DeliveryRow, DeliveryState, DeliveryWrite, JobWrite, StoreError, Write};

const HOOK: &str = "[webhook.orders]\nurl = \"http://10.0.0.9:9000/\"\n\
    secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const JOB: &str = r#"{"kind":"analyze","contents":["I like it."],"webhook":"orders"}"#;
const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A world with so many jobs, all of which have ended, and nothing was told yet.
fn ended(config: &str, jobs: usize) -> World {
    let mut world = World::new(config);
    for _ in 0..jobs {
        world.post("/jobs", JOB);
    }
    while (rows(&world).iter()).any(|row| row.state == DeliveryState::Waiting) {
        world.pass(10);
    }
    world
}

fn rows(world: &World) -> Vec<DeliveryRow> {
    world.store.jobs.deliveries.all().cloned().collect()
}

fn state(world: &World) -> DeliveryState {
    world.store.jobs.deliveries.only().state
}

/// The piece of work that makes such a change about deliveries, once a thread has it.
fn wait_for(world: &mut World, wanted: fn(&DeliveryWrite) -> bool) -> usize {
    let is_it = |work: &Work| match work {
        Work::Write(write) => matches!(&**write, Write::Job(job)
            if matches!(&**job, JobWrite::Delivery(write) if wanted(write))),
        _ => false,
    };
    for _ in 0..1_000 {
        if let Some(at) = world.jobs.iter().position(|(_, work)| is_it(work)) {
            return at;
        }
        world.pass(10);
    }
    panic!("nobody wants to write that");
}

fn is_claim(write: &DeliveryWrite) -> bool {
    matches!(write, DeliveryWrite::Claim { .. })
}

fn is_end(write: &DeliveryWrite) -> bool {
    matches!(write, DeliveryWrite::End { .. })
}

fn busy() -> WorkResult {
    let path = "maitred.db".into();
    WorkResult::Written(Err(StoreError::Busy { path }))
}

/// The connection that has been on the way for longest.
fn oldest_on_the_way(world: &World) -> ConnId {
    let history = world.history.iter().flatten();
    let mut connects = history.filter_map(|output| match output {
        Output::Connect(id, _) => Some(*id),
        _ => None,
    });
    let waits = |id: &ConnId| {
        let socket = &world.sockets[id];
        socket.connecting && socket.closed.is_none()
    };
    connects.find(waits).expect("one is on the way")
}

/// Connections are slow, and there is always more to tell: nobody is overtaken until its lease is over.
#[test]
fn who_has_waited_longest_for_a_connection_has_the_next_one() {
    let jobs = 60;
    let slow = format!("[jobs]\nlease_ms = 1000\n{HOOK}timeout_ms = 200\n");
    let mut world = World::new(&slow);
    world.history = Some(Vec::new());
    world.slow_network = true;
    for _ in 0..jobs {
        world.post("/jobs", JOB);
    }
    while world.upstreams().is_empty() {
        world.pass(10);
    }
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..jobs {
        let id = oldest_on_the_way(&world);
        world.connect(id);
        world.settle();
        let head = String::from_utf8(world.sockets[&id].got.clone()).unwrap();
        let (_, rest) = head.split_once("webhook-id: ").unwrap();
        *told.entry(rest[..36].to_owned()).or_default() += 1;
        world.send(id, TAKEN);
        world.pass(40);
    }
    assert_eq!(told.len(), jobs, "{told:?}");
    assert!(rows(&world).iter().all(|row| row.attempts == 1));
}

#[test]
fn a_claim_whose_answer_was_lost_is_found_to_be_ours() {
    for was_carried_out in [true, false] {
        let mut world = ended(HOOK, 2);
        world.held.push(Kind::Write);
        let at = wait_for(&mut world, is_claim);
        if was_carried_out && let Work::Write(write) = &world.jobs[at].1 {
            let write = (**write).clone();
            world.store.write(write);
        }
        world.fail_work(at, WorkResult::Written(Err(StoreError::Unknown)));
        world.held.clear();
        world.pass(2 * HOOK_POLL_MS);
        assert_eq!(world.serve(TAKEN), 2, "{was_carried_out}");
        world.settle();
        for row in rows(&world) {
            assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 1));
        }
    }
}

#[test]
fn whoever_stops_and_may_have_a_claim_lets_go_of_it() {
    let mut world = ended(HOOK, 1);
    world.held.push(Kind::Write);
    let at = wait_for(&mut world, is_claim);
    if let Work::Write(write) = &world.jobs[at].1 {
        let write = (**write).clone();
        world.store.write(write);
    }
    world.fail_work(at, WorkResult::Written(Err(StoreError::Unknown)));
    assert_eq!(state(&world), DeliveryState::Sending);
    world.held.clear();
    world.feed(Input::Shutdown);
    world.settle();
    let row = world.store.jobs.deliveries.only();
    assert_eq!((row.state, row.attempts), (DeliveryState::Due, 0));
}

/// A webhook has taken the news, and the store has not taken that.
fn taken_and_not_noted() -> World {
    let mut world = ended(HOOK, 1);
    while world.upstreams().is_empty() {
        world.pass(10);
    }
    world.held.push(Kind::Write);
    world.answer(TAKEN);
    let at = wait_for(&mut world, is_end);
    world.fail_work(at, busy());
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    world
}

#[test]
fn whoever_stops_writes_what_came_of_its_attempts() {
    let mut world = taken_and_not_noted();
    world.held.clear();
    world.feed(Input::Shutdown);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
    assert!(world.engine.is_finished());
}

#[test]
fn whoever_stops_tries_that_again_until_its_time_is_over() {
    for is_well_in_time in [true, false] {
        let mut world = taken_and_not_noted();
        world.feed(Input::Shutdown);
        let stopped = world.now.mono;
        let until = stopped.plus_ms(world.engine.config.limits.shutdown_ms);
        for _ in 0..3 {
            let at = wait_for(&mut world, is_end);
            world.fail_work(at, busy());
            assert!(!world.engine.is_finished());
        }
        if is_well_in_time {
            world.held.clear();
            world.pass(HOOK_POLL_MS);
            assert!(world.now.mono < until && world.engine.is_finished());
            assert_eq!(state(&world), DeliveryState::Delivered);
            continue;
        }
        while world.now.mono < until {
            assert!(!world.engine.is_finished());
            let at = wait_for(&mut world, |_| true);
            world.fail_work(at, busy());
            world.pass(HOOK_POLL_MS);
        }
        while let Some(at) = (0..world.jobs.len()).next() {
            world.fail_work(at, busy());
        }
        assert!(world.engine.is_finished());
    }
}

#[test]
fn whoever_stops_believes_a_status_that_it_has() {
    let mut world = ended(HOOK, 1);
    while world.upstreams().is_empty() {
        world.pass(10);
    }
    let hook = world.upstream();
    world.send(hook, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nth");
    assert_eq!(state(&world), DeliveryState::Sending);
    world.feed(Input::Shutdown);
    world.settle();
    assert_eq!(state(&world), DeliveryState::Delivered);
    assert!(world.upstreams().is_empty());
}
