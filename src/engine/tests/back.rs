//! Blocks of shared limits go back when the process is told to end.

use super::World;
use super::world::post;
use super::world::redis::{Porter, REDIS, Shelf};
use crate::engine::io::Input;
use crate::limits::{RATE_BACK_MS, RATE_BACK_SUBJECTS, RATE_LEASE_MS, REDIS_OP_MS};

fn house(shelf: &mut Shelf) -> (World, Porter) {
    house_with(REDIS, shelf)
}

fn house_with(redis: &str, shelf: &mut Shelf) -> (World, Porter) {
    let mut world = World::new(&format!(
        "{redis}[rate]\nrequests = [\"32/day\", \"320/day\"]\n"
    ));
    let mut porter = Porter::default();
    porter.serve(&mut world, shelf);
    (world, porter)
}

/// One request from each of so many addresses, and all of them leave.
fn ask(world: &mut World, porter: &mut Porter, shelf: &mut Shelf, hosts: usize) {
    for host in 0..hosts {
        let [.., high, low] = host.to_be_bytes();
        let id = world.try_client_at([192, 0, high, low]).unwrap();
        world.send(id, post("/analyze/", r#"{"content":"Tea is good."}"#));
        porter.serve(world, shelf);
        assert_eq!(world.reply(id).status, 200);
        world.end(id);
        porter.serve(world, shelf);
    }
}

fn used(shelf: &Shelf) -> i64 {
    shelf.counters.values().map(|(used, _)| used).sum()
}

#[test]
fn what_was_not_used_is_the_others_before_the_process_ends() {
    let mut shelf = Shelf::default();
    let (mut world, mut porter) = house(&mut shelf);
    let hosts = 3 * RATE_BACK_SUBJECTS + 5;
    ask(&mut world, &mut porter, &mut shelf, hosts);
    assert!(used(&shelf) > 10 * hosts as i64);
    world.feed(Input::Shutdown);
    assert!(!world.engine.is_finished(), "it has something to say");
    porter.serve(&mut world, &mut shelf);
    assert_eq!(
        used(&shelf),
        2 * hosts as i64,
        "a request by two limits each"
    );
    assert!(world.engine.is_finished());
    let given = world.metric("rate_given_back_total");
    assert!(given > 8.0 * hosts as f64, "{given}");
}

#[test]
fn a_window_that_is_over_gets_nothing_back() {
    let mut shelf = Shelf::default();
    let (mut world, mut porter) = house(&mut shelf);
    ask(&mut world, &mut porter, &mut shelf, 1);
    let (name, (_, ends)) = shelf.counters.pop_first().unwrap();
    shelf.counters.insert(name.clone(), (5, ends + 1_000));
    world.feed(Input::Shutdown);
    porter.serve(&mut world, &mut shelf);
    assert_eq!(shelf.counters[&name].0, 5, "the window after it");
    assert!(world.engine.is_finished());
}

#[test]
fn the_end_does_not_wait_for_long() {
    let mut shelf = Shelf::default();
    let (mut world, mut porter) = house(&mut shelf);
    ask(&mut world, &mut porter, &mut shelf, 3);
    shelf.holds = true;
    world.feed(Input::Shutdown);
    porter.serve(&mut world, &mut shelf);
    assert!(!world.engine.is_finished());
    world.pass(REDIS_OP_MS.min(RATE_BACK_MS) + 10);
    assert!(world.engine.is_finished());
}

/// Requests have waited for their share a moment ago, and an answer takes its time: no wake-up is lost over that.
#[test]
fn the_end_wakes_up_when_it_waits_no_longer() {
    let mut shelf = Shelf::default();
    let patient = format!("{REDIS}op_ms = 10000\n");
    let (mut world, mut porter) = house_with(&patient, &mut shelf);
    ask(&mut world, &mut porter, &mut shelf, 3);
    world.pass(RATE_LEASE_MS / 2);
    shelf.holds = true;
    world.feed(Input::Shutdown);
    porter.serve(&mut world, &mut shelf);
    let until = world.now.mono.plus_ms(RATE_BACK_MS);
    while !world.engine.is_finished() {
        let next = world.engine.next_deadline();
        assert!(next <= until, "it sleeps until {next:?}");
        world.jump(next);
        world.tick();
        world.settle();
    }
}
