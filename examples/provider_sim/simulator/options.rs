//! What the command line says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use super::fault::{self, Order};

/// A provider that costs nothing: OpenAI, Anthropic and Gemini on one port, faults included.
///
/// The first line of output is the address. A request chooses its fault by its model:
/// `fault:NAME`, or `sim-fault-NAME`.
#[derive(Parser, Clone, Debug)]
#[command(name = "provider_sim", after_help = fault::MENU)]
pub(crate) struct Options {
    /// Where to listen; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Milliseconds from a request to the first byte of its answer
    #[arg(long, default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// Milliseconds between two pieces of a stream
    #[arg(long, default_value_t = 0)]
    pub(crate) gap_ms: u64,
    /// Milliseconds that are added to each of these waits at random, at most
    #[arg(long, default_value_t = 0)]
    pub(crate) jitter_ms: u64,
    /// Pieces that the text comes in
    #[arg(long, default_value_t = 20)]
    pub(crate) tokens: usize,
    /// Length of the text in bytes; by default what so many tokens make
    #[arg(long)]
    pub(crate) bytes: Option<usize>,
    /// A file with the text
    #[arg(long)]
    pub(crate) text: Option<PathBuf>,
    /// The fault of every request that does not choose one
    #[arg(long, value_parser = fault::parse)]
    pub(crate) fault: Option<Order>,
    /// The seed of the jitter
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Speak TLS: a certificate chain and its key, both PEM
    #[arg(long, num_args = 2, value_names = ["CERT", "KEY"])]
    pub(crate) tls: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options::parse_from(["provider_sim"])
    }
}

/// Words of a text that nobody has to read.
const WORDS: &[&str] = &[
    "Tea", " is", " a", " drink", " that", " people", " have", " made", " for", " a", " very",
    " long", " time", ",", " and", " they", " like", " it", " warm", ".",
];

impl Options {
    /// The text in its pieces.
    pub(crate) fn pieces(&self) -> std::io::Result<Vec<String>> {
        let tokens = self.tokens.max(1);
        let text = match (&self.text, self.bytes) {
            (Some(file), _) => std::fs::read_to_string(file)?,
            (None, None) => {
                let words = WORDS.iter().cycle().take(tokens);
                return Ok(words.map(ToString::to_string).collect());
            }
            (None, Some(bytes)) => WORDS
                .concat()
                .bytes()
                .cycle()
                .take(bytes.max(1))
                .map(char::from)
                .collect(),
        };
        Ok(split(&text, tokens))
    }
}

/// `text` in so many pieces of about the same length, none of them empty; fewer if it is short.
pub(super) fn split(text: &str, pieces: usize) -> Vec<String> {
    let size = text.len().div_ceil(pieces.max(1)).max(1);
    let mut split = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = (size.min(rest.len())..=rest.len())
            .find(|end| rest.is_char_boundary(*end))
            .unwrap_or(rest.len());
        split.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    split
}
