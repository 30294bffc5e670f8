//! `/jobs`: the paths, the queries of those that read, and where a stream goes on.

use uuid::Uuid;

use super::query::{self, rows};
use super::{known, uuid};
use crate::engine::Failure;
use crate::engine::jobs::Seen;
use crate::limits::jobs::JOB_ITEMS;
use crate::proto::http1::{Fields, Method};

/// Rows on a page when nobody says how many.
const DEFAULT_ROWS: usize = 20;

/// What is asked about jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobsAsk {
    /// `POST /jobs`
    Make,
    /// `GET /jobs`: so many, after the page that ended with this one.
    List(usize, Option<Uuid>),
    /// `GET /jobs/{id}`: with so many items, after this place.
    Read(Uuid, usize, Option<u32>),
    /// `DELETE /jobs/{id}`
    Cancel(Uuid),
    /// `GET /jobs/{id}/events`: after what its client has been told.
    Watch(Uuid, Option<Seen>),
}

/// What a path stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    All,
    One(Uuid),
    Events(Uuid),
}

impl Place {
    /// What the rest of a path below `/jobs` stands for.
    pub(super) fn of(id: &str) -> Result<Self, Failure> {
        match id {
            "" => Ok(Place::All),
            id => known(id).map(Place::One),
        }
    }

    /// What the path with this id and `/events` stands for.
    pub(super) fn events(id: &str) -> Result<Self, Failure> {
        known(id).map(Place::Events)
    }

    pub(super) fn allow(self) -> &'static str {
        match self {
            Place::All => "GET, HEAD, POST, OPTIONS",
            Place::One(_) => "GET, HEAD, DELETE, OPTIONS",
            Place::Events(_) => "GET, HEAD, OPTIONS",
        }
    }

    /// What is asked with this method.
    pub(super) fn ask(self, method: Method, query: Option<&str>) -> Result<JobsAsk, Failure> {
        let reads = matches!(method, Method::Get | Method::Head);
        match self {
            Place::All if reads => {
                let (limit, cursor) = page(query, |value| {
                    uuid(value).ok_or_else(|| {
                        Failure::parameter("cursor", "the `next` of the page before")
                    })
                })?;
                Ok(JobsAsk::List(limit, cursor))
            }
            Place::One(id) if reads => {
                let (limit, cursor) = page(query, position)?;
                Ok(JobsAsk::Read(id, limit, cursor))
            }
            Place::Events(id) if reads => match query::pairs(query).next() {
                None => Ok(JobsAsk::Watch(id, None)),
                Some((name, _)) => Err(Failure::parameter(name, "left out: all of it is told")),
            },
            Place::All if method == Method::Post => Ok(JobsAsk::Make),
            Place::One(id) if method == Method::Delete => Ok(JobsAsk::Cancel(id)),
            _ => Err(Failure::Method {
                allow: self.allow(),
            }),
        }
    }
}

impl JobsAsk {
    /// The pattern of the route.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            JobsAsk::Make | JobsAsk::List(..) => "/jobs",
            JobsAsk::Read(..) | JobsAsk::Cancel(_) => "/jobs/{id}",
            JobsAsk::Watch(..) => "/jobs/{id}/events",
        }
    }

    /// The same, and a stream goes on where `Last-Event-ID` says.
    pub(super) fn after(mut self, fields: &Fields<'_>) -> Result<Self, Failure> {
        if let JobsAsk::Watch(_, seen) = &mut self {
            let mut values = fields.all("last-event-id");
            *seen = match (values.next(), values.next()) {
                (None, _) => None,
                (Some(id), None) => Some(Seen::parse(id).ok_or_else(no_mark)?),
                (Some(_), Some(_)) => return Err(no_mark()),
            };
        }
        Ok(self)
    }
}

/// `limit` and `cursor`, and nothing else.
fn page<T>(
    query: Option<&str>,
    place: impl Fn(&str) -> Result<T, Failure>,
) -> Result<(usize, Option<T>), Failure> {
    let (mut limit, mut cursor) = (None, None);
    for (name, value) in query::pairs(query) {
        let twice = match name {
            "limit" => limit.replace(rows(value)?).is_some(),
            "cursor" => cursor.replace(place(value)?).is_some(),
            _ => return Err(Failure::parameter(name, "one of limit and cursor")),
        };
        if twice {
            return Err(Failure::parameter(name, "given only once"));
        }
    }
    Ok((limit.unwrap_or(DEFAULT_ROWS), cursor))
}

fn no_mark() -> Failure {
    Failure::parameter("Last-Event-ID", "the `id` of an event of this job")
}

fn position(value: &str) -> Result<u32, Failure> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()); // no sign, which `parse` takes
    let place = value.parse().ok().filter(|place| *place < JOB_ITEMS as u32);
    place
        .filter(|_| digits)
        .ok_or_else(|| Failure::parameter("cursor", "the `next` of the page before"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pages_are_asked_for_strictly() {
        let all = |query| Place::All.ask(Method::Get, Some(query));
        assert_eq!(all("limit=5"), Ok(JobsAsk::List(5, None)));
        let id = Uuid::from_u128(7);
        let one = |query| Place::One(id).ask(Method::Get, Some(query));
        assert_eq!(
            one("cursor=19&limit=100"),
            Ok(JobsAsk::Read(id, 100, Some(19)))
        );
        for wrong in [
            "limit=0",
            "limit=101",
            "cursor=-1",
            "cursor=1000",
            "page=2",
            "limit=1&limit=1",
        ] {
            assert_eq!(one(wrong).unwrap_err().status(), 422, "{wrong}");
        }
        assert_eq!(all("cursor=5").unwrap_err().status(), 422);
        assert_eq!(
            Place::All.ask(Method::Delete, None).unwrap_err().status(),
            405
        );
    }
}
