//! Server-sent events as maitred and OpenAI's API write them: lines end with LF, an event has one
//! line of data.
//!
//! Stricter than the standard on purpose: a server under load that suddenly writes something else
//! is a finding, and not something to be lenient about.

use memchr::memmem;

/// Bytes of one event at most.
const EVENT_BYTES: usize = 1024 * 1024;

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// Empty if it has none.
    pub(crate) name: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// Finds events in pieces of a stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The beginning of an event whose end has not come.
    begun: Vec<u8>,
}

/// A line that no event of ours has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strange;

impl Events {
    /// Hands the events that are whole with this piece to `each`. Comments are passed over.
    pub(crate) fn feed(
        &mut self,
        mut piece: &[u8],
        mut each: impl FnMut(Event<'_>),
    ) -> Result<(), Strange> {
        // The end may lie across two pieces, so what has begun is joined byte by byte up to it.
        while !self.begun.is_empty() {
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else {
                break;
            };
            self.begun.extend_from_slice(&piece[..=end]);
            piece = &piece[end + 1..];
            if self.begun.ends_with(b"\n\n") {
                parse(&self.begun[..self.begun.len() - 2], &mut each)?;
                self.begun.clear();
            }
        }
        while self.begun.is_empty()
            && let Some(end) = memmem::find(piece, b"\n\n")
        {
            parse(&piece[..end], &mut each)?;
            piece = &piece[end + 2..];
        }
        self.begun.extend_from_slice(piece);
        if self.begun.len() > EVENT_BYTES {
            return Err(Strange);
        }
        Ok(())
    }

    /// Whether an event has begun that did not end.
    pub(crate) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }
}

fn parse(block: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), Strange> {
    let mut event = Event::default();
    let mut lines = 0;
    for line in block.split(|byte| *byte == b'\n') {
        let field = if let Some(value) = line.strip_prefix(b"data: ") {
            lines += 1;
            event.data = value;
            continue;
        } else if let Some(value) = line.strip_prefix(b"event: ") {
            event.name = value;
            continue;
        } else if let Some(value) = line.strip_prefix(b"id: ") {
            event.id = value;
            continue;
        } else {
            line
        };
        if !field.starts_with(b":") {
            return Err(Strange);
        }
    }
    match lines {
        0 if event == Event::default() => Ok(()),
        1 => {
            each(event);
            Ok(())
        }
        _ => Err(Strange),
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, Strange};

    #[test]
    fn events_are_found_at_every_split() {
        let stream = b": ping\n\nid: 4\nevent: token\ndata: {\"a\":1}\n\ndata: [DONE]\n\n";
        for split in 0..=stream.len() {
            let (mut events, mut seen) = (Events::default(), Vec::new());
            for piece in [&stream[..split], &stream[split..]] {
                let fed = events.feed(piece, |event| {
                    seen.push([event.name, event.id, event.data].map(<[u8]>::to_vec));
                });
                assert_eq!(fed, Ok(()), "{split}");
            }
            let expected: [[&[u8]; 3]; 2] = [[b"token", b"4", b"{\"a\":1}"], [b"", b"", b"[DONE]"]];
            assert_eq!(seen, expected, "{split}");
            assert!(!events.has_begun());
        }
    }

    #[test]
    fn what_ends_in_the_middle_is_noticed() {
        let mut events = Events::default();
        assert_eq!(events.feed(b"data: x\n", |_| ()), Ok(()));
        assert!(events.has_begun());
    }

    #[test]
    fn other_lines_are_findings() {
        for stream in [
            &b"dat: x\n\n"[..],
            b"data: x\ndata: y\n\n",
            b"event: x\n\n",
            b"x\n\n",
        ] {
            assert_eq!(Events::default().feed(stream, |_| ()), Err(Strange));
        }
    }
}
