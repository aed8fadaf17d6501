//! Rules by which a transaction is discarded: no row, no profile, and counted as dropped by rule.
//!
//! Health checks and the like, named by their service. Without a rule the end of a transaction pays
//! one load. Errors are kept unless somebody says otherwise, since a failing health check is news.

use scouter_wire::glob;

use crate::alert::service_of;
use crate::header::Header;
use crate::options::{XLOG_DISCARD_SERVICE_PATTERNS, XLOG_DISCARD_SERVICE_SHOW_ERROR};
use crate::text::text;
use crate::texts::Slot;

/// Most patterns of a list that are looked at; further ones are ignored.
pub(crate) const MAX_PATTERNS: usize = 64;

/// Whether the rules discard a transaction that ends.
#[inline]
pub(crate) fn discard(header: &'static Header, has_failed: bool) -> bool {
    XLOG_DISCARD_SERVICE_PATTERNS.is_set() && matches_pattern(header, has_failed)
}

#[cold]
fn matches_pattern(header: &'static Header, has_failed: bool) -> bool {
    let is_error = has_failed || header.texts.has(Slot::Error);
    if is_error && XLOG_DISCARD_SERVICE_SHOW_ERROR.value() {
        return false;
    }
    is_listed(&XLOG_DISCARD_SERVICE_PATTERNS.value(), text(service_of(header)))
}

/// Whether a service fits one of the patterns of a list.
pub(crate) fn is_listed(list: &str, service: &str) -> bool {
    patterns(list).any(|pattern| is_match(pattern, service))
}

/// Whether a statement fits one of the patterns of a list. Statements have commas, so that
/// semicolons separate the patterns.
pub(crate) fn lists_statement(list: &str, sql: &str) -> bool {
    parts(list, ';').any(|pattern| glob::is_match(pattern, sql))
}

fn patterns(list: &str) -> impl Iterator<Item = &str> {
    parts(list, ',')
}

fn parts(list: &str, separator: char) -> impl Iterator<Item = &str> {
    let parts = list.split(separator).map(str::trim).filter(|part| !part.is_empty());
    parts.take(MAX_PATTERNS)
}

/// Whether a whole service name fits; `*` stands for any run of characters. A pattern that begins
/// with `/` is compared with the route alone, as in the page's filter.
pub(crate) fn is_match(pattern: &str, service: &str) -> bool {
    let service = match service.split_once(' ') {
        Some((_, route)) if pattern.starts_with('/') => route,
        _ => service,
    };
    glob::is_match(pattern, service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_the_whole_name_or_the_route_alone() {
        for (pattern, service, expected) in [
            ("GET /health", "GET /health", true),
            ("GET /health", "GET /healthz", false),
            ("/health", "GET /health", true),
            ("/health*", "HEAD /healthz", true),
            ("/h", "GET /health", false),
            ("*/ping", "GET /a/ping", true),
            ("nightly*", "nightly clean-up", true),
            ("/nightly*", "nightly clean-up", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(is_match(pattern, service), expected, "{pattern:?} on {service:?}");
        }
    }

    #[test]
    fn a_statement_fits_one_of_the_patterns_between_semicolons() {
        let list = " SELECT a, b FROM reports* ;VACUUM; ";
        for (sql, expected) in [
            ("SELECT a, b FROM reports WHERE id = ?", true),
            ("VACUUM", true),
            ("VACUUM FULL", false),
            ("SELECT a", false),
            ("", false),
        ] {
            assert_eq!(lists_statement(list, sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_list_is_split_at_commas_and_bounded() {
        assert_eq!(patterns(" /a , ,/b*,").collect::<Vec<_>>(), ["/a", "/b*"]);
        assert_eq!(patterns(&"x,".repeat(100)).count(), MAX_PATTERNS);
    }
}
