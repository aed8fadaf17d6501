//! `GET /api/v1/counters`: counters of objects over time; without `name` the list of names.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::store::{Glob, Series};

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["object", "name", "from_unix_us", "to_unix_us"])?;
    let object = Glob::new(params.text("object").unwrap_or("*"));
    let Some(name) = params.text("name").map(str::to_owned) else {
        let names = ask(&app, move |app| Ok(app.store.counter_names(&object))).await?;
        return Ok(json_response(&json!({ "names": names })));
    };
    let range = params.range()?;
    let series = ask(&app, move |app| Ok(app.store.counters(&object, &name, range)?)).await?;
    let series: Vec<Value> = series.iter().map(one).collect();
    Ok(json_response(&json!({ "series": series })))
}

fn one(series: &Series) -> Value {
    let (name, unit) = series.name.split_once('|').unwrap_or((&series.name, ""));
    json!({
        "object": &*series.object,
        "name": name,
        "unit": unit,
        "points": series.points,
    })
}
