//! The one end of a transaction: what becomes of its profile, and its row.
//!
//! The row is always kept as long as its queue has room. The profile is kept unless the
//! application switched profiles off, sampling or a full queue says otherwise; a transaction that
//! is slow, failed or forced keeps it until the queue is really full. The decision is taken here,
//! on the thread that ends the transaction, while its records are still in the cache.

use scouter_wire::record::{EndReason, ProfileFate, XLogFlags};

use crate::header::{HALVES, Half, Header, WORDS, Word, epoch_of};
use crate::lane::{self, SegmentPool, Thread};
use crate::sampling::is_sampled;
use crate::sync::{AtomicU64, Ordering};
use crate::telemetry::{
    DROPPED_NO_THREAD, DROPPED_RULE, PROFILES_DROPPED_QUEUE, PROFILES_SAMPLED_OUT,
    STEPS_DROPPED_LIMIT, TRANSACTIONS_ENDED_LATE,
};
use crate::texts::Slot;
use crate::transaction::{mark, set_error};

use crate::{clock, options, plugin, rules, switch};

/// Words of a row before its texts: those of the header, then end reason and fate, then steps.
pub(crate) const ROW_WORDS: usize = WORDS + HALVES / 2 + 2;

/// Ends the life of `header` now; its handle is gone.
pub(crate) fn finish(header: &'static Header, reason: EndReason) {
    finish_at(header, reason, clock::now_ticks());
}

/// Ends the life of `header` at a time stamp that was just taken.
pub(crate) fn finish_at(header: &'static Header, reason: EndReason, end: u64) {
    // In the child of a fork nobody drains, and a lock may be held by a thread that is not there.
    if switch::is_forked() {
        return;
    }
    if !header.claim(header.generation()) {
        TRANSACTIONS_ENDED_LATE.add(1);
        return recycle(header);
    }
    count_end();
    header.set(Word::End, end);
    header.set(Word::PollStart, 0);
    let elapsed_us = clock::ticks_to_us(end.saturating_sub(header.word(Word::Start)));
    if reason == EndReason::Panic {
        set_error(header, &"panicked");
    }
    mark_facts(header, elapsed_us);
    let has_failed = !matches!(reason, EndReason::Complete | EndReason::Upgraded);
    let is_kept = !plugin::has(plugin::Hooks::END) || plugin::end(header, reason, elapsed_us);
    if is_kept && !rules::discard(header, has_failed) {
        // The queue's lock on the shared path also covers the hand-over of the profile.
        if lane::with_queues(|thread| hand_over(thread, header, reason, elapsed_us)).is_none() {
            DROPPED_NO_THREAD.add(1);
            recycle(header);
        }
    } else {
        DROPPED_RULE.add(1);
        recycle(header);
    }
}

/// Transactions that ended, or did not begin, on threads past their destructors.
static WITHOUT_THREAD: AtomicU64 = AtomicU64::new(0);

/// Counts an end before anything can happen to its row, and apart from what does, so that a row
/// that got lost on its way would show.
fn count_end() {
    match lane::thread() {
        // The thread has one writer, so no read-modify-write is needed.
        Some(thread) => {
            let ended = thread.ended.load(Ordering::Relaxed);
            thread.ended.store(ended + 1, Ordering::Relaxed);
        }
        None => count_without_thread(),
    }
}

#[cold]
pub(crate) fn count_without_thread() {
    WITHOUT_THREAD.fetch_add(1, Ordering::Relaxed);
}

/// See [`count_without_thread`].
pub(crate) fn without_thread() -> u64 {
    WITHOUT_THREAD.load(Ordering::Relaxed)
}

fn mark_facts(header: &'static Header, elapsed_us: u64) {
    let mut flags = header.half(Half::Flags);
    let marks = header.half(Half::Marks);
    let slow_us = options::XLOG_SLOW_TIME_MS.value() * 1_000;
    if marks & mark::SLOW != 0 || elapsed_us >= slow_us {
        flags |= u32::from(XLogFlags::SLOW.0);
    }
    if marks & mark::KEEP != 0 {
        flags |= u32::from(XLogFlags::FORCE_KEPT.0);
    }
    let (service_epoch, epoch) = (header.word(Word::ServiceEpoch), clock::epoch());
    if epoch_of(service_epoch) != epoch {
        flags |= u32::from(XLogFlags::CLOCK_CHANGED.0);
        // The end is what the drain converts.
        header.set(Word::ServiceEpoch, u64::from(epoch) << 32 | service_epoch & 0xffff_ffff);
    }
    let dropped = header.dropped();
    if dropped > 0 {
        STEPS_DROPPED_LIMIT.add(dropped.into());
        flags |= u32::from(XLogFlags::TRUNCATED.0);
    }
    header.set_half(Half::Flags, flags);
}

fn hand_over(thread: &'static Thread, header: &'static Header, reason: EndReason, elapsed_us: u64) {
    let fate = fate(thread, header, reason, elapsed_us);
    let is_recorded = push_row(thread, header, reason, fate);
    if is_recorded && fate == ProfileFate::Kept {
        header.retire();
        // There was room a moment ago and only this thread fills it.
        if !thread.profiles.push(header) {
            header.release_memory();
            lane::give_header(header);
        }
    } else {
        recycle(header);
    }
}

fn fate(
    thread: &Thread,
    header: &'static Header,
    reason: EndReason,
    elapsed_us: u64,
) -> ProfileFate {
    if header.len() == 0 {
        return ProfileFate::Empty;
    }
    let flags = header.half(Half::Flags);
    let is_forced = flags & u32::from(XLogFlags::FORCE_KEPT.0) != 0;
    let is_telling = is_forced
        || flags & u32::from(XLogFlags::SLOW.0) != 0
        || !matches!(reason, EndReason::Complete | EndReason::Upgraded)
        || header.texts.has(Slot::Error);
    let is_wanted = is_forced
        || !options::PROFILE_OFF.value()
            && header.half(Half::Marks) & mark::DISCARD_PROFILE == 0
            && (is_telling || !thread.profiles.is_pressed() && is_sampled(header, elapsed_us));
    if !is_wanted {
        PROFILES_SAMPLED_OUT.add(1);
        return ProfileFate::SampledOut;
    }
    if !thread.profiles.has_room() {
        PROFILES_DROPPED_QUEUE.add(1);
        return ProfileFate::Dropped;
    }
    ProfileFate::Kept
}

fn push_row(
    thread: &Thread,
    header: &'static Header,
    reason: EndReason,
    fate: ProfileFate,
) -> bool {
    let len = ROW_WORDS + header.texts.len_words();
    thread.summaries.push(len, &SegmentPool, |places| {
        let Some((fixed, places)) = places.split_first_chunk::<{ ROW_WORDS - 2 }>() else { return };
        header.copy_words(fixed);
        let Some((last, texts)) = places.split_first_chunk::<2>() else { return };
        last[0].store(reason as u64 | (fate as u64) << 8, Ordering::Relaxed);
        let steps = u64::from(header.steps()) | u64::from(header.dropped()) << 32;
        last[1].store(steps, Ordering::Relaxed);
        if !texts.is_empty() {
            let mut texts = texts.iter();
            header.texts.copy_to(|word| {
                if let Some(place) = texts.next() {
                    place.store(word, Ordering::Relaxed);
                }
            });
        }
    })
}

/// Ends the life and takes the header back at once.
fn recycle(header: &'static Header) {
    header.clear_carried();
    header.retire();
    header.release_memory();
    lane::give_header(header);
}
