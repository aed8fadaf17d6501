//! Values at chosen callsites, for a while: who looks for a cause sees the arguments and results of
//! the requests that matter, without a restart.
//!
//! Only what the source of a callsite lists is captured, redacted as it says, and only of the
//! services and tenants that were asked for. It ends by itself, after a time and a number of values,
//! whichever comes first; callsites are then as they were before. One session at a time.

use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use scouter_wire::glob;

use crate::alert::service_of;
use crate::callsite::{Callsite, callsites};
use crate::sync::{AtomicU64, Ordering};
use crate::telemetry::CAPTURES_SKIPPED;
use crate::text::text;
use crate::texts::Slot;
use crate::{clock, current, lane, rules};

/// Longest time for which values are captured.
pub const MAX_CAPTURE_TIME: Duration = Duration::from_secs(600);

/// Most values that one session captures.
pub const MAX_CAPTURED_VALUES: u64 = 10_000;

/// What is to be captured. In a pattern `*` stands for any run of characters, and an empty one fits
/// everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Callsites, by their name or by `file:line`. An empty pattern fits none.
    pub callsites: String,
    /// Services; a pattern that begins with `/` is compared with the route alone.
    pub service: String,
    /// Tenants.
    pub tenant: String,
    /// For how long; at most [`MAX_CAPTURE_TIME`].
    pub time: Duration,
    /// How many values; at most [`MAX_CAPTURED_VALUES`].
    pub values: u64,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// What was asked for last.
    pub wish: Wish,
    /// Callsites at which values are captured; 0 once it has ended.
    pub callsites: usize,
    /// Values captured so far.
    pub captured: u64,
    /// What is left of its time; none once it has ended.
    pub left: Option<Duration>,
}

/// Why nothing is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// A session runs; stop it first.
    Busy,
    /// Longer than [`MAX_CAPTURE_TIME`] or more than [`MAX_CAPTURED_VALUES`], or nothing at all.
    OutOfBounds,
    /// No callsite fits, or those that do capture already.
    NoCallsite,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => f.write_str("values are captured already: stop that first"),
            Self::OutOfBounds => write!(
                f,
                "capture for 1 to {} seconds and 1 to {MAX_CAPTURED_VALUES} values",
                MAX_CAPTURE_TIME.as_secs()
            ),
            Self::NoCallsite => f.write_str(
                "no callsite fits, or those that do capture for good already: ask for the list of \
                 callsites; a pattern is compared with the name and with file:line",
            ),
        }
    }
}

impl std::error::Error for Refused {}

/// What readers on the way of a request look at.
#[derive(Debug)]
struct Filter {
    service: String,
    tenant: String,
    until_us: u64,
}

static FILTER: RwLock<Option<Filter>> = RwLock::new(None);
/// Values that may still be captured.
static LEFT: AtomicU64 = AtomicU64::new(0);
static SESSION: Mutex<Option<Session>> = Mutex::new(None);

#[derive(Debug)]
struct Session {
    wish: Wish,
    bound: Vec<&'static Callsite>,
}

/// Begins to capture.
///
/// # Errors
/// See [`Refused`]; nothing has changed.
pub fn start(wish: Wish) -> Result<State, Refused> {
    let is_bounded = (1..=MAX_CAPTURED_VALUES).contains(&wish.values)
        && (Duration::from_secs(1)..=MAX_CAPTURE_TIME).contains(&wish.time);
    if !is_bounded {
        return Err(Refused::OutOfBounds);
    }
    let mut session = SESSION.lock();
    if session.as_ref().is_some_and(|session| !session.bound.is_empty()) {
        return Err(Refused::Busy);
    }
    let fits = |site: &&Callsite| {
        [site.name(), &*site.place()].iter().any(|text| glob::is_match(&wish.callsites, text))
    };
    // Before the first callsite captures anything.
    let us = u64::try_from(wish.time.as_micros()).unwrap_or(u64::MAX);
    *FILTER.write() = Some(Filter {
        service: wish.service.clone(),
        tenant: wish.tenant.clone(),
        until_us: clock::steady_us().saturating_add(us),
    });
    LEFT.store(wish.values, Ordering::Relaxed);
    let bound: Vec<_> = callsites().filter(fits).filter(|site| site.bind()).collect();
    if bound.is_empty() {
        *FILTER.write() = None;
        return Err(Refused::NoCallsite);
    }
    *session = Some(Session { wish, bound });
    Ok(session.as_ref().map(state_of).unwrap_or_default())
}

/// Ends it; says how it stood.
pub fn stop() -> State {
    let mut session = SESSION.lock();
    let Some(session) = session.as_mut() else { return State::default() };
    end(session);
    state_of(session)
}

/// How it stands.
pub fn state() -> State {
    SESSION.lock().as_ref().map(state_of).unwrap_or_default()
}

/// Ends what has run out. For the exporter's thread; values stop by themselves in time.
pub fn tick() {
    let Some(mut session) = SESSION.try_lock() else { return };
    let Some(session) = session.as_mut().filter(|session| !session.bound.is_empty()) else {
        return;
    };
    if LEFT.load(Ordering::Relaxed) == 0 || time_left().is_none() {
        end(session);
    }
}

fn end(session: &mut Session) {
    for site in session.bound.drain(..) {
        site.unbind();
    }
    *FILTER.write() = None;
}

fn state_of(session: &Session) -> State {
    State {
        wish: session.wish.clone(),
        callsites: session.bound.len(),
        captured: session.wish.values.saturating_sub(LEFT.load(Ordering::Relaxed)),
        left: time_left().filter(|_| !session.bound.is_empty()),
    }
}

fn time_left() -> Option<Duration> {
    let until_us = FILTER.read().as_ref()?.until_us;
    let left_us = until_us.checked_sub(clock::steady_us()).filter(|left| *left > 0)?;
    Some(Duration::from_micros(left_us))
}

/// Whether a value of this callsite may be captured now. Counts it.
pub(crate) fn admits(site: &Callsite) -> bool {
    !site.is_bound() || takes_one()
}

#[cold]
fn takes_one() -> bool {
    // Whoever records a request waits for nobody.
    let Some(filter) = FILTER.try_read() else {
        CAPTURES_SKIPPED.add(1);
        return false;
    };
    filter.as_ref().is_some_and(Filter::fits_now)
        && LEFT
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
}

impl Filter {
    /// Whether it is time, and the current transaction is one of those asked for.
    fn fits_now(&self) -> bool {
        let Some((header, _)) = lane::current() else { return false };
        clock::steady_us() < self.until_us
            && (self.service.is_empty() || rules::is_match(&self.service, text(service_of(header))))
            && (self.tenant.is_empty()
                || glob::is_match(&self.tenant, &current::text_of(header, Slot::Tenant)))
    }
}
