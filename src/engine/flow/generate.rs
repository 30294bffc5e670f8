//! The flow of a request for a text: `POST /generate/` and `GET /generate/{id}/events`.
//!
//! It waits for a generation and says when what is to be written. It does not write, and it does
//! not know where the text comes from: another request may have asked for it first.
//!
//! ```text
//!  whole:     Waiting ─(good)─► Sending ───────(all sent)─────────► Over + Finish
//!  stream:    Waiting ─(content, heartbeat)─► Streaming ─(all sent, good)─► Over + Done
//!                │                               └───────(all sent, bad)──► Over + Error
//!                └─(bad, nothing sent yet)──► a problem with its own status
//! ```
//! The head of a stream is held back until there is content, so that a failure before it is a
//! plain error with a status (R8). A heartbeat fixes the status at 200; it comes late for that
//! reason.

use crate::engine::Failure;

/// Where such a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generate {
    /// Nothing was sent.
    Waiting(Waiting),
    /// The head of the stream is out.
    Streaming(Streaming),
    /// The head of a whole answer is out, and some of its body.
    Sending(Sending),
    /// Everything was said.
    Over,
}

/// See [`Generate::Waiting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Bytes of the text that the client has already.
    pub cursor: usize,
    /// Whether it continues an earlier stream, which has had its `start`.
    pub resumed: bool,
}

/// See [`Generate::Streaming`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streaming {
    /// Bytes of the text that were written.
    pub cursor: usize,
}

/// See [`Generate::Sending`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Bytes of the document that were written.
    pub cursor: usize,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The text is longer than the cursor.
    Content,
    /// Nothing was sent for a while.
    Silence,
    /// The generation has its verdict.
    Verdict(Result<(), Failure>),
    /// The generation has its verdict, and all of its text or document was written.
    Finished(Result<(), Failure>),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Write the head and, unless resumed, `start`; then what there is of the text.
    Begin {
        /// Whether `start` is to be left out.
        resumed: bool,
    },
    /// Write what there is of the text.
    Pump,
    /// Write a heartbeat.
    Beat,
    /// Write the head of the whole answer, then what there is room for.
    Answer,
    /// The whole answer is written.
    Finish,
    /// Write `done` and end the stream.
    Done,
    /// Write `error` and end the stream.
    Error(Failure),
}

impl Generate {
    /// A request whose text starts at `cursor`.
    #[must_use]
    pub fn new(stream: bool, cursor: usize, resumed: bool) -> Self {
        Generate::Waiting(Waiting {
            stream,
            cursor,
            resumed,
        })
    }

    /// Takes an event in; the old state is gone.
    pub fn on(self, event: Event) -> Result<(Self, Step), Failure> {
        match (self, event) {
            (Generate::Waiting(state), event) => state.on(event),
            (Generate::Streaming(state), event) => state.on(event),
            (Generate::Sending(state), event) => state.on(&event),
            (Generate::Over, _) => Err(Failure::Internal("an event after the end of a reply")),
        }
    }

    /// Bytes of the text that were written, or need not be.
    #[must_use]
    pub fn cursor(&self) -> usize {
        match self {
            Generate::Waiting(state) => state.cursor,
            Generate::Streaming(state) => state.cursor,
            Generate::Sending(_) | Generate::Over => usize::MAX,
        }
    }

    /// Whether it waits for the whole answer.
    #[must_use]
    pub fn wants_document(&self) -> bool {
        matches!(self, Generate::Waiting(state) if !state.stream)
    }

    /// Whether bytes of a stream are out, so that a failure has to be told in the stream.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        matches!(self, Generate::Streaming(_))
    }
}

impl Waiting {
    fn on(self, event: Event) -> Result<(Generate, Step), Failure> {
        let begin = |state: Waiting| {
            let streaming = Streaming {
                cursor: state.cursor,
            };
            let step = Step::Begin {
                resumed: state.resumed,
            };
            (Generate::Streaming(streaming), step)
        };
        match event {
            Event::Content | Event::Silence if !self.stream => {
                Ok((Generate::Waiting(self), Step::Rest))
            }
            Event::Content | Event::Silence => Ok(begin(self)),
            Event::Verdict(Ok(())) if self.stream => Ok(begin(self)),
            Event::Verdict(Ok(())) => Ok((Generate::Sending(Sending { cursor: 0 }), Step::Answer)),
            // What a resumed client has not seen of a text that failed is still sent to it.
            Event::Verdict(Err(_)) if self.resumed => Ok(begin(self)),
            Event::Verdict(Err(failure)) => Err(failure),
            Event::Finished(_) => Err(Failure::Internal("a text was sent before its head")),
        }
    }
}

impl Streaming {
    fn on(self, event: Event) -> Result<(Generate, Step), Failure> {
        match event {
            Event::Content | Event::Verdict(_) => Ok((Generate::Streaming(self), Step::Pump)),
            Event::Silence => Ok((Generate::Streaming(self), Step::Beat)),
            Event::Finished(Ok(())) => Ok((Generate::Over, Step::Done)),
            Event::Finished(Err(failure)) => Ok((Generate::Over, Step::Error(failure))),
        }
    }
}

impl Sending {
    fn on(self, event: &Event) -> Result<(Generate, Step), Failure> {
        match event {
            Event::Finished(_) => Ok((Generate::Over, Step::Finish)),
            Event::Content | Event::Verdict(_) => Ok((Generate::Sending(self), Step::Pump)),
            Event::Silence => Ok((Generate::Sending(self), Step::Rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn walk(mut state: Generate, events: &[Event]) -> Vec<Step> {
        let mut steps = Vec::new();
        for event in events {
            let (next, step) = state.on(event.clone()).unwrap();
            state = next;
            steps.push(step);
        }
        steps
    }

    #[test]
    fn a_whole_answer_waits_for_the_verdict() {
        let steps = walk(
            Generate::new(false, 0, false),
            &[
                Event::Content,
                Event::Silence,
                Event::Verdict(Ok(())),
                Event::Finished(Ok(())),
            ],
        );
        assert_eq!(steps, [Step::Rest, Step::Rest, Step::Answer, Step::Finish]);
    }

    #[test]
    fn a_stream_begins_with_the_first_content_and_ends_with_done() {
        let steps = walk(
            Generate::new(true, 0, false),
            &[
                Event::Content,
                Event::Content,
                Event::Verdict(Ok(())),
                Event::Finished(Ok(())),
            ],
        );
        let begin = Step::Begin { resumed: false };
        assert_eq!(steps, [begin, Step::Pump, Step::Pump, Step::Done]);
    }

    #[test]
    fn a_failure_before_content_is_a_problem_and_after_it_an_event() {
        let bad = || Failure::NotFound;
        let early = Generate::new(true, 0, false).on(Event::Verdict(Err(bad())));
        assert_eq!(early, Err(bad()));

        let (late, _) = Generate::new(true, 0, false).on(Event::Content).unwrap();
        let (late, step) = late.on(Event::Verdict(Err(bad()))).unwrap();
        assert_eq!(
            step,
            Step::Pump,
            "what came before the failure goes out first"
        );
        assert_eq!(
            late.on(Event::Finished(Err(bad()))),
            Ok((Generate::Over, Step::Error(bad())))
        );
    }

    #[test]
    fn nothing_is_said_after_the_end() {
        assert!(Generate::Over.on(Event::Content).is_err());
        assert!(
            Generate::new(true, 0, false)
                .on(Event::Finished(Ok(())))
                .is_err()
        );
    }
}
