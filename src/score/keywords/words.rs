//! A text as words and the breaks between them.
//!
//! A word is a run of letters and digits of any script. Some marks belong to a word when they stand
//! inside it: "don't", "I/O-bound", "Node.js", "3.14", "snake_case", "R&D", "C++". White space and
//! the marks of emphasis (`*`, `_`, a back-tick) only part words; all other marks break a phrase.
//!
//! A line end breaks a sentence unless the next line goes on with a small letter: so headings and
//! lists stay apart, and wrapped prose stays together.

/// What comes next in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A word, as it is written.
    Word(&'a str),
    /// No phrase goes on across this.
    Break,
    /// Nor does a sentence.
    Stop,
}

/// The pieces of a text, one after the other. Two breaks never follow each other.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Bytes of the text that were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Takes the word that begins here.
    fn word(&mut self) -> Piece<'a> {
        let rest = self.rest();
        let mut end = 0;
        let mut before = ' ';
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let after = chars.peek().map_or(' ', |&(_, c)| c);
            if !(is_letter(c) || joins(before, c, after)) {
                break;
            }
            end = at + c.len_utf8();
            before = c;
        }
        let (word, after) = rest.split_at(end);
        let tail = if word.chars().count() == 1 {
            ["++", "#"].into_iter().find(|tail| after.starts_with(tail))
        } else {
            None
        };
        let end = end + tail.map_or(0, str::len);
        self.at += end;
        Piece::Word(&rest[..end])
    }

    /// Takes what stands up to the next word; `None` if it only parts two words.
    fn gap(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest();
        let end = rest.find(is_letter).unwrap_or(rest.len());
        self.at += end;
        let gap = &rest[..end];
        let small = rest[end..].starts_with(char::is_lowercase);
        let mut marks = gap.chars().filter(|c| !parts_only(*c)).peekable();
        if gap.contains('\n') && (!small || gap.matches('\n').nth(1).is_some()) {
            return Some(Piece::Stop);
        }
        marks.peek()?;
        // A full stop counts when white space follows; "?!" counts by itself.
        let ends = marks.any(|c| matches!(c, '.' | '!' | '?' | '…' | '。'));
        Some(if ends { Piece::Stop } else { Piece::Break })
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let c = self.rest().chars().next()?;
            if is_letter(c) {
                return Some(self.word());
            }
            if let Some(gap) = self.gap() {
                return Some(gap);
            }
        }
    }
}

/// Letters and digits, and the marks that are combined with them.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}')
}

/// Whether `c` holds what is before and after it together as one word.
fn joins(before: char, c: char, after: char) -> bool {
    if !is_letter(before) || !is_letter(after) {
        return false;
    }
    match c {
        '\'' | '’' | '-' | '\u{2010}' | '\u{2011}' | '.' | '_' | '&' => true,
        ',' => before.is_ascii_digit() && after.is_ascii_digit(),
        '/' => before.is_uppercase() && after.is_uppercase(),
        _ => false,
    }
}

/// White space and the marks of emphasis.
fn parts_only(c: char) -> bool {
    c.is_whitespace() || matches!(c, '*' | '_' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words with a blank between, "|" for a break and "." for a stop.
    fn told(text: &str) -> String {
        let told: Vec<&str> = Pieces::new(text)
            .map(|piece| match piece {
                Piece::Word(word) => word,
                Piece::Break => "|",
                Piece::Stop => ".",
            })
            .collect();
        told.join(" ")
    }

    #[test]
    fn marks_inside_a_word_belong_to_it() {
        for whole in [
            "don't",
            "I/O-bound",
            "Node.js",
            "3.14",
            "10,000",
            "snake_case",
            "R&D",
            "C++",
            "C#",
            "Zoë’s",
            "U.S",
            "cafe\u{301}",
            "Ελλάδα",
            "中国",
        ] {
            assert_eq!(told(whole), whole);
        }
        assert_eq!(told("and/or"), "and | or");
        assert_eq!(told("rock 'n' roll"), "rock | n | roll");
        assert_eq!(told("one--two"), "one | two");
    }

    #[test]
    fn marks_between_words_break() {
        assert_eq!(
            told("Yes, it is (so they say)."),
            "Yes | it is | so they say ."
        );
        assert_eq!(told("**bold** _words_ and `code`"), "bold words and code");
        assert_eq!(told("What?! No."), "What . No .");
        assert_eq!(told("\u{1f375} tea"), "| tea");
        assert_eq!(told(""), "");
    }

    #[test]
    fn wrapped_lines_go_on_and_headings_do_not() {
        assert_eq!(told("a wrapped\nline"), "a wrapped line");
        assert_eq!(told("Green Tea\nIt is"), "Green Tea . It is");
        assert_eq!(told("one\n\ntwo"), "one . two");
        assert_eq!(told("list:\n- one\n- two"), "list | one | two");
    }
}
