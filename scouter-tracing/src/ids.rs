//! [`WithIds`]: log lines that lead to their request.

use std::fmt::{self, Write};

use scouter_core::{Gxid, Txid, current};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Writes `gxid` and `txid` of the current transaction into each log line that has one.
///
/// Wrap the format of a `fmt` layer: `fmt::layer().map_event_format(WithIds::text)`, or
/// `fmt::layer().json().map_event_format(WithIds::json)`. Lines outside of a transaction stay as
/// they are.
///
/// # Examples
/// ```
/// use scouter_tracing::WithIds;
/// use tracing_subscriber::prelude::*;
///
/// let log = tracing_subscriber::fmt::layer().map_event_format(WithIds::text);
/// let subscriber = tracing_subscriber::registry().with(log);
/// # let _ = subscriber;
/// ```
#[derive(Debug, Clone)]
pub struct WithIds<E> {
    inner: E,
    is_json: bool,
}

impl<E> WithIds<E> {
    /// For lines of text: `gxid=… txid=… ` stands before the line.
    pub const fn text(inner: E) -> Self {
        Self { inner, is_json: false }
    }

    /// For lines that are JSON objects: `"gxid"` and `"txid"` are their first members.
    pub const fn json(inner: E) -> Self {
        Self { inner, is_json: true }
    }
}

impl<S, N, E> FormatEvent<S, N> for WithIds<E>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    E: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (Some(gxid), Some(txid)) = (current::gxid(), current::txid()) else {
            return self.inner.format_event(context, writer, event);
        };
        if self.is_json {
            let mut object = Object { writer, ids: (gxid, txid), at: At::Start };
            return self.inner.format_event(context, Writer::new(&mut object), event);
        }
        write!(writer, "gxid={gxid} txid={txid} ")?;
        self.inner.format_event(context, writer, event)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    /// Nothing was written yet.
    Start,
    /// The ids were; a comma is owed if another member follows.
    FirstMember,
    Rest,
}

/// Writes a JSON object with the ids as its first members.
struct Object<'a> {
    writer: Writer<'a>,
    ids: (Gxid, Txid),
    at: At,
}

impl Write for Object<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let mut rest = text;
        if self.at == At::Start {
            self.at = At::Rest;
            if let Some(after) = text.strip_prefix('{') {
                let (gxid, txid) = self.ids;
                write!(self.writer, "{{\"gxid\":\"{gxid}\",\"txid\":\"{txid}\"")?;
                self.at = At::FirstMember;
                rest = after;
            }
        }
        if self.at == At::FirstMember && !rest.is_empty() {
            self.at = At::Rest;
            if !rest.starts_with('}') {
                self.writer.write_char(',')?;
            }
        }
        self.writer.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_first_members_however_the_object_comes_in_pieces() {
        let pieces: [(&[&str], &str); 4] = [
            (&["{\"level\":1}"], r#"{"gxid":"G","txid":"T","level":1}"#),
            (&["", "{", "", "\"level\"", ":1}"], r#"{"gxid":"G","txid":"T","level":1}"#),
            (&["{", "}"], r#"{"gxid":"G","txid":"T"}"#),
            (&["no object {"], "no object {"),
        ];
        let (gxid, txid) = (Gxid::new(7).unwrap(), Txid::new(9).unwrap());
        for (pieces, expected) in pieces {
            let mut out = String::new();
            let mut object =
                Object { writer: Writer::new(&mut out), ids: (gxid, txid), at: At::Start };
            pieces.iter().for_each(|piece| object.write_str(piece).unwrap());
            let expected = expected.replace('G', &gxid.to_string()).replace('T', &txid.to_string());
            assert_eq!(out, expected);
        }
    }
}
