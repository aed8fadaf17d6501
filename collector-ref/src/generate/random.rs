//! Random numbers that are the same everywhere: xorshift64* and the distributions made of it.

/// A generator with its state.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // The state must not be 0.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One that goes its own way from here.
    pub(crate) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `end`, exclusive; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// An index of a list of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn id(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    pub(crate) fn low_word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or_default()
    }

    /// From 0 to 1, exclusive.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are kept")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An index of a list of this length, the first ones most often (Zipf with exponent 1).
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the length"
    )]
    pub(crate) fn zipf(&mut self, length: usize) -> usize {
        let rank = ((length + 1) as f64).powf(self.unit());
        (rank as usize - 1).min(length - 1)
    }

    /// A log-normal whole number with this median.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number, saturating"
    )]
    pub(crate) fn log_normal(&mut self, median: f64, spread: f64) -> u64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        (median * (spread * normal).exp()) as u64
    }

    /// Exponential time between two events, µs.
    #[allow(clippy::cast_possible_truncation, reason = "a positive number, saturating")]
    pub(crate) fn exponential_us(&mut self, mean_us: f64) -> i64 {
        (-mean_us * (1.0 - self.unit()).ln()) as i64
    }

    pub(crate) fn status(&mut self) -> u16 {
        match self.below(100) {
            0..90 => 200,
            90..94 => 201,
            94..97 => 304,
            97..99 => 404,
            _ => 400,
        }
    }
}
