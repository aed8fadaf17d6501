//! `GET /api/v1/export`: all transactions of a time range or a box, as a stream of lines.
//!
//! `format=ndjson` (default) has a JSON object a line, `format=csv` a header and the columns of
//! [`COLUMNS`], quoted as RFC 4180 says, and `format=parquet` is a [file](parquet) of the same columns.
//! There is no limit of rows; nothing is collected first. Rows come roughly in the order of their
//! END, not exactly. When a file cannot be read the transfer breaks off, so that half an answer
//! never looks like a whole one.

use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::error::ApiError;
use super::params::{Params, unknown_choice};
use super::{Answer, json};
use crate::app::App;
use crate::limits::MAX_EXPORTS;
use crate::names;
use crate::store::{Bounds, Filter, Row};

mod parquet;

const KNOWN: [&str; 9] =
    ["from_unix_us", "to_unix_us", "t0_ms", "t1_ms", "y0q", "y1q", "measure", "f", "format"];

/// Bytes that are sent together.
const PART_BYTES: usize = 64 * 1024;

/// Parts that may wait for a slow client; then the walk waits too.
const QUEUED_PARTS: usize = 4;

/// Columns of the tabular forms.
const COLUMNS: [&str; 22] = [
    "txid",
    "gxid",
    "caller",
    "object",
    "service",
    "kind",
    "end",
    "end_unix_us",
    "elapsed_us",
    "status",
    "error",
    "tenant",
    "login",
    "ip",
    "user_agent",
    "sql_count",
    "sql_us",
    "pool_wait_us",
    "api_count",
    "api_us",
    "bytes_out",
    "desc",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
    Parquet,
}

type Parts = mpsc::Sender<Result<Bytes, io::Error>>;

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (bounds, filter) = (params.bounds()?, params.filter()?);
    let (format, content_type, name) = match params.text("format") {
        None | Some("ndjson") => {
            (Format::Ndjson, "application/x-ndjson", "attachment; filename=\"xlogs.ndjson\"")
        }
        Some("csv") => {
            (Format::Csv, "text/csv; charset=utf-8", "attachment; filename=\"xlogs.csv\"")
        }
        Some("parquet") => (
            Format::Parquet,
            "application/vnd.apache.parquet",
            "attachment; filename=\"xlogs.parquet\"",
        ),
        Some(other) => return Err(unknown_choice("format", other, &["ndjson", "csv", "parquet"])),
    };
    let Ok(permit) = Arc::clone(&app.exports).try_acquire_owned() else {
        let message = format!("{MAX_EXPORTS} exports are running already: try again later");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_exports", message));
    };
    let (parts, taken) = mpsc::channel(QUEUED_PARTS);
    tokio::task::spawn_blocking(move || {
        let _permit: OwnedSemaphorePermit = permit;
        match format {
            Format::Parquet => parquet::export(&app, &bounds, &filter, &parts),
            _ => export(&app, &bounds, &filter, format == Format::Csv, &parts),
        }
    });
    let parts = stream::unfold(taken, async |mut taken| Some((taken.recv().await?, taken)));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// Walks and sends, until it is done or the client has gone.
fn export(app: &App, bounds: &Bounds, filter: &Filter, is_csv: bool, parts: &Parts) {
    let mut part = String::new();
    if is_csv {
        part.push_str(&COLUMNS.join(","));
        part.push_str("\r\n");
    }
    let mut is_wanted = true;
    let walked = app.store.walk(bounds, filter, &mut |row| {
        if is_csv {
            put_csv(&mut part, &row);
        } else {
            // Writing to a string cannot fail.
            let _ = writeln!(part, "{}", json::xlog(&row));
        }
        if part.len() >= PART_BYTES {
            is_wanted = parts.blocking_send(Ok(std::mem::take(&mut part).into())).is_ok();
        }
        if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let last = walked.map(|()| Bytes::from(part)).map_err(io::Error::other);
    if is_wanted {
        let _ = parts.blocking_send(last);
    }
}

fn put_csv(line: &mut String, row: &Row) {
    let caller = row.caller.map(|caller| caller.to_string()).unwrap_or_default();
    let (txid, gxid) = (row.txid.to_string(), row.gxid.to_string());
    let texts: [&str; 7] = [
        &txid,
        &gxid,
        &caller,
        &row.object,
        &row.service,
        names::xlog_kind(row.kind),
        names::end_reason(row.end),
    ];
    texts.iter().for_each(|text| put_text(line, text));
    let _ = write!(line, "{},{},{},", row.end_unix_us, row.elapsed_us, row.status);
    [&row.error, &row.tenant, &row.login, &row.ip, &row.user_agent]
        .iter()
        .for_each(|text| put_text(line, text));
    let numbers =
        [u64::from(row.sql_count), row.sql_us, row.pool_wait_us, row.api_count.into(), row.api_us];
    for number in numbers {
        let _ = write!(line, "{number},");
    }
    let _ = write!(line, "{},", row.bytes_out);
    put_text(line, &row.desc);
    line.pop();
    line.push_str("\r\n");
}

/// A field and its comma.
fn put_text(line: &mut String, text: &str) {
    if text.contains(['"', ',', '\r', '\n']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
    line.push(',');
}
