//! The field lines of a message: validated once, then only borrowed.
//!
//! `httparse` walks the whole block first. What it accepts has a known shape, so finding a field
//! later is a search for `:` and CRLF, and nothing is copied or stored beside the bytes.
//!
//! Note that the trimming of values takes away spaces and tabs only. `trim_ascii` or
//! `str::trim` would also take form feeds, or 0x85 and 0xA0 as Unicode has them, and then two
//! readers of `Transfer-Encoding: chunked<0x85>` could disagree.

use std::fmt;

use memchr::{memchr, memmem};

use super::fault::Fault;
use crate::limits;

/// The fields of one message: a view of the bytes that the caller holds.
///
/// Names compare without regard to case; values are bytes, without the white space around them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields<'a> {
    /// Field lines, each with its CRLF; valid by construction.
    lines: &'a [u8],
    /// Bit *n*: some name has *n* bytes (or 64 more, …). Heads are asked for many names, most of
    /// which they do not have; most of those are found out by their length.
    lengths: u64,
}

impl<'a> Fields<'a> {
    /// Validates a block of lines that ends with its empty line, and has CR and LF only in CRLF.
    pub(super) fn parse(block: &'a [u8]) -> Result<Self, Fault> {
        let mut headers = [httparse::EMPTY_HEADER; limits::HEADER_COUNT];
        match httparse::parse_headers(block, &mut headers) {
            Ok(httparse::Status::Complete((end, fields))) if end == block.len() => Ok(Self {
                lines: block.strip_suffix(b"\r\n").unwrap_or_default(),
                lengths: (fields.iter()).fold(0, |all, field| all | length_bit(field.name)),
            }),
            Err(httparse::Error::TooManyHeaders) => Err(Fault::TooManyFields),
            Ok(_) | Err(_) => Err(first_fault(block)),
        }
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of all fields of this name, in their order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let may_be_there = self.lengths & length_bit(name) != 0;
        let mut rest = if may_be_there { self.lines } else { b"" };
        std::iter::from_fn(move || {
            loop {
                let (line, after) = rest.split_at_checked(memchr(b'\n', rest)? + 1)?;
                rest = after;
                // Most lines are not meant: a colon in the right place is looked at first.
                if line.get(name.len()) == Some(&b':')
                    && line[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                {
                    return Some(trim(line[name.len() + 1..].strip_suffix(b"\r\n")?));
                }
            }
        })
    }

    /// All fields as (name, value), in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        // A name that httparse let through is a token, and so ASCII.
        self.lines()
            .map_while(|(name, value)| Some((str::from_utf8(name).ok()?, value)))
    }

    /// The same with names as bytes.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.lines;
        std::iter::from_fn(move || {
            let (line, after) = rest.split_at_checked(memchr(b'\n', rest)? + 1)?;
            rest = after;
            let colon = memchr(b':', line)?;
            Some((
                &line[..colon],
                trim(line[colon + 1..].strip_suffix(b"\r\n")?),
            ))
        })
    }
}

impl fmt::Debug for Fields<'_> {
    /// Names only: values hold keys and cookies, and debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// See [`Fields::lengths`].
fn length_bit(name: &str) -> u64 {
    1 << (name.len() % 64)
}

/// Takes optional white space (RFC 9110 §5.6.3: space and tab, nothing else) off both ends.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Names the fault of the first bad line of a block that httparse refused.
#[cold]
fn first_fault(mut block: &[u8]) -> Fault {
    use super::message::{is_token, is_value_byte};
    while let Some(end) = memmem::find(block, b"\r\n") {
        let (line, rest) = (&block[..end], &block[end + 2..]);
        let Some(colon) = memchr(b':', line) else {
            return if line.starts_with(b" ") || line.starts_with(b"\t") {
                Fault::FoldedField
            } else {
                Fault::FieldName
            };
        };
        match &line[..colon] {
            [b' ' | b'\t', ..] => return Fault::FoldedField,
            [.., b' ' | b'\t'] => return Fault::SpaceBeforeColon,
            name if !is_token(name) => return Fault::FieldName,
            _ if !line[colon + 1..].iter().copied().all(is_value_byte) => return Fault::FieldValue,
            _ => block = rest,
        }
    }
    Fault::FieldValue
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_found_by_name_and_trimmed() {
        let fields = Fields::parse(b"Accept: */*\r\nX:\t a b \t\r\nx:\r\n\r\n").unwrap();
        assert_eq!(fields.get("ACCEPT"), Some(&b"*/*"[..]));
        assert_eq!(fields.all("x").collect::<Vec<_>>(), [&b"a b"[..], b""]);
        assert_eq!(fields.get("accep"), None);
        assert_eq!(fields.get("accepd"), None, "of the same length");
        assert_eq!(format!("{fields:?}"), r#"["Accept", "X", "x"]"#);
    }

    #[test]
    fn obs_text_is_kept_and_never_trimmed() {
        let fields = Fields::parse(b"A: \x85chunked\xa0\r\n\r\n").unwrap();
        assert_eq!(fields.get("a"), Some(&b"\x85chunked\xa0"[..]));
    }

    #[test]
    fn the_first_bad_line_is_named() {
        let cases: [(&[u8], Fault); 12] = [
            (b" A: b\r\n\r\n", Fault::FoldedField),
            (b"A: b\r\n\tc\r\n\r\n", Fault::FoldedField),
            (b"A : b\r\n\r\n", Fault::SpaceBeforeColon),
            (b"A\t: b\r\n\r\n", Fault::SpaceBeforeColon),
            (b": b\r\n\r\n", Fault::FieldName),
            (b"A\r\n\r\n", Fault::FieldName),
            (b"A b: c\r\n\r\n", Fault::FieldName),
            (b"A\x00: c\r\n\r\n", Fault::FieldName),
            (b"\xc3\xa4: c\r\n\r\n", Fault::FieldName),
            (b"A: \x00\r\n\r\n", Fault::FieldValue),
            (b"A: b\x7f\r\n\r\n", Fault::FieldValue),
            (b"A: ok\r\nB: \x0b\r\n\r\n", Fault::FieldValue),
        ];
        for (block, fault) in cases {
            assert_eq!(Fields::parse(block), Err(fault), "{}", block.escape_ascii());
        }
    }

    #[test]
    fn one_field_too_many() {
        let block = |count| [b"a: b\r\n".repeat(count), b"\r\n".to_vec()].concat();
        assert!(Fields::parse(&block(limits::HEADER_COUNT)).is_ok());
        assert_eq!(
            Fields::parse(&block(limits::HEADER_COUNT + 1)),
            Err(Fault::TooManyFields)
        );
    }

    proptest! {
        /// Our second look at the lines sees what httparse saw in its first.
        #[test]
        fn iterating_agrees_with_httparse(block in "([!a-zA-Z-]{1,5}:[ \t]{0,2}[!-~\u{80}-\u{ff} \t:]{0,9}\r\n){0,9}\r\n") {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let parsed = httparse::parse_headers(block.as_bytes(), &mut headers).unwrap().unwrap().1;
            let theirs: Vec<_> = parsed.iter().map(|header| (header.name, header.value)).collect();
            let fields = Fields::parse(block.as_bytes()).unwrap();
            let ours: Vec<_> = fields.iter().collect();
            prop_assert_eq!(&ours, &theirs);
            for (name, _) in &theirs {
                let by_name: Vec<_> = fields.all(name).collect();
                let meant = theirs.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
                let meant: Vec<_> = meant.map(|(_, value)| *value).collect();
                prop_assert_eq!(by_name, meant);
            }
        }
    }
}
