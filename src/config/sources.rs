//! Where a configuration comes from. The only part of it that looks at the world.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::ConfigError;
use super::layers::Raw;

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
        // A variable that is not UTF-8 is none of ours: all our names and values are.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Ok(Sources {
            file,
            dotenv,
            environment,
            flags,
        })
    }
}

fn read_file(path: &Path) -> Result<SourceFile, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile {
            path: path.to_owned(),
            text,
        }),
        Err(error) => Err(ConfigError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn read_if_there(path: &Path) -> Result<Option<SourceFile>, ConfigError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        _ => read_file(path).map(Some),
    }
}
