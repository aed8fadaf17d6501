//! Whose request it is, on every hop of your own and nowhere else.
//!
//! ```text
//! cargo run -p scouter-examples --example multi_tenant
//! ```
//!
//! A gateway names the tenant in a header. `front` believes it, since the gateway is a trusted
//! peer, and calls `billing`, which is listed, and `partner`, which is not.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use reqwest::redirect::Policy;
use scouter::SendScouted as _;
use scouter::exporter::{Agent, Memory};
use scouter::tower::client::{ClientLayer, Hosts, guard_redirects};
use scouter::tower::{ScouterLayer, Trust};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Front {
    http: reqwest::Client,
    layer: ClientLayer,
    billing: SocketAddr,
    partner: SocketAddr,
}

/// Asks both neighbours, and tells what each of them saw.
async fn order(State(front): State<Front>) -> Result<String, String> {
    let mut answers = String::new();
    for (name, addr) in [("billing", front.billing), ("partner", front.partner)] {
        let call = front.http.get(format!("http://{addr}/{name}"));
        let answer = call.send_scouted_with(&front.layer, None).await;
        let answer = answer.map_err(|error| error.to_string())?;
        answers += &format!("{name} saw {}\n", answer.text().await.unwrap_or_default());
    }
    Ok(answers)
}

/// A neighbour that answers what it was told.
async fn told(headers: HeaderMap) -> String {
    let of = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    let trace = if headers.contains_key("traceparent") { "a trace" } else { "no trace" };
    // What its own transaction is booked on.
    let booked = scouter::current::tenant_string();
    format!(
        "{trace}, tenant {}, baggage {}, booked on {booked:?}",
        of("x-tenant-id"),
        of("baggage")
    )
}

async fn serve(app: Router) -> std::io::Result<SocketAddr> {
    let app = app.layer(ScouterLayer::new().trust(Trust::loopback()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(addr)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `scouter::init("front")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("front").without_collector().sink(records.clone()).start()?;

    let billing = serve(Router::new().route("/billing", get(told))).await?;
    let partner = serve(Router::new().route("/partner", get(told))).await?;
    // In production names: `*.mesh.local`. A redirect to a host that is not listed ends there.
    let hosts: Hosts = billing.to_string().parse()?;
    let front = Front {
        http: reqwest::Client::builder().redirect(guard_redirects(Policy::default())).build()?,
        layer: ClientLayer::new().tenant_hosts(hosts).redirects_guarded(true),
        billing,
        partner,
    };
    let front = serve(Router::new().route("/order", get(order)).with_state(front)).await?;

    let gateway = reqwest::Client::new().get(format!("http://{front}/order"));
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let gateway = gateway
        .header("traceparent", trace)
        .header("x-tenant-id", "acme")
        .header("baggage", "plan=gold");
    let answers = gateway.send().await?.text().await?;

    scouter.flush(Duration::from_secs(5));
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answers}")?;
    for row in records.content().xlogs {
        writeln!(out, "{row}")?;
    }
    Ok(())
}
