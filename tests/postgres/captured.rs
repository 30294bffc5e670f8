//! The story against a real server, and the generator of `tests/data/postgres/captured.txt`:
//!
//! ```text
//! CAPTURE=tests/data/postgres/captured.txt cargo test --test postgres -- --ignored captured
//! ```

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use maitred::proto::postgres::{Event, Session};

use crate::support::PATIENCE;
use crate::support::postgres::Postgres;

#[path = "../data/postgres/story.rs"]
mod story;

const CAPTURED: &str = include_str!("../data/postgres/captured.txt");

/// What went over the wire, and what was told.
#[derive(Default)]
struct Run {
    lines: String,
    told: Vec<String>,
}

impl Run {
    fn note(&mut self, sign: char, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(self.lines, "{sign} {hex}");
    }

    /// Tells all that is in `input`, and does what is to be done about it.
    fn tell_all(&mut self, session: &mut Session, input: &mut Vec<u8>, out: &mut Vec<u8>) {
        let mut is_more = true;
        while is_more {
            let mut rest = input.as_slice();
            let (mut cue, mut stretch) = (None, None);
            match session
                .next(&mut rest, out)
                .expect("a server keeps to its protocol")
            {
                None => is_more = false,
                Some(Event::Stretch(work)) => stretch = Some(work),
                Some(event) => {
                    self.told.push(story::tell(&event));
                    cue = story::cue(&event);
                }
            }
            let used = input.len() - rest.len();
            input.drain(..used);
            if let Some(work) = stretch {
                session.stretched(&work.run(), out);
            }
            if let Some(cue) = cue {
                story::play(cue, session, out);
            }
        }
    }
}

#[test]
#[ignore = "needs postgresql"]
fn the_story_goes_as_it_was_captured() {
    let server = Postgres::start();
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut run, mut input, mut out) = (Run::default(), Vec::new(), Vec::new());
    let mut session = Session::open(story::login(), story::NONCE, &mut out).unwrap();
    loop {
        run.tell_all(&mut session, &mut input, &mut out);
        if !out.is_empty() {
            stream.write_all(&out).unwrap();
            run.note('>', &std::mem::take(&mut out));
        }
        let mut bytes = vec![0; 64 * 1024];
        let count = stream.read(&mut bytes).unwrap();
        if count == 0 {
            break;
        }
        run.note('<', &bytes[..count]);
        input.extend_from_slice(&bytes[..count]);
    }
    assert!(input.is_empty(), "the server ends between two messages");
    if let Ok(path) = std::env::var("CAPTURE") {
        let version = server.psql("postgres", "SHOW server_version");
        let told = story::joined(&run.told);
        let told: String = told.iter().map(|line| format!("= {line}\n")).collect();
        let text = format!("# PostgreSQL {version}. How it was made: tests/postgres/captured.rs\n");
        std::fs::write(path, text + &run.lines + &told).unwrap();
        return;
    }
    let captured = story::Captured::read(CAPTURED);
    assert_eq!(story::joined(&run.told), captured.told);
    assert!(!captured.ours.is_empty() && !captured.server.is_empty());
}
