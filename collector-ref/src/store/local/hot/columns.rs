//! Rows in memory: columns that batches are copied into and segments are encoded from.

use scouter_wire::codec::XLogColumns;
use scouter_wire::record::ProfileFate;

use crate::store::local::columns::{
    HAS_ERROR, HAS_PROFILE, NARROW_COUNT, Narrow, TEXT_COUNT, Text, WIDE_COUNT, Wide,
};

/// Columns of the rows of one generation, in the order in which they arrived.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) end: Vec<i64>,
    pub(crate) wide: [Vec<u64>; WIDE_COUNT],
    pub(crate) narrow: [Vec<u32>; NARROW_COUNT],
    /// Numbers in the pool of the column.
    pub(crate) text: [Vec<u32>; TEXT_COUNT],
    pub(crate) txid: Vec<u64>,
    pub(crate) gxid: Vec<u128>,
    pub(crate) caller: Vec<u64>,
}

impl Columns {
    pub(crate) fn len(&self) -> usize {
        self.txid.len()
    }

    pub(crate) fn wide(&self, column: Wide) -> &[u64] {
        &self.wide[column as usize]
    }

    pub(crate) fn narrow(&self, column: Narrow) -> &[u32] {
        &self.narrow[column as usize]
    }

    pub(crate) fn text(&self, column: Text) -> &[u32] {
        &self.text[column as usize]
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.end.reserve_exact(rows);
        self.wide.iter_mut().for_each(|column| column.reserve_exact(rows));
        self.narrow.iter_mut().for_each(|column| column.reserve_exact(rows));
        self.text.iter_mut().for_each(|column| column.reserve_exact(rows));
        self.txid.reserve_exact(rows);
        self.gxid.reserve_exact(rows);
        self.caller.reserve_exact(rows);
    }

    pub(super) fn clear(&mut self) {
        self.end.clear();
        self.wide.iter_mut().for_each(Vec::clear);
        self.narrow.iter_mut().for_each(Vec::clear);
        self.text.iter_mut().for_each(Vec::clear);
        self.txid.clear();
        self.gxid.clear();
        self.caller.clear();
    }

    /// Copies a batch, whole columns at a time: putting rows together only to take them apart again
    /// would cost twice as much. Texts are empty and profiles nowhere until they are filled in.
    pub(super) fn extend(
        &mut self,
        batch: &XLogColumns,
        arrival_unix_us: i64,
        clock_offset_us: i64,
    ) {
        let rows = 0..batch.len();
        let base = self.len();
        let ends = rows.clone().map(|row| batch.end_unix_us(row).saturating_add(clock_offset_us));
        self.end.extend(ends);
        self.extend_wide(batch);
        self.extend_narrow(batch, base, arrival_unix_us);
        self.text.iter_mut().for_each(|column| column.resize(base + rows.len(), 0));
        self.txid.extend_from_slice(batch.txid());
        self.gxid.extend_from_slice(batch.gxid());
        self.caller.extend_from_slice(batch.caller());
    }

    fn extend_wide(&mut self, batch: &XLogColumns) {
        for (wide, values) in [
            (Wide::Elapsed, batch.elapsed_us()),
            (Wide::Busy, batch.busy_us()),
            (Wide::Ttfb, batch.ttfb_us()),
            (Wide::SqlTime, batch.sql_us()),
            (Wide::SqlRows, batch.sql_rows()),
            (Wide::PoolWait, batch.pool_wait_us()),
            (Wide::ApiTime, batch.api_us()),
            (Wide::BytesOut, batch.bytes_out()),
            (Wide::AllocBytes, batch.alloc_bytes()),
        ] {
            self.wide[wide as usize].extend_from_slice(values);
        }
    }

    /// `self.end` has the rows already.
    fn extend_narrow(&mut self, batch: &XLogColumns, base: usize, arrival_unix_us: i64) {
        let delays = self.end[base..].iter().map(|end| delay_ms(*end, arrival_unix_us));
        self.narrow[Narrow::ArrivalDelay as usize].extend(delays);
        for (narrow, values) in [
            (Narrow::Status, batch.status()),
            (Narrow::Polls, batch.polls()),
            (Narrow::SqlCount, batch.sql_count()),
            (Narrow::ApiCount, batch.api_count()),
            (Narrow::Steps, batch.steps()),
            (Narrow::StepsDropped, batch.steps_dropped()),
        ] {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the decoder has checked the ranges"
            )]
            self.narrow[narrow as usize].extend(values.iter().map(|value| *value as u32));
        }
        for row in 0..batch.len() {
            let (kind, end, profile) = batch.class(row);
            self.narrow[Narrow::Kind as usize].push(kind as u32);
            self.narrow[Narrow::End as usize].push(end as u32);
            self.narrow[Narrow::Profile as usize].push(profile as u32);
            let has_error = if batch.has_error(row) { HAS_ERROR } else { 0 };
            let has_profile = if profile == ProfileFate::Kept { HAS_PROFILE } else { 0 };
            let flags = u32::from(batch.flags_of(row).0) | has_error | has_profile;
            self.narrow[Narrow::Flags as usize].push(flags);
        }
        for nowhere in [Narrow::Pack, Narrow::PackFrame, Narrow::PackIndex] {
            self.narrow[nowhere as usize].resize(base + batch.len(), 0);
        }
    }

    /// Points a row at its profile.
    pub(super) fn point(&mut self, row: usize, pack: u32, (frame, index): (u32, u32)) {
        self.narrow[Narrow::Pack as usize][row] = pack;
        self.narrow[Narrow::PackFrame as usize][row] = frame;
        self.narrow[Narrow::PackIndex as usize][row] = index;
    }
}

/// From END to arrival, as a column has it.
fn delay_ms(end_unix_us: i64, arrival_unix_us: i64) -> u32 {
    let delay = arrival_unix_us.saturating_sub(end_unix_us) / 1000;
    let delay = delay.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    i32::try_from(delay).unwrap_or_default().cast_unsigned()
}
