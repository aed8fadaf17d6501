//! Without feature `enable`: numbers that nobody counts.

/// A number that stays 0.
#[derive(Debug, Clone, Copy)]
pub struct Counter(());

impl Counter {
    /// Does nothing.
    #[inline(always)]
    pub fn add(&self, _: u64) {}

    /// 0.
    #[inline(always)]
    #[must_use]
    pub fn value(&self) -> u64 {
        0
    }
}

/// A number that stays 0.
#[derive(Debug, Clone, Copy)]
pub struct Gauge(());

impl Gauge {
    /// Does nothing.
    #[inline(always)]
    pub fn set(&self, _: f64) {}

    /// Does nothing.
    #[inline(always)]
    pub fn add(&self, _: f64) {}

    /// 0.
    #[inline(always)]
    #[must_use]
    pub fn value(&self) -> f64 {
        0.0
    }
}

/// A number that stays 0.
#[inline(always)]
pub fn counter(_: &str) -> Counter {
    Counter(())
}

/// A number that stays 0.
#[inline(always)]
pub fn gauge(_: &str) -> Gauge {
    Gauge(())
}
