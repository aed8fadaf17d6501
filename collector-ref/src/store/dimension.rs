//! What transactions are grouped and compared by.

/// A property of a transaction that has a text or a small number as its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dimension {
    /// Service name.
    Service,
    /// Object that served it.
    Object,
    /// Whose request it was.
    Tenant,
    /// Who was logged in.
    Login,
    /// Address of the client.
    Ip,
    /// User agent of the client.
    UserAgent,
    /// Text of the first error; empty when there was none.
    Error,
    /// HTTP status, 1000 + gRPC code, or 0.
    Status,
    /// What kind of work it was.
    Kind,
    /// How it ended.
    End,
    /// Free description.
    Desc,
}

impl Dimension {
    /// All of them, in the order in which ties are shown.
    pub const ALL: [Self; 11] = [
        Self::Service,
        Self::Object,
        Self::Tenant,
        Self::Login,
        Self::Ip,
        Self::UserAgent,
        Self::Error,
        Self::Status,
        Self::Kind,
        Self::End,
        Self::Desc,
    ];

    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Object => "object",
            Self::Tenant => "tenant",
            Self::Login => "login",
            Self::Ip => "ip",
            Self::UserAgent => "user_agent",
            Self::Error => "error",
            Self::Status => "status",
            Self::Kind => "kind",
            Self::End => "end",
            Self::Desc => "desc",
        }
    }

    /// The dimension of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }
}

/// Totals of the transactions that have one value of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSummary {
    /// The value; `(other)` for what came past [`MAX_GROUPS`].
    pub value: std::sync::Arc<str>,
    /// Transactions.
    pub count: u64,
    /// Transactions with an error.
    pub errors: u64,
    /// Sum of elapsed times, µs.
    pub elapsed_sum_us: u64,
    /// Sum of the times in SQL, µs.
    pub sql_sum_us: u64,
    /// Sum of the times in outbound calls, µs.
    pub api_sum_us: u64,
    /// Median, µs.
    pub p50_us: u64,
    /// 95th percentile, µs.
    pub p95_us: u64,
    /// 99th percentile, µs.
    pub p99_us: u64,
    /// Slowest, µs, exact.
    pub max_us: u64,
    /// Earliest END, unix µs.
    pub first_unix_us: i64,
    /// Latest END, unix µs.
    pub last_unix_us: i64,
}

/// Most values of one dimension that are told apart in one answer; transactions with any further
/// value are summed under [`OTHER`].
pub const MAX_GROUPS: usize = 100_000;

/// The value that stands for all values past [`MAX_GROUPS`].
pub const OTHER: &str = "(other)";

/// How much more, or less, of a selection has one value than of the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The dimension.
    pub dimension: Dimension,
    /// The value.
    pub value: std::sync::Arc<str>,
    /// Selected transactions with this value.
    pub selected: u64,
    /// Other transactions with this value.
    pub rest: u64,
    /// What the difference of the two shares is at least, with 95 % confidence: 0 when it may be
    /// chance, negative when the value is rarer in the selection.
    pub least: f64,
}

/// What distinguishes a selection from the rest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Differences {
    /// Transactions in the selection.
    pub selected: u64,
    /// The others in the time range that pass the filter.
    pub rest: u64,
    /// The most telling first; values whose difference may be chance are left out.
    pub values: Vec<Difference>,
}
