//! Transactions and their steps as OTLP spans, in current semantic conventions.
//!
//! A transaction is the SERVER, CONSUMER or INTERNAL span with its txid as span id and its gxid as
//! trace id; a step is a child span; notes are events. Ids of steps are computed from the txid, so
//! that a span sent twice is the same span.

use scouter_wire::Txid;
use scouter_wire::record::{Detail, Outcome, Step, StepKind, XLog, XLogKind};
use scouter_wire::text::split_method_text;

use super::proto::Message;
use crate::Texts;

/// Field numbers of `Span`.
const PARENT: u64 = 4;
const ATTRIBUTES: u64 = 9;
const EVENTS: u64 = 11;
const STATUS: u64 = 15;

const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const CONSUMER: u64 = 5;

/// A transaction whose spans are being made.
#[derive(Debug)]
pub(super) struct Tree {
    gxid: [u8; 16],
    txid: Txid,
    start_unix_us: i64,
    /// Database of the pool that a connection was taken from last.
    system: &'static str,
    /// The transaction first, then its steps.
    pub(super) spans: Vec<Message>,
    /// Place in `spans` by number of the step; a note has that of the span it stands on.
    places: Vec<usize>,
}

impl Tree {
    pub(super) fn new(xlog: &XLog<'_>, texts: &Texts, with_user_data: bool) -> Self {
        let gxid = xlog.gxid.value().to_be_bytes();
        let start_unix_us = xlog.end_unix_us.saturating_sub_unsigned(xlog.elapsed_us);
        let service = texts.text(xlog.service);
        let kind = match xlog.kind {
            XLogKind::Web => SERVER,
            XLogKind::Service => CONSUMER,
            _ => INTERNAL,
        };
        let mut span = begin(&gxid, xlog.txid.value(), service, kind);
        if let Some(caller) = xlog.caller {
            span.bytes(PARENT, &caller.value().to_be_bytes());
        }
        times(&mut span, start_unix_us, xlog.elapsed_us);
        if let (XLogKind::Web, Some((method, route))) = (xlog.kind, service.split_once(' ')) {
            span.attribute(ATTRIBUTES, "http.request.method", method);
            span.attribute(ATTRIBUTES, "http.route", route);
        }
        put_status_code(&mut span, xlog.status);
        if with_user_data {
            span.attribute(ATTRIBUTES, "client.address", xlog.ip);
            span.attribute(ATTRIBUTES, "user_agent.original", xlog.user_agent);
            span.attribute(ATTRIBUTES, "user.name", xlog.login);
            span.attribute(ATTRIBUTES, "scouter.tenant", xlog.tenant);
            span.attribute(ATTRIBUTES, "scouter.description", xlog.desc);
            for tag in xlog.tags {
                span.attribute(ATTRIBUTES, texts.text(tag.key), tag.value);
            }
        }
        if !xlog.error.is_empty() {
            put_error(&mut span, xlog.error, xlog.end_unix_us);
        }
        Self {
            gxid,
            txid: xlog.txid,
            start_unix_us,
            system: UNKNOWN_SYSTEM,
            spans: vec![span],
            places: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, step: &Step<'_>, texts: &Texts, with_user_data: bool) {
        let place =
            step.parent.and_then(|parent| self.places.get(parent as usize).copied()).unwrap_or(0);
        let start_unix_us = self.start_unix_us.saturating_add_unsigned(step.start_us);
        if matches!(step.kind, StepKind::Message | StepKind::Error) {
            self.places.push(place);
            let text = if let Detail::Text(text) = step.detail { text } else { step.error };
            let span = &mut self.spans[place];
            if step.kind == StepKind::Error {
                put_exception(span, text, start_unix_us);
            } else {
                span.message(EVENTS, &event(text, start_unix_us));
            }
            return;
        }
        let parent = match place {
            0 => self.txid.value(),
            place => step_id(self.txid, place),
        };
        let number = self.spans.len();
        let kind = if matches!(step.kind, StepKind::Sql | StepKind::SqlTransaction | StepKind::Api)
        {
            CLIENT
        } else {
            INTERNAL
        };
        let text = texts.text(step.name);
        if step.kind == StepKind::PoolWait {
            self.system = system_of(text);
        }
        let mut span = begin(&self.gxid, step_id(self.txid, number), name(step.kind, text), kind);
        span.bytes(PARENT, &parent.to_be_bytes());
        times(&mut span, start_unix_us, step.elapsed_us);
        put_step(&mut span, step, text, self.system);
        if with_user_data {
            put_captured(&mut span, step, texts);
        }
        if step.outcome != Outcome::Ok {
            let error = if step.error.is_empty() { outcome_text(step.outcome) } else { step.error };
            put_error(&mut span, error, start_unix_us.saturating_add_unsigned(step.elapsed_us));
        }
        self.places.push(number);
        self.spans.push(span);
    }
}

fn begin(gxid: &[u8; 16], id: u64, name: &str, kind: u64) -> Message {
    let mut span = Message::default();
    span.bytes(1, gxid).bytes(2, &id.to_be_bytes()).text(5, name).number(6, kind);
    span
}

fn times(span: &mut Message, start_unix_us: i64, elapsed_us: u64) {
    let start = nanoseconds(start_unix_us);
    span.fixed64(7, start).fixed64(8, start.saturating_add(elapsed_us.saturating_mul(1_000)));
}

/// Unix ns of unix µs; what lies before 1970 counts as 1970.
pub(super) fn nanoseconds(unix_us: i64) -> u64 {
    u64::try_from(unix_us).unwrap_or(0).saturating_mul(1_000)
}

/// Spreads txid and number over 64 bits (the finalizer of SplitMix64, a bijection); never 0.
fn step_id(txid: Txid, number: usize) -> u64 {
    let mut id = txid.value().wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (id ^ (id >> 31)).max(1)
}

fn name(kind: StepKind, text: &str) -> &str {
    match kind {
        StepKind::Sql | StepKind::SqlTransaction => text.split_whitespace().next().unwrap_or("sql"),
        StepKind::Api => text.split(' ').next().unwrap_or("call"),
        StepKind::PoolWait => "pool wait",
        _ => split_method_text(text).0,
    }
}

/// What the conventions call a database they have no name for.
const UNKNOWN_SYSTEM: &str = "other_sql";

/// The database of a pool, by the driver that its name begins with unless the application has given
/// it another one. MariaDB is reached by the driver of MySQL.
fn system_of(pool: &str) -> &'static str {
    let (driver, target) = pool.split_once(' ').unwrap_or((pool, ""));
    let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
    match (driver, scheme) {
        ("PostgreSQL", _) | ("Any", "postgres" | "postgresql") => "postgresql",
        ("MySQL", _) | ("Any", "mysql" | "mariadb") => "mysql",
        ("SQLite", _) | ("Any", "sqlite") => "sqlite",
        _ => UNKNOWN_SYSTEM,
    }
}

