//! A finished row from its words.

use scouter_wire::record::{EndReason, ProfileFate, Tag, XLog, XLogFlags, XLogKind};
use scouter_wire::text::{cut, split_method_text};
use scouter_wire::{Gxid, TextRef, Txid};

use super::DrainVisitor;
use crate::clock::Scale;
use crate::finish::ROW_WORDS;
use crate::fixed::end_of;
use crate::header::{Half, WORDS, Word, epoch_of};
use crate::text::TextId;
use crate::texts::{MAX_FIELD_BYTES, Slot, walk};

/// Buffers that are reused from row to row.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    text: String,
    /// Places in `text`, by slot.
    fields: [(usize, usize); 9],
    /// Number of the place that the first error of a step came from.
    origin: u32,
    /// The error with where it came from.
    error: String,
    tags: Vec<(u32, usize, usize)>,
}

impl Scratch {
    fn fill(&mut self, words: &[u64]) {
        self.text.clear();
        self.tags.clear();
        self.fields = Default::default();
        self.origin = 0;
        let Self { bytes, text, fields, origin, tags, .. } = self;
        walk(words, bytes, |slot, key, value| {
            let place = (text.len(), text.len() + value.len());
            text.push_str(value);
            if slot == Slot::Tag as u8 {
                tags.push((key, place.0, place.1));
            } else if let Some(field) = fields.get_mut(usize::from(slot)) {
                *field = place;
                if slot == Slot::Origin as u8 {
                    *origin = key;
                }
            }
        });
        let mut error = std::mem::take(&mut self.error);
        let (_, place) = split_method_text(crate::text::text(TextId::from_number(self.origin)));
        explain(self.field(Slot::Error), self.field(Slot::Origin), place, &mut error);
        self.error = error;
    }

    fn field(&self, slot: Slot) -> &str {
        let (from, to) = self.fields[slot as usize];
        self.text.get(from..to).unwrap_or_default()
    }
}

/// Most bytes of an error's place that are shown, its end.
const MAX_PLACE_BYTES: usize = 100;

/// Least bytes of the error itself that are kept when its origin needs room.
const MIN_ERROR_BYTES: usize = 80;

/// The error of a transaction with the place its first error came from, and with that one if it was
/// wrapped so that it does not show: a handler that answers "500" hides why.
fn explain(error: &str, origin: &str, place: &str, out: &mut String) {
    out.clear();
    if error.is_empty() || place.is_empty() || error.contains(place) {
        out.push_str(error);
        return;
    }
    let place = end_of(place, MAX_PLACE_BYTES);
    if error.contains(origin) {
        out.push_str(cut(error, MAX_FIELD_BYTES - place.len() - 4));
        out.extend([" at ", place]);
        return;
    }
    let error = cut(error, MIN_ERROR_BYTES.max(error.len().min(MAX_FIELD_BYTES / 3)));
    let left = MAX_FIELD_BYTES - error.len() - place.len() - 14;
    out.extend([error, " (first: ", cut(origin, left), " at ", place, ")"]);
    debug_assert!(out.len() <= MAX_FIELD_BYTES);
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
        error: &scratch.error,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_its_origin_whatever_it_was_wrapped_in_and_however_long_all_of_it_is() {
        let shown = |error: &str, origin: &str, place: &str| {
            let mut out = String::from("old");
            explain(error, origin, place, &mut out);
            out
        };
        assert_eq!(shown("", "db down", "a.rs:1"), "", "it was handled");
        assert_eq!(shown("db down", "", ""), "db down");
        assert_eq!(shown("db down", "db down", "a.rs:1"), "db down at a.rs:1");
        assert_eq!(
            shown("cannot load: db down", "db down", "a.rs:1"),
            "cannot load: db down at a.rs:1"
        );
        assert_eq!(shown("500", "db down", "a.rs:1"), "500 (first: db down at a.rs:1)");
        assert_eq!(shown("panicked at a.rs:1: x", "x", "a.rs:1"), "panicked at a.rs:1: x");
        let long = ["é".repeat(400), "e".repeat(400)];
        for error in &long {
            for origin in [error.as_str(), "ü", &"ü".repeat(400)] {
                let place = format!("{}/main.rs:4711", "ä".repeat(200));
                let shown = shown(error, origin, &place);
                assert!(shown.len() <= MAX_FIELD_BYTES, "{shown}");
                assert!(shown.contains("/main.rs:4711"), "{shown}");
            }
        }
    }
}
