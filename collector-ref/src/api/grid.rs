//! `GET /api/v1/grid`: the picture of a long time range, counted by pixel, as bytes.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version of this form: 1 |
//! | LEB128 | columns, rows without the lane, number of transactions, cursor |
//! | LEB128 … | counts of all transactions, column by column, from the lane down |
//! | LEB128 … | counts of those with an error, likewise |
//!
//! A count of 0 is followed by how many pixels in a row have it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::error::ApiError;
use super::params::Params;
use super::{Answer, ask};
use crate::app::App;
use crate::store::{AxisKind, Grid, GridShape, MAX_GRID_CELLS};

/// Version of the form.
const VERSION: u8 = 1;

const KNOWN: [&str; 9] =
    ["first_column", "column_ms", "columns", "rows", "measure", "axis", "y0q", "y1q", "f"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (shape, filter) = (shape(&params)?, params.filter()?);
    let (total, body) = ask(&app, move |app| {
        let grid = app.store.grid(&shape, &filter)?;
        Ok((grid.total, encode(&shape, &grid)))
    })
    .await?;
    let binary = HeaderValue::from_static("application/octet-stream");
    let mut response = ([(CONTENT_TYPE, binary)], body).into_response();
    response.headers_mut().insert("x-scouter-total", HeaderValue::from(total));
    Ok(response)
}

fn shape(params: &Params) -> Result<GridShape, ApiError> {
    let bad = |message: String| ApiError::bad("bad_parameter", message);
    let axis = match params.text("axis") {
        None | Some("log") => AxisKind::Log,
        Some("lin") => AxisKind::Linear,
        Some(other) => return Err(bad(format!("there is no axis \"{other}\": give log or lin"))),
    };
    let needed = |name: &str| bad(format!("the shape of the picture is missing: give {name}"));
    let shape = GridShape {
        column_ms: params.number("column_ms")?.ok_or_else(|| needed("column_ms"))?,
        first_column: params.number("first_column")?.ok_or_else(|| needed("first_column"))?,
        columns: params.number("columns")?.ok_or_else(|| needed("columns"))?,
        rows: params.number("rows")?.ok_or_else(|| needed("rows"))?,
        measure: params.measure()?,
        axis,
        low: params.number("y0q")?.unwrap_or(0),
        high: params.number("y1q")?.unwrap_or(u16::MAX),
    };
    if shape.low > shape.high {
        let (low, high) = (shape.low, shape.high);
        return Err(bad(format!("y0q ({low}) is above y1q ({high}): swap them")));
    }
    if shape.column_ms == 0 || shape.columns == 0 || shape.rows == 0 {
        return Err(bad("column_ms, columns and rows are at least 1: give such numbers".into()));
    }
    if shape.cells() > MAX_GRID_CELLS {
        let cells = shape.cells();
        let message =
            format!("the picture has {cells} pixels, at most {MAX_GRID_CELLS}: ask for fewer");
        return Err(bad(message));
    }
    Ok(shape)
}

fn encode(shape: &GridShape, grid: &Grid) -> Vec<u8> {
    let mut body = vec![VERSION];
    for number in [shape.columns.into(), shape.rows.into(), grid.total, grid.cursor] {
        put(&mut body, number);
    }
    put_plane(&mut body, &grid.all);
    put_plane(&mut body, &grid.errors);
    body
}

fn put_plane(body: &mut Vec<u8>, counts: &[u32]) {
    for run in counts.chunk_by(|a, b| *a == 0 && *b == 0) {
        put(body, run[0].into());
        if run[0] == 0 {
            put(body, run.len() as u64);
        }
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn put(body: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        body.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    body.push(number.to_le_bytes()[0]);
}
