//! The same transactions as OTLP protobuf: one server span with its attributes, a child span for
//! each step, an event for each message. Fields without a home in the semantic conventions are left
//! out, so that OTLP carries somewhat less than ours does.

use std::hint::black_box;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;
use scouter_wire::TextKind;
use scouter_wire::record::{Detail, Outcome, Step, StepKind};

use super::wire::{bytes_per_transaction, per_transaction};
use crate::harness::Cell;
use crate::traffic::{Names, Transaction};

/// Measures one cell.
pub(super) fn run(
    cell: &Cell<'_>,
    names: &Names,
    batches: &[Vec<Transaction>],
    is_compressed: bool,
) -> Result<f64, String> {
    let encode = |batch: &Vec<Transaction>| encode(batch, names, is_compressed);
    let requests: Vec<Vec<u8>> = batches.iter().map(encode).collect();
    match cell.row {
        "encode_ns_per_tx" => {
            Ok(per_transaction(cell, batches, |batch| _ = black_box(encode(batch))))
        }
        "decode_xlog_ns_per_tx" => {
            if requests.iter().any(|request| decode(request, is_compressed).is_none()) {
                return Err("the request did not survive".into());
            }
            Ok(per_transaction(cell, &requests, |request| {
                _ = black_box(decode(request, is_compressed));
            }))
        }
        "wire_bytes_per_tx" => Ok(bytes_per_transaction(&requests)),
        other => Err(format!("no row `{other}`")),
    }
}

/// One request, compressed at zstd's level 1 as ours is.
fn encode(transactions: &[Transaction], names: &Names, is_compressed: bool) -> Vec<u8> {
    let steps: usize = transactions.iter().map(|transaction| transaction.steps.len()).sum();
    let mut spans = Vec::with_capacity(transactions.len() + steps);
    for transaction in transactions {
        push_spans(transaction, names, &mut spans);
    }
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    match is_compressed {
        false => bytes,
        true => zstd::bulk::compress(&bytes, 1).unwrap_or_default(),
    }
}

fn decode(bytes: &[u8], is_compressed: bool) -> Option<ExportTraceServiceRequest> {
    /// Far above what the batch has.
    const MAX_REQUEST_BYTES: usize = 64 << 20;
    match is_compressed {
        false => ExportTraceServiceRequest::decode(bytes).ok(),
        true => {
            let bytes = zstd::bulk::decompress(bytes, MAX_REQUEST_BYTES).ok()?;
            ExportTraceServiceRequest::decode(bytes.as_slice()).ok()
        }
    }
}

fn push_spans(transaction: &Transaction, names: &Names, spans: &mut Vec<Span>) {
    let xlog = &transaction.xlog;
    let trace_id = xlog.gxid.value().to_be_bytes().to_vec();
    let root_id = xlog.txid.value();
    let end = xlog.end_unix_us.cast_unsigned() * 1_000;
    let begin = end - xlog.elapsed_us * 1_000;
    let service = names.text(TextKind::Service, xlog.service);
    let root = spans.len();
    spans.push(Span {
        trace_id: trace_id.clone(),
        span_id: root_id.to_be_bytes().to_vec(),
        parent_span_id: xlog.caller.map_or_else(Vec::new, |id| id.value().to_be_bytes().to_vec()),
        name: service.to_owned(),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: begin,
        end_time_unix_nano: end,
        attributes: vec![
            text("http.route", service),
            number("http.response.status_code", i64::from(xlog.status)),
            text("client.address", xlog.ip),
            text("user_agent.original", xlog.user_agent),
            text("enduser.id", xlog.login),
            text("tenant.id", xlog.tenant),
            number("http.response.body.size", xlog.bytes_out.cast_signed()),
        ],
        status: status(!xlog.error.is_empty(), xlog.error),
        ..Span::default()
    });
    for (index, step) in transaction.steps.iter().enumerate() {
        let start = begin + step.start_us * 1_000;
        if let Detail::Text(note) = step.detail {
            let event = span::Event {
                time_unix_nano: start,
                name: note.to_owned(),
                ..span::Event::default()
            };
            spans[root].events.push(event);
            continue;
        }
        let parent = step.parent.map_or(root_id, |parent| step_id(root_id, parent as usize));
        spans.push(Span {
            trace_id: trace_id.clone(),
            span_id: step_id(root_id, index).to_be_bytes().to_vec(),
            parent_span_id: parent.to_be_bytes().to_vec(),
            name: name(step, names).to_owned(),
            kind: kind(step.kind) as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: start + step.elapsed_us * 1_000,
            attributes: attributes(step, names),
            status: status(step.outcome == Outcome::Error, step.error),
            ..Span::default()
        });
    }
}

/// Ids of spans are random in OTLP; these are as hard to compress (splitmix64).
fn step_id(root: u64, index: usize) -> u64 {
    let mut id = root.wrapping_add((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^ (id >> 31)
}

fn name<'a>(step: &Step<'_>, names: &'a Names) -> &'a str {
    match step.kind {
        StepKind::Method => names.text(TextKind::Method, step.name),
        StepKind::Sql => names.text(TextKind::Sql, step.name),
        StepKind::Api => names.text(TextKind::Api, step.name),
        _ => "",
    }
}

fn kind(kind: StepKind) -> span::SpanKind {
    match kind {
        StepKind::Sql | StepKind::Api => span::SpanKind::Client,
        _ => span::SpanKind::Internal,
    }
}

fn status(is_error: bool, message: &str) -> Option<Status> {
    /// `STATUS_CODE_ERROR`.
    const ERROR: i32 = 2;
    is_error.then(|| Status { message: message.to_owned(), code: ERROR })
}

fn attributes(step: &Step<'_>, names: &Names) -> Vec<KeyValue> {
    match step.detail {
        Detail::Sql { rows, bind_values, .. } => vec![
            text("db.query.text", names.text(TextKind::Sql, step.name)),
            text("db.system.name", "postgresql"),
            text("db.query.parameters", bind_values),
            number("db.response.returned_rows", rows.cast_signed()),
        ],
        Detail::Api { status, address, .. } => vec![
            text("server.address", address),
            number("http.response.status_code", i64::from(status)),
        ],
        _ => Vec::new(),
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
