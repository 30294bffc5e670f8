//! Voices: how a provider's answer becomes the bytes that a vendor's client reads.
//!
//! ```text
//!   events of the provider ──▶ Relay ──────────────▶ frames        the same dialect on both sides
//!                          └─▶ AnyStream ─▶ Tongue ─▶ frames        another dialect: Speaker
//!                                             └────▶ a document    whoever wants it whole: Answer
//!   a whole document ──────────────────────▶ Tongue ─▶ frames or document
//! ```
//! Each attempt has a voice of its own. Until the first piece of content is heard, what it would say
//! is held back, so that an attempt that fails before it leaves no trace; an event that is content and
//! the failure at once is no content. The terminal words are said only when the provider's answer is
//! whole.
//!
//! Where the next one to ask is to find the answer, a voice takes minutes beside what it says: the same as
//! one document, whatever the client reads.
//!
//! It refuses to know sockets, the engine, and what becomes of the bytes.

use uuid::Uuid;

use crate::dialect::speak::{Answer, Identity, Speaker, Unspeakable};
use crate::dialect::{AnyStream, Dialect, End, Event, Relay};
use crate::engine::failure::Upstream;
use crate::engine::outcome::About;
use crate::limits::{CACHE_ANSWER_BYTES, HELD_BYTES};
use crate::proto::sse;

/// How one client is to be answered, whoever answers.
#[derive(Debug)]
pub struct Listener<'a> {
    /// What it speaks.
    pub dialect: Dialect,
    /// Whether it wants a stream.
    pub stream: bool,
    /// Whether it wants to hear of the usage of a stream.
    pub include_usage: bool,
    /// How many answers it has asked for.
    pub choices: u32,
    /// The id of an answer that is not the provider's own …
    pub id: Uuid,
    /// … when it was asked for, in milliseconds since 1970 …
    pub created_ms: i64,
    /// … and the model that it names.
    pub model: &'a str,
}

/// Says an answer in the client's dialect, from events.
#[derive(Debug)]
pub enum Tongue {
    /// Frame by frame.
    Speak(Box<Speaker>),
    /// As one document, at the end.
    Collect(Box<Answer>),
}

/// What one attempt says to one client.
#[derive(Debug)]
pub struct Voice {
    kind: Kind,
    /// What it has said before any content was heard.
    held: Vec<u8>,
    is_open: bool,
    minutes: Option<Box<Answer>>,
}

#[derive(Debug)]
enum Kind {
    /// The client reads what the provider writes.
    Relay(Box<Relay>),
    /// It does not.
    Translate(AnyStream, Tongue),
}

/// What was heard in a piece of an answer.
#[derive(Debug, Default)]
pub struct Heard {
    /// Pieces of content.
    pub contents: u64,
    /// What the answer says of itself.
    pub about: About,
    /// The answer is whole, and its last word was said.
    pub is_whole: bool,
    /// The answer has failed.
    pub failure: Option<Upstream>,
    /// The minutes of an answer that is whole.
    pub minutes: Option<Vec<u8>>,
    /// The provider says that nothing more will come.
    is_done: bool,
}

impl Heard {
    /// All that was asked for, in one piece.
    #[must_use]
    pub fn whole() -> Self {
        Heard {
            contents: 1,
            is_whole: true,
            ..Heard::default()
        }
    }

    /// Notes an event; its text goes to the end of `text`, if somebody keeps it.
    pub fn note(&mut self, event: &Event<'_>, text: Option<&mut String>) {
        match event {
            Event::Text(piece) | Event::Refusal(piece) => {
                self.contents += 1;
                if let Some(text) = text {
                    piece.append_to(text);
                }
            }
            Event::Thinking(_)
            | Event::Signature(_)
            | Event::ToolCall { .. }
            | Event::Arguments { .. } => self.contents += 1,
            Event::Usage(_) | Event::Finish { .. } | Event::Model(_) => self.about.note(event),
            Event::Done => self.is_done = true,
            Event::Error(error) => self.failure = Some(Upstream::told(error, 200, None)),
        }
    }
}

impl Heard {
    /// Takes back what was heard after so many pieces of content, when the text was so long.
    fn unsay(&mut self, contents: u64, text: Option<&mut String>, length: usize) {
        self.contents = contents;
        if let Some(text) = text {
            text.truncate(length);
        }
    }
}

