//! Identities. Inside Scouter they are called txid and gxid; W3C words appear only at the edge.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

/// Identity of one transaction: 64 bits, never 0, printed as 16 hex digits.
///
/// At the edge it is the W3C span id. The upper 32 bits are the unix second in which the
/// transaction began, so ids sort by time; the lower 32 are a per-process random base plus a
/// counter. It is unique within an object and practically, not certainly, unique globally: links
/// therefore carry the gxid too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Txid(NonZeroU64);

/// Identity of one distributed trace: 128 bits, never 0, printed as 32 hex digits (W3C trace id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gxid(NonZeroU128);

/// Identity of one object (a running instance of an instrumented process) within one collector
/// store: assigned by the collector, dense, never 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u32);

impl Txid {
    /// Wraps a number; `None` for 0.
    #[must_use]
    pub const fn new(id: u64) -> Option<Self> {
        match NonZeroU64::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0.get()
    }
}

impl Gxid {
    /// Wraps a number; `None` for 0.
    #[must_use]
    pub const fn new(id: u128) -> Option<Self> {
        match NonZeroU128::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0.get()
    }
}

/// A text is not an id: it is not exactly the expected number of hex digits, or it is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id: expected 16 (txid) or 32 (gxid) hex digits, not all zero")
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! hex_id {
    ($id:ident, $word:ty, $digits:literal) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $digits, "x}"), self.value())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({:0", $digits, "x})"), self.value())
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            /// Parses exactly the printed form; upper case is accepted.
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let digits = 2 * size_of::<$word>();
                if text.len() != digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(ParseIdError);
                }
                let id = <$word>::from_str_radix(text, 16).map_err(|_| ParseIdError)?;
                Self::new(id).ok_or(ParseIdError)
            }
        }
    };
}

hex_id!(Txid, u64, "16");
hex_id!(Gxid, u128, "32");
