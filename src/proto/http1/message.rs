//! The three small words that both halves speak: method, version, length of a body.

/// What the request wants done (RFC 9110 §9). Methods are case-sensitive: `get` is [`Other`].
///
/// [`Other`]: Method::Other
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`: like GET, but the reply must not have a body.
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `PATCH`
    Patch,
    /// `TRACE`
    Trace,
    /// `CONNECT`: its target is an authority, so its path is empty.
    Connect,
    /// Any other token. Well-formed, and no server has to know it: 501.
    Other,
}

impl Method {
    /// The method that this token names.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            b"TRACE" => Self::Trace,
            b"CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }

    /// The method as it is written on the wire; `OTHER` for one that is not known.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Trace => "TRACE",
            Self::Connect => "CONNECT",
            Self::Other => "OTHER",
        }
    }
}

/// The version in a request line or a status line. There is no third: all else is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `HTTP/1.0`: no chunked coding, and connections close unless both sides say otherwise.
    Http10,
    /// `HTTP/1.1`
    Http11,
}

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body, not even an empty one.
    None,
    /// This many bytes: `Content-Length`. May be 0.
    Exact(u64),
    /// Until the last chunk: `Transfer-Encoding: chunked`.
    Chunked,
    /// Until the connection closes. Only a response may do that.
    UntilClose,
}

/// `HTTP/1.0` and `HTTP/1.1`, or what is wrong with it.
pub(super) fn version(bytes: &[u8]) -> Result<Version, BadVersion> {
    match bytes {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(BadVersion::Unsupported)
        }
        _ => Err(BadVersion::NotHttp),
    }
}

/// Why [`version`] said no: the two deserve different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadVersion {
    /// Well-formed, as `HTTP/2.0`, but not ours.
    Unsupported,
    /// Something else.
    NotHttp,
}

/// Is this byte part of a token (RFC 9110 §5.6.2)?
pub(super) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Is this a whole token: one byte at least, all of them token bytes?
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_token_byte)
}

/// May all of these bytes stand in a field value? They are looked at without a stop at the first
/// bad one, so that the compiler can take many at a time.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .fold(true, |good, byte| good & is_value_byte(*byte))
}

/// May this byte stand in a field value (RFC 9110 §5.5)? HTAB, space, visible ASCII, and
/// `obs-text`, the bytes from 0x80 up, which have no meaning but are allowed.
pub(super) const fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}