fn put_step(span: &mut Message, step: &Step<'_>, text: &str, system: &str) {
    match (step.kind, &step.detail) {
        (StepKind::Sql | StepKind::SqlTransaction, detail) => {
            span.attribute(ATTRIBUTES, "db.system.name", system);
            span.attribute(ATTRIBUTES, "db.query.text", text);
            span.attribute(ATTRIBUTES, "db.operation.name", name(step.kind, text));
            if let Detail::Sql { rows, .. } = detail {
                span.count(ATTRIBUTES, "db.response.returned_rows", *rows);
            }
        }
        (StepKind::Api, detail) => {
            let (method, target) = text.split_once(' ').unwrap_or(("", text));
            span.attribute(ATTRIBUTES, "http.request.method", method);
            if let Some((_, path)) = target.split_once('/') {
                span.attribute(ATTRIBUTES, "url.template", &format!("/{path}"));
            }
            if let Detail::Api { status, address, .. } = detail {
                let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
                span.attribute(ATTRIBUTES, "server.address", host);
                if let Ok(port) = port.parse::<u16>() {
                    span.count(ATTRIBUTES, "server.port", u64::from(port));
                }
                put_status_code(span, *status);
            }
        }
        (StepKind::PoolWait, _) => {
            span.attribute(ATTRIBUTES, "db.system.name", system);
            span.attribute(ATTRIBUTES, "db.client.connection.pool.name", text);
        }
        _ => {
            let (function, place) = split_method_text(text);
            span.attribute(ATTRIBUTES, "code.function.name", function);
            if let Some((file, line)) = place.rsplit_once(':') {
                span.attribute(ATTRIBUTES, "code.file.path", file);
                if let Ok(line) = line.parse() {
                    span.count(ATTRIBUTES, "code.line.number", line);
                }
            }
        }
    }
    if step.count > 1 {
        span.count(ATTRIBUTES, "scouter.folded_runs", u64::from(step.count));
        span.count(ATTRIBUTES, "scouter.longest_run_us", step.max_us);
    }
}

/// Values that were captured: they may be anybody's data.
fn put_captured(span: &mut Message, step: &Step<'_>, texts: &Texts) {
    match step.detail {
        Detail::Attributes(attributes) => {
            for attribute in attributes {
                span.attribute(ATTRIBUTES, texts.text(attribute.key), attribute.value);
            }
        }
        Detail::Sql { bind_values, .. } => {
            span.attribute(ATTRIBUTES, "scouter.bind_values", bind_values);
        }
        _ => {}
    }
}

/// HTTP statuses as they are, gRPC codes from 1,000 on.
fn put_status_code(span: &mut Message, status: u16) {
    match status {
        0 => {}
        1_000.. => {
            span.attribute(ATTRIBUTES, "rpc.system", "grpc");
            span.count(ATTRIBUTES, "rpc.grpc.status_code", u64::from(status - 1_000));
        }
        _ => {
            span.count(ATTRIBUTES, "http.response.status_code", u64::from(status));
        }
    }
}

fn put_error(span: &mut Message, error: &str, unix_us: i64) {
    let mut status = Message::default();
    status.text(2, error).number(3, 2);
    span.message(STATUS, &status).attribute(ATTRIBUTES, "error.type", "_OTHER");
    put_exception(span, error, unix_us);
}

fn put_exception(span: &mut Message, error: &str, unix_us: i64) {
    let mut exception = event("exception", unix_us);
    exception.attribute(3, "exception.message", error);
    span.message(EVENTS, &exception);
}

fn event(name: &str, unix_us: i64) -> Message {
    let mut event = Message::default();
    event.fixed64(1, nanoseconds(unix_us)).text(2, name);
    event
}

fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Cancelled => "cancelled",
        Outcome::Panic => "panicked",
        Outcome::Unfinished => "unfinished when its transaction ended",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_of_a_pool_is_told_by_the_driver_in_its_name() {
        for (pool, system) in [
            ("PostgreSQL orders@db:5432", "postgresql"),
            ("MySQL shop@db:3306", "mysql"),
            ("SQLite memory", "sqlite"),
            ("SQLite", "sqlite"),
            ("Any sqlite:/tmp/shop.db", "sqlite"),
            ("Any postgres:db/orders", "postgresql"),
            ("Any oracle:db/orders", "other_sql"),
            ("reporting", "other_sql"),
            ("", "other_sql"),
        ] {
            assert_eq!(system_of(pool), system, "{pool}");
        }
    }
}
