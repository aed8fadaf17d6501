//! Reads whole rows by their numbers.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use scouter_wire::record::{EndReason, ProfileFate, XLogFlags, XLogKind};
use scouter_wire::{Gxid, Txid};

use super::{Segment, SegmentError, arrays};
use crate::store::local::columns::{
    CALLER, END_TIME, GXID, NARROW_COUNT, Narrow, TEXT_COUNT, TXID, Text, WIDE_COUNT, Wide,
};
use crate::store::local::hot::HotData;
use crate::store::{ProfileAt, Row};

/// Texts that rows of one answer share.
type Shared = HashMap<String, Arc<str>>;

/// The values of one row, before they are given their types.
#[derive(Debug)]
struct RawRow<'a> {
    end: i64,
    wide: [u64; WIDE_COUNT],
    narrow: [u32; NARROW_COUNT],
    text: [&'a str; TEXT_COUNT],
    txid: u64,
    gxid: u128,
    caller: u64,
}

/// One row in memory.
pub(crate) fn hot_row(data: &HotData, row: usize) -> Option<Row> {
    let columns = &data.columns;
    let raw = RawRow {
        end: *columns.end.get(row)?,
        wide: std::array::from_fn(|column| columns.wide[column][row]),
        narrow: std::array::from_fn(|column| columns.narrow[column][row]),
        text: std::array::from_fn(|column| data.pools[column].text(columns.text[column][row])),
        txid: columns.txid[row],
        gxid: columns.gxid[row],
        caller: columns.caller[row],
    };
    raw.row(&mut HashMap::new())
}

impl Segment {
    /// The rows with these ascending numbers.
    pub(crate) fn rows(&self, numbers: &[usize]) -> Result<Vec<Row>, SegmentError> {
        let mut rows = Vec::with_capacity(numbers.len());
        let mut texts = HashMap::new();
        let mut rest = numbers;
        for (group, range) in self.group_rows() {
            let (own, others) = rest.split_at(rest.partition_point(|row| *row < range.end));
            rest = others;
            if own.is_empty() {
                continue;
            }
            let mut selectors = Vec::with_capacity(2 * own.len());
            let mut at = range.start;
            for row in own {
                if *row > at {
                    selectors.push(RowSelector::skip(row - at));
                }
                selectors.push(RowSelector::select(1));
                at = row + 1;
            }
            let reader = self
                .reader()?
                .with_row_groups(vec![group])
                .with_row_selection(RowSelection::from(selectors))
                .with_batch_size(own.len())
                .build()?;
            for batch in reader {
                read_rows(&batch?, &mut texts, &mut rows)?;
            }
        }
        if rows.len() == numbers.len() {
            Ok(rows)
        } else {
            Err(SegmentError::Damaged("rows are missing".into()))
        }
    }
}

fn read_rows(
    batch: &RecordBatch,
    shared: &mut Shared,
    rows: &mut Vec<Row>,
) -> Result<(), SegmentError> {
    let ends = arrays::times(batch, END_TIME)?;
    let delays = arrays::i32s(batch, Narrow::ArrivalDelay.name())?;
    let mut wide: [&[u64]; WIDE_COUNT] = [&[]; WIDE_COUNT];
    for column in Wide::ALL {
        wide[column as usize] = arrays::u64s(batch, column.name())?;
    }
    let mut narrow: [&[u32]; NARROW_COUNT] = [&[]; NARROW_COUNT];
    for column in Narrow::ALL.into_iter().filter(|column| *column != Narrow::ArrivalDelay) {
        narrow[column as usize] = arrays::u32s(batch, column.name())?;
    }
    let mut text: [Option<(&[u32], &StringArray)>; TEXT_COUNT] = [None; TEXT_COUNT];
    for column in Text::ALL {
        text[column as usize] = Some(arrays::texts(batch, column.name())?);
    }
    let (txids, callers) = (arrays::u64s(batch, TXID)?, arrays::u64s(batch, CALLER)?);
    let gxids = arrays::ids(batch, GXID)?;
    for row in 0..batch.num_rows() {
        let raw = RawRow {
            end: ends[row],
            wide: wide.map(|column| column[row]),
            narrow: std::array::from_fn(|column| {
                if column == Narrow::ArrivalDelay as usize {
                    delays[row].cast_unsigned()
                } else {
                    narrow[column][row]
                }
            }),
            text: text
                .map(|column| column.map_or("", |(keys, values)| values.value(keys[row] as usize))),
            txid: txids[row],
            gxid: u128::from_be_bytes(gxids[row]),
            caller: callers[row],
        };
        let row = raw.row(shared);
        rows.push(row.ok_or_else(|| SegmentError::Damaged("an id is 0".into()))?);
    }
    Ok(())
}

