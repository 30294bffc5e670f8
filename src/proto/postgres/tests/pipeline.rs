//! Requests and their answers, with a server that says what it is told to.

use super::server::{begun, columns, done, error, message, ready as end, row};
use super::{Fault, Login, Session, login, ready, ready_as, told};
use crate::limits::{PG_PIPELINE, PG_REQUEST_BYTES, PG_REQUEST_STATEMENTS, PG_STATEMENTS};
use crate::proto::postgres::{Outcome, Refused, Statement, Transaction, Type, Value};

fn plain(sql: &str) -> Statement<'_> {
    Statement {
        sql,
        types: &[],
        values: &[],
        keep: false,
    }
}

fn kept(sql: &str) -> Statement<'_> {
    Statement {
        keep: true,
        ..plain(sql)
    }
}

/// Sends a request; the types of the messages that it takes.
fn send(session: &mut Session, token: u64, statements: &[Statement<'_>]) -> String {
    let mut out = Vec::new();
    session.send(token, statements, &mut out).unwrap();
    types(&out)
}

fn types(mut bytes: &[u8]) -> String {
    let mut types = String::new();
    while let [tag, a, b, c, d, ..] = *bytes {
        types.push(char::from(tag));
        bytes = &bytes[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    types
}

fn answer(value: i64) -> Vec<u8> {
    [begun(), row(&[value]), done("SELECT 1"), end(b'I')].concat()
}

fn lost(session: &mut Session) -> Vec<(u64, Outcome)> {
    std::iter::from_fn(|| session.lost()).collect()
}

#[test]
fn an_error_ends_one_request_and_not_the_next() {
    let mut session = ready();
    assert_eq!(
        send(&mut session, 1, &[plain("a"), plain("b")]),
        "PBDEPBDES"
    );
    assert_eq!(send(&mut session, 2, &[plain("c")]), "PBDES");
    let first = [begun(), done("A"), error("ERROR", "42601"), end(b'I')].concat();
    let failed = "1 Failed(Error 42601)".to_owned();
    let expected = vec!["1 A".into(), failed, "1 Finished(None)".into()];
    assert_eq!(told(&mut session, &first), Ok(expected));
    let second = vec![
        "2 [5]".into(),
        "2 SELECT 1".into(),
        "2 Finished(None)".into(),
    ];
    assert_eq!(told(&mut session, &answer(5)), Ok(second));
    assert!(session.is_idle());
}

#[test]
fn an_answer_that_nobody_waits_for_ends_the_connection() {
    for bytes in [
        row(&[1]),
        done("X"),
        end(b'I'),
        message(b'1', b""),
        error("ERROR", "42601"),
        columns(1),
    ] {
        let mut session = ready();
        assert_eq!(told(&mut session, &bytes), Err(Fault::Unexpected(bytes[0])));
        assert_eq!(
            session.send(1, &[], &mut Vec::new()),
            Err(Refused::NotReady)
        );
    }
    // In the wrong order, or an end before the end.
    for bytes in [
        message(b'2', b""),
        end(b'I'),
        message(b'G', b"\0\0\0"),
        message(b'd', b"x"),
    ] {
        let mut session = ready();
        send(&mut session, 1, &[plain("a")]);
        let tag = bytes[0];
        let fault = if tag == b'd' {
            Fault::Unknown(tag)
        } else {
            Fault::Unexpected(tag)
        };
        assert_eq!(told(&mut session, &bytes), Err(fault));
        assert_eq!(lost(&mut session), [(1, Outcome::Unknown)]);
    }
    // Twice the same failure.
    let mut session = ready();
    send(&mut session, 1, &[plain("a")]);
    let twice = error("ERROR", "42601").repeat(2);
    assert_eq!(told(&mut session, &twice), Err(Fault::Unexpected(b'E')));
    assert_eq!(lost(&mut session), [(1, Outcome::Failed)]);
}

#[test]
fn what_becomes_of_requests_when_the_connection_ends() {
    let three = || {
        let mut session = ready();
        for token in 1..=3 {
            send(&mut session, token, &[plain("a")]);
        }
        session
    };
    use Outcome::{Failed, NotBegun, Unknown};
    // A reset in the middle of a result.
    let mut session = three();
    told(&mut session, &[begun(), row(&[1])].concat()).unwrap();
    assert_eq!(
        lost(&mut session),
        [(1, Unknown), (2, Unknown), (3, Unknown)]
    );
    // The server has said why: it takes one thing after the other.
    let mut session = three();
    told(&mut session, &[answer(1), error("FATAL", "57P01")].concat()).unwrap();
    assert_eq!(lost(&mut session), [(2, Unknown), (3, NotBegun)]);
    let mut session = three();
    told(
        &mut session,
        &[error("ERROR", "22012"), error("FATAL", "57P01")].concat(),
    )
    .unwrap();
    assert_eq!(
        lost(&mut session),
        [(1, Failed), (2, NotBegun), (3, NotBegun)]
    );
    // A pooler says it for itself, while its server may go on.
    let mut session = ready_as(Login {
        pooled: true,
        ..login()
    });
    send(&mut session, 1, &[plain("a")]);
    send(&mut session, 2, &[plain("b")]);
    told(&mut session, &error("FATAL", "08P01")).unwrap();
    assert_eq!(lost(&mut session), [(1, Unknown), (2, Unknown)]);
    assert_eq!(session.pending(), 0);
}

#[test]
fn a_statement_has_a_name_once_the_server_has_said_so() {
    let mut session = ready();
    let named = |session: &mut Session, sql: &str| send(session, 1, &[kept(sql)]);
    assert_eq!(named(&mut session, "a"), "PBDES");
    // It is not known yet whether the first one will be prepared: this one is for itself.
    assert_eq!(named(&mut session, "a"), "PBDES");
    told(&mut session, &answer(1)).unwrap();
    told(&mut session, &answer(2)).unwrap();
    assert_eq!(named(&mut session, "a"), "BES");
    let short = [message(b'2', b""), row(&[3]), done("SELECT 1"), end(b'I')].concat();
    assert_eq!(told(&mut session, &short).unwrap()[0], "1 [3]");

    // One that fails before its Parse is answered is asked for again, under another name.
    named(&mut session, "b");
    told(&mut session, &[error("ERROR", "42P01"), end(b'I')].concat()).unwrap();
    assert_eq!(named(&mut session, "b"), "PBDES");
    // One that fails after it is there, but its columns are not known.
    told(
        &mut session,
        &[message(b'1', b""), error("ERROR", "22P02"), end(b'I')].concat(),
    )
    .unwrap();
    assert_eq!(named(&mut session, "b"), "BDES");
    told(
        &mut session,
        &[
            message(b'2', b""),
            message(b'n', b""),
            done("INSERT 0 1"),
            end(b'I'),
        ]
        .concat(),
    )
    .unwrap();
    assert_eq!(named(&mut session, "b"), "BES");
    // The server does not know a name that it had said: all are asked for again.
    told(&mut session, &[error("ERROR", "26000"), end(b'I')].concat()).unwrap();
    assert_eq!(named(&mut session, "a"), "PBDES");
    assert_eq!(
        named(
            &mut ready_as(Login {
                pooled: true,
                ..login()
            }),
            "a"
        ),
        "PBDES"
    );
}

#[test]
fn the_same_text_with_other_types_is_another_statement() {
    use crate::proto::postgres::Scalar::{Int8, Text};
    let mut session = ready();
    for (types, value) in [
        (&[Type::One(Int8)], Value::Int8(1)),
        (&[Type::One(Text)], Value::Text("1")),
    ] {
        let statement = Statement {
            sql: "SELECT $1",
            types,
            values: &[value],
            keep: true,
        };
        assert_eq!(send(&mut session, 1, &[statement]), "PBDES");
        told(&mut session, &answer(1)).unwrap();
        assert_eq!(send(&mut session, 1, &[statement]), "BES");
        told(
            &mut session,
            &[message(b'2', b""), done("SELECT 0"), end(b'I')].concat(),
        )
        .unwrap();
    }
}

#[test]
fn the_statement_that_was_used_longest_ago_makes_room() {
    let mut session = ready();
    let sql: Vec<String> = (0..=PG_STATEMENTS).map(|n| format!("SELECT {n}")).collect();
    for sql in &sql[..PG_STATEMENTS] {
        assert_eq!(send(&mut session, 1, &[kept(sql)]), "PBDES");
        told(&mut session, &answer(1)).unwrap();
    }
    assert_eq!(send(&mut session, 1, &[kept(&sql[0])]), "BES");
    told(
        &mut session,
        &[message(b'2', b""), done("SELECT 0"), end(b'I')].concat(),
    )
    .unwrap();
    // The close comes before what may fail: after an error the server would not listen to it.
    assert_eq!(
        send(&mut session, 1, &[plain("x"), kept(&sql[PG_STATEMENTS])]),
        "CPBDEPBDES"
    );
    let closed = [message(b'3', b""), error("ERROR", "42601"), end(b'I')].concat();
    assert_eq!(
        told(&mut session, &closed).unwrap()[0],
        "1 Failed(Error 42601)"
    );
    assert_eq!(send(&mut session, 1, &[kept(&sql[0])]), "BES");
    // While all are in use, none can make room.
    let mut session = ready();
    for (token, sql) in (0..).zip(&sql) {
        assert_eq!(send(&mut session, token, &[kept(sql)]), "PBDES");
    }
}

#[test]
fn what_cannot_be_sent_leaves_no_trace() {
    let mut session = ready();
    let mut refused = |statements: &[Statement<'_>]| {
        let mut out = Vec::new();
        let refused = session.send(1, statements, &mut out).unwrap_err();
        assert!(out.is_empty() && session.pending() == 0);
        refused
    };
    let one = plain("SELECT 1");
    assert_eq!(refused(&[one; PG_REQUEST_STATEMENTS + 1]), Refused::TooMany);
    assert_eq!(
        refused(&[one, plain("SELECT 1\0; DROP TABLE t")]),
        Refused::Nul
    );
    let long = "x".repeat(PG_REQUEST_BYTES);
    assert_eq!(refused(&[plain(&long)]), Refused::TooLong);
    let text = &[Type::One(crate::proto::postgres::Scalar::Text)];
    let (long_value, nul, number) = (
        [Value::Text(&long)],
        [Value::Text("a\0b")],
        [Value::Int8(1)],
    );
    let with = |values| Statement {
        sql: "SELECT $1",
        types: text,
        values,
        keep: true,
    };
    assert_eq!(refused(&[one, with(&long_value)]), Refused::TooLong);
    assert_eq!(refused(&[with(&nul)]), Refused::Nul);
    assert_eq!(refused(&[with(&[])]), Refused::Type);
    assert_eq!(refused(&[with(&number)]), Refused::Type);
    let (types, values) = (vec![text[0]; 65_536], vec![Value::Null; 65_536]);
    let many = Statement {
        sql: "",
        types: &types,
        values: &values,
        keep: false,
    };
    assert_eq!(refused(&[many]), Refused::TooMany);
    let most = Statement {
        types: &types[1..],
        values: &values[1..],
        ..many
    };
    assert_eq!(send(&mut session, 1, &[most]), "PBDES");

    let mut session = ready();
    for token in 0..PG_PIPELINE as u64 {
        send(&mut session, token, &[]);
    }
    assert_eq!(session.send(1, &[], &mut Vec::new()), Err(Refused::Full));
    assert_eq!(session.script(1, "x", &mut Vec::new()), Err(Refused::Full));
}

#[test]
fn a_script_has_the_connection_for_itself() {
    let mut session = ready();
    let mut out = Vec::new();
    session.script(4, "COPY t FROM STDIN", &mut out).unwrap();
    assert_eq!(session.send(5, &[], &mut out), Err(Refused::Busy));
    assert_eq!(session.clean(5, &mut out), Err(Refused::Busy));
    assert_eq!(session.copy_done(&mut out), Err(Refused::NotCopying));
    assert_eq!(
        told(&mut session, &message(b'G', b"\0\0\0")),
        Ok(vec!["4 CopyIn".into()])
    );
    session.copy_in(b"", &mut out).unwrap();
    assert_eq!(session.copy_fail("a\0b", &mut out), Err(Refused::Nul));
    session.copy_fail("enough", &mut out).unwrap();
    assert_eq!(session.copy_in(b"x", &mut out), Err(Refused::NotCopying));
    assert_eq!(types(&out), "Qdf");
    let failed = [error("ERROR", "57014"), end(b'T')].concat();
    let expected = ["4 Failed(Error 57014)", "4 Finished(Open)"].map(str::to_owned);
    assert_eq!(told(&mut session, &failed), Ok(expected.to_vec()));
    assert_eq!(
        (session.is_idle(), session.transaction()),
        (false, Transaction::Open)
    );

    // The next borrower finds nothing of it.
    out.clear();
    session.clean(6, &mut out).unwrap();
    assert_eq!(types(&out), "PBDESQ");
    let script = String::from_utf8_lossy(&out).into_owned();
    assert!(
        script.contains("ROLLBACK") && script.contains("UNLISTEN *"),
        "{script}"
    );
}

#[test]
fn bytes_that_are_copied_out_are_told_as_they_come() {
    let mut session = ready();
    session
        .script(4, "COPY t TO STDOUT", &mut Vec::new())
        .unwrap();
    told(&mut session, &message(b'H', b"\0\0\0")).unwrap();
    // A message of 1 GiB: nothing waits for all of it.
    let head = [
        b"d".as_slice(),
        &(4 + (1_u32 << 30)).to_be_bytes(),
        b"first",
    ]
    .concat();
    assert_eq!(
        told(&mut session, &head),
        Ok(vec!["4 Copied([102, 105, 114, 115, 116])".into()])
    );
    assert_eq!(told(&mut session, b"2"), Ok(vec!["4 Copied([50])".into()]));
    assert_eq!(told(&mut session, b""), Ok(vec![]));
    // One without anything in it, and a length that cannot be.
    let mut session = ready();
    session
        .script(4, "COPY t TO STDOUT", &mut Vec::new())
        .unwrap();
    let empty = [
        message(b'H', b"\0\0\0"),
        message(b'd', b""),
        message(b'd', b"x"),
        message(b'c', b""),
    ];
    let expected = ["4 CopyOut", "4 Copied([120])"].map(str::to_owned);
    assert_eq!(told(&mut session, &empty.concat()), Ok(expected.to_vec()));
    let end = [done("COPY 1"), end(b'I')].concat();
    assert_eq!(told(&mut session, &end).unwrap().len(), 2);
    session
        .script(5, "COPY t TO STDOUT", &mut Vec::new())
        .unwrap();
    told(&mut session, &message(b'H', b"\0\0\0")).unwrap();
    assert_eq!(told(&mut session, b"d\0\0\0\x03"), Err(Fault::Length));
}
