//! Gathers XLogs into columns and writes the XLog section.

use super::{begin_second, x};
use crate::codec::MAX_TAGS;
use crate::codec::bytes::{put_varint, zigzag};
use crate::codec::column::SectionWriter;
use crate::codec::strings::StringDictionary;
use crate::codec::texts::{KINDS, LocalTexts};
use crate::record::XLog;
use crate::text::{MAX_INLINE_BYTES, cut};
use crate::{TextKind, Txid};

/// Numeric columns that are written as they are gathered, in the order of [`PLAIN`].
const PLAIN_COUNT: usize = 22;

/// Their column numbers.
const PLAIN: [u8; PLAIN_COUNT] = [
    x::END,
    x::ELAPSED,
    x::CLASS,
    x::FLAGS,
    x::SERVICE,
    x::STATUS,
    x::BUSY,
    x::POLLS,
    x::TTFB,
    x::SQL_COUNT,
    x::SQL_TIME,
    x::SQL_ROWS,
    x::POOL_WAIT,
    x::API_COUNT,
    x::API_TIME,
    x::BYTES_OUT,
    x::ALLOC_BYTES,
    x::STEPS,
    x::STEPS_DROPPED,
    x::TXID_SECOND,
    x::TXID_LOW,
    x::TAG_COUNT,
];

/// Bytes of an XLog without its texts, roughly.
const ROW_BYTES: usize = 80;

/// How far to look in the XLogs for the one a profile belongs to; further away it travels with its
/// own txid, which costs 16 bytes.
const MAX_ROW_SEARCH: usize = 64;

#[derive(Debug, Default)]
pub(super) struct XLogWriter {
    txids: Vec<u64>,
    plain: [Vec<u64>; PLAIN_COUNT],
    callers: [Vec<u64>; 2],
    gxids: Vec<u8>,
    dictionaries: [StringDictionary; x::DICTIONARY_COUNT],
    rows: [Vec<u64>; x::DICTIONARY_COUNT],
    desc_lengths: Vec<u64>,
    desc_text: Vec<u8>,
    tag_keys: Vec<u64>,
    tag_lengths: Vec<u64>,
    tag_text: Vec<u8>,
    profile_rows: Vec<u64>,
    profile_txids: Vec<u8>,
    profile_ends: Vec<u8>,
    /// Row after the last one a profile was found for.
    expected_row: usize,
    last_end: i64,
    last_txid_low: u32,
}

impl XLogWriter {
    pub(super) fn len(&self) -> usize {
        self.txids.len()
    }

    /// Roughly how many bytes the section has before compression.
    pub(super) fn bytes(&self) -> usize {
        let inline: usize = self.dictionaries.iter().map(|texts| texts.bytes().len()).sum();
        ROW_BYTES * self.txids.len() + inline + self.tag_text.len() + self.desc_text.len()
    }

    pub(super) fn push(&mut self, xlog: &XLog<'_>, texts: &mut LocalTexts) {
        let begin = begin_second(xlog.end_unix_us, xlog.elapsed_us);
        let (second, low) = halves(xlog.txid);
        let class = u64::from(xlog.kind as u8)
            | u64::from(xlog.end as u8) << 4
            | u64::from(xlog.profile as u8) << 8
            | u64::from(xlog.caller.is_some()) << 12;
        let tags = &xlog.tags[..xlog.tags.len().min(MAX_TAGS)];
        let row = [
            zigzag(xlog.end_unix_us.wrapping_sub(self.last_end)),
            xlog.elapsed_us,
            class,
            u64::from(xlog.flags.0),
            texts.index(TextKind::Service, xlog.service),
            u64::from(xlog.status),
            xlog.busy_us,
            u64::from(xlog.polls),
            zigzag(xlog.elapsed_us.wrapping_sub(xlog.ttfb_us).cast_signed()),
            u64::from(xlog.sql_count),
            xlog.sql_us,
            xlog.sql_rows,
            xlog.pool_wait_us,
            u64::from(xlog.api_count),
            xlog.api_us,
            xlog.bytes_out,
            xlog.alloc_bytes,
            u64::from(xlog.steps),
            u64::from(xlog.steps_dropped),
            difference(second, begin),
            difference(low, self.last_txid_low),
            tags.len() as u64,
        ];
        for (column, value) in self.plain.iter_mut().zip(row) {
            column.push(value);
        }
        self.last_end = xlog.end_unix_us;
        self.last_txid_low = low;
        self.txids.push(xlog.txid.value());
        if let Some(caller) = xlog.caller {
            let (second, low) = halves(caller);
            self.callers[0].push(difference(second, begin));
            self.callers[1].push(u64::from(low));
        }
        self.gxids.extend_from_slice(&xlog.gxid.value().to_le_bytes());
        let inline = [xlog.tenant, xlog.login, xlog.ip, xlog.user_agent, xlog.error];
        for ((dictionary, rows), text) in
            self.dictionaries.iter_mut().zip(&mut self.rows).zip(inline)
        {
            rows.push(dictionary.index(text, MAX_INLINE_BYTES));
        }
        let desc = cut(xlog.desc, MAX_INLINE_BYTES);
        self.desc_lengths.push(desc.len() as u64);
        self.desc_text.extend_from_slice(desc.as_bytes());
        for tag in tags {
            let value = cut(tag.value, MAX_INLINE_BYTES);
            self.tag_keys.push(texts.index(TextKind::Key, tag.key));
            self.tag_lengths.push(value.len() as u64);
            self.tag_text.extend_from_slice(value.as_bytes());
        }
    }

