//! Requests as the vendors' own Python clients write them, told to every other vendor.
//!
//! The bodies in `tests/data/clients` were written by openai 3.52, anthropic 2.11 and google-genai
//! 3.4, each helper of theirs that shapes a request in a way of its own: parsing into a class, tools
//! out of functions, a history that was sent back.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use maitred::dialect::{Dialect, Skim};

const DIALECTS: [(&str, Dialect); 3] = [
    ("openai", Dialect::OpenAi),
    ("anthropic", Dialect::Anthropic),
    ("gemini", Dialect::Gemini),
];

/// What cannot be told: the file, the dialect, the field.
const REFUSED: &[(&str, Dialect, &str)] = &[("openai-stream", Dialect::Anthropic, "seed")];

/// What only the vendor knows: the file, the field. Without it, the rest can be told.
const FOREIGN: &[(&str, &str)] = &[("openai-parse", "metadata")];

#[test]
fn what_a_vendors_client_writes_can_be_told_to_all() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/clients");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let body = fs::read(&path).unwrap();
        let vendor = name.split('-').next().unwrap();
        let (_, from) = DIALECTS
            .into_iter()
            .find(|(word, _)| *word == vendor)
            .unwrap();
        let known = Some(("m", false)).filter(|_| from == Dialect::Gemini);

        let skim = Skim::read(from, &body, known).unwrap();
        assert_eq!(skim.model, "m");
        let mut chat = from
            .read_chat(&body, known)
            .unwrap_or_else(|e| panic!("{name}: {}", e.detail()));
        let foreign = FOREIGN.iter().filter(|(file, _)| *file == name);
        let foreign: Vec<&str> = foreign.map(|(_, field)| *field).collect();
        assert_eq!(chat.foreign, foreign, "{name}");
        chat.foreign.clear();
        for (_, to) in DIALECTS {
            let mut out = Vec::new();
            let written = to.write_chat(&mut out, &chat, "target", chat.stream);
            let expected = REFUSED
                .iter()
                .find(|(file, target, _)| *file == name && *target == to);
            assert_eq!(
                written.err().and_then(|refused| refused.field).as_deref(),
                expected.map(|(_, _, field)| *field),
                "{name} to {to:?}"
            );
            let known = Some(("target", false)).filter(|_| to == Dialect::Gemini);
            assert!(
                out.is_empty() || to.read_chat(&out, known).is_ok(),
                "{name} to {to:?}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 11);
}
