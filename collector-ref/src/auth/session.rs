//! Browser sessions and the limit on failed logins.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Role;

/// Name of the cookie that carries a session.
pub(crate) const SESSION_COOKIE: &str = "scouter_session";

/// Sessions kept at once; past it the one that ends first goes, and `sessions_dropped` grows.
pub(crate) const MAX_SESSIONS: usize = 1_024;

/// How long a session lives: 12 hours.
pub(crate) const SESSION_LIFE_US: i64 = 12 * 3_600 * 1_000_000;

/// Failed logins of one address, or with one account, in [`FAILURE_WINDOW_US`]; past it, such logins are refused
/// until the window is over and `logins_rate_limited` grows.
pub(crate) const MAX_FAILURES: u32 = 10;

/// The window of [`MAX_FAILURES`]: one minute.
pub(crate) const FAILURE_WINDOW_US: i64 = 60 * 1_000_000;

/// Addresses and accounts whose failures are remembered; past it the table starts anew, which favours the
/// legitimate user over remembering every address of an attacker.
pub(crate) const MAX_FAILURE_ADDRESSES: usize = 4_096;

/// All sessions, and who failed to log in.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: Mutex<HashMap<String, Session>>,
    failures: Mutex<HashMap<Failed, Failures>>,
}

/// Whose failures are counted. Those of accounts that do not exist are counted by address only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Failed {
    /// Whoever is at this address.
    Address(IpAddr),
    /// Whoever tries this account.
    Account(Arc<str>),
}

#[derive(Debug, Clone)]
struct Session {
    role: Role,
    account: Option<Arc<str>>,
    ends_unix_us: i64,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since_unix_us: i64,
}

impl Sessions {
    /// Opens a session and returns its secret with the number of sessions that had to go for it.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    pub(crate) fn open(
        &self,
        role: Role,
        account: Option<Arc<str>>,
        now: i64,
    ) -> Result<(String, u64), getrandom::Error> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random)?;
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.ends_unix_us > now);
        let mut dropped = 0;
        while sessions.len() >= MAX_SESSIONS {
            let first = sessions.iter().min_by_key(|(_, s)| s.ends_unix_us).map(|(k, _)| k.clone());
            let Some(first) = first else { break };
            sessions.remove(&first);
            dropped += 1;
        }
        let ends_unix_us = now + SESSION_LIFE_US;
        sessions.insert(secret.clone(), Session { role, account, ends_unix_us });
        Ok((secret, dropped))
    }

    /// Role and account of a session that has not ended.
    pub(crate) fn find(&self, secret: &str, now: i64) -> Option<(Role, Option<Arc<str>>)> {
        let sessions = self.sessions.lock();
        let session = sessions.get(secret).filter(|session| session.ends_unix_us > now)?;
        Some((session.role, session.account.clone()))
    }

    /// Ends a session.
    pub(crate) fn close(&self, secret: &str) {
        self.sessions.lock().remove(secret);
    }

    /// Ends all sessions.
    pub(crate) fn close_all(&self) {
        self.sessions.lock().clear();
    }

    /// Whether a login may be tried.
    pub(crate) fn may_try(&self, who: &Failed, now: i64) -> bool {
        self.failures.lock().get(who).is_none_or(|failures| {
            failures.count < MAX_FAILURES || now - failures.since_unix_us >= FAILURE_WINDOW_US
        })
    }

    /// Remembers a failed login.
    pub(crate) fn note_failure(&self, who: Failed, now: i64) {
        let mut failures = self.failures.lock();
        if failures.len() >= MAX_FAILURE_ADDRESSES {
            failures.clear();
        }
        let entry = failures.entry(who).or_insert(Failures { count: 0, since_unix_us: now });
        if now - entry.since_unix_us >= FAILURE_WINDOW_US {
            *entry = Failures { count: 0, since_unix_us: now };
        }
        entry.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Failed = Failed::Address(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn a_session_ends_by_time_or_by_hand() {
        let sessions = Sessions::default();
        let (first, _) = sessions.open(Role::Viewer, None, 0).unwrap();
        let (second, _) = sessions.open(Role::Admin, Some("ada".into()), 0).unwrap();
        assert_ne!(first, second);
        assert_eq!(sessions.find(&first, SESSION_LIFE_US - 1), Some((Role::Viewer, None)));
        assert_eq!(sessions.find(&second, 1), Some((Role::Admin, Some("ada".into()))));
        assert_eq!(sessions.find(&first, SESSION_LIFE_US), None);
        sessions.close(&second);
        assert_eq!(sessions.find(&second, 1), None);
        assert_eq!(sessions.find("", 1), None);
    }

    #[test]
    fn the_session_that_ends_first_goes_when_there_are_too_many() {
        let sessions = Sessions::default();
        let (oldest, _) = sessions.open(Role::Viewer, None, 0).unwrap();
        for i in 1..MAX_SESSIONS {
            assert_eq!(sessions.open(Role::Viewer, None, i as i64).unwrap().1, 0);
        }
        assert_eq!(sessions.open(Role::Viewer, None, 5_000).unwrap().1, 1);
        assert_eq!(sessions.find(&oldest, 5_000), None);
    }

    #[test]
    fn too_many_failures_lock_an_address_out_for_a_minute() {
        let sessions = Sessions::default();
        for _ in 0..MAX_FAILURES {
            assert!(sessions.may_try(&ADDRESS, 0));
            sessions.note_failure(ADDRESS, 0);
        }
        assert!(!sessions.may_try(&ADDRESS, FAILURE_WINDOW_US - 1));
        assert!(sessions.may_try(&Failed::Address("127.0.0.2".parse().unwrap()), 0));
        assert!(sessions.may_try(&Failed::Account("ada".into()), 0));
        assert!(sessions.may_try(&ADDRESS, FAILURE_WINDOW_US));
    }
}