impl Tongue {
    /// For this client.
    #[must_use]
    pub fn new(listener: &Listener<'_>) -> Self {
        let (dialect, identity) = (listener.dialect, listener.identity());
        if listener.stream {
            let speaker = Speaker::new(dialect, &identity, listener.include_usage);
            Tongue::Speak(Box::new(speaker))
        } else {
            Tongue::Collect(Box::new(Answer::new(dialect, identity)))
        }
    }

    /// Says what there is to be said of an event.
    ///
    /// # Errors
    /// The client's dialect has no form for it.
    pub fn say(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        match self {
            Tongue::Speak(speaker) => speaker.event(event, out),
            Tongue::Collect(answer) => answer.event(event),
        }
    }

    /// Says the last words of an answer that is whole.
    ///
    /// # Errors
    /// It turns out that the client's dialect has no form for what was said.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        match self {
            Tongue::Speak(speaker) => speaker.end(out),
            Tongue::Collect(answer) => answer.write(out),
        }
    }
}

impl Voice {
    /// For the answer of a provider that speaks `theirs` and sends events.
    #[must_use]
    pub fn new(theirs: Dialect, listener: &Listener<'_>) -> Self {
        let kind = if theirs == listener.dialect && listener.stream {
            let relay = Relay::new(theirs, listener.choices, listener.include_usage);
            Kind::Relay(Box::new(relay))
        } else {
            Kind::Translate(theirs.stream(), Tongue::new(listener))
        };
        Voice {
            kind,
            held: Vec::new(),
            is_open: false,
            minutes: None,
        }
    }

    /// The same with minutes.
    #[must_use]
    pub fn with_minutes(mut self, listener: &Listener<'_>) -> Self {
        let minutes = Answer::new(listener.dialect, listener.identity());
        self.minutes = Some(Box::new(minutes));
        self
    }

    /// Bytes of memory that it holds beyond its own size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let inside = match &self.kind {
            Kind::Relay(relay) => relay.bytes(),
            Kind::Translate(_, Tongue::Collect(answer)) => answer.bytes(),
            Kind::Translate(_, Tongue::Speak(speaker)) => speaker.bytes(),
        };
        let minutes = self.minutes.as_ref().map_or(0, |minutes| minutes.bytes());
        self.held.capacity() + inside + minutes
    }

    /// Takes a piece of the provider's body in. What the client is to get of it goes to `out`, the
    /// text to `text`.
    pub fn hear(
        &mut self,
        sse: &mut sse::Reader,
        mut bytes: &[u8],
        mut text: Option<&mut String>,
        out: &mut Vec<u8>,
    ) -> Heard {
        let mut heard = Heard::default();
        while heard.failure.is_none() && !heard.is_done {
            match sse.next(&mut bytes) {
                Ok(Some(event)) => self.event(&event, text.as_deref_mut(), out, &mut heard),
                Ok(None) => return heard,
                Err(_) => heard.failure = Some(Upstream::TooLarge),
            }
        }
        if heard.is_done && heard.failure.is_none() {
            self.finish(out, &mut heard);
        }
        heard
    }

    /// The provider's body has come to a real end.
    pub fn end(
        &mut self,
        sse: &mut sse::Reader,
        mut text: Option<&mut String>,
        out: &mut Vec<u8>,
    ) -> Heard {
        let mut heard = Heard::default();
        let (is_open, before) = (self.is_open, text.as_deref().map_or(0, String::len));
        if let Some(event) = sse.end() {
            self.read(&event, text.as_deref_mut(), out, &mut heard);
        }
        if heard.failure.is_none() {
            self.finish(out, &mut heard);
        }
        if heard.failure.is_some() && !is_open {
            heard.unsay(0, text, before);
        }
        heard
    }

    fn event(
        &mut self,
        event: &sse::Event<'_>,
        text: Option<&mut String>,
        out: &mut Vec<u8>,
        heard: &mut Heard,
    ) {
        self.read(event, text, out, heard);
        if !self.is_open && heard.contents > 0 {
            self.open(out);
        }
    }

    /// Takes one event in. If it fails, nothing that it says goes out, whatever else it is.
    fn read(
        &mut self,
        event: &sse::Event<'_>,
        mut text: Option<&mut String>,
        out: &mut Vec<u8>,
        heard: &mut Heard,
    ) {
        let (contents, said) = (heard.contents, out.len());
        let written = text.as_deref().map_or(0, String::len);
        let out_now = if self.is_open {
            &mut *out
        } else {
            &mut self.held
        };
        let mut unspeakable = None;
        let minutes = &mut self.minutes;
        let read = match &mut self.kind {
            Kind::Relay(relay) => relay.event(event.name, event.data, out_now, &mut |event| {
                heard.note(&event, text.as_deref_mut());
                take_down(minutes, &event);
            }),
            Kind::Translate(stream, tongue) => stream.event(event.data, &mut |event| {
                heard.note(&event, text.as_deref_mut());
                take_down(minutes, &event);
                unspeakable = unspeakable.or(tongue.say(&event, out_now).err());
            }),
        };
        if read.is_err() || unspeakable.is_some() {
            heard.failure.get_or_insert(Upstream::Malformed);
        }
        if heard.contents == 0 && self.held.len() > HELD_BYTES {
            heard.failure.get_or_insert(Upstream::TooLarge);
        }
        if heard.failure.is_some() {
            heard.unsay(contents, text, written);
            out.truncate(said);
        }
    }

    /// What was held back may be said.
    fn open(&mut self, out: &mut Vec<u8>) {
        self.is_open = true;
        out.append(&mut self.held);
        self.held = Vec::new();
    }

    /// Nothing more comes: the last words, if the answer is whole.
    fn finish(&mut self, out: &mut Vec<u8>, heard: &mut Heard) {
        let end = match &self.kind {
            Kind::Relay(relay) => relay.end(),
            Kind::Translate(stream, _) => stream.end(),
        };
        if end == End::Truncated {
            heard.failure = Some(Upstream::Truncated);
            return;
        }
        let last = if self.is_open {
            &mut *out
        } else {
            &mut self.held
        };
        let said = match &mut self.kind {
            Kind::Relay(relay) => {
                relay.finish(last);
                Ok(())
            }
            Kind::Translate(_, tongue) => tongue.finish(last),
        };
        match said {
            Ok(()) => {
                // An answer without any content is whole as well.
                self.open(out);
                heard.is_whole = true;
                let mut document = Vec::new();
                let minutes = self.minutes.take();
                let written = minutes.and_then(|minutes| minutes.write(&mut document).ok());
                heard.minutes = written.map(|()| document);
            }
            Err(_) => heard.failure = Some(Upstream::Malformed),
        }
    }
}

