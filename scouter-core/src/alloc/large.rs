//! Very large allocations that wait to be told.

use parking_lot::Mutex;

use crate::alert::{self, AlertKind, AlertLevel};
use crate::callsite::Callsite;
use crate::scene::Scene;
use crate::telemetry::LARGE_ALLOCATIONS_UNTOLD;

/// Most large allocations that wait for the exporter; of more only the number is told
/// (`large_allocations_untold`).
pub const MAX_LARGE_ALLOCATIONS: usize = 32;

/// The locks are only tried, by both sides: so nobody ever waits, and giving one back wakes nobody.
static WAITING: [Mutex<Option<(usize, Scene)>>; MAX_LARGE_ALLOCATIONS] =
    [const { Mutex::new(None) }; MAX_LARGE_ALLOCATIONS];

/// Notes an allocation of this thread.
pub(super) fn note(size: usize) {
    let scene = Scene::here();
    for place in &WAITING {
        if let Some(mut place) = place.try_lock()
            && place.is_none()
        {
            *place = Some((size, scene));
            return;
        }
    }
    LARGE_ALLOCATIONS_UNTOLD.add(1);
}

/// Raises the alerts of those that wait. For the exporter's thread.
pub(crate) fn tell() {
    for place in &WAITING {
        let waiting = place.try_lock().and_then(|mut place| place.take());
        let Some((size, scene)) = waiting else { continue };
        let place = scene.sites().next_back();
        let place = place.map_or_else(String::new, Callsite::place);
        let mut about = scene.about();
        // Without a place the service tells one from the other.
        about.group = about.service;
        alert::raise_for(
            &about,
            AlertKind::LargeAllocation,
            AlertLevel::Warn,
            &place,
            format_args!(
                "one allocation of {} MiB ({size} bytes; {})",
                size >> 20,
                scene.sentence()
            ),
        );
    }
}
