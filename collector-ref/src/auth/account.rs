//! Accounts of people: a name, a role, and the hash of a password.
//!
//! There is none until somebody configures one, so there is no default password either. Passwords
//! are hashed by argon2id with the parameters of its authors' crate (19 MiB, two passes, one lane:
//! what OWASP's Password Storage Cheat Sheet asks for at least).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use serde::Deserialize;

use super::Role;

/// Shortest password in bytes that is hashed.
pub const MIN_PASSWORD_BYTES: usize = 10;

/// Longest password in bytes that is looked at.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// Passwords checked at once, since each takes 19 MiB and tens of milliseconds of a core; further
/// logins wait.
pub(crate) const MAX_PASSWORD_CHECKS: usize = 2;

/// Whose hash is compared with when a name is not known, so that the time does not tell which names
/// are. Nobody knows a password for it.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// One account.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Account {
    /// What it may do.
    pub role: Role,
    /// Its password, hashed: what `scouter-collector hash-password` prints.
    pub password_hash: String,
}

impl fmt::Debug for Account {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("role", &self.role).finish_non_exhaustive()
    }
}

/// All accounts, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Accounts(BTreeMap<String, Account>);

impl Accounts {
    /// Adds an account, or replaces it.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        role: Role,
        password_hash: impl Into<String>,
    ) -> Self {
        self.0.insert(name.into(), Account { role, password_hash: password_hash.into() });
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The first account whose hash is none that this collector can check.
    pub(crate) fn unusable(&self) -> Option<&str> {
        let is_usable = |account: &Account| {
            PasswordHash::new(&account.password_hash)
                .is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
        };
        self.0.iter().find(|(_, account)| !is_usable(account)).map(|(name, _)| &**name)
    }

    /// Name and role of whoever knows this password. Takes a core for tens of milliseconds, for an
    /// unknown name as well.
    pub(crate) fn check(&self, name: &str, password: &str) -> Option<(Arc<str>, Role)> {
        let account = self.0.get_key_value(name);
        let hash = account.map_or(NOBODY, |(_, account)| &account.password_hash);
        let is_right = password.len() <= MAX_PASSWORD_BYTES
            && Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
        account.filter(|_| is_right).map(|(name, account)| (Arc::from(&**name), account.role))
    }
}

/// A password cannot be hashed.
#[derive(Debug)]
#[non_exhaustive]
pub enum HashError {
    /// It is shorter than [`MIN_PASSWORD_BYTES`] or longer than [`MAX_PASSWORD_BYTES`].
    Length,
    /// The operating system has no random numbers, or no memory.
    System(String),
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(
                f,
                "a password has {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes: choose another"
            ),
            Self::System(error) => write!(f, "the password cannot be hashed: {error}"),
        }
    }
}

impl std::error::Error for HashError {}

/// The hash of a password with a salt of its own, for [`Account::password_hash`].
///
/// # Errors
/// See [`HashError`].
pub fn hash_password(password: &str) -> Result<String, HashError> {
    if !(MIN_PASSWORD_BYTES..=MAX_PASSWORD_BYTES).contains(&password.len()) {
        return Err(HashError::Length);
    }
    let system = |error: &dyn fmt::Display| HashError::System(error.to_string());
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| system(&error))?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| system(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_of_the_right_name_opens_an_account() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let accounts = Accounts::default().with("ada", Role::Operator, hash);
        assert!(accounts.unusable().is_none());
        let (name, role) = accounts.check("ada", "correct horse").unwrap();
        assert_eq!((&*name, role), ("ada", Role::Operator));
        for (name, password) in [
            ("ada", "correct horsf"),
            ("ada", ""),
            ("Ada", "correct horse"),
            ("", "correct horse"),
            ("eve", "correct horse"),
        ] {
            assert!(accounts.check(name, password).is_none(), "{name} {password}");
        }
        assert!(accounts.check("ada", &"x".repeat(MAX_PASSWORD_BYTES + 1)).is_none());
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        assert_ne!(
            hash_password("correct horse").unwrap(),
            hash_password("correct horse").unwrap()
        );
    }

    #[test]
    fn short_and_endless_passwords_are_not_hashed() {
        for password in [String::new(), "short".into(), "x".repeat(MAX_PASSWORD_BYTES + 1)] {
            assert!(matches!(hash_password(&password), Err(HashError::Length)));
        }
    }

    #[test]
    fn what_is_no_hash_is_found_before_somebody_needs_it() {
        for hash in ["", "correct horse", "$argon2id$v=19$m=19456,t=2,p=1$", "$2b$12$abc"] {
            let accounts = Accounts::default().with("ada", Role::Viewer, hash);
            assert_eq!(accounts.unusable(), Some("ada"), "{hash}");
            assert!(accounts.check("ada", "correct horse").is_none());
        }
    }

    #[test]
    fn a_name_that_is_not_known_costs_a_check_too() {
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(hash.algorithm.as_str(), "argon2id");
        assert!(hash.hash.is_some());
    }
}
