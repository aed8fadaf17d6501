//! What a running collector takes over when its configuration is read again, and what not.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth::{Accounts, Tokens};
use crate::collector::Builder;
use crate::dumps::AutoDump;
use crate::store::local::Durability;
use crate::tls::TlsFiles;

/// What may change while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Who may do what.
    pub(crate) tokens: Tokens,
    /// Who may log in with a password.
    pub(crate) accounts: Accounts,
    /// Host names under which the page may be opened, besides addresses and `localhost`.
    pub(crate) public_hosts: Vec<String>,
    /// Most agents at once.
    pub(crate) max_agents: usize,
    /// Most live pages at once.
    pub(crate) max_pages: usize,
}

impl Settings {
    pub(crate) fn of(wanted: &Builder) -> Self {
        Self {
            tokens: wanted.tokens.clone(),
            accounts: wanted.accounts.clone(),
            public_hosts: wanted.public_hosts.clone(),
            max_agents: wanted.limits.max_connections,
            max_pages: wanted.limits.max_viewers,
        }
    }

    /// Whether people need a token or an account.
    pub(crate) fn guards_people(&self) -> bool {
        self.tokens.guards_people() || !self.accounts.is_empty()
    }

    /// Whether other people may come in than by `other`, or the same ones as somebody else.
    pub(crate) fn lets_others_in(&self, other: &Self) -> bool {
        let people = |tokens: &Tokens| {
            (tokens.viewer.clone(), tokens.operator.clone(), tokens.admin.clone())
        };
        self.accounts != other.accounts || people(&self.tokens) != people(&other.tokens)
    }

    /// Whether other agents may connect than by `other`.
    pub(crate) fn lets_other_agents_in(&self, other: &Self) -> bool {
        (&self.tokens.agent, &self.tokens.groups) != (&other.tokens.agent, &other.tokens.groups)
    }

    /// Keys of the configuration in which the two differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let differ = [
            ("tokens", self.tokens != other.tokens),
            ("accounts", self.accounts != other.accounts),
            ("public_hosts", self.public_hosts != other.public_hosts),
            ("limits", (self.max_agents, self.max_pages) != (other.max_agents, other.max_pages)),
        ];
        named(differ)
    }
}

/// What a collector was started with and keeps until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fixed {
    data: PathBuf,
    agents: SocketAddr,
    http: SocketAddr,
    durability: Durability,
    tls: Option<TlsFiles>,
    auto_dump: AutoDump,
    pub(crate) watches_itself: bool,
}

impl Fixed {
    pub(crate) fn of(wanted: &Builder) -> Self {
        Self {
            data: wanted.store.folder.clone(),
            agents: wanted.agents,
            http: wanted.http,
            durability: wanted.store.durability,
            tls: wanted.tls.clone(),
            auto_dump: wanted.auto_dump.clone(),
            watches_itself: wanted.watches_itself,
        }
    }

    /// Keys of the configuration in which the two differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        named([
            ("data", self.data != other.data),
            ("agents", self.agents != other.agents),
            ("http", self.http != other.http),
            ("durability", self.durability != other.durability),
            ("tls", self.tls != other.tls),
            ("auto_dump", self.auto_dump != other.auto_dump),
            ("watch_itself", self.watches_itself != other.watches_itself),
        ])
    }
}

fn named<const N: usize>(differ: [(&'static str, bool); N]) -> Vec<&'static str> {
    differ.into_iter().filter(|(_, differ)| *differ).map(|(key, _)| key).collect()
}

/// What became of a configuration that was read again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reloaded {
    /// Keys that differed and hold now.
    pub changed: Vec<&'static str>,
    /// Keys that differ and hold from the next start on.
    pub after_restart: Vec<&'static str>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.changed {
            [] => f.write_str("nothing has changed")?,
            keys => write!(f, "changed: {}", keys.join(", "))?,
        }
        match &*self.after_restart {
            [] => Ok(()),
            keys => write!(f, "; after a restart: {}", keys.join(", ")),
        }
    }
}
