//! The sources, one on top of the other, and the asking for one setting.
//!
//! Each asking is noted with its answer and where that came from. The notes are what
//! `check-config` prints, and what decides which names are unknown.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::file::{self, FileLayer, Table};
use super::names::{self, PREFIX, nearest};
use super::values::Value;
use super::{ConfigError, Sources, reference};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A variable of the `.env` file.
    DotEnv {
        /// Its name.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => write!(f, "default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::DotEnv { name, line } => write!(f, ".env:{line} {name}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// From a flag or a variable, where everything is text.
    Untyped(String),
    /// A string of the file.
    Text(String),
    /// A number of the file, an integer in decimal digits.
    Number(String),
    /// A truth value of the file.
    Bool(bool),
    /// An array of the file.
    List(Vec<Raw>),
    /// A table in an array of the file.
    Table(BTreeMap<String, Raw>),
    /// A type that no setting has.
    Other,
}

impl Raw {
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Raw::Untyped(text) | Raw::Text(text) => Ok(text),
            _ => Err("must be a string, in quotes".to_owned()),
        }
    }
}

/// What was asked for, and the answer.
struct Asked {
    key: String,
    /// The value as TOML; `None` if it is not set and has no default.
    shown: Option<String>,
    origin: Origin,
}

/// All sources together.
pub(super) struct Layers {
    flags: BTreeMap<&'static str, (Raw, &'static str)>,
    /// The environment over `.env`: ours, and the few of others that we know.
    variables: BTreeMap<String, (String, Origin)>,
    file: FileLayer,
    asked: Vec<Asked>,
}

impl Layers {
    pub(super) fn gather(sources: &Sources) -> Result<Self, ConfigError> {
        let mut variables = BTreeMap::new();
        if let Some(dotenv) = &sources.dotenv {
            for (name, value, line) in file::variables(dotenv)? {
                let origin = Origin::DotEnv {
                    name: name.clone(),
                    line,
                };
                variables.insert(name, (value, origin));
            }
        }
        for (name, value) in &sources.environment {
            variables.insert(
                name.clone(),
                (value.clone(), Origin::Environment(name.clone())),
            );
        }
        // A variable that is set to nothing is how shells and containers say "not set".
        variables.retain(|_, (value, _)| !value.is_empty());
        let file = match &sources.file {
            Some(source) => FileLayer::parse(source)?,
            None => FileLayer::default(),
        };
        Ok(Layers {
            flags: sources.flags.settings(),
            variables,
            file,
            asked: Vec::new(),
        })
    }

    /// A setting that always has a value.
    pub(super) fn value<T: Value>(&mut self, key: &str, default: T) -> Result<T, ConfigError> {
        let (value, origin) = match self.find(key, &[]) {
            Some((raw, origin)) => (self.parse(key, &raw, &origin)?, origin),
            None => (default, Origin::Default),
        };
        self.note(key, Some(value.show()), origin);
        Ok(value)
    }

    /// A setting that may be absent.
    pub(super) fn optional<T: Value>(&mut self, key: &str) -> Result<Option<T>, ConfigError> {
        self.optional_or(key, &[])
    }

    /// The same, with variables of other programs that mean it too; the first that is set counts.
    pub(super) fn optional_or<T: Value>(
        &mut self,
        key: &str,
        also: &[&str],
    ) -> Result<Option<T>, ConfigError> {
        let Some((raw, origin)) = self.find(key, also) else {
            self.note(key, None, Origin::Default);
            return Ok(None);
        };
        let value: T = self.parse(key, &raw, &origin)?;
        self.note(key, Some(value.show()), origin);
        Ok(Some(value))
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        key: &str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let number = self.value(key, default)?;
        self.check_range(key, number, &range).map(|()| number)
    }

    /// A number within a range, or nothing.
    pub(super) fn optional_number(
        &mut self,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigError> {
        let number = self.optional(key)?;
        if let Some(number) = number {
            self.check_range(key, number, &range)?;
        }
        Ok(number)
    }

    fn check_range(
        &self,
        key: &str,
        number: u64,
        range: &RangeInclusive<u64>,
    ) -> Result<(), ConfigError> {
        if range.contains(&number) {
            return Ok(());
        }
        let problem = format!("must be between {} and {}", range.start(), range.end());
        Err(self.illegal(key, problem))
    }

    /// The error for a setting that was asked for, once something else shows that it is wrong.
    pub(super) fn illegal(&self, key: &str, problem: String) -> ConfigError {
        ConfigError::Illegal {
            origin: self.origin(key),
            key: key.to_owned(),
            problem,
        }
    }

    /// Where a setting that was asked for has its value from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        let asked = self.asked.iter().find(|asked| asked.key == key);
        asked.map_or(Origin::Default, |asked| asked.origin.clone())
    }

