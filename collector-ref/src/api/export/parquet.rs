//! An export as one Parquet file, with the columns of the CSV form. It is sent while it is written:
//! row groups as they get full, and the footer at the end, without which no reader takes it.

use std::error::Error;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::ArrowError;
use axum::body::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{COLUMNS, PART_BYTES, Parts};
use crate::app::App;
use crate::names;
use crate::store::{Bounds, Filter, Row};

/// Rows that become columns together.
const BATCH_ROWS: usize = 8_192;

/// Rows of one row group; they wait in memory.
const GROUP_ROWS: usize = 65_536;

/// Sends what is written, in parts.
struct Sender<'a> {
    parts: &'a Parts,
    part: Vec<u8>,
}

impl Sender<'_> {
    fn send(&mut self) -> io::Result<()> {
        let part = Bytes::from(std::mem::take(&mut self.part));
        self.parts.blocking_send(Ok(part)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Walks and sends, until it is done or the client has gone.
pub(super) fn export(app: &App, bounds: &Bounds, filter: &Filter, parts: &Parts) {
    if let Err(error) = write(app, bounds, filter, parts) {
        // Of a client that has gone there is nobody to tell.
        let _ = parts.blocking_send(Err(io::Error::other(error)));
    }
}

fn write(
    app: &App,
    bounds: &Bounds,
    filter: &Filter,
    parts: &Parts,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let sender = Sender { parts, part: Vec::new() };
    let mut writer = ArrowWriter::try_new(sender, batch(&[])?.schema(), Some(properties))?;
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    let mut written = Ok(());
    app.store.walk(bounds, filter, &mut |row| {
        rows.push(row);
        if rows.len() == BATCH_ROWS {
            let batch = batch(&rows).map_err(ParquetError::from);
            written = batch.and_then(|batch| writer.write(&batch));
            rows.clear();
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written?;
    writer.write(&batch(&rows)?)?;
    Ok(writer.into_inner()?.send()?)
}

/// Rows as columns.
fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Row) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let id = |of: fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let number = |of: fn(&Row) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(of)))
    };
    let ends = Int64Array::from_iter_values(rows.iter().map(|row| row.end_unix_us));
    let columns: [ArrayRef; COLUMNS.len()] = [
        id(|row| row.txid.to_string()),
        id(|row| row.gxid.to_string()),
        id(|row| row.caller.map(|caller| caller.to_string()).unwrap_or_default()),
        text(|row| &row.object),
        text(|row| &row.service),
        text(|row| names::xlog_kind(row.kind)),
        text(|row| names::end_reason(row.end)),
        Arc::new(ends),
        number(|row| row.elapsed_us),
        number(|row| row.status.into()),
        text(|row| &row.error),
        text(|row| &row.tenant),
        text(|row| &row.login),
        text(|row| &row.ip),
        text(|row| &row.user_agent),
        number(|row| row.sql_count.into()),
        number(|row| row.sql_us),
        number(|row| row.pool_wait_us),
        number(|row| row.api_count.into()),
        number(|row| row.api_us),
        number(|row| row.bytes_out),
        text(|row| &row.desc),
    ];
    RecordBatch::try_from_iter_with_nullable(
        COLUMNS.into_iter().zip(columns).map(|(name, column)| (name, column, false)),
    )
}
