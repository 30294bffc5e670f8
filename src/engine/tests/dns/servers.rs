//! Who is asked, when again, and over what; and what is no answer.

use std::net::SocketAddr;

use super::*;
use crate::engine::tests::world::dns_message::cname;

#[test]
fn each_question_has_an_id_of_its_own() {
    let (world, _) = asking(ONE);
    let (one, other) = (world.question(A).unwrap(), world.question(AAAA).unwrap());
    assert_ne!(world.asked(one).id, world.asked(other).id);
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
    let asked = |world: &World, last: u8| {
        let to: SocketAddr = ([10, 0, 0, last], 53).into();
        let all = world.questions().into_iter();
        all.filter(|id| world.sockets[id].to == Some(to)).count()
    };
    assert_eq!((asked(&world, 53), asked(&world, 54)), (2, 0));
    world.pass(1_001);
    assert_eq!((asked(&world, 53), asked(&world, 54)), (2, 2));
    world.pass(1_000);
    assert_eq!((asked(&world, 53), asked(&world, 54)), (4, 2));
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
                world.send(stream, vec![0xFF; 65_536]); // a million bytes that are no answer
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
