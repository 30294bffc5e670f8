//! The codec against messages written by hand, cut everywhere and changed at random.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use proptest::prelude::{any, proptest};
use proptest::prop_assert;

use super::{Answer, Fault, Kind, Malformed, Name, Query, is_localhost, message_in};

#[allow(
    clippy::duplicate_mod,
    reason = "the tests of the engine have it too, and neither may know the other"
)]
#[path = "../../../tests/world/dns_message.rs"]
mod message;

use message::{Asked, a, aaaa, cname, soa};

const NAME: &str = "llm.test";

fn name() -> Name {
    Name::parse(NAME).unwrap()
}

fn asked(kind: Kind) -> Asked {
    Asked {
        id: 77,
        name: NAME.into(),
        kind: kind.code(),
    }
}

/// What `message` says to somebody who asked for IPv4 addresses.
fn read(message: &[u8]) -> Result<Answer, Fault> {
    let query = Query {
        id: 77,
        name: &name(),
        kind: Kind::A,
    };
    query.answer(message)
}

fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    asked(Kind::A).answer(0, records, &[])
}

fn addresses(ips: &[[u8; 4]], ttl_s: u32) -> Result<Answer, Fault> {
    let addresses = ips.iter().map(|ip| IpAddr::from(*ip)).collect();
    Ok(Answer::Addresses { addresses, ttl_s })
}

#[test]
fn a_question_is_what_a_server_expects() {
    for (host, kind) in [("llm.test", Kind::A), ("LLM.Test.", Kind::Aaaa)] {
        let name = Name::parse(host).unwrap();
        let query = Query {
            id: 77,
            name: &name,
            kind,
        };
        let (mut datagram, mut stream) = (Vec::new(), Vec::new());
        query.write(&mut datagram);
        query.write_framed(&mut stream);
        assert_eq!(Asked::read(&datagram), asked(kind));
        for cut in 0..stream.len() {
            assert_eq!(message_in(&stream[..cut]), None, "{cut}");
        }
        stream.extend(b"more");
        assert_eq!(message_in(&stream), Some(&datagram[..]));
    }
}

#[test]
fn hosts_that_are_names_and_hosts_that_are_not() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(Name::parse(&longest).unwrap().as_bytes().len(), 255);
    assert_eq!(format!("{:?}", Name::parse("A.b.").unwrap()), "a.b.");
    for bad in [
        "",
        ".",
        "a..b",
        ".a",
        "a..",
        "ä.test",
        &format!("{label}a"),
        &format!("{longest}a"),
    ] {
        assert!(Name::parse(bad).is_err(), "{bad}");
    }
    for this in ["localhost", "LOCALHOST.", "llm.localhost"] {
        assert!(is_localhost(this), "{this}");
    }
    assert!(!is_localhost("localhost.test") && !is_localhost("notlocalhost"));
}

#[test]
fn addresses_come_in_the_order_of_the_message_and_hold_as_long_as_the_first_to_end() {
    let records = [a(NAME, 60, [10, 0, 0, 2]), a("LLM.TEST", 9, [10, 0, 0, 1])];
    assert_eq!(
        read(&answer(&records)),
        addresses(&[[10, 0, 0, 2], [10, 0, 0, 1]], 9)
    );
    let query = Query {
        id: 77,
        name: &name(),
        kind: Kind::Aaaa,
    };
    let six = asked(Kind::Aaaa).answer(0, &[aaaa(NAME, 60, "fd00::1")], &[]);
    let expected = Answer::Addresses {
        addresses: vec!["fd00::1".parse().unwrap()],
        ttl_s: 60,
    };
    assert_eq!(query.answer(&six), Ok(expected));
    // A negative number of seconds is none.
    assert_eq!(
        read(&answer(&[a(NAME, 1 << 31, [10, 0, 0, 1])])),
        addresses(&[[10, 0, 0, 1]], 0)
    );
}

