//! Texts of bounded vocabularies, which travel once and are then named by a small number.

/// What a dictionary text names. Each kind has its own number space and its own limit.
///
/// Unbounded vocabularies (logins, tenants, addresses, user agents, error messages) are not
/// dictionary texts: they travel inline, cut at [`MAX_INLINE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum TextKind {
    /// A service: `GET /orders/{id}`.
    Service = 0,
    /// An instrumented function or named wait, with its place. See [`method_text`].
    Method = 1,
    /// A normalised SQL statement.
    Sql = 2,
    /// An outbound call: `GET billing.local:8080/invoices/{id}` or `GET billing.local:8080`.
    Api = 3,
    /// The key of a tag or step attribute.
    Key = 4,
    /// The name of a counter, with its unit: `request_rate|1/s`.
    Counter = 5,
    /// The name of a connection pool.
    Pool = 6,
}

impl TextKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Service, Self::Method, Self::Sql, Self::Api, Self::Key, Self::Counter, Self::Pool];

    /// The kind with this wire number.
    #[must_use]
    pub fn from_wire(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Longest inline text in bytes; longer ones are cut at a character boundary before it.
pub const MAX_INLINE_BYTES: usize = 256;

/// Longest dictionary text in bytes (a long SQL statement); longer ones are cut before hashing.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// A reference to a dictionary text of a kind known from the field it stands in.
///
/// The number is private to whoever hands the record out: in the agent it is the process-wide id
/// of the interned text, in the collector the store's dense id. The codec translates.
/// [`TextRef::NONE`] means "no text".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextRef(pub u32);

impl TextRef {
    /// No text.
    pub const NONE: Self = Self(0);
}

/// Joins a function name and its place into one method text: `load_order @ src/orders.rs:12`.
#[must_use]
pub fn method_text(name: &str, file: &str, line: u32) -> String {
    format!("{name} @ {file}:{line}")
}

/// Splits a method text into name and place; the place is empty if the text has none.
#[must_use]
pub fn split_method_text(text: &str) -> (&str, &str) {
    text.rsplit_once(" @ ").unwrap_or((text, ""))
}

/// Where in the error of a transaction the recorder named the place it came from: the bytes of
/// ` at src/orders.rs:12`, at the end, or before a closing parenthesis there.
#[must_use]
pub fn error_place(error: &str) -> Option<std::ops::Range<usize>> {
    let end = error.strip_suffix(')').unwrap_or(error).len();
    let start = error[..end].rfind(" at ")?;
    let (file, line) = error[start + 4..end].rsplit_once(':')?;
    let is_line = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
    (is_line && file.ends_with(".rs")).then_some(start..end)
}

/// Cuts a text to at most `limit` bytes at a character boundary.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
