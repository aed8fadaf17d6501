//! Finds rows by id: bloom filters, then one column of the row groups that may have it.

use std::ops::Range;

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use scouter_wire::{Gxid, Txid};

use super::{Segment, SegmentError, Zone, arrays};
use crate::store::local::columns::{Column, GXID, TXID};

const BATCH_ROWS: usize = 32_768;

impl Segment {
    /// Numbers of the rows with this txid.
    pub(crate) fn find_txid(&self, txid: Txid) -> Result<Vec<usize>, SegmentError> {
        let txid = txid.value();
        let may_hold = |zone: &Zone| zone.txids.0 <= txid && txid <= zone.txids.1;
        if !self.zones.iter().any(may_hold) {
            return Ok(Vec::new());
        }
        let blooms = self.blooms()?;
        let mut found = Vec::new();
        for (group, zone) in self.zones.iter().enumerate() {
            if may_hold(zone) && blooms[group].0.check(&txid) {
                self.find_in(group, Column::Txid, &mut found, |batch, rows| {
                    let ids = arrays::u64s(batch, TXID)?;
                    rows.extend((0..ids.len()).filter(|row| ids[*row] == txid));
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }

    /// Numbers of the rows of this trace.
    pub(crate) fn find_gxid(&self, gxid: Gxid) -> Result<Vec<usize>, SegmentError> {
        let bytes = gxid.value().to_be_bytes();
        let blooms = self.blooms()?;
        let mut found = Vec::new();
        for (group, (_, bloom)) in blooms.iter().enumerate() {
            if bloom.check(&bytes[..]) {
                self.find_in(group, Column::Gxid, &mut found, |batch, rows| {
                    let ids = arrays::ids(batch, GXID)?;
                    rows.extend((0..ids.len()).filter(|row| ids[*row] == bytes));
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }

    fn find_in(
        &self,
        group: usize,
        column: Column,
        found: &mut Vec<usize>,
        search: impl Fn(&RecordBatch, &mut Vec<usize>) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        let reader = self.reader()?;
        let mask = ProjectionMask::leaves(reader.parquet_schema(), [column.index()]);
        let reader = reader
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()?;
        let mut first = self.zones[group].first_row;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch?;
            rows.clear();
            search(&batch, &mut rows)?;
            found.extend(rows.iter().map(|row| first + row));
            first += batch.num_rows();
        }
        Ok(())
    }

    /// The row groups with the place of their rows.
    pub(super) fn group_rows(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let rows = |zone: &Zone| zone.first_row..zone.first_row + zone.rows;
        self.zones.iter().map(rows).enumerate()
    }
}
