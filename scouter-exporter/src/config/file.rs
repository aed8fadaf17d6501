//! `scouter.toml`: flat `name = value` lines in TOML, without tables.
//!
//! Of TOML it knows what options need: comments, bare and quoted names, basic and literal strings,
//! whole numbers, `true` and `false`. Whatever else TOML has (tables, arrays, dates, multi-line
//! strings) is refused by name rather than misread. A TOML library would be five more crates in
//! each application; a property test holds this one to such a library.

use std::collections::BTreeSet;

/// Most lines that say something; what follows is not read. A file named by mistake is one.
pub(super) const MAX_ENTRIES: usize = 512;

/// One line that says something, or why it cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Number of the line, from 1.
    pub(super) line: usize,
    /// Name and value as text, or a sentence.
    pub(super) content: Result<(String, String), String>,
}

/// The entries of a file in their order.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut names = BTreeSet::new();
    let said = |text: &&str| !text.is_empty() && !text.starts_with('#');
    let lines = (1..).zip(text.lines().map(|text| text.trim_matches([' ', '\t'])));
    let lines = lines.filter(|(_, text)| said(text)).take(MAX_ENTRIES + 1).enumerate();
    lines
        .map(|(number, (line, text))| {
            let content = match entry(text) {
                _ if number == MAX_ENTRIES => Err(format!(
                    "this file says more than {MAX_ENTRIES} things; the rest is not read"
                )),
                Ok((name, _)) if !names.insert(name.clone()) => {
                    Err(format!("`{name}` is set for the second time"))
                }
                content => content,
            };
            Entry { line, content }
        })
        .collect()
}

fn entry(text: &str) -> Result<(String, String), String> {
    if text.starts_with('[') {
        return Err("this file has no tables: write all options at the top level".to_owned());
    }
    let (name, rest) = name(text)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let Some(rest) = rest.strip_prefix('=') else {
        return Err(if rest.starts_with('.') {
            "a name has no dots here".to_owned()
        } else {
            format!("`{name}` is not followed by = and a value")
        });
    };
    let (value, rest) = value(rest.trim_start_matches([' ', '\t']), &name)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    if rest.is_empty() || rest.starts_with('#') {
        return Ok((name, value));
    }
    Err(format!("there is more behind the value of `{name}`: put texts in quotes"))
}

fn name(text: &str) -> Result<(String, &str), String> {
    if text.starts_with(['"', '\'']) {
        return string(text, "the name");
    }
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let end = text.find(|c| !is_bare(c)).unwrap_or(text.len());
    if end == 0 {
        return Err("a line begins with the name of an option".to_owned());
    }
    let (name, rest) = text.split_at(end);
    Ok((name.to_owned(), rest))
}

fn value<'a>(text: &'a str, name: &str) -> Result<(String, &'a str), String> {
    if text.starts_with("\"\"\"") || text.starts_with("'''") {
        return Err(format!("the value of `{name}` must be on one line"));
    }
    match text.chars().next() {
        None | Some('#') => Err(format!("`{name}` has no value")),
        Some('"' | '\'') => string(text, name),
        Some('[' | '{') => Err(format!("`{name}` takes one value, not a list or a table")),
        Some(_) => {
            let end = text.find([' ', '\t', '#']).unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            Ok((scalar(word, name)?, rest))
        }
    }
}

/// `true`, `false`, or a whole number, whose underscores stand between digits.
fn scalar(word: &str, name: &str) -> Result<String, String> {
    if matches!(word, "true" | "false") {
        return Ok(word.to_owned());
    }
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    let is_number = !digits.is_empty()
        && digits
            .split('_')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        && (digits == "0" || !digits.starts_with('0'));
    if is_number {
        return Ok(word.trim_start_matches('+').replace('_', ""));
    }
    Err(format!(
        "the value of `{name}` is no number and neither true nor false: put texts in quotes"
    ))
}

/// A basic or literal string on one line, and what follows it.
fn string<'a>(text: &'a str, what: &str) -> Result<(String, &'a str), String> {
    let open = || format!("the quotes of `{what}` are not closed");
    if let Some(rest) = text.strip_prefix('\'') {
        let (value, rest) = rest.split_once('\'').ok_or_else(open)?;
        return if value.chars().any(is_control) {
            Err(format!("`{what}` has a control character"))
        } else {
            Ok((value.to_owned(), rest))
        };
    }
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let at = rest.find(['"', '\\']).ok_or_else(open)?;
        let (plain, special) = rest.split_at(at);
        if plain.chars().any(is_control) {
            return Err(format!("`{what}` has a control character"));
        }
        value.push_str(plain);
        if let Some(rest) = special.strip_prefix('"') {
            return Ok((value, rest));
        }
        let (escaped, after) = escape(&special[1..])
            .ok_or_else(|| format!("`{what}` has a \\ that begins no escape of TOML"))?;
        value.push(escaped);
        rest = after;
    }
}

