//! What real servers have sent, cut at every byte; and what nobody should send.
#![allow(clippy::unwrap_used)]

mod captured;
mod session;

use proptest::prelude::*;

use super::reply::Step;
use super::*;
use crate::limits::{REDIS_DEPTH, REDIS_LINE_BYTES, REDIS_REPLY_BYTES, REDIS_VALUES};

/// Reads `pieces` as they would come from a socket: what was not consumed is kept and grows.
fn read(pieces: &[&[u8]]) -> Result<Vec<Message>, Violation> {
    let (mut reader, mut tail, mut messages) = (Reader::default(), Vec::new(), Vec::new());
    for piece in pieces {
        tail.extend_from_slice(piece);
        loop {
            match reader.step(&tail)? {
                Step::NeedMore { consumed } => {
                    tail.drain(..consumed);
                    break;
                }
                Step::Message { message, consumed } => {
                    tail.drain(..consumed);
                    messages.push(message);
                }
            }
        }
    }
    Ok(messages)
}

fn whole(bytes: &[u8]) -> Result<Vec<Message>, Violation> {
    read(&[bytes])
}

fn one(bytes: &[u8]) -> Reply {
    match &whole(bytes).unwrap()[..] {
        [Message::Reply(reply)] => reply.clone(),
        other => panic!("{other:?}"),
    }
}

fn bytes(text: &str) -> Reply {
    Reply::Bytes(text.as_bytes().to_vec())
}

#[test]
fn every_kind_of_value() {
    let infinite = Reply::Double(f64::INFINITY);
    for (text, expected) in [
        ("+OK\r\n", bytes("OK")),
        ("$0\r\n\r\n", bytes("")),
        ("$5\r\na\r\nb\0\r\n", bytes("a\r\nb\0")),
        ("=7\r\ntxt:abc\r\n", bytes("abc")),
        (
            "(3492890328409238509324850943850943825024385\r\n",
            bytes("3492890328409238509324850943850943825024385"),
        ),
        (":-9223372036854775808\r\n", Reply::Integer(i64::MIN)),
        (",3.5\r\n", Reply::Double(3.5)),
        (",inf\r\n", infinite),
        ("#t\r\n", Reply::Boolean(true)),
        ("_\r\n", Reply::Null),
        ("$-1\r\n", Reply::Null),
        ("*-1\r\n", Reply::Null),
        ("*0\r\n", Reply::List(vec![])),
        (
            "~2\r\n:1\r\n:2\r\n",
            Reply::List(vec![Reply::Integer(1), Reply::Integer(2)]),
        ),
        (
            "%1\r\n+a\r\n*1\r\n_\r\n",
            Reply::Map(vec![bytes("a"), Reply::List(vec![Reply::Null])]),
        ),
        ("|1\r\n+ttl\r\n:3600\r\n:5\r\n", Reply::Integer(5)),
        ("|0\r\n:5\r\n", Reply::Integer(5)),
        (
            "*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n",
            Reply::List(vec![Reply::Integer(1), Reply::Integer(2)]),
        ),
        ("-OOM no\r\n", Reply::Refused(Refusal::OutOfMemory)),
        ("!10\r\nLOADING ab\r\n", Reply::Refused(Refusal::Loading)),
    ] {
        assert_eq!(one(text.as_bytes()), expected, "{text:?}");
    }
    let push = whole(b">2\r\n+message\r\n+x\r\n:1\r\n").unwrap();
    let expected = [
        Message::Push(vec![bytes("message"), bytes("x")]),
        Message::Reply(Reply::Integer(1)),
    ];
    assert_eq!(push, expected);
}

#[test]
fn what_a_real_server_has_sent_reads_alike_however_it_is_cut() {
    let all = captured::ALL.concat();
    let messages = whole(&all).unwrap();
    assert_eq!(messages.len(), captured::ALL.len());
    for cut in 0..=all.len() {
        let (before, after) = all.split_at(cut);
        assert_eq!(read(&[before, after]).unwrap(), messages, "cut at {cut}");
    }
    let bytes: Vec<&[u8]> = all.chunks(1).collect();
    assert_eq!(read(&bytes).unwrap(), messages);
}

#[test]
fn the_beginning_of_a_reply_is_no_reply_and_no_error() {
    for reply in captured::ALL {
        for end in 0..reply.len() {
            let messages = whole(&reply[..end]);
            assert_eq!(messages, Ok(vec![]), "{:?}", &reply[..end].escape_ascii());
        }
    }
}

