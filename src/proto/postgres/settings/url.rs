//! A URL taken apart into names and values, escapes undone. No word of it is repeated in an error:
//! whoever forgot an escape may have put a part of the password anywhere.

use percent_encoding::percent_decode_str;

/// `postgres://user:password@host:port,host/database?name=value&…`
pub(super) fn split(url: &str) -> Result<Vec<(String, String)>, String> {
    let rest = url
        .strip_prefix("postgres://")
        .or(url.strip_prefix("postgresql://"));
    let rest = rest.ok_or("must begin with postgres:// or postgresql://")?;
    if rest.contains('#') {
        return Err("holds a #, which has to be written as %23".into());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut words = Vec::new();
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        words.push((name.to_owned(), decode(value)?));
        Ok(())
    };
    let hosts = match authority.rsplit_once('@') {
        Some((who, hosts)) => {
            let (user, password) = who
                .split_once(':')
                .map_or((who, None), |(u, p)| (u, Some(p)));
            add("user", user)?;
            password.map_or(Ok(()), |password| add("password", password))?;
            hosts
        }
        None => authority,
    };
    if !hosts.is_empty() {
        let (names, ports) = split_hosts(hosts)?;
        add("host", &names)?;
        if let Some(ports) = ports {
            add("port", &ports)?;
        }
    }
    if !database.is_empty() {
        add("dbname", database)?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or("has a parameter without a value")?;
        add(&decode(name)?, value)?;
    }
    Ok(words)
}

/// The names of all hosts, and their ports, both with commas between them. No ports at all if no host
/// has one: then the environment may say which it is.
fn split_hosts(hosts: &str) -> Result<(String, Option<String>), String> {
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let end = match host.strip_prefix('[') {
            Some(rest) => 2 + rest.find(']').ok_or("has a [ without a ]")?,
            None => host.find(':').unwrap_or(host.len()),
        };
        let (name, port) = host.split_at(end);
        names.push(name.trim_matches(['[', ']']));
        ports.push(match port.strip_prefix(':') {
            // As in libpq, nothing behind the colon is no port. Beside hosts that have one it is the usual one.
            None if port.is_empty() => "",
            Some(port) => port,
            None => return Err("has something between a ] and a colon".into()),
        });
    }
    let is_any = ports.iter().any(|port| !port.is_empty());
    Ok((names.join(","), is_any.then(|| ports.join(","))))
}

fn decode(text: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let broken = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .any(|(at, _)| {
            let digits = bytes.get(at + 1..at + 3);
            !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
    if broken {
        return Err("has a % that is no escape; the character itself is %25".into());
    }
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| "has an escape that is not UTF-8".to_owned())?;
    Ok(decoded.into_owned())
}
