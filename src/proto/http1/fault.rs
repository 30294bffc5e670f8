//! What can be wrong with a message, whoever sent it.
//!
//! A fault does not say what is done about it. From a client it becomes a
//! [`Refusal`](super::Refusal) with a status; from a provider a [`Violation`](super::Violation),
//! which the engine answers with 502.

use std::fmt;

/// One thing wrong with the head or the framing of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line ends with LF alone. RFC 9112 §2.2 lets a reader take that for a line end, and
    /// readers that disagree about it are how requests are smuggled.
    BareLineFeed,
    /// A CR that is not followed by LF.
    BareCarriageReturn,
    /// The head is longer than [`HEAD_BYTES`](crate::limits::HEAD_BYTES).
    HeadTooLarge,
    /// More fields than [`HEADER_COUNT`](crate::limits::HEADER_COUNT).
    TooManyFields,
    /// A field name is empty, or is not a token; or a line has no colon.
    FieldName,
    /// White space between field name and colon (RFC 9112 §5.1: MUST be refused).
    SpaceBeforeColon,
    /// A line that starts with white space: obsolete line folding (RFC 9112 §5.2).
    FoldedField,
    /// NUL or another control byte in a field value.
    FieldValue,
    /// `Content-Length` is not one decimal number that fits 64 bits.
    ContentLength,
    /// More than one `Content-Length`, even if they agree.
    RepeatedContentLength,
    /// `Content-Length` and `Transfer-Encoding` in one message.
    LengthAndCoding,
    /// `Transfer-Encoding` is repeated, not a list of tokens, or does not end in one `chunked`.
    TransferEncoding,
    /// `Transfer-Encoding` in an HTTP/1.0 message (RFC 9112 §6.1: faulty framing).
    CodingInHttp10,
    /// A chunk size is not 1 to 16 hexadecimal digits.
    ChunkSize,
    /// A chunk extension is not `;name`, `;name=token` or `;name="quoted"`.
    ChunkExtension,
    /// A chunk-size line is longer than [`CHUNK_LINE_BYTES`](crate::limits::CHUNK_LINE_BYTES).
    ChunkLineTooLong,
    /// All extensions of a body are longer than
    /// [`CHUNK_EXTENSIONS_BYTES`](crate::limits::CHUNK_EXTENSIONS_BYTES).
    ChunkExtensionsTooLong,
    /// The bytes after a chunk's data are not CRLF: the size and the data disagree.
    ChunkEnd,
    /// The trailer section is longer than [`TRAILER_BYTES`](crate::limits::TRAILER_BYTES).
    TrailersTooLarge,
}

impl Fault {
    /// A stable name for logs, metrics and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare_line_feed",
            Self::BareCarriageReturn => "bare_carriage_return",
            Self::HeadTooLarge => "head_too_large",
            Self::TooManyFields => "too_many_fields",
            Self::FieldName => "bad_field_name",
            Self::SpaceBeforeColon => "space_before_colon",
            Self::FoldedField => "folded_field",
            Self::FieldValue => "bad_field_value",
            Self::ContentLength => "bad_content_length",
            Self::RepeatedContentLength => "repeated_content_length",
            Self::LengthAndCoding => "length_and_transfer_encoding",
            Self::TransferEncoding => "bad_transfer_encoding",
            Self::CodingInHttp10 => "transfer_encoding_in_http10",
            Self::ChunkSize => "bad_chunk_size",
            Self::ChunkExtension => "bad_chunk_extension",
            Self::ChunkLineTooLong => "chunk_line_too_long",
            Self::ChunkExtensionsTooLong => "chunk_extensions_too_long",
            Self::ChunkEnd => "bad_chunk_end",
            Self::TrailersTooLarge => "trailers_too_large",
        }
    }

    /// The same for a person: what is wrong, and what its sender is to do.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::BareLineFeed => "A line ends with LF alone. End each line with CRLF.",
            Self::BareCarriageReturn => "A CR is not followed by LF. End each line with CRLF.",
            Self::HeadTooLarge => {
                "The head of the message is too long. Send fewer or shorter fields."
            }
            Self::TooManyFields => "The message has too many header fields. Send fewer.",
            Self::FieldName => {
                "A header field has no valid name before its colon. Send each as `name: value`."
            }
            Self::SpaceBeforeColon => {
                "White space stands before the colon of a header field. Send each as `name: value`."
            }
            Self::FoldedField => "A header field is folded over two lines. Send it on one.",
            Self::FieldValue => {
                "The value of a header field holds a control character. Leave it out."
            }
            Self::ContentLength => {
                "`Content-Length` is not a decimal number. Send the length of the body in bytes."
            }
            Self::RepeatedContentLength => {
                "`Content-Length` is given more than once. Send it once."
            }
            Self::LengthAndCoding => {
                "`Content-Length` and `Transfer-Encoding` are both given. Send one of them."
            }
            Self::TransferEncoding => {
                "`Transfer-Encoding` is not exactly one `chunked`. Send that, or `Content-Length`."
            }
            Self::CodingInHttp10 => {
                "`Transfer-Encoding` is not part of HTTP/1.0. Send HTTP/1.1, or `Content-Length`."
            }
            Self::ChunkSize => {
                "A chunk size is not a number of 1 to 16 hexadecimal digits. Send each size as one."
            }
            Self::ChunkExtension => "A chunk extension is malformed. Leave extensions out.",
            Self::ChunkLineTooLong => {
                "The line of a chunk's size is too long. Leave extensions out."
            }
            Self::ChunkExtensionsTooLong => {
                "The chunk extensions of the body are too long. Leave them out."
            }
            Self::ChunkEnd => {
                "The data of a chunk is not followed by CRLF. Make each size that of its data."
            }
            Self::TrailersTooLarge => {
                "The trailer section is too long. Send fewer or shorter fields."
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for Fault {}
