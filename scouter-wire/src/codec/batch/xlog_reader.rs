//! Decodes the XLog section straight into columns.

use super::view::BatchCounts;
use super::xlog_columns::{ProfileEntry, XLogColumns};
use super::{begin_second, x};
use crate::codec::bytes::unzigzag;
use crate::codec::column::SectionReader;
use crate::codec::texts::Texts;
use crate::codec::{DecodeError, MAX_TAGS};
use crate::record::ProfileFate;
use crate::text::MAX_INLINE_BYTES;
use crate::{TextKind, TextRef, Txid};

impl XLogColumns {
    /// Replaces the content by a decompressed section. On an error the content is unspecified but
    /// safe to use again; the caller clears it.
    pub(super) fn read(
        &mut self,
        section: &[u8],
        counts: &BatchCounts,
        texts: &[TextRef],
    ) -> Result<(), DecodeError> {
        let section = SectionReader::parse(section)?;
        let texts = Texts::new(&mut section.reader(x::TEXT_COUNTS), texts)?;
        let rows = counts.xlogs;
        self.read_numbers(&section, rows)?;
        self.read_class(counts.profiles_stripped);
        self.read_times_and_ids(&section, rows)?;
        self.read_texts(&section, rows, &texts)?;
        self.read_tags(&section, rows, &texts)?;
        self.read_profiles(&section, counts)
    }

    fn read_numbers(
        &mut self,
        section: &SectionReader<'_>,
        rows: usize,
    ) -> Result<(), DecodeError> {
        for (number, column, bits, what) in [
            (x::ELAPSED, &mut self.elapsed, 64, "elapsed time"),
            (x::CLASS, &mut self.class, 64, "class"),
            (x::FLAGS, &mut self.flags, 64, "flags"),
            (x::STATUS, &mut self.status, 16, "status"),
            (x::BUSY, &mut self.busy, 64, "busy time"),
            (x::POLLS, &mut self.polls, 32, "polls"),
            (x::SQL_COUNT, &mut self.sql_count, 32, "SQL count"),
            (x::SQL_TIME, &mut self.sql_time, 64, "SQL time"),
            (x::SQL_ROWS, &mut self.sql_rows, 64, "SQL rows"),
            (x::POOL_WAIT, &mut self.pool_wait, 64, "pool wait"),
            (x::API_COUNT, &mut self.api_count, 32, "API count"),
            (x::API_TIME, &mut self.api_time, 64, "API time"),
            (x::BYTES_OUT, &mut self.bytes_out, 64, "bytes out"),
            (x::ALLOC_BYTES, &mut self.alloc_bytes, 64, "allocated bytes"),
            (x::STEPS, &mut self.steps, 32, "steps"),
            (x::STEPS_DROPPED, &mut self.steps_dropped, 32, "dropped steps"),
        ] {
            section.planes(number, rows, column, what)?;
            if bits < 64 && column.iter().fold(0, |any, value| any | value) >> bits != 0 {
                return Err(DecodeError::OutOfRange(what));
            }
        }
        Ok(())
    }

    fn read_times_and_ids(
        &mut self,
        section: &SectionReader<'_>,
        rows: usize,
    ) -> Result<(), DecodeError> {
        section.planes(x::END, rows, &mut self.end, "end time")?;
        let mut last = 0i64;
        for end in &mut self.end {
            last = last.wrapping_add(unzigzag(*end));
            *end = last.cast_unsigned();
        }
        section.planes(x::TTFB, rows, &mut self.ttfb, "time to first byte")?;
        for (ttfb, elapsed) in self.ttfb.iter_mut().zip(&self.elapsed) {
            *ttfb = elapsed.wrapping_sub(unzigzag(*ttfb).cast_unsigned());
        }
        section.planes(x::TXID_LOW, rows, &mut self.txid, "txid")?;
        section.planes(x::TXID_SECOND, rows, &mut self.scratch, "txid")?;
        let mut low = 0;
        let times = self.end.iter().zip(&self.elapsed);
        for ((txid, second), (end, elapsed)) in self.txid.iter_mut().zip(&self.scratch).zip(times) {
            low = undifference(*txid, low, "txid")?;
            let begin = begin_second(end.cast_signed(), *elapsed);
            *txid = u64::from(undifference(*second, begin, "txid")?) << 32 | u64::from(low);
        }
        if self.txid.contains(&0) {
            return Err(DecodeError::OutOfRange("txid"));
        }
        let (ids, rest) = section.raw(x::GXID).as_chunks::<16>();
        if ids.len() != rows || !rest.is_empty() {
            return Err(DecodeError::Truncated("gxid"));
        }
        self.gxid.clear();
        self.gxid.extend(ids.iter().map(|id| u128::from_le_bytes(*id)));
        if self.gxid.contains(&0) {
            return Err(DecodeError::OutOfRange("gxid"));
        }
        self.read_callers(section)
    }

