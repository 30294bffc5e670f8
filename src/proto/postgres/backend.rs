//! What a server says: the messages of protocol 3.0 (PostgreSQL manual, "Message Formats").
//!
//! A message borrows from the input. Rows are only bounded and checked here, not decoded: see
//! `row.rs`. `CopyData` is not among them, because its bytes are handed on before all of them are
//! there (`session/copy.rs`).

use super::Fault;
use super::frame::{Fields, Frame};
use super::report::{Report, Severity};

/// `CopyData`, which is looked at before it is whole.
pub(super) const COPY_DATA: u8 = b'd';
/// `DataRow`, which may be longer than other messages.
pub(super) const DATA_ROW: u8 = b'D';

/// One message.
#[derive(Debug)]
pub(super) enum Message<'i> {
    Authentication(Authentication<'i>),
    ParameterStatus {
        name: &'i str,
        value: &'i str,
    },
    BackendKey {
        process: u32,
        secret: &'i [u8],
    },
    Ready(Transaction),
    ParseComplete,
    BindComplete,
    CloseComplete,
    NoData,
    RowDescription(Description<'i>),
    DataRow(&'i [u8]),
    Complete(&'i str),
    Error(Box<Report>),
    Notice(Box<Report>),
    Notification {
        process: u32,
        channel: &'i str,
        payload: &'i str,
    },
    CopyIn,
    CopyOut,
    CopyDone,
}

/// What the server wants to be convinced by.
#[derive(Debug)]
pub(super) enum Authentication<'i> {
    Ok,
    Clear,
    Md5 { salt: [u8; 4] },
    Sasl { mechanisms: &'i [u8] },
    SaslContinue(&'i [u8]),
    SaslFinal(&'i [u8]),
    Other,
}

/// Where a connection stands between two requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// In none.
    #[default]
    None,
    /// In one that was begun and not ended.
    Open,
    /// In one that has failed: all it takes is ROLLBACK.
    Failed,
}

/// The columns of rows to come: their types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Description<'i> {
    fields: Fields<'i>,
    count: usize,
}

impl Description<'_> {
    /// Writes the types down, in the place of what was there.
    pub(super) fn read_into(mut self, types: &mut Vec<u32>) -> Result<(), Fault> {
        types.clear();
        for _ in 0..self.count {
            // The name, then the table and column that it comes from.
            self.fields.bytes_to_zero()?;
            self.fields.take(6)?;
            types.push(self.fields.u32()?);
            // The size, a modifier of the type, and the format, which is what was asked for.
            self.fields.take(8)?;
        }
        self.fields.end()
    }
}

impl<'i> Message<'i> {
    /// Reads one message.
    ///
    /// # Errors
    /// It is not made as its type says, or its type is unknown.
    pub(super) fn read(frame: Frame<'i>) -> Result<Self, Fault> {
        let mut fields = Fields::of(frame);
        let message = match frame.tag {
            b'R' => Self::Authentication(Authentication::read(&mut fields)?),
            b'S' => Self::ParameterStatus {
                name: fields.text()?,
                value: fields.text()?,
            },
            b'K' => Self::BackendKey {
                process: fields.u32()?,
                secret: fields.rest(),
            },
            b'Z' => Self::Ready(Transaction::read(&mut fields)?),
            b'1' => Self::ParseComplete,
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'n' => Self::NoData,
            b'T' => {
                let count = fields.count()?;
                return Ok(Self::RowDescription(Description { fields, count }));
            }
            DATA_ROW => Self::DataRow(fields.rest()),
            b'C' => Self::Complete(fields.text()?),
            // An empty statement is done, and nothing was done.
            b'I' => Self::Complete(""),
            b'E' => Self::Error(Box::new(Report::read(&mut fields, Severity::Error)?)),
            b'N' => Self::Notice(Box::new(Report::read(&mut fields, Severity::Notice)?)),
            b'A' => Self::Notification {
                process: fields.u32()?,
                channel: fields.text()?,
                payload: fields.text()?,
            },
            // The formats of the columns of a COPY: what was asked for, so nobody has to be told.
            b'G' | b'H' => {
                fields.rest();
                if frame.tag == b'G' {
                    Self::CopyIn
                } else {
                    Self::CopyOut
                }
            }
            b'c' => Self::CopyDone,
            tag => return Err(Fault::Unknown(tag)),
        };
        fields.end()?;
        Ok(message)
    }
}

impl<'i> Authentication<'i> {
    fn read(fields: &mut Fields<'i>) -> Result<Self, Fault> {
        Ok(match fields.u32()? {
            0 => Self::Ok,
            3 => Self::Clear,
            5 => {
                let salt = fields.take(4)?.try_into();
                Self::Md5 {
                    salt: salt.map_err(|_| fields.malformed())?,
                }
            }
            10 => Self::Sasl {
                mechanisms: fields.rest(),
            },
            11 => Self::SaslContinue(fields.rest()),
            12 => Self::SaslFinal(fields.rest()),
            _ => {
                fields.rest();
                Self::Other
            }
        })
    }
}

impl Transaction {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        match fields.u8()? {
            b'I' => Ok(Self::None),
            b'T' => Ok(Self::Open),
            b'E' => Ok(Self::Failed),
            _ => Err(fields.malformed()),
        }
    }
}
