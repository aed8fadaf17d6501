//! The steps around a step, outwards, and which of them an error came from.

use crate::callsite::Callsite;
use crate::header::{Half, Header};
use crate::records::{NO_RECORD, StepName, parent_of};
use crate::texts::Slot;
use crate::transaction::{mark, set_mark, set_text};

/// First words of the step at `index` and of those around it, innermost first, for the thread that
/// works on the transaction. Neither allocates nor waits.
pub(crate) fn outwards(header: &'static Header, index: u32) -> impl Iterator<Item = u64> {
    let mut next = index;
    std::iter::from_fn(move || {
        let index = next;
        if index == NO_RECORD {
            return None;
        }
        let record = header.record(index)?;
        let parent = parent_of(record.link());
        // Parents have smaller indexes, so it ends.
        next = if parent < index { parent } else { NO_RECORD };
        Some(record.word0())
    })
}

/// The callsite of the step at `index`, or the nearest around it that has one.
pub(crate) fn site_around(header: &'static Header, index: u32) -> Option<&'static Callsite> {
    outwards(header, index).find_map(|word0| match StepName::of(word0) {
        Some(StepName::Site(site)) => Some(site),
        _ => None,
    })
}

/// Remembers where the first error in it came from, whatever it is wrapped in later on. The first
/// one with a place wins. No error of the transaction by itself: it may be handled.
#[cold]
pub(crate) fn note_origin(header: &'static Header, site: Option<&'static Callsite>, error: &str) {
    let Some(site) = site else { return };
    if header.half(Half::Marks) & mark::ORIGIN == 0 {
        set_mark(header, mark::ORIGIN);
        set_text(header, Slot::Origin, site.text().number(), error);
    }
}
