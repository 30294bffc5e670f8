//! A PostgreSQL server that says anything: it reads alike however it is cut, every request is lost
//! once, and what is said back does not grow with what is heard.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::proto::postgres::{
    Answer, ChannelBinding, Encryption, Event, Login, Methods, Password, Session, Statement,
    server_end_point,
};
use std::collections::BTreeMap;

use maitred::proto::postgres::settings::Settings;

fn login(encryption: Encryption) -> Login {
    Login {
        user: "user".into(),
        password: Some(Password::new("pencil".into())),
        database: "db".into(),
        application_name: "fuzz".into(),
        parameters: vec![],
        encryption,
        methods: Methods::USUAL,
        channel_binding: ChannelBinding::IfOffered,
        pooled: false,
    }
}

/// Sends what there is to be sent once the session is ready: a request, a COPY, a request that
/// comes too late.
fn ask(session: &mut Session, out: &mut Vec<u8>) {
    let statement = |sql| Statement {
        sql,
        types: &[],
        values: &[],
        keep: true,
    };
    let _ = session.send(1, &[statement("a"), statement("b")], out);
    let _ = session.send(2, &[statement("a")], out);
    let _ = session.script(3, "COPY t TO STDOUT", out);
    let _ = session.send(4, &[], out);
}

/// All that is told of `pieces`, and whether the server kept to the protocol.
fn read<'a>(encryption: Encryption, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
    let (mut out, mut told, mut input) = (Vec::new(), Vec::new(), Vec::new());
    let mut copied = 0;
    let mut session = Session::open(login(encryption), [7; 18], &mut out).expect("no NUL");
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let mut rest = input.as_slice();
            let event = match session.next(&mut rest, &mut out) {
                Ok(event) => event,
                Err(_) => return (told, false),
            };
            let (mut ready, mut over) = (false, false);
            match event {
                None => over = true,
                Some(Event::Answer(_, Answer::Copied(bytes))) => copied += bytes.len(),
                // A thread would do it, and TLS would have the rest of the bytes.
                Some(Event::Stretch(_) | Event::StartTls) => return (told, true),
                Some(Event::Answer(token, Answer::Row(row))) => {
                    let mut values = row.values();
                    let text: Vec<_> = (0..row.len()).map(|_| values.take::<Option<&str>>()).collect();
                    told.push(format!("{token} after {copied}: {text:?}"));
                }
                Some(event) => {
                    ready = matches!(event, Event::Ready);
                    told.push(format!("{event:?} after {copied}"));
                }
            }
            let used = input.len() - rest.len();
            input.drain(..used);
            if ready {
                ask(&mut session, &mut out);
            }
            if over {
                break;
            }
        }
    }
    assert!(out.len() < 4096, "what is said does not grow with what is heard");
    let pending = session.pending();
    let lost = std::iter::from_fn(|| session.lost()).count();
    assert_eq!((lost, session.pending()), (pending, 0));
    told.push(format!("{pending} lost after {copied}"));
    (told, true)
}

fuzz_target!(|data: &[u8]| {
    let Some((size, rest)) = data.split_first() else {
        return;
    };
    let size = usize::from(*size) + 1;
    // Behind a log-in without questions, so that answers are reached.
    let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    let answers = [&welcome[..], rest].concat();
    for (encryption, bytes) in [(Encryption::Never, &answers[..]), (Encryption::Never, rest)] {
        let whole = read(encryption, std::iter::once(bytes));
        assert_eq!(whole, read(encryption, bytes.chunks(size)), "in pieces of {size}");
    }
    // What comes together with the answer to the request for TLS is refused; cut, it is not seen.
    let _ = read(Encryption::IfOffered, std::iter::once(rest));
    let _ = server_end_point(rest);
    if let Ok(text) = std::str::from_utf8(rest) {
        let _ = Settings::parse("DATABASE_URL", Some(text), &BTreeMap::new());
    }
});
