//! What is known about the process, without what may be secret.
//!
//! Of variables only those are shown with their values whose names the option `environment_shown`
//! lists, and never those that look like a secret by their names. Of arguments the values are left
//! out. The variables are those the process was started with: to read the present ones would race
//! with C code that sets them.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use scouter_core::options;
use scouter_wire::codec::EnvironmentEntry;
use scouter_wire::glob::is_match;

use super::threads::capabilities;
use crate::pressure;

/// Most variables and arguments that are listed.
const MAX_LISTED: usize = 1_000;

/// Most sockets that are listed; all are counted.
const MAX_SOCKETS: usize = 500;

/// Parts of names whose values are never shown.
const SECRETS: [&str; 7] = ["TOKEN", "SECRET", "PASS", "KEY", "CREDENTIAL", "AUTH", "_URL"];

/// States of TCP by their numbers in the kernel's table, from 1.
const TCP_STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

#[derive(Debug, Default)]
struct Facts(Vec<EnvironmentEntry>);

impl Facts {
    fn shown(&mut self, section: &str, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(EnvironmentEntry {
            section: section.to_owned(),
            name: name.into(),
            value: value.into(),
            is_hidden: false,
        });
    }

    fn hidden(&mut self, section: &str, name: impl Into<String>) {
        let (section, name) = (section.to_owned(), name.into());
        self.0.push(EnvironmentEntry { section, name, value: String::new(), is_hidden: true });
    }
}

pub(super) fn read() -> Vec<EnvironmentEntry> {
    let mut facts = Facts::default();
    process(&mut facts);
    let bytes = |path: &str| fs::read(path).unwrap_or_default();
    arguments(&bytes("/proc/self/cmdline"), &mut facts);
    let shown = options::ENVIRONMENT_SHOWN.value();
    variables(&bytes("/proc/self/environ"), &shown, &mut facts);
    limits(&fs::read_to_string("/proc/self/limits").unwrap_or_default(), &mut facts);
    sockets(&mut facts);
    for capability in capabilities() {
        let is_there = capability.unavailable.is_empty();
        let value = if is_there { "available".to_owned() } else { capability.unavailable };
        facts.shown("tools", capability.name, value);
    }
    let pressure = match pressure::totals() {
        Ok(_) => "available",
        Err(why) => why,
    };
    facts.shown("tools", "pressure", pressure);
    facts.0
}

fn process(facts: &mut Facts) {
    let path = |path: std::io::Result<std::path::PathBuf>| {
        path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
    };
    facts.shown("process", "executable", path(std::env::current_exe()));
    facts.shown("process", "working_folder", path(std::env::current_dir()));
    facts.shown("process", "pid", std::process::id().to_string());
    facts.shown("process", "scouter", env!("CARGO_PKG_VERSION"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    facts.shown("process", "kernel", kernel.trim());
    facts.shown("process", "target", concat_target());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    facts.shown("process", "available_cores", cores.to_string());
}

fn concat_target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Names of arguments; what follows `=` and what stands alone may be anything.
fn arguments(bytes: &[u8], facts: &mut Facts) {
    for (index, argument) in parts(bytes).enumerate() {
        match argument.split_once('=') {
            _ if index == 0 => facts.shown("arguments", "0", argument),
            Some((name, _)) if name.starts_with('-') => {
                facts.hidden("arguments", format!("{index} {name}"));
            }
            None if argument.starts_with('-') && !argument.trim_start_matches('-').is_empty() => {
                facts.shown("arguments", index.to_string(), flag(&argument));
            }
            _ => facts.hidden("arguments", index.to_string()),
        }
    }
}

/// A flag such as `--verbose`; of a short one its letter alone, since its value may follow at once.
fn flag(argument: &str) -> &str {
    let is_long = argument.starts_with("--");
    if is_long { argument } else { scouter_wire::text::cut(argument, 2) }
}

fn variables(bytes: &[u8], shown: &str, facts: &mut Facts) {
    let mut sorted = BTreeMap::new();
    for part in parts(bytes) {
        let (name, value) = part.split_once('=').unwrap_or((&part, ""));
        sorted.insert(name.to_owned(), value.to_owned());
    }
    for (name, value) in sorted {
        let upper = name.to_uppercase();
        let is_secret = SECRETS.iter().any(|part| upper.contains(part));
        let is_listed = shown.split(',').any(|pattern| is_match(pattern.trim(), &name));
        if is_listed && !is_secret {
            facts.shown("variables", name, value);
        } else {
            facts.hidden("variables", name);
        }
    }
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = String> {
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.take(MAX_LISTED).map(|part| String::from_utf8_lossy(part).into_owned())
}

/// Lines such as `Max open files            1024                 4096                 files`.
fn limits(text: &str, facts: &mut Facts) {
    for line in text.lines().skip(1) {
        let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
        if let (Some(name), Some(soft)) = (columns.next(), columns.next()) {
            let rest: Vec<&str> = columns.collect();
            facts.shown("limits", name, format!("{soft} (at most {})", rest.join(" ")));
        }
    }
}

/// Sockets of this process: each with its addresses, and how many there are of each kind.
fn sockets(facts: &mut Facts) {
    let own: HashSet<String> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let target = fs::read_link(entry.ok()?.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    facts.shown("sockets", "open", own.len().to_string());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut listed = 0;
    for kind in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/self/net/{kind}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let Some(socket) = Socket::parse(line).filter(|one| own.contains(one.inode)) else {
                continue;
            };
            let state = if kind.starts_with("tcp") { socket.state() } else { "open" };
            *counts.entry(format!("{kind} {state}")).or_default() += 1;
            if listed < MAX_SOCKETS {
                listed += 1;
                let ends = format!("{} -> {}", address(socket.local), address(socket.remote));
                facts.shown("sockets", format!("{kind} {state}"), ends);
            }
        }
    }
    for (kind, count) in counts {
        facts.shown("socket_counts", kind, count.to_string());
    }
}

/// A line of the kernel's tables of sockets.
#[derive(Debug)]
struct Socket<'a> {
    local: &'a str,
    remote: &'a str,
    state: &'a str,
    inode: &'a str,
}

impl<'a> Socket<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self { local, remote, state, inode: fields.nth(5)? })
    }

    fn state(&self) -> &'static str {
        let number = usize::from_str_radix(self.state, 16).unwrap_or(0);
        number.checked_sub(1).and_then(|at| TCP_STATES.get(at)).copied().unwrap_or("unknown")
    }
}

