//! What a server says, written by hand.

/// A message of this type.
pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

pub(super) fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

pub(super) fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

pub(super) fn ready(transaction: u8) -> Vec<u8> {
    message(b'Z', &[transaction])
}

/// An error with a severity and a code.
pub(super) fn error(severity: &str, code: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0Mit went wrong\0\0");
    message(b'E', fields.as_bytes())
}

/// The description of so many columns of `bigint`.
pub(super) fn columns(count: u16) -> Vec<u8> {
    let column = b"n\0\0\0\0\0\0\0\0\0\0\x14\0\x08\xff\xff\xff\xff\0\x01".repeat(count.into());
    message(b'T', &[&count.to_be_bytes(), &column[..]].concat())
}

/// A row of `bigint`.
pub(super) fn row(values: &[i64]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        body.extend(8_u32.to_be_bytes());
        body.extend(value.to_be_bytes());
    }
    message(b'D', &body)
}

pub(super) fn done(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// ParseComplete, BindComplete and a description of one column.
pub(super) fn begun() -> Vec<u8> {
    [message(b'1', b""), message(b'2', b""), columns(1)].concat()
}
