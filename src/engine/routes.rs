//! Routes: which path is what, and what of a head decides about it.
//!
//! A new route is a variant here, an arm in [`find`], and a file in `flow/`.

pub mod inbound;
mod jobs;
mod models;
mod query;
mod stream;

pub use self::inbound::Inbound;
pub use self::jobs::JobsAsk;
pub use self::models::ModelsAsk;
pub use self::query::ListQuery;
pub use self::stream::{last_event_id, wants_stream};

use std::borrow::Cow;

use uuid::{Uuid, Version};

use super::Failure;
use crate::proto::http1::{BodyLength, Fields, Method, RequestHead};
use crate::web::{self, Asset};

/// Characters of a path that nothing is at, as far as the log has them.
const PATH_CHARS: usize = 200;

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /`, `GET /app/NAME`: a file of the page, and whether the client has it already.
    Page(&'static Asset, bool),
    /// `GET /providers`
    Providers,
    /// `GET /status`
    Status,
    /// `GET /healthz`: the loop turns.
    Health,
    /// `GET /readyz`: requests are let in.
    Ready,
    /// `GET /metrics`
    Metrics,
    /// `GET /debug/spans`, only with `debug = true`
    Spans,
    /// `POST /generate/`
    Generate,
    /// `GET /generate/{id}/events`
    Resume(Uuid),
    /// `DELETE /generate/{id}`
    Stop(Uuid),
    /// `POST /batch`
    Batch,
    /// `POST /analyze/`
    Analyze,
    /// `POST /keywords/`
    Keywords,
    /// `GET /contents`
    List(Box<ListQuery>),
    /// `GET /contents/{id}`
    Read(Uuid),
    /// `DELETE /contents/{id}`
    Delete(Uuid),
    /// `GET /contents/export`
    Export,
    /// `POST /contents/import`
    Import,
    /// `/jobs` and what is below.
    Jobs(Box<JobsAsk>),
    /// `GET /v1/models` and its like.
    Models(Box<ModelsAsk>),
    /// `GET /openapi.json`, with the tags in `If-None-Match`.
    OpenApi(Box<[u8]>),
    /// A chat in a vendor's dialect: `POST /v1/chat/completions` and its like.
    Chat(Inbound),
    /// `POST /v1/embeddings`
    Embeddings,
    /// `OPTIONS` of a path, with what it allows.
    Options(&'static str),
    /// None of them: the path, for the log.
    Unknown(Box<str>),
}

impl Route {
    /// The pattern, for rows, logs and metrics: never the path that was sent.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Route::Page(asset, _) if asset.name.is_empty() => "/",
            Route::Page(..) => "/app/{name}",
            Route::Providers => "/providers",
            Route::Status => "/status",
            Route::Health => "/healthz",
            Route::Ready => "/readyz",
            Route::Metrics => "/metrics",
            Route::Spans => "/debug/spans",
            Route::Generate => "/generate/",
            Route::Resume(_) => "/generate/{id}/events",
            Route::Stop(_) => "/generate/{id}",
            Route::Batch => "/batch",
            Route::Analyze => "/analyze/",
            Route::Keywords => "/keywords/",
            Route::List(_) => "/contents",
            Route::Read(_) | Route::Delete(_) => "/contents/{id}",
            Route::Export => "/contents/export",
            Route::Import => "/contents/import",
            Route::Jobs(ask) => ask.as_str(),
            Route::Models(ask) => ask.as_str(),
            Route::OpenApi(_) => "/openapi.json",
            Route::Chat(inbound) => inbound.as_str(),
            Route::Embeddings => "/v1/embeddings",
            Route::Options(_) => "OPTIONS",
            Route::Unknown(_) => "unknown",
        }
    }

    /// Nothing that is known: of a long path the first characters are kept.
    #[must_use]
    pub fn unknown(path: &str) -> Self {
        Route::Unknown(path.chars().take(PATH_CHARS).collect())
    }

    /// What the log calls it: its pattern, or the path that nothing is at.
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        match self {
            Route::Unknown(path) => Cow::Owned(path.to_string()),
            known => Cow::Borrowed(known.as_str()),
        }
    }

    /// Whether it is answered whoever asks, from the loop alone.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.traits().probe
    }

    /// Whether it has a JSON body.
    #[must_use]
    pub fn takes_body(&self) -> bool {
        self.traits().body
    }

    /// Whether answering costs a call or work, so that a client that leaves has to be noticed.
    #[must_use]
    pub fn costs(&self) -> bool {
        self.traits().costs
    }

    /// Whether it leaves a row in `requests`.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.traits().recorded
    }

    /// What is true of each route, in one table that a new route cannot be forgotten in.
    fn traits(&self) -> Traits {
        let none = Traits::default();
        match self {
            Route::Health | Route::Ready | Route::Options(_) | Route::Unknown(_) => Traits {
                probe: true,
                ..none
            },
            Route::Generate
            | Route::Batch
            | Route::Analyze
            | Route::Keywords
            | Route::Embeddings
            | Route::Chat(_) => Traits {
                body: true,
                costs: true,
                recorded: true,
                ..none
            },
            // Its client may leave: what it has asked for is done all the same.
            Route::Jobs(ask) if **ask == JobsAsk::Make => Traits {
                body: true,
                recorded: true,
                ..none
            },
            Route::Resume(_) => Traits {
                costs: true,
                ..none
            },
            Route::Jobs(ask) if matches!(**ask, JobsAsk::Watch(..)) => Traits {
                costs: true,
                ..none
            },
            Route::Page(..)
            | Route::Providers
            | Route::Status
            | Route::Models(_)
            | Route::OpenApi(_)
            | Route::Metrics
            | Route::Spans
            | Route::Stop(_)
            | Route::List(_)
            | Route::Read(_)
            | Route::Delete(_)
            | Route::Export
            | Route::Import
            | Route::Jobs(_) => none,
        }
    }
}

/// See [`Route::traits`].
#[derive(Clone, Copy, Default)]
struct Traits {
    probe: bool,
    body: bool,
    costs: bool,
    recorded: bool,
}

/// What a path stands for, before the method is looked at.
enum Place {
    Page(&'static Asset),
    Providers,
    Status,
    OpenApi,
    Health,
    Ready,
    Metrics,
    Spans,
    Generate,
    GenerateOne(Uuid),
    Events(Uuid),
    Batch,
    Analyze,
    Keywords,
    Contents,
    ContentsOne(Uuid),
    Export,
    Import,
    Jobs(jobs::Place),
    Chat(Inbound),
    Models(ModelsAsk),
    Embeddings,
    Everything,
}

/// Finds the route of a request.
pub fn find(head: &RequestHead<'_>) -> Result<Route, Failure> {
    if head.https {
        return Err(Failure::NoTls); // RFC 9110 §7.4
    }
    let asked = Inbound::of_head(head).map(Place::Chat);
    let place = match asked.or_else(|| ModelsAsk::of_head(head).map(Place::Models)) {
        Some(place) => place,
        None => place(head.path)?,
    };
    let allow = place.allow();
    if head.method == Method::Options {
        return Ok(Route::Options(allow));
    }
    let reads = matches!(head.method, Method::Get | Method::Head);
    let route = match place {
        Place::Page(asset) if reads => Route::Page(asset, has_already(&head.fields, asset)),
        Place::Providers if reads => Route::Providers,
        Place::Status if reads => Route::Status,
        Place::OpenApi if reads => Route::OpenApi(tags(&head.fields)),
        Place::Health if reads => Route::Health,
        Place::Ready if reads => Route::Ready,
        Place::Metrics if reads => Route::Metrics,
        Place::Spans if reads => Route::Spans,
        Place::Generate if head.method == Method::Post => Route::Generate,
        Place::Batch if head.method == Method::Post => Route::Batch,
        Place::Analyze if head.method == Method::Post => Route::Analyze,
        Place::Keywords if head.method == Method::Post => Route::Keywords,
        Place::Events(id) if reads => Route::Resume(id),
        Place::GenerateOne(id) if head.method == Method::Delete => Route::Stop(id),
        Place::Contents if reads => Route::List(Box::new(ListQuery::parse(head.query)?)),
        Place::ContentsOne(id) if reads => Route::Read(id),
        Place::ContentsOne(id) if head.method == Method::Delete => Route::Delete(id),
        Place::Export if reads => {
            query::none(head.query)?;
            Route::Export
        }
        Place::Models(ask) if reads => Route::Models(Box::new(ask.with_query(head.query)?)),
        Place::Import if head.method == Method::Post => Route::Import,
        Place::Jobs(place) => {
            let ask = place.ask(head.method, head.query)?;
            Route::Jobs(Box::new(ask.after(&head.fields)?))
        }
        Place::Embeddings if head.method == Method::Post => Route::Embeddings,
        Place::Chat(inbound) if head.method == Method::Post => {
            inbound.check(head.query)?;
            Route::Chat(inbound)
        }
        _ => return Err(Failure::Method { allow }),
    };
    Ok(route)
}

impl Place {
    fn allow(&self) -> &'static str {
        match self {
            Place::Generate
            | Place::Batch
            | Place::Analyze
            | Place::Keywords
            | Place::Import
            | Place::Embeddings
            | Place::Chat(_) => "POST, OPTIONS",
            Place::Jobs(place) => place.allow(),
            Place::GenerateOne(_) => "DELETE, OPTIONS",
            Place::ContentsOne(_) => "GET, HEAD, DELETE, OPTIONS",
            Place::Everything => "GET, HEAD, POST, DELETE, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

/// Paths are taken with and without a slash at their end.
fn place(path: &str) -> Result<Place, Failure> {
    if path == "*" {
        return Ok(Place::Everything);
    }
    let path = path.strip_prefix('/').ok_or(Failure::NoSuchRoute)?;
    let mut parts = path.split('/');
    let (first, second, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    let end = parts.next().is_none();
    let place = match (first, second.unwrap_or(""), third) {
        ("", "", None) if second.is_none() => Place::Page(web::index()),
        ("app", name, None) => Place::Page(web::asset(name).ok_or(Failure::NoSuchRoute)?),
        ("providers", "", None) => Place::Providers,
        ("status", "", None) => Place::Status,
        ("openapi.json", "", None) => Place::OpenApi,
        ("healthz", "", None) => Place::Health,
        ("readyz", "", None) => Place::Ready,
        ("metrics", "", None) => Place::Metrics,
        ("debug", "spans", None | Some("")) if end => Place::Spans,
        ("generate", "", None) => Place::Generate,
        ("generate", id, None | Some("")) if end => Place::GenerateOne(known(id)?),
        ("generate", id, Some("events")) if end => Place::Events(known(id)?),
        ("batch", "", None) => Place::Batch,
        ("v1", "embeddings", None | Some("")) if end => Place::Embeddings,
        ("analyze", "", None) => Place::Analyze,
        ("keywords", "", None) => Place::Keywords,
        ("jobs", id, None | Some("")) if end => Place::Jobs(jobs::Place::of(id)?),
        ("jobs", id, Some("events")) if end => Place::Jobs(jobs::Place::events(id)?),
        ("contents", "", None) => Place::Contents,
        ("contents", "export", None | Some("")) if end => Place::Export,
        ("contents", "import", None | Some("")) if end => Place::Import,
        ("contents", id, None | Some("")) if end => Place::ContentsOne(known(id)?),
        _ => return Err(Failure::NoSuchRoute),
    };
    Ok(place)
}

/// An id that we may have given: what is no UUIDv7 never was a text's.
fn known(id: &str) -> Result<Uuid, Failure> {
    uuid(id)
        .filter(|uuid| uuid.get_version() == Some(Version::SortRand))
        .ok_or(Failure::NotFound)
}

/// Only the usual spelling with hyphens: one id, one path.
fn uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
}

/// `If-None-Match`: whether the client has `asset` as it is now.
fn has_already(fields: &Fields<'_>, asset: &Asset) -> bool {
    has_tag(&tags(fields), &asset.etag)
}

/// `If-None-Match`, all of it.
fn tags(fields: &Fields<'_>) -> Box<[u8]> {
    let lists: Vec<&[u8]> = fields.all("if-none-match").collect();
    lists.join(&b","[..]).into()
}

/// Whether a list of tags has this one (RFC 9110 §13.1.2).
pub fn has_tag(list: &[u8], etag: &str) -> bool {
    let mut tags = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tags.any(|tag| {
        let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
        tag == b"*" || tag == etag.as_bytes()
    })
}

/// Whether a body is one that we read: JSON, as it is.
pub fn check_content(fields: &Fields<'_>, length: BodyLength) -> Result<(), Failure> {
    let wanted = "JSON: send `Content-Type: application/json`";
    check_kind(fields, length, wanted, |name| {
        name == b"application/json"
            || (name.starts_with(b"application/") && name.ends_with(b"+json"))
    })
}

/// Whether a body is lines of JSON. No registry knows a type for them; these are the usual ones.
pub fn check_lines(fields: &Fields<'_>, length: BodyLength) -> Result<(), Failure> {
    let wanted = "one JSON document a line: send `Content-Type: application/x-ndjson`";
    check_kind(fields, length, wanted, |name| {
        let kind = name.strip_prefix(b"application/").unwrap_or(b"");
        let kind = kind.strip_prefix(b"x-").unwrap_or(kind);
        matches!(kind, b"ndjson" | b"jsonl" | b"jsonlines")
    })
}

fn check_kind(
    fields: &Fields<'_>,
    length: BodyLength,
    wanted: &'static str,
    is_wanted: impl FnOnce(&[u8]) -> bool,
) -> Result<(), Failure> {
    let plain = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
    if fields.all("content-encoding").any(|coding| !plain(coding)) {
        return Err(Failure::Compressed);
    }
    if matches!(length, BodyLength::None | BodyLength::Exact(0)) {
        return Ok(()); // an empty body is a fault of its own
    }
    // No type at all is taken for the right one; a wrong one is not guessed at.
    let mut kinds = fields.all("content-type");
    let Some(kind) = kinds.next() else {
        return Ok(());
    };
    let mut parts = kind.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or(b"").to_ascii_lowercase();
    let charset = parts.find_map(|p| {
        let (key, value) = p.split_at_checked(8)?;
        key.eq_ignore_ascii_case(b"charset=").then_some(value)
    });
    let utf8 = charset.is_none_or(|c| {
        let c = c.trim_ascii().to_ascii_lowercase();
        let c: &[u8] = c.strip_prefix(b"\"").unwrap_or(&c);
        matches!(c.strip_suffix(b"\"").unwrap_or(c), b"utf-8" | b"utf8")
    });
    if is_wanted(&name) && utf8 && kinds.next().is_none() {
        Ok(())
    } else {
        Err(Failure::MediaType { wanted })
    }
}

#[cfg(test)]
mod tests;
