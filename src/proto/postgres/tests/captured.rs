//! What a real server has said, cut at every byte, cut off at every byte, and changed at random.

use proptest::prelude::{any, proptest};
use proptest::{prop_assert, sample};

use super::{Event, Fault, Session, StretchedKey};
use crate::proto::postgres::Stretch;

#[path = "../../../../tests/data/postgres/story.rs"]
mod story;

use story::Captured;

fn captured() -> Captured {
    Captured::read(include_str!("../../../../tests/data/postgres/captured.txt"))
}

/// A run of the story over captured bytes.
struct Run {
    session: Session,
    /// What has arrived and was not used yet.
    input: Vec<u8>,
    out: Vec<u8>,
    told: Vec<String>,
    key: Option<(Stretch, StretchedKey)>,
}

impl Run {
    /// `key` saves the stretching, which is the same in every run.
    fn new(key: Option<(Stretch, StretchedKey)>) -> Self {
        let mut out = Vec::new();
        let session = Session::open(story::login(), story::NONCE, &mut out).unwrap();
        Run {
            session,
            input: Vec::new(),
            out,
            told: Vec::new(),
            key,
        }
    }

    fn receive(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.input.extend_from_slice(piece);
        loop {
            let mut rest = self.input.as_slice();
            let (mut cue, mut stretch) = (None, None);
            let event = self.session.next(&mut rest, &mut self.out)?;
            let is_last = event.is_none();
            match event {
                None => {}
                Some(Event::Stretch(work)) => stretch = Some(work),
                Some(event) => {
                    self.told.push(story::tell(&event));
                    cue = story::cue(&event);
                }
            }
            let used = self.input.len() - rest.len();
            self.input.drain(..used);
            if let Some(work) = stretch {
                let known = self.key.take().filter(|(same, _)| *same == work);
                let (work, key) = known.unwrap_or_else(|| {
                    let key = work.run();
                    (work, key)
                });
                self.session.stretched(&key, &mut self.out);
                self.key = Some((work, key));
            }
            // Changed bytes may tell twice what comes once.
            if let Some(cue) = cue.filter(|_| self.session.pending() == 0 || self.told.len() < 50) {
                story::play(cue, &mut self.session, &mut self.out);
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

fn whole() -> (Captured, Run) {
    let captured = captured();
    let mut run = Run::new(None);
    run.receive(&captured.server).unwrap();
    (captured, run)
}

#[test]
fn a_captured_session_is_understood_and_answered_as_it_was() {
    let (captured, run) = whole();
    assert!(captured.told.len() > 30, "the fixture holds the story");
    assert_eq!(story::joined(&run.told), captured.told);
    assert_eq!(
        run.out, captured.ours,
        "what we said to a real server, byte by byte"
    );
    assert!(run.input.is_empty());
}

#[test]
fn it_is_understood_alike_however_it_is_cut() {
    let (captured, first) = whole();
    for at in 0..captured.server.len() {
        let mut run = Run::new(first.key.clone());
        run.receive(&captured.server[..at]).unwrap();
        run.receive(&captured.server[at..]).unwrap();
        assert_eq!(story::joined(&run.told), captured.told, "cut at {at}");
        assert_eq!(run.out, captured.ours, "cut at {at}");
    }
    let mut run = Run::new(first.key);
    captured
        .server
        .chunks(1)
        .for_each(|byte| run.receive(byte).unwrap());
    assert_eq!(story::joined(&run.told), captured.told);
}

#[test]
fn cut_off_at_any_byte_nothing_is_told_that_was_not_said_and_each_request_is_lost_once() {
    let (captured, first) = whole();
    for at in 0..captured.server.len() {
        let mut run = Run::new(first.key.clone());
        run.receive(&captured.server[..at]).unwrap();
        let (told, all) = (story::joined(&run.told), &captured.told);
        let (last, before) = told
            .split_last()
            .map_or((None, &[][..]), |(l, b)| (Some(l), b));
        assert_eq!(before, &all[..before.len()], "cut at {at}");
        assert!(
            last.is_none_or(|last| all[before.len()].starts_with(last)),
            "cut at {at}"
        );
        let (pending, mut lost) = (run.session.pending(), Vec::new());
        while let Some((token, _)) = run.session.lost() {
            lost.push(token);
        }
        assert_eq!(lost.len(), pending);
        assert!(lost.is_sorted(), "the oldest first: {lost:?}");
        // Over is over.
        run.receive(&captured.server[at..]).unwrap();
        assert_eq!(story::joined(&run.told), told);
    }
}

proptest! {
    #[test]
    fn changed_bytes_break_nothing(
        changes in proptest::collection::vec((any::<sample::Index>(), any::<u8>()), 1..4),
        cut in any::<sample::Index>(),
    ) {
        let mut captured = captured();
        for (at, byte) in changes {
            let at = at.index(captured.server.len());
            captured.server[at] = byte;
        }
        let mut run = Run::new(None);
        let (first, second) = captured.server.split_at(cut.index(captured.server.len()));
        let _ = run.receive(first).and_then(|()| run.receive(second));
        // A message is told at most twice: with its length and its bytes, when it is copied.
        prop_assert!(run.told.len() <= captured.server.len());
        let pending = run.session.pending();
        let lost = std::iter::from_fn(|| run.session.lost()).count();
        prop_assert!(lost == pending && run.session.pending() == 0);
    }
}
