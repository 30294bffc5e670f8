//! One run against a PostgreSQL server, from the log-in to the goodbye, the same each time.
//!
//! `tests/postgres/captured.rs` plays it to a real server and keeps what went over the wire in
//! `captured.txt`; the codec's own tests play it to those bytes, cut everywhere.

use std::fmt::Write as _;

use maitred::proto::postgres::{
    Answer, ChannelBinding, Encryption, Event, Login, Methods, Password, Row, Scalar, Session,
    Statement, Type, Value,
};

/// Known, so that the server's proof can be checked again.
pub(crate) const NONCE: [u8; 18] = *b"never do this, ok!";
/// SASLprep makes two letters of the first one.
pub(crate) const PASSWORD: &str = "ﬁsch und Öl";

/// When there is something to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cue {
    Ready,
    CopyIn,
    Finished(u64),
}

const INSERT: Statement<'_> = Statement {
    sql: "INSERT INTO t SELECT * FROM unnest($1, $2, $3) RETURNING n, score, words",
    types: &[
        Type::List(Scalar::Int8),
        Type::List(Scalar::Float8),
        Type::List(Scalar::Text),
    ],
    values: &[
        Value::List(&[Value::Int8(1), Value::Int8(2)]),
        Value::List(&[Value::Float8(0.5), Value::Null]),
        Value::List(&[Value::Text("tea"), Value::Text("Käse \u{1F9C0}")]),
    ],
    keep: true,
};

const fn plain(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        types: &[],
        values: &[],
        keep: false,
    }
}

pub(crate) fn login() -> Login {
    Login {
        user: "maitre".into(),
        password: Some(Password::new(PASSWORD.into())),
        database: "tables".into(),
        application_name: "story".into(),
        parameters: vec![("statement_timeout".into(), "5000".into())],
        encryption: Encryption::Never,
        methods: Methods::USUAL,
        channel_binding: ChannelBinding::IfOffered,
        pooled: false,
    }
}

/// What an event asks of us.
pub(crate) fn cue(event: &Event<'_>) -> Option<Cue> {
    match event {
        Event::Ready => Some(Cue::Ready),
        Event::Answer(_, Answer::CopyIn) => Some(Cue::CopyIn),
        Event::Answer(token, Answer::Finished(_)) => Some(Cue::Finished(*token)),
        _ => None,
    }
}

/// Does it.
pub(crate) fn play(cue: Cue, session: &mut Session, out: &mut Vec<u8>) {
    match cue {
        Cue::Ready => {
            let tables = "CREATE TEMP TABLE t (n bigint, score float8, words text); LISTEN kitchen";
            session.script(1, tables, out)
        }
        Cue::Finished(1) => {
            // Five requests at once: one of them fails, and one prepares what another has asked for.
            let none_of_it = [plain("SELECT 1"), plain("SELECT 1/0"), plain("SELECT 3")];
            let notices = [
                plain("DO $$ BEGIN RAISE NOTICE 'hot'; END $$"),
                plain("NOTIFY kitchen, 'order up'"),
            ];
            (session.send(2, &[INSERT], out))
                .and_then(|()| session.send(3, &none_of_it, out))
                .and_then(|()| session.send(4, &[INSERT], out))
                .and_then(|()| session.send(5, &notices, out))
                .and_then(|()| session.send(6, &[], out))
        }
        Cue::Finished(6) => session.send(7, &[INSERT, plain("SET work_mem = '1MB'")], out),
        Cue::Finished(7) => session.script(8, "COPY t (n, words) FROM STDIN", out),
        Cue::CopyIn => (session.copy_in(b"7\tby", out))
            .and_then(|()| session.copy_in(b" hand\n", out))
            .and_then(|()| session.copy_done(out)),
        Cue::Finished(8) => {
            session.script(9, "COPY t TO STDOUT; SELECT count(*), NULL FROM t", out)
        }
        Cue::Finished(9) => {
            session.terminate(out);
            Ok(())
        }
        Cue::Finished(_) => Ok(()),
    }
    .expect("the story can be told");
}

/// An event in words that are the same with every server.
pub(crate) fn tell(event: &Event<'_>) -> String {
    match event {
        Event::Answer(token, Answer::Row(row)) => format!("{token}: {}", cells(*row)),
        Event::Answer(token, Answer::Done(tag)) => format!("{token}: {}", tag.as_str()),
        Event::Answer(token, Answer::Copied(bytes)) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{token}: copied {hex}")
        }
        Event::Answer(token, answer) => format!("{token}: {answer:?}"),
        Event::Notification {
            channel, payload, ..
        } => format!("{channel}: {payload}"),
        Event::Notice(report) => format!("notice {}", report.message),
        event => format!("{event:?}"),
    }
}

fn cells(row: Row<'_>) -> String {
    let mut line = String::from("row");
    let mut values = row.values();
    for _ in 0..row.len() {
        let (mut number, mut score, mut text, mut plain) = (values, values, values, values);
        if let Ok(value) = number.take::<Option<i64>>() {
            let _ = write!(line, " {value:?}");
            values = number;
        } else if let Ok(value) = score.take::<Option<f64>>() {
            let _ = write!(line, " {value:?}");
            values = score;
        } else if let Ok(value) = text.take::<Option<&str>>() {
            let _ = write!(line, " {value:?}");
            values = text;
        } else {
            let _ = write!(line, " text {:?}", plain.text());
            values = plain;
        }
    }
    line
}

/// The same events, with what was copied in one piece: where it is cut means nothing.
pub(crate) fn joined(told: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in told {
        let piece = line.split_once(": copied ").map(|(_, piece)| piece);
        match (piece, all.last_mut()) {
            (Some(piece), Some(last)) if last.contains(": copied ") => last.push_str(piece),
            _ => all.push(line.clone()),
        }
    }
    all
}

/// Bytes of both sides, and what was told, as `captured.txt` has them.
pub(crate) struct Captured {
    pub(crate) ours: Vec<u8>,
    pub(crate) server: Vec<u8>,
    pub(crate) told: Vec<String>,
}

impl Captured {
    /// `>` is what we said and `<` what the server said, in hexadecimal; `=` is what was told.
    pub(crate) fn read(text: &str) -> Self {
        let of = |sign: &str| -> Vec<&str> {
            text.lines()
                .filter_map(|line| line.strip_prefix(sign))
                .collect()
        };
        Captured {
            ours: bytes(&of("> ").concat()),
            server: bytes(&of("< ").concat()),
            told: of("= ").into_iter().map(str::to_owned).collect(),
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digits).collect()
}
