//! Routes: which path is what, and what of a head decides about it.
//!
//! A new route is a variant here, an arm in [`find`], and a file in `flow/`.

mod query;

pub use self::query::ListQuery;

use uuid::{Uuid, Version};

use super::Failure;
use crate::proto::http1::{BodyLength, Fields, Method, RequestHead};
use crate::web::{self, Asset};

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
    /// `OPTIONS` of a path, with what it allows.
    Options(&'static str),
    /// None of them.
    Unknown,
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
            Route::Options(_) => "OPTIONS",
            Route::Unknown => "unknown",
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
            Route::Health | Route::Ready | Route::Options(_) | Route::Unknown => Traits {
                probe: true,
                ..none
            },
            Route::Generate | Route::Batch | Route::Analyze | Route::Keywords => Traits {
                body: true,
                costs: true,
                recorded: true,
                ..none
            },
            Route::Resume(_) => Traits {
                costs: true,
                ..none
            },
            Route::Page(..)
            | Route::Providers
            | Route::Status
            | Route::Metrics
            | Route::Spans
            | Route::Stop(_)
            | Route::List(_)
            | Route::Read(_)
            | Route::Delete(_) => none,
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
    Everything,
}

/// Finds the route of a request.
pub fn find(head: &RequestHead<'_>) -> Result<Route, Failure> {
    if head.https {
        return Err(Failure::NoTls); // RFC 9110 §7.4
    }
    let place = place(head.path)?;
    let allow = place.allow();
    if head.method == Method::Options {
        return Ok(Route::Options(allow));
    }
    let reads = matches!(head.method, Method::Get | Method::Head);
    let route = match place {
        Place::Page(asset) if reads => Route::Page(asset, has_already(&head.fields, asset)),
        Place::Providers if reads => Route::Providers,
        Place::Status if reads => Route::Status,
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
        _ => return Err(Failure::Method { allow }),
    };
    Ok(route)
}

impl Place {
    fn allow(&self) -> &'static str {
        match self {
            Place::Generate | Place::Batch | Place::Analyze | Place::Keywords => "POST, OPTIONS",
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
        ("healthz", "", None) => Place::Health,
        ("readyz", "", None) => Place::Ready,
        ("metrics", "", None) => Place::Metrics,
        ("debug", "spans", None | Some("")) if end => Place::Spans,
        ("generate", "", None) => Place::Generate,
        ("generate", id, None | Some("")) if end => Place::GenerateOne(known(id)?),
        ("generate", id, Some("events")) if end => Place::Events(known(id)?),
        ("batch", "", None) => Place::Batch,
        ("analyze", "", None) => Place::Analyze,
        ("keywords", "", None) => Place::Keywords,
        ("contents", "", None) => Place::Contents,
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

/// Whether the client asks for a stream by `Accept`.
#[must_use]
pub fn wants_stream(fields: &Fields<'_>) -> bool {
    fields.all("accept").any(|value| {
        value.split(|b| *b == b',').any(|range| {
            let kind = range.split(|b| *b == b';').next().unwrap_or(b"");
            kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        })
    })
}

/// `Last-Event-ID`: bytes of the text that the client has. Decimal digits and nothing else; a
/// number that fits no 64 bits is past the end of every text, as the largest one is.
pub fn last_event_id(fields: &Fields<'_>) -> Result<Option<u64>, Failure> {
    let wrong = || Failure::parameter("Last-Event-ID", "one number of bytes, in decimal digits");
    let mut values = fields.all("last-event-id");
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if value.is_empty() || values.next().is_some() {
        return Err(wrong());
    }
    let offset = value.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    });
    offset.map(Some).ok_or_else(wrong)
}

/// `If-None-Match`: whether the client has `asset` as it is now (RFC 9110 §13.1.2).
fn has_already(fields: &Fields<'_>, asset: &Asset) -> bool {
    fields.all("if-none-match").any(|list| {
        let mut tags = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.any(|tag| {
            let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
            tag == b"*" || tag == asset.etag.as_bytes()
        })
    })
}

