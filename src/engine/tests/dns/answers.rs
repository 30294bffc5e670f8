//! What name servers say, and what follows from it.

use super::*;

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
            ask(&mut world, 2);
            assert_eq!(dialled(&world).len(), 2, "the next one does not wait");
            world.pass(5_001);
            ask(&mut world, 3);
            assert_eq!(world.questions().len(), 2, "but they are asked again");
        }
    }
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
    for n in 0..3 {
        let client = ask(&mut world, n);
        assert_eq!(problem(&mut world, client), (502, "upstream_name".into()));
        world.pass(5_001);
    }
    assert_eq!(world.metric("dns_questions_total"), 0.0);
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
