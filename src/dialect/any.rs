//! Which dialect a provider speaks, and each question to it passed on to the one that knows.
//!
//! This is the only place where the dialects meet. It is an enum and not a trait: there are three,
//! all known here, and a stream of any of them is a value without a heap.

use serde::{Deserialize, Serialize};

use super::{Ask, Chat, End, Event, Malformed, ProviderError, Refused, anthropic, gemini, openai};

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dialect {
    /// OpenAI's chat completions, and everybody who copies them.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
}

impl Dialect {
    /// Whose it is, as they write it.
    #[must_use]
    pub const fn vendor(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI's API",
            Self::Anthropic => "Anthropic's API",
            Self::Gemini => "Gemini's API",
        }
    }

    /// The request target (RFC 9112 §3.2.1) below the path of the base URL, `base_prefix`, which is
    /// empty or begins with `/` and does not end in one.
    #[must_use]
    pub fn target(self, base_prefix: &str, model: &str, stream: bool) -> String {
        match self {
            Self::OpenAi => format!("{base_prefix}{}", openai::PATH),
            Self::Anthropic => format!("{base_prefix}{}", anthropic::PATH),
            Self::Gemini => format!("{base_prefix}{}", gemini::path(model, stream)),
        }
    }

    /// The fields that say who is asking, with `key` in one of them. They are secrets.
    #[must_use]
    pub fn auth(self, key: Option<&str>) -> Vec<(&'static str, String)> {
        let named = |name, prefix: &str| key.map(|key| (name, format!("{prefix}{key}")));
        match self {
            Self::OpenAi => named("authorization", "Bearer ").into_iter().collect(),
            Self::Anthropic => named("x-api-key", "")
                .into_iter()
                .chain([("anthropic-version", anthropic::VERSION.to_owned())])
                .collect(),
            Self::Gemini => named("x-goog-api-key", "").into_iter().collect(),
        }
    }

    /// Appends the JSON body for `ask` to `out`.
    pub fn write_request(self, out: &mut Vec<u8>, ask: &Ask<'_>) {
        match self {
            Self::OpenAi => openai::write_request(out, ask),
            Self::Anthropic => anthropic::write_request(out, ask),
            Self::Gemini => gemini::write_request(out, ask),
        }
    }

    /// Reads the body of a client's request in this dialect. `path` is what the path said of it,
    /// which only Gemini's does: the model, and whether to stream.
    ///
    /// # Errors
    /// It is not JSON, or not of this dialect's shape; the error names the field.
    pub fn read_chat(self, body: &[u8], path: Option<(&str, bool)>) -> Result<Chat, Refused> {
        match self {
            Self::OpenAi => openai::read_chat(body),
            Self::Anthropic => anthropic::read_chat(body),
            Self::Gemini => {
                let (model, stream) = path.unwrap_or_default();
                gemini::read_chat(body, model, stream)
            }
        }
    }

    /// Appends the JSON body that asks `model` to continue `chat` to `out`.
    ///
    /// # Errors
    /// This dialect has no words for something in it; the error names the client's field. `out` is
    /// as it was then.
    pub fn write_chat(
        self,
        out: &mut Vec<u8>,
        chat: &Chat,
        model: &str,
        stream: bool,
    ) -> Result<(), Refused> {
        let before = out.len();
        let written = match self {
            Self::OpenAi => openai::write_chat(out, chat, model, stream),
            Self::Anthropic => anthropic::write_chat(out, chat, model, stream),
            Self::Gemini => gemini::write_chat(out, chat, model),
        };
        written.inspect_err(|_| out.truncate(before))
    }

    /// A reader for one streamed answer.
    #[must_use]
    pub fn stream(self) -> AnyStream {
        self.stream_of(1)
    }

    /// A reader for a stream of `n` answers to one request, from 1 to
    /// [`CHOICES`](crate::limits::CHOICES). Only the first becomes events, but all of them have to
    /// come to their end.
    #[must_use]
    pub fn stream_of(self, n: u32) -> AnyStream {
        match self {
            Self::OpenAi => AnyStream::OpenAi(openai::Stream::of(n)),
            Self::Anthropic => AnyStream::Anthropic(anthropic::Stream::default()),
            Self::Gemini => AnyStream::Gemini(gemini::Stream::of(n)),
        }
    }

    /// Reads a whole unstreamed answer and reports what it says, as if it had been streamed.
    ///
    /// # Errors
    /// The body is not an answer in this dialect.
    pub fn answer(self, body: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<End, Malformed> {
        self.answer_of(1, body, on)
    }

    /// The same for `n` answers to one request.
    ///
    /// # Errors
    /// The body is not an answer in this dialect.
    pub fn answer_of(
        self,
        n: u32,
        body: &[u8],
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<End, Malformed> {
        match self {
            Self::OpenAi => openai::answer(body, n, on),
            Self::Anthropic => anthropic::answer(body, on),
            Self::Gemini => gemini::answer(body, n, on),
        }
    }

    /// Sorts an answer with an error status, whatever its body is.
    #[must_use]
    pub fn failure(self, status: u16, body: &[u8]) -> ProviderError {
        match self {
            Self::OpenAi => openai::failure(status, body),
            Self::Anthropic => anthropic::failure(status, body),
            Self::Gemini => gemini::failure(status, body),
        }
    }
}

/// Reads the events of one streamed answer in any dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnyStream {
    /// See [`Dialect::OpenAi`].
    OpenAi(openai::Stream),
    /// See [`Dialect::Anthropic`].
    Anthropic(anthropic::Stream),
    /// See [`Dialect::Gemini`].
    Gemini(gemini::Stream),
}