/// Whether a body is one that we read: JSON, as it is.
pub fn check_content(fields: &Fields<'_>, length: BodyLength) -> Result<(), Failure> {
    let plain = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
    if fields.all("content-encoding").any(|coding| !plain(coding)) {
        return Err(Failure::Compressed);
    }
    if matches!(length, BodyLength::None | BodyLength::Exact(0)) {
        return Ok(()); // an empty body is a fault of its own
    }
    // No type at all is taken for JSON; a wrong one is not guessed at.
    let Some(kind) = fields.get("content-type") else {
        return Ok(());
    };
    let mut parts = kind.split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().unwrap_or(b"").to_ascii_lowercase();
    let is_json = name == b"application/json"
        || (name.starts_with(b"application/") && name.ends_with(b"+json"));
    let charset = parts.find_map(|p| {
        let (key, value) = p.split_at_checked(8)?;
        key.eq_ignore_ascii_case(b"charset=").then_some(value)
    });
    let utf8 = charset.is_none_or(|c| {
        let c = c.trim_ascii().to_ascii_lowercase();
        let c: &[u8] = c.strip_prefix(b"\"").unwrap_or(&c);
        matches!(c.strip_suffix(b"\"").unwrap_or(c), b"utf-8" | b"utf8")
    });
    if is_json && utf8 && fields.all("content-type").count() == 1 {
        Ok(())
    } else {
        Err(Failure::MediaType)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::proto::http1::{Server, Step};

    fn route(line: &str) -> Result<Route, Failure> {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut server = Server::new();
        match server.step(request.as_bytes()).unwrap() {
            Step::Head { head, .. } => find(&head),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn paths_are_taken_with_and_without_the_last_slash() {
        assert_eq!(route("POST /generate"), Ok(Route::Generate));
        assert_eq!(route("POST /generate/"), Ok(Route::Generate));
        assert_eq!(route("HEAD /healthz/"), Ok(Route::Health));
        assert_eq!(route("GET /"), Ok(Route::Page(web::index(), false)));
        for wrong in [
            "GET //",
            "GET /healthz/x",
            "GET /generat",
            "GET /contents/1/2/3",
            "GET /app",
            "GET /app/",
            "GET /app/../index.html",
            "GET /app/main.js/",
        ] {
            assert_eq!(route(wrong), Err(Failure::NoSuchRoute), "{wrong}");
        }
    }

    #[test]
    fn a_last_event_id_is_a_number_and_nothing_else() {
        let read = |lines: &str| {
            let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
            match Server::new().step(request.as_bytes()).unwrap() {
                Step::Head { head, .. } => last_event_id(&head.fields),
                other => panic!("{other:?}"),
            }
        };
        let one = |value: &str| read(&format!("Last-Event-ID: {value}\r\n"));
        assert_eq!(read(""), Ok(None));
        assert_eq!(one(" 0090 "), Ok(Some(90)));
        assert_eq!(one("99999999999999999999"), Ok(Some(u64::MAX)));
        let twice = read("Last-Event-ID: 1\r\nLast-Event-ID: 1\r\n");
        for wrong in [one(""), one("+1"), one("-1"), one("1 2"), one("0x1"), twice] {
            let failure = wrong.unwrap_err();
            assert_eq!(failure.field(), Some("Last-Event-ID"));
            assert_eq!(
                (failure.status(), failure.code()),
                (422, "invalid_parameter")
            );
        }
    }

    #[test]
    fn a_wrong_method_is_told_what_is_allowed() {
        let allow = "POST, OPTIONS";
        assert_eq!(route("GET /generate/"), Err(Failure::Method { allow }));
        assert_eq!(route("OPTIONS /generate/"), Ok(Route::Options(allow)));
        assert!(matches!(route("OPTIONS *"), Ok(Route::Options(_))));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = "0190d6a5-6f27-7ad0-8a5e-0123456789ab";
        let parsed = Uuid::try_parse(id).unwrap();
        assert_eq!(
            route(&format!("GET /contents/{id}")),
            Ok(Route::Read(parsed))
        );
        assert_eq!(
            route(&format!("GET /generate/{id}/events")),
            Ok(Route::Resume(parsed))
        );
        let bare = id.replace('-', "");
        let random = id.replace("-7ad0-", "-4ad0-");
        for never in ["x", &bare, &random] {
            for line in [
                format!("GET /contents/{never}"),
                format!("DELETE /generate/{never}"),
                format!("GET /generate/{never}/events"),
            ] {
                assert_eq!(route(&line), Err(Failure::NotFound), "{line}");
            }
        }
    }
}
