//! The threshold of `slow = "200ms"`.

use std::time::Duration;

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{LitStr, Token};

/// Longest threshold: whoever waits for an hour wants `scouter::live`, not a mark at the end.
const MAX: Duration = Duration::from_secs(60 * 60);

/// From which duration on a step is marked.
#[derive(Clone)]
pub(crate) struct Slow {
    /// The threshold in nanoseconds.
    pub(crate) ns: u64,
    /// As the author wrote it, which is what the recording shows.
    pub(crate) text: String,
}

/// `= "200ms"`.
pub(crate) fn parse(input: ParseStream<'_>, option: Span) -> syn::Result<Slow> {
    let message = "`slow` takes a duration in quotes, like `slow = \"200ms\"`";
    input.parse::<Token![=]>().map_err(|_| syn::Error::new(option, message))?;
    let text: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), message))?;
    let value = text.value();
    match nanoseconds(&value) {
        Ok(ns) => Ok(Slow { ns, text: value }),
        Err(message) => Err(syn::Error::new(text.span(), message)),
    }
}

fn nanoseconds(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ns: u64 = match unit {
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "" if digits > 0 => {
            return Err(format!("`{text}` has no unit; write `{text}ms`, `us` or `s`"));
        }
        _ => {
            return Err(format!(
                "`{text}` is not a duration: a whole number and `us`, `ms` or `s`, like `200ms`"
            ));
        }
    };
    if number.is_empty() {
        return Err(format!("`{text}` has no number, like the 200 of `200ms`"));
    }
    // What does not even fit is as much too long as the rest.
    let ns = number.parse().ok().and_then(|number: u64| number.checked_mul(unit_ns));
    match ns {
        Some(0) => Err("`slow` of zero would mark every step; drop the option or raise it".into()),
        Some(ns) if u128::from(ns) <= MAX.as_nanos() => Ok(ns),
        _ => Err(format!("`{text}` is too long: the longest is an hour, `3600s`")),
    }
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        let rows = [
            ("1us", Some(1_000)),
            ("200ms", Some(200_000_000)),
            ("3600s", Some(3_600_000_000_000)),
            ("3601s", None),
            ("99999999999999999999s", None),
            ("0ms", None),
            ("200", None),
            ("ms", None),
            ("", None),
            ("1.5s", None),
            ("200 ms", None),
            ("-1s", None),
            ("1m", None),
        ];
        for (text, expected) in rows {
            assert_eq!(nanoseconds(text).ok(), expected, "{text}");
        }
    }
}
