//! Whether a statement reads: found by its verb, behind parentheses and `WITH`.

const READS: [&str; 7] = ["select", "show", "explain", "pragma", "values", "table", "describe"];

/// The verbs that may follow the common table expressions of a `WITH`.
const VERBS: [&str; 8] =
    ["select", "insert", "update", "delete", "values", "table", "replace", "merge"];

/// Whether the verb of this normalised statement is one that only reads.
///
/// A `WITH` counts as what follows its expressions: PostgreSQL's `rows affected` is of that too,
/// even if an expression writes.
pub(crate) fn is_read(statement: &str) -> bool {
    is_one_of(verb(statement), &READS)
}

fn verb(statement: &str) -> &str {
    let statement = statement.trim_start_matches(['(', ' ']);
    let first = word(statement);
    if !first.eq_ignore_ascii_case("with") {
        return first;
    }
    verb_after_expressions(&statement[first.len()..]).unwrap_or(first)
}

/// `[RECURSIVE] name (…) AS (…), name AS (…) verb …`
fn verb_after_expressions(mut rest: &str) -> Option<&str> {
    let mut depth = 0_u32;
    // An expression may have the name of a verb that is not reserved: `WITH merge AS …`.
    let mut is_name = true;
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => is_name = true,
            '"' | '`' => {
                let inside = rest[length..].find(letter)?;
                length += inside + letter.len_utf8();
                is_name &= depth > 0;
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                let word = word(rest);
                length = word.len();
                if depth == 0 && is_name {
                    is_name = word.eq_ignore_ascii_case("recursive");
                } else if depth == 0 && is_one_of(word, &VERBS) {
                    return Some(word);
                }
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    None
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|candidate| word.eq_ignore_ascii_case(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_known_by_their_verb() {
        for read in [
            "select 1",
            "EXPLAIN SELECT 1",
            "(SELECT 1) UNION (SELECT 2)",
            "((SELECT 1))",
            "WITH a AS (DELETE FROM t RETURNING x) SELECT x FROM a",
            "with recursive n(i) as (select 1 union select i + 1 from n) select i from n",
            "WITH a AS MATERIALIZED (SELECT 1), \"delete\" AS (SELECT 2) SELECT * FROM a",
            "WITH merge AS (SELECT 1), replace (x) AS (SELECT 2) TABLE merge",
            "(WITH a AS (SELECT 1) SELECT * FROM a)",
            "WITH größe AS (SELECT 1) SELECT * FROM größe",
            "VALUES (1)",
        ] {
            assert!(is_read(read), "{read}");
        }
    }

    #[test]
    fn everything_else_is_no_read() {
        for write in [
            "",
            "(",
            "UPDATE t SET a = 1",
            "selection",
            "select_all()",
            "WITH",
            "WITH select_me",
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "WITH a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t USING a",
            "WITH \"open",
            "WITH a AS (SELECT 1 -- cut",
        ] {
            assert!(!is_read(write), "{write}");
        }
    }
}
