//! The same transactions as OTLP protobuf: one server span with its attributes, ten child spans.

use std::hint::black_box;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;
use scouter_wire::TextRef;
use scouter_wire::record::{Detail, Step, StepKind};

use crate::clock::measure;
use crate::harness::Cell;
use crate::sample::{self, Transaction};

/// What is done to the encoded request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Nothing.
    None,
    /// zstd at level 1, as ours.
    Zstd,
}

/// Measures one cell, for the whole batch.
pub(super) fn run(
    cell: &Cell<'_>,
    transactions: &[Transaction],
    compression: Compression,
) -> Result<f64, String> {
    let names: Vec<String> = names();
    let encoded = encode(transactions, &names, compression);
    match cell.row {
        "encode_ns_per_tx" => Ok(measure(cell.budget, || {
            black_box(encode(transactions, &names, compression));
        })),
        "decode_xlog_ns_per_tx" => Ok(measure(cell.budget, || {
            _ = black_box(decode(&encoded, compression));
        })),
        "wire_bytes_per_tx" => Ok(encoded.len() as f64),
        other => Err(format!("no row `{other}`")),
    }
}

/// Texts by number.
fn names() -> Vec<String> {
    let mut names = vec![String::new()];
    names.extend(sample::texts().into_iter().map(|(_, _, text)| text));
    names
}

fn encode(transactions: &[Transaction], names: &[String], compression: Compression) -> Vec<u8> {
    let mut spans = Vec::with_capacity(transactions.len() * (1 + sample::STEPS));
    for transaction in transactions {
        push_spans(transaction, names, &mut spans);
    }
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    match compression {
        Compression::None => bytes,
        Compression::Zstd => zstd::bulk::compress(&bytes, 1).unwrap_or_default(),
    }
}

fn decode(bytes: &[u8], compression: Compression) -> Option<ExportTraceServiceRequest> {
    /// Far above what the batch has.
    const MAX_REQUEST_BYTES: usize = 64 << 20;
    match compression {
        Compression::None => ExportTraceServiceRequest::decode(bytes).ok(),
        Compression::Zstd => {
            let bytes = zstd::bulk::decompress(bytes, MAX_REQUEST_BYTES).ok()?;
            ExportTraceServiceRequest::decode(bytes.as_slice()).ok()
        }
    }
}

fn push_spans(transaction: &Transaction, names: &[String], spans: &mut Vec<Span>) {
    let xlog = &transaction.xlog;
    let name = |text: TextRef| names.get(text.0 as usize).cloned().unwrap_or_default();
    let trace_id = xlog.gxid.value().to_be_bytes().to_vec();
    let root_id = xlog.txid.value();
    let end = xlog.end_unix_us.cast_unsigned() * 1_000;
    let begin = end - xlog.elapsed_us * 1_000;
    spans.push(Span {
        trace_id: trace_id.clone(),
        span_id: root_id.to_be_bytes().to_vec(),
        parent_span_id: xlog.caller.map_or_else(Vec::new, |id| id.value().to_be_bytes().to_vec()),
        name: name(xlog.service),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: begin,
        end_time_unix_nano: end,
        attributes: vec![
            text("http.route", &name(xlog.service)),
            number("http.response.status_code", i64::from(xlog.status)),
            text("client.address", xlog.ip),
            text("user_agent.original", xlog.user_agent),
            text("enduser.id", xlog.login),
            text("tenant.id", xlog.tenant),
            number("http.response.body.size", xlog.bytes_out.cast_signed()),
        ],
        status: Some(Status { message: xlog.error.to_owned(), code: 0 }),
        ..Span::default()
    });
    for (index, step) in transaction.steps.iter().enumerate() {
        let parent = step.parent.map_or(root_id, |parent| step_id(root_id, parent as usize));
        spans.push(Span {
            trace_id: trace_id.clone(),
            span_id: step_id(root_id, index).to_be_bytes().to_vec(),
            parent_span_id: parent.to_be_bytes().to_vec(),
            name: name(step.name),
            kind: kind(step.kind) as i32,
            start_time_unix_nano: begin + step.start_us * 1_000,
            end_time_unix_nano: begin + (step.start_us + step.elapsed_us) * 1_000,
            attributes: attributes(step, &name),
            ..Span::default()
        });
    }
}

/// Ids of spans are random in OTLP; these are as hard to compress.
fn step_id(root: u64, index: usize) -> u64 {
    sample::Random(root.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (index as u64 + 1)).next()
}

fn kind(kind: StepKind) -> span::SpanKind {
    match kind {
        StepKind::Sql | StepKind::Api => span::SpanKind::Client,
        _ => span::SpanKind::Internal,
    }
}

fn attributes(step: &Step<'_>, name: impl Fn(TextRef) -> String) -> Vec<KeyValue> {
    match step.detail {
        Detail::Sql { rows, .. } => vec![
            text("db.query.text", &name(step.name)),
            text("db.system.name", "postgresql"),
            number("db.response.returned_rows", rows.cast_signed()),
        ],
        Detail::Api { status, address, .. } => vec![
            text("server.address", address),
            number("http.response.status_code", i64::from(status)),
        ],
        _ => vec![number("busy_ns", step.busy_us.cast_signed() * 1_000)],
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
