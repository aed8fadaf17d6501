//! `GET /api/v1/samples`: newest transactions that ran one statement, or made one outbound call; or,
//! without a text, what the transactions that pass a filter ran.
//!
//! Rows do not know what they ran, only their profiles do; so the newest profiles are read, at most
//! [`MAX_PROFILES_READ`]. The totals of a statement are in `/api/v1/digests`; this says who runs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use scouter_wire::record::{Outcome, Step, StepKind};
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

/// Most statements or calls of one answer, those with the most time first.
const MAX_TEXTS: usize = 200;

const KNOWN: [&str; 6] = ["kind", "name", "from_unix_us", "to_unix_us", "f", "limit"];

pub(super) async fn get(State(app): State<Arc<App>>, params: Params) -> Answer {
    params.only(&KNOWN)?;
    let (kind, only) = match params.text("kind").unwrap_or("sql") {
        "sql" => (StepKind::Sql, Test::SqlAbove(0)),
        "api" => (StepKind::Api, Test::ApiAbove(0)),
        other => return Err(unknown_choice("kind", other, &["sql", "api"])),
    };
    let name = params.text("name").map(str::to_owned);
    let (range, mut filter) = (params.range()?, params.filter()?);
    filter.clauses.push(Clause { test: only, is_negated: false });
    let limit = params.limit(DEFAULT_SAMPLES, MAX_SAMPLES)?;
    let found =
        ask(&app, move |app| look(app, &Bounds::time(range), &filter, kind, name.as_deref()))
            .await?;
    Ok(json_response(&found.json(limit)))
}

/// What was done of something.
#[derive(Debug, Default, Clone, Copy)]
struct Runs {
    count: u64,
    errors: u64,
    elapsed_us: u64,
}

impl Runs {
    fn of(step: &Step<'_>) -> Self {
        let count = u64::from(step.count);
        let errors = if step.outcome == Outcome::Ok { 0 } else { count };
        Self { count, errors, elapsed_us: step.elapsed_us }
    }

    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.elapsed_us = self.elapsed_us.saturating_add(other.elapsed_us);
    }
}

#[derive(Debug, Default)]
struct Found {
    in_range: u64,
    read: usize,
    without_profile: usize,
    rows: Vec<(Row, Runs)>,
    /// How many transactions ran each text, and what they did of it.
    texts: BTreeMap<String, (u64, Runs)>,
}

/// Reads the newest profiles: of this text, or of all.
fn look(
    app: &App,
    bounds: &Bounds,
    filter: &Filter,
    kind: StepKind,
    wanted: Option<&str>,
) -> Result<Found, ApiError> {
    let request = PageRequest { limit: MAX_PROFILES_READ, after: None };
    let page = app.store.rows(bounds, filter, &request)?;
    let mut found = Found { in_range: page.total, read: page.rows.len(), ..Found::default() };
    for row in page.rows {
        let mut texts_of_row: BTreeMap<String, Runs> = BTreeMap::new();
        let outcome = app.store.profile(&row, &mut |step, texts| {
            if step.kind != kind {
                return;
            }
            let text = name_kind(kind).map_or("", |kind| texts.text(kind, step.name));
            if wanted.is_some_and(|wanted| wanted != text) {
                return;
            }
            match texts_of_row.get_mut(text) {
                Some(runs) => runs.add(Runs::of(step)),
                None => drop(texts_of_row.insert(text.to_owned(), Runs::of(step))),
            }
        });
        found.without_profile += usize::from(outcome.is_err());
        let mut all = Runs::default();
        for (text, runs) in texts_of_row {
            all.add(runs);
            let (transactions, sum) = found.texts.entry(text).or_default();
            *transactions += 1;
            sum.add(runs);
        }
        if all.count > 0 {
            found.rows.push((row, all));
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
            sum.add(*runs);
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
        let mut texts: Vec<_> = self.texts.iter().collect();
        texts.sort_by_key(|(_, (_, sum))| std::cmp::Reverse(sum.elapsed_us));
        let texts = texts.iter().take(MAX_TEXTS).map(|(text, (transactions, sum))| {
            json!({
                "name": text,
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
            "text_count": self.texts.len(),
            "texts": texts.collect::<Vec<_>>(),
            "services": services.collect::<Vec<_>>(),
            "transactions": rows.collect::<Vec<_>>(),
        })
    }
}
