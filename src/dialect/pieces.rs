//! Pieces of an answer, kept in their order while the JSON around them is still being read.
//!
//! Anthropic and Gemini put the text into a *list* of pieces, each of a kind of its own. What
//! stands beside the list (an error, a wrong type) decides whether the pieces count at all, so
//! they are held until the document has been read to its end.

use super::json::JsonStr;
use super::{Arguments, Event, Malformed};
use crate::limits;

/// One piece that somebody wants to read.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    Text(JsonStr<'a>),
    Thinking(JsonStr<'a>),
    Signature(JsonStr<'a>),
    Call(Call<'a>),
    /// A piece of what the last call is given.
    Arguments(JsonStr<'a>),
}

/// A call of a tool.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) id: Option<JsonStr<'a>>,
    pub(super) name: JsonStr<'a>,
    pub(super) signature: Option<JsonStr<'a>>,
    /// What it is given, if that came with it.
    pub(super) arguments: Option<&'a str>,
}

/// How many calls of tools there were in an answer so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Calls(u16);

impl Calls {
    pub(super) const fn any(self) -> bool {
        self.0 > 0
    }

    /// The index of a call that begins.
    pub(super) fn begin(&mut self) -> Result<u32, Malformed> {
        let index = u32::from(self.0);
        if index >= limits::TOOL_CALLS {
            return Err(Malformed::Shape);
        }
        self.0 += 1;
        Ok(index)
    }

    /// The index of the last call that began.
    pub(super) fn last(self) -> Result<u32, Malformed> {
        u32::from(self.0).checked_sub(1).ok_or(Malformed::Shape)
    }

    pub(super) const fn count(self) -> u32 {
        self.0 as u32
    }
}

/// Any number of pieces. One, which is what nearly every event of a stream has, costs no
/// allocation; the others are bounded by the document that they stand in.
#[derive(Default)]
pub(super) struct Pieces<'a> {
    first: Option<Piece<'a>>,
    rest: Vec<Piece<'a>>,
}

impl<'a> Pieces<'a> {
    /// Adds a piece, unless there is nothing in it.
    pub(super) fn push(&mut self, piece: Piece<'a>) {
        if let Piece::Text(words)
        | Piece::Thinking(words)
        | Piece::Signature(words)
        | Piece::Arguments(words) = piece
            && words.is_empty()
        {
            return;
        }
        if self.first.is_none() {
            self.first = Some(piece);
        } else {
            self.rest.push(piece);
        }
    }

    /// Adds those of another list.
    pub(super) fn append(&mut self, others: Self) {
        for piece in others.first.into_iter().chain(others.rest) {
            self.push(piece);
        }
    }

    /// Reports all of them.
    pub(super) fn report(
        &self,
        calls: &mut Calls,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        for piece in self.first.iter().chain(&self.rest) {
            match *piece {
                Piece::Text(text) => on(Event::Text(text)),
                Piece::Thinking(text) => on(Event::Thinking(text)),
                Piece::Signature(seal) => on(Event::Signature(seal)),
                Piece::Call(call) => call.report(calls.begin()?, on),
                Piece::Arguments(piece) => on(Event::Arguments {
                    index: calls.last()?,
                    json: Arguments::Piece(piece),
                }),
            }
        }
        Ok(())
    }
}

impl Call<'_> {
    fn report(&self, index: u32, on: &mut dyn FnMut(Event<'_>)) {
        on(Event::ToolCall {
            index,
            id: self.id.filter(|id| !id.is_empty()),
            name: self.name,
            signature: self.signature,
        });
        if let Some(json) = self.arguments {
            on(Event::Arguments {
                index,
                json: Arguments::Whole(json),
            });
        }
    }
}
