//! At most one allocation per request beyond tower's `Identity` layer at the same place.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http_body_util::BodyExt;
use scouter_tower::{PeerAddr, ScouterLayer};
use tower::layer::util::Identity;
use tower::{Layer, Service, ServiceExt};

/// Allocations of one warmed-up request, body read to its end.
fn allocations_of<S>(mut service: S, request: impl Fn() -> Request<Body>) -> u64
where
    S: Service<Request<Body>, Error: std::fmt::Debug> + Clone,
    S::Response: IntoBody,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut once = || {
        runtime.block_on(async {
            let response = service.ready().await.unwrap().call(request()).await.unwrap();
            response.into_body().await;
        });
    };
    // Names are interned and slabs grow at the first requests.
    (0..200).for_each(|_| once());
    let counts = (0..50).map(|_| allocation_counter::measure(&mut once).count_total);
    counts.min().unwrap()
}

trait IntoBody {
    async fn into_body(self);
}

impl<B: http_body::Body> IntoBody for http::Response<B> {
    async fn into_body(self) {
        let body = std::pin::pin!(http::Response::into_body(self));
        drop(body.collect().await);
    }
}

fn shop() -> Router {
    Router::new().route("/users/{id}", get(async || "hello"))
}

fn request() -> Request<Body> {
    Request::get("/users/7")
        .header("host", "shop")
        .header("user-agent", "curl/8")
        .header("accept", "*/*")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .body(Body::empty())
        .unwrap()
}

#[test]
fn wrap_allocates_at_most_once_more_than_an_identity_layer() {
    let _alone = scouter_core::testing::exclusive();
    let identity = allocations_of(shop().layer(Identity::new()), request);
    let wrapped = allocations_of(scouter_tower::wrap(shop()), request);
    assert!(wrapped <= identity + 1, "identity {identity}, wrapped {wrapped}");
    let unmatched = || Request::get("/nope").body(Body::empty()).unwrap();
    let identity = allocations_of(shop().layer(Identity::new()), unmatched);
    let wrapped = allocations_of(scouter_tower::wrap(shop()), unmatched);
    assert!(wrapped <= identity + 1, "unmatched: identity {identity}, wrapped {wrapped}");
}

#[test]
fn a_plain_service_costs_no_allocation_where_the_peer_is_known() {
    let _alone = scouter_core::testing::exclusive();
    let plain = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(
            http_body_util::Full::<bytes::Bytes>::from("hello"),
        ))
    });
    let peer = || {
        let mut request = request();
        request.extensions_mut().insert(PeerAddr(([127, 0, 0, 1], 4000).into()));
        request
    };
    let bare = allocations_of(plain, peer);
    let layered = allocations_of(ScouterLayer::new().layer(plain), peer);
    assert_eq!(layered, bare);
    // Without any extension the mark makes the table of them: its box and its entries.
    let bare = allocations_of(plain, request);
    let layered = allocations_of(ScouterLayer::new().layer(plain), request);
    assert!(layered <= bare + 2, "bare {bare}, layered {layered}");
}

#[test]
fn a_layer_with_options_costs_one_more_until_the_router_has_its_state() {
    let _alone = scouter_core::testing::exclusive();
    // axum copies every layer that is not of size zero into a box, per request, as long as the
    // routes still wait for a state.
    let identity = allocations_of(shop().layer(Identity::new()).with_state(()), request);
    let layer = ScouterLayer::new().ignore(["/healthz"]);
    let layered = allocations_of(shop().layer(layer).with_state(()), request);
    assert!(layered <= identity + 1, "identity {identity}, layered {layered}");
}
