//! The integer grid on which the picture and the store agree.
//!
//! The page draws quantised points and sends back a box of quantised edges; the store compares
//! quantised values too, so that what lies in the box on screen is exactly what the list shows.
//! Only integers are used: a logarithm in floating point differs between machines.

/// Cells per doubling of the elapsed time.
const CELLS_PER_OCTAVE: u64 = 2048;

/// The time cell of a time: whole milliseconds, rounded down.
#[must_use]
pub fn time_ms(unix_us: i64) -> i64 {
    unix_us.div_euclid(1000)
}

/// The height cell of an elapsed time: 0 for 0, else 1 + 2,048 cells per octave (linear inside an
/// octave), saturating at 65,535 (just below 2^32 µs, 71 minutes).
#[must_use]
pub fn elapsed(elapsed_us: u64) -> u16 {
    let Some(octave) = elapsed_us.checked_ilog2() else { return 0 };
    if octave >= 32 {
        return u16::MAX;
    }
    // octave < 32, so the product fits: elapsed_us < 2^32.
    let within = ((elapsed_us * CELLS_PER_OCTAVE) >> octave) - CELLS_PER_OCTAVE;
    u16::try_from(1 + u64::from(octave) * CELLS_PER_OCTAVE + within).unwrap_or(u16::MAX)
}

/// Stable hash of a service name (64-bit FNV-1a); its low byte gives a point its colour.
#[must_use]
pub fn service_hash(service: &str) -> u64 {
    service.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_start_at_one_grow_and_saturate() {
        for (us, cell) in [
            (0, 0),
            (1, 1),
            (2, 2049),
            (3, 3073),
            (4, 4097),
            (1_000, 1 + 9 * 2048 + 1952),
            (u64::from(u32::MAX), 65_535),
            (1 << 32, 65_535),
            (u64::MAX, 65_535),
        ] {
            assert_eq!(elapsed(us), cell, "{us} µs");
        }
        let mut last = 0;
        for us in (0..5_000_000u64).step_by(37) {
            let cell = elapsed(us);
            assert!(cell >= last, "{us} µs falls below its predecessor");
            last = cell;
        }
    }

    #[test]
    fn times_before_1970_round_down_too() {
        assert_eq!(time_ms(1_999), 1);
        assert_eq!(time_ms(-1), -1);
        assert_eq!(time_ms(0), 0);
    }
}
