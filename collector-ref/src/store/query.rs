//! Questions: ranges, boxes, filters and pages.

use super::{Measure, quantise};

/// A range of END times in unix µs, both edges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First microsecond.
    pub from_unix_us: i64,
    /// Last microsecond.
    pub to_unix_us: i64,
}

impl TimeRange {
    /// Everything.
    pub const ALL: Self = Self { from_unix_us: i64::MIN, to_unix_us: i64::MAX };

    /// Whether a time lies in it.
    #[must_use]
    pub const fn contains(&self, unix_us: i64) -> bool {
        self.from_unix_us <= unix_us && unix_us <= self.to_unix_us
    }
}

/// Which rows: a time range, and the heights of a box in the cells of a measure, all edges
/// included. A box from the picture comes from [`Bounds::from_box`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Range of END times.
    pub range: TimeRange,
    /// What the heights are.
    pub measure: Measure,
    /// Lowest cell.
    pub low: u16,
    /// Highest cell.
    pub high: u16,
}

impl Bounds {
    /// All rows of a time range.
    #[must_use]
    pub const fn time(range: TimeRange) -> Self {
        Self { range, measure: Measure::Elapsed, low: 0, high: u16::MAX }
    }

    /// The rows of a box drawn on the picture of elapsed times: milliseconds and cells, all edges
    /// included.
    #[must_use]
    pub const fn from_box(from_ms: i64, to_ms: i64, low: u16, high: u16) -> Self {
        let range = TimeRange {
            from_unix_us: from_ms.saturating_mul(1000),
            to_unix_us: to_ms.saturating_mul(1000).saturating_add(999),
        };
        Self { range, measure: Measure::Elapsed, low, high }
    }

    /// The same box, its heights in another measure.
    #[must_use]
    pub const fn by(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// Whether a row with this end and this value of the measure lies inside.
    #[must_use]
    pub fn contains(&self, end_unix_us: i64, value: u64) -> bool {
        let cell = quantise::elapsed(value);
        self.range.contains(end_unix_us) && self.low <= cell && cell <= self.high
    }
}

/// A pattern over a whole text: `*` stands for any run of characters, all others for themselves;
/// case matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Makes a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// Whether the text matches. Linear in the text for each `*`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        scouter_wire::glob::is_match(&self.0, text)
    }
}

/// One question about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Test {
    /// The service matches.
    Service(Glob),
    /// The object's name matches.
    Object(Glob),
    /// The tenant matches.
    Tenant(Glob),
    /// The login matches.
    Login(Glob),
    /// The address of the client matches.
    Ip(Glob),
    /// The user agent of the client matches.
    UserAgent(Glob),
    /// The free description matches.
    Desc(Glob),
    /// The text of the first error matches.
    ErrorText(Glob),
    /// The status lies between the two, both included (`5xx` is 500 to 599).
    Status(u16, u16),
    /// It has an error.
    Error,
    /// It is flagged slow.
    Slow,
    /// It took longer than this, µs.
    ElapsedAbove(u64),
    /// It took less than this, µs.
    ElapsedBelow(u64),
    /// It spent more than this in SQL, µs.
    SqlAbove(u64),
    /// It spent more than this in outbound calls, µs.
    ApiAbove(u64),
    /// It waited more than this for pooled connections, µs.
    PoolAbove(u64),
}

/// One word of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The question.
    pub test: Test,
    /// Whether the answer must be no.
    pub is_negated: bool,
}

/// Conditions a row must meet, all of them. The empty filter passes everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The conditions.
    pub clauses: Vec<Clause>,
}

impl Filter {
    /// Passes everything.
    pub const ALL: Self = Self { clauses: Vec::new() };
}

/// Where the next page begins: behind the last row of the previous one. Stays valid while rows
/// move from memory to files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageCursor {
    /// END of the last row given.
    pub end_unix_us: i64,
    /// Its txid.
    pub txid: u64,
    /// Its gxid.
    pub gxid: u128,
}

impl PageCursor {
    /// The form in which it travels.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{:x}-{:016x}-{:032x}", self.end_unix_us, self.txid, self.gxid)
    }

    /// Reads the form in which it travels; `None` when it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let end = u64::from_str_radix(parts.next()?, 16).ok()?;
        let txid = u64::from_str_radix(parts.next()?, 16).ok()?;
        let gxid = u128::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { end_unix_us: end.cast_signed(), txid, gxid })
    }
}

/// Which part of the rows a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Most rows on it; 0 counts only. Cut to [`MAX_PAGE_ROWS`].
    pub limit: usize,
    /// Begins behind this row, or with the newest one.
    pub after: Option<PageCursor>,
}

/// Most rows one page holds.
pub const MAX_PAGE_ROWS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run_and_the_rest_for_itself() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("GET *", "GET /orders", true),
            ("GET *", "POST /orders", false),
            ("*orders", "GET /orders", true),
            ("*orders", "GET /orders/1", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("ab*ba", "aba", false),
            ("**", "x", true),
            ("/Ä*", "/Änderung", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn page_cursors_survive_the_journey_and_nonsense_is_refused() {
        let cursor = PageCursor { end_unix_us: -5, txid: 7, gxid: u128::MAX };
        assert_eq!(PageCursor::decode(&cursor.encode()), Some(cursor));
        for nonsense in ["", "1", "1-2", "1-2-3-4", "x-2-3", "1--3"] {
            assert_eq!(PageCursor::decode(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_box_includes_its_whole_last_millisecond() {
        let bounds = Bounds::from_box(1, 2, quantise::elapsed(10), quantise::elapsed(20));
        for (end, elapsed, inside) in [
            (999, 10, false),
            (1_000, 10, true),
            (2_999, 20, true),
            (3_000, 20, false),
            (2_000, 21, false),
            (2_000, 9, false),
        ] {
            assert_eq!(bounds.contains(end, elapsed), inside, "{end} {elapsed}");
        }
    }
}
