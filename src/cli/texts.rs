//! `maitred analyze` and `maitred keywords`: texts in files or on standard input, without a server.
//!
//! ```text
//!  each FILE ─► text ─► figures ─► a block of lines (one file), a row (several), a line of JSON
//!     └─ cannot be read, is no UTF-8, or has no text: a message that names it; the others go on
//! ```
//! Where bytes come from and go to, and what time it is, are arguments.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::progress::Progress;
use super::table;
use crate::limits::{KEYWORDS, KEYWORDS_UNASKED};
use crate::score::keywords::{self, Keyword};
use crate::score::{self, Scores};

/// Which texts, and how they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Texts {
    /// Text files in UTF-8; `-`, or no FILE, is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print JSON, one document a line, with the names that the API uses
    #[arg(long)]
    pub json: bool,
}

/// What `maitred keywords` is given.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct KeywordTexts {
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags of both commands")]
    pub texts: Texts,
    /// Keywords of each text, 1 to 100
    #[arg(long, value_name = "N", default_value_t = KEYWORDS_UNASKED, value_parser = limit)]
    pub limit: usize,
}

fn limit(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=KEYWORDS).contains(n));
    number.ok_or_else(|| format!("a whole number from 1 to {KEYWORDS} is wanted"))
}

/// Everything outside that these commands touch.
pub struct Outside<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Where the figures go.
    pub stdout: &'a mut dyn Write,
    /// Where messages go.
    pub stderr: &'a mut dyn Write,
    /// Columns of the terminal that the figures go to, if it is one.
    pub width: Option<usize>,
    /// Whether somebody would have to type what is read from standard input.
    pub typed: bool,
    /// Writes on the terminal that messages go to, if they go to one.
    pub note: Option<&'a dyn Fn(&str)>,
    /// Time since the start.
    pub clock: &'a dyn Fn() -> Duration,
}

/// One text and where it came from.
struct Source<'a> {
    name: &'a Path,
    /// Its number among all, from 1, and how many there are.
    place: (usize, usize),
}

/// `maitred analyze`. `Ok(false)`: a file failed, and it was said which.
pub fn analyze(texts: &Texts, outside: &mut Outside<'_>) -> io::Result<bool> {
    #[derive(Serialize)]
    struct Line<'a> {
        file: &'a str,
        #[serde(flatten)]
        scores: &'a Scores,
    }
    let mut rows = Vec::new();
    let fine = each(texts, outside, |source, text, progress, out| {
        // Nobody cancels: the question is a chance to show how far it is.
        let Some(scores) = score::score(text, &|| progress.show()) else {
            return Ok(());
        };
        progress.clear();
        let file = source.name.to_string_lossy();
        if texts.json {
            json_line(
                out,
                &Line {
                    file: &file,
                    scores: &scores,
                },
            )
        } else if source.place.1 == 1 {
            out.write_all(table::scores(&scores).as_bytes())
        } else {
            rows.push((file.into_owned(), scores));
            Ok(())
        }
    })?;
    if !rows.is_empty() {
        let table = table::rows(&rows, outside.width);
        outside.stdout.write_all(table.as_bytes())?;
    }
    outside.stdout.flush()?;
    Ok(fine)
}

/// `maitred keywords`. `Ok(false)`: a file failed, and it was said which.
pub fn keywords(asked: &KeywordTexts, outside: &mut Outside<'_>) -> io::Result<bool> {
    #[derive(Serialize)]
    struct Line<'a> {
        file: &'a str,
        keywords: &'a [Keyword],
        method: &'static str,
    }
    let texts = &asked.texts;
    let fine = each(texts, outside, |source, text, progress, out| {
        let found = keywords::extract(text, asked.limit, &|| progress.show());
        let Some(keywords) = found.as_deref() else {
            return Ok(());
        };
        progress.clear();
        let file = source.name.to_string_lossy();
        if texts.json {
            let method = "local";
            return json_line(
                out,
                &Line {
                    file: &file,
                    keywords,
                    method,
                },
            );
        }
        let (number, count) = source.place;
        if count > 1 {
            let gap = if number > 1 { "\n" } else { "" };
            writeln!(out, "{gap}{file}")?;
        }
        out.write_all(table::keywords(keywords).as_bytes())
    })?;
    outside.stdout.flush()?;
    Ok(fine)
}

/// Reads each text and hands it on. What cannot be read is told and left out.
fn each(
    texts: &Texts,
    outside: &mut Outside<'_>,
    mut then: impl FnMut(&Source<'_>, &str, &Progress<'_>, &mut dyn Write) -> io::Result<()>,
) -> io::Result<bool> {
    let input = [PathBuf::from("-")];
    let files = if texts.files.is_empty() {
        &input[..]
    } else {
        &texts.files
    };
    let mut fine = true;
    for (number, name) in (1..).zip(files) {
        let source = Source {
            name,
            place: (number, files.len()),
        };
        if outside.typed && name == Path::new("-") {
            let hint = "type a text, then Enter and Ctrl-D";
            tell(outside.stderr, Path::new("standard input"), &hint);
        }
        match read(name, outside.stdin) {
            Ok(text) => {
                let started = (outside.clock)();
                let (note, clock) = (outside.note, outside.clock);
                let progress = Progress::new(name, source.place, note, started, clock);
                then(&source, &text, &progress, outside.stdout)?;
            }
            Err(words) => {
                fine = false;
                let shown = if name == Path::new("-") {
                    Path::new("standard input")
                } else {
                    name
                };
                tell(outside.stderr, shown, &words);
            }
        }
    }
    Ok(fine)
}

/// A text, or why it is none.
fn read(name: &Path, stdin: &mut dyn Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if name == Path::new("-") {
        stdin.read_to_end(&mut bytes).map(|_| ())
    } else {
        std::fs::read(name).map(|read| bytes = read)
    };
    read.map_err(|error| error.to_string())?;
    // The mark that some editors put at the start of a file is no part of the text.
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..'\u{feff}'.len_utf8());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("not UTF-8: the first wrong byte is number {at}, counted from 0")
    })?;
    // As `POST /analyze/` has it: the figures of nothing are no figures.
    if text.trim().is_empty() {
        return Err("there is no text".to_owned());
    }
    Ok(text)
}

fn tell(stderr: &mut dyn Write, name: &Path, words: &dyn Display) {
    // If even that cannot be written, the exit code has to say it alone.
    let _ = writeln!(stderr, "maitred: {}: {words}", name.display());
}

fn json_line(out: &mut dyn Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
