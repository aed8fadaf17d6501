//! Lists whose length is data: `IN (?, ?, ?)` and the rows of `VALUES`.
//!
//! A query builder writes one text per length. Without this step a busy import would fill the
//! dictionary of statements.

use super::normalize::is_word;

/// Replaces placeholder lists after `IN` by `(?…)` and all rows of `VALUES` but the first by `…`.
pub(super) fn shorten(text: String) -> String {
    let bytes = text.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
        let open = end + usize::from(bytes.get(end) == Some(&b' '));
        let word = &bytes[at..end];
        at = end;
        if bytes.get(open) != Some(&b'(') {
            continue;
        }
        let (keep_to, replacement, resume) = if word.eq_ignore_ascii_case(b"in") {
            match placeholder_list_end(bytes, open) {
                Some(close) => (open, "(?…)", close + 1),
                None => continue,
            }
        } else if word.eq_ignore_ascii_case(b"values") {
            match further_rows(bytes, open) {
                Some((first_row_end, last_row_end)) => (first_row_end, ", …", last_row_end),
                None => continue,
            }
        } else {
            continue;
        };
        out.push_str(&text[copied..keep_to]);
        out.push_str(replacement);
        copied = resume;
        at = resume;
    }
    if copied == 0 {
        return text;
    }
    out.push_str(&text[copied..]);
    out
}

/// Index of the closing parenthesis, if everything between is placeholders.
fn placeholder_list_end(bytes: &[u8], open: usize) -> Option<usize> {
    let close = open + bytes[open..].iter().position(|byte| *byte == b')')?;
    let list = &bytes[open + 1..close];
    let is_placeholder = |item: &[u8]| {
        let item = item.trim_ascii();
        let item = item.strip_prefix(b"-").unwrap_or(item);
        item.first().is_some_and(|first| b"?$:@".contains(first))
            && item[1..].iter().all(|byte| is_word(*byte))
    };
    list.split(|byte| *byte == b',').all(is_placeholder).then_some(close)
}

/// End of the first row and end of the last row, if there is more than one.
fn further_rows(bytes: &[u8], open: usize) -> Option<(usize, usize)> {
    let first_row_end = group_end(bytes, open)?;
    let mut end = first_row_end;
    loop {
        let rest = &bytes[end..];
        let separator = rest.iter().take_while(|byte| matches!(byte, b' ' | b',')).count();
        if !rest[..separator].contains(&b',') || rest.get(separator) != Some(&b'(') {
            break;
        }
        // A cut statement ends inside a row: the rest of it is more of the same.
        end = group_end(bytes, end + separator).unwrap_or(bytes.len());
    }
    (end > first_row_end).then_some((first_row_end, end))
}

/// Index behind the parenthesis that closes the one at `open`.
fn group_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in bytes[open..].iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(open + offset + 1),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_groups_and_cut_rows_are_understood() {
        let rows = [
            ("VALUES (f(?), (?)), (g(?), ?)", "VALUES (f(?), (?)), …"),
            ("VALUES (?, ?), (?, ?", "VALUES (?, ?), …"),
            ("a IN (?, b)", "a IN (?, b)"),
            ("a IN (?,?) AND c IN (?)", "a IN (?…) AND c IN (?…)"),
            ("a IN ()", "a IN ()"),
            ("values", "values"),
        ];
        for (text, expected) in rows {
            assert_eq!(shorten(text.to_owned()), expected);
        }
    }
}
