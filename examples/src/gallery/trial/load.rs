//! Customers: healthy ones all the time, and those that meet the fault. Each request brings a trace
//! id by which it is known again in an alert.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::RequestBuilder;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::AnyError;
use crate::expected::{OTHERS, TENANT, Traffic};
use crate::service::ORDERS;

/// Answers that must have come before the fault begins.
const WARM_REQUESTS: i64 = 20;

/// Longest that anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How the trace ids of healthy requests begin.
pub(super) const HEALTHY_TRACES: &str = "600d";

/// How the trace ids of requests with the fault begin.
pub(super) const FAULTY_TRACES: &str = "fa17";

/// The healthy customers, until they are dropped.
pub(super) struct Healthy {
    _tasks: JoinSet<()>,
    served: Arc<Served>,
}

/// What became of the requests of healthy customers.
#[derive(Default)]
struct Served {
    well: AtomicU64,
    badly: AtomicU64,
}

impl Healthy {
    /// Requests that were answered as they should be.
    pub(super) fn served_well(&self) -> u64 {
        self.served.well.load(Ordering::Relaxed)
    }

    /// Requests that were answered with an error, or not at all.
    pub(super) fn served_badly(&self) -> u64 {
        self.served.badly.load(Ordering::Relaxed)
    }
}

/// Sends so many healthy requests a second until it is dropped.
pub(super) fn healthy(address: SocketAddr, rate: u32) -> Healthy {
    let served = Arc::new(Served::default());
    let counts = Arc::clone(&served);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let client = client();
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut running = JoinSet::new();
        for number in 0_i64.. {
            ticks.tick().await;
            let tenant = OTHERS[usize::from(number % 2 == 0)];
            let url = format!("http://{address}/orders/{}", number % ORDERS + 1);
            let request = of(client.get(url), tenant, HEALTHY_TRACES).send();
            let counts = Arc::clone(&counts);
            running.spawn(async move {
                let is_well = request.await.is_ok_and(|answer| answer.status().is_success());
                let count = if is_well { &counts.well } else { &counts.badly };
                count.fetch_add(1, Ordering::Relaxed);
            });
            while running.try_join_next().is_some() {}
        }
    });
    Healthy { _tasks: tasks, served }
}

/// Waits until the service answers.
pub(super) async fn warm(address: SocketAddr) -> Result<(), AnyError> {
    let client = client();
    for number in 1..=WARM_REQUESTS {
        client.get(format!("http://{address}/orders/{number}")).send().await?.error_for_status()?;
    }
    Ok(())
}

/// Sends requests that meet the fault, until they are all sent or it is dropped.
pub(super) fn faulty(address: SocketAddr, path: &str, traffic: Traffic) -> JoinSet<()> {
    let url = format!("http://{address}/{path}");
    let share = traffic.requests / traffic.together;
    let mut tasks = JoinSet::new();
    for _ in 0..traffic.together {
        let (client, url) = (client(), url.clone());
        tasks.spawn(async move {
            for _ in 0..share {
                drop(of(client.get(&url), TENANT, FAULTY_TRACES).send().await);
            }
        });
    }
    tasks
}

/// Says for whom a request is, and which one.
fn of(request: RequestBuilder, tenant: &str, traces: &str) -> RequestBuilder {
    let rest = 32 - traces.len();
    let (trace, span) = (fastrand::u128(..) >> (128 - 4 * rest), fastrand::u64(1..));
    request
        .header("x-tenant-id", tenant)
        .header("traceparent", format!("00-{traces}{trace:0rest$x}-{span:016x}-01"))
}

fn client() -> reqwest::Client {
    // What can fail is TLS, which plain HTTP on loopback does not have.
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default()
}