#[test]
fn aliases_are_followed_in_whatever_order_they_stand() {
    let records = [
        a("c.test", 60, [10, 0, 0, 1]),
        cname("b.test", 5, "c.test"),
        a("elsewhere.test", 60, [6, 6, 6, 6]),
        cname(NAME, 30, "b.test"),
    ];
    assert_eq!(read(&answer(&records)), addresses(&[[10, 0, 0, 1]], 5));
    let nowhere = answer(&[cname(NAME, 30, "b.test")]);
    assert_eq!(read(&nowhere), Ok(Answer::NoAddress { ttl_s: 0 }));
}

#[test]
fn a_circle_of_aliases_is_left() {
    let circle = answer(&[cname(NAME, 60, "b.test"), cname("b.test", 60, NAME)]);
    assert_eq!(read(&circle), Err(Malformed::Aliases.into()));
    let chain = |length: usize| {
        let link = |n: usize| {
            if n == 0 {
                NAME.into()
            } else {
                format!("{n}.test")
            }
        };
        let mut records: Vec<_> = (0..length)
            .map(|n| cname(&link(n), 60, &link(n + 1)))
            .collect();
        records.push(a(&link(length), 60, [10, 0, 0, 1]));
        read(&answer(&records))
    };
    assert_eq!(chain(8), addresses(&[[10, 0, 0, 1]], 60));
    assert_eq!(chain(9), Err(Malformed::Aliases.into()));
}

#[test]
fn no_is_an_answer_too() {
    let no = |code, authority: &[Vec<u8>]| read(&asked(Kind::A).answer(code, &[], authority));
    let keep = [soa("test", 300, 60)];
    assert_eq!(no(3, &keep), Ok(Answer::NoSuchName { ttl_s: 60 }));
    assert_eq!(no(3, &[]), Ok(Answer::NoSuchName { ttl_s: 0 }));
    assert_eq!(no(0, &keep), Ok(Answer::NoAddress { ttl_s: 60 }));
    for code in [1, 2, 4, 5] {
        assert_eq!(no(code, &[]), Ok(Answer::Failed(code)));
    }
    let elsewhere = message::record("test", message::NS, 60, &message::name("ns.test"));
    assert_eq!(
        no(0, &[elsewhere]),
        Ok(Answer::Failed(0)),
        "it does not recurse"
    );
    // What filters answer is no address.
    assert_eq!(
        read(&answer(&[a(NAME, 60, [0; 4])])),
        Ok(Answer::NoAddress { ttl_s: 0 })
    );
}

