//! A service as the README shows it, with everything it uses compiled out: it answers as before.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use scouter::plugin::{AgentPlugin, Hooks, Reject, RequestView};
use scouter::tower::client::ClientLayer;
use scouter::tower::{ScouterLayer, Trust};
use scouter::{InCurrent, scout};
use tower::{Layer, ServiceExt};

#[derive(Debug, Default)]
struct Orders {
    loaded: u64,
}

#[scout(args(id), ret, err, service)]
fn load(id: u64) -> Result<u64, String> {
    if id == 0 {
        return Err("zero".into());
    }
    Ok(id + 1)
}

#[scout(args(all), skip(secret), redact(card), ret, err, service)]
async fn pay(card: u64, secret: &str) -> Result<usize, std::num::ParseIntError> {
    tokio::task::yield_now().await;
    let amount: usize = secret.parse()?;
    Ok(amount + usize::from(card > 0))
}

#[scout(name = "Shop")]
impl Orders {
    fn next(&mut self) -> &mut u64 {
        self.loaded += 1;
        &mut self.loaded
    }

    #[scout(ret)]
    fn seen(&mut self) -> &mut u64 {
        &mut self.loaded
    }

    fn boxed(&mut self, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        if id == 0 {
            return Box::pin(std::future::ready(0));
        }
        Box::pin(async move { self.loaded + id })
    }

    #[scout(args(id), ret)]
    fn later(id: u64) -> impl Future<Output = u64> {
        async move { id }
    }
}

#[scout(background, slow = "1us")]
fn clean_up(id: u64) -> u64 {
    id
}

#[scout(lean, slow = "1us", background, args(id), ret, err)]
async fn expire(id: u64) -> Result<u64, String> {
    tokio::task::yield_now().await;
    Ok(id)
}

#[scout]
fn never() -> ! {
    panic!("gone")
}

#[tokio::test]
async fn every_shape_of_a_scouted_function_answers_as_before() {
    assert_eq!(load(0), Err("zero".into()));
    assert_eq!(load(1), Ok(2));
    assert_eq!(pay(4111, "41").await, Ok(42));
    assert!(pay(0, "x").await.is_err());
    let mut orders = Orders::default();
    *orders.next() += 1;
    *orders.seen() += 1;
    assert_eq!(orders.boxed(0).await + orders.boxed(4).await, 7);
    assert_eq!(Orders::later(5).await, 5);
    assert_eq!((clean_up(6), expire(7).await), (6, Ok(7)));
    assert!(std::panic::catch_unwind(|| never()).is_err());
    assert_eq!(scouter::callsites().count(), 0);
}

#[tokio::test]
async fn the_facade_starts_nothing() {
    let _guard = scouter::init("orders").unwrap();
    assert!(!scouter::Transaction::inert().is_recording());
    scouter::current::set_tenant("acme");
    scouter::plugin::register(Box::new(Nothing)).unwrap();
    let site = scouter::callsite!(name: "fetch");
    let fetched = scouter::in_step(site, scouter::wait("nothing", std::future::ready(3)));
    assert_eq!(fetched.in_current().await, 3);
    assert_eq!(scouter::spawn(async { 4 }).await.unwrap(), 4);
}

struct Nothing;

impl AgentPlugin for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn hooks(&self) -> Hooks {
        Hooks::REJECT.with(Hooks::CALL).with(Hooks::CAPTURE)
    }

    fn reject(&self, _: &RequestView<'_>) -> Option<Reject> {
        panic!("no plugin is asked");
    }
}

fn request(path: &str) -> Request<Body> {
    let request = Request::get(path).header("x-tenant-id", "acme");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.header("traceparent", parent).body(Body::empty()).unwrap()
}

async fn text(response: Response<impl Into<Body>>) -> (StatusCode, String) {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body.into(), 1_000).await.unwrap();
    (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_layers_pass_everything_through() {
    let orders = || Router::new().route("/orders/{id}", get(async || "order"));
    let layer = ScouterLayer::new().trust(Trust::all()).response_id_header(true);
    for app in [scouter::wrap(orders()), orders().layer(layer)] {
        let response = app.clone().oneshot(request("/orders/7")).await.unwrap();
        assert!(!response.headers().contains_key("x-scouter-id"));
        assert_eq!(text(response).await, (StatusCode::OK, "order".into()));
        let response = app.oneshot(request("/nope")).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
    let echo = tower::service_fn(async |request: Request<Body>| {
        assert_eq!(request.headers().len(), 2);
        Ok::<_, Infallible>(Response::new(Body::from("echo")))
    });
    let response = ClientLayer::new().layer(echo).oneshot(request("/")).await.unwrap();
    assert_eq!(text(response.map(Body::new)).await, (StatusCode::OK, "echo".into()));
}

#[tokio::test]
async fn the_recorded_sqlx_runs_the_statements() {
    let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
    let pool = options.connect("sqlite::memory:").await.unwrap();
    sqlx::query("CREATE TABLE orders (id INTEGER, name TEXT)").execute(&pool).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    for id in 0..3_i64 {
        let insert = sqlx::query("INSERT INTO orders VALUES (?, 'x')").bind(id);
        assert_eq!(insert.execute(&mut *transaction).await.unwrap().rows_affected(), 1);
    }
    transaction.commit().await.unwrap();
    let mut undone = pool.begin().await.unwrap();
    sqlx::query("DELETE FROM orders").execute(&mut *undone).await.unwrap();
    undone.rollback().await.unwrap();
    let ids: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM orders ORDER BY id").fetch_all(&pool).await.unwrap();
    assert_eq!(ids, [0, 1, 2]);
    assert!(sqlx::query("SELECT nothing").fetch_one(&pool).await.is_err());
}
