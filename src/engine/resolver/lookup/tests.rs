//! The rules of one look-up.
#![allow(clippy::unwrap_used)]
use super::*;

fn found(ip: &str) -> Outcome {
    Outcome::Found {
        addresses: vec![ip.parse().unwrap()],
        fresh_ms: 9_000,
    }
}

fn denied(fault: ResolveFault, keep_ms: u64) -> Outcome {
    Outcome::Denied { fault, keep_ms }
}

fn verdict(a: &Outcome, aaaa: &Outcome) -> Verdict {
    let mut lookup = Lookup::new(Name::parse("llm.test").unwrap(), Mono(0));
    lookup.half(Kind::A).settle(a.clone());
    lookup.half(Kind::Aaaa).settle(aaaa.clone());
    lookup.verdict(Mono(0))
}

#[test]
fn what_follows_from_two_answers() {
    use Outcome::{Asking, Failed};
    let (a, aaaa) = (&found("10.0.0.1"), &found("fd00::1"));
    let nobody = &denied(ResolveFault::NoSuchName, 4_000);
    let nothing = &denied(ResolveFault::NoAddress, 2_000);
    let no = |fault, keep_ms| Verdict::Denied { fault, keep_ms };
    for (first, second, expected) in [
        (&Asking, &Asking, Verdict::Wait),
        (a, &Asking, Verdict::Wait),
        (&Asking, aaaa, Verdict::Start),
        (a, aaaa, Verdict::Found),
        (a, nobody, Verdict::Found),
        (a, &Failed, Verdict::Found),
        (nothing, aaaa, Verdict::Found),
        (&Asking, nobody, Verdict::Wait),
        (&Asking, &Failed, Verdict::Wait),
        (nobody, &Asking, no(ResolveFault::NoSuchName, 4_000)),
        (nobody, &Failed, no(ResolveFault::NoSuchName, 4_000)),
        (nothing, &Asking, Verdict::Wait),
        (nothing, nothing, no(ResolveFault::NoAddress, 2_000)),
        (nothing, nobody, no(ResolveFault::NoAddress, 2_000)),
        (nothing, &Failed, Verdict::Failed),
        (&Failed, &Failed, Verdict::Failed),
    ] {
        assert_eq!(verdict(first, second), expected, "{first:?} {second:?}");
    }
}

#[test]
fn ipv4_waits_for_ipv6_a_twentieth_of_a_second_and_no_longer() {
    let mut lookup = Lookup::new(Name::parse("llm.test").unwrap(), Mono(0));
    lookup.half(Kind::A).settle(found("10.0.0.1"));
    assert_eq!(lookup.verdict(Mono(0)), Verdict::Wait);
    assert_eq!(lookup.wake_at(), Mono(0).plus_ms(50));
    assert_eq!(lookup.verdict(Mono(0).plus_ms(49)), Verdict::Wait);
    assert_eq!(lookup.verdict(Mono(0).plus_ms(50)), Verdict::Start);
    lookup.half(Kind::Aaaa).settle(found("fd00::1"));
    assert_eq!(lookup.verdict(Mono(0).plus_ms(60)), Verdict::Found);
    let (all, fresh_ms) = lookup.found();
    assert!(all[0].is_ipv6() && all[1].is_ipv4() && fresh_ms == 9_000);
}

#[test]
fn servers_are_asked_in_turn_and_none_that_refused() {
    let mut half = Half::new();
    assert_eq!(half.next_server(2, false), Some(0));
    assert_eq!(half.next_server(2, true), Some(1));
    assert_eq!(half.next_server(2, false), None, "both were asked");
    half.refuse(0, 2);
    assert_eq!(half.next_server(2, true), Some(1));
    assert!(half.is_asking());
    half.refuse(1, 2);
    assert_eq!(half.outcome, Outcome::Failed);
    assert_eq!(half.next_server(2, true), None);
}
