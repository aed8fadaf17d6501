//! Typed access to the columns of a record batch. A column of another type is damage, not a panic.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};

use super::SegmentError;

fn wrong(name: &str) -> SegmentError {
    SegmentError::Damaged(format!("column {name} has another type than expected"))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, SegmentError> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

pub(super) fn times<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i64], SegmentError> {
    let array = column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>();
    Ok(array.ok_or_else(|| wrong(name))?.values())
}

pub(super) fn u64s<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [u64], SegmentError> {
    let array = column(batch, name)?.as_primitive_opt::<UInt64Type>();
    Ok(array.ok_or_else(|| wrong(name))?.values())
}

pub(super) fn u32s<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [u32], SegmentError> {
    let array = column(batch, name)?.as_primitive_opt::<UInt32Type>();
    Ok(array.ok_or_else(|| wrong(name))?.values())
}

pub(super) fn i32s<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [i32], SegmentError> {
    let array = column(batch, name)?.as_primitive_opt::<Int32Type>();
    Ok(array.ok_or_else(|| wrong(name))?.values())
}

/// Keys and values of a text column. Arrow has checked that all keys are in range.
pub(super) fn texts<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<(&'a [u32], &'a StringArray), SegmentError> {
    let array = column(batch, name)?.as_dictionary_opt::<UInt32Type>();
    let array = array.ok_or_else(|| wrong(name))?;
    let values = array.values().as_string_opt::<i32>().ok_or_else(|| wrong(name))?;
    Ok((array.keys().values(), values))
}

/// The 16 bytes of each id.
pub(super) fn ids<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a [[u8; 16]], SegmentError> {
    let array = column(batch, name)?.as_fixed_size_binary_opt().ok_or_else(|| wrong(name))?;
    let (ids, rest) = array.value_data().as_chunks::<16>();
    if ids.len() != array.len() || !rest.is_empty() {
        return Err(wrong(name));
    }
    Ok(ids)
}
