//! The command line: what to do, and with which exit code it ended.
//!
//! ```text
//!  maitred [serve]        0 stopped when asked    1 could not run,   2 wrong flags or configuration
//!                                                   or cut off
//!  maitred check-config   0 printed                                  2
//!  maitred version        0 printed
//!  maitred completions    0 printed                                  2 a shell that nobody knows
//!  maitred man            0 printed
//!  maitred analyze        0 all texts told        1 a file failed    2 wrong flags
//!  maitred keywords       the same
//! ```

mod manual;
mod progress;
mod table;
pub mod texts;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use self::texts::{KeywordTexts, Outside, Texts};
use crate::config::{Config, ConfigError, Flags, Sources};

/// It did not work out: a port in use, a database that cannot be opened, requests that were cut off.
const RUNTIME: u8 = 1;
/// What was typed or configured is wrong. Clap uses the same code.
const USAGE: u8 = 2;

/// One server that generates texts with language models, streams, scores and stores them.
///
/// Without a command it serves. Without any configuration it listens on 127.0.0.1:8080 and a
/// built-in offline provider answers, so that everything can be tried at once. For real texts set
/// OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY; OPENAI_BASE_URL and OPENAI_MODEL point it
/// at any server that speaks OpenAI's API, such as Ollama or vLLM.
#[derive(Parser)]
#[command(
    name = "maitred",
    version,
    after_help = manual::AFTER_HELP,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until SIGTERM or SIGINT (what plain `maitred` does)
    Serve,
    /// Print every setting, its value and where it came from; keys are shown as ***
    CheckConfig,
    /// Print the version
    Version,
    /// Print completions for a shell
    ///
    /// For bash: maitred completions bash > ~/.local/share/bash-completion/completions/maitred
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    ///
    /// To read it: maitred man | man -l -
    Man,
    /// Tell how hard English texts are to read and how they feel
    ///
    /// No server is started and nothing is sent or stored. One text gets a line for each figure,
    /// several get a row each. The figures are those of POST /analyze/: a Flesch reading ease of
    /// 100 is very easy and 0 very difficult, a grade is a year of school in the USA, a compound
    /// sentiment of 1 is as positive as can be and -1 as negative.
    #[command(
        after_help = "Examples:\n  maitred analyze letter.txt\n  maitred analyze docs/*.md\n  \
                            pdftotext paper.pdf - | maitred analyze --json"
    )]
    Analyze(Texts),
    /// List the keywords of English texts, computed here without a language model
    ///
    /// No server is started and nothing is sent or stored. The best keyword has the score 1, and a
    /// score says how telling the others are beside it.
    #[command(after_help = "Examples:\n  maitred keywords article.txt\n  \
                            maitred keywords --limit 5 --json *.txt")]
    Keywords(KeywordTexts),
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Serve(Flags),
    /// Print the effective configuration.
    CheckConfig(Flags),
    /// Print the version.
    Version,
    /// Print completions for this shell.
    Completions(Shell),
    /// Print the manual page.
    Man,
    /// Print figures of texts.
    Analyze(Texts),
    /// Print keywords of texts.
    Keywords(KeywordTexts),
}

/// Reads the command line of the process. Ends it with help, or with exit code 2 and a hint, if
/// there is nothing else to do.
pub fn parse() -> Command {
    match try_parse(std::env::args_os()) {
        Ok(command) => command,
        // Help is no error.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "maitred: {}", manual::one_line(&error));
            std::process::exit(i32::from(USAGE));
        }
    }
}

/// Reads a command line; the first argument is the program's name.
pub fn try_parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Command, clap::Error> {
    Arguments::try_parse_from(arguments).map(command)
}

fn command(arguments: Arguments) -> Command {
    match arguments.verb {
        None | Some(Verb::Serve) => Command::Serve(arguments.flags),
        Some(Verb::CheckConfig) => Command::CheckConfig(arguments.flags),
        Some(Verb::Version) => Command::Version,
        Some(Verb::Completions { shell }) => Command::Completions(shell),
        Some(Verb::Man) => Command::Man,
        Some(Verb::Analyze(texts)) => Command::Analyze(texts),
        Some(Verb::Keywords(texts)) => Command::Keywords(texts),
    }
}

