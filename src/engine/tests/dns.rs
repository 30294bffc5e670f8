//! Names looked up by asking name servers.
//!
//! `answers.rs`: what is believed, for how long, and what is dialled. `servers.rs`: who is asked, when
//! again, and over what.

mod answers;
mod servers;

use std::net::IpAddr;

use super::world::dns_message::{A, AAAA, Asked, a, aaaa, soa};
use super::{World, openai};
use crate::engine::ConnId;
use crate::engine::io::Gone;

const HOST: &str = "llm.test";
const NAMED: &str =
    "[provider.llm]\nbase_url = \"http://llm.test/v1\"\nmodel = \"m\"\nretries = 0\n";
const ONE: &str = "dns = \"10.0.0.53:53\"\n";
const TWO: &str = "dns = [\"10.0.0.53:53\", \"10.0.0.54:53\"]\n";
const IP: [u8; 4] = [10, 0, 0, 9];
const IP6: &str = "fd00::9";

/// A world with name servers, and a client that asks for a text.
fn asking(servers: &str) -> (World, ConnId) {
    let mut world = World::new(&format!("{servers}{NAMED}"));
    world.slow_network = true;
    let client = ask(&mut world, 0);
    (world, client)
}

fn ask(world: &mut World, n: usize) -> ConnId {
    world.post("/generate/", &format!(r#"{{"topic":"tea {n}"}}"#))
}

/// The name server answers the newest question of this kind.
fn answer(world: &mut World, kind: u16, make: impl FnOnce(&Asked) -> Vec<u8>) {
    let id = world.question(kind).expect("it is asked");
    let message = make(&world.asked(id));
    world.send(id, message);
}

fn yes(asked: &Asked) -> Vec<u8> {
    if asked.kind == A {
        asked.answer(0, &[a(HOST, 20, IP)], &[])
    } else {
        asked.answer(0, &[aaaa(HOST, 20, IP6)], &[])
    }
}

fn none(asked: &Asked) -> Vec<u8> {
    asked.answer(0, &[], &[soa("test", 300, 60)])
}

fn nobody(asked: &Asked) -> Vec<u8> {
    asked.answer(3, &[], &[soa("test", 300, 60)])
}

/// Where connections to the provider are open to, or being opened.
fn dialled(world: &World) -> Vec<IpAddr> {
    let open = world.upstreams().into_iter();
    open.filter_map(|id| Some(world.sockets[&id].to?.ip()))
        .collect()
}

fn problem(world: &mut World, client: ConnId) -> (u16, String) {
    world.settle();
    world.reply(client).problem()
}
