//! Scripts that are made once and served often.
//!
//! Making one means a dozen JSON documents; serving it means counting bytes. So whatever depends
//! only on a few words of the request is kept under these words. The number kept is bounded,
//! because clients choose the words.

use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;

use super::answer;
use super::ask::{self, Ask, Route, Want};
use super::fault::{self, Order};
use super::script::{End, Script};

/// Scripts kept at a time.
const KEPT: usize = 512;

/// See the module.
pub(super) struct Kitchen {
    /// The text that everybody gets.
    pieces: Vec<String>,
    /// The fault of those who choose none.
    order: Order,
    kept: HashMap<String, Rc<Script>>,
    /// The words of the present request.
    words: String,
}

/// What is served, and what the journal says of it.
pub(super) struct Dish {
    pub(super) script: Rc<Script>,
    pub(super) model: String,
    pub(super) stream: bool,
}

impl Kitchen {
    pub(super) fn new(pieces: Vec<String>, order: Order) -> Kitchen {
        Kitchen {
            pieces,
            order,
            kept: HashMap::new(),
            words: String::new(),
        }
    }

    /// The answer to a request for a text.
    pub(super) fn dish(&mut self, route: &Route, body: &[u8]) -> Dish {
        let ask = match ask::read(route, body) {
            Ok(ask) => ask,
            Err(reason) => return refused(route, "", &reason),
        };
        let order = match fault::in_model(&ask.model) {
            None => self.order,
            Some(Ok(order)) => order,
            Some(Err(reason)) => return refused(route, &ask.model, &reason),
        };
        Dish {
            script: self.script(&ask, order),
            model: ask.model.into_owned(),
            stream: ask.stream,
        }
    }

    fn script(&mut self, ask: &Ask<'_>, order: Order) -> Rc<Script> {
        if ask.want != Want::Text {
            return Rc::new(answer::script(ask, order, &self.pieces));
        }
        self.words.clear();
        let most = ask.max_tokens.unwrap_or(usize::MAX).min(self.pieces.len());
        let (dialect, stream, list) = (ask.dialect, ask.stream, ask.list);
        // A String takes every word.
        let _ = write!(
            self.words,
            "{dialect:?} {stream} {list} {} {most} {}",
            ask.usage, ask.model
        );
        if let Some(script) = self.kept.get(&self.words) {
            return Rc::clone(script);
        }
        if self.kept.len() == KEPT {
            self.kept.clear();
        }
        let script = Rc::new(answer::script(ask, order, &self.pieces));
        self.kept.insert(self.words.clone(), Rc::clone(&script));
        script
    }
}

/// Anything that is no text.
pub(super) fn side_dish(route: &Route, body: &[u8]) -> Script {
    match route {
        Route::Models => answer::models(),
        Route::Embeddings => answer::embeddings(body),
        _ => answer::refusal(route.dialect(), 404, "there is nothing at this path"),
    }
}

/// Text of its own, as the journal is.
pub(super) fn plain(text: &str) -> Script {
    answer::document(200, text).end(End::Keep(None))
}

fn refused(route: &Route, model: &str, reason: &str) -> Dish {
    Dish {
        script: Rc::new(answer::refusal(route.dialect(), 400, reason)),
        model: model.to_owned(),
        stream: false,
    }
}