/// An address as people write it; the kernel shows words of the machine's byte order.
fn address(text: &str) -> String {
    let parse = || {
        let (host, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let words: Option<Vec<[u8; 4]>> = (0..host.len() / 8)
            .map(|at| u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok())
            .map(|word| word.map(u32::to_ne_bytes))
            .collect();
        let bytes: Vec<u8> = words?.concat();
        let ip = match bytes.len() {
            4 => std::net::IpAddr::from(*bytes.first_chunk::<4>()?),
            16 => std::net::IpAddr::from(*bytes.first_chunk::<16>()?),
            _ => return None,
        };
        Some(std::net::SocketAddr::new(ip, port).to_string())
    };
    parse().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(facts: &Facts) -> Vec<(&str, &str, bool)> {
        facts.0.iter().map(|one| (&*one.name, &*one.value, one.is_hidden)).collect()
    }

    #[test]
    fn values_of_variables_are_shown_only_if_listed_and_secrets_never() {
        let bytes =
            b"TZ=UTC\0API_TOKEN=s3cret\0LC_ALL=C\0HOME=/root\0DATABASE_URL=postgres://a:b@c\0";
        let mut facts = Facts::default();
        variables(bytes, "TZ, LC_*", &mut facts);
        let expected = [
            ("API_TOKEN", "", true),
            ("DATABASE_URL", "", true),
            ("HOME", "", true),
            ("LC_ALL", "C", false),
            ("TZ", "UTC", false),
        ];
        assert_eq!(pairs(&facts), expected);
        let mut facts = Facts::default();
        variables(bytes, "*", &mut facts);
        assert!(!format!("{facts:?}").contains("s3cret"));
        assert!(!format!("{facts:?}").contains("a:b@c"));
    }

    #[test]
    fn of_arguments_only_names_are_shown() {
        let mut facts = Facts::default();
        arguments(b"/srv/orders\0--verbose\0--token=s3cret\0-ps3cret\0s3cret\0", &mut facts);
        let expected = [
            ("0", "/srv/orders", false),
            ("1", "--verbose", false),
            ("2 --token", "", true),
            ("3", "-p", false),
            ("4", "", true),
        ];
        assert_eq!(pairs(&facts), expected);
    }

    #[test]
    fn addresses_are_written_as_people_do() {
        assert_eq!(address("0100007F:1F90"), "127.0.0.1:8080");
        assert_eq!(address("00000000000000000000000001000000:0050"), "[::1]:80");
        assert_eq!(address("nonsense"), "nonsense");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_listening_socket_of_this_process_is_listed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let facts = read();
        assert!(facts.iter().any(|one| {
            one.section == "sockets" && one.name == "tcp LISTEN" && one.value.starts_with(&address)
        }));
        assert!(facts.iter().any(|one| one.section == "limits" && one.name == "Max open files"));
    }
}
