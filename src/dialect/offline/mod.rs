//! The built-in provider: an article about anything, without a network and without a model.
//!
//! Somebody who has just installed maitred has no key yet. This provider lets them try every
//! route at once, with text that reads like text: whole sentences, paragraphs, some variety. It
//! is composed from the sentences in [`sentences`], chosen by a hash of the topic, so the same
//! topic gives the same article on every machine and for ever. The first sentence says what it
//! is, so that even an article cut short by `max_tokens` is honest.
//!
//! An [`Article`] is walked token by token, a token being a word with the space before it, as
//! language models produce them:
//!
//! ```text
//!   Gap ──▶ Template ──▶ slot ──▶ Template ──▶ … end of sentence ──▶ Gap ──▶ …  ──▶ End
//!  " "       "Work on "  "tea"    " rewards"
//! ```
//!
//! It refuses to know how fast its tokens are wanted: pacing is for whoever asks.

mod sentences;
mod topic;

use sentences::{SECTIONS, WORDS};
use topic::{Shown, hash, words};

use super::{FinishReason, Usage};

/// An article that is being written.
#[derive(Clone, Debug)]
pub struct Article {
    /// The topic as it stands in the text; never more than a line of it.
    topic: Box<str>,
    /// Whether `topic` reads badly in every second sentence: it is long, or in quotes.
    unwieldy: bool,
    random: u64,
    prompt_words: u32,
    tokens: u32,
    max_tokens: u32,
    section: u8,
    sentence: u8,
    /// Sentences still to be chosen in this section.
    wanted: u8,
    source: Source,
    /// Where the next byte comes from: in the source, or in the sentence if that is the source.
    at: u16,
    /// Where the sentence goes on after the source.
    after: u16,
}

/// One is held for every offline generation in flight.
const _: () = assert!(size_of::<Article>() <= 64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The space between two sentences.
    Space,
    /// The empty line between two paragraphs.
    Paragraph,
    /// A stretch of the sentence itself, up to `after`.
    Template,
    /// The topic in full.
    Topic,
    /// The topic in full, or "this subject" if it is unwieldy.
    Mention,
    /// One of a list of words.
    Word { list: u8, index: u8 },
    /// There is no more.
    End,
}

impl Article {
    /// Begins an article about `topic`, which may be any text at all, of at most `max_tokens`
    /// tokens.
    ///
    /// This is the only place that allocates, and never more than a few hundred bytes.
    #[must_use]
    pub fn new(topic: &str, max_tokens: Option<u32>) -> Self {
        let shown = Shown::of(topic);
        let mut article = Self {
            topic: shown.text.into_boxed_str(),
            unwieldy: shown.unwieldy,
            random: hash(topic),
            prompt_words: u32::try_from(words(topic).count()).unwrap_or(u32::MAX),
            tokens: 0,
            max_tokens: max_tokens.unwrap_or(u32::MAX),
            section: 0,
            sentence: 0,
            wanted: SECTIONS[0].take,
            source: Source::Template,
            at: 0,
            after: 0,
        };
        article.choose_sentence(0);
        article.advance();
        article
    }

    /// Appends the next token to `into`; `false` means that there was none and [`finish`] knows
    /// why.
    ///
    /// [`finish`]: Self::finish
    pub fn next_token(&mut self, into: &mut String) -> bool {
        if self.finish().is_some() {
            return false;
        }
        let mut in_word = false;
        while self.source != Source::End {
            let rest = self.rest();
            let end = token_end(rest, in_word);
            into.push_str(&rest[..end]);
            if end < rest.len() {
                self.at += offset(end);
                break;
            }
            in_word |= rest.ends_with(|last: char| !last.is_ascii_whitespace());
            self.advance();
        }
        self.tokens += 1;
        true
    }

