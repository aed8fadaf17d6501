//! Private marks of a header.

/// The author or a plugin asked to keep the profile.
pub(crate) const KEEP: u32 = 1;
/// It carries tracestate or baggage.
pub(crate) const CARRIED: u32 = crate::header::MARK_CARRIED;
/// Its caller does not record it.
pub(crate) const UNSAMPLED: u32 = 1 << 2;
/// Marked as slow by hand.
pub(crate) const SLOW: u32 = 1 << 3;
/// A plugin asked to drop the profile.
pub(crate) const DISCARD_PROFILE: u32 = 1 << 4;
/// A panic happened in it, and may have been caught inside.
pub(crate) const PANICKED: u32 = 1 << 5;
/// A panic left one of its polls.
pub(crate) const UNWOUND: u32 = 1 << 6;
/// The application said that it takes long.
pub(crate) const LONG: u32 = 1 << 7;
/// Where its first error came from is known.
pub(crate) const ORIGIN: u32 = 1 << 8;