#[test]
fn the_code_has_more_bits_in_the_pseudo_record() {
    let mut bad_version = answer(&[]);
    bad_version[11] = 1;
    bad_version.extend([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
    assert_eq!(read(&bad_version), Ok(Answer::Failed(16)));
}

#[test]
fn what_belongs_to_another_question_is_a_stray() {
    let good = answer(&[a(NAME, 60, [10, 0, 0, 1])]);
    let change = |at: usize, to: u8| {
        let mut message = good.clone();
        message[at] = to;
        read(&message)
    };
    assert_eq!(change(1, 78), Err(Fault::Stray), "another id");
    assert_eq!(change(2, 0x01), Err(Fault::Stray), "a question");
    assert_eq!(change(2, 0xA8), Err(Fault::Stray), "another operation");
    assert_eq!(change(5, 2), Err(Fault::Stray), "two questions");
    assert_eq!(change(5, 0), Err(Fault::Stray), "none, and no refusal");
    assert_eq!(change(13, b'x'), Err(Fault::Stray), "another name");
    assert_eq!(change(23, 28), Err(Fault::Stray), "another kind");
    assert_eq!(change(25, 3), Err(Fault::Stray), "another class");
    assert_eq!(read(&good[..11]), Err(Fault::Stray));
    assert_eq!(read(&asked(Kind::A).truncated()), Ok(Answer::Truncated));
    let header_only = [0, 77, 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(read(&header_only), Ok(Answer::Failed(5)));
}

/// An answer with one record whose owner is these bytes, at offset 26.
fn with_owner(owner: &[u8]) -> Vec<u8> {
    let rest = a("", 60, [10, 0, 0, 1]);
    answer(&[[owner, &rest[1..]].concat()])
}

#[test]
fn names_point_backwards_or_nowhere() {
    assert_eq!(
        read(&with_owner(&[0xC0, 12])),
        addresses(&[[10, 0, 0, 1]], 60)
    );
    assert_eq!(
        read(&with_owner(b"\x03llm\xC0\x10")),
        addresses(&[[10, 0, 0, 1]], 60)
    );
    for (owner, what) in [
        (&[0xC0, 26][..], "itself"),
        (&[0xC0, 28], "forward"),
        (&[1, b'a', 0xC0, 26], "its own beginning"),
        (&[0xFF, 0xFF], "outside"),
    ] {
        assert_eq!(
            read(&with_owner(owner)),
            Err(Malformed::Pointer.into()),
            "{what}"
        );
    }
    for owner in [[0x40, 0], [0x80, 0]] {
        assert_eq!(read(&with_owner(&owner)), Err(Malformed::Label.into()));
    }
}

#[test]
fn chains_of_pointers_and_long_names_end() {
    // Each record's owner is a pointer to the pointer of the one before.
    let chain = |length: usize| {
        let mut message = answer(&[]);
        message[7] = length as u8;
        let mut to = 12_u16;
        for _ in 0..length {
            let at = message.len() as u16;
            message.extend((0xC000 | to).to_be_bytes());
            message.extend(&a("", 60, [10, 0, 0, 1])[1..]);
            to = at;
        }
        read(&message)
    };
    assert!(chain(16).is_ok());
    assert_eq!(chain(17), Err(Malformed::Pointer.into()));
    let long = [&b"\x3F"[..], &[b'a'; 63]].concat().repeat(4);
    assert_eq!(
        read(&with_owner(&[&long[..], &[0]].concat())),
        Err(Malformed::LongName.into())
    );
}

#[test]
fn what_is_too_much_is_refused_and_what_is_more_than_needed_ignored() {
    let record = a(NAME, 60, [10, 0, 0, 1]);
    assert_eq!(
        read(&answer(&vec![record.clone(); 129])),
        Err(Malformed::Records.into())
    );
    let Ok(Answer::Addresses { addresses, .. }) = read(&answer(&vec![record; 128])) else {
        panic!("as many as there may be");
    };
    assert_eq!(addresses.len(), 16);
    let wrong = answer(&[message::record(NAME, message::A, 60, &[10, 0, 0])]);
    assert_eq!(read(&wrong), Err(Malformed::Address.into()));
}

fn rich() -> Vec<u8> {
    let answers = [cname(NAME, 30, "b.test"), a("b.test", 60, [10, 0, 0, 1])];
    asked(Kind::A).answer(0, &answers, &[soa("test", 300, 60)])
}

#[test]
fn cut_at_any_byte_it_is_never_half_believed() {
    let whole = rich();
    for cut in 0..whole.len() {
        let read = read(&whole[..cut]);
        let expected = [Err(Fault::Stray), Err(Malformed::Short.into())];
        assert!(expected.contains(&read), "{cut}: {read:?}");
    }
    assert!(read(&whole).is_ok());
}

proptest! {
    #[test]
    fn any_change_to_a_message_is_read_or_refused(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let mut message = rich();
        let length = message.len();
        for (at, to) in changes {
            message[at % length] = to;
        }
        if let Ok(Answer::Addresses { addresses, .. }) = read(&message) {
            prop_assert!(addresses.len() <= 16);
        }
    }

    #[test]
    fn any_bytes_behind_a_good_header_are_read_or_refused(
        counts in any::<[u8; 3]>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut message = answer(&[]);
        message[7] = counts[0] % 8;
        message[9] = counts[1] % 8;
        message[11] = counts[2] % 8;
        message.extend(bytes);
        prop_assert!(read(&message) != Err(Fault::Stray));
    }
}
