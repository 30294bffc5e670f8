//! Greetings, pipelines, and answers that nobody waits for any more.

use std::collections::VecDeque;

use super::super::session::NotNow;
use super::super::*;
use super::bytes;
use super::captured::{BAD_DATABASE, HELLO_3, NO_HELLO, NOAUTH, NOPROTO, SUBSCRIBED, WRONGPASS};
use crate::limits::REDIS_PIPELINE;

fn login(user: Option<&str>, password: Option<&str>, database: u32) -> Login {
    Login {
        user: user.map(str::to_owned),
        password: password.map(str::to_owned),
        database,
        name: "maitred".to_owned(),
    }
}

/// The commands in `out`, with spaces between their words; `out` is empty after that.
fn said(out: &mut Vec<u8>) -> Vec<String> {
    let all = super::whole(&std::mem::take(out)).unwrap();
    let words = |message: &Message| match message {
        Message::Reply(Reply::List(words)) => words.clone(),
        other => panic!("{other:?}"),
    };
    let text = |word: &Reply| match word {
        Reply::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    let line = |message| {
        words(message)
            .iter()
            .map(text)
            .collect::<Vec<_>>()
            .join(" ")
    };
    all.iter().map(line).collect()
}

/// Tells the session all of `input`, which is whole messages.
fn tell(
    session: &mut Session<u32>,
    out: &mut Vec<u8>,
    mut input: &[u8],
) -> Result<Vec<Event<u32>>, Fault> {
    let mut events = Vec::new();
    loop {
        let (used, event) = session.step(input, out)?;
        input = &input[used..];
        match event {
            Some(event) => events.push(event),
            None => break,
        }
    }
    assert!(input.is_empty());
    Ok(events)
}

fn greeting(login: Login) -> (Session<u32>, Vec<u8>) {
    let (mut session, mut out) = (Session::new(login), Vec::new());
    session.hello(&mut out);
    (session, out)
}

/// One that may be used.
fn ready() -> (Session<u32>, Vec<u8>) {
    let (mut session, mut out) = greeting(login(None, None, 0));
    assert_eq!(
        tell(&mut session, &mut out, HELLO_3),
        Ok(vec![Event::Ready])
    );
    out.clear();
    (session, out)
}

#[test]
fn a_greeting_in_version_3() {
    let (mut session, mut out) = greeting(login(Some("me"), Some("s3cret"), 2));
    assert_eq!(said(&mut out), ["HELLO 3 AUTH me s3cret SETNAME maitred"]);
    assert_eq!(
        session.send(&mut out, &["GET", "a"], 1),
        Err(NotNow::NotReady)
    );
    assert_eq!(tell(&mut session, &mut out, HELLO_3), Ok(vec![]));
    assert_eq!(said(&mut out), ["SELECT 2"]);
    assert_eq!(
        tell(&mut session, &mut out, b"+OK\r\n"),
        Ok(vec![Event::Ready])
    );
    assert!(session.is_ready() && !format!("{session:?}").contains("s3cret"));
}

#[test]
fn an_older_server_is_greeted_in_version_2() {
    for no in [NO_HELLO, NOPROTO] {
        let (mut session, mut out) = greeting(login(None, Some("s3cret"), 1));
        said(&mut out);
        assert_eq!(tell(&mut session, &mut out, no), Ok(vec![]));
        assert_eq!(
            said(&mut out),
            ["AUTH s3cret", "CLIENT SETNAME maitred", "SELECT 1"]
        );
        let answers = b"+OK\r\n-ERR unknown command 'CLIENT'\r\n+OK\r\n";
        assert_eq!(
            tell(&mut session, &mut out, answers),
            Ok(vec![Event::Ready])
        );
        assert_eq!(session.subscribe(&mut out, &["c"]), Err(NotNow::NoPushes));
    }
}

#[test]
fn who_is_not_wanted_is_told_so_and_does_not_go_on() {
    for (no, remedy) in [
        (NOAUTH, Remedy::Operator),
        (WRONGPASS, Remedy::Operator),
        (
            b"-LOADING Redis is loading the dataset in memory\r\n",
            Remedy::Later,
        ),
    ] {
        let (mut session, mut out) = greeting(login(None, None, 0));
        let fault = tell(&mut session, &mut out, no).unwrap_err();
        assert!(matches!(&fault, Fault::Refused(refusal) if refusal.remedy() == remedy));
        assert_eq!(session.step(b"+OK\r\n", &mut out), Err(fault));
    }
    let (mut session, mut out) = greeting(login(None, None, 99));
    tell(&mut session, &mut out, HELLO_3).unwrap();
    let fault = tell(&mut session, &mut out, BAD_DATABASE).unwrap_err();
    assert_eq!(fault, Fault::Refused(Refusal::Other("ERR".into())));
}

#[test]
fn answers_are_whose_commands_they_follow() {
    let (mut session, mut out) = ready();
    for (id, words) in [(1, ["GET", "a"]), (2, ["GET", "b"]), (3, ["GET", "c"])] {
        session.send(&mut out, &words, id).unwrap();
    }
    session.subscribe(&mut out, &["c"]).unwrap();
    assert_eq!(said(&mut out), ["GET a", "GET b", "GET c", "SUBSCRIBE c"]);
    assert!(session.cancel(&2) && !session.cancel(&2) && !session.cancel(&9));
    assert_eq!((session.awaited(), session.tombstones()), (3, 1));
    let input = [b"$1\r\nA\r\n$1\r\nB\r\n", SUBSCRIBED, b"-OOM no\r\n"].concat();
    let events = tell(&mut session, &mut out, &input).unwrap();
    let push = vec![bytes("subscribe"), bytes("c"), Reply::Integer(1)];
    let expected = [
        Event::Answer {
            to: 1,
            reply: Ok(bytes("A")),
        },
        Event::Push(push),
        Event::Answer {
            to: 3,
            reply: Err(Refusal::OutOfMemory),
        },
    ];
    assert_eq!(events, expected);
    assert_eq!((session.awaited(), session.tombstones()), (0, 0));
    let fault = tell(&mut session, &mut out, b"+OK\r\n").unwrap_err();
    assert_eq!(fault, Fault::Unsolicited);
}

#[test]
fn the_line_has_a_bound_and_its_end_is_told_to_all_in_it() {
    let (mut session, mut out) = ready();
    for id in 0..REDIS_PIPELINE as u32 {
        session.send(&mut out, &["PING"], id).unwrap();
    }
    assert_eq!(session.send(&mut out, &["PING"], 9_999), Err(NotNow::Full));
    session.cancel(&7);
    let left: Vec<u32> = session.end().collect();
    assert_eq!(left.len(), REDIS_PIPELINE - 1);
    assert!(!left.contains(&7));
}

/// Two tenants on one connection, a hundred thousand commands, a third of them given up at any
/// moment: nobody ever sees a value that is another's.
#[test]
fn nobody_gets_what_was_meant_for_another() {
    let (mut session, mut out) = ready();
    let mut chance = fastrand::Rng::with_seed(7);
    let (mut server, mut wire): (VecDeque<u32>, Vec<u8>) = (VecDeque::new(), Vec::new());
    let (mut waiting, mut next, mut got) = (Vec::new(), 0_u32, 0);
    while next < 100_000 || !server.is_empty() || !wire.is_empty() {
        match chance.u8(0..4) {
            0 if next < 100_000 => {
                let words = ["GET".to_owned(), format!("tenant-{}:{next}", next % 2)];
                if session.send(&mut out, &words, next).is_ok() {
                    server.push_back(next);
                    waiting.push(next);
                    next += 1;
                }
            }
            1 if !waiting.is_empty() && chance.u8(0..3) == 0 => {
                let id = waiting.swap_remove(chance.usize(0..waiting.len()));
                assert!(session.cancel(&id));
            }
            2 => {
                if let Some(id) = server.pop_front() {
                    let value = format!("tenant-{}:{id}", id % 2);
                    wire.extend(format!("${}\r\n{value}\r\n", value.len()).into_bytes());
                }
            }
            _ => {
                let n = chance.usize(0..=wire.len());
                let (used, event) = session.step(&wire[..n], &mut out).unwrap();
                wire.drain(..used);
                if let Some(Event::Answer { to, reply }) = event {
                    assert_eq!(reply, Ok(bytes(&format!("tenant-{}:{to}", to % 2))));
                    waiting.retain(|id| *id != to);
                    got += 1;
                }
            }
        }
        out.clear();
    }
    assert!(waiting.is_empty() && got > 50_000, "{got}");
}
