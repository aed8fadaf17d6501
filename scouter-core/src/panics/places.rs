//! The panics that wait to be told, by their place.
//!
//! [`raise`](crate::alert::raise) locks and allocates, which a panic hook may do only if nobody
//! above it on the stack holds that very lock. So the hook writes into a table that is there from
//! the start, and the exporter raises the alerts a few milliseconds later. Counting is one atomic
//! addition; what is known of the first panic of a place goes behind a lock that is only tried. If
//! somebody has it all the time, the panic is counted all the same.
//!
//! Of more than [`MAX_PANIC_PLACES`] different places the further ones share one entry: they are
//! counted together, and each alert names the place of the first since the last one.

use std::panic::Location;

use parking_lot::{Mutex, MutexGuard};
use scouter_wire::text::method_text;
use scouter_wire::{Gxid, Txid};

use crate::alert::{self, About, AlertKind, AlertLevel};
use crate::callsite::Callsite;
use crate::fixed::{Fixed, end_of};
use crate::header::Header;
use crate::path::outwards;
use crate::records::StepName;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::text::{TextId, text};
use crate::texts::Slot;
use crate::{clock, sys, transaction};

use super::MAX_PATH_BYTES;

/// Most places of panics with an entry of their own in the life of a process.
pub const MAX_PANIC_PLACES: usize = 64;

/// Most bytes of a panic's message that its alert shows.
const MAX_MESSAGE_BYTES: usize = 512;

/// Most open steps that are named, the innermost ones.
const MAX_STEPS: usize = 16;

/// How often the lock of a place is tried. It is held for a copy of a kilobyte.
const TRIES: usize = 1_000;

static PLACES: [Place; MAX_PANIC_PLACES] = [const { Place::unused() }; MAX_PANIC_PLACES];

/// What has no entry of its own.
static OTHERS: Place = Place::unused();

struct Place {
    /// Hash of file, line and column; 0 while it is unused.
    key: AtomicU64,
    /// Panics since they were told last.
    count: AtomicU32,
    first: Mutex<Option<Seen>>,
}

impl Place {
    const fn unused() -> Self {
        Self { key: AtomicU64::new(0), count: AtomicU32::new(0), first: Mutex::new(None) }
    }

    fn try_first(&self) -> Option<MutexGuard<'_, Option<Seen>>> {
        (0..TRIES).find_map(|_| {
            std::hint::spin_loop();
            self.first.try_lock()
        })
    }
}

/// What is known of a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) file: Fixed<MAX_PATH_BYTES>,
    pub(crate) message: Fixed<MAX_MESSAGE_BYTES>,
    pub(crate) thread: Fixed<16>,
    pub(crate) service: TextId,
    pub(crate) transaction: Option<(Gxid, Txid)>,
    pub(crate) line: u32,
    ticks: u64,
    tenant: Fixed<{ scouter_wire::text::MAX_INLINE_BYTES }>,
    /// First words of the open steps, innermost first.
    steps: [u64; MAX_STEPS],
}

impl Seen {
    /// Looks at the panic of this thread, without allocating.
    pub(crate) fn look(
        location: Option<&Location<'_>>,
        message: &str,
        header: Option<&'static Header>,
    ) -> Self {
        let (name, len) = sys::thread_name();
        let mut seen = Self {
            file: Fixed::of(location.map_or("?", |place| end_of(place.file(), MAX_PATH_BYTES))),
            message: Fixed::of(message),
            thread: Fixed::written(|bytes| {
                bytes.copy_from_slice(&name);
                len
            }),
            service: TextId::NONE,
            transaction: None,
            line: location.map_or(0, Location::line),
            ticks: clock::now_ticks(),
            tenant: Fixed::EMPTY,
            steps: [0; MAX_STEPS],
        };
        if let Some(header) = header {
            seen.service = alert::service_of(header);
            seen.transaction = transaction::gxid_of(header).zip(transaction::txid_of(header));
            seen.tenant = Fixed::written(|bytes| header.texts.copy_text(Slot::Tenant, bytes));
            for (place, word0) in seen.steps.iter_mut().zip(outwards(header, header.current())) {
                *place = word0;
            }
        }
        seen
    }

