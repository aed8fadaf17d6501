//! Writing JSON, without a library in the application's process.

use std::fmt::Write as _;

/// One object that is being written.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut String,
    is_first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, is_first: true }
    }

    fn key(&mut self, key: &str) -> &mut String {
        if !self.is_first {
            self.out.push(',');
        }
        self.is_first = false;
        put_string(self.out, key);
        self.out.push(':');
        self.out
    }

    /// A text; left out when it is empty.
    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        if !value.is_empty() {
            put_string(self.key(key), value);
        }
        self
    }

    pub(super) fn number(&mut self, key: &str, value: u64) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// A number; left out when it is 0.
    pub(super) fn count(&mut self, key: &str, value: u64) -> &mut Self {
        if value == 0 { self } else { self.number(key, value) }
    }

    pub(super) fn signed(&mut self, key: &str, value: i64) -> &mut Self {
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// A number with fraction; null when it is not finite, which JSON cannot say.
    pub(super) fn float(&mut self, key: &str, value: f64) -> &mut Self {
        let out = self.key(key);
        let _ = if value.is_finite() { write!(out, "{value}") } else { write!(out, "null") };
        self
    }

    /// An object or list that `write` writes.
    pub(super) fn nested(&mut self, key: &str, write: impl FnOnce(&mut String)) -> &mut Self {
        write(self.key(key));
        self
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }
}

pub(super) fn put_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_does_not_allow_is_escaped() {
        let mut out = String::new();
        put_string(&mut out, "a\"b\\c\n\u{1}ä");
        assert_eq!(out, "\"a\\\"b\\\\c\\n\\u0001ä\"");
    }

    #[test]
    fn empty_texts_and_zero_counts_are_left_out_and_infinities_are_null() {
        let mut out = String::new();
        let mut object = Object::begin(&mut out);
        object.text("a", "").count("b", 0).number("c", 0).float("d", f64::INFINITY);
        object.signed("e", -1).nested("f", |out| out.push_str("[]"));
        object.end();
        assert_eq!(out, "{\"c\":0,\"d\":null,\"e\":-1,\"f\":[]}");
    }
}
