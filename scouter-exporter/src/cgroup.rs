//! What the process may use at most: the limits of its control groups, version 2 or 1. Linux only.
//!
//! A limit may stand at the group of the process or at any above it; the smallest counts. Usage is
//! read where the smallest memory limit stands, since that is where the kernel would kill.

use std::fs;
use std::path::{Path, PathBuf};

/// Groups above that of the process that are looked at.
const MAX_DEPTH: usize = 16;

/// Above it a limit of version 1 means "none".
const UNLIMITED: u64 = 1 << 60;

/// Limits and what they cost. `None`: no limit, or it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct CgroupFigures {
    pub(crate) memory_limit_bytes: Option<u64>,
    /// Memory used by the group with that limit, page cache included.
    pub(crate) memory_used_bytes: Option<u64>,
    /// Of that, page cache that the kernel can drop at once.
    pub(crate) memory_inactive_bytes: Option<u64>,
    /// 100 for one core.
    pub(crate) cpu_limit_percent: Option<f64>,
    /// Time threads of the group were held back by its limit so far, µs.
    pub(crate) throttled_us: Option<u64>,
}

/// The figures of this process.
pub(crate) fn read() -> CgroupFigures {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    read_at(Path::new("/sys/fs/cgroup"), &groups)
}

/// The figures by what stands in `/proc/self/cgroup`, under the folder of the control groups.
fn read_at(root: &Path, groups: &str) -> CgroupFigures {
    let path_of = |wanted: &str| {
        groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let controllers = fields.next()?;
            controllers.split(',').any(|one| one == wanted).then(|| fields.next())?
        })
    };
    let v1 = |controller: &str| {
        let path = path_of(controller)?;
        let folder = root.join(controller);
        folder.is_dir().then(|| levels(&folder, path))
    };
    let v2 = || path_of("").map_or_else(Vec::new, |path| levels(root, path));
    let mut figures = CgroupFigures::default();
    match v1("memory") {
        Some(levels) => {
            memory(&levels, "memory.limit_in_bytes", "memory.usage_in_bytes", &mut figures);
        }
        None => memory(&v2(), "memory.max", "memory.current", &mut figures),
    }
    match v1("cpu") {
        Some(levels) => cpu_v1(&levels, &mut figures),
        None => cpu_v2(&v2(), &mut figures),
    }
    figures
}

/// The folder of a group and those above it. In a container the path is often that of the host,
/// which is not there: then the root is what the container sees of its own.
fn levels(root: &Path, path: &str) -> Vec<PathBuf> {
    let own = root.join(path.trim_start_matches('/'));
    // A group outside of the namespace shows as `/../…`.
    let is_inside = !path.split('/').any(|part| part == "..") && own.is_dir();
    let own = if is_inside { own } else { root.to_owned() };
    own.ancestors()
        .take(MAX_DEPTH)
        .take_while(|level| level.starts_with(root))
        .map(Path::to_owned)
        .collect()
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()
}

fn memory(levels: &[PathBuf], limit: &str, used: &str, figures: &mut CgroupFigures) {
    let limits = levels.iter().filter_map(|level| {
        number(level, limit).filter(|bytes| *bytes < UNLIMITED).map(|bytes| (bytes, level))
    });
    if let Some((bytes, level)) = limits.min_by_key(|(bytes, _)| *bytes) {
        figures.memory_limit_bytes = Some(bytes);
        figures.memory_used_bytes = number(level, used);
        // Version 1 has the sum over the groups below under a name of its own.
        let key = if used == "memory.current" { "inactive_file" } else { "total_inactive_file" };
        figures.memory_inactive_bytes = stat(level, "memory.stat", key);
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a period")]
fn percent(quota: u64, period: u64) -> Option<f64> {
    (period > 0).then(|| 100.0 * quota as f64 / period as f64)
}

fn cpu_v1(levels: &[PathBuf], figures: &mut CgroupFigures) {
    let limits = levels.iter().filter_map(|level| {
        // -1 is no limit, and no number here.
        percent(number(level, "cpu.cfs_quota_us")?, number(level, "cpu.cfs_period_us")?)
    });
    figures.cpu_limit_percent = limits.min_by(f64::total_cmp);
    let own = levels.first().and_then(|level| stat(level, "cpu.stat", "throttled_time"));
    figures.throttled_us = own.map(|nanos| nanos / 1_000);
}

fn cpu_v2(levels: &[PathBuf], figures: &mut CgroupFigures) {
    let limits = levels.iter().filter_map(|level| {
        let text = fs::read_to_string(level.join("cpu.max")).ok()?;
        let (quota, period) = text.trim().split_once(' ')?;
        percent(quota.parse().ok()?, period.parse().ok()?)
    });
    figures.cpu_limit_percent = limits.min_by(f64::total_cmp);
    figures.throttled_us =
        levels.first().and_then(|level| stat(level, "cpu.stat", "throttled_usec"));
}

/// A line of a file of such lines.
fn stat(level: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(level.join(file)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn version_2_takes_the_smallest_limit_on_the_way_up() {
        let root = tree(&[
            ("pod/app/memory.max", "max\n"),
            ("pod/app/memory.current", "1\n"),
            ("pod/app/cpu.max", "250000 100000\n"),
            ("pod/app/cpu.stat", "usage_usec 7\nnr_throttled 2\nthrottled_usec 1500\n"),
            ("pod/memory.max", "536870912\n"),
            ("pod/memory.current", "1048576\n"),
            ("pod/memory.stat", "anon 7\ninactive_file 4096\nactive_file 8192\n"),
            ("pod/cpu.max", "max 100000\n"),
        ]);
        let figures = read_at(root.path(), "0::/pod/app\n");
        let expected = CgroupFigures {
            memory_limit_bytes: Some(536_870_912),
            memory_used_bytes: Some(1_048_576),
            memory_inactive_bytes: Some(4_096),
            cpu_limit_percent: Some(250.0),
            throttled_us: Some(1_500),
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn version_1_is_read_by_controller_and_a_path_of_the_host_means_the_root() {
        let root = tree(&[
            ("memory/memory.limit_in_bytes", "1073741824\n"),
            ("memory/memory.usage_in_bytes", "4096\n"),
            ("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 512\n"),
            ("cpu/docker/x/cpu.cfs_quota_us", "50000\n"),
            ("cpu/docker/x/cpu.cfs_period_us", "100000\n"),
            ("cpu/docker/x/cpu.stat", "nr_periods 1\nthrottled_time 9000\n"),
            ("cpu/cpu.cfs_quota_us", "-1\n"),
        ]);
        let groups = "4:memory:/not/here\n2:cpu,cpuacct:/docker/x\n0::/\n";
        let figures = read_at(root.path(), groups);
        assert_eq!(figures.memory_limit_bytes, Some(1_073_741_824));
        assert_eq!(figures.memory_used_bytes, Some(4_096));
        assert_eq!(figures.memory_inactive_bytes, Some(512));
        assert_eq!((figures.cpu_limit_percent, figures.throttled_us), (Some(50.0), Some(9)));
    }

    #[test]
    fn without_limits_or_with_nonsense_nothing_is_said() {
        let root = tree(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("cpu/cpu.cfs_quota_us", "fast\n"),
            ("cpu.max", "1 0\n"),
        ]);
        for groups in ["", "4:memory:/\n2:cpu:/\n", "0::/../../etc\n", "nonsense", "::\n"] {
            assert_eq!(read_at(root.path(), groups), CgroupFigures::default(), "{groups}");
        }
    }
}
