//! The codec and the session against messages written by hand, and against those of a real server.
#![allow(clippy::unwrap_used)]

mod captured;
mod codec;
mod pipeline;
mod scram;
mod server;
mod startup;
mod values;

use super::auth::Password;
use super::session::{ChannelBinding, Encryption, Methods};
use super::{Answer, Event, Fault, Login, Session, StretchedKey};

const NONCE: [u8; 18] = *b"eighteen bytes 18b";

fn login() -> Login {
    Login {
        user: "user".into(),
        password: Some(Password::new("pencil".into())),
        database: "db".into(),
        application_name: "maitred".into(),
        parameters: vec![("statement_timeout".into(), "5000".into())],
        encryption: Encryption::Never,
        methods: Methods::USUAL,
        channel_binding: ChannelBinding::IfOffered,
        pooled: false,
    }
}

/// A session that is logged in, with a server that asks for nothing.
fn ready() -> Session {
    ready_as(login())
}

fn ready_as(login: Login) -> Session {
    let mut session = Session::open(login, NONCE, &mut Vec::new()).unwrap();
    let welcome = [server::authentication(0, b""), server::ready(b'I')].concat();
    assert_eq!(told(&mut session, &welcome), Ok(vec!["Ready".into()]));
    session
}

/// All that a session tells about these bytes, which it has to use up.
fn told(session: &mut Session, bytes: &[u8]) -> Result<Vec<String>, Fault> {
    let (mut input, mut out, mut told) = (bytes, Vec::new(), Vec::new());
    while let Some(event) = session.next(&mut input, &mut out)? {
        told.push(words(&event));
    }
    assert!(input.is_empty(), "{} bytes are left", input.len());
    Ok(told)
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Answer(token, Answer::Row(row)) => {
            let numbers: Vec<i64> = {
                let mut values = row.values();
                (0..row.len()).map(|_| values.take().unwrap()).collect()
            };
            format!("{token} {numbers:?}")
        }
        Event::Answer(token, Answer::Done(tag)) => format!("{token} {}", tag.as_str()),
        Event::Answer(token, answer) => format!("{token} {answer:?}"),
        event => format!("{event:?}"),
    }
}
