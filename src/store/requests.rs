//! The row of a request: how it ended, and what was done for it.
//!
//! One for each request that was let in, whatever became of it. It is the only place where all of a
//! request can be seen at once, after the fact.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How an accepted request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// Answered in full.
    Ok,
    /// Answered with a text that ends early, and with an error that says so.
    Truncated,
    /// Refused by maitred before anything was done for it: bad input, a limit, no room.
    Refused,
    /// The client hung up before its answer was complete.
    ClientGone,
    /// Stopped by a request of its own, such as `DELETE /generate/{id}`.
    Cancelled,
    /// The provider could not be reached, answered with an error or broke off without text.
    ProviderFailed,
    /// A deadline of maitred's passed; the error code says which.
    TimedOut,
    /// The answer was there, but could not be stored.
    StoreFailed,
    /// Cut because the server was shutting down.
    ShutDown,
    /// maitred's own fault.
    Failed,
}

impl RequestOutcome {
    /// Every outcome.
    pub const ALL: [RequestOutcome; 10] = [
        RequestOutcome::Ok,
        RequestOutcome::Truncated,
        RequestOutcome::Refused,
        RequestOutcome::ClientGone,
        RequestOutcome::Cancelled,
        RequestOutcome::ProviderFailed,
        RequestOutcome::TimedOut,
        RequestOutcome::StoreFailed,
        RequestOutcome::ShutDown,
        RequestOutcome::Failed,
    ];

    /// The word in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Truncated => "truncated",
            RequestOutcome::Refused => "refused",
            RequestOutcome::ClientGone => "client_gone",
            RequestOutcome::Cancelled => "cancelled",
            RequestOutcome::ProviderFailed => "provider_failed",
            RequestOutcome::TimedOut => "timed_out",
            RequestOutcome::StoreFailed => "store_failed",
            RequestOutcome::ShutDown => "shut_down",
            RequestOutcome::Failed => "failed",
        }
    }
}

/// One accepted request: one row of `requests`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRow {
    /// The request's id (UUIDv7), which its answer names too.
    pub id: Uuid,
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// The route's pattern, never the path that was sent.
    pub route: String,
    /// The generation it waited for; several requests may name the same one.
    pub generation_id: Option<Uuid>,
    /// How it ended.
    pub outcome: RequestOutcome,
    /// The HTTP status that was sent, 0 if none was.
    pub status: u16,
    /// Whether the answer was a stream of events.
    pub streamed: bool,
    /// The provider that was called last, if any was.
    pub provider: Option<String>,
    /// The model that it was asked for. Both together are the target.
    pub model: Option<String>,
    /// Tokens of the prompt. Above 2^63 - 1 the table keeps 2^63 - 1.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, with the same bound.
    pub completion_tokens: Option<u64>,
    /// The `code` of the problem that was answered.
    pub error_code: Option<String>,
    /// When its head was complete.
    pub started_ms: i64,
    /// From there to the end of its answer, in microseconds.
    pub duration_us: u64,
    /// The API that the client spoke.
    pub inbound: Inbound,
    /// What was done at providers for it.
    pub calls: Calls,
}

/// The API that a client spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Inbound {
    /// maitred's own.
    #[default]
    Own,
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Gemini's.
    Gemini,
}

impl Inbound {
    /// The word in the table and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Inbound::Own => "own",
            Inbound::OpenAi => "openai",
            Inbound::Anthropic => "anthropic",
            Inbound::Gemini => "gemini",
        }
    }
}

/// What was done at providers for a request, and what it took. Several requests that shared a text
/// have the same here, but for `first_content_us`: whoever adds up counts each generation once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// The model in the client's words, if they are other ones than the target's.
    pub asked_model: Option<String>,
    /// The name, never the value, of the provider's key that was used last.
    pub key_name: Option<String>,
    /// Attempts that were begun.
    pub attempts: u32,
    /// Why the model stopped, by our table.
    pub finish_reason: Option<Cow<'static, str>>,
    /// Why, in the provider's own word.
    pub native_finish_reason: Option<Cow<'static, str>>,
    /// The part of the prompt's tokens that came from the provider's cache.
    pub cached_tokens: Option<u64>,
    /// The part of the answer's tokens that was thinking.
    pub reasoning_tokens: Option<u64>,
    /// What the tokens cost, in the unit of the configured prices; `None` without a price.
    pub cost: Option<f64>,
    /// Microseconds in line for a turn, all attempts together. `None` if there was no call at all.
    pub queue_us: Option<u64>,
    /// Waiting for a connection, the same way: name, TCP and TLS; 0 if one was at hand.
    pub connect_us: Option<u64>,
    /// Spent on attempts that failed, and between them, the same way.
    pub lost_us: Option<u64>,
    /// From the request to the head of the answer, in the last attempt that has one.
    pub first_byte_us: Option<u64>,
    /// From the head of the client's request to the first content.
    pub first_content_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_tables_and_of_json_are_the_same() {
        for outcome in RequestOutcome::ALL {
            let json = serde_json::to_value(outcome).unwrap();
            assert_eq!(json, outcome.as_str());
        }
        use Inbound::{Anthropic, Gemini, OpenAi, Own};
        for inbound in [Own, OpenAi, Anthropic, Gemini] {
            let json = serde_json::to_value(inbound).unwrap();
            assert_eq!(json, inbound.as_str());
        }
    }
}
