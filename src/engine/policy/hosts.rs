//! Who may be meant by `Host`, and which pages may call.
//!
//! A server on loopback is within reach of every web page that its user opens: a page of
//! `evil.example` may let its own name point to 127.0.0.1 and then talk to us as its own origin
//! (DNS rebinding). It can do so only under a name that its owner has registered, and the browser
//! tells that name in `Host`. So, while listening on loopback, names that anybody could register
//! are refused unless the configuration lists them. Addresses, `localhost`, names without a dot
//! (a container's, a machine's) and the names reserved by RFC 6761 cannot be registered by anybody.

use std::net::IpAddr;

use crate::config::Config;
use crate::engine::Failure;
use crate::proto::http1::Method;

/// The rule of one server.
#[derive(Clone, Debug)]
pub struct Hosts {
    listed: Vec<String>,
    origins: Vec<String>,
    guard: bool,
}

impl Hosts {
    /// As the operator has said.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Hosts::new(
            config.listen.ip(),
            config.hosts.iter().map(|host| host.as_str()),
            config.origins.iter().map(|origin| origin.as_str()),
        )
    }

    /// `listen` decides whether names are checked even though none is listed.
    #[must_use]
    pub fn new<'a>(
        listen: IpAddr,
        hosts: impl Iterator<Item = &'a str>,
        origins: impl Iterator<Item = &'a str>,
    ) -> Self {
        let listed: Vec<String> = hosts.map(str::to_ascii_lowercase).collect();
        Hosts {
            guard: listen.is_loopback() || !listed.is_empty(),
            listed,
            origins: origins.map(str::to_ascii_lowercase).collect(),
        }
    }

    /// Whether a request for `host`, from a page of `origin` if there is one, is answered.
    pub fn check(&self, host: &str, origin: Option<&[u8]>, method: Method) -> Result<(), Failure> {
        let name = name_of(host).to_ascii_lowercase();
        if self.guard && !(cannot_be_registered(&name) || self.listed.contains(&name)) {
            return Err(Failure::Misdirected);
        }
        let changes = !matches!(method, Method::Get | Method::Head | Method::Options);
        match origin {
            Some(origin) if changes && !self.is_ours(origin, host) => Err(Failure::ForeignOrigin),
            _ => Ok(()),
        }
    }

    fn is_ours(&self, origin: &[u8], host: &str) -> bool {
        let Ok(origin) = std::str::from_utf8(origin) else {
            return false;
        };
        let origin = origin.to_ascii_lowercase();
        let bare = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        bare == Some(host.to_ascii_lowercase().as_str()) || self.origins.contains(&origin)
    }
}

/// The name in `host[:port]`.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn cannot_be_registered(name: &str) -> bool {
    const RESERVED: [&str; 7] = [
        ".localhost",
        ".local",
        ".internal",
        ".test",
        ".example",
        ".invalid",
        ".home.arpa",
    ];
    const EXAMPLES: [&str; 3] = ["example.com", "example.net", "example.org"];
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || RESERVED.iter().any(|end| name.ends_with(end))
        || EXAMPLES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, origin: Option<&str>) -> Result<(), Failure> {
        let listed = ["App.Mine.io"].into_iter();
        Hosts::new([127, 0, 0, 1].into(), listed, [].into_iter()).check(
            host,
            origin.map(str::as_bytes),
            Method::Post,
        )
    }

    #[test]
    fn a_name_that_anybody_can_register_is_refused() {
        for fine in [
            "localhost:8080",
            "127.0.0.1:80",
            "[::1]:80",
            "maitred",
            "x.localhost",
            "app.mine.io:443",
            "",
        ] {
            assert_eq!(check(fine, None), Ok(()), "{fine}");
        }
        for wrong in [
            "evil.io",
            "evil.io:8080",
            "127.0.0.1.evil.io",
            "localhost.evil.io",
        ] {
            assert_eq!(check(wrong, None), Err(Failure::Misdirected), "{wrong}");
        }
    }

    #[test]
    fn another_sites_page_may_not_post() {
        assert_eq!(check("localhost:80", Some("http://localhost:80")), Ok(()));
        for wrong in ["http://localhost:81", "https://evil.io", "null"] {
            assert_eq!(
                check("localhost:80", Some(wrong)),
                Err(Failure::ForeignOrigin),
                "{wrong}"
            );
        }
    }

    #[test]
    fn off_loopback_without_a_list_any_name_is_ours() {
        let hosts = Hosts::new([0, 0, 0, 0].into(), [].into_iter(), [].into_iter());
        assert_eq!(hosts.check("any.io", None, Method::Post), Ok(()));
    }
}
