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

#[scout(args(item, secret), ret, redact(secret))]
fn price(item: u64, secret: &str) -> u64 {
    item * 3 + secret.len() as u64
}

#[scout]
async fn priced() {
    price(14, "hunter2");
}

/// Attributes of all steps in the profile of the newest transaction of a tenant.
async fn attributes(watched: &Watched, tenant: &str) -> String {
    let rows = format!(
        "/api/v1/xlogs?from_unix_us=0&to_unix_us=9000000000000000&f=service:/priced tenant:{tenant}"
    );
    let rows = rows.replace(' ', "%20");
    let row = async || watched.get(&rows).await?["rows"].get(0).cloned();
    let row = watched.until(row).await;
    let id =
        format!("{}-{}", row["gxid"].as_str().expect("an id"), row["txid"].as_str().expect("one"));
    let profile = watched.until(async || watched.get(&format!("/api/v1/tx/{id}")).await).await;
    let steps = profile["profile"]["steps"].as_array().expect("a profile").iter();
    let all = steps.filter_map(|step| step.get("attributes")).map(ToString::to_string);
    all.collect()
}

#[test]
fn values_of_one_tenant_are_captured_on_request_and_it_is_written_down_who_asked() {
    let watched = Watched::start();
    watched.run(async {
        let capture = watched.tool("capture").await;
        let before = watched.get(&capture).await.expect("an answer");
        assert_eq!(before["bound_callsites"], 0, "{before:#}");
        let start = r#"{"action":"start","callsites":"price","tenant":"acme","seconds":30}"#;
        let begun = watched.post(&capture, start).await.expect("an answer");
        assert_eq!((&begun["bound_callsites"], &begun["values"]), (&1.into(), &1_000.into()));
        let app = scouter::wrap(Router::new().route("/priced", get(priced)));
        call(app.clone(), "/priced", "acme").await;
        call(app, "/priced", "globex").await;
        let captured = attributes(watched, "acme").await;
        assert_eq!(captured, r#"{"item":"14","return":"49","secret":"<redacted>"}"#);
        assert_eq!(attributes(watched, "globex").await, "");
        let ended = watched.post(&capture, r#"{"action":"stop"}"#).await.expect("an answer");
        assert_eq!((&ended["bound_callsites"], &ended["captured"]), (&0.into(), &3.into()));
        assert!(watched.post(&capture, r#"{"action":"start","callsites":"none"}"#).await.is_none());
        let audit = watched.audit();
        let lines: Vec<&str> = audit.lines().filter(|line| line.contains("capture")).collect();
        assert!(lines[0].contains("start capture") && lines[0].contains("tenant=acme"), "{audit}");
        assert!(lines[1].contains("stop capture"), "{audit}");
    });
}

#[scout]
async fn feeds_the_cat() {
    scouter::wait("the cat", std::future::pending::<()>()).await;
}

#[scout]
async fn leaves_it_to_others() {
    let task = scouter::spawn(feeds_the_cat());
    drop(task);
}

#[test]
fn tasks_that_requests_spawned_are_listed_with_what_they_wait_for_and_whose_they_are() {
    let watched = Watched::start();
    watched.run(async {
        let app = scouter::wrap(Router::new().route("/leaves", get(leaves_it_to_others)));
        call(app, "/leaves", "acme").await;
        let task = async || {
            let answer = watched.get("/api/v1/active?kind=spawned").await?;
            let listed = answer["objects"][0]["transactions"].as_array()?.clone();
            listed.into_iter().find(|one| one["service"] == "spawn GET /leaves")
        };
        let task = watched.until(task).await;
        assert_eq!((&task["kind"], &task["tenant"]), (&"spawned".into(), &"acme".into()));
        assert_eq!(task["caller"].as_str().map(str::len), Some(16), "{task:#}");
        let stack = task["stack"].as_array().expect("open steps");
        assert!(stack[0]["place"].as_str().is_some_and(|at| at.contains("tools.rs:")), "{task:#}");
        assert_eq!(stack[1]["name"], "the cat", "{task:#}");
        assert!(watched.get("/api/v1/active?kind=sleeping").await.is_none());
    });
}
