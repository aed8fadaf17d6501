//! How requests are named, and which are not recorded at all.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use scouter_tower::ScouterLayer;
use tower::{Layer, ServiceExt};

use crate::support::{get_through, record};

fn shop() -> Router {
    Router::new().route("/orders/{id}", get(async || "order"))
}

/// One request through the service in process; the rows of it.
async fn check(app: Router, path: &str, expected: &[&str]) {
    let (_, rows) = record(expected.len(), get_through(app, path)).await;
    assert_eq!(rows.summaries(), expected, "{path}");
}

#[tokio::test]
async fn the_raw_path_is_never_part_of_the_name() {
    check(scouter_tower::wrap(shop()), "/orders/4711", &["GET /orders/{id} 200 Complete"]).await;
    let (_, rows) = record(1, get_through(scouter_tower::wrap(shop()), "/secret/4711")).await;
    assert_eq!(rows.summaries(), ["GET <unmatched> 404 Complete"]);
    assert_eq!(rows[0].tag("path"), Some("/secret/4711"));
}

#[tokio::test]
async fn ignored_paths_are_not_recorded() {
    let app = shop().layer(ScouterLayer::new().ignore(["/healthz", "/orders/*"]));
    check(app.clone(), "/healthz", &[]).await;
    check(app.clone(), "/orders/1", &[]).await;
    check(app, "/healthz/deep", &["GET <unmatched> 404 Complete"]).await;
}

#[tokio::test]
async fn requests_are_ignored_by_method_and_template_and_counted() {
    let counted = |name: &str| {
        let all = scouter_core::telemetry::counters();
        all.into_iter().find(|(known, _)| *known == name).unwrap().1
    };
    let app = shop().layer(ScouterLayer::new().ignore(["HEAD *", "GET /orders/{id}"]));
    let (grown, rows) = record(1, async {
        let before = counted("requests_ignored");
        for (method, path) in [("HEAD", "/healthz"), ("GET", "/orders/7"), ("POST", "/orders/7")] {
            let request = http::Request::builder().method(method).uri(path);
            let body = Body::empty();
            crate::support::send_through(app.clone(), request.body(body).unwrap()).await;
        }
        counted("requests_ignored") - before
    })
    .await;
    assert_eq!(grown, 2);
    assert_eq!(rows.summaries(), ["POST /orders/{id} 405 Complete"]);
    let (grown, _) = record(0, async {
        let before = counted("ignore_rules_left_out");
        let many = (0..scouter_tower::MAX_IGNORED_PATHS + 3).map(|number| format!("/{number}"));
        drop(ScouterLayer::new().ignore(many));
        counted("ignore_rules_left_out") - before
    })
    .await;
    assert_eq!(grown, 3);
}

#[tokio::test]
async fn a_name_function_wins_over_the_route() {
    let layer = ScouterLayer::new()
        .name_with(|request| request.uri.path().ends_with("/1").then(|| "the first order".into()));
    let app = shop().layer(layer);
    check(app.clone(), "/orders/1", &["the first order 200 Complete"]).await;
    check(app, "/orders/2", &["GET /orders/{id} 200 Complete"]).await;
}

#[tokio::test]
async fn applied_twice_it_records_once() {
    let twice = scouter_tower::wrap(scouter_tower::wrap(shop()));
    check(twice, "/orders/1", &["GET /orders/{id} 200 Complete"]).await;
    let nested = Router::new().nest("/v1", scouter_tower::wrap(shop()));
    check(scouter_tower::wrap(nested), "/v1/orders/1", &["GET /v1/orders/{id} 200 Complete"]).await;
}

#[tokio::test]
async fn a_request_that_a_handler_makes_in_process_is_one_of_its_own_and_renames_nothing() {
    let inner = scouter_tower::wrap(shop());
    let calls = move || {
        let inner = inner.clone();
        async move {
            // Twice: the first one is not to be taken for an inner layer of the outer request.
            get_through(inner.clone(), "/orders/1").await;
            get_through(inner, "/orders/2").await;
            "both"
        }
    };
    let outer = || Router::new().route("/orders/{id}/all", get(calls.clone()));
    let routed = scouter_tower::wrap(outer());
    let routed_twice = scouter_tower::wrap(scouter_tower::wrap(outer()));
    let fallback = scouter_tower::wrap(Router::new().fallback(calls.clone()));
    let around = Router::new().fallback_service(ScouterLayer::new().layer(outer()));
    for (app, name) in [
        (routed, "GET /orders/{id}/all"),
        (routed_twice, "GET /orders/{id}/all"),
        (fallback, "GET <unmatched>"),
        (around, "GET <unmatched>"),
    ] {
        let (_, rows) = record(3, get_through(app, "/orders/7/all")).await;
        let mut summaries = rows.summaries();
        summaries.sort();
        let inner = "GET /orders/{id} 200 Complete";
        let mut expected = [format!("{name} 200 Complete"), inner.to_owned(), inner.to_owned()];
        expected.sort();
        assert_eq!(summaries, expected);
        let (outer, inner) = (rows.service(name), rows.service("GET /orders/{id}"));
        assert_eq!((inner.caller, inner.gxid), (Some(outer.txid), outer.gxid));
    }
}

#[tokio::test]
async fn around_the_whole_router_it_sees_later_routes_and_the_inner_one_gives_the_names() {
    let app = scouter_tower::wrap(shop()).route("/later", get(async || "later"));
    let service = ScouterLayer::new().layer(app);
    for (path, expected) in
        [("/orders/1", "GET /orders/{id} 200 Complete"), ("/later", "GET <unmatched> 200 Complete")]
    {
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let service = service.clone();
        let ((), rows) = record(1, async {
            let response = service.oneshot(request).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        })
        .await;
        assert_eq!(rows.summaries(), [expected]);
    }
}

#[tokio::test]
async fn state_fallbacks_and_merged_routers_keep_working() {
    let with_state: Router<u8> = Router::new().route(
        "/state",
        get(async |axum::extract::State(n): axum::extract::State<u8>| n.to_string()),
    );
    let app = scouter_tower::wrap(with_state.fallback(async || "fell back")).with_state(7);
    check(app.clone(), "/state", &["GET /state 200 Complete"]).await;
    check(app, "/other", &["GET <unmatched> 200 Complete"]).await;
}

#[tokio::test]
async fn an_opaque_nested_service_is_named_when_the_layer_stands_inside_it_too() {
    let opaque = Router::new().nest_service("/v2", shop());
    check(scouter_tower::wrap(opaque), "/v2/orders/1", &["GET <unmatched> 200 Complete"]).await;
    let open = Router::new().nest_service("/v2", scouter_tower::wrap(shop()));
    check(scouter_tower::wrap(open), "/v2/orders/1", &["GET /v2/orders/{id} 200 Complete"]).await;
}
