//! The routes: one row for each path and method.

use super::codes::Group;
use super::vendors::VENDORS;

/// One method of one path.
pub(super) struct Operation {
    /// Its name in generated clients.
    pub(super) id: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    /// Media type and schema.
    pub(super) body: Option<(&'static str, &'static str)>,
    pub(super) answers: &'static [Answer],
    /// Operations that take an id from its answer, and where it stands there.
    pub(super) gives: &'static [(&'static str, &'static str)],
    /// Problems beside those that any request may be answered with.
    pub(super) problems: &'static [Group],
    /// What problems look like.
    pub(super) errors: &'static str,
}

/// A part of a path, a query or a head.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: In,
    pub(super) text: &'static str,
    pub(super) schema: &'static str,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum In {
    Path,
    Query,
    /// The same, and the request is refused without it.
    NeededQuery,
    Header,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: &'static str,
    /// Media types, each with its schema.
    pub(super) content: &'static [(&'static str, &'static str)],
}

/// The tag of the vendors' routes.
pub(super) const CHATS: &str = "chats";

pub(super) const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
pub(super) const EVENTS: &str = "text/event-stream";
const TEXT: &str = "text/plain";

/// What answers with a tag may be asked for again with.
const IF_NONE_MATCH: Parameter = Parameter {
    name: "If-None-Match",
    place: In::Header,
    text: "The `ETag` of an earlier answer.",
    schema: "Tag",
};

/// Every request that costs something may have one.
pub(super) const KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: In::Header,
    text: "A request that is sent again with the same key is answered as the first time.",
    schema: "IdempotencyKey",
};

/// Every request that the cache may be for may have one.
pub(super) const CACHE: Parameter = Parameter {
    name: "Cache-Control",
    place: In::Header,
    text: "Whether a stored answer will do, where the cache is in use.",
    schema: "CacheControl",
};

const NOT_MODIFIED: Answer = Answer {
    status: 304,
    text: "The client has it.",
    content: &[],
};

const TEXT_ID: Parameter = Parameter {
    name: "id",
    place: In::Path,
    text: "The text's id.",
    schema: "Id",
};

pub(super) const fn query(
    name: &'static str,
    schema: &'static str,
    text: &'static str,
) -> Parameter {
    Parameter {
        name,
        place: In::Query,
        text,
        schema,
    }
}

pub(super) const fn ok(
    content: &'static [(&'static str, &'static str)],
    text: &'static str,
) -> Answer {
    Answer {
        status: 200,
        text,
        content,
    }
}

/// A row without parameters, body and problems of its own.
pub(super) const PLAIN: Operation = Operation {
    id: "",
    method: "get",
    path: "",
    tag: "machines",
    summary: "",
    parameters: &[],
    body: None,
    answers: &[],
    gives: &[],
    problems: &[],
    errors: "Problem",
};

/// All of them, in the order of the API page.
pub(super) fn operations() -> impl Iterator<Item = &'static Operation> {
    let own = OWN.iter().chain(&super::jobs::OPERATIONS);
    own.chain(&super::chats::OPERATIONS).chain(VENDORS)
}

