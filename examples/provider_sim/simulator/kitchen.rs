//! Scripts that are made once and served often.
//!
//! Making one means a dozen JSON documents; serving it means counting bytes. So whatever depends
//! only on a few words of the request is kept under these words. The number kept is bounded,
//! because clients choose the words.

use std::collections::HashMap;
use std::fmt::Write;
use std::rc::Rc;

use serde_json::Value;

use super::answer;
use super::ask::{self, Ask, Asker, Dialect, Route, Want, echo};
use super::fault::{self, Fault, Order};
use super::options::split;
use super::script::{End, Script};

/// Scripts kept at a time, and models whose faults are counted.
const KEPT: usize = 512;
/// Pieces of an echo.
const ECHO: usize = 12;

/// See the module.
pub(super) struct Kitchen {
    /// The text that everybody gets.
    pieces: Vec<String>,
    /// The fault of those who choose none.
    order: Order,
    kept: HashMap<String, Rc<Script>>,
    /// How often each model has gone wrong that does so only a few times.
    gone_wrong: HashMap<String, u64>,
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
            gone_wrong: HashMap::new(),
            words: String::new(),
        }
    }

    /// The answer to a request for a text or for vectors.
    pub(super) fn dish(&mut self, route: &Route, asker: &Asker, body: &[u8]) -> Dish {
        match route {
            Route::Embeddings => self.vectors(route, None, asker, body),
            Route::GeminiEmbeddings { model, batch } => {
                self.vectors(route, Some((model, *batch)), asker, body)
            }
            route => self.text(route, asker, body),
        }
    }

    fn text(&mut self, route: &Route, asker: &Asker, body: &[u8]) -> Dish {
        let ask = match ask::read(route, body) {
            Ok(ask) => ask,
            Err(reason) => return refused(route, "", &reason),
        };
        let order = match self.order_of(&ask.model, asker) {
            Ok(order) => order,
            Err(reason) => return refused(route, &ask.model, &reason),
        };
        let order_is_in_model = fault::in_name(&asker.key).is_none();
        let changes = order.times.is_some() || matches!(order.fault, Some(Fault::ReusedClose));
        let script = if ask.is_usual() && order_is_in_model && !changes && !order.echo {
            self.keep(&ask, order)
        } else {
            Rc::new(answer::script(
                &ask,
                order,
                &self.text_for(&ask, order, asker, body),
            ))
        };
        Dish {
            script,
            model: ask.model.into_owned(),
            stream: ask.stream,
        }
    }

    /// What is ordered: by the key, or else by the model, or else by the command line.
    fn order_of(&mut self, model: &str, asker: &Asker) -> Result<Order, String> {
        let by_name = fault::in_name(&asker.key).or_else(|| fault::in_name(model));
        let mut order = by_name.transpose()?.unwrap_or(self.order);
        if let Some(times) = order.times {
            if self.gone_wrong.len() == KEPT {
                self.gone_wrong.clear();
            }
            let count = self.gone_wrong.entry(model.to_owned()).or_default();
            *count += 1;
            if *count > times {
                order.fault = None;
            }
        }
        if order.fault == Some(Fault::ReusedClose) && !asker.reused {
            order.fault = None;
        }
        Ok(order)
    }

    fn text_for(&self, ask: &Ask<'_>, order: Order, asker: &Asker, body: &[u8]) -> Vec<String> {
        match (order.tokens, &ask.want) {
            (_, Want::Text) if order.echo => split(&echo::of(body, asker), ECHO),
            (Some(tokens), _) => self.pieces.iter().cycle().take(tokens).cloned().collect(),
            (None, _) => self.pieces.clone(),
        }
    }

    fn keep(&mut self, ask: &Ask<'_>, order: Order) -> Rc<Script> {
        self.words.clear();
        let length = order.tokens.unwrap_or(self.pieces.len());
        let most = ask.max_tokens.unwrap_or(usize::MAX).min(length);
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
        let text = self.text_for(ask, order, &Asker::default(), &[]);
        let script = Rc::new(answer::script(ask, order, &text));
        self.kept.insert(self.words.clone(), Rc::clone(&script));
        script
    }

    fn vectors(
        &mut self,
        route: &Route,
        gemini: Option<(&String, bool)>,
        asker: &Asker,
        body: &[u8],
    ) -> Dish {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return refused(route, "", "the body is not JSON");
        };
        let model = match gemini {
            Some((model, _)) => model.clone(),
            None => body["model"].as_str().unwrap_or("").to_owned(),
        };
        let order = match self.order_of(&model, asker) {
            Ok(order) => order,
            Err(reason) => return refused(route, &model, &reason),
        };
        let dialect = route.dialect().unwrap_or(Dialect::OpenAi);
        let script = answer::failure(dialect, order).unwrap_or_else(|| match gemini {
            None => answer::embeddings::openai(&model, &body),
            Some((_, batch)) => answer::embeddings::gemini(&body, batch),
        });
        Dish {
            script: Rc::new(script),
            model,
            stream: false,
        }
    }
}

/// Anything that is no text and no vector.
pub(super) fn side_dish(route: &Route, asker: &Asker) -> Script {
    let Route::Models { dialect, model } = route else {
        return answer::refusal(asker.vendor, 404, "there is nothing at this path");
    };
    let order = fault::in_name(&asker.key).and_then(Result::ok);
    let failure = order.and_then(|order| answer::failure(*dialect, order));
    failure.unwrap_or_else(|| answer::models::of(*dialect, model.as_deref()))
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
