//! `redis://[[NAME]:PASSWORD@]HOST[:PORT][/DATABASE]`, and `rediss://` for the same over TLS.
//!
//! Name and password are percent-encoded. A password is never shown: not by `Debug`, not in an
//! error.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Where a server is and who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether over TLS.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port, 6379 unless it is given.
    pub port: u16,
    /// The name; `None` is the server's `default`.
    pub user: Option<String>,
    password: Option<String>,
    /// The number of the database.
    pub database: u32,
}

/// Why it is none. Nothing of it is quoted: it may hold a password anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// Neither `redis://` nor `rediss://`.
    Scheme,
    /// No host, or one that cannot be.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// Name or password is not percent-encoded UTF-8, or there is a name without a password.
    Login,
    /// The database is no number.
    Database,
    /// Something follows the database.
    Rest,
}

const PORT: u16 = 6379;

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadUrl::Scheme => "must begin with redis:// or rediss://",
            BadUrl::Host => "must have a host: redis://HOST:PORT/DATABASE",
            BadUrl::Port => "must have a port from 1 to 65535, or none",
            BadUrl::Login => {
                "must have name and password percent-encoded: redis://NAME:PASSWORD@HOST"
            }
            BadUrl::Database => "must end in the number of a database, or not have one",
            BadUrl::Rest => "must have nothing after the number of the database",
        })
    }
}

impl std::error::Error for BadUrl {}

impl Url {
    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Url, BadUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(BadUrl::Scheme)?;
        let tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(BadUrl::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(BadUrl::Rest);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                let (user, password) = login.split_once(':').ok_or(BadUrl::Login)?;
                (Some(decoded(user)?), Some(decoded(password)?))
            }
        };
        let database = match path {
            "" => 0,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| BadUrl::Database)?
            }
            _ if path.contains('/') => return Err(BadUrl::Rest),
            _ => return Err(BadUrl::Database),
        };
        Ok(Url {
            tls,
            host: host.to_owned(),
            port,
            user: user.filter(|user| !user.is_empty()),
            password: password.filter(|password| !password.is_empty()),
            database,
        })
    }

    /// The password, for the greeting and nothing else.
    #[must_use]
    pub fn expose_password(&self) -> Option<&str> {
        self.password.as_deref()
    }
}

fn host_and_port(place: &str) -> Result<(&str, u16), BadUrl> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(BadUrl::Host)?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| BadUrl::Host)?;
            match port.strip_prefix(':') {
                None if port.is_empty() => (host, None),
                None => return Err(BadUrl::Host),
                Some(port) => (host, Some(port)),
            }
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || host.len() > 255 || !host.bytes().all(usual) {
        return Err(BadUrl::Host);
    }
    let Some(port) = port else {
        return Ok((host, PORT));
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|port| digits && *port > 0);
    Ok((host, number.ok_or(BadUrl::Port)?))
}

fn decoded(text: &str) -> Result<String, BadUrl> {
    // A percent sign that begins no code is a password that was not encoded.
    let encoded = text.match_indices('%').all(|(at, _)| {
        let code = text.as_bytes().get(at + 1..at + 3);
        code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    });
    let plain = percent_decode_str(text).decode_utf8();
    plain
        .ok()
        .filter(|_| encoded)
        .map(Into::into)
        .ok_or(BadUrl::Login)
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = self.password.as_ref().map(|_| "***");
        f.debug_struct("Url")
            .field("tls", &self.tls)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &hidden)
            .field("database", &self.database)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_of_it_and_next_to_nothing() {
        let url = Url::parse("rediss://me:p%40ss%3A%2f@cache.example:6380/3").unwrap();
        assert_eq!((url.tls, url.port, url.database), (true, 6380, 3));
        assert_eq!(
            (&url.host[..], url.user.as_deref()),
            ("cache.example", Some("me"))
        );
        assert_eq!(url.expose_password(), Some("p@ss:/"));
        let url = Url::parse("redis://localhost").unwrap();
        assert_eq!((url.tls, url.port, url.database), (false, 6379, 0));
        assert_eq!((url.user, url.password), (None, None));
        let url = Url::parse("redis://:only@[fd00::2]:7").unwrap();
        assert_eq!((&url.host[..], url.port, &url.user), ("fd00::2", 7, &None));
        assert_eq!(url.expose_password(), Some("only"));
    }

    #[test]
    fn what_it_may_not_be() {
        for (text, wrong) in [
            ("http://h", BadUrl::Scheme),
            ("localhost:6379", BadUrl::Scheme),
            ("redis://", BadUrl::Host),
            ("redis://:6379", BadUrl::Host),
            ("redis://a b", BadUrl::Host),
            ("redis://[fd00::2", BadUrl::Host),
            ("redis://h:0", BadUrl::Port),
            ("redis://h:+1", BadUrl::Port),
            ("redis://h:99999", BadUrl::Port),
            ("redis://name@h", BadUrl::Login),
            ("redis://n:50%@h", BadUrl::Login),
            ("redis://n:%ff@h", BadUrl::Login),
            ("redis://h/x", BadUrl::Database),
            ("redis://h/99999999999", BadUrl::Database),
            ("redis://h/1/2", BadUrl::Rest),
            ("redis://h/1?protocol=2", BadUrl::Rest),
        ] {
            assert_eq!(Url::parse(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = Url::parse("redis://me:hunter2@h").unwrap();
        let shown = format!("{url:?} {:?}", Url::parse("redis://me:hunter2@h:x"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
