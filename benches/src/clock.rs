//! The bench's own clock: the one place that reads time.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

/// Wall time now.
#[expect(clippy::disallowed_methods, reason = "this is the bench's clock module")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Length of one batch; a batch that was preempted is one of hundreds, and the median ignores it.
const BATCH: Duration = Duration::from_micros(500);

/// Nanoseconds for one `operation`: the median over batches of the mean of each batch.
pub(crate) fn measure(budget: Duration, mut operation: impl FnMut()) -> f64 {
    let warm_up = now();
    let mut calls = 0_u32;
    while warm_up.elapsed() < budget / 4 || calls == 0 {
        operation();
        calls += 1;
    }
    let per_call_ns = (warm_up.elapsed().as_nanos() / u128::from(calls)).max(1);
    let in_batch = u64::try_from(BATCH.as_nanos() / per_call_ns).unwrap_or(1).max(1);
    let mut means = Vec::new();
    let begin = now();
    while begin.elapsed() < budget || means.len() < 3 {
        let start = now();
        for _ in 0..black_box(in_batch) {
            operation();
        }
        means.push(start.elapsed().as_secs_f64() * 1e9 / in_batch as f64);
    }
    median(&mut means)
}

/// Nanoseconds by which one of `second` takes longer than one of `first`: the median over pairs of
/// batches, which follow one another so that a busy moment falls on both.
pub(crate) fn measure_difference(
    budget: Duration,
    mut first: impl FnMut(),
    mut second: impl FnMut(),
) -> f64 {
    let per_call_ns = measure(budget / 8, &mut first).max(measure(budget / 8, &mut second));
    #[expect(clippy::cast_possible_truncation, reason = "at most the nanoseconds of a batch")]
    let in_batch = ((BATCH.as_nanos() as f64 / per_call_ns.max(1.0)) as u64).max(1);
    let batch = |operation: &mut dyn FnMut()| {
        let start = now();
        for _ in 0..black_box(in_batch) {
            operation();
        }
        start.elapsed().as_secs_f64() * 1e9 / in_batch as f64
    };
    let mut differences = Vec::new();
    let begin = now();
    while begin.elapsed() < budget || differences.len() < 3 {
        // Whoever comes first finds the caches as somebody else left them.
        let (a, b) = (batch(&mut first), batch(&mut second));
        let (c, d) = (batch(&mut second), batch(&mut first));
        differences.push((b - a + c - d) / 2.0);
    }
    median(&mut differences)
}

/// The value that this share of all is not above.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, reason = "at most their number")]
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The middle value; of an even number the lower one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Wall clock, unix µs.
#[expect(clippy::disallowed_methods, reason = "this is the bench's clock module")]
pub(crate) fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// CPU time that all threads of this process have used so far, those that ended included.
pub(crate) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// CPU time that the calling thread has used so far.
pub(crate) fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or(0), nanos.unwrap_or(0))
}

/// CPU time that process `pid` has used so far, from `/proc`.
pub(crate) fn cpu_of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    /// `USER_HZ`, which Linux fixes for user space.
    const TICKS_PER_SECOND: u64 = 100;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// CPU time that the main thread of process `pid` has used so far, from `/proc`.
pub(crate) fn cpu_of_main_thread(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
