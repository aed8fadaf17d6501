//! The filter language of the page's filter bar and of the `f` parameter.
//!
//! Words are separated by spaces and all of them must hold; a leading `-` negates one word.
//!
//! | word | holds when |
//! |---|---|
//! | `service:GLOB` | the service name matches; a glob that starts with `/` is compared with the route alone |
//! | `object:GLOB` `tenant:GLOB` `login:GLOB` `ip:GLOB` `ua:GLOB` `desc:GLOB` | that text matches; `ua` is the user agent |
//! | `error:GLOB` | the text of its first error matches |
//! | `status:500`, `status:5xx` | the status is this one, or of this class |
//! | `err` | the transaction has an error |
//! | `slow` | the transaction was marked slow |
//! | `slow>1s`, `elapsed>1s`, `elapsed<20ms` | it took longer, or less |
//! | `sql>100ms`, `api>100ms` | its time in SQL, or in outbound calls, was longer |
//! | `pool>10ms` | it waited longer for pooled connections |
//!
//! In a glob `*` is any run of characters. Double quotes protect spaces:
//! `service:"GET /orders/*"`. Durations take `us`, `ms`, `s`, `m`; a bare number is milliseconds.

use std::fmt;

use super::nearest::nearest;
use crate::store::{Clause, Filter, Glob, Test};

/// Longest filter in bytes; a longer one is refused.
pub(crate) const MAX_FILTER_BYTES: usize = 4_096;

/// Most words of one filter; more are refused.
pub(crate) const MAX_FILTER_WORDS: usize = 32;

/// All words as they are written.
const WORDS: [&str; 15] = [
    "service:", "object:", "tenant:", "login:", "ip:", "ua:", "desc:", "error:", "status:", "err",
    "slow", "elapsed>", "sql>", "api>", "pool>",
];

/// A filter that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilterError {
    /// It is longer than [`MAX_FILTER_BYTES`] or has more than [`MAX_FILTER_WORDS`] words.
    TooLong,
    /// A double quote is not closed.
    OpenQuote,
    /// A word is not part of the language; usually a typing error.
    UnknownWord { word: String, nearest: Option<&'static str> },
    /// A word needs a value.
    MissingValue(String),
    /// A status is neither a number nor a class such as `5xx`.
    BadStatus(String),
    /// A duration is not a number with `us`, `ms`, `s` or `m`.
    BadDuration(String),
    /// `<` after a word that only knows `>`.
    NoLess(String),
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                f,
                "the filter is too long: at most {MAX_FILTER_BYTES} bytes and {MAX_FILTER_WORDS} \
                 words, shorten it"
            ),
            Self::OpenQuote => f.write_str("a double quote in the filter is not closed: add it"),
            Self::UnknownWord { word, nearest: Some(nearest) } => {
                write!(f, "unknown filter word \"{word}\": did you mean \"{nearest}\"?")
            }
            Self::UnknownWord { word, nearest: None } => write!(
                f,
                "unknown filter word \"{word}\": use {} or {}",
                WORDS[..WORDS.len() - 1].join(", "),
                WORDS[WORDS.len() - 1]
            ),
            Self::MissingValue(word) => {
                write!(f, "filter word \"{word}\" has no value: write for example {word}abc*")
            }
            Self::BadStatus(value) => write!(
                f,
                "\"{value}\" is not a status: write a number such as 500 or a class such as 5xx"
            ),
            Self::BadDuration(value) => write!(
                f,
                "\"{value}\" is not a duration: write a number with us, ms, s or m, such as 250ms"
            ),
            Self::NoLess(word) => {
                write!(f, "\"{word}\" only knows \">\": negate it instead, -{word}>1s")
            }
        }
    }
}

impl std::error::Error for FilterError {}

