//! What is known of each place with a span or event: whether it is recorded, and as what.
//!
//! tracing describes a place by a static; the decision about it is made once a thread and found by
//! its address afterwards.

use std::cell::Cell;
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use scouter_core::record::StepKind;
use scouter_core::{Callsite, CallsiteFlags};
use tracing::{Level, Metadata};

/// Targets whose spans and events are left alone, with everything below them: Scouter's own layers
/// record requests, calls and statements, and its SQL fallback reads the events of sqlx itself.
pub const SKIPPED_TARGETS: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "reqwest_middleware",
    "sqlx",
    "tonic",
    "tower",
    "tower_http",
];

/// Most places with spans that a process knows. Spans of further ones are not recorded and counted
/// by [`unplaced_spans`]. Memory: about 200 bytes each, kept for ever.
pub const MAX_SPAN_PLACES: usize = 4_096;

/// Decisions a thread remembers; one that falls on the place of another replaces it.
const CACHED: usize = 128;

static UNPLACED: AtomicU64 = AtomicU64::new(0);

/// Spans that were not recorded because [`MAX_SPAN_PLACES`] are known. Also among the agent's
/// counters, as `scouter_tracing_unplaced_spans`.
#[must_use]
pub fn unplaced_spans() -> u64 {
    UNPLACED.load(Ordering::Relaxed)
}

/// What a place is to us.
#[derive(Debug, Clone, Copy)]
enum Place {
    Skipped,
    Unplaced,
    Span(&'static Callsite),
    Event,
}

#[derive(Debug, Clone, Copy)]
struct Cached {
    metadata: &'static Metadata<'static>,
    bridge: u32,
    place: Place,
}

thread_local! {
    static CACHE: [Cell<Option<Cached>>; CACHED] =
        const { [const { Cell::new(None) }; CACHED] };
}

/// The callsites made for places with spans, by the address of what describes them.
static KNOWN: LazyLock<RwLock<HashMap<usize, &'static Callsite>>> = LazyLock::new(RwLock::default);

/// What one bridge thinks of places.
#[derive(Debug)]
pub(crate) struct Places {
    /// Tells bridges apart in the caches of threads.
    number: u32,
    max_level: Level,
    has_fields: bool,
    kept: Vec<Box<str>>,
    skipped: Vec<Box<str>>,
}

impl Places {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            max_level: Level::INFO,
            has_fields: false,
            kept: Vec::new(),
            skipped: Vec::new(),
        }
    }

    pub(crate) fn set_max_level(&mut self, level: Level) {
        self.max_level = level;
    }

    pub(crate) fn set_fields(&mut self) {
        self.has_fields = true;
    }

    pub(crate) const fn has_fields(&self) -> bool {
        self.has_fields
    }

    pub(crate) fn keep(&mut self, target: &str) {
        self.kept.push(target.into());
    }

    pub(crate) fn skip(&mut self, target: &str) {
        self.skipped.push(target.into());
    }

    /// The callsite of a span, if it is to be recorded.
    #[inline]
    pub(crate) fn span(&self, metadata: &'static Metadata<'static>) -> Option<&'static Callsite> {
        match self.place(metadata) {
            Place::Span(site) => Some(site),
            Place::Unplaced => {
                UNPLACED.fetch_add(1, Ordering::Relaxed);
                None
            }
            Place::Skipped | Place::Event => None,
        }
    }

    /// Whether an event is to be recorded.
    #[inline]
    pub(crate) fn records_event(&self, metadata: &'static Metadata<'static>) -> bool {
        matches!(self.place(metadata), Place::Event)
    }

    #[inline]
    fn place(&self, metadata: &'static Metadata<'static>) -> Place {
        // Descriptions are larger than 64 bytes, so the low bits of their addresses say little.
        let at = (ptr::from_ref(metadata).addr() >> 5) % CACHED;
        CACHE
            .try_with(|cache| match cache[at].get() {
                Some(cached)
                    if ptr::eq(cached.metadata, metadata) && cached.bridge == self.number =>
                {
                    cached.place
                }
                _ => {
                    let place = self.decide(metadata);
                    cache[at].set(Some(Cached { metadata, bridge: self.number, place }));
                    place
                }
            })
            .unwrap_or(Place::Skipped)
    }

    #[cold]
    fn decide(&self, metadata: &'static Metadata<'static>) -> Place {
        if *metadata.level() > self.max_level || self.skips(metadata.target()) {
            Place::Skipped
        } else if metadata.is_event() {
            Place::Event
        } else {
            callsite(metadata, self.has_fields).map_or(Place::Unplaced, Place::Span)
        }
    }

    fn skips(&self, target: &str) -> bool {
        if self.skipped.iter().any(|skipped| is_within(target, skipped)) {
            return true;
        }
        SKIPPED_TARGETS.iter().any(|skipped| is_within(target, skipped))
            && !self.kept.iter().any(|kept| is_within(target, kept))
    }
}

/// Whether a target is this one or a module below it.
fn is_within(target: &str, outer: &str) -> bool {
    target.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The callsite of a place, made at its first use.
fn callsite(metadata: &'static Metadata<'static>, has_fields: bool) -> Option<&'static Callsite> {
    let address = ptr::from_ref(metadata).addr();
    if let Some(site) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
        return Some(site);
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(site) = known.get(&address) {
        return Some(site);
    }
    if known.len() >= MAX_SPAN_PLACES {
        return None;
    }
    let fields: Vec<&'static str> = metadata.fields().iter().map(|field| field.name()).collect();
    let site: &'static Callsite = Box::leak(Box::new(Callsite::new(
        metadata.name(),
        metadata.file().unwrap_or(metadata.target()),
        metadata.line().unwrap_or_default(),
        StepKind::Method,
        fields.leak(),
    )));
    if has_fields {
        site.set_flags(site.flags().with(CallsiteFlags::ARGS));
    }
    known.insert(address, site);
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_skipped_with_what_is_below_it_and_nothing_beside_it() {
        let mut places = Places::new();
        places.keep("hyper::proto");
        places.skip("noisy");
        for (target, is_skipped) in [
            ("hyper", true),
            ("hyper::client", true),
            ("hyper::proto", false),
            ("hyper::proto::h1", false),
            ("hyperion", false),
            ("sqlx::query", true),
            ("noisy::part", true),
            ("orders", false),
        ] {
            assert_eq!(places.skips(target), is_skipped, "{target}");
        }
    }
}
