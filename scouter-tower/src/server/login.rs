//! Who is logged in, as far as the request says it and the author asked for it.
//!
//! Nothing here happens by default: a name is personal data. A header is as good as whoever sets
//! it, so it is read of trusted peers only. A cookie is a secret of its user: of it only a keyed
//! hash is kept, with a key that this process made up and nobody else knows. It tells users apart
//! and cannot be turned back, nor compared with that of another process.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use http::header::COOKIE;
use http::{HeaderMap, HeaderName};
use scouter_core::propagation::{note_ignored_header, parse_tenant};
use scouter_core::{Field, Transaction};

use super::name::RequestHead;
use crate::text::StackText;

/// Most bytes of `cookie` headers that are searched; past it the login is not found and
/// `propagation_oversized` grows.
pub(crate) const MAX_COOKIE_BYTES: usize = 16 << 10;

/// `#` and 16 hex digits.
const HASH_BYTES: usize = 17;

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

pub(crate) type LoginFn = dyn for<'a> Fn(&RequestHead<'a>) -> Option<Cow<'a, str>> + Send + Sync;

/// Where the login is read from.
#[derive(Clone)]
pub(crate) enum LoginFrom {
    Header(HeaderName),
    Cookie(Box<str>),
    Function(Arc<LoginFn>),
}

impl LoginFrom {
    /// Writes the login on the transaction, if the request says it.
    pub(crate) fn describe(
        &self,
        transaction: &Transaction,
        head: &RequestHead<'_>,
        is_trusted: bool,
    ) {
        match self {
            Self::Header(name) => {
                if is_trusted && let Some(login) = header(head.headers, name) {
                    transaction.set_text(Field::Login, login);
                }
            }
            Self::Cookie(name) => {
                if let Some(value) = cookie(head.headers, name.as_bytes()) {
                    transaction.set_text(Field::Login, hashed(value).as_str());
                }
            }
            Self::Function(login) => {
                if let Some(login) = login(head) {
                    transaction.set_text(Field::Login, &login);
                }
            }
        }
    }
}

impl fmt::Debug for LoginFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => f.debug_tuple("Header").field(name).finish(),
            Self::Cookie(name) => f.debug_tuple("Cookie").field(name).finish(),
            Self::Function(_) => f.write_str("Function"),
        }
    }
}

/// A login by the rules of a tenant: a header that came twice contradicts itself.
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    if lines.next().is_some() {
        note_ignored_header(false);
        return None;
    }
    parse_tenant(first.as_bytes())
}

/// The first value of a cookie that is not empty. HTTP/2 sends each cookie as a line of its own.
fn cookie<'a>(headers: &'a HeaderMap, name: &[u8]) -> Option<&'a [u8]> {
    let mut left_bytes = MAX_COOKIE_BYTES;
    for line in headers.get_all(COOKIE) {
        let Some(left) = left_bytes.checked_sub(line.len()) else {
            note_ignored_header(true);
            return None;
        };
        left_bytes = left;
        let values = line.as_bytes().split(|byte| *byte == b';').filter_map(|pair| {
            pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"=").map(<[u8]>::trim_ascii)
        });
        if let Some(value) = values.into_iter().find(|value| !value.is_empty()) {
            return Some(value);
        }
    }
    None
}

fn hashed(secret: &[u8]) -> StackText<HASH_BYTES> {
    StackText::of(&format_args!("#{:016x}", KEY.hash_one(secret)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name_in_any_line() {
        let big = format!("sid={}", "x".repeat(MAX_COOKIE_BYTES));
        for (lines, expected) in [
            (&["sid=abc"][..], Some("abc")),
            (&["a=1; sid=abc; b=2"], Some("abc")),
            (&["a=1", "sid=abc"], Some("abc")),
            (&["sid=; sid=abc"], Some("abc")),
            (&["sid=abc=="], Some("abc==")),
            (&["sid=first; sid=second"], Some("first")),
            (&["xsid=abc"], None),
            (&["sidx=abc"], None),
            (&["SID=abc"], None),
            (&["sid"], None),
            (&["sid="], None),
            (&[], None),
            (&[&big], None),
            (&[&big, "sid=abc"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            let found = cookie(&headers, b"sid");
            assert_eq!(found, expected.map(str::as_bytes), "{lines:?}");
        }
    }

    #[test]
    fn a_hash_tells_users_apart_and_shows_nothing_of_the_secret() {
        let (one, other) = (hashed(b"secret-1"), hashed(b"secret-2"));
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str(), hashed(b"secret-1").as_str());
        assert_eq!(one.as_str().len(), HASH_BYTES);
        assert!(one.as_str().starts_with('#') && !one.as_str().contains("secret"));
    }
}
