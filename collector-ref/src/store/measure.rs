//! What the height of a dot says.

/// A number of a transaction by which it can be drawn and boxed. All are quantised alike
/// ([`quantise::elapsed`](super::quantise::elapsed)), durations in µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// From begin to end, µs.
    #[default]
    Elapsed,
    /// Time in which a thread worked on it, µs.
    Busy,
    /// Time it waited for pooled connections, µs.
    PoolWait,
    /// Time in SQL, µs.
    SqlTime,
    /// SQL statements.
    SqlCount,
    /// Time in outbound calls, µs.
    ApiTime,
    /// Outbound calls.
    ApiCount,
    /// Bytes of the response body.
    BytesOut,
}

impl Measure {
    /// All of them, as a page offers them.
    pub const ALL: [Self; 8] = [
        Self::Elapsed,
        Self::Busy,
        Self::PoolWait,
        Self::SqlTime,
        Self::SqlCount,
        Self::ApiTime,
        Self::ApiCount,
        Self::BytesOut,
    ];

    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elapsed => "elapsed",
            Self::Busy => "busy",
            Self::PoolWait => "pool",
            Self::SqlTime => "sql",
            Self::SqlCount => "sql_count",
            Self::ApiTime => "api",
            Self::ApiCount => "api_count",
            Self::BytesOut => "bytes",
        }
    }

    /// The measure of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }
}
