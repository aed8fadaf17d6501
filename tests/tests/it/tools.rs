//! The tools on demand, of a real agent through a real collector.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use scouter::scout;
use serde_json::Value;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::watched::Watched;

const KIB: usize = 1024;
const MIB: u64 = 1024 * 1024;

/// 96 MiB in 384 blocks: about 190 samples.
#[scout]
async fn keeps() -> Vec<Vec<u8>> {
    (0..384).map(|_| Vec::with_capacity(256 * KIB)).collect()
}

/// One entry of a list by the end of its name.
fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|one| one["name"].as_str().is_some_and(|it| it.ends_with(name)))
}

async fn call(app: Router, path: &str, tenant: &str) {
    let request = Request::get(path).header("x-tenant-id", tenant).body(Body::empty());
    app.oneshot(request.expect("a request")).await.expect("never fails");
}

#[test]
fn what_lives_of_a_function_is_told_with_its_line_service_and_tenant_until_it_is_freed() {
    let watched = Watched::start();
    watched.run(async {
        let (keep, mut kept) = mpsc::channel(1);
        let handler = move || async move {
            let blocks = keeps().await;
            keep.send(blocks).await.expect("the test waits");
        };
        call(scouter::wrap(Router::new().route("/keeps", get(handler))), "/keeps", "acme").await;
        let blocks: Vec<Vec<u8>> = kept.recv().await.expect("the handler sent them");

        let heap = watched.tool("heap").await;
        let answer = watched.get(&heap).await.expect("an answer");
        assert_eq!(answer["unavailable"], Value::Null);
        assert!(answer["sample_bytes"].as_u64() > Some(0), "{answer:#}");
        assert!(answer["resident_bytes"].as_u64() > Some(MIB), "{answer:#}");
        let site = named(&answer["sites"], "keeps").expect("it was sampled");
        assert!(site["place"].as_str().is_some_and(|place| place.contains("tools.rs:")));
        assert_eq!((&site["service"], &site["tenant"]), (&"GET /keeps".into(), &"acme".into()));
        assert_eq!(site["txid"].as_str().map(str::len), Some(16), "{site:#}");
        let of = |name: &str| site[name].as_u64().expect("a number");
        // Five standard deviations.
        assert!((60 * MIB..132 * MIB).contains(&of("live_bytes")), "{site:#}");
        assert!((240..528).contains(&of("live_blocks")), "{site:#}");
        assert!(of("allocated_bytes") >= of("live_bytes"), "{site:#}");

        let folded = watched.text(&format!("{heap}?format=folded&measure=live_blocks")).await;
        let line = folded.lines().find(|line| line.starts_with("GET /keeps;keeps @ "));
        let (_, blocks_told) = line.and_then(|line| line.rsplit_once(' ')).expect(&folded);
        assert!((240..528).contains(&blocks_told.parse().expect("a number")), "{folded}");
        let text = watched.text(&format!("{heap}?format=text")).await;
        assert!(text.contains("of GET /keeps tenant acme"), "{text}");

        drop(blocks);
        let answer = watched.get(&heap).await.expect("an answer");
        let site = named(&answer["sites"], "keeps").expect("it is still known");
        assert_eq!((&site["live_bytes"], &site["live_blocks"]), (&0.into(), &0.into()));
        let folded = watched.text(&format!("{heap}?format=folded")).await;
        assert!(!folded.contains("GET /keeps;"), "nothing of it lives: {folded}");
    });
}