/// Does what the command line asks for; `serve` runs the server until it is asked to stop, `check` looks at
/// the files that a configuration names, and `clock` says how long the process has been running.
pub fn run<E: Display>(
    command: Command,
    serve: impl FnOnce(Config) -> Result<(), E>,
    check: impl FnOnce(&Config) -> Result<(), E>,
    explain: impl FnOnce(&Config) -> String,
    clock: &dyn Fn() -> Duration,
) -> ExitCode {
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    let ended = match command {
        Command::Serve(flags) => match load(flags) {
            Ok(config) => serve(config).map_err(|error| (RUNTIME, error.to_string())),
            Err(error) => Err((USAGE, error.to_string())),
        },
        Command::CheckConfig(flags) => match load(flags) {
            Ok(config) => match check(&config) {
                Ok(()) => {
                    let told = explain(&config);
                    print(&mut stdout, &[config.effective(), &told].concat())
                }
                Err(error) => Err((USAGE, error.to_string())),
            },
            Err(error) => Err((USAGE, error.to_string())),
        },
        Command::Version => print(
            &mut stdout,
            &format!("maitred {}\n", env!("CARGO_PKG_VERSION")),
        ),
        Command::Completions(shell) => print(&mut stdout, &manual::completions(shell)),
        Command::Man => print(&mut stdout, &manual::page()),
        Command::Analyze(texts) => told(clock, |outside| texts::analyze(&texts, outside)),
        Command::Keywords(texts) => told(clock, |outside| texts::keywords(&texts, outside)),
    };
    let Err((code, words)) = ended else {
        return ExitCode::SUCCESS;
    };
    if words.is_empty() {
        return ExitCode::from(code); // it was said already
    }
    // If even that cannot be written, the exit code has to say it alone.
    let _ = writeln!(stderr, "maitred: {words}");
    ExitCode::from(code)
}

/// Runs a command on texts with the process's own input and output.
fn told(
    clock: &dyn Fn() -> Duration,
    command: impl FnOnce(&mut Outside<'_>) -> io::Result<bool>,
) -> Result<(), (u8, String)> {
    let (stdout, mut stderr) = (io::stdout(), io::stderr());
    let shown = stdout.is_terminal();
    let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let watched = stderr.is_terminal();
    let note = |line: &str| {
        let _ = write!(io::stderr(), "{line}"); // only a courtesy
    };
    let mut outside = Outside {
        typed: io::stdin().is_terminal(),
        stdin: &mut io::stdin(),
        stdout: &mut io::BufWriter::new(stdout.lock()),
        note: watched.then_some(&note),
        stderr: &mut stderr,
        width: columns.filter(|_| shown),
        clock,
    };
    match command(&mut outside) {
        Ok(true) => Ok(()),
        Ok(false) => Err((RUNTIME, String::new())),
        // `maitred … | head`: whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err((RUNTIME, format!("standard output: {error}"))),
    }
}

fn load(flags: Flags) -> Result<Config, ConfigError> {
    Config::load(&Sources::read(flags)?)
}

fn print(out: &mut impl Write, text: &str) -> Result<(), (u8, String)> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `maitred man | head`: whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| (RUNTIME, format!("standard output: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        try_parse(line.split(' '))
    }

    #[test]
    fn definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn plain_maitred_serves() {
        assert_eq!(parsed("maitred").unwrap(), Command::Serve(Flags::default()));
        assert_eq!(
            parsed("maitred serve").unwrap(),
            Command::Serve(Flags::default())
        );
        assert_eq!(parsed("maitred version").unwrap(), Command::Version);
    }

    #[test]
    fn flags_may_stand_on_either_side_of_the_verb() {
        let flags = Flags {
            listen: Some("[::1]:0".to_owned()),
            ..Flags::default()
        };
        let expected = Command::CheckConfig(flags);
        assert_eq!(
            parsed("maitred --listen [::1]:0 check-config").unwrap(),
            expected
        );
        assert_eq!(
            parsed("maitred check-config --listen [::1]:0").unwrap(),
            expected
        );
    }

    #[test]
    fn every_flag_arrives() {
        let line = "maitred --data-dir d --config c.toml --allow-anonymous --record r";
        let Command::Serve(flags) = parsed(line).unwrap() else {
            panic!("plain maitred serves");
        };
        assert_eq!(flags.data_dir.as_deref(), Some("d"));
        assert_eq!(flags.config.unwrap().to_str(), Some("c.toml"));
        assert_eq!(flags.record.as_deref(), Some("r"));
        assert!(flags.allow_anonymous);
    }

    #[test]
    fn wrong_usage_has_exit_code_2() {
        for line in [
            "maitred --lisen x",
            "maitred dance",
            "maitred --listen",
            "maitred serve x",
        ] {
            assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parsed("maitred --help").unwrap_err().exit_code(), 0);
    }

    #[test]
    fn help_tells_a_newcomer_where_to_start() {
        let help = Arguments::command().render_long_help().to_string();
        for words in [
            "127.0.0.1:8080",
            "OPENAI_API_KEY",
            "ANTHROPIC_API_KEY",
            "GEMINI_API_KEY",
            "check-config",
            "maitred.toml",
            ".env",
        ] {
            assert!(help.contains(words), "{words} is not in\n{help}");
        }
    }
}
