//! The fields that govern the message itself, read together in one pass.
//!
//! How long is the body, does the connection stay open, which host is meant, does the client wait
//! for `100 Continue`. Everything that request smuggling is made of is decided in this file. It
//! refuses to know whether the message is a request or a response.

use super::fault::Fault;
use super::fields::{Fields, trim};
use super::message::{BodyLength, Version, is_token};

/// What the control fields of one message say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Control<'a> {
    content_length: Option<u64>,
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    /// The `Host` field that came first.
    pub(super) host: Option<&'a [u8]>,
    /// There was more than one.
    pub(super) host_repeated: bool,
    /// `Expect: 100-continue`
    pub(super) expect_continue: bool,
    /// `Expect` with something else, which nobody has ever defined.
    pub(super) expect_unknown: bool,
}

/// `Transfer-Encoding`: a list of tokens that ends in `chunked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Chunked and nothing else.
    Chunked,
    /// Something below the chunks, as `gzip, chunked`, that we do not undo.
    Unknown,
}

impl<'a> Control<'a> {
    /// Reads the control fields and checks those that frame the body.
    pub(super) fn read(fields: &Fields<'a>) -> Result<Self, Fault> {
        let mut control = Self::default();
        for (name, value) in fields.lines() {
            control.add(name, value)?;
        }
        if control.content_length.is_some() && control.coding.is_some() {
            return Err(Fault::LengthAndCoding);
        }
        Ok(control)
    }

    fn add(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Fault> {
        if name.eq_ignore_ascii_case(b"content-length") {
            let earlier = self
                .content_length
                .replace(decimal(value).ok_or(Fault::ContentLength)?);
            if earlier.is_some() {
                return Err(Fault::RepeatedContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let earlier = self.coding.replace(coding(value)?);
            if earlier.is_some() {
                return Err(Fault::TransferEncoding);
            }
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.close |= has_token(value, b"close");
            self.keep_alive |= has_token(value, b"keep-alive");
        } else if name.eq_ignore_ascii_case(b"host") {
            self.host_repeated |= self.host.is_some();
            self.host = self.host.or(Some(value));
        } else if name.eq_ignore_ascii_case(b"expect") {
            let is_continue = value.eq_ignore_ascii_case(b"100-continue");
            self.expect_continue |= is_continue;
            self.expect_unknown |= !is_continue;
        }
        Ok(())
    }

    /// How the body is framed; `unstated` when neither field says anything, `unknown` when there
    /// is a coding that we cannot undo.
    pub(super) fn body_length<E: From<Fault>>(
        &self,
        version: Version,
        unstated: BodyLength,
        unknown: E,
    ) -> Result<BodyLength, E> {
        match (self.coding, self.content_length) {
            (None, None) => Ok(unstated),
            (None, Some(bytes)) => Ok(BodyLength::Exact(bytes)),
            (Some(_), _) if version == Version::Http10 => Err(Fault::CodingInHttp10.into()),
            (Some(Coding::Chunked), _) => Ok(BodyLength::Chunked),
            (Some(Coding::Unknown), _) => Err(unknown),
        }
    }

    /// Whether the sender will leave the connection open after this message (RFC 9112 §9.3).
    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Decimal digits and nothing else: no sign, no space, no `0x`, no list, no overflow.
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// RFC 9112 §6.3 wants 400 when `chunked` is not the last coding, because then nobody can tell
/// where the body ends; §6.1 wants 501 for codings that are not known. So `gzip` and `identity`
/// are faults, and `gzip, chunked` is merely unknown.
fn coding(value: &[u8]) -> Result<Coding, Fault> {
    let mut chunked = 0;
    let mut others = 0;
    let mut last_is_chunked = false;
    for element in value.split(|byte| *byte == b',').map(trim) {
        if !is_token(element) {
            return Err(Fault::TransferEncoding);
        }
        last_is_chunked = element.eq_ignore_ascii_case(b"chunked");
        if last_is_chunked {
            chunked += 1
        } else {
            others += 1
        }
    }
    match (last_is_chunked, chunked, others) {
        (true, 1, 0) => Ok(Coding::Chunked),
        (true, 1, _) => Ok(Coding::Unknown),
        _ => Err(Fault::TransferEncoding),
    }
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',')
        .any(|element| trim(element).eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_plain_decimal_is_a_length() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            "",
            "+1",
            "-1",
            "1 2",
            "0x10",
            "1_0",
            "1,1",
            "ten",
            "1.0",
            "18446744073709551616",
        ] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn chunked_is_the_only_coding_we_undo() {
        assert_eq!(coding(b"chunked"), Ok(Coding::Chunked));
        assert_eq!(coding(b"ChunKed"), Ok(Coding::Chunked));
        assert_eq!(coding(b"gzip, chunked"), Ok(Coding::Unknown));
        for bad in [
            &b""[..],
            b",chunked",
            b"chunked,",
            b"chunked, chunked",
            b"chunked, gzip",
            b"gzip",
            b"identity",
            b"xchunked",
            b"chunked;q=1",
            b"\"chunked\"",
            b"chunked\x85",
            b"\xa0chunked",
        ] {
            assert_eq!(
                coding(bad),
                Err(Fault::TransferEncoding),
                "{}",
                bad.escape_ascii()
            );
        }
    }

    #[test]
    fn close_beats_keep_alive_in_any_list() {
        let keeps = |value: &str, version| {
            let block = format!("Connection: {value}\r\n\r\n");
            let fields = Fields::parse(block.as_bytes()).unwrap();
            Control::read(&fields).unwrap().keeps_alive(version)
        };
        assert!(keeps("te", Version::Http11));
        assert!(!keeps("TE, Close", Version::Http11));
        assert!(!keeps("keep-alive,close", Version::Http11));
        assert!(!keeps("te", Version::Http10));
        assert!(keeps("te ,\tKeep-Alive", Version::Http10));
        assert!(keeps("closed", Version::Http11));
    }
}
