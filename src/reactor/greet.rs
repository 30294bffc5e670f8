//! What a person sees first: where the server is, how much it carries, who writes the texts, and
//! what to type. It goes to standard output; everything later is the log's.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::config::{Config, OFFLINE, Provider};
use crate::engine::Sizes;

/// Writes the greeting. Nothing of a key is in it but whether there is one.
pub fn greet(
    out: &mut impl Write,
    config: &Config,
    address: SocketAddr,
    sizes: Sizes,
    files: u64,
) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "maitred {version} listens on http://{address} for {} clients at once ({files} open files, {} \
         scorer thread{})",
        sizes.clients,
        sizes.scorers,
        if sizes.scorers == 1 { "" } else { "s" },
    )?;
    introduce_providers(out, config)?;
    for note in &config.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(
        out,
        "try: curl -N http://{address}/generate/ -H 'Content-Type: application/json' \
         -d '{{\"topic\": \"green tea\", \"stream\": true}}'"
    )?;
    out.flush()
}

/// The one that is asked by default, then the others that were configured.
fn introduce_providers(out: &mut impl Write, config: &Config) -> io::Result<()> {
    let default = &config.default_provider;
    let others = config
        .providers
        .iter()
        .filter(|provider| provider.name != *default && provider.name != OFFLINE);
    match config.provider(default).and_then(describe) {
        Some(words) => writeln!(out, "provider: {words}")?,
        None if others.clone().next().is_some() => writeln!(out, "provider: offline, built in")?,
        None => writeln!(
            out,
            "provider: offline, built in; for a real one set OPENAI_API_KEY, ANTHROPIC_API_KEY or \
             GEMINI_API_KEY, or OPENAI_BASE_URL and OPENAI_MODEL, and start again"
        )?,
    }
    for words in others.filter_map(describe) {
        writeln!(out, "also: {words}")?;
    }
    Ok(())
}

/// What an operator has to compare with what was meant; `None` for the built-in provider.
fn describe(provider: &Provider) -> Option<String> {
    let upstream = provider.upstream()?;
    let key = match upstream.keys.len() {
        0 => "no key".to_owned(),
        1 => "key: set".to_owned(),
        several => format!("{several} keys"),
    };
    Some(format!(
        "{} (kind {}) at {}, model {}, {key}",
        provider.name,
        upstream.speech.as_str(),
        upstream.base,
        provider.model,
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{SourceFile, Sources};

    fn greeting(toml: &str) -> String {
        let sources = Sources {
            file: Some(SourceFile {
                path: "maitred.toml".into(),
                text: toml.into(),
            }),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap();
        let sizes = Sizes {
            clients: 100,
            upstreams: 0,
            generations: 10,
            scorers: 1,
        };
        let mut out = Vec::new();
        greet(&mut out, &config, config.listen, sizes, 200).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn without_a_provider_it_says_how_to_get_one() {
        let said = greeting("");
        assert!(said.contains("provider: offline, built in; for a real one set OPENAI_API_KEY"));
        assert!(said.contains("for 100 clients at once (200 open files, 1 scorer thread)"));
        assert_eq!(said.lines().count(), 3);
        assert!(said.contains("try: curl -N http://127.0.0.1:8080/generate/"));
    }

    #[test]
    fn a_provider_is_shown_as_it_will_be_asked_and_its_key_is_not() {
        let said = greeting(
            "default_provider = \"openai\"\n[provider.openai]\nkey = \"canary\"\n\
             [provider.mine]\nkind = \"anthropic\"\nbase_url = \"http://localhost:11434\"\n\
             model = \"m\"\n",
        );
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines[1],
            "provider: openai (kind openai) at https://api.openai.com/v1, model gpt-4o-mini, key: set"
        );
        assert_eq!(
            lines[2],
            "also: mine (kind anthropic) at http://localhost:11434, model m, no key"
        );
        assert!(!said.contains("canary"), "{said}");
        let said = greeting(
            "default_provider = \"offline\"\n[provider.mine]\nmodel = \"m\"\n\
             base_url = \"http://localhost:11434\"\n",
        );
        assert!(
            said.contains("provider: offline, built in\nalso: mine"),
            "{said}"
        );
    }
}
