//! `GET /api/v1/counters`: counters of objects over time; without `name` the list of names.
//! With `against_s` the same range so much earlier stands beside it, at its own times.

use std::sync::Arc;

use axum::extract::State;
use serde_json::{Value, json};

use super::params::Params;
use super::{Answer, ask, json_response};
use crate::app::App;
use crate::store::{Glob, QueryError, Series};

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&["object", "name", "from_unix_us", "to_unix_us", "against_s"])?;
    let object = Glob::new(params.text("object").unwrap_or("*"));
    let Some(name) = params.text("name").map(str::to_owned) else {
        let names = ask(&app, move |app| Ok(app.store.counter_names(&object))).await?;
        return Ok(json_response(&json!({ "names": names })));
    };
    let range = params.range()?;
    let earlier = params.against(range)?;
    let (series, against) = ask(&app, move |app| {
        let read = |range| app.store.counters(&object, &name, range);
        let against = earlier.map(|range| Ok::<_, QueryError>((range, read(range)?)));
        Ok((read(range)?, against.transpose()?))
    })
    .await?;
    let mut answer = json!({ "series": all(&series) });
    if let Some((range, series)) = against {
        answer["against"] = json!({
            "from_unix_us": range.from_unix_us,
            "to_unix_us": range.to_unix_us,
            "series": all(&series),
        });
    }
    Ok(json_response(&answer))
}

fn all(series: &[Series]) -> Vec<Value> {
    series.iter().map(one).collect()
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