    /// Puts the default of a setting that was absent, once it is known, into the notes.
    pub(super) fn settle(&mut self, key: &str, value: &impl Value) {
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.key == key) {
            asked.shown = Some(value.show());
        }
    }

    /// The names below `section` that the file has tables for.
    pub(super) fn tables_below(&self, section: &str) -> Vec<(String, Origin)> {
        let tables = self.file.tables.values();
        let below = tables.filter(|table| table.parent == section);
        below
            .map(|table| (table.name.clone(), self.file.origin(table.line)))
            .collect()
    }

    /// The names of the values in the table `section` of the file, if there is one, and where it is.
    pub(super) fn names_in(&self, section: &str) -> Option<(Vec<String>, Origin)> {
        let table = self.file.tables.get(section)?;
        let keys = self.file.values.keys().filter_map(|key| {
            let name = key.strip_prefix(section)?.strip_prefix('.')?;
            (!name.contains('.')).then(|| name.to_owned())
        });
        Some((keys.collect(), self.file.origin(table.line)))
    }

    /// The environment over `.env`.
    pub(super) fn variables(&self) -> &BTreeMap<String, (String, Origin)> {
        &self.variables
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    fn find(&self, key: &str, also: &[&str]) -> Option<(Raw, Origin)> {
        if let Some((raw, flag)) = self.flags.get(key) {
            return Some((raw.clone(), Origin::Flag(flag)));
        }
        let ours = self.variables.get(&names::variable(key));
        let theirs = || also.iter().find_map(|name| self.variables.get(*name));
        if let Some((value, origin)) = ours.or_else(theirs) {
            return Some((Raw::Untyped(value.clone()), origin.clone()));
        }
        let (raw, line) = self.file.values.get(key)?;
        Some((raw.clone(), self.file.origin(*line)))
    }

    fn parse<T: Value>(&self, key: &str, raw: &Raw, origin: &Origin) -> Result<T, ConfigError> {
        T::parse(raw).map_err(|problem| ConfigError::Illegal {
            origin: origin.clone(),
            key: key.to_owned(),
            problem,
        })
    }

    fn note(&mut self, key: &str, shown: Option<String>, origin: Origin) {
        self.asked.push(Asked {
            key: key.to_owned(),
            shown,
            origin,
        });
    }

    /// Refuses what is there although nothing asked for it.
    pub(super) fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let keys = || self.asked.iter().map(|asked| asked.key.as_str());
        for (key, (_, line)) in &self.file.values {
            if !keys().any(|known| known == key) {
                return Err(self.unknown(self.file.origin(*line), key, nearest(key, keys())));
            }
        }
        for (table, Table { line, .. }) in &self.file.tables {
            let section = format!("{table}.");
            if !keys().any(|known| known.starts_with(&section)) {
                let sections = keys().filter_map(|key| Some(key.rsplit_once('.')?.0));
                let nearest = nearest(table, sections);
                return Err(self.unknown(self.file.origin(*line), table, nearest));
            }
        }
        let variables: Vec<String> = keys().map(names::variable).collect();
        for (name, (_, origin)) in &self.variables {
            if name.starts_with(PREFIX) && !variables.contains(name) {
                let nearest = nearest(name, variables.iter().map(String::as_str));
                return Err(
                    match reference::table_of(name).filter(|_| nearest.is_none()) {
                        Some(table) => ConfigError::NoTable {
                            origin: origin.clone(),
                            name: name.clone(),
                            table,
                        },
                        None => self.unknown(origin.clone(), name, nearest),
                    },
                );
            }
        }
        Ok(())
    }

    fn unknown(&self, origin: Origin, name: &str, nearest: Option<String>) -> ConfigError {
        ConfigError::Unknown {
            origin,
            name: name.to_owned(),
            nearest,
        }
    }

    /// Every setting that was asked for, with its value as TOML.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let asked = self.asked.iter();
        asked.map(|asked| (asked.key.as_str(), asked.shown.as_deref()))
    }

    /// The notes as a configuration file.
    pub(super) fn effective(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for Asked { key, shown, origin } in &self.asked {
            let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
            if table != section {
                section = table;
                text += &format!("\n[{table}]\n");
            }
            text += &match shown {
                Some(value) => format!("{name} = {value}  # from {origin}\n"),
                None => format!("# {name} is not set\n"),
            };
        }
        text
    }
}
