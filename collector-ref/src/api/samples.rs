//! `GET /api/v1/samples`: newest transactions that ran one statement, or made one outbound call.
//!
//! Rows do not know what they ran, only their profiles do; so the newest profiles are read, at most
//! [`MAX_PROFILES_READ`]. The totals of a statement are in `/api/v1/digests`; this says who runs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use scouter_wire::record::{Outcome, StepKind};
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::{Params, unknown_choice};
use super::{Answer, ask, json, json_response};
use crate::app::App;
use crate::profile::name_kind;
use crate::store::{Bounds, Clause, Filter, PageRequest, Row, Test};

/// Most profiles one answer reads, the newest of those that did any SQL, or any call;
/// `is_complete` is false when the range has more of them.
const MAX_PROFILES_READ: usize = 1_000;

/// Transactions of an answer when the request does not say.
const DEFAULT_SAMPLES: usize = 50;

/// Most transactions of one answer; those beyond are only summed.
const MAX_SAMPLES: usize = 200;

const KNOWN: [&str; 6] = ["kind", "name", "from_unix_us", "to_unix_us", "f", "limit"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (kind, only) = match params.text("kind").unwrap_or("sql") {
        "sql" => (StepKind::Sql, Test::SqlAbove(0)),
        "api" => (StepKind::Api, Test::ApiAbove(0)),
        other => return Err(unknown_choice("kind", other, &["sql", "api"])),
    };
    let Some(name) = params.text("name").map(str::to_owned) else {
        let message = "which statement or call? give its text in name";
        return Err(ApiError::bad("bad_parameter", message));
    };
    let (range, mut filter) = (params.range()?, params.filter()?);
    filter.clauses.push(Clause { test: only, is_negated: false });
    let limit = params.limit(DEFAULT_SAMPLES, MAX_SAMPLES)?;
    let found = ask(&app, move |app| look(app, &Bounds::time(range), &filter, kind, &name)).await?;
    Ok(json_response(&found.json(limit)))
}

/// What a transaction did of it.
#[derive(Debug, Default, Clone, Copy)]
struct Runs {
    count: u64,
    errors: u64,
    elapsed_us: u64,
}

#[derive(Debug, Default)]
struct Found {
    in_range: u64,
    read: usize,
    without_profile: usize,
    rows: Vec<(Row, Runs)>,
}

/// Reads the newest profiles.
fn look(
    app: &App,
    bounds: &Bounds,
    filter: &Filter,
    kind: StepKind,
    name: &str,
) -> Result<Found, ApiError> {
    let request = PageRequest { limit: MAX_PROFILES_READ, after: None };
    let page = app.store.rows(bounds, filter, &request)?;
    let mut found = Found { in_range: page.total, read: page.rows.len(), ..Found::default() };
    for row in page.rows {
        let mut runs = Runs::default();
        let outcome = app.store.profile(&row, &mut |step, texts| {
            let is_it = step.kind == kind
                && name_kind(kind).is_some_and(|texts_of| texts.text(texts_of, step.name) == name);
            if is_it {
                let count = u64::from(step.count);
                runs.count += count;
                runs.errors += if step.outcome == Outcome::Ok { 0 } else { count };
                runs.elapsed_us = runs.elapsed_us.saturating_add(step.elapsed_us);
            }
        });
        found.without_profile += usize::from(outcome.is_err());
        if runs.count > 0 {
            found.rows.push((row, runs));
        }
    }
    Ok(found)
}

impl Found {
    fn json(&self, limit: usize) -> Value {
        let mut services: BTreeMap<(&str, &str), (u64, Runs)> = BTreeMap::new();
        for (row, runs) in &self.rows {
            let (transactions, sum) = services.entry((&row.service, &row.object)).or_default();
            *transactions += 1;
            sum.count += runs.count;
            sum.errors += runs.errors;
            sum.elapsed_us = sum.elapsed_us.saturating_add(runs.elapsed_us);
        }
        let mut services: Vec<_> = services.into_iter().collect();
        services.sort_by_key(|(_, (_, sum))| std::cmp::Reverse(sum.elapsed_us));
        let services = services.iter().map(|((service, object), (transactions, sum))| {
            json!({
                "service": service,
                "object": object,
                "transactions": transactions,
                "count": sum.count,
                "errors": sum.errors,
                "elapsed_sum_us": sum.elapsed_us,
            })
        });
        let rows = self.rows.iter().take(limit).map(|(row, runs)| {
            json!({
                "xlog": json::xlog(row),
                "count": runs.count,
                "errors": runs.errors,
                "elapsed_sum_us": runs.elapsed_us,
            })
        });
        json!({
            "profiles_read": self.read - self.without_profile,
            "without_profile": self.without_profile,
            "is_complete": self.in_range == self.read as u64,
            "found": self.rows.len(),
            "services": services.collect::<Vec<_>>(),
            "transactions": rows.collect::<Vec<_>>(),
        })
    }
}
