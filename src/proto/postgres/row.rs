//! Rows that come from the server: borrowed, checked once, and read column by column.
//!
//! Nothing is copied: a text of a row lies in the bytes that were read from the socket. Each value
//! is read with the type that the server announced, and a type that does not fit is an error and
//! not a guess.

use std::fmt;

use uuid::Uuid;

use super::Fault;
use super::backend::DATA_ROW;
use super::frame::{Fields, Frame};
use super::types::{Scalar, read_only};
use super::value::EPOCH_MICROS;

/// One row. Lives until the next call of [`super::Session::next`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    types: &'a [u32],
    /// The values, each behind its length; [`Row::new`] has seen that they are all there.
    values: Fields<'a>,
    is_text: bool,
}

/// Why a value of a row could not be read. A bug of ours, or a schema that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueFault {
    /// The column, from 0.
    pub column: usize,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The row has no such column.
    Missing,
    /// It is NULL, and that was not expected.
    Null,
    /// It is of the type with this number, which was not expected.
    Type(u32),
    /// It is not as long as its type.
    Length,
    /// It is text, and not UTF-8.
    Utf8,
    /// It is in text form: only [`Values::text`] reads rows of a script.
    Form,
    /// A word that is none of a closed list.
    Word,
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {} of the row ", self.column + 1)?;
        match self.what {
            Wrong::Missing => f.write_str("is missing"),
            Wrong::Null => f.write_str("is NULL"),
            Wrong::Type(oid) => write!(f, "is of type {oid}"),
            Wrong::Length => f.write_str("has a wrong length"),
            Wrong::Utf8 => f.write_str("is not UTF-8"),
            Wrong::Form => f.write_str("is in text form"),
            Wrong::Word => f.write_str("is a word that is not known here"),
        }
    }
}

impl std::error::Error for ValueFault {}

impl<'a> Row<'a> {
    /// Checks that `body` is a row of these columns, no more and no less.
    pub(super) fn new(body: &'a [u8], types: &'a [u32], is_text: bool) -> Result<Self, Fault> {
        let mut fields = Fields::of(Frame {
            tag: DATA_ROW,
            body,
        });
        if fields.count()? != types.len() {
            return Err(fields.malformed());
        }
        let values = fields;
        for _ in types {
            fields.value()?;
        }
        fields.end()?;
        Ok(Row {
            types,
            values,
            is_text,
        })
    }

    /// Its values, from the first column on.
    #[must_use]
    pub fn values(&self) -> Values<'a> {
        Values {
            row: *self,
            column: 0,
        }
    }

    /// How many columns it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether it has no column, as in `SELECT` without anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it are the texts of users.
        write!(f, "Row of {} columns", self.types.len())
    }
}

/// The values of a row, in the order of its columns.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    row: Row<'a>,
    column: usize,
}

impl<'a> Values<'a> {
    /// The next value. An `Option` takes NULL as well.
    ///
    /// # Errors
    /// There is none, or it is not of this type. The value counts as read all the same.
    pub fn take<T: FromValue<'a>>(&mut self) -> Result<T, ValueFault> {
        let form = if self.row.is_text {
            Err(Wrong::Form)
        } else {
            Ok(())
        };
        self.with(|raw| form.and_then(|()| T::from_value(raw)))
    }

    /// The next value in text form, as rows of a script have it; `None` is NULL.
    ///
    /// # Errors
    /// There is none, or it is not UTF-8, or the row is in binary form.
    pub fn text(&mut self) -> Result<Option<&'a str>, ValueFault> {
        let form = if self.row.is_text {
            Ok(())
        } else {
            Err(Wrong::Form)
        };
        self.with(|raw| form.and_then(|()| raw.bytes.map(utf8).transpose()))
    }

    fn with<T>(
        &mut self,
        read: impl FnOnce(RawValue<'a>) -> Result<T, Wrong>,
    ) -> Result<T, ValueFault> {
        let column = self.column;
        self.column += 1;
        let value = match self.row.types.get(column) {
            Some(oid) => {
                let bytes = self.row.values.value().expect("Row::new has seen it");
                read(RawValue { oid: *oid, bytes })
            }
            None => Err(Wrong::Missing),
        };
        value.map_err(|what| ValueFault { column, what })
    }
}

