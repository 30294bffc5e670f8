//! Where a provider is: the parsed form of `https://host:port/prefix`.
//!
//! Only what a base URL needs (RFC 3986): no user name, no query, no fragment, no escapes.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The address of a provider. [`fmt::Display`] writes it in its shortest form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// `https` and not `http`.
    pub tls: bool,
    /// A name in lower case, or an address; IPv6 without its brackets.
    pub host: String,
    /// The port, also where the URL leaves it out.
    pub port: u16,
    /// What comes before the path of each request: empty, or `/` and something that does not end
    /// in `/`.
    pub path_prefix: String,
}

impl BaseUrl {
    /// Takes a URL apart. The words of an error complete the sentence "`base_url` …".
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = scheme(text)?;
        if rest.contains(['?', '#']) {
            return Err("must end after its path, without ? and #".to_owned());
        }
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("must not hold a user name or a password".to_owned());
        }
        let (host, port) = authority_parts(authority)?;
        let port = port.unwrap_or(default_port(tls));
        Ok(BaseUrl {
            tls,
            host,
            port,
            path_prefix: path_prefix(path)?,
        })
    }

    /// What goes into the `Host` field (RFC 9112 §3.2): the port only if it is not the scheme's.
    pub fn authority(&self) -> String {
        let host = match self.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        if self.port == default_port(self.tls) {
            return host;
        }
        format!("{host}:{}", self.port)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path_prefix)
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn scheme(text: &str) -> Result<(bool, &str), String> {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((true, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((false, rest)),
        _ => Err("must begin with http:// or https://".to_owned()),
    }
}

fn authority_parts(authority: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest
            .split_once(']')
            .ok_or("lacks the ] of its IPv6 address")?;
        let address: Ipv6Addr = address
            .parse()
            .map_err(|_| "has no IPv6 address between its brackets")?;
        (address.to_string(), port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (name, port) = authority.split_at(end);
        (host_name(name)?, port)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some(digits) => Ok((host, Some(port_number(digits)?))),
        None => Err("has something between its host and its port".to_owned()),
    }
}

/// A name of letters, digits, dots, hyphens and underscores, in lower case.
pub(super) fn host_name(name: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() {
        return Err("names no host".to_owned());
    }
    if name.len() > 253 || !name.bytes().all(legal) {
        return Err("names a host that cannot exist".to_owned());
    }
    Ok(name.to_ascii_lowercase())
}

fn port_number(digits: &str) -> Result<u16, String> {
    match digits.parse() {
        Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err("has a port that is not between 1 and 65535".to_owned()),
    }
}

fn path_prefix(path: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte);
    if !path.bytes().all(legal) {
        return Err("has a character in its path that a path cannot have".to_owned());
    }
    Ok(path.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_taken_apart_and_put_together() {
        let cases = [
            (
                "https://api.openai.com/v1",
                "https://api.openai.com/v1",
                "api.openai.com",
            ),
            (
                "HTTPS://API.Example:443/v1/",
                "https://api.example/v1",
                "api.example",
            ),
            (
                "http://localhost:11434",
                "http://localhost:11434",
                "localhost:11434",
            ),
            ("http://127.0.0.1:80/", "http://127.0.0.1", "127.0.0.1"),
            (
                "https://[::1]:8443/a/b",
                "https://[::1]:8443/a/b",
                "[::1]:8443",
            ),
            ("https://[0:0::2]", "https://[::2]", "[::2]"),
        ];
        for (text, whole, authority) in cases {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!(
                (url.to_string().as_str(), url.authority().as_str()),
                (whole, authority)
            );
            assert_eq!(BaseUrl::parse(whole), Ok(url));
        }
    }

    #[test]
    fn has_parts_to_connect_with() {
        let url = BaseUrl::parse("https://[::1]/v1/").unwrap();
        let expected = BaseUrl {
            tls: true,
            host: "::1".into(),
            port: 443,
            path_prefix: "/v1".into(),
        };
        assert_eq!(url, expected);
    }

    #[test]
    fn refuses_what_a_base_is_not() {
        let cases = [
            ("api.openai.com", "begin with"),
            ("ftp://host", "begin with"),
            ("https://", "names no host"),
            ("https:///v1", "names no host"),
            ("https://user:pass@host/v1", "password"),
            ("https://host/v1?key=1", "without ?"),
            ("https://host#v1", "without ?"),
            ("https://host:0/", "port"),
            ("https://host:65536", "port"),
            ("https://host:+80", "port"),
            ("https://host:", "port"),
            ("https://[::1", "lacks"),
            ("https://[host]", "IPv6"),
            ("https://[::1]80", "between its host"),
            ("https://ho st", "cannot exist"),
            ("https://::1/", "names no host"),
            ("https://host/\r\n", "path"),
            ("https://host/ä", "path"),
        ];
        for (text, words) in cases {
            let problem = BaseUrl::parse(text).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }
}
