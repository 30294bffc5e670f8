//! Pieces of an answer, kept in their order while the JSON around them is still being read.
//!
//! Anthropic and Gemini put the text into a *list* of pieces, each of a kind of its own. What
//! stands beside the list (an error, a wrong type) decides whether the pieces count at all, so
//! they are held until the document has been read to its end.

use super::Event;
use super::json::JsonStr;

/// One piece that somebody wants to read.
#[derive(Clone, Copy)]
pub(super) enum Piece<'a> {
    Text(JsonStr<'a>),
    Thinking(JsonStr<'a>),
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
        let (Piece::Text(words) | Piece::Thinking(words)) = piece;
        if words.is_empty() {
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
    pub(super) fn report(&self, on: &mut dyn FnMut(Event<'_>)) {
        for piece in self.first.iter().chain(&self.rest) {
            on(match *piece {
                Piece::Text(text) => Event::Text(text),
                Piece::Thinking(text) => Event::Thinking(text),
            });
        }
    }
}
