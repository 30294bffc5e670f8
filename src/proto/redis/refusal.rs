//! What an error of the server means, and what may be done about it.
//!
//! An error is a line that begins with a word in capitals. The rest is for people, quotes what it
//! likes, and is not kept: an answer of ours never repeats it.

use std::fmt;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key lives on another server of the cluster, and will from now on.
    Moved(Redirect),
    /// The key is moving to another server of the cluster: ask there, this once, after `ASKING`.
    Ask(Redirect),
    /// It has been started and is reading its data.
    Loading,
    /// It is a replica, which takes no writes: the primary has changed.
    ReadOnly,
    /// It wants to know who asks first.
    NoAuth,
    /// Name or password is wrong.
    WrongPass,
    /// Whoever asks may not do that.
    NoPermission,
    /// It has no memory left for writes.
    OutOfMemory,
    /// A script is running, and has been for too long.
    Busy,
    /// Keys of one command are on two servers of the cluster at the moment.
    TryAgain,
    /// A part of the cluster is missing.
    ClusterDown,
    /// A replica without its primary, which may not answer from old data.
    MasterDown,
    /// Too few replicas take part for a write, or saving to disk fails.
    NoWrites,
    /// It does not know the script.
    NoScript,
    /// Something else is under that key.
    WrongType,
    /// It does not speak this version of the protocol.
    NoProtocol,
    /// It does not know the command.
    UnknownCommand,
    /// Anything else, by its first word.
    Other(Box<str>),
}

impl fmt::Display for Refusal {
    /// Words for a log. Nothing of it is the server's but the name of an error that is not known here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Moved(_) | Refusal::Ask(_) => {
                "it is a server of a cluster: set `redis.cluster`"
            }
            Refusal::Loading => "it is still reading its data",
            Refusal::ReadOnly => "it is a replica, which takes no writes",
            Refusal::NoAuth => "it wants a password, and `redis.url` has none",
            Refusal::WrongPass => "name or password in `redis.url` is wrong",
            Refusal::NoPermission => "its user may not do what is needed",
            Refusal::OutOfMemory => "it has no memory left",
            Refusal::Busy => "it is busy with a script",
            Refusal::TryAgain => "keys are moving between its servers",
            Refusal::ClusterDown => "a part of the cluster is missing",
            Refusal::MasterDown => "it is a replica without its primary",
            Refusal::NoWrites => {
                "it takes no writes: too few replicas, or it cannot save to its disk"
            }
            Refusal::NoScript => "it does not know the script",
            Refusal::WrongType => "something else is under our key",
            Refusal::NoProtocol => "it does not speak this version of the protocol",
            Refusal::UnknownCommand => "it does not know the command",
            Refusal::Other(name) => return write!(f, "it says {name}"),
        })
    }
}

/// Where a key is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The slot of the key.
    pub slot: u16,
    /// Host or address; `None` is the same as that of the server that says so.
    pub host: Option<Box<str>>,
    /// Port.
    pub port: u16,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Ask somebody else, as the refusal says.
    Elsewhere,
    /// Ask again later, on this connection.
    Later,
    /// Close it, and look the server up anew: another one may have taken its place.
    Reconnect,
    /// Little, until an operator has done something: trying again often only fills two logs.
    Operator,
    /// Nothing: the command is wrong for this server.
    Never,
}

/// Letters of an unknown error's name that are kept.
const NAME_BYTES: usize = 32;

impl Refusal {
    /// What an error says, without its first byte and its line end.
    #[must_use]
    pub fn parse(error: &[u8]) -> Refusal {
        let mut words = error.splitn(2, |byte| *byte == b' ');
        let (name, rest) = (words.next().unwrap_or(b""), words.next().unwrap_or(b""));
        match name {
            b"MOVED" => Redirect::parse(rest).map_or_else(|| other(name), Refusal::Moved),
            b"ASK" => Redirect::parse(rest).map_or_else(|| other(name), Refusal::Ask),
            b"LOADING" => Refusal::Loading,
            b"READONLY" => Refusal::ReadOnly,
            b"NOAUTH" => Refusal::NoAuth,
            b"WRONGPASS" => Refusal::WrongPass,
            b"NOPERM" => Refusal::NoPermission,
            b"OOM" => Refusal::OutOfMemory,
            b"BUSY" => Refusal::Busy,
            b"TRYAGAIN" => Refusal::TryAgain,
            b"CLUSTERDOWN" => Refusal::ClusterDown,
            b"MASTERDOWN" => Refusal::MasterDown,
            b"NOREPLICAS" | b"MISCONF" => Refusal::NoWrites,
            b"NOSCRIPT" => Refusal::NoScript,
            b"WRONGTYPE" => Refusal::WrongType,
            b"NOPROTO" => Refusal::NoProtocol,
            // The one family of errors without a name of their own.
            b"ERR" if rest.starts_with(b"unknown command") => Refusal::UnknownCommand,
            b"ERR" if rest.starts_with(b"invalid password") => Refusal::WrongPass,
            b"ERR" if rest.starts_with(b"operation not permitted") => Refusal::NoAuth,
            _ => other(name),
        }
    }