fn is_control(c: char) -> bool {
    c.is_ascii_control() && c != '\t'
}

fn escape(text: &str) -> Option<(char, &str)> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let simple = match kind {
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        '"' | '\\' => kind,
        'x' => return hex(rest, 2),
        'u' => return hex(rest, 4),
        'U' => return hex(rest, 8),
        _ => return None,
    };
    Some((simple, rest))
}

fn hex(text: &str, digits: usize) -> Option<(char, &str)> {
    let number = text.get(..digits)?;
    let is_hex = number.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = u32::from_str_radix(number, 16).ok().filter(|_| is_hex)?;
    Some((char::from_u32(code)?, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Result<(String, String), String> {
        let mut entries = entries(text);
        assert_eq!(entries.len(), 1, "{text}");
        entries.remove(0).content
    }

    #[test]
    fn names_and_values_are_read_with_their_lines() {
        let text = "\u{feff}# ours\n\n a = 1_000 # one\n\"b-c\"='x # y'\nd = \"q\\\"\\u00e9\\t\"\r\ne=true";
        let read: Vec<_> =
            entries(text).into_iter().map(|entry| (entry.line, entry.content.unwrap())).collect();
        let expected =
            [(3, "a", "1000"), (4, "b-c", "x # y"), (5, "d", "q\"é\t"), (6, "e", "true")];
        let expected = expected.map(|(line, name, value)| (line, (name.into(), value.into())));
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_not_meant_to_be_there_is_refused_with_a_sentence() {
        for (text, part) in [
            ("[agent]", "no tables"),
            ("a.b = 1", "no dots"),
            ("a", "not followed by ="),
            ("a =", "no value"),
            ("a = # c", "no value"),
            ("= 1", "begins with the name"),
            ("a = [1]", "one value"),
            ("a = { b = 1 }", "one value"),
            ("a = \"\"\"x\"\"\"", "on one line"),
            ("a = \"x", "not closed"),
            ("a = 'x", "not closed"),
            ("a = \"\\q\"", "no escape"),
            ("a = \"\\ud800\"", "no escape"),
            ("a = 10.0.0.1", "put texts in quotes"),
            ("a = 007", "put texts in quotes"),
            ("a = 1__0", "put texts in quotes"),
            ("a = on", "put texts in quotes"),
            ("a = \"x\" y", "more behind"),
        ] {
            let sentence = one(text).unwrap_err();
            assert!(sentence.contains(part), "{text}: {sentence}");
        }
    }

    #[test]
    fn a_name_stands_once_as_in_toml_and_a_long_file_ends() {
        let twice = entries("a = 1\n'a' = 2\n");
        assert!(twice[0].content.is_ok());
        assert!(twice[1].content.as_ref().unwrap_err().contains("second time"));
        assert!("a = 1\n'a' = 2\n".parse::<toml::Table>().is_err());
        let long = entries(&"x\n".repeat(10_000));
        assert_eq!(long.len(), MAX_ENTRIES + 1);
        assert!(long[MAX_ENTRIES].content.as_ref().unwrap_err().contains("more than 512"));
    }

    /// What a TOML library makes of the same text, by name; `None` when it refuses it.
    fn by_library(text: &str) -> Option<Vec<(String, String)>> {
        let table: toml::Table = text.parse().ok()?;
        let text_of = |value: &toml::Value| match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(value) => Some(value.to_string()),
            _ => None,
        };
        table.iter().map(|(name, value)| Some((name.clone(), text_of(value)?))).collect()
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_a_toml_library_takes(
            name in "[a-z_0-9-]{1,8}|\"[a-z .\\\\]{0,6}\"|'[a-z ]{0,6}'",
            value in "[0-9_+-]{1,6}|true|false|\"[ -~é\\t]{0,12}\"|'[ -~é]{0,12}'|\"\\\\[\"bfnrtuUx\\\\0-9a-f]{1,9}\"|[ -~]{0,8}",
            end in "|[ \\t]*#[ -~]{0,5}|[ \\t]{1,3}",
        ) {
            let text = format!("{name} = {value}{end}");
            if let [Entry { content: Ok((name, value)), .. }] = &entries(&text)[..] {
                let known = by_library(&text);
                // Numbers beyond 64 bits are refused there, and here by the option they are for.
                if known.is_some() || value.len() < 19 {
                    prop_assert_eq!(known, Some(vec![(name.clone(), value.replace("-0", "0"))]), "{}", text);
                }
            }
        }

        #[test]
        fn no_text_panics_it(text in "\\PC{0,60}|[a=\"'\\\\\\n#\\[ ]{0,40}") {
            entries(&text);
        }
    }
}