/// Those of our own API.
const OWN: &[Operation] = &[
    Operation {
        id: "generate",
        method: "post",
        path: "/generate/",
        tag: "texts",
        summary: "A text about a topic, whole or as events, or the best of several",
        parameters: &[KEY, CACHE],
        body: Some((JSON, "GenerateRequest")),
        answers: &[ok(
            &[(JSON, "TextAnswer"), (EVENTS, "Event")],
            "The text, scored and stored; with `stream` as events: `start`, `token`, then `done` or \
             `error`.",
        )],
        gives: &[("read", "/id"), ("resume", "/id"), ("delete", "/id")],
        problems: &[
            Group::Body,
            Group::Json,
            Group::Limited,
            Group::Text,
            Group::Scorer,
            Group::Store,
        ],
        ..PLAIN
    },
    Operation {
        id: "resume",
        path: "/generate/{id}/events",
        tag: "texts",
        summary: "Goes on with a stream, or reads it again",
        parameters: &[
            TEXT_ID,
            Parameter {
                name: "Last-Event-ID",
                place: In::Header,
                text: "Bytes of the text that the client has.",
                schema: "Offset",
            },
        ],
        answers: &[ok(
            &[(EVENTS, "Event")],
            "The events after `Last-Event-ID`.",
        )],
        problems: &[Group::Query, Group::One, Group::Resume, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "stop",
        method: "delete",
        path: "/generate/{id}",
        tag: "texts",
        summary: "Stops a text that is being written, for all who share it",
        parameters: &[TEXT_ID],
        answers: &[ok(
            &[(JSON, "Stopped")],
            "Whether it was still being written.",
        )],
        problems: &[Group::One],
        ..PLAIN
    },
    Operation {
        id: "batch",
        method: "post",
        path: "/batch",
        tag: "texts",
        summary: "A text for each of many topics, one JSON document a line",
        parameters: &[KEY],
        body: Some((JSON, "BatchRequest")),
        answers: &[ok(
            &[(LINES, "BatchAnswer")],
            "A line for each topic, as soon as its text is there, or why it is not.",
        )],
        problems: &[
            Group::Body,
            Group::Json,
            Group::Limited,
            Group::Text,
            Group::Scorer,
            Group::Store,
        ],
        ..PLAIN
    },
    Operation {
        id: "analyze",
        method: "post",
        path: "/analyze/",
        tag: "scores",
        summary: "Readability and sentiment of a text of one's own",
        parameters: &[KEY],
        body: Some((JSON, "AnalyzeRequest")),
        answers: &[ok(&[(JSON, "Analysis")], "The scores, stored.")],
        problems: &[
            Group::Body,
            Group::Json,
            Group::Limited,
            Group::Scorer,
            Group::Store,
        ],
        ..PLAIN
    },
    Operation {
        id: "keywords",
        method: "post",
        path: "/keywords/",
        tag: "keywords",
        summary: "Keywords of a text of one's own, named by a provider or computed",
        parameters: &[KEY],
        body: Some((JSON, "KeywordsRequest")),
        answers: &[ok(
            &[(JSON, "Keywords")],
            "The keywords, the best first, stored.",
        )],
        problems: &[
            Group::Body,
            Group::Json,
            Group::Limited,
            Group::Text,
            Group::Scorer,
            Group::Store,
        ],
        ..PLAIN
    },
    Operation {
        id: "list",
        path: "/contents",
        tag: "contents",
        summary: "Stored texts, newest first, all or those with some words",
        parameters: &[
            query(
                "topic",
                "TopicFilter",
                "Only texts about exactly this topic.",
            ),
            query(
                "q",
                "Words",
                "Only texts with all of these words; the last may be a beginning.",
            ),
            query("limit", "Limit", "Texts on the page; 20 if it is left out."),
            query("cursor", "Cursor", "The `next` of the page before."),
        ],
        answers: &[ok(&[(JSON, "Page")], "A page.")],
        gives: &[("read", "/contents/0/id")],
        problems: &[Group::Query, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "read",
        path: "/contents/{id}",
        tag: "contents",
        summary: "One stored text",
        parameters: &[TEXT_ID],
        answers: &[ok(
            &[(JSON, "Text")],
            "The text with everything known about it.",
        )],
        problems: &[Group::One, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "delete",
        method: "delete",
        path: "/contents/{id}",
        tag: "contents",
        summary: "Removes a stored text",
        parameters: &[TEXT_ID],
        answers: &[Answer {
            status: 204,
            text: "It is gone.",
            content: &[],
        }],
        problems: &[Group::One, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "export",
        path: "/contents/export",
        tag: "contents",
        summary: "All stored texts, one JSON document a line, oldest first",
        answers: &[ok(
            &[(LINES, "Export")],
            "The texts. Not whole if the connection is cut before the last chunk.",
        )],
        problems: &[Group::Query, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "import",
        method: "post",
        path: "/contents/import",
        tag: "contents",
        summary: "Texts to be stored, one JSON document a line, of any number",
        body: Some((LINES, "ImportRequest")),
        answers: &[ok(
            &[(JSON, "Imported")],
            "How many were stored, and how many were there before.",
        )],
        problems: &[Group::Body, Group::Lines, Group::Store],
        ..PLAIN
    },
    Operation {
        id: "health",
        path: "/healthz",
        summary: "Whether the loop turns",
        answers: &[ok(&[(TEXT, "PlainText")], "It does.")],
        ..PLAIN
    },
    Operation {
        id: "ready",
        path: "/readyz",
        summary: "Whether requests are let in",
        answers: &[
            ok(
                &[(TEXT, "PlainText")],
                "They are: `ready`, or `degraded: ` and why rows wait in the journal.",
            ),
            Answer {
                status: 503,
                text: "They are not; the body says why.",
                content: &[(TEXT, "PlainText")],
            },
        ],
        ..PLAIN
    },
    Operation {
        id: "metrics",
        path: "/metrics",
        summary: "Prometheus text: the loop, queues, connections, memory, threads",
        answers: &[ok(&[(TEXT, "PlainText")], "The figures.")],
        ..PLAIN
    },
    Operation {
        id: "spans",
        path: "/debug/spans",
        summary: "The last 1,000 spans, one JSON document a line; only with `debug = true`",
        answers: &[ok(&[(LINES, "Spans")], "The spans.")],
        ..PLAIN
    },
    Operation {
        id: "openapi",
        path: "/openapi.json",
        summary: "This document",
        parameters: &[IF_NONE_MATCH],
        answers: &[ok(&[(JSON, "Document")], "The document."), NOT_MODIFIED],
        ..PLAIN
    },
    Operation {
        id: "providers",
        path: "/providers",
        tag: "page",
        summary: "What `provider` may be in a request",
        answers: &[ok(&[(JSON, "Providers")], "The providers.")],
        ..PLAIN
    },
    Operation {
        id: "status",
        path: "/status",
        tag: "page",
        summary: "What the server is doing now",
        answers: &[ok(&[(JSON, "Status")], "The figures.")],
        ..PLAIN
    },
    Operation {
        id: "index",
        path: "/",
        tag: "page",
        summary: "The page",
        parameters: &[IF_NONE_MATCH],
        answers: &[ok(&[("text/html", "PlainText")], "The page."), NOT_MODIFIED],
        ..PLAIN
    },
    Operation {
        id: "asset",
        path: "/app/{name}",
        tag: "page",
        summary: "A file of the page",
        parameters: &[
            Parameter {
                name: "name",
                place: In::Path,
                text: "The file's name.",
                schema: "AssetName",
            },
            IF_NONE_MATCH,
        ],
        answers: &[
            ok(
                &[
                    ("text/css", "PlainText"),
                    ("text/javascript", "PlainText"),
                    ("image/svg+xml", "PlainText"),
                ],
                "The file.",
            ),
            NOT_MODIFIED,
        ],
        ..PLAIN
    },
];