/// Parses a filter; the empty one lets everything pass.
///
/// # Errors
/// If a word is unknown or its value cannot be read; the message names the nearest word.
pub(crate) fn parse(text: &str) -> Result<Filter, FilterError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(FilterError::TooLong);
    }
    let words = split_words(text)?;
    if words.len() > MAX_FILTER_WORDS {
        return Err(FilterError::TooLong);
    }
    let clauses = words.iter().map(|word| parse_clause(word)).collect::<Result<_, _>>()?;
    Ok(Filter { clauses })
}

fn parse_clause(word: &str) -> Result<Clause, FilterError> {
    let (is_negated, bare) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let test = if let Some((field, value)) = bare.split_once(':') {
        parse_field(field, value)?
    } else if let Some(at) = bare.find(['>', '<']) {
        parse_time(&bare[..at], &bare[at..])?
    } else {
        match bare {
            "err" => Test::Error,
            "slow" => Test::Slow,
            _ => return Err(unknown(bare)),
        }
    };
    Ok(Clause { test, is_negated })
}

fn parse_field(field: &str, value: &str) -> Result<Test, FilterError> {
    let test: fn(Glob) -> Test = match field {
        "service" => Test::Service,
        "object" => Test::Object,
        "tenant" => Test::Tenant,
        "login" => Test::Login,
        "ip" => Test::Ip,
        "ua" => Test::UserAgent,
        "desc" => Test::Desc,
        "error" => Test::ErrorText,
        "status" => return parse_status(value),
        _ => return Err(unknown(field)),
    };
    if value.is_empty() {
        return Err(FilterError::MissingValue(format!("{field}:")));
    }
    let glob = value.replace('"', "");
    let is_route = field == "service" && glob.starts_with('/');
    Ok(test(Glob::new(&if is_route { format!("* {glob}") } else { glob })))
}

fn parse_status(value: &str) -> Result<Test, FilterError> {
    let bad = || FilterError::BadStatus(value.to_owned());
    match value.strip_suffix("xx").or_else(|| value.strip_suffix("XX")) {
        Some(class) if class.len() == 1 => {
            let class: u16 = class.parse().map_err(|_| bad())?;
            Ok(Test::Status(class * 100, class * 100 + 99))
        }
        Some(_) => Err(bad()),
        None => value.parse().map(|status| Test::Status(status, status)).map_err(|_| bad()),
    }
}

fn parse_time(field: &str, comparison: &str) -> Result<Test, FilterError> {
    let (sign, value) = comparison.split_at(1);
    let test: fn(u64) -> Test = match (field, sign) {
        ("elapsed" | "slow", ">") => Test::ElapsedAbove,
        ("elapsed", "<") => Test::ElapsedBelow,
        ("sql", ">") => Test::SqlAbove,
        ("api", ">") => Test::ApiAbove,
        ("pool", ">") => Test::PoolAbove,
        ("slow" | "sql" | "api" | "pool", _) => return Err(FilterError::NoLess(field.to_owned())),
        _ => return Err(unknown(field)),
    };
    Ok(test(parse_duration_us(value)?))
}

fn parse_duration_us(value: &str) -> Result<u64, FilterError> {
    let bad = || FilterError::BadDuration(value.to_owned());
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let factor = match unit {
        "us" => 1,
        "ms" | "" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        _ => return Err(bad()),
    };
    number.checked_mul(factor).ok_or_else(bad)
}

fn unknown(word: &str) -> FilterError {
    let bare = |word: &'static str| word.trim_end_matches([':', '>']);
    let known = nearest(word, WORDS.map(bare));
    let nearest = known.and_then(|known| WORDS.into_iter().find(|word| bare(word) == known));
    FilterError::UnknownWord { word: word.to_owned(), nearest }
}

/// Splits at spaces outside of double quotes.
fn split_words(text: &str) -> Result<Vec<String>, FilterError> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in text.chars() {
        if c == '"' {
            is_quoted = !is_quoted;
        }
        if c == ' ' && !is_quoted {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    if is_quoted { Err(FilterError::OpenQuote) } else { Ok(words) }
}

#[cfg(test)]
mod tests;