/// A value as it came.
#[derive(Clone, Copy, Debug)]
pub struct RawValue<'a> {
    oid: u32,
    bytes: Option<&'a [u8]>,
}

impl<'a> RawValue<'a> {
    /// The bytes, if there are any and they are of one of these types.
    fn of(self, types: &[u32]) -> Result<&'a [u8], Wrong> {
        if !types.contains(&self.oid) {
            return Err(Wrong::Type(self.oid));
        }
        self.bytes.ok_or(Wrong::Null)
    }
}

/// What a value can be read as.
pub trait FromValue<'a>: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// It is of another type, NULL, or not made as its type wants.
    fn from_value(raw: RawValue<'a>) -> Result<Self, Wrong>;
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(raw: RawValue<'a>) -> Result<Self, Wrong> {
        match T::from_value(raw) {
            Err(Wrong::Null) => Ok(None),
            value => value.map(Some),
        }
    }
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(raw: RawValue<'a>) -> Result<Self, Wrong> {
        use read_only::{BPCHAR, NAME, UNKNOWN, VARCHAR};
        let (text, json) = (Scalar::Text.oid(), Scalar::Json.oid());
        if raw.oid == Scalar::Jsonb.oid() {
            let bytes = raw.bytes.ok_or(Wrong::Null)?;
            return utf8(bytes.strip_prefix(&[1]).ok_or(Wrong::Length)?);
        }
        utf8(raw.of(&[text, json, VARCHAR, BPCHAR, NAME, UNKNOWN])?)
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    fn from_value(raw: RawValue<'a>) -> Result<Self, Wrong> {
        raw.of(&[Scalar::Bytea.oid()])
    }
}

impl FromValue<'_> for bool {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        Ok(sized::<1>(raw.of(&[Scalar::Bool.oid()])?)? != [0])
    }
}

impl FromValue<'_> for i32 {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        let bytes = raw.of(&[Scalar::Int4.oid(), read_only::INT2])?;
        match raw.oid {
            read_only::INT2 => Ok(i16::from_be_bytes(sized(bytes)?).into()),
            _ => Ok(i32::from_be_bytes(sized(bytes)?)),
        }
    }
}

impl FromValue<'_> for i64 {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        if raw.oid == Scalar::Int8.oid() {
            return Ok(i64::from_be_bytes(sized(raw.bytes.ok_or(Wrong::Null)?)?));
        }
        if raw.oid == read_only::OID {
            return Ok(u32::from_be_bytes(sized(raw.bytes.ok_or(Wrong::Null)?)?).into());
        }
        i32::from_value(raw).map(i64::from)
    }
}

impl FromValue<'_> for f64 {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        let bytes = raw.of(&[Scalar::Float8.oid(), read_only::FLOAT4])?;
        match raw.oid {
            read_only::FLOAT4 => Ok(f32::from_be_bytes(sized(bytes)?).into()),
            _ => Ok(f64::from_be_bytes(sized(bytes)?)),
        }
    }
}

impl FromValue<'_> for Uuid {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        Ok(Uuid::from_bytes(sized(raw.of(&[Scalar::Uuid.oid()])?)?))
    }
}

/// A point in time: microseconds of Unix time. `infinity` and `-infinity` are the largest and the
/// smallest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl FromValue<'_> for Timestamp {
    fn from_value(raw: RawValue<'_>) -> Result<Self, Wrong> {
        let since = i64::from_be_bytes(sized(raw.of(&[Scalar::Timestamptz.oid()])?)?);
        let is_finite = since != i64::MIN;
        let micros = if is_finite {
            since.saturating_add(EPOCH_MICROS)
        } else {
            since
        };
        Ok(Timestamp(micros))
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Wrong> {
    str::from_utf8(bytes).map_err(|_| Wrong::Utf8)
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Wrong> {
    bytes.try_into().map_err(|_| Wrong::Length)
}
