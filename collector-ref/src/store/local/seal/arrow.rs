//! The reference encoder: the parquet crate's `ArrowWriter` with tuned settings.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow_buffer::Buffer;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use super::schema::{self, GROUP_ROWS, io_error};
use crate::store::local::columns::{Column, Narrow};
use crate::store::local::hot::HotData;

/// Writes rows, in this order, into a segment; answers the open file, to be synced.
pub(crate) fn write(path: &Path, data: &HotData, order: &[u32]) -> io::Result<File> {
    let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let options = ArrowWriterOptions::new()
        .with_properties((*schema::properties(order.len())).clone())
        .with_skip_arrow_metadata(true);
    let schema = schema::arrow();
    let mut writer =
        ArrowWriter::try_new_with_options(file, schema.clone(), options).map_err(io_error)?;
    let texts: Vec<ArrayRef> = data
        .pools
        .iter()
        .map(|pool| {
            let ids = 0..u32::try_from(pool.len()).unwrap_or(u32::MAX);
            Arc::new(StringArray::from_iter_values(ids.map(|id| pool.text(id)))) as ArrayRef
        })
        .collect();
    for rows in order.chunks(GROUP_ROWS) {
        let arrays = Column::all().map(|column| array(data, column, rows, &texts));
        let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(io::Error::other)?;
        writer.write(&batch).map_err(io_error)?;
    }
    let file = writer.into_inner().map_err(io_error)?;
    Ok(file.into_inner()?)
}

fn array(
    data: &HotData,
    column: Column,
    rows: &[u32],
    texts: &[ArrayRef],
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let columns = &data.columns;
    let wide = |values: &[u64]| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| values[*row as usize])))
    };
    Ok(match column {
        Column::EndTime => {
            let ends = rows.iter().map(|row| columns.end[*row as usize]);
            Arc::new(TimestampMicrosecondArray::from_iter_values(ends).with_timezone("UTC"))
        }
        Column::Wide(column) => wide(columns.wide(column)),
        Column::Txid => wide(&columns.txid),
        Column::Caller => wide(&columns.caller),
        Column::Narrow(Narrow::ArrivalDelay) => {
            let values = columns.narrow(Narrow::ArrivalDelay);
            let signed = rows.iter().map(|row| values[*row as usize].cast_signed());
            Arc::new(Int32Array::from_iter_values(signed))
        }
        Column::Narrow(column) => {
            let values = columns.narrow(column);
            Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| values[*row as usize])))
        }
        Column::Text(column) => {
            let ids = columns.text(column);
            let keys = UInt32Array::from_iter_values(rows.iter().map(|row| ids[*row as usize]));
            Arc::new(DictionaryArray::<UInt32Type>::try_new(
                keys,
                Arc::clone(&texts[column as usize]),
            )?)
        }
        Column::Gxid => {
            let bytes: Vec<u8> =
                rows.iter().flat_map(|row| columns.gxid[*row as usize].to_be_bytes()).collect();
            Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from(bytes), None)?)
        }
    })
}