    /// Notes which transaction the next profile belongs to: usually one of the next rows, since
    /// the recorder hands over both in the same order.
    pub(super) fn push_profile(&mut self, txid: Txid, end_unix_us: i64) {
        let wanted = txid.value();
        let ahead = self.txids.iter().enumerate().skip(self.expected_row).take(MAX_ROW_SEARCH);
        let behind = self.txids.iter().enumerate().take(self.expected_row).rev();
        let found = ahead
            .chain(behind.take(MAX_ROW_SEARCH))
            .find(|(_, txid)| **txid == wanted)
            .map(|(row, _)| row);
        if let Some(row) = found {
            let ahead =
                i64::try_from(row).unwrap_or(0) - i64::try_from(self.expected_row).unwrap_or(0);
            self.profile_rows.push(zigzag(ahead) + 1);
            self.expected_row = row + 1;
        } else {
            self.profile_rows.push(0);
            self.profile_txids.extend_from_slice(&wanted.to_le_bytes());
            self.profile_ends.extend_from_slice(&end_unix_us.to_le_bytes());
        }
    }

    /// Writes the columns into `section` and begins the next batch.
    pub(super) fn finish(&mut self, section: &mut SectionWriter, counts: &[usize; KINDS]) {
        section.column(x::TEXT_COUNTS, |out| {
            counts.iter().for_each(|count| put_varint(out, *count as u64));
        });
        for (number, column) in PLAIN.into_iter().zip(&self.plain) {
            section.planes(number, column);
        }
        section.planes(x::CALLER_SECOND, &self.callers[0]);
        section.planes(x::CALLER_LOW, &self.callers[1]);
        section.raw(x::GXID, &self.gxids);
        section.planes(x::TAG_KEY, &self.tag_keys);
        section.planes(x::TAG_LENGTH, &self.tag_lengths);
        section.raw(x::TAG_TEXT, &self.tag_text);
        section.planes(x::DESC_LENGTH, &self.desc_lengths);
        section.raw(x::DESC_TEXT, &self.desc_text);
        section.planes(x::PROFILE_ROW, &self.profile_rows);
        section.raw(x::PROFILE_TXID, &self.profile_txids);
        section.raw(x::PROFILE_END, &self.profile_ends);
        let mut number = x::DICTIONARIES;
        for (dictionary, rows) in self.dictionaries.iter().zip(&self.rows) {
            section.planes(number, rows);
            section.column(number + 1, |out| dictionary.put_lengths(out));
            section.raw(number + 2, dictionary.bytes());
            number += 3;
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.txids.clear();
        self.plain.iter_mut().for_each(Vec::clear);
        self.callers.iter_mut().for_each(Vec::clear);
        self.gxids.clear();
        self.dictionaries.iter_mut().for_each(StringDictionary::clear);
        self.rows.iter_mut().for_each(Vec::clear);
        for column in [
            &mut self.desc_lengths,
            &mut self.tag_keys,
            &mut self.tag_lengths,
            &mut self.profile_rows,
        ] {
            column.clear();
        }
        for column in [
            &mut self.desc_text,
            &mut self.tag_text,
            &mut self.profile_txids,
            &mut self.profile_ends,
        ] {
            column.clear();
        }
        self.expected_row = 0;
        self.last_end = 0;
        self.last_txid_low = 0;
    }
}

/// Upper and lower half of an id.
#[expect(clippy::cast_possible_truncation, reason = "the halves are what is meant")]
const fn halves(txid: Txid) -> (u32, u32) {
    let id = txid.value();
    ((id >> 32) as u32, id as u32)
}

/// The wrapping difference of two 32-bit numbers, small in either direction.
const fn difference(value: u32, base: u32) -> u64 {
    let difference = value.wrapping_sub(base).cast_signed();
    ((difference << 1) ^ (difference >> 31)).cast_unsigned() as u64
}