    /// What may be done about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Refusal::Moved(_) | Refusal::Ask(_) => Remedy::Elsewhere,
            Refusal::Loading
            | Refusal::OutOfMemory
            | Refusal::Busy
            | Refusal::TryAgain
            | Refusal::ClusterDown
            | Refusal::MasterDown
            | Refusal::NoWrites => Remedy::Later,
            Refusal::ReadOnly => Remedy::Reconnect,
            Refusal::NoAuth | Refusal::WrongPass | Refusal::NoPermission => Remedy::Operator,
            Refusal::NoScript
            | Refusal::WrongType
            | Refusal::NoProtocol
            | Refusal::UnknownCommand
            | Refusal::Other(_) => Remedy::Never,
        }
    }
}

/// Capitals only, so that nothing of a key or a text is taken for a name.
fn other(name: &[u8]) -> Refusal {
    let capitals = name.iter().take_while(|byte| byte.is_ascii_uppercase());
    let name: String = capitals
        .take(NAME_BYTES)
        .map(|byte| char::from(*byte))
        .collect();
    Refusal::Other(name.into())
}

/// Whether a server may be called that: a name or an address, without brackets.
pub(super) fn usual_host(host: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte);
    host.len() <= 255 && host.bytes().all(usual)
}

impl Redirect {
    /// `3999 127.0.0.1:6381`. The address of IPv6 is not in brackets; the host may be left out, or be
    /// `?` if the server does not know.
    fn parse(words: &[u8]) -> Option<Redirect> {
        let (slot, place) = std::str::from_utf8(words).ok()?.split_once(' ')?;
        let (host, port) = place.rsplit_once(':')?;
        let slot = slot
            .parse()
            .ok()
            .filter(|slot| *slot < super::slot::SLOTS)?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let host = match host {
            "" | "?" => None,
            host if usual_host(host) => Some(host.into()),
            _ => return None,
        };
        Some(Redirect { slot, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_means_something() {
        use Remedy::{Elsewhere, Later, Never, Operator, Reconnect};
        for (line, remedy) in [
            ("MOVED 3999 127.0.0.1:6381", Elsewhere),
            ("ASK 3999 ::1:6381", Elsewhere),
            ("LOADING Redis is loading the dataset in memory", Later),
            (
                "READONLY You can't write against a read only replica.",
                Reconnect,
            ),
            ("NOAUTH Authentication required.", Operator),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Operator,
            ),
            ("ERR invalid password", Operator),
            (
                "NOPERM User a has no permissions to run the 'get' command",
                Operator,
            ),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Later,
            ),
            (
                "ERR unknown command 'FOO', with args beginning with: ",
                Never,
            ),
            ("NOSCRIPT No matching script. Please use EVAL.", Never),
            ("MOVED 16384 127.0.0.1:1", Never),
            ("MOVED", Never),
            ("", Never),
        ] {
            assert_eq!(Refusal::parse(line.as_bytes()).remedy(), remedy, "{line}");
        }
    }

    #[test]
    fn each_is_told_in_words() {
        for (line, words) in [
            ("NOAUTH Authentication required.", "it wants a password"),
            (
                "WRONGPASS invalid",
                "name or password in `redis.url` is wrong",
            ),
            ("READONLY You can't", "it is a replica"),
            ("FOO bar", "it says FOO"),
        ] {
            let told = Refusal::parse(line.as_bytes()).to_string();
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn where_a_key_is_instead() {
        let to = |place: &str| Redirect::parse(place.as_bytes());
        let redirect = |host: Option<&str>, port| {
            let host = host.map(Into::into);
            Some(Redirect {
                slot: 7,
                host,
                port,
            })
        };
        assert_eq!(to("7 10.0.0.1:6381"), redirect(Some("10.0.0.1"), 6381));
        assert_eq!(to("7 fd00::2:6381"), redirect(Some("fd00::2"), 6381));
        assert_eq!(to("7 :6381"), redirect(None, 6381));
        assert_eq!(to("7 ?:6381"), redirect(None, 6381));
        for wrong in [
            "7",
            "x h:1",
            "7 h:0",
            "7 h:65536",
            "7 a b:1",
            "-1 h:1",
            "7 h\r:1",
        ] {
            assert_eq!(to(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_words_of_the_server_are_not_kept() {
        let refusal = Refusal::parse(b"SECRETkey=abc is not allowed");
        assert_eq!(refusal, Refusal::Other("SECRET".into()));
        let long = Refusal::parse(&[b'A'; 500]);
        assert!(matches!(long, Refusal::Other(name) if name.len() == NAME_BYTES));
    }
}
