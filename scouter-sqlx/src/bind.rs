//! Bound values as text: SQLite only, and only when switched on.
//!
//! PostgreSQL and MySQL keep encoded private buffers; decoding them here would be a guess.

use std::fmt::{self, Write};

use sqlx::sqlite::SqliteArguments;

/// The values as a list, `[Int(1), Text("x")]`, cut at `limit` bytes.
pub(crate) fn sqlite_values(arguments: &SqliteArguments, limit: usize) -> Box<str> {
    let mut text = Limited { text: String::new(), limit: limit + WRAPPER.len() };
    // A full buffer ends the formatting early: what fits is kept.
    let _ = write!(text, "{arguments:?}");
    let text = text.text;
    let values =
        text.strip_prefix(WRAPPER).map_or(text.as_str(), |rest| rest.trim_end_matches(") }"));
    values[..values.floor_char_boundary(limit)].into()
}

/// What is shown in the place of values that are secret; as `#[scout(redact(…))]` shows it.
pub(crate) const REDACTED: &str = "<redacted>";

/// What the derived `Debug` of the arguments writes around the list.
const WRAPPER: &str = "SqliteArguments { values: SqliteArgumentsBuffer(";

struct Limited {
    text: String,
    limit: usize,
}

impl Write for Limited {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.text.len());
        let fits = part.floor_char_boundary(room);
        self.text.push_str(&part[..fits]);
        if fits < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Arguments;

    fn values(limit: usize) -> Box<str> {
        let mut arguments = SqliteArguments::default();
        arguments.add(7_i64).unwrap();
        arguments.add("größe").unwrap();
        sqlite_values(&arguments, limit)
    }

    #[test]
    fn values_are_a_list() {
        assert_eq!(&*values(256), r#"[Int64(7), Text("größe")]"#);
    }

    #[test]
    fn values_are_cut_at_the_limit() {
        for limit in 0..32 {
            assert!(values(limit).len() <= limit);
        }
        assert_eq!(&*values(9), "[Int64(7)");
    }
}