#[test]
fn what_a_server_must_not_send() {
    let deep = "*1\r\n".repeat(1_000_000);
    let many = format!("*{REDIS_VALUES}\r\n{}", ":1\r\n".repeat(REDIS_VALUES));
    for (text, expected) in [
        ("$2147483647\r\n", Violation::TooLarge),
        ("$99999999999999999999\r\n", Violation::Number),
        ("$9223372036854775807\r\n", Violation::Number),
        ("$-2\r\n", Violation::Number),
        ("*-2\r\n", Violation::Number),
        ("$+3\r\n", Violation::Number),
        ("$\r\n", Violation::Number),
        ("$?\r\n", Violation::Number),
        ("*2147483647\r\n", Violation::TooMany),
        ("%2147483647\r\n", Violation::TooMany),
        (&many[..], Violation::TooMany),
        (&deep[..], Violation::TooDeep),
        ("$3\r\nabcd\r\n", Violation::BulkEnd),
        ("$3\r\nabc\rx", Violation::BulkEnd),
        ("=3\r\nabc\r\n", Violation::Value),
        ("=4\r\nabcd\r\n", Violation::Value),
        (":\r\n", Violation::Number),
        (":1.5\r\n", Violation::Number),
        (":9223372036854775808\r\n", Violation::Number),
        (",x\r\n", Violation::Number),
        ("#x\r\n", Violation::Value),
        ("_x\r\n", Violation::Value),
        ("+OK\n", Violation::LineEnd),
        ("\r\n", Violation::LineEnd),
        ("HTTP/1.1 400 Bad Request\r\n", Violation::Kind(b'H')),
        ("*1\r\n>1\r\n+a\r\n", Violation::Kind(b'>')),
        (">0\r\n", Violation::Number),
    ] {
        let shown = &text[..text.len().min(40)];
        assert_eq!(whole(text.as_bytes()), Err(expected), "{shown:?}");
    }
}

#[test]
fn an_endless_line_is_not_kept() {
    let line = [b'+'; REDIS_LINE_BYTES + 1];
    assert_eq!(whole(&line), Err(Violation::LongLine));
    let mut reader = Reader::default();
    for end in 0..=REDIS_LINE_BYTES {
        assert_eq!(
            reader.step(&line[..end]),
            Ok(Step::NeedMore { consumed: 0 })
        );
    }
}

#[test]
fn many_strings_have_one_bound_together() {
    let string = format!("$1000000\r\n{}\r\n", "x".repeat(1_000_000));
    let fits = REDIS_REPLY_BYTES / 1_000_007;
    let list = |n: usize| format!("*{n}\r\n{}", string.repeat(n)).into_bytes();
    assert!(whole(&list(fits)).is_ok());
    assert_eq!(whole(&list(fits + 1)), Err(Violation::TooLarge));
    let apart = string.repeat(fits + 1);
    assert!(whole(apart.as_bytes()).is_ok(), "each reply has its own");
}

#[test]
fn lists_may_be_as_deep_as_the_bound() {
    let deep = |n: usize| format!("{}:1\r\n", "*1\r\n".repeat(n)).into_bytes();
    assert!(whole(&deep(REDIS_DEPTH)).is_ok());
    assert_eq!(whole(&deep(REDIS_DEPTH + 1)), Err(Violation::TooDeep));
}

#[test]
fn no_byte_of_an_argument_means_anything() {
    let mut out = Vec::new();
    let evil = "x\r\n*1\r\n$8\r\nFLUSHALL\r\n";
    command::write_command(&mut out, &["SET", "k", evil]);
    let expected = format!(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{evil}\r\n",
        evil.len()
    );
    assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
    // A command is written as an array of bulks is read.
    assert_eq!(
        one(&out),
        Reply::List(vec![bytes("SET"), bytes("k"), bytes(evil)])
    );
}

#[test]
fn a_block_of_a_counter() {
    let read = |text: &str| counters::Granted::read(&one(text.as_bytes()));
    let granted = |units, ends_in_ms, left| {
        Some(counters::Granted {
            units,
            ends_in_ms,
            left,
            window: 9,
        })
    };
    assert_eq!(
        read("*4\r\n:5\r\n:60000\r\n:7\r\n:9\r\n"),
        granted(5, 60_000, 7)
    );
    for wrong in [
        "*2\r\n:5\r\n:1\r\n",
        "*4\r\n:-5\r\n:1\r\n:1\r\n:1\r\n",
        "*1\r\n:5\r\n",
        ":5\r\n",
        "*4\r\n_\r\n:1\r\n:1\r\n:1\r\n",
        "*3\r\n:5\r\n:1\r\n:1\r\n",
    ] {
        assert_eq!(read(wrong), None, "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived_and_read_alike_however_they_are_cut(
        input in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'*'), Just(b'$'), Just(b'1'), any::<u8>()],
            0..200,
        ),
        cut in 0_usize..200,
    ) {
        let cut = cut.min(input.len());
        prop_assert_eq!(whole(&input), read(&[&input[..cut], &input[cut..]]));
    }
}
