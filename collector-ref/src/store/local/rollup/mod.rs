//! Rollups: what the rows of a segment add up to, by minute and in all.
//!
//! They are worked out when a generation is sealed, from the very rows of each segment, and lie in a
//! file beside it that lives and goes with it, so neither recovery nor retention nor repair can make
//! the two disagree; `check` works them out again and compares. What is in memory is added up from
//! its rows. A segment without rollups (an older one, a small one, or one whose file of rollups is
//! damaged) is answered from its rows, with the same answer.
//!
//! ```text
//! seg-12.rol = head | texts | total | minutes        each part zstd with its own checksum
//! ```
//! A table has one entry for each key: count, errors, sums, maximum, first and last END and the
//! buckets of the elapsed times, the same that a walk over the rows counts ([`Spread`]). Tables by
//! two texts answer for each of them as well. A table is kept only where it pays: reading few rows
//! is as quick as reading as many entries, and takes no more disk.
//!
//! [`Spread`]: super::spread::Spread

mod build;
mod file;
mod loaded;
mod table;
mod totals;

pub(crate) use build::{Built, Limits, Rows, build};
pub(crate) use file::{RollupFile, is_left_over, path_of, read_sum, unlink, verify};
pub(crate) use loaded::{Need, Table};
pub(crate) use totals::Totals;

use super::columns::Text;

/// Transactions a key of a table must have on average for the table to be kept. Below that the rows
/// answer. An entry takes about 25 bytes and a row 47, so a table costs at most 7 % of its rows.
pub(crate) const MIN_ROWS_PER_KEY: u32 = 8;

/// Most distinct keys of one table. Past it there is no such table in the whole segment (a row
/// `(other)` could not answer for any key for certain), `rollup_tables_over_limit` grows, and
/// questions that need it are answered from the rows. Bounds the memory of a seal to about 20 MB.
pub(crate) const MAX_KEYS: u32 = 65_536;

/// Microseconds of a minute.
pub(crate) const MINUTE_US: i64 = 60_000_000;

/// The text columns that keys are made of, in the order of a [`Need`].
pub(crate) const KEY_COLUMNS: [Text; 3] = [Text::Service, Text::Object, Text::Tenant];

/// Number of [`KEY_COLUMNS`].
pub(crate) const KEY_COUNT: usize = KEY_COLUMNS.len();

/// What a table tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Service,
    Object,
    Tenant,
    ServiceObject,
    TenantService,
}

impl Shape {
    /// All of them, those with fewer keys first.
    pub(crate) const ALL: [Self; 5] =
        [Self::Object, Self::Service, Self::Tenant, Self::ServiceObject, Self::TenantService];

    /// Places of its key columns among [`KEY_COLUMNS`]; one text twice for tables by one.
    pub(crate) const fn columns(self) -> [usize; 2] {
        match self {
            Self::Service => [0, 0],
            Self::Object => [1, 1],
            Self::Tenant => [2, 2],
            Self::ServiceObject => [0, 1],
            Self::TenantService => [2, 0],
        }
    }

    /// Whether it is by two texts.
    pub(crate) const fn is_pair(self) -> bool {
        let [a, b] = self.columns();
        a != b
    }

    /// The table by one of its two texts alone.
    pub(crate) const fn single(column: usize) -> Self {
        match column {
            0 => Self::Service,
            1 => Self::Object,
            _ => Self::Tenant,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Service => 1,
            Self::Object => 2,
            Self::Tenant => 3,
            Self::ServiceObject => 4,
            Self::TenantService => 5,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|shape| shape.number() == number)
    }
}
