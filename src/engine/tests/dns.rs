//! Names looked up by asking name servers: who is asked, what is believed, and who waits how long.

use std::net::{IpAddr, SocketAddr};

use super::world::dns_message::{A, AAAA, Asked, a, aaaa, cname, soa};
use super::{World, openai};
use crate::engine::ConnId;
use crate::engine::io::Gone;

const HOST: &str = "llm.test";
const NAMED: &str = "[provider.llm]\nbase_url = \"http://llm.test/v1\"\nmodel = \"m\"\n";
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

#[test]
fn both_kinds_are_asked_for_at_once_and_ipv6_is_dialled_first() {
    let (mut world, client) = asking(ONE);
    assert_eq!(world.questions().len(), 2);
    assert!(world.lookups.is_empty(), "no thread is asked");
    answer(&mut world, A, yes);
    assert!(world.upstreams().is_empty(), "IPv6 has a moment");
    answer(&mut world, AAAA, yes);
    assert_eq!(world.questions(), []);
    assert_eq!(dialled(&world), [IP6.parse::<IpAddr>().unwrap()]);
    world.pass(251);
    assert_eq!(dialled(&world)[1], IpAddr::from(IP));
    world.slow_network = false;
    world.settle();
    let upstream = world.upstream();
    world.send(upstream, openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
    assert_eq!(world.metric("name_lookups_total"), 1.0);
    assert_eq!(world.metric("dns_questions_total"), 2.0);
}

#[test]
fn ids_are_never_the_same_for_long() {
    let (world, _) = asking(ONE);
    let (one, other) = (world.question(A).unwrap(), world.question(AAAA).unwrap());
    assert_ne!(world.asked(one).id, world.asked(other).id);
}

#[test]
fn ipv4_alone_will_do_after_a_moment_and_late_ipv6_is_tried_as_well() {
    let (mut world, _) = asking(ONE);
    answer(&mut world, A, yes);
    world.pass(49);
    assert!(world.upstreams().is_empty());
    world.pass(2);
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
    // It refuses. The other family may still answer, so this is not the end.
    world.reset(world.upstream(), Gone::Refused);
    world.settle();
    answer(&mut world, AAAA, yes);
    assert_eq!(dialled(&world), [IP6.parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_refused_connection_is_told_when_no_other_address_can_come() {
    let (mut world, client) = asking(ONE);
    answer(&mut world, A, yes);
    world.pass(51);
    world.reset(world.upstream(), Gone::Refused);
    world.settle();
    assert!(world.is_quiet(client));
    world.pass(1_000);
    assert_eq!(
        problem(&mut world, client),
        (502, "upstream_connect".into())
    );
}

#[test]
fn ipv6_is_dialled_as_soon_as_it_is_known_and_ipv4_comes_behind() {
    let (mut world, _) = asking(ONE);
    answer(&mut world, AAAA, yes);
    assert_eq!(dialled(&world).len(), 1);
    answer(&mut world, A, yes);
    world.pass(251);
    assert_eq!(dialled(&world).len(), 2);
}

#[test]
fn an_answer_is_used_as_long_as_it_says_and_then_asked_for_again() {
    let (mut world, _) = asking(ONE);
    answer(&mut world, AAAA, none);
    answer(&mut world, A, yes);
    world.pass(19_000);
    ask(&mut world, 1);
    assert_eq!(world.metric("name_lookups_total"), 1.0);
    world.pass(1_500);
    ask(&mut world, 2);
    ask(&mut world, 3);
    assert_eq!(world.metric("name_lookups_total"), 2.0, "one at a time");
}

#[test]
fn a_name_that_does_not_exist_is_told_at_once_and_believed_for_a_moment() {
    let (mut world, client) = asking(TWO);
    answer(&mut world, A, nobody);
    assert_eq!(problem(&mut world, client), (502, "upstream_name".into()));
    let again = ask(&mut world, 1);
    let reply = world.reply(again);
    assert_eq!(reply.problem(), (502, "upstream_name".into()));
    assert!(
        reply.json()["detail"]
            .as_str()
            .unwrap()
            .contains("does not exist")
    );
    assert_eq!(world.metric("name_lookups_total"), 1.0);
    world.pass(5_001);
    ask(&mut world, 2);
    assert_eq!(world.questions().len(), 2, "asked again");
}

#[test]
fn a_server_that_denies_all_when_it_lacks_ipv6_is_not_believed() {
    let (mut world, _) = asking(ONE);
    answer(&mut world, AAAA, nobody);
    assert_eq!(world.questions().len(), 1);
    answer(&mut world, A, yes);
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
}

#[test]
fn a_name_without_any_address_says_so() {
    let (mut world, client) = asking(ONE);
    answer(&mut world, A, none);
    answer(&mut world, AAAA, none);
    world.settle();
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (502, "upstream_name".into()));
    assert!(
        reply.json()["detail"]
            .as_str()
            .unwrap()
            .contains("has no address")
    );
}

#[test]
fn a_server_that_refuses_makes_way_for_the_next_at_once() {
    for code in [2, 5] {
        let (mut world, client) = asking(TWO);
        let second: SocketAddr = "10.0.0.54:53".parse().unwrap();
        for kind in [A, AAAA] {
            answer(&mut world, kind, |asked| asked.answer(code, &[], &[]));
            let id = world.question(kind).unwrap();
            assert_eq!(world.sockets[&id].to, Some(second));
        }
        answer(&mut world, A, |asked| asked.answer(code, &[], &[]));
        assert!(world.is_quiet(client));
        answer(&mut world, AAAA, |asked| asked.answer(code, &[], &[]));
        assert_eq!(
            problem(&mut world, client),
            (502, "upstream_name_failed".into())
        );
        assert_eq!(world.metric("name_lookups_failed_total"), 1.0);
    }
}

#[test]
fn nobody_listens_at_the_server() {
    let (mut world, client) = asking(ONE);
    for id in world.questions() {
        world.reset(id, Gone::Refused);
    }
    assert_eq!(
        problem(&mut world, client),
        (502, "upstream_name_failed".into())
    );
}

#[test]
fn silence_is_asked_again_each_second_elsewhere_and_ends_after_three() {
    let (mut world, client) = asking(TWO);
    let servers = |world: &World| {
        let all = world.questions().into_iter();
        let mut ports: Vec<_> = all
            .filter_map(|id| Some(world.sockets[&id].to?.ip()))
            .collect();
        ports.sort();
        ports.len()
    };
    assert_eq!(servers(&world), 2);
    world.pass(1_001);
    assert_eq!(servers(&world), 4);
    world.pass(1_000);
    assert_eq!(servers(&world), 6);
    world.pass(998);
    assert!(world.is_quiet(client));
    world.pass(2);
    assert_eq!(
        problem(&mut world, client),
        (504, "upstream_name_timeout".into())
    );
    assert_eq!(world.questions(), []);
}

#[test]
fn the_first_server_may_still_answer_when_the_second_is_asked() {
    let (mut world, _) = asking(TWO);
    let first = world.question(A).unwrap();
    let message = yes(&world.asked(first));
    world.pass(1_500);
    world.send(first, message);
    answer(&mut world, AAAA, none);
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
    assert_eq!(world.questions(), []);
}

#[test]
fn old_addresses_serve_when_nobody_answers_but_not_against_a_no() {
    for denied in [false, true] {
        let (mut world, _) = asking(ONE);
        answer(&mut world, AAAA, none);
        answer(&mut world, A, yes);
        world.reset(world.upstream(), Gone::Refused);
        world.pass(60_000);
        let client = ask(&mut world, 1);
        if denied {
            answer(&mut world, A, nobody);
            assert_eq!(problem(&mut world, client), (502, "upstream_name".into()));
        } else {
            world.pass(3_001);
            assert_eq!(dialled(&world), [IpAddr::from(IP)]);
        }
    }
}

#[test]
fn strays_are_dropped_and_counted_and_the_answer_still_counts() {
    let (mut world, _) = asking(ONE);
    let wrong_id = |asked: &Asked| {
        let id = asked.id.wrapping_add(1);
        yes(&Asked {
            id,
            ..asked.clone()
        })
    };
    for _ in 0..3 {
        answer(&mut world, A, wrong_id);
    }
    let wrong_name = |asked: &Asked| {
        let name = "evil.test".to_owned();
        yes(&Asked {
            name,
            ..asked.clone()
        })
    };
    answer(&mut world, A, wrong_name);
    assert_eq!(world.metric("dns_strays_total"), 4.0);
    answer(&mut world, AAAA, none);
    assert!(world.upstreams().is_empty());
    answer(&mut world, A, yes);
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
}

#[test]
fn somebody_who_tries_all_ids_is_left_for_tcp() {
    let (mut world, _) = asking(ONE);
    answer(&mut world, AAAA, none);
    let socket = world.question(A).unwrap();
    for _ in 0..17 {
        world.send(socket, [0; 12]);
    }
    assert!(world.sockets[&socket].closed.is_some());
    let stream = world.questions()[0];
    world.connect(stream);
    world.settle();
    answer(&mut world, A, |asked| framed(&yes(asked)));
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

/// A look-up whose answer for IPv4 was truncated: the TCP connection stands and was asked on.
fn truncated() -> (World, ConnId, ConnId) {
    let (mut world, client) = asking(ONE);
    answer(&mut world, AAAA, none);
    answer(&mut world, A, Asked::truncated);
    let stream = world.questions()[0];
    assert!(world.sockets[&stream].connecting);
    world.connect(stream);
    world.settle();
    (world, client, stream)
}

#[test]
fn what_does_not_fit_is_asked_for_over_tcp_and_read_at_every_split() {
    for size in [1, 2, 3, 7, 1_000] {
        let (mut world, _, stream) = truncated();
        let message = framed(&yes(&world.asked(stream)));
        for piece in message.chunks(size) {
            assert!(world.upstreams().is_empty());
            world.send(stream, piece);
        }
        assert_eq!(dialled(&world), [IpAddr::from(IP)]);
        assert_eq!(world.questions(), []);
    }
}

#[test]
fn over_tcp_nothing_is_tried_twice() {
    let endings: [fn(&mut World, ConnId); 5] = [
        |world, stream| world.end(stream),
        |world, stream| world.reset(stream, Gone::Reset),
        |world, stream| world.send(stream, framed(&[0; 12])),
        |world, stream| {
            let again = world.asked(stream).truncated();
            world.send(stream, framed(&again));
        },
        |world, stream| {
            for _ in 0..16 {
                world.send(stream, [0xFF; 65_536]); // a million bytes that are no answer
            }
        },
    ];
    for end in endings {
        let (mut world, client, stream) = truncated();
        end(&mut world, stream);
        assert_eq!(
            problem(&mut world, client),
            (502, "upstream_name_failed".into())
        );
        assert!(world.metric("ledger_peak_bytes") < 200_000.0);
    }
}

#[test]
fn a_circle_of_aliases_is_no_answer() {
    let (mut world, client) = asking(ONE);
    for kind in [A, AAAA] {
        answer(&mut world, kind, |asked| {
            let circle = [cname(HOST, 60, "b.test"), cname("b.test", 60, HOST)];
            asked.answer(0, &circle, &[])
        });
    }
    assert_eq!(
        problem(&mut world, client),
        (502, "upstream_name_failed".into())
    );
}

#[test]
fn this_machine_and_addresses_are_known_without_asking() {
    for host in ["localhost", "llm.localhost", "127.0.0.1"] {
        let mut world = World::new(&format!("{ONE}{}", NAMED.replace(HOST, host)));
        world.slow_network = true;
        ask(&mut world, 0);
        assert!(world.questions().is_empty() && world.lookups.is_empty());
        assert_eq!(dialled(&world), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    }
}

#[test]
fn a_host_that_can_be_no_name_is_none() {
    let mut world = World::new(&format!("{ONE}{}", NAMED.replace(HOST, "a..test")));
    let client = ask(&mut world, 0);
    assert_eq!(problem(&mut world, client), (502, "upstream_name".into()));
}

#[test]
fn past_sixteen_names_a_look_up_waits_for_its_turn() {
    let table =
        |n| format!("[provider.llm{n}]\nbase_url = \"http://llm{n}.test/v1\"\nmodel = \"m\"\n");
    let tables: String = (0..18).map(table).collect();
    let mut world = World::new(&format!("default_provider = \"offline\"\n{ONE}{tables}"));
    world.slow_network = true;
    for n in 0..18 {
        world.post(
            "/generate/",
            &format!(r#"{{"topic":"tea","provider":"llm{n}"}}"#),
        );
    }
    assert_eq!(world.questions().len(), 32);
    let (v4, v6) = (world.questions()[0], world.questions()[1]);
    for id in [v4, v6] {
        let message = none(&world.asked(id));
        world.send(id, message);
    }
    assert_eq!(world.questions().len(), 32, "the next has begun");
    assert_eq!(world.metric("name_lookups_total"), 17.0);
    world.pass(3_001);
    assert_eq!(
        world.questions(),
        [],
        "in line or not, after three seconds it is over"
    );
}

#[test]
fn whoever_comes_late_to_a_silent_look_up_has_one_of_its_own() {
    let (mut world, client) = asking(ONE);
    world.pass(2_000);
    world.reset(client, Gone::Reset);
    world.settle();
    let late = ask(&mut world, 1);
    world.pass(1_100);
    assert_eq!(world.metric("name_lookups_total"), 2.0);
    answer(&mut world, AAAA, none);
    answer(&mut world, A, yes);
    assert_eq!(dialled(&world), [IpAddr::from(IP)]);
    assert!(world.is_quiet(late));
}
