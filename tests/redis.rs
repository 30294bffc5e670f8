//! The protocol of Redis against a real server: the codec, the session and the shared counters, each
//! as it would be used, on a blocking socket.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use maitred::proto::redis::counters::{Granted, amend, lease};
use maitred::proto::redis::{Event, Fault, Login, Refusal, Remedy, Reply};

use support::redis::{Line, Redis};

fn bytes(text: &str) -> Result<Reply, Refusal> {
    Ok(Reply::Bytes(text.as_bytes().to_vec()))
}

#[test]
#[ignore = "needs redis-server"]
fn it_is_greeted_and_what_is_stored_is_stored_as_it_is() {
    let redis = Redis::start(&[]);
    let login = Login {
        database: 3,
        ..Redis::login()
    };
    let mut line = Line::open(redis.addr, login).unwrap();
    let evil = "x\r\n*1\r\n$8\r\nFLUSHALL\r\n\0";
    assert_eq!(line.ask(&["SET", "before", "1"]), bytes("OK"));
    assert_eq!(line.ask(&["SET", evil, evil]), bytes("OK"));
    assert_eq!(line.ask(&["GET", evil]), bytes(evil));
    assert_eq!(line.ask(&["DBSIZE"]), Ok(Reply::Integer(2)));
    assert_eq!(line.ask(&["GET", "none"]), Ok(Reply::Null));
    let info = match line.ask(&["CLIENT", "INFO"]) {
        Ok(Reply::Bytes(info)) => String::from_utf8(info).unwrap(),
        other => panic!("{other:?}"),
    };
    for expected in [" name=maitred ", " db=3 ", " resp=3"] {
        assert!(info.contains(expected), "{info}");
    }
    let long = "é".repeat(3_000_000);
    assert_eq!(line.ask(&["SET", "long", &long]), bytes("OK"));
    assert_eq!(line.ask(&["GET", "long"]), bytes(&long));
}

#[test]
#[ignore = "needs redis-server"]
fn what_it_refuses_has_a_meaning() {
    let redis = Redis::start(&[]);
    let refused = |login| match Line::open(redis.addr, login) {
        Err(Fault::Refused(refusal)) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it lets everybody in"),
    };
    let nobody = Login {
        password: None,
        ..Redis::login()
    };
    assert_eq!(refused(nobody), Refusal::NoAuth);
    let wrong = Login {
        password: Some("wrong".to_owned()),
        ..Redis::login()
    };
    assert_eq!(refused(wrong), Refusal::WrongPass);
    let mut line = redis.connect();
    line.ask(&["SET", "text", "x"]).unwrap();
    assert_eq!(line.ask(&["LPUSH", "text", "y"]), Err(Refusal::WrongType));
    assert_eq!(line.ask(&["NO-SUCH"]), Err(Refusal::UnknownCommand));
    assert_eq!(
        line.ask(&["EVALSHA", &"0".repeat(40), "0"]),
        Err(Refusal::NoScript)
    );
    line.ask(&[
        "ACL", "SETUSER", "reader", "on", "nopass", "~*", "+get", "+client",
    ])
    .unwrap();
    let reader = Login {
        user: Some("reader".to_owned()),
        password: Some("any".to_owned()),
        ..Redis::login()
    };
    let mut reader = Line::open(redis.addr, reader).unwrap();
    assert_eq!(
        reader.ask(&["SET", "text", "y"]),
        Err(Refusal::NoPermission)
    );
    line.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert_eq!(line.ask(&["SET", "a", "b"]), Err(Refusal::OutOfMemory));
    line.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    line.ask(&["REPLICAOF", "127.0.0.1", "1"]).unwrap();
    let refusal = line.ask(&["SET", "a", "b"]).unwrap_err();
    assert_eq!(refusal.remedy(), Remedy::Reconnect);
    line.ask(&["CONFIG", "SET", "replica-serve-stale-data", "no"])
        .unwrap();
    assert_eq!(line.ask(&["GET", "a"]), Err(Refusal::MasterDown));
}

#[test]
#[ignore = "needs redis-server"]
fn a_cluster_says_where_its_keys_are() {
    let redis = Redis::start(&["--cluster-enabled", "yes"]);
    let mut line = redis.connect();
    assert_eq!(line.ask(&["GET", "foo"]), Err(Refusal::ClusterDown));
    let slot = i64::from(maitred::proto::redis::slot::slot("tag {user}é".as_bytes()));
    let theirs = line.ask(&["CLUSTER", "KEYSLOT", "tag {user}é"]);
    assert_eq!(theirs, Ok(Reply::Integer(slot)));
}

#[test]
#[ignore = "needs redis-server"]
fn answers_that_nobody_wants_are_thrown_away_and_pushes_are_nobodys_answer() {
    let redis = Redis::start(&[]);
    let (mut line, mut other) = (redis.connect(), redis.connect());
    line.subscribe("news");
    let mut wanted = Vec::new();
    for n in 0..500 {
        let text = format!("value {n}");
        let id = line.send(&["ECHO", &text]);
        if n % 3 == 0 {
            assert!(line.session.cancel(&id));
        } else {
            wanted.push((id, text));
        }
        if n == 250 {
            other.ask(&["PUBLISH", "news", "hello"]).unwrap();
        }
    }
    let mut pushes = 0;
    while let Some((id, text)) = wanted.first() {
        match line.event().unwrap() {
            Event::Push(_) => pushes += 1,
            answer => {
                let expected = Event::Answer {
                    to: *id,
                    reply: bytes(text),
                };
                assert_eq!(answer, expected);
                wanted.remove(0);
            }
        }
    }
    assert_eq!(pushes, 1);
}

/// Takes a block.
fn take(line: &mut Line, wanted: u64) -> Granted {
    let reply = line.ask(&lease("rate:{local}:1", wanted, 10, 400)).unwrap();
    Granted::read(&reply).unwrap()
}

#[test]
#[ignore = "needs redis-server"]
fn blocks_of_a_shared_counter_are_never_more_than_there_is() {
    let redis = Redis::start(&[]);
    let (mut one, mut other) = (redis.connect(), redis.connect());
    let first = take(&mut one, 4);
    assert!(first.units == 4 && (1..=400).contains(&first.ends_in_ms));
    let blocks = [take(&mut other, 4), take(&mut one, 4), take(&mut other, 4)];
    assert_eq!(blocks.map(|block| block.units), [4, 2, 0]);
    assert!(
        blocks
            .iter()
            .all(|block| block.ends_in_ms <= first.ends_in_ms)
    );
    // Less was used than was taken, then more.
    one.ask(&amend("rate:{local}:1", -3)).unwrap();
    assert_eq!(take(&mut other, 9).units, 3);
    one.ask(&amend("rate:{local}:1", -1_000)).unwrap();
    one.ask(&amend("rate:{local}:1", 8)).unwrap();
    assert_eq!(take(&mut other, 9).units, 2);
    std::thread::sleep(Duration::from_millis(450));
    assert_eq!(take(&mut other, 9).units, 9, "a window of its own");
    one.ask(&amend("another", -3)).unwrap();
    assert_eq!(one.ask(&["EXISTS", "another"]), Ok(Reply::Integer(0)));
}
