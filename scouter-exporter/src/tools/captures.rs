//! Values at chosen callsites for a while: text in, text out, one `name=value` a line.

use std::fmt::Write;
use std::time::Duration;

use scouter_core::captures::{self, State, Wish};

/// For how long when nothing is said.
pub const DEFAULT_CAPTURE_SECONDS: u64 = 60;

/// How many values when nothing is said.
pub const DEFAULT_CAPTURED_VALUES: u64 = 1_000;

/// Does what the text of a command asks.
///
/// # Errors
/// A sentence, when it cannot be read or done.
pub(super) fn answer(text: &str) -> Result<String, String> {
    let (verb, rest) = text.split_once('\n').unwrap_or((text, ""));
    match verb.trim() {
        "" => Ok(shown(&captures::state())),
        "stop" => Ok(shown(&captures::stop())),
        "start" => {
            let state = captures::start(wish(rest)?).map_err(|refused| refused.to_string())?;
            Ok(shown(&state))
        }
        other => Err(format!("{other:?} is none of start, stop or nothing")),
    }
}

fn wish(lines: &str) -> Result<Wish, String> {
    let mut wish = Wish {
        time: Duration::from_secs(DEFAULT_CAPTURE_SECONDS),
        values: DEFAULT_CAPTURED_VALUES,
        ..Wish::default()
    };
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let value = value.trim();
        let number = || value.parse().map_err(|_| format!("{name}={value:?} is not a number"));
        match name.trim() {
            "callsites" => value.clone_into(&mut wish.callsites),
            "service" => value.clone_into(&mut wish.service),
            "tenant" => value.clone_into(&mut wish.tenant),
            "seconds" => wish.time = Duration::from_secs(number()?),
            "values" => wish.values = number()?,
            other => {
                return Err(format!(
                    "{other:?} is none of callsites, service, tenant, seconds, values"
                ));
            }
        }
    }
    Ok(wish)
}

fn shown(state: &State) -> String {
    let State { wish, callsites, captured, left } = state;
    let mut out = String::new();
    let left_s = left.map_or(0, |left| left.as_secs().max(1));
    for (name, value) in [
        ("bound_callsites", *callsites as u64),
        ("captured", *captured),
        ("seconds_left", left_s),
        ("seconds", wish.time.as_secs()),
        ("values", wish.values),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name}={value}");
    }
    for (name, value) in
        [("callsites", &wish.callsites), ("service", &wish.service), ("tenant", &wish.tenant)]
    {
        let _ = writeln!(out, "{name}={value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_with_what_can_be_said() {
        for (text, expected) in [
            ("begin", "none of start, stop or nothing"),
            ("start\npattern=x", "none of callsites, service, tenant, seconds, values"),
            ("start\ncallsites=*\nseconds=soon", "is not a number"),
            ("start\ncallsites=*\nseconds=601", "1 to 600 seconds"),
            ("start\ncallsites=*\nvalues=0", "1 to 10000 values"),
            ("start\ncallsites=", "no callsite fits"),
        ] {
            let error = answer(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
