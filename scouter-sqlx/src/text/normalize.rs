//! Takes the literals out of a statement, so that a million different statements become a few.
//!
//! A statement is normalised without a grammar: strings and numbers become `?`, comments go,
//! white space shrinks to one blank, and lists whose length varies (`IN (…)`, rows of `VALUES`)
//! become one. Identifiers and placeholders stay as they were written. Text that is cut or
//! malformed (an open quote) loses the rest of that literal, never the other way round: a value
//! must not leave the process because a statement was long.

use super::lists;

/// How a database writes strings, identifiers and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Standard SQL as PostgreSQL and SQLite read it: `"x"` is an identifier.
    Standard,
    /// MySQL and MariaDB: `"x"` is a string, a backslash escapes, `#` starts a comment.
    MySql,
    /// One of them, it is not known which: what either reads as a value goes.
    Unknown,
}

/// The statement without literals and comments.
pub(crate) fn normalize(sql: &str, dialect: Dialect) -> String {
    let mut scanner =
        Scanner { sql, at: 0, out: String::with_capacity(sql.len()), is_blank_due: false, dialect };
    while scanner.step() {}
    lists::shorten(scanner.out)
}

struct Scanner<'a> {
    sql: &'a str,
    at: usize,
    out: String,
    is_blank_due: bool,
    dialect: Dialect,
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> u8 {
        self.sql.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Handles one token; `false` at the end of the text.
    fn step(&mut self) -> bool {
        if self.at >= self.sql.len() {
            return false;
        }
        let is_mysql = self.dialect != Dialect::Standard;
        match (self.peek(0), self.peek(1)) {
            (byte, _) if byte.is_ascii_whitespace() => self.skip_blank(1),
            (b'-', b'-') => self.skip_line_comment(),
            // A comment or an operator, and a quote behind it opens a string or does not.
            (b'#', _) if self.dialect == Dialect::Unknown => self.at = self.sql.len(),
            (b'#', _) if is_mysql => self.skip_line_comment(),
            (b'/', b'*') => self.skip_block_comment(),
            (b'\'', _) => self.literal(b'\'', is_mysql),
            (b'"', _) if is_mysql => self.literal(b'"', true),
            (quote @ (b'"' | b'`'), _) => self.quoted_identifier(quote),
            (b'$', _) => self.dollar(),
            (byte, _) if byte.is_ascii_digit() => self.number(),
            (b'.', next) if next.is_ascii_digit() && !self.is_after_word() => self.number(),
            (b'?' | b':' | b'@', _) => self.placeholder(),
            (byte, _) if is_word(byte) => self.word(),
            _ => self.copy(1),
        }
        true
    }

    fn skip_blank(&mut self, bytes: usize) {
        self.at += bytes;
        self.is_blank_due = true;
    }

    /// Whether what was written last is glued to the next byte: `t1.5` is no number.
    fn is_after_word(&self) -> bool {
        !self.is_blank_due
            && self
                .out
                .bytes()
                .next_back()
                .is_some_and(|byte| is_word(byte) || b")]".contains(&byte))
    }

    fn write(&mut self, text: &str) {
        if std::mem::take(&mut self.is_blank_due) && !self.out.is_empty() {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn copy(&mut self, bytes: usize) {
        let sql: &'a str = self.sql;
        let end = (self.at + bytes).min(sql.len());
        // Every token starts and ends beside an ASCII byte or around a whole run of others.
        if let Some(text) = sql.get(self.at..end) {
            self.write(text);
        }
        self.at = end;
    }

    fn run(&self, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
        self.sql.as_bytes()[(self.at + from).min(self.sql.len())..]
            .iter()
            .take_while(|byte| belongs(**byte))
            .count()
    }

    fn skip_line_comment(&mut self) {
        let bytes = self.run(0, |byte| byte != b'\n');
        self.skip_blank(bytes);
    }

    /// PostgreSQL nests block comments, the others do not.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.sql.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') if depth == 0 || self.dialect != Dialect::MySql => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.sql.len());
        self.is_blank_due = true;
    }

    fn literal(&mut self, quote: u8, has_backslash: bool) {
        self.at += 1;
        while self.at < self.sql.len() {
            let byte = self.peek(0);
            if byte == b'\\' && self.dialect == Dialect::Unknown {
                self.backslashes();
                continue;
            }
            let is_escape = byte == b'\\' && has_backslash;
            if is_escape || (byte == quote && self.peek(1) == quote) {
                self.at += 2;
            } else if byte == quote {
                self.at += 1;
                break;
            } else {
                self.at += 1;
            }
        }
        self.at = self.sql.ceil_char_boundary(self.at.min(self.sql.len()));
        self.write("?");
    }

    /// Backslashes in a string of which it is not known whether they escape: an odd number before
    /// a quote ends it or does not, so that the rest of the text may be a value.
    fn backslashes(&mut self) {
        let count = self.run(0, |byte| byte == b'\\');
        let is_before_quote = matches!(self.peek(count), b'\'' | b'"');
        let is_odd = count % 2 == 1;
        self.at = if is_odd && is_before_quote { self.sql.len() } else { self.at + count };
    }

    fn quoted_identifier(&mut self, quote: u8) {
        let inner = self.run(1, |byte| byte != quote);
        self.copy(inner + 2);
    }

    /// `$1` is a placeholder, `$tag$ … $tag$` a string.
    fn dollar(&mut self) {
        let digits = self.run(1, |byte| byte.is_ascii_digit());
        if digits > 0 {
            return self.copy(1 + digits);
        }
        let tag = self.run(1, is_word);
        if self.peek(1 + tag) != b'$' {
            return self.copy(1 + tag);
        }
        let delimiter = &self.sql[self.at..self.at + tag + 2];
        let body = self.at + delimiter.len();
        self.at = match self.sql[body..].find(delimiter) {
            Some(length) => body + length + delimiter.len(),
            None => self.sql.len(),
        };
        self.write("?");
    }

    fn number(&mut self) {
        loop {
            let bytes = self.run(0, |byte| is_word(byte) || byte == b'.');
            let is_exponent = bytes > 0
                && self.sql.as_bytes()[self.at + bytes - 1].eq_ignore_ascii_case(&b'e')
                && matches!(self.peek(bytes), b'+' | b'-')
                && self.peek(bytes + 1).is_ascii_digit();
            self.at += bytes;
            if !is_exponent {
                break;
            }
            self.at += 1;
        }
        self.write("?");
    }

    /// `?`, `?1`, `:name`, `@name`, and the cast `::`.
    fn placeholder(&mut self) {
        let marks = self.run(0, |byte| byte == self.sql.as_bytes()[self.at]);
        let name = self.run(marks, is_word);
        self.copy(marks + name);
    }

    /// A word, or the prefix of a literal: `E'…'`, `x'…'`, `N'…'`, `U&'…'`.
    fn word(&mut self) {
        let bytes = self.run(0, |byte| is_word(byte) || byte == b'$');
        let first = self.peek(0).to_ascii_lowercase();
        if bytes == 1 && self.peek(1) == b'\'' && b"ebxn".contains(&first) {
            self.at += 1;
            let is_mysql = self.dialect != Dialect::Standard;
            return self.literal(b'\'', first == b'e' || is_mysql);
        }
        if bytes == 1 && first == b'u' && self.peek(1) == b'&' && self.peek(2) == b'\'' {
            self.at += 2;
            return self.literal(b'\'', false);
        }
        self.copy(bytes);
    }
}

/// Letters, digits, underscore, and every byte of a non-ASCII letter.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(rows: &[(&str, &str)]) {
        for (sql, expected) in rows {
            assert_eq!(normalize(sql, Dialect::Standard), *expected, "of {sql}");
        }
    }

    #[test]
    fn strings_and_numbers_become_placeholders() {
        check(&[
            ("SELECT * FROM t WHERE a = 'x'", "SELECT * FROM t WHERE a = ?"),
            ("SELECT 'it''s', 1, -2.5e-3, .5, 0x1F", "SELECT ?, ?, -?, ?, ?"),
            (r"SELECT E'a\'b', 'c\'", "SELECT ?, ?"),
            ("SELECT x'00ff', B'01', U&'d'", "SELECT ?, ?, ?"),
            ("SELECT $$it's$$, $q$ $$ $q$", "SELECT ?, ?"),
            ("SELECT 'größe', 'x' FROM maß", "SELECT ?, ? FROM maß"),
        ]);
    }

    #[test]
    fn identifiers_and_placeholders_stay() {
        check(&[
            (
                "SELECT t1.c2, \"Col 3\" FROM t1 WHERE id = $12",
                "SELECT t1.c2, \"Col 3\" FROM t1 WHERE id = $12",
            ),
            ("SELECT ?1, :name, @p2, a::int4", "SELECT ?1, :name, @p2, a::int4"),
            ("SELECT a.b FROM \"it's\"", "SELECT a.b FROM \"it's\""),
        ]);
    }

    #[test]
    fn comments_go_and_white_space_shrinks() {
        check(&[
            ("SELECT 1 -- secret 'x'\n  FROM t", "SELECT ? FROM t"),
            ("/* a /* nested */ b */SELECT\n\t1", "SELECT ?"),
            ("  SELECT a  ", "SELECT a"),
            ("SELECT/**/a", "SELECT a"),
        ]);
    }

    #[test]
    fn lists_of_varying_length_become_one() {
        check(&[
            ("SELECT a FROM t WHERE b IN (1, 2,3)", "SELECT a FROM t WHERE b IN (?…)"),
            ("SELECT a FROM t WHERE b in ($1)", "SELECT a FROM t WHERE b in (?…)"),
            ("SELECT a FROM t WHERE b IN (SELECT 1)", "SELECT a FROM t WHERE b IN (SELECT ?)"),
            (
                "INSERT INTO t VALUES (1, now()), (2, now()), (3, now()) RETURNING id",
                "INSERT INTO t VALUES (?, now()), … RETURNING id",
            ),
            ("INSERT INTO t VALUES (1, 'x')", "INSERT INTO t VALUES (?, ?)"),
        ]);
    }

    #[test]
    fn an_open_quote_loses_its_rest_and_nothing_leaks() {
        check(&[
            ("SELECT 'secret", "SELECT ?"),
            ("SELECT $x$secret", "SELECT ?"),
            ("SELECT 1 /* secret", "SELECT ?"),
            ("SELECT \"open", "SELECT \"open"),
            ("", ""),
        ]);
    }

    #[test]
    fn mysql_reads_double_quotes_as_strings_and_backslash_as_escape() {
        let sql = r#"SELECT "a\"b", 'c\'d', `e` # secret"#;
        assert_eq!(normalize(sql, Dialect::MySql), "SELECT ?, ?, `e`");
    }

    #[test]
    fn in_an_unknown_dialect_what_either_reads_as_a_value_goes() {
        for (sql, expected) in [
            (r#"SELECT "secret", 'it''s', `e`"#, "SELECT ?, ?, `e`"),
            (r"SELECT 'c:\', 'secret', a", "SELECT ?"),
            (r#"SELECT "it\"s secret", a"#, "SELECT ?"),
            (r"SELECT 'a\\', 'b\n', a", "SELECT ?, ?, a"),
            ("SELECT a # 'x\n secret'", "SELECT a"),
            ("SELECT a /* /* */ secret */, b", "SELECT a , b"),
        ] {
            assert_eq!(normalize(sql, Dialect::Unknown), expected, "of {sql}");
        }
    }

    proptest! {
        #[test]
        fn any_text_normalises_without_panic(sql in "[ -~\\n'\"$/*é0-9(),]{0,80}") {
            for dialect in [Dialect::Standard, Dialect::MySql, Dialect::Unknown] {
                let _ = normalize(&sql, dialect);
            }
        }

        #[test]
        fn a_literal_never_survives(secret in "[a-z]{6,12}", number in 100_000_u64..) {
            let sql = format!("SELECT a FROM t WHERE b = '{secret}' AND c IN ({number}, '{secret}')");
            let out = normalize(&sql, Dialect::Standard);
            prop_assert!(!out.contains(&secret));
            prop_assert!(!out.contains(&number.to_string()));
        }
    }
}