/// There is one per call, ten thousand of them at a time.
const _: () = assert!(size_of::<AnyStream>() <= 32);

impl AnyStream {
    /// Reads the data of one server-sent event and reports what it says, in order.
    ///
    /// # Errors
    /// The data is nothing that this dialect has. The answer is truncated then.
    pub fn event(&mut self, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        match self {
            Self::OpenAi(stream) => stream.event(data, on),
            Self::Anthropic(stream) => stream.event(data, on),
            Self::Gemini(stream) => stream.event(data, on),
        }
    }

    /// Whether the last event was the one of OpenAI's that carries nothing but the usage.
    pub(super) const fn is_bare_usage(&self) -> bool {
        match self {
            Self::OpenAi(stream) => stream.is_bare_usage(),
            Self::Anthropic(_) | Self::Gemini(_) => false,
        }
    }

    /// What the answer is worth if it ends here, at [`Event::Done`] or at an end of the body that
    /// the transport vouches for.
    #[must_use]
    pub const fn end(&self) -> End {
        match self {
            Self::OpenAi(stream) => stream.end(),
            Self::Anthropic(stream) => stream.end(),
            Self::Gemini(stream) => stream.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_path() {
        let target = |dialect: Dialect| dialect.target("/p", "m/1", true);
        assert_eq!(target(Dialect::OpenAi), "/p/chat/completions");
        assert_eq!(target(Dialect::Anthropic), "/p/v1/messages");
        assert_eq!(
            target(Dialect::Gemini),
            "/p/v1beta/models/m%2F1:streamGenerateContent?alt=sse"
        );
    }

    #[test]
    fn each_dialect_shows_its_key_in_its_own_field() {
        let shown = |dialect: Dialect, key| {
            let fields = dialect.auth(key);
            fields
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown(Dialect::OpenAi, Some("k")),
            ["authorization: Bearer k"]
        );
        assert_eq!(
            shown(Dialect::Anthropic, Some("k")),
            ["x-api-key: k", "anthropic-version: 2023-06-01"]
        );
        assert_eq!(shown(Dialect::Gemini, Some("k")), ["x-goog-api-key: k"]);
        assert!(shown(Dialect::Gemini, None).is_empty());
        assert_eq!(
            shown(Dialect::Anthropic, None).len(),
            1,
            "the version stays"
        );
    }
}
