//! `maitred.toml` and `.env`, with the line of everything in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::layers::Raw;
use super::names::{PREFIX, segment};
use super::vendors::Vendor;
use super::{ConfigError, Origin, SourceFile};

/// Variables of other programs that say where something is, and are read here too.
const URLS: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];

/// The configuration file, its tables flattened: `[limits]` with `body_bytes` in it is the key
/// `limits.body_bytes`.
#[derive(Default)]
pub(super) struct FileLayer {
    path: PathBuf,
    pub(super) values: BTreeMap<String, (Raw, usize)>,
    /// The tables themselves, so that an empty one is not overlooked.
    pub(super) tables: BTreeMap<String, Table>,
}

/// Where a table of the file stands.
pub(super) struct Table {
    /// The key of the table that it is in.
    pub(super) parent: String,
    /// Its name there.
    pub(super) name: String,
    /// Counted from 1.
    pub(super) line: usize,
}

impl FileLayer {
    pub(super) fn parse(source: &SourceFile) -> Result<Self, ConfigError> {
        let root = DeTable::parse(&source.text).map_err(|error| ConfigError::Syntax {
            path: source.path.clone(),
            line: line_of(&source.text, error.span().map_or(0, |span| span.start)),
            reason: reason_of(&source.text, &error),
        })?;
        let mut layer = FileLayer {
            path: source.path.clone(),
            ..FileLayer::default()
        };
        // Tables that wait for their turn, and their names. No recursion: the depth is the file's.
        let mut waiting = vec![(String::new(), root.get_ref())];
        while let Some((prefix, table)) = waiting.pop() {
            for (name, value) in table {
                let key = format!("{prefix}{}", segment(name.get_ref()));
                let line = line_of(&source.text, name.span().start);
                if let DeValue::Table(table) = value.get_ref() {
                    waiting.push((format!("{key}."), table));
                    let parent = prefix.trim_end_matches('.').to_owned();
                    let name = name.get_ref().to_string();
                    layer.tables.insert(key, Table { parent, name, line });
                } else {
                    layer.values.insert(key, (raw(value.get_ref()), line));
                }
            }
        }
        Ok(layer)
    }

    pub(super) fn origin(&self, line: usize) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line,
        }
    }
}

/// The parser's words, which quote nothing; of a key that is there twice its name as well.
fn reason_of(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let key = error.span().and_then(|span| text.get(span));
    match key.filter(|_| message == "duplicate key") {
        Some(key) => format!("{message} `{}`", key.trim_matches(['"', '\''])),
        None => message.to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Integer(integer) => {
            match i128::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(number) => Raw::Number(number.to_string()),
                Err(_) => Raw::Other,
            }
        }
        DeValue::Array(items) => Raw::List(items.iter().map(|item| flat(item.get_ref())).collect()),
        DeValue::Float(float) => Raw::Number(float.as_str().to_owned()),
        DeValue::Datetime(_) | DeValue::Table(_) => Raw::Other,
    }
}

/// An item of an array. No setting is a list of lists.
fn flat(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::Array(_) => Raw::Other,
        DeValue::Table(fields) => Raw::Table(
            (fields.iter())
                .map(|(name, value)| (name.get_ref().to_string(), leaf(value.get_ref())))
                .collect(),
        ),
        value => raw(value),
    }
}

/// A field of a table in an array.
fn leaf(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::Array(_) | DeValue::Table(_) => Raw::Other,
        value => raw(value),
    }
}

/// The variables of a `.env` file, in its order, each with its line.
///
/// A `$NAME` in a value is replaced by `dotenvy`, from the file and from the process: that is the
/// one place where loading looks beyond its arguments.
pub(super) fn variables(source: &SourceFile) -> Result<Vec<(String, String, usize)>, ConfigError> {
    let wrong = |line, reason| ConfigError::Syntax {
        path: source.path.clone(),
        line,
        reason,
    };
    let mut variables: Vec<(String, String, usize)> = Vec::new();
    for variable in dotenvy::from_read_iter(source.text.as_bytes()) {
        let (name, value) = variable.map_err(|error| {
            // It carries the text that it stopped at, which tells the line.
            let offset = match &error {
                dotenvy::Error::LineParse(text, _) => source.text.find(text.trim_end()),
                _ => None,
            };
            // The error's own words would quote the line, and with it a key.
            let reason = "is not NAME=value; a value with spaces needs quotes";
            wrong(
                line_of(&source.text, offset.unwrap_or(0)),
                reason.to_owned(),
            )
        })?;
        let before = variables.iter().filter(|(other, ..)| *other == name);
        let nth = before.count();
        let line = nth_line_of(&source.text, &name, nth);
        // What is another program's it may have as often as it likes.
        if nth > 0 && (name.starts_with(PREFIX) || Vendor::knows(&name) || URLS.contains(&&*name)) {
            return Err(wrong(line, format!("`{name}` is given twice")));
        }
        variables.push((name, value, line));
    }
    Ok(variables)
}

/// The line in which a variable of this name is given, after `nth` others that give it too.
fn nth_line_of(text: &str, name: &str, nth: usize) -> usize {
    let gives_it = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut lines = text.lines().enumerate().filter(|(_, line)| gives_it(line));
    lines.nth(nth).map_or(1, |(before, _)| before + 1)
}
