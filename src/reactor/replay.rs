//! Replay: a recorded run again, with every byte compared that was sent or given to a thread.
//!
//! No socket is opened and no clock is read: the inputs, their times and the results of all
//! threads are in the file. The engine is a function of them, so it has to come to the same bytes;
//! where it does not, the record is named after which the two runs parted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::recorder::{Header, Record, Recording};
use crate::config::{Config, Flags, SourceFile, Sources};
use crate::engine::io::{Input, Output};
use crate::engine::{Engine, Now};

/// What a replay has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records read.
    pub records: u64,
    /// Outputs that the engine gave.
    pub outputs: u64,
    /// Comparisons of all that was sent and given to threads so far; all were equal.
    pub digests: u64,
    /// How long the run lasted, in milliseconds.
    pub lasted_ms: u64,
    /// The recording ends early because its file could not keep up.
    pub overrun: bool,
    /// The file ends before the recording was finished: the run was killed, or the file was cut.
    pub cut: bool,
}

/// Repeats the run in `path`.
///
/// # Errors
/// The file cannot be read or is no recording, or the run goes another way.
pub fn replay(path: &Path) -> io::Result<Replayed> {
    let mut recording = Recording::open(BufReader::new(File::open(path)?))?;
    let config = config_of(&recording.header)?;
    let mut engine = Engine::new(
        Arc::new(config),
        recording.header.sizes,
        recording.header.seed,
    );
    engine.start_digest();
    let mut seen = Replayed::default();
    let mut outputs = Vec::new();
    let mut finished = false;
    while let Some((now, record)) = recording.read()? {
        seen.records += 1;
        // A recording that was finished ends with one of these.
        finished = matches!(record, Record::Digest(_) | Record::Overrun);
        seen.lasted_ms = now.mono.0 / 1_000_000;
        step(&mut engine, now, record, &mut outputs, &mut seen)
            .map_err(|what| parted(&seen, now, &what))?;
        engine
            .check()
            .map_err(|broken| parted(&seen, now, &broken.to_string()))?;
        for output in outputs.drain(..) {
            seen.outputs += 1;
            if let Output::Submit(id) = output {
                drop(engine.take_work(id)); // it counts in the hash, and its result is in the file
            }
        }
    }
    seen.cut = recording.cut || !finished;
    Ok(seen)
}

fn step(
    engine: &mut Engine,
    now: Now,
    record: Record,
    outputs: &mut Vec<Output>,
    seen: &mut Replayed,
) -> Result<(), String> {
    let bytes;
    let input = match record {
        Record::Accept(peer, recorded) => {
            let id = engine.accept(now, peer, outputs);
            return if id == recorded {
                Ok(())
            } else {
                Err(format!("a client was {recorded:?} and is {id:?}"))
            };
        }
        Record::Digest(recorded) => {
            seen.digests += 1;
            let digest = engine.digest();
            return if digest == recorded {
                Ok(())
            } else {
                Err("what was sent or given to threads so far is something else".into())
            };
        }
        Record::Overrun => {
            seen.overrun = true;
            return Ok(());
        }
        Record::Received(id, received) => {
            bytes = received;
            Input::Received(id, &bytes)
        }
        Record::Connected(id) => Input::Connected(id),
        Record::Secured(id) => Input::Secured(id),
        Record::EndOfInput(id) => Input::EndOfInput(id),
        Record::HungUp(id) => Input::HungUp(id),
        Record::Sent(id, n) => Input::Sent(id, n as usize),
        Record::Closed(id, gone) => Input::Closed(id, gone),
        Record::Done(id, result) => Input::Done(id, result),
        Record::Resolved(index, result) => Input::Resolved(index, result),
        Record::Observed(observed) => Input::Observed(observed),
        Record::Turned(turn) => Input::Turned(turn),
        Record::Journal(standing) => Input::Journal(standing),
        Record::Tick => Input::Tick,
        Record::Shutdown => Input::Shutdown,
    };
    engine.handle(now, input, outputs);
    Ok(())
}

/// The configuration of the recorded run. Keys are not in the file; keys of the same length stand
/// in for them, so that requests to providers have the same length.
fn config_of(header: &Header) -> io::Result<Config> {
    let mut environment: BTreeMap<String, String> = BTreeMap::new();
    for (setting, length) in &header.keys {
        let name = setting.to_uppercase().replace(['.', '-'], "_");
        let keys = environment.entry(format!("MAITRED_{name}")).or_default();
        if !keys.is_empty() {
            keys.push(',');
        }
        keys.push_str(&"x".repeat(*length));
    }
    let sources = Sources {
        file: Some(SourceFile {
            path: "the recording's header".into(),
            text: header.config.clone(),
        }),
        dotenv: None,
        environment,
        flags: Flags::default(),
    };
    Config::load(&sources).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn parted(seen: &Replayed, now: Now, what: &str) -> io::Error {
    io::Error::other(format!(
        "parted at record {}, {:.3} s after the start: {what}",
        seen.records,
        now.mono.0 as f64 / 1e9
    ))
}
