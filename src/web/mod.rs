//! The page: plain files that are part of the binary, each under its name with its type and tag.
//!
//! There is nothing between these files and the browser: no build step, no framework, no other
//! host (docs/decisions/0027-the-page-is-plain-files.md). What they do is told in `main.js`. This
//! module knows neither HTTP nor the engine; it is a closed table.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file of the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its name below `/app/`; empty for the document itself, which is at `/`.
    pub name: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// All of it.
    pub bytes: &'static [u8],
    /// A strong entity tag (RFC 9110 §8.8.3): the SHA-256 of the bytes, in quotes.
    pub etag: String,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A row of the table: the name below `/app/` is the name of the file.
macro_rules! file {
    ($kind:ident, $name:literal) => {
        ($name, $kind, include_bytes!($name).as_slice())
    };
}

/// Every file, the document first.
const FILES: &[(&str, &str, &[u8])] = &[
    ("", HTML, include_bytes!("index.html").as_slice()),
    file!(CSS, "app.css"),
    file!(CSS, "views.css"),
    file!(SVG, "icon.svg"),
    file!(SCRIPT, "theme.js"),
    file!(SCRIPT, "main.js"),
    file!(SCRIPT, "dom.js"),
    file!(SCRIPT, "api.js"),
    file!(SCRIPT, "sse.js"),
    file!(SCRIPT, "stream.js"),
    file!(SCRIPT, "generate.js"),
    file!(SCRIPT, "candidates.js"),
    file!(SCRIPT, "scores.js"),
    file!(SCRIPT, "words.js"),
    file!(SCRIPT, "analyse.js"),
    file!(SCRIPT, "keywords.js"),
    file!(SCRIPT, "history.js"),
    file!(SCRIPT, "strip.js"),
];

/// Hashed at first use, and then never again.
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(name, kind, bytes): &(&'static str, &'static str, &'static [u8])| Asset {
        name,
        kind,
        bytes,
        etag: tag(bytes),
    };
    FILES.iter().map(asset).collect()
});

fn tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// The document.
#[must_use]
pub fn index() -> &'static Asset {
    &ASSETS[0]
}

/// The file of that name below `/app/`.
#[must_use]
pub fn asset(name: &str) -> Option<&'static Asset> {
    let mut named = ASSETS.iter().filter(|asset| !asset.name.is_empty());
    named.find(|asset| asset.name == name)
}

/// The names below `/app/`.
pub fn names() -> impl Iterator<Item = &'static str> {
    let named = FILES.iter().map(|(name, _, _)| *name);
    named.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests;