/// Takes an event down. An answer that is too long for minutes has none.
fn take_down(minutes: &mut Option<Box<Answer>>, event: &Event<'_>) {
    if let Some(answer) = minutes
        && (answer.event(event).is_err() || answer.bytes() > CACHE_ANSWER_BYTES)
    {
        *minutes = None;
    }
}

/// Reads a whole document of a provider that speaks `theirs`. What the client is to get goes to
/// `out`; nothing does if it is to get the document as it is.
pub fn read_whole(
    theirs: Dialect,
    body: &[u8],
    listener: &Listener<'_>,
    mut text: Option<&mut String>,
    out: &mut Vec<u8>,
) -> Heard {
    let mut heard = Heard::default();
    let as_it_is = listener.takes_as_it_is(theirs);
    let mut tongue = (!as_it_is).then(|| Tongue::new(listener));
    let choices = if as_it_is { listener.choices } else { 1 };
    let mut unspeakable = None;
    let end = theirs.answer_of(choices, body, &mut |event| {
        heard.note(&event, text.as_deref_mut());
        if let Some(tongue) = &mut tongue {
            unspeakable = unspeakable.or(tongue.say(&event, out).err());
        }
    });
    if let Some(tongue) = tongue.as_mut().filter(|_| end == Ok(End::Complete)) {
        unspeakable = unspeakable.or(tongue.finish(out).err());
    }
    let failure = match end {
        Err(_) => Some(Upstream::Malformed),
        Ok(_) if unspeakable.is_some() => Some(Upstream::Malformed),
        Ok(End::Truncated) => Some(Upstream::Truncated),
        Ok(End::Complete) => None,
    };
    heard.failure = heard.failure.or(failure);
    heard.is_whole = heard.failure.is_none();
    if !heard.is_whole {
        out.clear();
    }
    heard
}

impl Listener<'_> {
    fn identity(&self) -> Identity {
        let prefix = match self.dialect {
            Dialect::OpenAi => "chatcmpl-",
            Dialect::Anthropic => "msg_",
            Dialect::Gemini => "",
        };
        Identity {
            id: format!("{prefix}{}", self.id.simple()),
            created: self.created_ms.max(0) as u64 / 1_000,
            model: self.model.to_owned(),
        }
    }

    /// Whether a whole document in the dialect `theirs` is what it wants, byte for byte.
    #[must_use]
    pub fn takes_as_it_is(&self, theirs: Dialect) -> bool {
        self.dialect == theirs && !self.stream
    }
}
