//! How far a job is, as rows have it.

use uuid::Uuid;

use super::maybe_word;
use crate::proto::postgres::{ValueFault, Values};
use crate::store::{EndedItem, ItemState};

/// The item of a row, which may have none. Its columns are read in any case.
pub(super) fn item(values: &mut Values<'_>) -> Result<Option<EndedItem>, ValueFault> {
    let position = values.take::<Option<i64>>()?;
    let state = maybe_word(values, ItemState::from_word)?;
    let row_id = values.take::<Option<Uuid>>()?;
    let error_code = values.take::<Option<&str>>()?;
    let (Some(position), Some(state), Some(row_id)) = (position, state, row_id) else {
        return Ok(None);
    };
    Ok(Some(EndedItem {
        position: u32::try_from(position).unwrap_or(u32::MAX),
        state,
        row_id,
        error_code: error_code.map(str::to_owned),
    }))
}
