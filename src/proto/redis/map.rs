//! Which server of a cluster has which slots, as `CLUSTER SLOTS` says it:
//!
//! ```text
//!  [[first, last, [host, port, …], replicas …], …]
//! ```
//! Source: <https://redis.io/docs/latest/commands/cluster-slots/>. What makes no sense is left out; all
//! ranges together are never more than there are slots, however many are sent.

use super::Reply;
use super::refusal::usual_host;
use super::slot::SLOTS;

/// Slots, and the server that takes their writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<'a> {
    /// The first one.
    pub first: u16,
    /// The last one.
    pub last: u16,
    /// Host or address; `None` is the same as that of the server that says so.
    pub host: Option<&'a str>,
    /// Port.
    pub port: u16,
}

/// The ranges of an answer to `CLUSTER SLOTS`.
pub fn ranges(reply: &Reply) -> impl Iterator<Item = Range<'_>> {
    let all = match reply {
        Reply::List(all) => &all[..],
        _ => &[],
    };
    let mut left = u32::from(SLOTS);
    all.iter().filter_map(range).take_while(move |range| {
        let slots = u32::from(range.last - range.first) + 1;
        let fits = slots <= left;
        left = left.saturating_sub(slots);
        fits
    })
}

fn range(reply: &Reply) -> Option<Range<'_>> {
    let Reply::List(parts) = reply else {
        return None;
    };
    let [
        Reply::Integer(first),
        Reply::Integer(last),
        Reply::List(primary),
        ..,
    ] = &parts[..]
    else {
        return None;
    };
    let [host, Reply::Integer(port), ..] = &primary[..] else {
        return None;
    };
    let host = match host {
        Reply::Null => None,
        Reply::Bytes(host) => match std::str::from_utf8(host).ok()? {
            "" | "?" => None,
            host => Some(host).filter(|host| usual_host(host))?.into(),
        },
        _ => return None,
    };
    let slot = |number: &i64| u16::try_from(*number).ok().filter(|slot| *slot < SLOTS);
    let (first, last) = (slot(first)?, slot(last)?);
    let port = u16::try_from(*port).ok().filter(|port| *port > 0)?;
    (first <= last).then_some(Range {
        first,
        last,
        host,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: impl IntoIterator<Item = Reply>) -> Reply {
        Reply::List(values.into_iter().collect())
    }

    fn entry(first: i64, last: i64, host: &str, port: i64) -> Reply {
        let primary = [
            Reply::Bytes(host.into()),
            Reply::Integer(port),
            Reply::Bytes(b"07c37d".to_vec()),
            list([]),
        ];
        let replica = list([Reply::Bytes(b"10.0.0.99".to_vec()), Reply::Integer(1)]);
        let (first, last) = (Reply::Integer(first), Reply::Integer(last));
        list([first, last, list(primary), replica])
    }

    #[test]
    fn the_first_server_of_a_range_takes_its_writes() {
        let reply = list([entry(0, 5460, "10.0.0.1", 6379), entry(5461, 16383, "", 7)]);
        let expected = [(0, 5460, Some("10.0.0.1"), 6379), (5461, 16383, None, 7)];
        let expected = expected.map(|(first, last, host, port)| Range {
            first,
            last,
            host,
            port,
        });
        assert_eq!(ranges(&reply).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        for wrong in [
            entry(1, 0, "h", 1),
            entry(-1, 0, "h", 1),
            entry(0, 16384, "h", 1),
            entry(0, 1, "h", 0),
            entry(0, 1, "h", 65536),
            entry(0, 1, "h\r\nx", 1),
            entry(0, 1, &"h".repeat(256), 1),
            list([]),
            list([Reply::Integer(0), Reply::Integer(1), list([])]),
            Reply::Null,
        ] {
            let reply = list([wrong.clone(), entry(0, 1, "h", 1)]);
            assert_eq!(ranges(&reply).count(), 1, "{wrong:?}");
        }
        assert_eq!(ranges(&Reply::Integer(1)).count(), 0);
    }

    #[test]
    fn there_are_never_more_slots_than_there_are() {
        let all = (0..1000).map(|_| entry(0, 16383, "h", 1));
        assert_eq!(ranges(&list(all)).count(), 1);
    }
}
