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

use super::MAX_PATH_BYTES;
use crate::alert::{self, About, AlertKind, AlertLevel};
use crate::fixed::{Fixed, end_of};
use crate::scene::Scene;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Most places of panics with an entry of their own in the life of a process.
pub const MAX_PANIC_PLACES: usize = 64;

/// Most bytes of a panic's message that its alert shows.
const MAX_MESSAGE_BYTES: usize = 512;

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
    pub(crate) line: u32,
    pub(crate) message: Fixed<MAX_MESSAGE_BYTES>,
    pub(crate) scene: Scene,
}

impl Seen {
    /// Looks at the panic of this thread, without allocating.
    pub(crate) fn look(location: Option<&Location<'_>>, message: &str) -> Self {
        Self {
            file: Fixed::of(location.map_or("?", |place| end_of(place.file(), MAX_PATH_BYTES))),
            line: location.map_or(0, Location::line),
            message: Fixed::of(message),
            scene: Scene::here(),
        }
    }

    fn tell(&self, count: u32) {
        let place = format!("{}:{}", self.file.as_str(), self.line);
        let (message, scene) = (self.message.as_str(), self.scene.sentence());
        alert::raise_for(
            &About { count, ..self.scene.about() },
            AlertKind::Panic,
            AlertLevel::Error,
            &place,
            format_args!("panicked at {place}: {message} ({scene})"),
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
        let _recorder = crate::testing::exclusive();
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
        let seen = Seen::look(location, "on purpose");
        let place = find(key_of(location));
        let locked = place.first.lock();
        add(&seen, location);
        drop(locked);
        assert_eq!(place.count.load(Ordering::Relaxed), 1);
        assert!(place.first.lock().is_none());
        let mut alerts = Vec::new();
        alert::drain_alerts(&mut alerts);
        let is_told = |alert: &alert::Alert| {
            alert.kind == AlertKind::Panic && alert.message.starts_with("1 panics at once")
        };
        assert!(alerts.iter().any(is_told), "{alerts:?}");
    }
}
