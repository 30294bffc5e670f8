//! The flow of a request for several texts at once: `POST /batch`, and `candidates` of
//! `POST /generate/`.
//!
//! It listens to many generations as other requests listen to one: each has its own call, is
//! scored, stored and perhaps shared like any other text. What is written is a row of *pieces*,
//! one for each text, rendered one at a time when there is room for it, so that memory does not
//! grow with the number of texts.
//!
//! ```text
//!  batch:  Going ─────────(every text has ended, its line is written)─► Saving ─(commit)─► end
//!  best:   Going ─(every text has ended)─► Saving ─(commit)─► Telling ─(all is written)──► end
//! ```
//! A batch does not begin all of its texts together: so many are in hand at a time, and the next
//! one begins when a line is written. A client that does not read its lines starts no more calls.
//!
//! Nothing is done when a text ends but to put the request on the list of those that are served in
//! turn ([`Engine::gather_turn`]): so no event of a text is handled inside another one.

mod pieces;
mod turn;

use std::collections::VecDeque;

use super::Flow;
use super::body::{BatchAsk, GenerateAsk};
use crate::engine::account::Sum;
use crate::engine::policy::prefer::Prefer;
use crate::engine::slots::{ExchangeId, GenerationId};
use crate::engine::trace::State;
use crate::engine::{Engine, Failure};
use crate::limits::BATCH_AT_ONCE;

/// Where such a request is, and what it knows of its texts.
#[derive(Debug)]
pub struct Gather {
    /// What becomes of the texts.
    kind: Kind,
    /// What all texts have in common.
    common: GenerateAsk,
    /// The texts, in the order in which they were asked for.
    members: Vec<Member>,
    /// How many of them were begun.
    begun: usize,
    /// Which of them have not ended.
    running: Vec<usize>,
    /// Which of them have ended and are not written yet, in that order.
    ready: VecDeque<usize>,
    /// How many have to be in hand before the next has to wait.
    at_once: usize,
    /// What is being written …
    piece: Vec<u8>,
    /// … and how much of it was.
    written: usize,
    /// What the calls of all texts came to.
    sum: Sum,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Texts are being produced.
    Going,
    /// The row of the request is being written.
    Saving,
    /// The best text and the others are being written.
    Telling,
}

#[derive(Debug)]
enum Kind {
    /// A line for each text as it ends.
    Batch,
    /// The best of all texts, then all of them.
    Best { prefer: Prefer, best: usize },
}

#[derive(Debug)]
struct Member {
    /// Of a batch; the candidates have theirs in common.
    topic: String,
    text: Option<GenerationId>,
    end: Option<Result<(), Failure>>,
}

impl Gather {
    fn new(kind: Kind, common: GenerateAsk, topics: impl Iterator<Item = String>) -> Gather {
        let member = |topic| Member {
            topic,
            text: None,
            end: None,
        };
        Gather {
            kind,
            common,
            members: topics.map(member).collect(),
            begun: 0,
            running: Vec::new(),
            ready: VecDeque::new(),
            at_once: BATCH_AT_ONCE,
            piece: Vec::new(),
            written: 0,
            sum: Sum::default(),
            phase: Phase::Going,
        }
    }

    /// Bytes of memory that it holds.
    fn bytes(&self) -> usize {
        let topics: usize = self.members.iter().map(|member| member.topic.len()).sum();
        topics + self.members.len() * size_of::<Member>() + self.piece.capacity()
    }

    pub(in crate::engine) fn is_saving(&self) -> bool {
        self.phase == Phase::Saving
    }

    fn is_batch(&self) -> bool {
        matches!(self.kind, Kind::Batch)
    }

    /// Whether the head of the answer is out, so that a failure can only be told by a cut.
    pub(in crate::engine) fn has_begun_to_answer(&self) -> bool {
        match self.kind {
            Kind::Batch => self.begun > 0,
            Kind::Best { .. } => self.phase == Phase::Telling,
        }
    }

    /// Whether all is known, so that only writing is left.
    pub(in crate::engine) fn is_settled(&self) -> bool {
        self.phase != Phase::Going || (self.is_batch() && self.all_have_ended())
    }

    /// What is asked for member `place`.
    fn ask(&self, place: usize) -> GenerateAsk {
        let topic = match self.kind {
            Kind::Batch => self.members[place].topic.clone(),
            Kind::Best { .. } => self.common.topic.clone(),
        };
        GenerateAsk {
            topic,
            ..self.common.clone()
        }
    }

    /// How many texts keep the next one from being begun: those that are being produced and, in a
    /// batch, those whose line waits for its reader. Candidates wait for each other.
    fn in_hand(&self) -> usize {
        let unread = if self.is_batch() { self.ready.len() } else { 0 };
        self.running.len() + unread
    }

    fn all_have_ended(&self) -> bool {
        self.begun == self.members.len() && self.running.is_empty()
    }

    fn is_written(&self) -> bool {
        self.ready.is_empty() && self.written == self.piece.len()
    }
}

impl Engine {
    /// `POST /batch`
    pub(super) fn begin_batch(&mut self, id: ExchangeId, ask: BatchAsk) -> Result<(), Failure> {
        let topics = ask.topics.into_iter();
        self.begin_gather(id, Gather::new(Kind::Batch, ask.common, topics))?;
        self.write_lines_head(id);
        self.serve_later(id);
        Ok(())
    }

    /// `POST /generate/` with several `candidates`
    pub(super) fn begin_best(&mut self, id: ExchangeId, ask: GenerateAsk) -> Result<(), Failure> {
        let prefer = ask.prefer.clone();
        let topics = (0..ask.candidates).map(|_| String::new());
        let kind = Kind::Best { prefer, best: 0 };
        self.begin_gather(id, Gather::new(kind, ask, topics))?;
        self.serve_later(id);
        Ok(())
    }

    /// Lets a request for several texts in. It is refused as one for a single text is, if the first
    /// of its texts is refused; later ones wait for room.
    fn begin_gather(&mut self, id: ExchangeId, mut gather: Gather) -> Result<(), Failure> {
        self.admit_rows()?;
        let route = self.plan(gather.ask(0), false)?.route;
        let gates = (route.targets().iter()).map(|target| &self.gates[target.provider as usize]);
        let turns: usize = gates.map(|gate| gate.permits.max()).sum();
        gather.at_once = turns.clamp(1, BATCH_AT_ONCE);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        exchange.terms.wants_stream = false; // whatever `Accept` would rather have
        self.ledger.settle(&mut exchange.charged, gather.bytes());
        exchange.flow = Flow::Gather(Box::new(gather));
        self.enter(id, State::AwaitingText);
        self.begin_member(id, 0)?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = true;
        }
        Ok(())
    }

    fn gather(&self, id: ExchangeId) -> Option<&Gather> {
        match self.exchanges.get(id).map(|exchange| &exchange.flow) {
            Some(Flow::Gather(gather)) => Some(gather),
            _ => None,
        }
    }

    fn gather_mut(&mut self, id: ExchangeId) -> Option<&mut Gather> {
        match self.exchanges.get_mut(id).map(|e| &mut e.flow) {
            Some(Flow::Gather(gather)) => Some(gather),
            _ => None,
        }
    }
}
