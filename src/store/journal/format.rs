//! The bytes of the journal: what a segment and a record look like. Pure: no file, no clock.
//!
//! ```text
//!  segment   "mtrdjrnl" │ version 4 │ crc 4 │ journal 16 │ segment 8 │ first 8 │ durable 8 │ records … zeros
//!  record    "MREC" │ length 4 │ crc 4 │ number 8 │ durable 8 │ time 8 │ one `Write` as JSON
//! ```
//! Numbers are little-endian, the checksum is CRC-32C over everything of the header or record but
//! itself. `number` counts records over all segments. `durable` is the number of the last record
//! that was known to be on the disk when this one was written: it tells a torn tail, which nobody
//! was promised, from damage to something that somebody was.
//!
//! The row is JSON because it is what `serde` and the recorder have for it already, because a field
//! that is added later is an older record's default, and because a person with a broken disk can
//! read it.

use uuid::Uuid;

use super::crc32c::checksum;
use crate::limits::spill::JOURNAL_RECORD_BYTES;
use crate::store::Write;

/// The version of all of this.
pub(super) const VERSION: u32 = 1;
/// Bytes before the first record of a segment.
pub(super) const SEGMENT_HEAD: usize = 56;
/// Bytes of a record before its row.
pub(super) const RECORD_HEAD: usize = 36;

const SEGMENT_MAGIC: &[u8; 8] = b"mtrdjrnl";
const RECORD_MAGIC: &[u8; 4] = b"MREC";

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    /// Whose it is: drawn when the journal was made.
    pub(super) journal: Uuid,
    /// Segments before it, plus one.
    pub(super) segment: u64,
    /// The number of its first record.
    pub(super) first: u64,
    /// See the module.
    pub(super) durable: u64,
}

/// The head of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    /// Bytes of the row.
    pub(super) length: u32,
    crc: u32,
    /// Its place in the whole journal, from 1.
    pub(super) number: u64,
    /// See the module.
    pub(super) durable: u64,
    /// When it was handed in, in milliseconds of Unix time.
    pub(super) at_ms: i64,
}

/// What is wrong with bytes that should be the head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// Another version of maitred wrote it.
    Version(u32),
    /// It is not what was written.
    Damaged,
}

impl SegmentHead {
    pub(super) fn encode(&self) -> [u8; SEGMENT_HEAD] {
        let mut bytes = [0; SEGMENT_HEAD];
        bytes[..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(self.journal.as_bytes());
        bytes[32..40].copy_from_slice(&self.segment.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first.to_le_bytes());
        bytes[48..].copy_from_slice(&self.durable.to_le_bytes());
        let crc = checksum(&[&bytes[..12], &bytes[16..]]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; SEGMENT_HEAD]) -> Result<Self, HeadFault> {
        let crc = checksum(&[&bytes[..12], &bytes[16..]]);
        if bytes[..8] != *SEGMENT_MAGIC || crc != u32_at(bytes, 12) {
            return Err(HeadFault::Damaged);
        }
        match u32_at(bytes, 8) {
            VERSION => Ok(SegmentHead {
                journal: Uuid::from_slice(&bytes[16..32]).map_err(|_| HeadFault::Damaged)?,
                segment: u64_at(bytes, 32),
                first: u64_at(bytes, 40),
                durable: u64_at(bytes, 48),
            }),
            other => Err(HeadFault::Version(other)),
        }
    }
}

impl RecordHead {
    /// Reads the head; whether it is true only [`RecordHead::vouches_for`] its row can tell. `None`:
    /// these bytes are no record.
    pub(super) fn decode(bytes: &[u8; RECORD_HEAD]) -> Option<Self> {
        let head = RecordHead {
            length: u32_at(bytes, 4),
            crc: u32_at(bytes, 8),
            number: u64_at(bytes, 12),
            durable: u64_at(bytes, 20),
            at_ms: u64_at(bytes, 28).cast_signed(),
        };
        let fits = head.length as usize <= JOURNAL_RECORD_BYTES;
        (bytes[..4] == *RECORD_MAGIC && fits).then_some(head)
    }

    /// Whether head and row are what was written.
    pub(super) fn vouches_for(&self, row: &[u8]) -> bool {
        row.len() == self.length as usize && self.sum(row) == self.crc
    }

    fn sum(&self, row: &[u8]) -> u32 {
        let head = self.encode();
        checksum(&[&head[..8], &head[12..], row])
    }

    fn encode(&self) -> [u8; RECORD_HEAD] {
        let mut bytes = [0; RECORD_HEAD];
        bytes[..4].copy_from_slice(RECORD_MAGIC);
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.crc.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.number.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.durable.to_le_bytes());
        bytes[28..].copy_from_slice(&self.at_ms.to_le_bytes());
        bytes
    }

    /// Bytes of the whole record.
    pub(super) fn bytes(&self) -> u64 {
        RECORD_HEAD as u64 + u64::from(self.length)
    }
}

/// Appends one record to `into`. `false`: the row is longer than a record may be, and `into` is as
/// it was.
pub(super) fn put_record(
    into: &mut Vec<u8>,
    (number, durable, at_ms): (u64, u64, i64),
    write: &Write,
) -> bool {
    let start = into.len();
    into.extend_from_slice(&[0; RECORD_HEAD]);
    // Rows are strings, numbers and maps with string keys, which cannot fail to be written into memory.
    let written = serde_json::to_writer(&mut *into, write).is_ok();
    let row = start + RECORD_HEAD;
    let length = into.len() - row;
    if !written || length > JOURNAL_RECORD_BYTES {
        into.truncate(start);
        return false;
    }
    let mut head = RecordHead {
        length: length as u32,
        crc: 0,
        number,
        durable,
        at_ms,
    };
    head.crc = head.sum(&into[row..]);
    into[start..row].copy_from_slice(&head.encode());
    true
}

/// The highest `durable` of all whole records that begin anywhere in `bytes`.
pub(super) fn evidence_in(bytes: &[u8]) -> u64 {
    let starts = memchr::memmem::find_iter(bytes, RECORD_MAGIC);
    let records = starts.filter_map(|start| {
        let (head, rest) = bytes[start..].split_first_chunk()?;
        let head = RecordHead::decode(head)?;
        let row = rest.get(..head.length as usize)?;
        head.vouches_for(row).then_some(head.durable)
    });
    records.max().unwrap_or(0)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..]
        .first_chunk()
        .map_or(0, |b| u64::from_le_bytes(*b))
}
