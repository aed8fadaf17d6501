//! The threads of this process as `/proc` shows them. No thread notices that it is looked at.

use std::fs::{self, File};
use std::io;

/// What the kernel says about a thread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Thread {
    /// Kernel id.
    pub tid: u32,
    /// Its name; the kernel keeps 15 bytes.
    pub name: String,
    /// The kernel's letter: `R` runs or wants to, `S` sleeps, `D` waits for a device.
    pub state: char,
    /// CPU time it has used, in user and kernel, ms.
    pub cpu_ms: u64,
    /// Number of the system call it is in; `None` when it is in none, or runs.
    pub syscall: Option<u32>,
    /// Where in the kernel it sleeps; empty when it does not, or the kernel does not say.
    pub waits_in: String,
}

/// Ticks of the times in `stat` last 10 ms on every Linux since 2.6.
const TICK_MS: u64 = 10;

/// All threads of this process; empty where there is no `/proc`. One that ends meanwhile is left
/// out.
#[must_use]
pub fn threads() -> Vec<Thread> {
    let Ok(folder) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let mut tids: Vec<u32> =
        folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    tids.sort_unstable();
    tids.into_iter().filter_map(read).collect()
}

fn read(tid: u32) -> Option<Thread> {
    let (mut stat, mut place, mut waits_in) = (Text::new(), Text::new(), Text::new());
    let (name, state, cpu_ms) = parse_stat(Fact::open(tid, "stat").ok()?.read(&mut stat)?)?;
    let waits_in = Fact::now(tid, "wchan", &mut waits_in);
    let place = Fact::now(tid, "syscall", &mut place);
    Some(Thread {
        tid,
        name: name.to_owned(),
        state,
        cpu_ms,
        syscall: place.split(' ').next().and_then(|number| number.parse().ok()),
        waits_in: if waits_in == "0" { String::new() } else { waits_in.to_owned() },
    })
}

/// Longest text about a thread, in bytes; the rest of a longer one is not read. That of `stat` has 52
/// numbers.
const MAX_TEXT_BYTES: usize = 1_024;

/// Room for what a [`Fact`] says.
pub(super) struct Text([u8; MAX_TEXT_BYTES]);

impl Text {
    pub(super) fn new() -> Self {
        Self([0; MAX_TEXT_BYTES])
    }
}

/// Something the kernel says about a thread: a small file, open, whose every reading is a new look. A
/// look is one system call, where `fs::read_to_string` takes five.
pub(super) struct Fact(File);

impl Fact {
    pub(super) fn open(tid: u32, name: &str) -> io::Result<Self> {
        File::open(format!("/proc/self/task/{tid}/{name}")).map(Self)
    }

    /// What is said of a thread now; nothing where the kernel says nothing.
    fn now<'a>(tid: u32, name: &str, into: &'a mut Text) -> &'a str {
        Self::open(tid, name).ok().and_then(|fact| fact.read(into)).unwrap_or_default()
    }

    /// What it says now; `None` once the thread has ended.
    pub(super) fn read<'a>(&self, into: &'a mut Text) -> Option<&'a str> {
        let length = read_at_start(&self.0, &mut into.0).ok()?;
        std::str::from_utf8(&into.0[..length]).ok()
    }

    /// How often the thread was given a CPU, if this is its `schedstat`.
    pub(super) fn switches(&self) -> Option<u64> {
        self.read(&mut Text::new())?.split_ascii_whitespace().nth(2)?.parse().ok()
    }
}

#[cfg(unix)]
fn read_at_start(file: &File, into: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, 0)
}

/// There is no `/proc` either.
#[cfg(not(unix))]
fn read_at_start(_: &File, _: &mut [u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Name, state and CPU time. The name stands in parentheses and may contain some.
fn parse_stat(stat: &str) -> Option<(&str, char, u64)> {
    let (head, fields) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut ticks = fields.skip(10).map(|field| field.parse::<u64>().ok());
    let cpu = ticks.next()??.saturating_add(ticks.next()??);
    Some((name, state, cpu.saturating_mul(TICK_MS)))
}

/// How often a thread was given a CPU so far: the same number twice says that it did not run in
/// between. `None` if it has ended or the kernel does not count.
#[must_use]
pub fn switches(tid: u32) -> Option<u64> {
    if let Ok(fact) = Fact::open(tid, "schedstat") {
        return fact.switches();
    }
    let status = fs::read_to_string(format!("/proc/self/task/{tid}/status")).ok()?;
    let counts = status.lines().filter_map(|line| {
        let (name, count) = line.split_once(':')?;
        name.ends_with("ctxt_switches").then(|| count.trim().parse::<u64>().ok())?
    });
    Some(counts.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_hide_what_follows() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194368 1 0 0 0 12 30 0 0 20 0 3 0 5 1 1";
        assert_eq!(parse_stat(stat), Some(("a) b (c", 'S', 420)));
        assert_eq!(parse_stat("7 (a"), None);
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_sleeping_thread_is_listed_with_its_name_and_where_it_waits() {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let (end, ended) = std::sync::mpsc::sync_channel::<()>(1);
        let sleeper = std::thread::Builder::new().name("listed-sleeper".into()).spawn(move || {
            tell.send(crate::sys::thread_id()).unwrap();
            let _ = ended.recv();
        });
        let tid = told.recv().unwrap();
        let asleep = std::iter::repeat_with(|| {
            std::thread::yield_now();
            threads().into_iter().find(|thread| thread.tid == tid).unwrap()
        })
        .find(|thread| thread.state == 'S')
        .unwrap();
        assert_eq!(asleep.name, "listed-sleeper");
        assert!(asleep.syscall.is_some(), "{asleep:?}");
        assert_eq!(switches(tid), switches(tid));
        assert_eq!(switches(u32::MAX), None);
        drop(end);
        sleeper.unwrap().join().unwrap();
    }
}