    fn read_callers(&mut self, section: &SectionReader<'_>) -> Result<(), DecodeError> {
        let called = self.class.iter().filter(|class| *class >> 12 != 0).count();
        let mut lows = Vec::new();
        section.planes(x::CALLER_LOW, called, &mut lows, "caller")?;
        section.planes(x::CALLER_SECOND, called, &mut self.scratch, "caller")?;
        let mut callers = lows.iter().zip(&self.scratch);
        self.caller.clear();
        for ((class, end), elapsed) in self.class.iter().zip(&self.end).zip(&self.elapsed) {
            let caller = if class >> 12 == 0 {
                0
            } else {
                let (low, second) = callers.next().ok_or(DecodeError::Truncated("caller"))?;
                let begin = begin_second(end.cast_signed(), *elapsed);
                let low = u32::try_from(*low).map_err(|_| DecodeError::OutOfRange("caller"))?;
                let id = u64::from(undifference(*second, begin, "caller")?) << 32 | u64::from(low);
                Txid::new(id).ok_or(DecodeError::OutOfRange("caller"))?.value()
            };
            self.caller.push(caller);
        }
        Ok(())
    }

    /// Drops what only a newer version knows, and marks profiles that were stripped.
    fn read_class(&mut self, is_stripped: bool) {
        self.flags.iter_mut().for_each(|flags| *flags &= x::FLAG_BITS);
        for class in &mut self.class {
            *class &= x::CLASS_BITS;
            if is_stripped && *class >> 8 & 0xf == ProfileFate::Kept as u64 {
                *class |= u64::from(ProfileFate::Dropped as u8) << 8;
            }
        }
    }

    fn read_texts(
        &mut self,
        section: &SectionReader<'_>,
        rows: usize,
        texts: &Texts<'_>,
    ) -> Result<(), DecodeError> {
        section.planes(x::SERVICE, rows, &mut self.scratch, "service")?;
        self.service.clear();
        for index in &self.scratch {
            self.service.push(texts.resolve(TextKind::Service, *index)?);
        }
        let names = ["tenant", "login", "address", "user agent", "error"];
        let mut number = x::DICTIONARIES;
        for (column, what) in self.inline.iter_mut().zip(names) {
            section.planes(number, rows, column.rows_mut(), what)?;
            column.read_dictionary(
                section.reader(number + 1),
                section.raw(number + 2),
                MAX_INLINE_BYTES,
                what,
            )?;
            column.check_rows(what)?;
            number += 3;
        }
        section.planes(x::DESC_LENGTH, rows, &mut self.scratch, "description")?;
        let bytes = section.raw(x::DESC_TEXT);
        self.desc.read_rows(&self.scratch, bytes, MAX_INLINE_BYTES, "description")
    }

    fn read_tags(
        &mut self,
        section: &SectionReader<'_>,
        rows: usize,
        texts: &Texts<'_>,
    ) -> Result<(), DecodeError> {
        section.planes(x::TAG_COUNT, rows, &mut self.scratch, "tags")?;
        self.tag_ends.clear();
        let mut end = 0u32;
        for count in &self.scratch {
            // At most MAX_BATCH_XLOGS * MAX_TAGS, far below 2^32.
            match u32::try_from(*count) {
                Ok(count) if count as usize <= MAX_TAGS => end += count,
                _ => {
                    let limit = MAX_TAGS as u64;
                    return Err(DecodeError::TooLong { what: "tags", length: *count, limit });
                }
            }
            self.tag_ends.push(end);
        }
        let count = end as usize;
        section.planes(x::TAG_KEY, count, &mut self.scratch, "tag key")?;
        self.tag_keys.clear();
        for index in &self.scratch {
            self.tag_keys.push(texts.resolve(TextKind::Key, *index)?);
        }
        section.planes(x::TAG_LENGTH, count, &mut self.scratch, "tag value")?;
        let bytes = section.raw(x::TAG_TEXT);
        self.tag_values.read_rows(&self.scratch, bytes, MAX_INLINE_BYTES, "tag value")
    }

    fn read_profiles(
        &mut self,
        section: &SectionReader<'_>,
        counts: &BatchCounts,
    ) -> Result<(), DecodeError> {
        self.profiles.clear();
        if counts.profiles == 0 {
            // None came, or the sender stripped them after the directory was written.
            return Ok(());
        }
        section.planes(x::PROFILE_ROW, counts.profiles, &mut self.scratch, "profile row")?;
        let mut txids = section.reader(x::PROFILE_TXID);
        let mut ends = section.reader(x::PROFILE_END);
        let mut expected = 0i64;
        for row in &self.scratch {
            let entry = if let Some(ahead) = row.checked_sub(1) {
                let place = expected.wrapping_add(unzigzag(ahead));
                let row = usize::try_from(place)
                    .ok()
                    .filter(|row| *row < self.txid.len())
                    .ok_or(DecodeError::OutOfRange("profile row"))?;
                expected = place + 1;
                ProfileEntry {
                    txid: Txid::new(self.txid[row]).ok_or(DecodeError::OutOfRange("txid"))?,
                    end_unix_us: self.end_unix_us(row),
                    // Below MAX_BATCH_XLOGS.
                    row: u32::try_from(row).ok(),
                }
            } else {
                let txid = Txid::new(txids.u64("profile txid")?);
                ProfileEntry {
                    txid: txid.ok_or(DecodeError::OutOfRange("profile txid"))?,
                    end_unix_us: ends.i64("profile end")?,
                    row: None,
                }
            };
            self.profiles.push(entry);
        }
        Ok(())
    }
}

/// Undoes the writer's `difference`.
fn undifference(value: u64, base: u32, what: &'static str) -> Result<u32, DecodeError> {
    let value = u32::try_from(value).map_err(|_| DecodeError::OutOfRange(what))?;
    let difference = (value >> 1).cast_signed() ^ -((value & 1).cast_signed());
    Ok(base.wrapping_add_signed(difference))
}
