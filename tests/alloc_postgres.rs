//! A request to PostgreSQL and its rows allocate nothing: from the values that are sent to the texts
//! that are read.
//!
//! This file has one test, because the heap is counted for the whole process.
#![allow(clippy::unwrap_used)]

use maitred::proto::postgres::{
    Answer, ChannelBinding, Encryption, Event, Login, Methods, Scalar, Session, Statement, Type,
    Value,
};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

const STATEMENT: Statement<'_> = Statement {
    sql: "SELECT text FROM generated_content WHERE tenant = $1 AND search_term_id = ANY ($2)",
    types: &[Type::One(Scalar::Text), Type::List(Scalar::Int8)],
    values: &[
        Value::Text("local"),
        Value::List(&[Value::Int8(1), Value::Null]),
    ],
    keep: true,
};

/// A message of the server.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

/// Blocks that `work` asks the heap for.
fn blocks_of(work: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    work();
    dhat::HeapStats::get().total_blocks - before
}

/// Bytes of text in the answers to so many requests, sent at once.
fn ask(session: &mut Session, answer: &[u8], requests: u64, out: &mut Vec<u8>) -> usize {
    out.clear();
    for token in 0..requests {
        session.send(token, &[STATEMENT], out).unwrap();
    }
    let mut bytes = 0;
    for _ in 0..requests {
        let mut input = answer;
        while let Some(event) = session.next(&mut input, out).unwrap() {
            if let Event::Answer(_, Answer::Row(row)) = event {
                bytes += row.values().take::<&str>().unwrap().len();
            }
        }
    }
    bytes
}

/// Without the test harness: its own thread would allocate beside us, and be counted.
fn main() {
    a_row_allocates_nothing();
}

fn a_row_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    assert_eq!(
        blocks_of(|| drop(String::from("one"))),
        1,
        "the counter counts"
    );
    let login = Login {
        user: "user".into(),
        password: None,
        database: "db".into(),
        application_name: "maitred".into(),
        parameters: vec![],
        encryption: Encryption::Never,
        methods: Methods::USUAL,
        channel_binding: ChannelBinding::Never,
        pooled: false,
    };
    let mut out = Vec::with_capacity(64 * 1024);
    let mut session = Session::open(login, [7; 18], &mut out).unwrap();
    let welcome = [message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
    session.next(&mut welcome.as_slice(), &mut out).unwrap();

    let text = b"text\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\x01";
    let row = message(b'D', b"\0\x01\0\0\0\x0da text of tea");
    let rest = [
        row.repeat(10),
        message(b'C', b"SELECT 10\0"),
        message(b'Z', b"I"),
    ];
    let rest = rest.concat();
    let first = [
        message(b'1', b""),
        message(b'2', b""),
        message(b'T', &[b"\0\x01", &text[..]].concat()),
        rest.clone(),
    ];
    assert_eq!(ask(&mut session, &first.concat(), 1, &mut out), 130);

    let later = [message(b'2', b""), rest].concat();
    ask(&mut session, &later, 20, &mut out);
    let mut bytes = 0;
    let blocks = blocks_of(|| bytes = ask(&mut session, &later, 20, &mut out));
    assert_eq!((blocks, bytes), (0, 20 * 130));
}
