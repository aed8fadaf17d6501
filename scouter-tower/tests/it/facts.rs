//! What a request says of itself besides its trace, and what a handler says of it: login, the time
//! it waited, the client's address.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderName, Request};
use scouter_core::{clock, telemetry};
use scouter_tower::{Current, ForwardedHeader, PeerAddr, ScouterLayer, Trust};

use crate::support::{Row, record, send_through};

fn request(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get("/").extension(PeerAddr(([10, 0, 0, 1], 4_000).into()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn served(layer: ScouterLayer, headers: &[(&str, &str)]) -> Row {
    let app = Router::new().route("/", get(async || "ok")).layer(layer);
    let (_, rows) = record(1, send_through(app, request(headers))).await;
    rows[0].clone()
}

fn trusting() -> ScouterLayer {
    ScouterLayer::new().trust("10.0.0.0/8".parse().unwrap())
}

/// How much a counter grows meanwhile; for use within `record`, where no other test has its turn.
fn counted(name: &str) -> u64 {
    telemetry::counters().into_iter().find(|(known, _)| *known == name).unwrap().1
}

#[tokio::test]
async fn a_handler_is_given_its_transaction_and_writes_on_it() {
    async fn handler(scouter: Current) -> String {
        tokio::task::yield_now().await;
        scouter.set_login("mia");
        scouter.set_tenant("acme");
        scouter.set_desc("first order");
        scouter.tag("plan", "gold");
        scouter.message("half way");
        scouter.error(&"no stock");
        // A task that is not its own is not written on, and neither is nothing.
        tokio::spawn(async move { scouter.set_login("somebody else") }).await.unwrap();
        format!("{}-{}", scouter.gxid().unwrap(), scouter.txid().unwrap())
    }
    let app = scouter_tower::wrap(Router::new().route("/", get(handler)));
    let (answer, rows) = record(1, send_through(app, request(&[]))).await;
    let row = &rows[0];
    assert_eq!(answer.text, format!("{}-{}", row.gxid, row.txid));
    assert_eq!((row.login.as_str(), row.tenant.as_str()), ("mia", "acme"));
    assert_eq!((row.desc.as_str(), row.tag("plan")), ("first order", Some("gold")));
    assert_eq!((row.error.as_str(), row.steps.len()), ("no stock", 2));
}

#[tokio::test]
async fn a_value_of_another_transaction_writes_nothing() {
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None::<Current>));
    let (_, rows) = record(2, async {
        let first = std::sync::Arc::clone(&kept);
        let keep = async move |scouter: Current| {
            first.lock().unwrap().replace(scouter);
            "kept"
        };
        let second = std::sync::Arc::clone(&kept);
        let misuse = async move || {
            second.lock().unwrap().unwrap().set_login("of the first");
            "misused"
        };
        let app = Router::new().route("/keep", get(keep)).route("/misuse", get(misuse));
        let app = scouter_tower::wrap(app);
        for path in ["/keep", "/misuse"] {
            send_through(app.clone(), Request::get(path).body(Body::empty()).unwrap()).await;
        }
    })
    .await;
    assert!(rows.iter().all(|row| row.login.is_empty()), "{rows:?}");
    let nothing = Current::now();
    nothing.set_login("nobody");
    assert_eq!((nothing.gxid(), nothing.txid()), (None, None));
}

#[tokio::test]
async fn a_login_is_read_only_where_the_author_says_and_from_trusted_peers() {
    let headers = [("x-user", "mia"), ("cookie", "a=1; sid=secret")];
    let user = || HeaderName::from_static("x-user");
    assert_eq!(served(trusting(), &headers).await.login, "");
    assert_eq!(served(trusting().login_header(user()), &headers).await.login, "mia");
    assert_eq!(served(ScouterLayer::new().login_header(user()), &headers).await.login, "");
    let twice = [("x-user", "mia"), ("x-user", "root")];
    assert_eq!(served(trusting().login_header(user()), &twice).await.login, "");
    // Only a hash of a cookie, whoever sends it.
    let by_cookie = ScouterLayer::new().login_cookie("sid");
    let one = served(by_cookie.clone(), &headers).await.login.clone();
    assert!(one.starts_with('#') && one.len() == 17, "{one}");
    assert_eq!(served(by_cookie.clone(), &[("cookie", "sid=secret")]).await.login, one);
    assert_ne!(served(by_cookie.clone(), &[("cookie", "sid=other")]).await.login, one);
    assert_eq!(served(by_cookie, &[("cookie", "b=2")]).await.login, "");
}

#[tokio::test]
async fn a_function_finds_the_login_in_an_extension_of_an_outer_layer() {
    #[derive(Clone)]
    struct User(&'static str);
    let layer = ScouterLayer::new()
        .login_with(|request| request.extensions.get::<User>().map(|user| user.0.into()));
    let app = Router::new().route("/", get(async || "ok")).layer(layer);
    let (_, rows) = record(2, async {
        let mut known = request(&[]);
        known.extensions_mut().insert(User("mia"));
        send_through(app.clone(), known).await;
        send_through(app.clone(), request(&[])).await;
    })
    .await;
    let mut logins: Vec<_> = rows.iter().map(|row| row.login.clone()).collect();
    logins.sort();
    assert_eq!(logins, ["", "mia"]);
}

#[tokio::test]
async fn the_time_in_the_queue_of_a_proxy_is_shown_if_it_can_be_and_comes_from_a_trusted_peer() {
    let ago_us = 2_000_000;
    let begun = clock::wall_us() - ago_us;
    let micros = format!("t={begun}");
    let millis = (begun / 1_000).to_string();
    let seconds = format!("{}.{:06}", begun / 1_000_000, begun % 1_000_000);
    for header in
        [("x-request-start", &micros), ("x-queue-start", &millis), ("x-request-start", &seconds)]
    {
        let header = [(header.0, header.1.as_str())];
        let row = served(trusting(), &header).await;
        let waited: i64 = row.tag("queue_us").unwrap().parse().unwrap();
        assert!((ago_us..=ago_us + 600_000_000).contains(&waited), "{waited} {header:?}");
        assert_eq!(served(ScouterLayer::new(), &header).await.tag("queue_us"), None);
    }
    let app = || Router::new().route("/", get(async || "ok")).layer(trusting());
    let future = format!("t={}", clock::wall_us() + 3_600_000_000);
    let past = format!("t={}", clock::wall_us() - 3_601_000_000);
    let huge = "1".repeat(5_000);
    for (headers, counter) in [
        (vec![("x-request-start", future.as_str())], "queue_times_refused"),
        (vec![("x-request-start", past.as_str())], "queue_times_refused"),
        (vec![("x-request-start", "yesterday")], "propagation_malformed"),
        (vec![("x-request-start", huge.as_str())], "propagation_oversized"),
        (
            vec![("x-request-start", micros.as_str()), ("x-request-start", micros.as_str())],
            "propagation_malformed",
        ),
    ] {
        let (grown, rows) = record(1, async {
            let before = counted(counter);
            send_through(app(), request(&headers)).await;
            counted(counter) - before
        })
        .await;
        assert_eq!((grown, rows[0].tag("queue_us")), (1, None), "{headers:?}");
    }
}

#[tokio::test]
async fn the_standard_header_tells_the_client_where_the_other_one_is_not() {
    let standard = ("forwarded", "for=\"[2001:db8::7]:80\";proto=https, for=10.0.0.9");
    let visitor = ("x-forwarded-for", "6.6.6.6");
    assert_eq!(served(trusting(), &[standard]).await.ip, "2001:db8::7");
    assert_eq!(served(trusting(), &[standard, visitor]).await.ip, "6.6.6.6");
    let pinned = |header| trusting().forwarded_header(header);
    let row = served(pinned(ForwardedHeader::Forwarded), &[standard, visitor]).await;
    assert_eq!(row.ip, "2001:db8::7");
    let row = served(pinned(ForwardedHeader::Forwarded), &[visitor]).await;
    assert_eq!(row.ip, "10.0.0.1");
    let row = served(pinned(ForwardedHeader::XForwardedFor), &[standard]).await;
    assert_eq!(row.ip, "10.0.0.1");
    // Nobody is believed by default, a hidden address is none, and a malformed one is counted.
    assert_eq!(served(ScouterLayer::new(), &[standard]).await.ip, "10.0.0.1");
    for (value, counter, expected) in [
        ("for=_secret", "propagation_malformed", 0),
        ("for=banana", "propagation_malformed", 1),
        (&"for=10.0.0.2,".repeat(200), "propagation_oversized", 1),
    ] {
        let app = Router::new().route("/", get(async || "ok")).layer(trusting());
        let (grown, rows) = record(1, async {
            let before = counted(counter);
            send_through(app, request(&[("forwarded", value)])).await;
            counted(counter) - before
        })
        .await;
        assert_eq!((grown, rows[0].ip.as_str()), (expected, "10.0.0.1"), "{value:.30}");
    }
    let everyone = ScouterLayer::new().trust(Trust::all());
    assert_eq!(served(everyone, &[standard]).await.ip, "2001:db8::7");
}
