//! Points for the picture.

use super::super::columns::{Column, HAS_ERROR, HAS_PROFILE, Narrow, Text};
use super::super::segment::TextColumn;
use super::super::view::{Stop, View};
use super::filter::FilterRun;
use super::heights::{self, Heights};
use crate::store::{Bounds, Filter, Measure, Point, Points, QueryError, TimeRange, quantise};
use scouter_wire::record::XLogFlags;

/// Hash bytes of services by key, found out once per key.
#[derive(Debug, Default)]
struct ServiceColours {
    dictionary: u64,
    /// The attribute bits of the key's colour, and bit 0 when they are known.
    bits: Vec<u16>,
}

impl ServiceColours {
    /// To be called once before the rows of a chunk are asked about.
    fn enter(&mut self, column: TextColumn<'_>) {
        if self.dictionary != column.dictionary {
            self.dictionary = column.dictionary;
            self.bits.clear();
        }
        if self.bits.len() < column.key_count() {
            self.bits.resize(column.key_count(), 0);
        }
    }

    #[inline]
    fn of(&mut self, column: TextColumn<'_>, row: usize) -> u16 {
        let key = column.keys[row];
        match self.bits.get(key as usize) {
            Some(bits) if *bits != 0 => *bits & !1,
            _ => self.learn(column, key),
        }
    }

    #[cold]
    fn learn(&mut self, column: TextColumn<'_>, key: u32) -> u16 {
        let bits = colour_bits(column.text(key));
        if let Some(known) = self.bits.get_mut(key as usize) {
            *known = bits | 1;
        }
        bits
    }
}

/// Bits 8 to 15 of a point's attributes.
fn colour_bits(service: &str) -> u16 {
    u16::from(quantise::service_hash(service).to_le_bytes()[0]) << 8
}

/// The points of a time range; [`QueryError::TooMany`] past the limit.
pub(crate) fn points(
    view: &View,
    range: TimeRange,
    measure: Measure,
    filter: &Filter,
    limit: usize,
) -> Result<Points, Stop> {
    let mut run = FilterRun::new(Bounds::time(range), filter);
    let columns = run.columns(&[
        heights::column(measure),
        Column::Narrow(Narrow::Flags),
        Column::Text(Text::Service),
    ]);
    let mut points = Vec::new();
    let mut total = 0u64;
    let mut colours = ServiceColours::default();
    view.scan(range, &columns, &mut |chunk| {
        let heights = Heights::of(chunk, measure);
        let flags = chunk.narrow(Narrow::Flags);
        let services = chunk.text(Text::Service);
        colours.enter(services);
        if points.len() < limit {
            points.reserve(chunk.end.len().min(limit - points.len()));
        }
        run.select(chunk, |row| {
            total += 1;
            if points.len() < limit {
                points.push(Point {
                    end_unix_us: chunk.end[row],
                    height: heights.cell(row),
                    attributes: attributes(flags[row]) | colours.of(services, row),
                });
            }
        });
    })?;
    if total > limit as u64 {
        return Err(Stop::Failed(QueryError::TooMany { total, limit }));
    }
    if !points.is_sorted_by_key(|point| point.end_unix_us) {
        // Stable: sources are sorted runs, which this sort merges.
        points.sort_by_key(|point| point.end_unix_us);
    }
    Ok(Points { points, cursor: view.cursor })
}

/// Bits 0 to 2 of a point's attributes.
const fn attributes(flags: u32) -> u16 {
    let mut attributes = 0;
    if flags & HAS_ERROR != 0 {
        attributes |= Point::ERROR;
    }
    if flags & XLogFlags::SLOW.0 as u32 != 0 {
        attributes |= Point::SLOW;
    }
    if flags & HAS_PROFILE != 0 {
        attributes |= Point::PROFILE;
    }
    attributes
}
