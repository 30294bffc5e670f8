//! The values that settings can have. The words of an error complete the sentence "`port` …".

use super::TlsMode;
use crate::proto::postgres::{ChannelBinding, Methods, Target};

/// PostgreSQL's port.
pub(super) const PORT: u16 = 5432;

pub(super) fn hosts(text: &str) -> Result<Vec<String>, &'static str> {
    text.split(',')
        .map(|name| match name {
            "" => Ok("localhost".to_owned()),
            _ if name.starts_with(['/', '@']) => {
                Err("is the path of a Unix socket, and only TCP is supported: name a host")
            }
            _ if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') => {
                Err("is not the name of a host")
            }
            _ => Ok(name.to_owned()),
        })
        .collect()
}

pub(super) fn ports(text: &str) -> Result<Vec<u16>, &'static str> {
    text.split(',')
        .map(|port| match port {
            "" => Ok(PORT),
            _ => match port.parse() {
                Ok(port) if port > 0 => Ok(port),
                _ => Err("is not a number from 1 to 65535"),
            },
        })
        .collect()
}

pub(super) fn tls_mode(text: &str) -> Result<TlsMode, &'static str> {
    match text {
        "disable" => Ok(TlsMode::Disable),
        "prefer" => Ok(TlsMode::Prefer),
        "require" => Ok(TlsMode::Require),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "verify-full" => Ok(TlsMode::VerifyFull),
        "allow" => Err("is allow, which is not supported: say prefer or require"),
        _ => Err("is none of disable, prefer, require, verify-ca, verify-full"),
    }
}

pub(super) fn channel_binding(text: &str) -> Result<ChannelBinding, &'static str> {
    match text {
        "disable" => Ok(ChannelBinding::Never),
        "prefer" => Ok(ChannelBinding::IfOffered),
        "require" => Ok(ChannelBinding::Required),
        _ => Err("is none of disable, prefer, require"),
    }
}

pub(super) fn methods(text: &str) -> Result<Methods, &'static str> {
    let mut methods = Methods {
        scram: false,
        md5: false,
        clear: false,
        none: false,
    };
    for word in text.split(',') {
        match word {
            "scram-sha-256" => methods.scram = true,
            "md5" => methods.md5 = true,
            "password" => methods.clear = true,
            "none" => methods.none = true,
            _ => return Err("is not a list of scram-sha-256, md5, password, none"),
        }
    }
    Ok(methods)
}

pub(super) fn target(text: &str) -> Result<Target, &'static str> {
    match text {
        "any" => Ok(Target::Any),
        "read-write" => Ok(Target::ReadWrite),
        "read-only" => Ok(Target::ReadOnly),
        "primary" => Ok(Target::Primary),
        "standby" => Ok(Target::Standby),
        "prefer-standby" => Ok(Target::PreferStandby),
        _ => Err("is none of any, read-write, read-only, primary, standby, prefer-standby"),
    }
}

/// 0 stands for "no limit of its own".
pub(super) fn seconds(text: &str) -> Result<Option<u32>, &'static str> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(seconds) => Ok(Some(seconds)),
        Err(_) => Err("is not a number of seconds"),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err("is neither true nor false"),
    }
}

/// `-c name=value -c name=value`, with a backslash before a space that belongs to a value. Each
/// becomes a parameter of its own, which comes to the same.
pub(super) fn options(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    const PROBLEM: &str = "is not a list like -c name=value -c name=value";
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, words.last_mut()) {
            ('\\', Some(word)) => word.extend(characters.next()),
            (' ', _) => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => return Err(PROBLEM),
        }
    }
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let mut parameters = Vec::new();
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("-c").or(word.strip_prefix("--")) {
            Some("") => words.next().ok_or(PROBLEM)?,
            Some(rest) => rest.to_owned(),
            None => return Err(PROBLEM),
        };
        let (name, value) = setting.split_once('=').ok_or(PROBLEM)?;
        parameters.push((name.to_owned(), value.to_owned()));
    }
    Ok(parameters)
}
