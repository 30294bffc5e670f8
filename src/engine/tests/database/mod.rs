//! A database server that is well, slow, away, or of another opinion: what becomes of those who ask.
//!
//! `shared.rs`: many owners on one connection. `away.rs`: it cannot be reached, or not any more.
//! `refusals.rs`: it answers, and says no. `doubt.rs`: nobody knows what it has done.

mod away;
mod doubt;
mod late;
mod listen;
mod refusals;
mod shared;

use super::World;
use super::world::postgres::{DATABASE, Elephant, connections};
use crate::engine::ConnId;

/// A world whose database is well, with one connection at most.
fn one_link() -> (World, Elephant) {
    with(&format!("{DATABASE}connections = 1\n"))
}

/// A world whose database is well.
fn with(config: &str) -> (World, Elephant) {
    let mut world = World::new(config);
    let mut server = Elephant::default();
    server.serve(&mut world);
    server.asked.clear();
    (world, server)
}

fn list(world: &mut World) -> ConnId {
    world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn remove(world: &mut World) -> ConnId {
    let id = "018bcfe5-6800-7000-8000-000000000001";
    world.ask(format!(
        "DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ))
}

fn analyze(world: &mut World) -> ConnId {
    world.post(
        "/analyze/",
        r#"{"content":"Tea is good. It is very good."}"#,
    )
}

fn status(world: &mut World, client: ConnId) -> u16 {
    world.reply(client).status
}

fn code(world: &mut World, client: ConnId) -> (u16, String) {
    world.reply(client).problem()
}

fn ready(world: &mut World) -> (u16, String) {
    let reply = world.get("/readyz");
    (reply.status, reply.body)
}

fn event(world: &World, name: &str) -> f64 {
    world.metric(&format!("database_events_total{{event=\"{name}\"}}"))
}

/// The only connection to the database.
fn link(world: &World) -> ConnId {
    let all = connections(world);
    let (standing, trouble) = (
        world.engine.database_standing(),
        world.engine.database_trouble(),
    );
    assert_eq!(all.len(), 1, "{standing:?} {trouble:?}");
    all[0]
}
