//! Any text, made fit to stand in the middle of a sentence.
//!
//! A topic can be a word, a question, a page of markup or two thousand emoji. What is shown of it
//! is one line: white space collapsed, cut to a bearable length, and in quotes unless it could be
//! a plain noun phrase. Markup is left as it is; escaping is for whoever puts the text on a page.

/// The longest part of a topic that is repeated in the text.
const SHOWN_CHARS: usize = 100;
/// … and the most words of it.
const SHOWN_WORDS: usize = 12;
/// A topic of more words is mentioned in full only now and then.
const PLAIN_WORDS: usize = 4;

/// A topic as it stands in the text.
pub(super) struct Shown {
    pub(super) text: String,
    /// Whether it reads badly in every second sentence: it is long, or in quotes.
    pub(super) unwieldy: bool,
}

impl Shown {
    pub(super) fn of(topic: &str) -> Self {
        let mut text = String::new();
        let mut chars = 0;
        let mut count = 0;
        let mut cut = false;
        for word in words(topic) {
            cut = count == SHOWN_WORDS || chars == SHOWN_CHARS;
            if cut {
                break;
            }
            if count > 0 {
                text.push(' ');
                chars += 1;
            }
            let before = text.len();
            text.extend(word.chars().take(SHOWN_CHARS - chars));
            chars += text[before..].chars().count();
            count += 1;
            cut = text.len() - before < word.len();
        }
        Self::dressed(&text, cut, count)
    }

    /// Takes off a full stop, and puts in quotes what is not a plain noun phrase.
    fn dressed(text: &str, cut: bool, words: usize) -> Self {
        let text = text.trim_end_matches(['.', ',', ';', ':', ' ']);
        // A joiner at the cut would join the ellipsis to half an emoji.
        let text = text.trim_end_matches('\u{200D}');
        if text.is_empty() {
            return Self {
                text: "nothing in particular".into(),
                unwieldy: false,
            };
        }
        let marked =
            text.contains(|mark: char| "?!:;<>{}[]()\"\u{201C}\u{201D}`*\\".contains(mark));
        let unwieldy = cut || marked || words > PLAIN_WORDS;
        let ellipsis = if cut { "\u{2026}" } else { "" };
        Self {
            text: if unwieldy {
                format!("\u{201C}{text}{ellipsis}\u{201D}")
            } else {
                text.into()
            },
            unwieldy,
        }
    }
}

/// The words of a topic. Line ends, tabs and control characters are only gaps between them.
pub(super) fn words(topic: &str) -> impl Iterator<Item = &str> {
    topic
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
}

/// FNV-1a, 64 bits, over the words with one space after each, so that white space does not
/// change an article. Not `std`'s hasher, which may differ between releases.
pub(super) fn hash(topic: &str) -> u64 {
    words(topic)
        .flat_map(|word| word.bytes().chain([b' ']))
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}