    /// Why there is no next token, or `None` while there is one.
    #[must_use]
    pub fn finish(&self) -> Option<FinishReason> {
        if self.source == Source::End {
            Some(FinishReason::Stop)
        } else if self.tokens == self.max_tokens {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// Tokens so far, counted in words on both sides.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (prompt, completion) = (u64::from(self.prompt_words), u64::from(self.tokens));
        Usage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
            total_tokens: Some(prompt + completion),
            ..Usage::default()
        }
    }

    /// The sentence that is being written, slots and all.
    fn sentence(&self) -> &'static str {
        SECTIONS[usize::from(self.section)].pool[usize::from(self.sentence)]
    }

    /// What is left of the current source.
    fn rest(&self) -> &str {
        let at = usize::from(self.at);
        match self.source {
            Source::Space => &" "[at..],
            Source::Paragraph => &"\n\n"[at..],
            Source::Template => &self.sentence()[at..usize::from(self.after)],
            Source::Topic => &self.topic[at..],
            Source::Mention if self.unwieldy => &"this subject"[at..],
            Source::Mention => &self.topic[at..],
            Source::Word { list, index } => &WORDS[usize::from(list)].1[usize::from(index)][at..],
            Source::End => "",
        }
    }

    /// Goes on to the next source: a stretch of the sentence, a slot in it, or the next sentence.
    fn advance(&mut self) {
        let rest = &self.sentence()[usize::from(self.after)..];
        if rest.is_empty() {
            self.next_sentence();
        } else if let Some((name, _)) = rest.strip_prefix('{').and_then(|s| s.split_once('}')) {
            self.after += offset(name.len() + "{}".len());
            self.source = self.fill(name);
            self.at = 0;
        } else {
            self.at = self.after;
            self.after += offset(rest.find('{').unwrap_or(rest.len()));
            self.source = Source::Template;
        }
    }

    fn fill(&mut self, name: &str) -> Source {
        match name {
            "topic" => Source::Topic,
            "it" => Source::Mention,
            _ => {
                let list = WORDS
                    .iter()
                    .position(|(list, _)| *list == name)
                    .expect("every slot names a list; a test reads all sentences");
                let index = self.below(WORDS[list].1.len());
                Source::Word {
                    list: small(list),
                    index: small(index),
                }
            }
        }
    }

    fn next_sentence(&mut self) {
        self.at = 0;
        self.after = 0;
        if self.wanted > 0 {
            self.source = Source::Space;
            self.choose_sentence(self.sentence + 1);
        } else if let Some(section) = SECTIONS.get(usize::from(self.section) + 1) {
            self.source = Source::Paragraph;
            self.section += 1;
            self.wanted = section.take;
            self.choose_sentence(0);
        } else {
            self.source = Source::End;
        }
    }

    /// Chooses the next sentence of the section from `from` on, so that every choice of `wanted`
    /// sentences is equally likely and their order is kept (selection sampling, Knuth 3.4.2 S).
    fn choose_sentence(&mut self, from: u8) {
        self.sentence = from;
        let pool = SECTIONS[usize::from(self.section)].pool.len();
        while self.below(pool - usize::from(self.sentence)) >= usize::from(self.wanted) {
            self.sentence += 1;
        }
        self.wanted -= 1;
    }

    /// A number below `bound`, from SplitMix64 (Steele, Lea, Flood 2014). The bias of the
    /// remainder does not matter for a dozen sentences.
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("smaller than a usize bound")
    }
}

/// Where the token ends that begins in `rest`, or began before it: at the first space after a
/// word, or at the end of `rest`, where it may go on in the next source.
fn token_end(rest: &str, in_word: bool) -> usize {
    let is_space = |byte: u8| byte.is_ascii_whitespace();
    let word = if in_word {
        0
    } else {
        rest.bytes().take_while(|&byte| is_space(byte)).count()
    };
    rest[word..]
        .bytes()
        .position(is_space)
        .map_or(rest.len(), |length| word + length)
}

fn offset(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("sentences and shown topics are shorter than 64 KiB")
}

fn small(index: usize) -> u8 {
    u8::try_from(index).expect("the lists are shorter than 256 words")
}

#[cfg(test)]
mod tests;
