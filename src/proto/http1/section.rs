//! Where a section of lines (a head, or trailers) ends: at its first empty line.
//!
//! The search remembers how far it got, so a head that comes one byte at a time is looked at once
//! and not once per byte. It refuses to know what the lines say; it only makes sure that every one
//! ends with CRLF and has no other CR or LF in it.
//!
//! ```text
//!   input:  G E T   /   H T T P / 1 . 1 ⏎ H o s t :   a ⏎ A c c
//!           ▲ start                      ▲ line          ▲ seen
//! ```

use memchr::memchr;

use super::fault::Fault;

/// A search for the lines of one section. Its offsets count from the start of the caller's
/// unread bytes, so between two calls the caller may only append to them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Section {
    /// Where the first line starts.
    start: u32,
    /// Where the line that is being searched starts.
    line: u32,
    /// Up to here there is no LF that was not seen.
    seen: u32,
}

impl Section {
    /// A section that starts `start` bytes into the unread bytes.
    pub(super) fn at(start: usize) -> Self {
        let start =
            u32::try_from(start).expect("a section starts within the first few hundred bytes");
        Self {
            start,
            line: start,
            seen: start,
        }
    }

    pub(super) fn start(self) -> usize {
        self.start as usize
    }

    /// Whether the line being searched is the first one.
    pub(super) fn is_in_first_line(self) -> bool {
        self.line == self.start
    }

    /// Whether no byte of the section has been looked at.
    pub(super) fn is_untouched(self) -> bool {
        self.seen == self.start
    }

    /// The next whole line without its CRLF, or `None` when it is not all here.
    ///
    /// A line has to end within the first `limit` bytes of the section; `too_long` is what to
    /// say when it does not. Looking no further than that makes the outcome independent of how
    /// many bytes come at a time.
    pub(super) fn next_line<'a, E: From<Fault>>(
        &mut self,
        input: &'a [u8],
        limit: usize,
        too_long: E,
    ) -> Result<Option<&'a [u8]>, E> {
        let horizon = self.start() + limit;
        let end = input.len().min(horizon);
        let seen = self.seen as usize;
        debug_assert!(seen <= end, "unread bytes were dropped during the search");
        let Some(offset) = memchr(b'\n', input.get(seen..end).unwrap_or_default()) else {
            if end == horizon {
                return Err(too_long);
            }
            self.seen = offset_of(end);
            return Ok(None);
        };
        let line_feed = seen + offset;
        let line = &input[self.line as usize..line_feed];
        let line = line.strip_suffix(b"\r").ok_or(Fault::BareLineFeed)?;
        if memchr(b'\r', line).is_some() {
            return Err(Fault::BareCarriageReturn.into());
        }
        self.line = offset_of(line_feed + 1);
        self.seen = self.line;
        Ok(Some(line))
    }

    /// Goes on to the empty line; returns the offset just past it once it is there.
    pub(super) fn find_end(
        &mut self,
        input: &[u8],
        limit: usize,
        too_long: Fault,
    ) -> Result<Option<usize>, Fault> {
        while let Some(line) = self.next_line(input, limit, too_long)? {
            if line.is_empty() {
                return Ok(Some(self.line as usize));
            }
        }
        Ok(None)
    }

    /// How many bytes were looked at so far: what a test of "once, not once per byte" counts.
    #[cfg(test)]
    pub(super) fn seen(self) -> usize {
        self.seen as usize
    }
}

/// Offsets stay below start + limit, and both are some kilobytes at most.
fn offset_of(offset: usize) -> u32 {
    u32::try_from(offset).expect("sections are limited to kilobytes")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";

    #[test]
    fn the_end_is_found_at_every_split() {
        for split in 0..HEAD.len() {
            let mut section = Section::default();
            let early = section
                .find_end(&HEAD[..split], 100, Fault::HeadTooLarge)
                .unwrap();
            let late = section.find_end(HEAD, 100, Fault::HeadTooLarge).unwrap();
            assert_eq!(early.or(late), Some(HEAD.len() - 4), "split at {split}");
        }
    }

    #[test]
    fn a_dripping_head_is_looked_at_once() {
        let mut section = Section::default();
        let mut looked_at = 0;
        for length in 0..=HEAD.len() - 4 {
            let before = section.seen();
            let end = section
                .find_end(&HEAD[..length], 100, Fault::HeadTooLarge)
                .unwrap();
            looked_at += section.seen() - before;
            assert_eq!(end.is_some(), length == HEAD.len() - 4);
        }
        assert_eq!(looked_at, HEAD.len() - 4);
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        let mut section = Section::default();
        assert_eq!(
            section.find_end(b"abc\r\n\r\n", 7, Fault::HeadTooLarge),
            Ok(Some(7))
        );
        let mut section = Section::default();
        assert_eq!(
            section.find_end(b"abc\r\n\r\n", 6, Fault::HeadTooLarge),
            Err(Fault::HeadTooLarge)
        );
    }
}
