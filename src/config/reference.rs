//! The reference of all settings: what `docs/configuration.md` shows.
//!
//! Names and defaults come from the asking itself (see [`super`]); only the words stand here. A setting
//! without words, or words without a setting, is a failed test, and so is a page that says anything
//! else: `UPDATE_PAGES=1 cargo test --test pages` writes the tables anew.

use std::fmt::Write as _;

use super::layers::Layers;
use super::words::WORDS;
use super::{ConfigError, SourceFile, Sources, names, webhook};

/// The settings whose default is not a value but a rule, which the page tells.
const BY_RULE: [(&str, &str); 4] = [
    ("default_provider", "see below"),
    ("model.smart.targets", "required"),
    ("webhook.done.url", "required"),
    ("webhook.done.secret", "required"),
];

/// What has to be there for every setting to be asked for, beside a provider.
const EXAMPLE: &str = "[model.smart]\ntargets = \"openai\"\n[price.gpt-4o]\n[webhook.done]\n\
    url = \"https://h\"\nsecret = \"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"\n";

/// The tables of the reference in Markdown, each with its name: `server` for what stands in no table of
/// the file or in `[log]`, else the table of the file.
pub fn reference() -> Result<Vec<(String, String)>, ConfigError> {
    let mut sources = Sources::default();
    let vendor = ("OPENAI_BASE_URL", "https://api.openai.com/v1");
    let (name, value) = vendor;
    sources
        .environment
        .insert(name.to_owned(), value.to_owned());
    sources.file = Some(SourceFile {
        path: "maitred.toml".into(),
        text: EXAMPLE.to_owned(),
    });
    let mut layers = Layers::gather(&sources)?;
    super::read(&mut layers)?;
    let mut tables: Vec<(String, String)> = Vec::new();
    for (key, default) in layers.asked_for() {
        let table = match key.split_once('.') {
            None | Some(("log", _)) => "server",
            Some((table, _)) => table,
        };
        let at = match tables.iter().position(|(name, _)| name == table) {
            Some(at) => at,
            None => {
                let head = "| setting | default | is |\n|---|---|---|\n".to_owned();
                tables.push((table.to_owned(), head));
                tables.len() - 1
            }
        };
        let default = match (rule(key), default) {
            (Some(rule), _) => rule.to_owned(),
            (None, Some(value)) => format!("`{}`", value.trim_matches('"')),
            (None, None) => "not set".to_owned(),
        };
        let words = words(key).unwrap_or("");
        // Writing to a string cannot fail.
        let _ = writeln!(tables[at].1, "| `{key}` | {default} | {words} |");
    }
    Ok(tables)
}

fn rule(key: &str) -> Option<&'static str> {
    let mut all = BY_RULE.iter();
    all.find(|(name, _)| *name == key).map(|(_, words)| *words)
}

/// What a setting is, in words.
fn words(key: &str) -> Option<&'static str> {
    let mut all = WORDS.iter().chain(webhook::WORDS);
    all.find(|(name, _)| *name == key).map(|(_, words)| *words)
}

/// The table that a variable would be of, if it is made like one of a table with a name of its own:
/// `MAITRED_PROVIDER_LLM_KEY` sets `key` in `provider.llm`.
pub(super) fn table_of(variable: &str) -> Option<String> {
    let tables = WORDS.iter().chain(webhook::WORDS).filter_map(|(key, _)| {
        let (section, rest) = key.split_once('.')?;
        let (_, field) = rest.split_once('.')?;
        let before = names::variable(&format!("{section}."));
        let behind = format!("_{}", field.to_ascii_uppercase());
        let name = variable.strip_prefix(&before)?.strip_suffix(&behind)?;
        let name = name.to_ascii_lowercase().replace('_', "-");
        (!name.is_empty()).then(|| format!("{section}.{name}"))
    });
    // The longest name of a setting leaves the shortest one for the table.
    tables.min_by_key(String::len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_setting_has_its_words_and_no_words_are_left_over() {
        let tables = reference().unwrap();
        let rows: Vec<&str> = (tables.iter())
            .flat_map(|(_, table)| table.lines().skip(2))
            .collect();
        for row in &rows {
            assert!(!row.ends_with(" |  |"), "no words: {row}");
        }
        assert_eq!(rows.len(), WORDS.len() + webhook::WORDS.len());
    }

    #[test]
    fn the_words_of_a_secret_are_not_its_value() {
        let all: String = reference()
            .unwrap()
            .into_iter()
            .map(|(_, table)| table)
            .collect();
        assert!(all.contains("| `provider.openai.key` | not set |"));
    }
}
