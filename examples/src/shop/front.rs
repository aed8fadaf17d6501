//! What the shop's customers talk to. It has no database: every answer comes from `orders`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use scouter::{SendScouted as _, scout};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Answer, Failure};

struct Front {
    http: reqwest::Client,
    orders: String,
    /// Guards the "inventory". Nothing tells Scouter about it: it shows as a wait inside
    /// `count_inventory`.
    inventory: Mutex<u64>,
}

/// Most parcels of one request; more are not looked at.
const MAX_PARCELS: u32 = 50_000;

/// The routes of the front service; `orders` is the address of its neighbour.
pub fn router(orders: &str) -> Router {
    let front = Front {
        http: super::http_client(),
        orders: format!("http://{orders}"),
        inventory: Mutex::new(0),
    };
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/checkout", post(checkout))
        .route("/search", get(search))
        .route("/report/{tenant}", get(report))
        .route("/inventory", get(inventory))
        .route("/export", get(export))
        .route("/slow", get(slow))
        .route("/fail", get(fail))
        .route("/leak", get(leak))
        .route("/parcels", get(parcels))
        .with_state(Arc::new(front))
}

async fn order(State(front): State<Arc<Front>>, Path(id): Path<u64>) -> Answer<String> {
    get_from_orders(&front, &format!("/orders/{id}")).await
}

#[derive(Deserialize)]
struct Search {
    q: String,
}

async fn search(State(front): State<Arc<Front>>, Query(search): Query<Search>) -> Answer<String> {
    get_from_orders(&front, &format!("/search?q={}", search.q)).await
}

async fn report(State(front): State<Arc<Front>>, Path(tenant): Path<String>) -> Answer<String> {
    get_from_orders(&front, &format!("/report/{tenant}")).await
}

async fn leak(State(front): State<Arc<Front>>) -> Answer<String> {
    get_from_orders(&front, "/leak").await
}

/// Three hops: front -> orders -> billing.
async fn checkout(State(front): State<Arc<Front>>, headers: HeaderMap) -> Answer<String> {
    if let Some(user) = headers.get("x-user").and_then(|user| user.to_str().ok()) {
        scouter::current::set_login(user);
    }
    let basket = price_basket(3);
    let call = front.http.post(format!("{}/orders", front.orders)).json(&basket);
    body_of(call.send_scouted().await?).await
}

/// A synchronous step with a captured argument (shown when argument capture is switched on).
#[scout(args(lines))]
fn price_basket(lines: u64) -> serde_json::Value {
    let cents: u64 = (0..lines).map(|line| 199 + 50 * line).sum();
    serde_json::json!({ "lines": lines, "cents": cents })
}

#[scout]
async fn get_from_orders(front: &Front, path: &str) -> Answer<String> {
    body_of(front.http.get(format!("{}{path}", front.orders)).send_scouted().await?).await
}

async fn body_of(response: reqwest::Response) -> Answer<String> {
    if !response.status().is_success() {
        return Err(Failure::of_peer("orders", response.status()));
    }
    Ok(response.text().await?)
}

async fn inventory(State(front): State<Arc<Front>>) -> Json<u64> {
    Json(count_inventory(&front).await)
}

#[scout]
async fn count_inventory(front: &Front) -> u64 {
    let mut counted = front.inventory.lock().await;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(40..160))).await;
    *counted += 1;
    *counted
}

/// Streams for a while; some clients leave in the middle.
async fn export() -> Body {
    Body::from_stream(stream::unfold(0, |line| async move {
        if line == 20 {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, std::io::Error>(format!("line {line}\n")), line + 1))
    }))
}

async fn slow() -> &'static str {
    wait_for_supplier().await;
    "the supplier has answered"
}

#[scout(name = "wait_for_supplier")]
async fn wait_for_supplier() {
    let patience = Duration::from_millis(fastrand::u64(1_200..4_000));
    scouter::wait("supplier", tokio::time::sleep(patience)).await;
}

async fn fail() -> Answer<&'static str> {
    Err(Failure(StatusCode::INTERNAL_SERVER_ERROR, "the coupon service is not configured".into()))
}

#[derive(Deserialize)]
struct Parcels {
    n: u32,
}

/// Two small steps for each parcel: ask for many to see how a long profile reads. The load
/// generator does not.
async fn parcels(Query(Parcels { n }): Query<Parcels>) -> String {
    let n = n.min(MAX_PARCELS);
    let grams: u64 = (0..n).map(|parcel| weigh(parcel) + label(parcel)).sum();
    format!("{n} parcels, {grams} g")
}

#[scout]
fn weigh(parcel: u32) -> u64 {
    u64::from(parcel % 900) + 100
}

#[scout]
fn label(parcel: u32) -> u64 {
    u64::from(parcel % 2)
}