impl RawRow<'_> {
    /// `None` when an id is 0, which no batch can bring in.
    fn row(&self, shared: &mut Shared) -> Option<Row> {
        let wide = |column: Wide| self.wide[column as usize];
        let narrow = |column: Narrow| self.narrow[column as usize];
        let byte = |column: Narrow| u8::try_from(narrow(column)).unwrap_or(u8::MAX);
        let half = |value: u32| u16::try_from(value & 0xffff).unwrap_or_default();
        let mut text = |column: Text| share(shared, self.text[column as usize]);
        let delay_us = i64::from(narrow(Narrow::ArrivalDelay).cast_signed()) * 1000;
        let profile_at = (narrow(Narrow::Pack) != 0).then(|| ProfileAt {
            pack: narrow(Narrow::Pack),
            frame: narrow(Narrow::PackFrame),
            index: narrow(Narrow::PackIndex),
        });
        Some(Row {
            end_unix_us: self.end,
            arrival_unix_us: self.end.saturating_add(delay_us),
            elapsed_us: wide(Wide::Elapsed),
            txid: Txid::new(self.txid)?,
            gxid: Gxid::new(self.gxid)?,
            caller: Txid::new(self.caller),
            object: text(Text::Object),
            service: text(Text::Service),
            kind: XLogKind::from_wire_lossy(byte(Narrow::Kind)),
            end: EndReason::from_wire_lossy(byte(Narrow::End)),
            profile: ProfileFate::from_wire_lossy(byte(Narrow::Profile)),
            flags: XLogFlags(half(narrow(Narrow::Flags))),
            status: half(narrow(Narrow::Status)),
            error: text(Text::Error),
            busy_us: wide(Wide::Busy),
            polls: narrow(Narrow::Polls),
            ttfb_us: wide(Wide::Ttfb),
            sql_count: narrow(Narrow::SqlCount),
            sql_us: wide(Wide::SqlTime),
            sql_rows: wide(Wide::SqlRows),
            pool_wait_us: wide(Wide::PoolWait),
            api_count: narrow(Narrow::ApiCount),
            api_us: wide(Wide::ApiTime),
            bytes_out: wide(Wide::BytesOut),
            alloc_bytes: wide(Wide::AllocBytes),
            steps: narrow(Narrow::Steps),
            steps_dropped: narrow(Narrow::StepsDropped),
            tenant: text(Text::Tenant),
            login: text(Text::Login),
            desc: text(Text::Desc),
            ip: text(Text::Ip),
            user_agent: text(Text::UserAgent),
            tags: tags(self.text[Text::Tags as usize]),
            profile_at,
        })
    }
}

/// Rows of one answer share their texts.
fn share(shared: &mut Shared, text: &str) -> Arc<str> {
    if let Some(known) = shared.get(text) {
        return Arc::clone(known);
    }
    let new: Arc<str> = text.into();
    shared.insert(text.to_owned(), Arc::clone(&new));
    new
}

/// Reads the JSON object of a row's tags.
fn tags(json: &str) -> Vec<(Arc<str>, Arc<str>)> {
    if json.is_empty() {
        return Vec::new();
    }
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(json).unwrap_or_default();
    map.iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().unwrap_or_default().into()))
        .collect()
}
