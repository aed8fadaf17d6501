//! Query parameters, read strictly: an unknown or unreadable one is an answer, not a guess.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawQuery};
use axum::http::request::Parts;

use super::error::ApiError;
use crate::query::filter;
use crate::query::nearest::nearest;
use crate::store::{Bounds, Filter, Measure, TimeRange};

/// Most parameters of one request; more are refused.
const MAX_PARAMS: usize = 32;

/// Furthest that `against_s` reaches back, seconds: a leap year. What is further is refused.
const MAX_AGAINST_S: i64 = 366 * 86_400;

/// The parameters of one request, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let RawQuery(query) =
            RawQuery::from_request_parts(parts, state).await.unwrap_or_else(|never| match never {});
        Self::parse(query.as_deref().unwrap_or(""))
    }
}

impl Params {
    /// Reads a query string.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if pairs.len() == MAX_PARAMS {
                let message = format!("more than {MAX_PARAMS} parameters: leave some out");
                return Err(ApiError::bad("bad_parameter", message));
            }
            if pairs.iter().any(|(known, _)| *known == name) {
                let message = format!("parameter \"{name}\" is given twice: give it once");
                return Err(ApiError::bad("bad_parameter", message));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self { pairs })
    }

    /// Refuses every parameter that is not in the list, naming the nearest one.
    pub(crate) fn only(&self, known: &[&'static str]) -> Result<(), ApiError> {
        let Some((name, _)) = self.pairs.iter().find(|(name, _)| !known.contains(&name.as_str()))
        else {
            return Ok(());
        };
        let hint = match nearest(name, known.iter().copied()) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None if known.is_empty() => "this resource takes none".to_owned(),
            None => format!("use {}", known.join(", ")),
        };
        Err(ApiError::bad("unknown_parameter", format!("unknown parameter \"{name}\": {hint}")))
    }

    /// The text of a parameter, if it is given.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The number of a parameter, if it is given.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let message = format!("parameter \"{name}\" is not a number in its range: \"{text}\"");
            ApiError::bad("bad_parameter", message)
        })
    }

    /// Whether a switch is on: present with no value, `1` or `true`.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("0" | "false") => Ok(false),
            Some("" | "1" | "true") => Ok(true),
            Some(other) => Err(ApiError::bad(
                "bad_parameter",
                format!("parameter \"{name}\" is a switch: give 1 or 0, not \"{other}\""),
            )),
        }
    }

    /// `from_unix_us` and `to_unix_us`, both needed.
    pub(crate) fn range(&self) -> Result<TimeRange, ApiError> {
        let (Some(from_unix_us), Some(to_unix_us)) =
            (self.number("from_unix_us")?, self.number("to_unix_us")?)
        else {
            return Err(ApiError::bad(
                "bad_range",
                "the time range is missing: give from_unix_us and to_unix_us in unix µs",
            ));
        };
        checked(TimeRange { from_unix_us, to_unix_us })
    }

    /// The same range `against_s` seconds earlier, if that is given: what the range is compared with.
    pub(crate) fn against(&self, range: TimeRange) -> Result<Option<TimeRange>, ApiError> {
        let Some(earlier_s) = self.number::<i64>("against_s")? else { return Ok(None) };
        if !(1..=MAX_AGAINST_S).contains(&earlier_s) {
            let message = format!("against_s is {earlier_s}: give 1 to {MAX_AGAINST_S} seconds");
            return Err(ApiError::bad("bad_parameter", message));
        }
        let earlier = |unix_us: i64| unix_us.saturating_sub(earlier_s * 1_000_000);
        Ok(Some(TimeRange {
            from_unix_us: earlier(range.from_unix_us),
            to_unix_us: earlier(range.to_unix_us),
        }))
    }

    /// The time range if any edge is given; a missing edge is open.
    pub(crate) fn open_range(&self) -> Result<TimeRange, ApiError> {
        checked(TimeRange {
            from_unix_us: self.number("from_unix_us")?.unwrap_or(i64::MIN),
            to_unix_us: self.number("to_unix_us")?.unwrap_or(i64::MAX),
        })
    }

    /// A box in quantised integers (`t0_ms`, `t1_ms`, `y0q`, `y1q`), or a plain time range, whose
    /// heights may still be given.
    pub(crate) fn bounds(&self) -> Result<Bounds, ApiError> {
        let low = self.number("y0q")?.unwrap_or(0);
        let high = self.number("y1q")?.unwrap_or(u16::MAX);
        let bounds = match (self.number::<i64>("t0_ms")?, self.number::<i64>("t1_ms")?) {
            (Some(from), Some(to)) => Bounds::from_box(from, to, low, high),
            (None, None) => Bounds { low, high, ..Bounds::time(self.range()?) },
            _ => {
                let message = "a box needs both of t0_ms and t1_ms: give the missing one";
                return Err(ApiError::bad("bad_range", message));
            }
        };
        if low > high {
            let message = format!("y0q ({low}) is above y1q ({high}): swap them");
            return Err(ApiError::bad("bad_range", message));
        }
        checked(bounds.range)?;
        Ok(bounds.by(self.measure()?))
    }

    /// What heights are, in `measure`; elapsed time if it is not given.
    pub(crate) fn measure(&self) -> Result<Measure, ApiError> {
        measure(self.text("measure").unwrap_or(""))
    }

    /// How many entries are asked for in `limit`.
    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, ApiError> {
        let limit = self.number("limit")?.unwrap_or(default);
        if limit <= max {
            return Ok(limit);
        }
        Err(ApiError::bad(
            "bad_parameter",
            format!("limit is {limit}, at most {max}: ask for fewer"),
        ))
    }

    /// The filter `f`.
    pub(crate) fn filter(&self) -> Result<Filter, ApiError> {
        Ok(filter::parse(self.text("f").unwrap_or(""))?)
    }
}

