//! Why a collector does not start or end.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::store::{AppendError, OpenError};
use crate::tls::TlsError;

/// A collector could not be started. Nothing is left running.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It would listen beyond this machine without a token.
    TokenNeeded {
        /// `agents` or `http`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// A token is too short to be a secret.
    ShortToken {
        /// Whose token.
        role: String,
    },
    /// What stands for the password of an account is no hash of one.
    UnusableAccount {
        /// The account.
        name: String,
    },
    /// `auto_dump.alerts` names a kind of alert that there is not.
    UnknownAlert {
        /// What it names.
        name: String,
    },
    /// Another program listens there; most likely another collector.
    PortTaken {
        /// `agents` or `http`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be used: it is not one of this machine, or a low port needs privileges.
    Bind {
        /// `agents` or `http`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The certificate cannot be used.
    Tls(TlsError),
    /// The data folder cannot be opened.
    Store(OpenError),
    /// The operating system refused a thread or a handle.
    System(io::Error),
    /// The store panicked while it was opened; its message is on standard error.
    Crashed,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenNeeded { what, address } => write!(
                f,
                "refusing to listen for {what} on {address}, which is reachable from other \
                 machines, without a token: set --token or SCOUTER_COLLECTOR_TOKEN, or listen on \
                 127.0.0.1"
            ),
            Self::ShortToken { role } => write!(
                f,
                "the {role} token is shorter than {} bytes: choose a longer one",
                crate::auth::MIN_TOKEN_BYTES
            ),
            Self::UnusableAccount { name } => write!(
                f,
                "the password_hash of account {name} is none of argon2id: make one with \
                 scouter-collector hash-password"
            ),
            Self::UnknownAlert { name } => write!(
                f,
                "auto_dump.alerts names \"{name}\", and there are no such alerts: the kinds stand in \
                 docs/DIAGNOSIS.md"
            ),
            Self::PortTaken { what, address } => write!(
                f,
                "port {} for {what} is taken ({address}): stop the other program, most likely \
                 another collector, or choose another port with --{what}",
                address.port()
            ),
            Self::Bind { what, address, source } => write!(
                f,
                "cannot listen for {what} on {address}: {source}; choose an address of this \
                 machine and a port above 1023 with --{what}"
            ),
            Self::Tls(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::System(error) => write!(f, "the operating system refused a resource: {error}"),
            Self::Crashed => f.write_str("the store broke while it was opened; see its message"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::System(source) => Some(source),
            Self::Store(error) => Some(error),
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Store(error)
    }
}

/// A collector ended, but not cleanly.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShutdownError {
    /// What was in memory could not be sealed; it is in the write-ahead log.
    Seal(AppendError),
    /// A part of the collector panicked while it ended.
    Crashed,
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal(error) => write!(
                f,
                "not everything could be sealed, the rest is in the write-ahead log: {error}"
            ),
            Self::Crashed => f.write_str("a part of the collector broke while it ended"),
        }
    }
}

impl std::error::Error for ShutdownError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Seal(error) => Some(error),
            Self::Crashed => None,
        }
    }
}