    /// The open steps that have a callsite, outermost first.
    pub(crate) fn open_sites(&self) -> impl Iterator<Item = &'static Callsite> {
        self.names().filter_map(|name| match name {
            StepName::Site(site) => Some(site),
            StepName::Named(..) => None,
        })
    }

    fn names(&self) -> impl Iterator<Item = StepName> {
        self.steps.iter().rev().filter_map(|word0| StepName::of(*word0))
    }

    fn tell(&self, count: u32) {
        let place = format!("{}:{}", self.file.as_str(), self.line);
        let steps: Vec<String> = self
            .names()
            .map(|name| match name {
                StepName::Site(site) => method_text(site.name(), site.file(), site.line()),
                StepName::Named(_, name) => text(name).to_owned(),
            })
            .collect();
        let inside = if steps.is_empty() {
            String::new()
        } else {
            format!("; inside {}", steps.join(" > "))
        };
        let about = About {
            service: text(self.service),
            tenant: self.tenant.as_str(),
            transaction: self.transaction,
            count,
            unix_us: clock::unix_us(self.ticks),
            ..About::default()
        };
        alert::raise_for(
            &about,
            AlertKind::Panic,
            AlertLevel::Error,
            &place,
            format_args!(
                "panicked at {place}: {} (thread {}{inside})",
                self.message.as_str(),
                self.thread.as_str()
            ),
        );
    }
}

/// Counts a panic and remembers it, if it is the first of its place since they were told.
pub(super) fn add(seen: &Seen, location: Option<&Location<'_>>) {
    let place = find(key_of(location));
    if let Some(mut first) = place.try_first() {
        first.get_or_insert(*seen);
    }
    // Last, so that whoever sees the count finds what is known.
    place.count.fetch_add(1, Ordering::Release);
}

/// FNV-1a: nobody gains anything from places that collide.
fn key_of(location: Option<&Location<'_>>) -> u64 {
    let Some(location) = location else { return 1 };
    let (line, column) = (location.line().to_le_bytes(), location.column().to_le_bytes());
    let bytes = location.file().bytes().chain(line).chain(column);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.max(1)
}

fn find(key: u64) -> &'static Place {
    PLACES
        .iter()
        .find(|place| {
            let known = place.key.load(Ordering::Relaxed);
            known == key
                || known == 0
                    && place
                        .key
                        .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed)
                        .unwrap_or_else(|now| if now == key { 0 } else { now })
                        == 0
        })
        .unwrap_or(&OTHERS)
}

/// Raises the alerts of the panics that wait. For the exporter's thread.
pub(crate) fn tell() {
    for place in PLACES.iter().chain([&OTHERS]) {
        if place.count.load(Ordering::Acquire) == 0 {
            continue;
        }
        let (first, count) = {
            let mut first = place.first.lock();
            (first.take(), place.count.swap(0, Ordering::Acquire))
        };
        match first {
            Some(first) => first.tell(count),
            // Another thread had the lock during all tries.
            None => alert::raise_for(
                &About { count, ..About::default() },
                AlertKind::Panic,
                AlertLevel::Error,
                "",
                format_args!("{count} panics at once, of which nothing else is known"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_entry_and_past_the_limit_share_one() {
        // Keys that no place of a test has by chance.
        let own: Vec<*const Place> =
            (0..MAX_PANIC_PLACES as u64).map(|n| std::ptr::from_ref(find(1 << 63 | n))).collect();
        for (n, place) in (0..).zip(&own) {
            assert!(std::ptr::eq(find(1 << 63 | n), *place));
        }
        assert!(std::ptr::eq(find(1 << 62), &raw const OTHERS));
        for place in &PLACES {
            place.key.store(0, Ordering::Relaxed);
        }
    }

    #[test]
    fn panic_whose_place_its_own_thread_has_locked_is_counted_and_waits_for_nobody() {
        let _recorder = crate::testing::exclusive();
        let location = Some(Location::caller());
        let seen = Seen::look(location, "on purpose", None);
        let place = find(key_of(location));
        let locked = place.first.lock();
        add(&seen, location);
        drop(locked);
        assert_eq!(place.count.load(Ordering::Relaxed), 1);
        assert!(place.first.lock().is_none());
        let mut alerts = Vec::new();
        alert::drain_alerts(&mut alerts);
        let alert = alerts.iter().find(|alert| alert.kind == AlertKind::Panic).expect("one");
        assert!(alert.message.starts_with("1 panics at once"), "{alert:?}");
    }
}
