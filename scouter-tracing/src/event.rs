//! What is shown of fields: those of spans as attributes, those of events as a text.

use std::fmt;

use scouter_core::Value;
use tracing::field::{Field, Visit};

/// Hands each field on as a value; what only has `Debug` is formatted, cut at 256 bytes.
pub(crate) struct Values<F>(pub(crate) F);

impl<F: FnMut(&'static str, Value<'_>)> Visit for Values<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = scouter_core::__private::bounded(format_args!("{value:?}"));
        self.0(field.name(), Value::Str(&text));
    }
}

/// The text of an event: its message, then the fields it may show.
pub(crate) struct EventText<'a> {
    pub(crate) event: &'a tracing::Event<'a>,
    pub(crate) has_fields: bool,
}

impl fmt::Display for EventText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_error = *self.event.metadata().level() == tracing::Level::ERROR;
        let mut line =
            Line { f, has_fields: self.has_fields, is_error, is_empty: true, written: Ok(()) };
        self.event.record(&mut line);
        if line.is_empty && line.written.is_ok() {
            // A macro without a message names the event by its place, which is its text then.
            return line.f.write_str(self.event.metadata().name());
        }
        line.written
    }
}

struct Line<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    has_fields: bool,
    is_error: bool,
    is_empty: bool,
    /// The first failure: the text is full, and nothing more is formatted.
    written: fmt::Result,
}

impl Line<'_, '_> {
    fn field(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let is_cause = self.is_error && matches!(name, "error" | "err" | "exception");
        let is_message = name == "message";
        // Fields of `tracing-log` repeat where a `log` record came from.
        let is_shown = is_message || is_cause || self.has_fields && !name.starts_with("log.");
        if !is_shown || self.written.is_err() {
            return;
        }
        let space = if self.is_empty { "" } else { " " };
        self.is_empty = false;
        self.written = if is_message || is_cause && space.is_empty() {
            write!(self.f, "{space}{value}")
        } else {
            write!(self.f, "{space}{name}={value}")
        };
    }
}

impl Visit for Line<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field.name(), format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.field(field.name(), format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field.name(), format_args!("{value:?}"));
    }
}
