//! What is the same about errors that differ in their numbers.

use scouter_wire::text::error_place;

/// Most bytes of a fingerprint; what comes behind does not tell errors apart.
const MAX_FINGERPRINT_BYTES: usize = 160;

/// Writes the fingerprint of an error: numbers, ids and quoted values are one sign each, so that
/// "order 7 not found" and "order 8 not found" are the same error.
pub(super) fn fingerprint(error: &str, out: &mut String) {
    out.clear();
    let mut rest = error;
    while let Some(first) = rest.chars().next() {
        if out.len() >= MAX_FINGERPRINT_BYTES {
            break;
        }
        if let Some(after) = quoted(first, rest, out) {
            out.push('?');
            rest = after;
        } else if is_of_word(first) {
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            push_word(word, out);
            rest = after;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    let end = out.floor_char_boundary(MAX_FINGERPRINT_BYTES);
    out.truncate(end);
}

/// What stands behind a quoted value, if one begins here. An apostrophe inside of a word is none.
fn quoted<'t>(first: char, rest: &'t str, before: &str) -> Option<&'t str> {
    if !matches!(first, '"' | '\'' | '`') {
        return None;
    }
    if first == '\'' && before.chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inside = &rest[1..];
    inside.find(first).map(|end| &inside[end + 1..])
}

/// Ids of all kinds are one word: `550e8400-e29b-41d4`, `0x1f`, `2026-11-26`, `1.5`. A minus sign
/// or a full stop at its end is not part of it, which does not matter here.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// A word in which a number stands is a value, unless it is a name with a number at its end, as
/// `utf8` or `src/http2.rs`.
fn push_word(word: &str, out: &mut String) {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let begins_as_name = word.starts_with(|c: char| c.is_alphabetic());
    let is_hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if has_digit && (!begins_as_name || is_hex || digits > 2) {
        out.push('#');
    } else {
        out.push_str(word);
    }
}

/// The place that an error of the recorder names, `src/orders.rs:12`, or nothing.
pub(super) fn place_in(error: &str) -> &str {
    let panic = error.strip_prefix("panicked at ").and_then(|panic| panic.split(": ").next());
    match (panic, error_place(error)) {
        (Some(place), _) => place,
        (None, Some(at)) => error[at].trim_start_matches(" at "),
        (None, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: &str) -> String {
        let mut out = String::new();
        fingerprint(error, &mut out);
        out
    }

    #[test]
    fn errors_that_differ_in_values_only_are_the_same_and_others_are_not() {
        for (one, other) in [
            ("order 7 not found", "order 4711 not found"),
            ("user 'ann' is gone", "user 'bob' is gone"),
            ("key \"a b\" is taken", "key \"\" is taken"),
            (
                "no row 550e8400-e29b-41d4-a716-446655440000",
                "no row deadbeef-0000-41d4-a716-44665544000a",
            ),
            ("took 1.5s", "took 22.25s"),
            ("at 0x7f00", "at 0x1"),
            ("refused by 10.0.0.7:5432", "refused by 10.0.0.8:5433"),
            ("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace 00f067aa0ba902b7"),
        ] {
            assert_eq!(of(one), of(other));
        }
        for (one, other) in [
            ("can't open", "can't close"),
            ("invalid utf8", "invalid utf16le"),
            ("503 Service Unavailable", "500 Internal Server Error"),
            ("'a' is taken", "'a' is gone"),
            ("order not found", "user not found"),
        ] {
            assert_ne!(of(one), of(other));
        }
    }

    #[test]
    fn whatever_comes_is_bounded_and_never_panics() {
        for text in ["", "'", "\"\"", "é'é'é", "''''", "a'b'c", "`", "\u{0}", "- - -", "…\"…\"…"]
        {
            for error in [text.to_owned(), text.repeat(500)] {
                assert!(of(&error).len() <= MAX_FINGERPRINT_BYTES, "{error}");
                place_in(&error);
            }
        }
        assert!(of(&"é".repeat(1_000)).len() >= MAX_FINGERPRINT_BYTES - 1);
    }

    #[test]
    fn place_of_an_error_is_found_where_the_recorder_writes_it() {
        for (error, place) in [
            ("db down at src/orders.rs:12", "src/orders.rs:12"),
            ("500 (first: db down at src/orders.rs:12)", "src/orders.rs:12"),
            ("panicked at src/a.rs:7: nobody at home:9", "src/a.rs:7"),
            ("no such host at billing:80x", ""),
            ("nobody at home", ""),
            ("", ""),
            (" at :1", ""),
            ("nobody at billing.local:80", ""),
            (" at é.rs:1)", "é.rs:1"),
        ] {
            assert_eq!(place_in(error), place, "{error}");
        }
    }
}
