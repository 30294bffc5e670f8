//! Where a configuration comes from. The only part of it that looks at the world.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::layers::Raw;
use super::names::PREFIX;
use super::vendors::Vendor;
use super::{ConfigError, Origin};

/// The file that is read from the folder in which the program is started, if it is there.
const FILE: &str = "maitred.toml";
const DOTENV: &str = ".env";

/// The texts that a configuration is made of.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `maitred.toml`, or the file of `--config`.
    pub file: Option<SourceFile>,
    /// `.env`.
    pub dotenv: Option<SourceFile>,
    /// The environment of the process.
    pub environment: BTreeMap<String, String>,
    /// The command line.
    pub flags: Flags,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As messages name it.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// Flags of the command line, as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Settings of the server")]
pub struct Flags {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Folder for the database [default: maitred-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Configuration file [default: maitred.toml here, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Let anybody who can reach the address use the server and spend the provider keys
    #[arg(long, global = true)]
    pub allow_anonymous: bool,
    /// Name servers to ask instead of the system's resolver, separated by commas
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub dns: Option<String>,
    /// Record everything that happens to FILE, for a bit-exact replay
    #[arg(long, global = true, value_name = "FILE")]
    pub record: Option<String>,
}

impl Flags {
    /// The flags that were given, by the setting that each one stands for.
    pub(super) fn settings(&self) -> BTreeMap<&'static str, (Raw, &'static str)> {
        let untyped = |text: &Option<String>| text.clone().map(Raw::Untyped);
        let flags = [
            ("listen", untyped(&self.listen), "--listen"),
            ("data_dir", untyped(&self.data_dir), "--data-dir"),
            (
                "allow_anonymous",
                self.allow_anonymous.then_some(Raw::Bool(true)),
                "--allow-anonymous",
            ),
            ("dns", untyped(&self.dns), "--dns"),
            ("record", untyped(&self.record), "--record"),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(key, raw, flag)| Some((key, (raw?, flag))));
        given.collect()
    }
}

impl Sources {
    /// Reads the files of the current folder and the environment of the process.
    pub fn read(flags: Flags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => Some(read_file(path)?),
            None => read_if_there(Path::new(FILE))?,
        };
        let dotenv = read_if_there(Path::new(DOTENV))?;
        let environment = variables(std::env::vars_os())?;
        Ok(Sources {
            file,
            dotenv,
            environment,
            flags,
        })
    }
}

/// Variables as text. One of ours that is no text is an error; others are no concern of ours.
fn variables(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut texts = BTreeMap::new();
    for (name, value) in all {
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => {
                texts.insert(name, value);
            }
            Err(_) if name.starts_with(PREFIX) || Vendor::knows(&name) => {
                let origin = Origin::Environment(name.clone());
                let problem = "is not UTF-8".to_owned();
                return Err(ConfigError::Illegal {
                    origin,
                    key: name,
                    problem,
                });
            }
            Err(_) => {}
        }
    }
    Ok(texts)
}

fn read_file(path: &Path) -> Result<SourceFile, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile {
            path: path.to_owned(),
            text,
        }),
        Err(error) => Err(ConfigError::Unreadable {
            path: path.to_owned(),
            reason: plain(&error),
        }),
    }
}

/// What the system said, without its number.
fn plain(error: &io::Error) -> String {
    let words = error.to_string();
    match words.find(" (os error ") {
        Some(at) => words[..at].to_lowercase(),
        None => words,
    }
}

fn read_if_there(path: &Path) -> Result<Option<SourceFile>, ConfigError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => read_file(path).map(Some),
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_variable_of_ours_that_is_no_text_is_not_overlooked() {
        let bytes = || OsString::from_vec(vec![0xff]);
        let foreign = [
            ("HOME".into(), bytes()),
            (bytes(), "x".into()),
            ("A".into(), "b".into()),
        ];
        assert_eq!(variables(foreign.into_iter()).unwrap().len(), 1);
        let ours = [("MAITRED_DATA_DIR".into(), bytes())];
        let words = variables(ours.into_iter()).unwrap_err().to_string();
        assert!(words.contains("MAITRED_DATA_DIR"), "{words}");
    }

    #[test]
    fn a_file_that_is_named_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let config = Some(folder.path().join("none.toml"));
        let error = Sources::read(Flags {
            config,
            ..Flags::default()
        })
        .unwrap_err();
        assert!(matches!(&error, ConfigError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("none.toml"), "{error}");
    }
}
