//! Where an HTTP/1.1 answer ends. Own code on purpose: what maitred's codec got wrong on both
//! sides would look right.
//!
//! ```text
//!   Head ──► Length ───────────────────────────────► Over
//!     └────► Size ──► Chunk ──► ChunkEnd ──┐          ▲
//!             ▲ └── 0 ──► Trailer ─────────┼──────────┘
//!             └────────────────────────────┘
//! ```
//! It refuses to know what a body means, and takes no body that ends with the connection: nobody
//! could tell such a one from one that was cut.

use std::fmt;

use memchr::memchr;
use memchr::memmem;

/// A head may have this many fields.
const FIELDS: usize = 64;
/// A head, or a line of chunk framing, is at most this long.
const HEAD_BYTES: usize = 64 * 1024;

/// Not HTTP, or not an answer whose end can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Head,
    Length(u64),
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    Over,
}

/// One answer, as far as it has come. See the module.
#[derive(Debug)]
pub(crate) struct Answer {
    framing: Framing,
    /// 0 until the head is there.
    pub(crate) status: u16,
    /// The server leaves the connection open.
    pub(crate) keep_alive: bool,
    /// Bytes of body, without framing.
    pub(crate) body_bytes: u64,
}

impl Answer {
    pub(crate) fn new() -> Answer {
        Answer {
            framing: Framing::Head,
            status: 0,
            keep_alive: false,
            body_bytes: 0,
        }
    }

    /// Whether it is whole.
    pub(crate) fn is_over(&self) -> bool {
        self.framing == Framing::Over
    }

    /// Takes what it can from the front of `input`, which begins where the last call stopped, and
    /// hands pieces of the body to `body`. Returns how much it took.
    pub(crate) fn feed(
        &mut self,
        input: &[u8],
        mut body: impl FnMut(&[u8]),
    ) -> Result<usize, Malformed> {
        let mut at = 0;
        while let Some(taken) = self.step(&input[at..], &mut body)? {
            at += taken;
        }
        Ok(at)
    }

    /// One piece; `None` if more is needed, or nothing.
    fn step(
        &mut self,
        rest: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<Option<usize>, Malformed> {
        match self.framing {
            Framing::Over => Ok(None),
            Framing::Length(0) => {
                self.framing = Framing::Over;
                Ok(None)
            }
            Framing::Head => match memmem::find(rest, b"\r\n\r\n") {
                Some(end) => self.read_head(&rest[..end + 4]).map(Some),
                None => too_long(rest),
            },
            Framing::Length(left) => {
                let taken = self.pass_on(rest, left, body);
                self.framing = Framing::Length(left - taken as u64);
                Ok((taken > 0).then_some(taken))
            }
            Framing::Chunk(left) => {
                let taken = self.pass_on(rest, left, body);
                self.framing = match left - taken as u64 {
                    0 => Framing::ChunkEnd,
                    left => Framing::Chunk(left),
                };
                Ok((taken > 0).then_some(taken))
            }
            Framing::Size | Framing::ChunkEnd | Framing::Trailer => match memchr(b'\n', rest) {
                Some(end) => {
                    let line = rest[..end].strip_suffix(b"\r");
                    self.framing = self.after(line.ok_or(Malformed("a line without CR"))?)?;
                    Ok(Some(end + 1))
                }
                None => too_long(rest),
            },
        }
    }

    fn pass_on(&mut self, rest: &[u8], left: u64, body: &mut impl FnMut(&[u8])) -> usize {
        let taken = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if taken > 0 {
            self.body_bytes += taken as u64;
            body(&rest[..taken]);
        }
        taken
    }

    /// What follows a line of chunk framing.
    fn after(&self, line: &[u8]) -> Result<Framing, Malformed> {
        match self.framing {
            Framing::ChunkEnd if line.is_empty() => Ok(Framing::Size),
            Framing::Trailer if line.is_empty() => Ok(Framing::Over),
            Framing::Trailer => Ok(Framing::Trailer),
            Framing::Size => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or(line);
                let digits = std::str::from_utf8(digits).unwrap_or("").trim_end();
                match u64::from_str_radix(digits, 16) {
                    Ok(0) => Ok(Framing::Trailer),
                    Ok(size) => Ok(Framing::Chunk(size)),
                    Err(_) => Err(Malformed("a chunk without a size")),
                }
            }
            _ => Err(Malformed("a chunk longer than its size")),
        }
    }

    fn read_head(&mut self, head: &[u8]) -> Result<usize, Malformed> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let whole = response.parse(head).map(|status| status.is_complete());
        if whole != Ok(true) {
            return Err(Malformed("not an HTTP answer"));
        }
        self.status = response.code.unwrap_or(0);
        if (100..200).contains(&self.status) {
            return Ok(head.len());
        }
        self.keep_alive = response.version == Some(1);
        let mut framing = None;
        for field in response.headers.iter() {
            let value = std::str::from_utf8(field.value).unwrap_or("").trim();
            if field.name.eq_ignore_ascii_case("content-length") {
                let length = value
                    .parse()
                    .map_err(|_| Malformed("a length that is none"))?;
                framing = Some(Framing::Length(length));
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Size);
            } else if field.name.eq_ignore_ascii_case("connection") {
                self.keep_alive &= !value.eq_ignore_ascii_case("close");
            }
        }
        let bodyless = matches!(self.status, 204 | 304).then_some(Framing::Length(0));
        self.framing = (framing.or(bodyless)).ok_or(Malformed("a body without an end"))?;
        Ok(head.len())
    }
}

fn too_long(rest: &[u8]) -> Result<Option<usize>, Malformed> {
    if rest.len() > HEAD_BYTES {
        Err(Malformed("a head without an end"))
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Malformed};

    /// Feeds `bytes` in two parts, and returns the body, and what was not taken.
    fn read(bytes: &[u8], split: usize) -> Result<(Answer, Vec<u8>, usize), Malformed> {
        let (mut answer, mut body, mut taken) = (Answer::new(), Vec::new(), 0);
        for end in [split, bytes.len()] {
            taken += answer.feed(&bytes[taken..end], |piece| body.extend_from_slice(piece))?;
        }
        Ok((answer, body, bytes.len() - taken))
    }

    #[test]
    fn an_answer_ends_where_it_says_at_every_split() {
        let answers: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x\r\nllo\r\n0\r\n\r\n",
            b"HTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ];
        for bytes in answers {
            for split in 0..bytes.len() {
                let (answer, body, left) = read(bytes, split).expect("it is well-formed");
                assert!(answer.is_over() && answer.keep_alive, "{split}");
                assert_eq!((answer.status, answer.body_bytes, left), (200, 5, 0));
                assert_eq!(body, b"hello");
                let (cut, ..) = read(&bytes[..bytes.len() - 1], split).expect("so far");
                assert!(!cut.is_over(), "{split}");
            }
        }
    }

    #[test]
    fn what_follows_an_answer_is_not_taken() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\nHTTP/1.1";
        let (answer, body, left) = read(bytes, 3).expect("it is well-formed");
        assert!(answer.is_over() && !answer.keep_alive);
        assert_eq!((body.len(), left), (0, 8));
    }

    #[test]
    fn an_answer_without_an_end_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ] {
            assert!(read(bytes, 0).is_err(), "{}", bytes.escape_ascii());
        }
    }
}
