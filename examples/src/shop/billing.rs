//! Charges orders. It is slow now and then, and refuses one charge in twenty.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use scouter::scout;
use serde::Deserialize;
use sqlx::AnyPool;

use super::{Answer, Failure, database};

#[derive(Deserialize)]
struct Charge {
    order: i64,
    cents: i64,
}

/// Connects to the database at `url` and returns the routes.
///
/// # Errors
/// When the database cannot be reached or its table cannot be made.
pub async fn router(url: &str) -> Result<Router, sqlx::Error> {
    let pool = database::connect(url).await?;
    database::make_billing(&pool).await?;
    Ok(Router::new().route("/charges", post(charge)).with_state(Arc::new(pool)))
}

async fn charge(State(pool): State<Arc<AnyPool>>, Json(charge): Json<Charge>) -> Answer<String> {
    ask_the_bank(charge.cents).await?;
    sqlx::query("INSERT INTO charges (order_id, tenant, cents) VALUES ($1, $2, $3)")
        .bind(charge.order)
        .bind(scouter::current::tenant_string())
        .bind(charge.cents)
        .execute(&*pool)
        .await?;
    Ok(format!("charged {} cents", charge.cents))
}

#[scout(args(cents), err)]
async fn ask_the_bank(cents: i64) -> Result<(), Refusal> {
    let is_slow = fastrand::u8(..) < 12;
    let pause = if is_slow { fastrand::u64(700..1_500) } else { fastrand::u64(2..25) };
    tokio::time::sleep(Duration::from_millis(pause)).await;
    if fastrand::u8(..) < 13 { Err(Refusal { cents }) } else { Ok(()) }
}

#[derive(Debug)]
struct Refusal {
    cents: i64,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the bank refused to move {} cents", self.cents)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string())
    }
}
