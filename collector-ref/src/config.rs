//! The configuration file of the binary, in TOML.
//!
//! Every key is optional; an unknown one is an error, so that a typing mistake does not go unseen.
//!
//! ```toml
//! data = "/var/lib/scouter"
//! agents = "127.0.0.1:6100"
//! http = "127.0.0.1:6180"
//! public_hosts = ["apm.example.com"]
//! durability = "power"        # power, process or none
//! watch_itself = true         # record the collector's own HTTP requests
//!
//! [tokens]
//! viewer = "…"                # sees everything but bound SQL values
//! operator = "…"              # also sees those, and changes agents
//! admin = "…"
//! agent = "…"                 # what agents must show
//!
//! [tokens.groups.payments]    # agents with a token of their own, for their own objects only
//! token = "…"
//! objects = ["/*/pay-*"]
//!
//! [accounts.ada]              # people who log in to the page with a password
//! role = "operator"
//! password_hash = "$argon2id$…" # printed by `scouter-collector hash-password`
//!
//! [tls]
//! certificate = "/etc/scouter/certificate.pem"
//! key = "/etc/scouter/key.pem"
//! agents = true               # agents of other machines must use TLS
//! http = true                 # page and API too; false behind a proxy that does
//!
//! [retention]
//! profile_days = 10
//! xlog_days = 30
//! counter_days = 70
//! disk_bytes = 68719476736
//!
//! [limits]
//! agents = 1024               # at once; each takes a thread and a file handle
//! viewers = 256               # live pages at once
//!
//! [auto_dump]                 # active services and threads of a process that looks bad, kept
//! active_services = 500       # at once in one process; what is left out is never a reason
//! cpu_percent = 350           # for ten seconds; 100 is one processor
//! alerts = ["stuck_await", "starved_runtime"]
//! interval_s = 60             # least time between two of one object
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::auth::{Accounts, Tokens};
use crate::collector::{Builder, DEFAULT_DATA};
use crate::dumps::AutoDump;
use crate::limits::Limits;
use crate::store::local::{Durability, StoreConfig};
use crate::tls::TlsFiles;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// What the configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FileConfig {
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Where agents connect.
    pub agents: Option<SocketAddr>,
    /// Where page and API are.
    pub http: Option<SocketAddr>,
    /// Host names under which the page may be opened.
    pub public_hosts: Vec<String>,
    /// When a frame may be acknowledged.
    pub durability: Option<DurabilityName>,
    /// Whether the collector records its own HTTP requests. Default: yes.
    pub watch_itself: Option<bool>,
    /// Who may do what.
    pub tokens: Tokens,
    /// Who may log in with a password.
    pub accounts: Accounts,
    /// The certificate for TLS. Default: none, both ports are plain.
    pub tls: Option<TlsFiles>,
    /// How long things are kept.
    pub retention: Retention,
    /// How many may be connected.
    pub limits: FileLimits,
    /// When a process is dumped because it looks bad. Default: never.
    pub auto_dump: AutoDump,
}

/// How many may be connected at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FileLimits {
    /// Agents. Default: [`crate::limits::DEFAULT_MAX_CONNECTIONS`].
    pub agents: Option<usize>,
    /// Live pages. Default: [`crate::limits::DEFAULT_MAX_VIEWERS`].
    pub viewers: Option<usize>,
}

/// When a frame may be acknowledged, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DurabilityName {
    /// It survives a loss of power.
    Power,
    /// It survives a killed collector.
    Process,
    /// At once.
    None,
}

/// How long things are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retention {
    /// Days for which profiles are kept.
    pub profile_days: Option<u32>,
    /// Days for which transactions are kept.
    pub xlog_days: Option<u32>,
    /// Days for which counters and digests are kept; digests by ten seconds for 3 of them.
    pub counter_days: Option<u32>,
    /// Bytes of all sealed files; past it the oldest go, profiles first.
    pub disk_bytes: Option<u64>,
}

impl FileConfig {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// If it is not TOML, or has an unknown key or a value of the wrong kind; the message says
    /// where.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// A builder with everything the file sets.
    #[must_use]
    pub fn into_builder(self) -> Builder {
        let mut store = StoreConfig::new(self.data.unwrap_or_else(|| DEFAULT_DATA.into()));
        store.durability = match self.durability {
            None | Some(DurabilityName::Power) => Durability::Power,
            Some(DurabilityName::Process) => Durability::Process,
            Some(DurabilityName::None) => Durability::None,
        };
        let days = |days: u32| Duration::from_secs(u64::from(days) * DAY_S);
        let Retention { profile_days, xlog_days, counter_days, disk_bytes } = self.retention;
        store.profile_keep = profile_days.map_or(store.profile_keep, days);
        store.xlog_keep = xlog_days.map_or(store.xlog_keep, days);
        store.counter_keep = counter_days.map_or(store.counter_keep, days);
        store.digest_keep = counter_days.map_or(store.digest_keep, days);
        store.disk_bytes = disk_bytes.unwrap_or(store.disk_bytes);
        let mut limits = Limits::default();
        limits.max_connections = self.limits.agents.unwrap_or(limits.max_connections);
        limits.max_viewers = self.limits.viewers.unwrap_or(limits.max_viewers);
        let mut builder = Builder::default()
            .store(store)
            .limits(limits)
            .tokens(self.tokens)
            .public_hosts(self.public_hosts);
        builder = builder.accounts(self.accounts).auto_dump(self.auto_dump);
        builder = builder.watch_itself(self.watch_itself.unwrap_or(true));
        if let Some(files) = self.tls {
            builder = builder.tls(files);
        }
        if let Some(address) = self.agents {
            builder = builder.agents(address);
        }
        if let Some(address) = self.http {
            builder = builder.http(address);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_manual_is_read() {
        let manual = include_str!("config.rs");
        let example: String = manual
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
            .collect();
        let config = FileConfig::parse(&example).unwrap();
        assert_eq!(config.data, Some("/var/lib/scouter".into()));
        assert_eq!(config.durability, Some(DurabilityName::Power));
        assert_eq!(config.retention.xlog_days, Some(30));
        assert!(config.tokens.agent.is_some());
        assert_eq!(config.tokens.groups["payments"].objects, ["/*/pay-*"]);
        assert!(!config.accounts.is_empty());
        assert_eq!(config.limits, FileLimits { agents: Some(1024), viewers: Some(256) });
        assert_eq!(config.auto_dump.unknown_alert(), None);
        assert!(config.auto_dump.is_on() && config.auto_dump.interval_s == Some(60));
        assert!(config.tls.is_some_and(|tls| tls.agents && tls.http));
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        for (text, expected) in [
            ("dta = \"x\"", "unknown field `dta`"),
            ("http = \"6180\"", "invalid socket address"),
            ("durability = \"maximum\"", "unknown variant `maximum`"),
            ("[tokens]\nroot = \"x\"", "unknown field `root`"),
            ("[retention]\nxlog_days = -1", "invalid value"),
            ("[limits]\nagents = \"many\"", "invalid type"),
            ("[auto_dump]\ncpu = 3", "unknown field `cpu`"),
            ("data = ", "TOML parse error"),
        ] {
            let error = FileConfig::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
