//! What the process uses: memory, CPU, threads, open files. Linux only; elsewhere nothing is said.

use std::time::Duration;

use crate::clock::Moment;

/// One reading of `/proc/self`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ProcessFigures {
    /// Resident memory.
    pub(crate) rss_bytes: u64,
    /// CPU since the last reading, 100 for one core.
    pub(crate) cpu_percent: f64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
    /// How many it may have open.
    pub(crate) open_files_limit: Option<u64>,
}

/// Reads the figures, and CPU as the difference to the last reading.
#[derive(Debug, Default)]
pub(crate) struct Process {
    last: Option<(Moment, Duration)>,
}

/// Unit of the times in `/proc/self/stat`: Linux has shown them in hundredths of a second to
/// user space on every architecture since 2.6.
const TICK: Duration = Duration::from_millis(10);

impl Process {
    pub(crate) fn read(&mut self) -> Option<ProcessFigures> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let (cpu, threads) = parse_stat(&stat)?;
        let now = Moment::now();
        let cpu_percent = self.last.map_or(0.0, |(then, before)| {
            let wall = now.since(then).as_secs_f64();
            if wall > 0.0 { 100.0 * cpu.saturating_sub(before).as_secs_f64() / wall } else { 0.0 }
        });
        self.last = Some((now, cpu));
        let open_files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Some(ProcessFigures {
            rss_bytes: parse_rss(&status)?,
            cpu_percent,
            threads,
            // Reading the folder opens it.
            open_files: open_files.saturating_sub(1) as u64,
            open_files_limit: std::fs::read_to_string("/proc/self/limits")
                .ok()
                .and_then(|limits| parse_open_files_limit(&limits)),
        })
    }
}

/// Resident memory.
pub(crate) fn resident_bytes() -> Option<u64> {
    parse_rss(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// CPU time and number of threads. The name in parentheses may contain anything.
fn parse_stat(stat: &str) -> Option<(Duration, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut number = || fields.next()?.parse::<u32>().ok();
    let cpu = TICK * number()?.checked_add(number()?)?;
    let threads = fields.nth(4)?.parse().ok()?;
    Some((cpu, threads))
}

/// The soft limit, which is the one that holds; `None` when there is none.
fn parse_open_files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn parse_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a ) 1 2) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 13 0 100 1 1";
        assert_eq!(parse_stat(stat), Some((Duration::from_secs(3), 13)));
        assert_eq!(parse_stat("7 (x) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(parse_rss("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        assert_eq!(parse_rss("Name:\tx\n"), None);
    }

    #[test]
    fn the_soft_limit_of_open_files_is_the_one_that_holds() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";
        assert_eq!(parse_open_files_limit(limits), Some(1_024));
        assert_eq!(parse_open_files_limit("Max open files unlimited unlimited files"), None);
        assert_eq!(parse_open_files_limit(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory_threads_and_files() {
        let figures = Process::default().read().unwrap();
        assert!(figures.rss_bytes > 100_000 && figures.threads >= 1 && figures.open_files >= 3);
    }
}
