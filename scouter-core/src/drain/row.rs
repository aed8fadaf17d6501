//! A finished row from its words.

use scouter_wire::record::{EndReason, ProfileFate, Tag, XLog, XLogFlags, XLogKind};
use scouter_wire::{Gxid, TextRef, Txid};

use super::DrainVisitor;
use crate::clock::Scale;
use crate::finish::ROW_WORDS;
use crate::header::{Half, WORDS, Word, epoch_of};
use crate::texts::{Slot, walk};

/// Buffers that are reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    text: String,
    /// Places in `text`, by slot.
    fields: [(usize, usize); 8],
    tags: Vec<(u32, usize, usize)>,
}

impl Scratch {
    fn fill(&mut self, words: &[u64]) {
        self.text.clear();
        self.tags.clear();
        self.fields = Default::default();
        let Self { bytes, text, fields, tags } = self;
        walk(words, bytes, |slot, key, value| {
            let place = (text.len(), text.len() + value.len());
            text.push_str(value);
            if slot == Slot::Tag as u8 {
                tags.push((key, place.0, place.1));
            } else if let Some(field) = fields.get_mut(usize::from(slot)) {
                *field = place;
            }
        });
    }

    fn field(&self, slot: Slot) -> &str {
        let (from, to) = self.fields[slot as usize];
        self.text.get(from..to).unwrap_or_default()
    }
}

/// Decodes one row and hands it over. Words that make no row (only misuse can make them) are
/// skipped.
pub(super) fn decode(words: &[u64], scratch: &mut Scratch, visitor: &mut dyn DrainVisitor) {
    let Some((fixed, texts)) = words.split_first_chunk::<ROW_WORDS>() else { return };
    scratch.fill(texts);
    let word = |word: Word| fixed[word as usize];
    let half = |half: Half| {
        let pair = fixed[WORDS + half as usize / 2];
        #[expect(clippy::cast_possible_truncation, reason = "one of the halves")]
        let half = (pair >> (half as usize % 2 * 32)) as u32;
        half
    };
    let (Some(txid), Some(gxid)) = (
        Txid::new(word(Word::Txid)),
        Gxid::new(u128::from(word(Word::GxidHigh)) << 64 | u128::from(word(Word::GxidLow))),
    ) else {
        return;
    };
    let tags: Vec<Tag<'_>> = scratch
        .tags
        .iter()
        .map(|(key, from, to)| Tag { key: TextRef(*key), value: &scratch.text[*from..*to] })
        .collect();
    let elapsed = word(Word::End).saturating_sub(word(Word::Start));
    let polls = half(Half::Polls);
    let busy = if polls == 0 { elapsed } else { word(Word::Busy) };
    #[expect(clippy::cast_possible_truncation, reason = "bit fields of the last two words")]
    let (end, fate, steps, steps_dropped, service) = (
        end_reason(fixed[ROW_WORDS - 2] as u8),
        fate((fixed[ROW_WORDS - 2] >> 8) as u8),
        fixed[ROW_WORDS - 1] as u32,
        (fixed[ROW_WORDS - 1] >> 32) as u32,
        word(Word::ServiceEpoch) as u32,
    );
    let clock = Scale::of(epoch_of(word(Word::ServiceEpoch)));
    let mut flags = XLogFlags(u16::try_from(half(Half::Flags) & 0xffff).unwrap_or(0));
    if clock.is_past() {
        flags = flags.with(XLogFlags::CLOCK_CHANGED);
    }
    visitor.xlog(&XLog {
        end_unix_us: clock.unix_us(word(Word::End)),
        elapsed_us: clock.us(elapsed),
        txid,
        gxid,
        caller: Txid::new(word(Word::Caller)),
        kind: kind(half(Half::Kind)),
        end,
        profile: fate,
        flags,
        service: TextRef(service),
        status: u16::try_from(half(Half::Status)).unwrap_or(u16::MAX),
        error: scratch.field(Slot::Error),
        busy_us: clock.us(busy),
        polls,
        ttfb_us: clock.us(word(Word::Ttfb)),
        sql_count: half(Half::SqlCount),
        sql_us: clock.us(word(Word::SqlTicks)),
        sql_rows: word(Word::SqlRows),
        pool_wait_us: clock.us(word(Word::PoolWait)),
        api_count: half(Half::ApiCount),
        api_us: clock.us(word(Word::ApiTicks)),
        bytes_out: word(Word::BytesOut),
        alloc_bytes: word(Word::AllocBytes),
        steps,
        steps_dropped,
        tenant: scratch.field(Slot::Tenant),
        login: scratch.field(Slot::Login),
        desc: scratch.field(Slot::Desc),
        ip: scratch.field(Slot::Ip),
        user_agent: scratch.field(Slot::UserAgent),
        tags: &tags,
    });
}

pub(crate) fn kind(number: u32) -> XLogKind {
    match number {
        1 => XLogKind::Service,
        2 => XLogKind::Background,
        3 => XLogKind::Spawned,
        _ => XLogKind::Web,
    }
}

fn end_reason(number: u8) -> EndReason {
    match number {
        1 => EndReason::CancelledBeforeResponse,
        2 => EndReason::AbortedInBody,
        3 => EndReason::BodyError,
        4 => EndReason::ServiceError,
        5 => EndReason::Panic,
        6 => EndReason::Upgraded,
        7 => EndReason::ForcedEnd,
        _ => EndReason::Complete,
    }
}

fn fate(number: u8) -> ProfileFate {
    match number {
        1 => ProfileFate::Empty,
        2 => ProfileFate::SampledOut,
        3 => ProfileFate::Dropped,
        _ => ProfileFate::Kept,
    }
}
