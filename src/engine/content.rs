//! Types of content: what the field `Content-Type` of our answers may say.

/// A type of content that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// `application/json`
    Json,
    /// `application/problem+json` (RFC 9457)
    Problem,
    /// Plain text.
    Text,
    /// Prometheus' text format.
    Metrics,
    /// One JSON document a line.
    Lines,
    /// Server-sent events.
    Events,
}

impl Content {
    /// The value of the field.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Content::Json => "application/json",
            Content::Problem => "application/problem+json",
            Content::Text => "text/plain; charset=utf-8",
            Content::Metrics => "text/plain; version=0.0.4; charset=utf-8",
            Content::Lines => "application/x-ndjson",
            Content::Events => "text/event-stream; charset=utf-8",
        }
    }
}
