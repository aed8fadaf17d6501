//! Pressure stall information: for which share of the time somebody on this machine waited for a
//! processor, for memory or for a disk. Linux only.
//!
//! Kernels that were started without `psi=1` may have the files and count nothing: a zero that says
//! "no pressure" and is none. So nothing is said unless one of the counts has ever moved.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::counters::approximate;

/// What somebody may wait for, by the names of the kernel's files.
pub(crate) const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

const FOLDER: &str = "/proc/pressure";

/// The shares since the last reading.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    before_us: Option<[u64; 3]>,
}

impl Pressure {
    /// For which share of the time that passed since the last reading somebody waited, in percent,
    /// in the order of [`RESOURCES`]; `None` at the first reading and where the kernel counts none.
    pub(crate) fn read(&mut self, lasted: Duration) -> Option<[f64; 3]> {
        self.of(totals().ok(), lasted)
    }

    fn of(&mut self, now_us: Option<[u64; 3]>, lasted: Duration) -> Option<[f64; 3]> {
        let before = std::mem::replace(&mut self.before_us, now_us);
        let (now, before) = now_us.zip(before)?;
        let lasted_us = (lasted.as_secs_f64() * 1e6).max(1.0);
        let share = |at: usize| {
            let waited_us = approximate(now[at].saturating_sub(before[at]));
            (100.0 * waited_us / lasted_us).min(100.0)
        };
        Some([share(0), share(1), share(2)])
    }
}

/// Time in which somebody waited since the machine started, µs, in the order of [`RESOURCES`].
///
/// # Errors
/// Why it is not known.
pub(crate) fn totals() -> Result<[u64; 3], &'static str> {
    totals_at(Path::new(FOLDER))
}

fn totals_at(folder: &Path) -> Result<[u64; 3], &'static str> {
    let mut totals = [0; 3];
    for (total, resource) in totals.iter_mut().zip(RESOURCES) {
        let text = fs::read_to_string(folder.join(resource));
        let found = text.ok().and_then(|text| total_of(&text));
        *total = found.ok_or("the kernel has no pressure stall information, or hides it")?;
    }
    if totals == [0; 3] {
        return Err("the kernel counts no pressure: it was started without psi=1");
    }
    Ok(totals)
}

/// The total of the line for "some" of those who could work.
fn total_of(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(totals: &[(&str, u64)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (resource, total) in totals {
            let text = format!(
                "some avg10=1.00 avg60=2.00 avg300=3.00 total={total}\n\
                 full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
            );
            fs::write(folder.path().join(resource), text).unwrap();
        }
        folder
    }

    #[test]
    fn what_counts_is_told_from_what_is_there_and_dead_and_from_what_is_missing() {
        let alive = folder(&[("cpu", 5), ("memory", 0), ("io", 9)]);
        assert_eq!(totals_at(alive.path()), Ok([5, 0, 9]));
        let dead = folder(&[("cpu", 0), ("memory", 0), ("io", 0)]);
        assert!(totals_at(dead.path()).unwrap_err().contains("psi=1"));
        let missing = folder(&[("cpu", 5)]);
        assert!(totals_at(missing.path()).unwrap_err().contains("hides it"));
        assert_eq!(total_of("some total=x"), None);
    }

    #[test]
    fn the_share_is_that_of_the_time_since_the_last_reading() {
        let mut pressure = Pressure::default();
        let second = Duration::from_secs(1);
        assert_eq!(pressure.of(Some([10, 0, 0]), second), None);
        let shares = pressure.of(Some([500_010, 0, 9_000_000]), second);
        assert_eq!(shares, Some([50.0, 0.0, 100.0]));
        assert_eq!(pressure.of(None, second), None);
        assert_eq!(pressure.of(Some([1, 1, 1]), second), None);
    }
}
