//! What is added up of the rows of one key, and how it is written down.

use super::super::bytes::{Damaged, Reader, put_varint, unzigzag, zigzag};
use super::super::spread::{BUCKETS, Spread};

/// Everything that questions add up of a group of rows.
#[derive(Debug, Clone)]
pub(crate) struct Totals {
    pub(crate) spread: Spread,
    pub(crate) sql_us: u64,
    pub(crate) sql_count: u64,
    pub(crate) api_us: u64,
    pub(crate) api_count: u64,
    pub(crate) first_unix_us: i64,
    pub(crate) last_unix_us: i64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            spread: Spread::default(),
            sql_us: 0,
            sql_count: 0,
            api_us: 0,
            api_count: 0,
            first_unix_us: i64::MAX,
            last_unix_us: i64::MIN,
        }
    }
}

impl Totals {
    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.spread.clear();
        let spread = std::mem::take(&mut self.spread);
        *self = Self { spread, ..Self::default() };
    }

    /// Adds the time in SQL and in outbound calls of one row, and when it ended.
    #[inline]
    pub(crate) fn add_times(&mut self, end_unix_us: i64, sql_us: u64, api_us: u64) {
        self.sql_us = self.sql_us.saturating_add(sql_us);
        self.api_us = self.api_us.saturating_add(api_us);
        self.first_unix_us = self.first_unix_us.min(end_unix_us);
        self.last_unix_us = self.last_unix_us.max(end_unix_us);
    }

    /// Adds all that another group has.
    pub(super) fn merge(&mut self, other: &Self) {
        let spread = &mut self.spread;
        spread.count += other.spread.count;
        spread.errors += other.spread.errors;
        spread.elapsed_sum_us = spread.elapsed_sum_us.saturating_add(other.spread.elapsed_sum_us);
        spread.max_us = spread.max_us.max(other.spread.max_us);
        let (first, counts) = other.spread.buckets();
        spread.add_buckets(first, counts.iter().copied());
        self.sql_us = self.sql_us.saturating_add(other.sql_us);
        self.sql_count += other.sql_count;
        self.api_us = self.api_us.saturating_add(other.api_us);
        self.api_count += other.api_count;
        self.first_unix_us = self.first_unix_us.min(other.first_unix_us);
        self.last_unix_us = self.last_unix_us.max(other.last_unix_us);
    }

    /// Writes it down; times are told from `base_unix_us` on.
    pub(super) fn put(&self, out: &mut Vec<u8>, base_unix_us: i64) {
        let spread = &self.spread;
        for number in [
            spread.count,
            spread.errors,
            spread.elapsed_sum_us,
            spread.max_us,
            self.sql_us,
            self.sql_count,
            self.api_us,
            self.api_count,
            zigzag(self.first_unix_us.wrapping_sub(base_unix_us)),
            zigzag(self.last_unix_us.wrapping_sub(self.first_unix_us)),
        ] {
            put_varint(out, number);
        }
        let (first, counts) = spread.buckets();
        put_varint(out, first as u64);
        // The width of a bucket is the lowest bit: nearly all are bytes, which are added up quickly.
        let bytes: Option<Vec<u8>> = counts.iter().map(|count| u8::try_from(*count).ok()).collect();
        put_varint(out, (counts.len() as u64) << 1 | u64::from(bytes.is_none()));
        match bytes {
            Some(bytes) => out.extend_from_slice(&bytes),
            None => counts.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes())),
        }
    }
}

/// Totals as they stand in a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) count: u64,
    pub(crate) errors: u64,
    elapsed_sum_us: u64,
    max_us: u64,
    sql_us: u64,
    sql_count: u64,
    api_us: u64,
    api_count: u64,
    first_unix_us: i64,
    last_unix_us: i64,
    first_bucket: usize,
    buckets: Buckets<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Buckets<'a> {
    Bytes(&'a [u8]),
    Words(&'a [[u8; 4]]),
}

impl<'a> Stored<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, base_unix_us: i64) -> Result<Self, Damaged> {
        let mut next = || reader.varint();
        let (count, errors, elapsed_sum_us, max_us) = (next()?, next()?, next()?, next()?);
        let (sql_us, sql_count, api_us, api_count) = (next()?, next()?, next()?, next()?);
        let first_unix_us = base_unix_us.wrapping_add(unzigzag(next()?));
        let last_unix_us = first_unix_us.wrapping_add(unzigzag(next()?));
        let first_bucket = usize::try_from(next()?).map_err(|_| Damaged)?;
        let length = usize::try_from(next()?).map_err(|_| Damaged)?;
        let (length, is_wide) = (length >> 1, length & 1 == 1);
        if first_bucket.checked_add(length).is_none_or(|end| end > BUCKETS) {
            return Err(Damaged);
        }
        let buckets = if is_wide {
            Buckets::Words(reader.take(4 * length)?.as_chunks().0)
        } else {
            Buckets::Bytes(reader.take(length)?)
        };
        Ok(Self {
            count,
            errors,
            elapsed_sum_us,
            max_us,
            sql_us,
            sql_count,
            api_us,
            api_count,
            first_unix_us,
            last_unix_us,
            first_bucket,
            buckets,
        })
    }

    /// Adds count, errors, elapsed times and their buckets to a group.
    #[inline]
    pub(crate) fn add_to_spread(&self, spread: &mut Spread) {
        spread.count += self.count;
        spread.errors += self.errors;
        spread.elapsed_sum_us = spread.elapsed_sum_us.saturating_add(self.elapsed_sum_us);
        spread.max_us = spread.max_us.max(self.max_us);
        match self.buckets {
            Buckets::Bytes(bytes) => {
                spread.add_buckets(self.first_bucket, bytes.iter().map(|count| u32::from(*count)));
            }
            Buckets::Words(words) => {
                let counts = words.iter().map(|word| u32::from_le_bytes(*word));
                spread.add_buckets(self.first_bucket, counts);
            }
        }
    }

    /// Adds everything to a group.
    #[inline]
    pub(crate) fn add_to(&self, totals: &mut Totals) {
        self.add_to_spread(&mut totals.spread);
        totals.sql_us = totals.sql_us.saturating_add(self.sql_us);
        totals.sql_count += self.sql_count;
        totals.api_us = totals.api_us.saturating_add(self.api_us);
        totals.api_count += self.api_count;
        totals.first_unix_us = totals.first_unix_us.min(self.first_unix_us);
        totals.last_unix_us = totals.last_unix_us.max(self.last_unix_us);
    }
}