/// The measure of this name; elapsed time for none.
pub(crate) fn measure(name: &str) -> Result<Measure, ApiError> {
    if name.is_empty() {
        return Ok(Measure::Elapsed);
    }
    Measure::by_name(name)
        .ok_or_else(|| unknown_choice("measure", name, &Measure::ALL.map(Measure::name)))
}

/// There is nothing of this name among these; the answer names the nearest one.
pub(crate) fn unknown_choice(what: &str, name: &str, names: &[&'static str]) -> ApiError {
    let hint = match nearest(name, names.iter().copied()) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("use one of {}", names.join(", ")),
    };
    ApiError::bad("bad_parameter", format!("there is no {what} \"{name}\": {hint}"))
}

fn checked(range: TimeRange) -> Result<TimeRange, ApiError> {
    if range.from_unix_us <= range.to_unix_us {
        return Ok(range);
    }
    let (from, to) = (range.from_unix_us, range.to_unix_us);
    let message = format!("the time range ends ({to}) before it begins ({from}): swap the edges");
    Err(ApiError::bad("bad_range", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_read_by_their_type() {
        let params = Params::parse("from_unix_us=-5&to_unix_us=7&f=service%3A%22GET+*%22&x&y=1");
        let params = params.unwrap();
        assert_eq!(params.range().unwrap(), TimeRange { from_unix_us: -5, to_unix_us: 7 });
        assert_eq!(params.filter().unwrap().clauses.len(), 1);
        assert!(params.switch("x").unwrap() && params.switch("y").unwrap());
        assert!(!params.switch("z").unwrap());
        assert_eq!(params.number::<u16>("y").unwrap(), Some(1));
    }

    #[test]
    fn a_box_of_quantised_integers_replaces_the_range() {
        let params = Params::parse("t0_ms=1&t1_ms=2&y0q=3&y1q=4").unwrap();
        assert_eq!(params.bounds().unwrap(), Bounds::from_box(1, 2, 3, 4));
        let params = Params::parse("from_unix_us=1&to_unix_us=2&y1q=9").unwrap();
        let range = TimeRange { from_unix_us: 1, to_unix_us: 2 };
        assert_eq!(params.bounds().unwrap(), Bounds { high: 9, ..Bounds::time(range) });
        let params = Params::parse("t0_ms=1&t1_ms=2&measure=sql_count").unwrap();
        assert_eq!(params.bounds().unwrap().measure, Measure::SqlCount);
    }

    #[test]
    fn wrong_parameters_are_refused_with_the_reason() {
        let known = ["from_unix_us", "to_unix_us", "f"];
        for (query, code) in [
            ("from_unx_us=1", "unknown_parameter"),
            ("from_unix_us=1&from_unix_us=2", "bad_parameter"),
            ("from_unix_us=1", "bad_range"),
            ("from_unix_us=x&to_unix_us=1", "bad_parameter"),
            ("from_unix_us=2&to_unix_us=1", "bad_range"),
            ("from_unix_us=99999999999999999999&to_unix_us=1", "bad_parameter"),
            ("from_unix_us=1&to_unix_us=2&f=servce:x", "bad_filter"),
        ] {
            let outcome = Params::parse(query).and_then(|params| {
                params.only(&known)?;
                params.range()?;
                params.filter()
            });
            assert_eq!(outcome.unwrap_err().code(), code, "{query}");
        }
        for query in [
            "t0_ms=1&t1_ms=2&measure=sqlcount",
            "t0_ms=1",
            "t0_ms=2&t1_ms=1",
            "t0_ms=1&t1_ms=2&y0q=5&y1q=4",
            "y0q=70000",
        ] {
            assert!(Params::parse(query).unwrap().bounds().is_err(), "{query}");
        }
        let many = (0..=MAX_PARAMS).map(|i| format!("p{i}=1&")).collect::<String>();
        assert_eq!(Params::parse(&many).unwrap_err().code(), "bad_parameter");
        assert!(Params::parse("x=2").unwrap().switch("x").is_err());
    }
}
