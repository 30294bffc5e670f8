//! Values that go to the server, in its binary form.
//!
//! A value is measured first and written after that: a message says how long it is before its
//! bytes, and whoever writes to a chain of blocks cannot go back. What cannot be sent is found
//! while measuring, so that a request is written whole or not at all.

use uuid::Uuid;

use super::Refused;
use super::types::{Scalar, Type};
use crate::proto::Sink;

/// Microseconds from the beginning of Unix time to that of PostgreSQL's, 2000-01-01.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// One value. Its type is that of the parameter it is for, see [`Type`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL, of every type.
    Null,
    /// `boolean`
    Bool(bool),
    /// `integer`
    Int4(i32),
    /// `bigint`
    Int8(i64),
    /// `double precision`, NaN and infinities included.
    Float8(f64),
    /// `text`, `json` and `jsonb`. `text` cannot hold U+0000: it is refused.
    Text(&'a str),
    /// `bytea`
    Bytes(&'a [u8]),
    /// `uuid`
    Uuid(Uuid),
    /// `timestamp with time zone`: microseconds of Unix time.
    Timestamp(i64),
    /// An array of one dimension; its values are scalars of one type, or NULL.
    List(&'a [Value<'a>]),
}

impl Value<'_> {
    /// How many bytes it has as a value of this type, its length field included.
    ///
    /// # Errors
    /// It is not of this type, or cannot be sent as one.
    pub(super) fn measure(&self, kind: Type) -> Result<usize, Refused> {
        self.check(kind)?;
        Ok(4 + self.length(kind).unwrap_or(0))
    }

    fn check(&self, kind: Type) -> Result<(), Refused> {
        match (self, kind) {
            (Value::List(values), Type::List(scalar)) => values
                .iter()
                .try_for_each(|value| value.check_scalar(scalar)),
            (Value::Null, Type::List(_)) => Ok(()),
            (_, Type::List(_)) => Err(Refused::Type),
            (value, Type::One(scalar)) => value.check_scalar(scalar),
        }
    }

    fn check_scalar(&self, kind: Scalar) -> Result<(), Refused> {
        let fits = match (self, kind) {
            (Value::Null, _)
            | (Value::Bool(_), Scalar::Bool)
            | (Value::Int4(_), Scalar::Int4)
            | (Value::Int8(_), Scalar::Int8)
            | (Value::Float8(_), Scalar::Float8)
            | (Value::Bytes(_), Scalar::Bytea)
            | (Value::Uuid(_), Scalar::Uuid) => true,
            (Value::Text(text), Scalar::Text | Scalar::Json | Scalar::Jsonb) => {
                memchr::memchr(0, text.as_bytes())
                    .is_none()
                    .then_some(true)
                    .ok_or(Refused::Nul)?
            }
            (Value::Timestamp(micros), Scalar::Timestamptz) => {
                // The smallest number stands for "-infinity".
                let since = micros.checked_sub(EPOCH_MICROS).filter(|n| *n != i64::MIN);
                since.map(|_| true).ok_or(Refused::Time)?
            }
            _ => false,
        };
        if fits { Ok(()) } else { Err(Refused::Type) }
    }

    /// How long it is behind its length field; `None` stands for NULL.
    fn length(&self, kind: Type) -> Option<usize> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(_) => 1,
            Value::Int4(_) => 4,
            Value::Int8(_) | Value::Float8(_) | Value::Timestamp(_) => 8,
            Value::Uuid(_) => 16,
            Value::Bytes(bytes) => bytes.len(),
            // A byte for the version comes before the text of a jsonb.
            Value::Text(text) => text.len() + usize::from(kind == Type::One(Scalar::Jsonb)),
            Value::List(values) => {
                let kind = kind.element();
                let items = values
                    .iter()
                    .map(|value| 4 + value.length(kind).unwrap_or(0));
                list_head_bytes(values) + items.sum::<usize>()
            }
        })
    }

    /// Writes it behind its length. It was measured before.
    pub(super) fn put(&self, kind: Type, out: &mut impl Sink) {
        let length = self.length(kind).map_or(-1, wire_length);
        out.put(&length.to_be_bytes());
        match self {
            Value::List(values) => put_list(values, kind.element(), out),
            value => value.put_scalar(kind, out),
        }
    }

    fn put_scalar(&self, kind: Type, out: &mut impl Sink) {
        match self {
            // A list within a list has been refused.
            Value::Null | Value::List(_) => {}
            Value::Bool(value) => out.put(&[u8::from(*value)]),
            Value::Int4(value) => out.put(&value.to_be_bytes()),
            Value::Int8(value) => out.put(&value.to_be_bytes()),
            Value::Float8(value) => out.put(&value.to_be_bytes()),
            Value::Text(text) => {
                if kind == Type::One(Scalar::Jsonb) {
                    out.put(&[1]);
                }
                out.put(text.as_bytes());
            }
            Value::Bytes(bytes) => out.put(bytes),
            Value::Uuid(id) => out.put(id.as_bytes()),
            Value::Timestamp(micros) => out.put(&(micros - EPOCH_MICROS).to_be_bytes()),
        }
    }
}

/// Dimensions, whether there are NULLs, the type; and for one dimension its length and first index.
fn list_head_bytes(values: &[Value<'_>]) -> usize {
    if values.is_empty() { 12 } else { 20 }
}

fn put_list(values: &[Value<'_>], kind: Type, out: &mut impl Sink) {
    let dimensions = i32::from(!values.is_empty());
    let has_nulls = i32::from(values.contains(&Value::Null));
    out.put(&dimensions.to_be_bytes());
    out.put(&has_nulls.to_be_bytes());
    out.put(&kind.oid().to_be_bytes());
    if !values.is_empty() {
        out.put(&wire_length(values.len()).to_be_bytes());
        out.put(&1_i32.to_be_bytes());
    }
    for value in values {
        value.put(kind, out);
    }
}

/// A length as the protocol has it.
pub(super) fn wire_length(length: usize) -> i32 {
    i32::try_from(length).expect("PG_REQUEST_BYTES is far below 2 GiB")
}
