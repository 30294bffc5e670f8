//! Replies of Redis: whatever comes, reading it ends, what is kept is bounded, and it reads alike
//! however it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::limits::REDIS_VALUES;
use maitred::proto::redis::reply::Step;
use maitred::proto::redis::{Message, Reader, Reply, Violation};

fn read(pieces: &[&[u8]]) -> (Vec<Message>, Option<Violation>) {
    let (mut reader, mut tail, mut messages) = (Reader::default(), Vec::new(), Vec::new());
    for piece in pieces {
        tail.extend_from_slice(piece);
        loop {
            match reader.step(&tail) {
                Ok(Step::NeedMore { consumed }) => {
                    tail.drain(..consumed);
                    break;
                }
                Ok(Step::Message { message, consumed }) => {
                    assert!(consumed > 0, "a message of nothing");
                    tail.drain(..consumed);
                    messages.push(message);
                }
                Err(violation) => return (messages, Some(violation)),
            }
        }
    }
    (messages, None)
}

fn count(reply: &Reply) -> usize {
    match reply {
        Reply::List(values) | Reply::Map(values) => 1 + values.iter().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Equal but for numbers that are none, which are not even equal to themselves.
fn shown(messages: &[Message]) -> String {
    format!("{messages:?}")
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, data)) = data.split_first() else {
        return;
    };
    let (before, after) = data.split_at(usize::from(*cut).min(data.len()));
    let (whole, fault) = read(&[data]);
    let (cut, other) = read(&[before, after]);
    assert_eq!((shown(&whole), fault), (shown(&cut), other));
    for message in &whole {
        let values = match message {
            Message::Reply(reply) => count(reply),
            Message::Push(values) => values.iter().map(count).sum(),
        };
        assert!(values <= REDIS_VALUES);
    }
});
