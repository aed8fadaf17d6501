//! Holds the rollups of a segment against its rows.

use std::collections::HashMap;
use std::path::Path;

use super::{Segment, SegmentError};
use crate::store::TimeRange;
use crate::store::local::columns::{Column, Narrow, Wide};
use crate::store::local::manifest::RollupEntry;
use crate::store::local::rollup::{self, KEY_COLUMNS, KEY_COUNT, Rows};

/// The columns that rollups are worked out from, in memory.
#[derive(Default)]
struct Gathered {
    end: Vec<i64>,
    elapsed: Vec<u64>,
    flags: Vec<u32>,
    sql_us: Vec<u64>,
    sql_count: Vec<u32>,
    api_us: Vec<u64>,
    api_count: Vec<u32>,
    keys: [Vec<u32>; KEY_COUNT],
    texts: [Vec<String>; KEY_COUNT],
    numbers: [HashMap<String, u32>; KEY_COUNT],
}

impl Segment {
    /// Works the rollups out again and compares. Takes some 60 bytes of memory a row.
    pub(crate) fn verify_rollup(
        &self,
        path: &Path,
        entry: RollupEntry,
    ) -> Result<(), SegmentError> {
        let mut all = Gathered::default();
        let mut columns = vec![
            Column::EndTime,
            Column::Wide(Wide::Elapsed),
            Column::Wide(Wide::SqlTime),
            Column::Wide(Wide::ApiTime),
            Column::Narrow(Narrow::Flags),
            Column::Narrow(Narrow::SqlCount),
            Column::Narrow(Narrow::ApiCount),
        ];
        columns.extend(KEY_COLUMNS.map(Column::Text));
        self.scan(TimeRange::ALL, &columns, &mut 0, &mut |chunk| {
            all.end.extend_from_slice(chunk.end);
            all.elapsed.extend_from_slice(chunk.wide(Wide::Elapsed));
            all.flags.extend_from_slice(chunk.narrow(Narrow::Flags));
            all.sql_us.extend_from_slice(chunk.wide(Wide::SqlTime));
            all.sql_count.extend_from_slice(chunk.narrow(Narrow::SqlCount));
            all.api_us.extend_from_slice(chunk.wide(Wide::ApiTime));
            all.api_count.extend_from_slice(chunk.narrow(Narrow::ApiCount));
            for (column, text) in KEY_COLUMNS.into_iter().enumerate() {
                all.add_texts(column, &chunk.text(text));
            }
        })?;
        let order: Vec<u32> = (0..u32::try_from(all.end.len()).unwrap_or(u32::MAX)).collect();
        let rows = Rows {
            order: &order,
            end: &all.end,
            elapsed: &all.elapsed,
            flags: &all.flags,
            sql_us: &all.sql_us,
            sql_count: &all.sql_count,
            api_us: &all.api_us,
            api_count: &all.api_count,
            keys: std::array::from_fn(|column| &*all.keys[column]),
            text: &|column, number| all.texts[column][number as usize].as_str(),
        };
        rollup::verify(path, entry, &rows).map_err(SegmentError::Damaged)
    }
}

impl Gathered {
    fn add_texts(&mut self, column: usize, from: &super::TextColumn<'_>) {
        let (texts, numbers) = (&mut self.texts[column], &mut self.numbers[column]);
        let mut known: HashMap<u32, u32> = HashMap::new();
        self.keys[column].extend(from.keys.iter().map(|key| {
            *known.entry(*key).or_insert_with(|| {
                let text = from.text(*key);
                *numbers.entry(text.to_owned()).or_insert_with(|| {
                    texts.push(text.to_owned());
                    u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
                })
            })
        }));
    }
}
