//! Customers: healthy ones all the time, and those that meet the fault.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::AnyError;
use crate::expected::{OTHERS, TENANT, Traffic};
use crate::service::ORDERS;

/// Answers that must have come before the fault begins.
const WARM_REQUESTS: i64 = 20;

/// Longest that anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends healthy requests until it is dropped.
pub(super) fn healthy(address: SocketAddr, rate: u32) -> JoinSet<()> {
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
            let request = client.get(url).header("x-tenant-id", tenant).send();
            running.spawn(async move { drop(request.await) });
            while running.try_join_next().is_some() {}
        }
    });
    tasks
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
                drop(client.get(&url).header("x-tenant-id", TENANT).send().await);
            }
        });
    }
    tasks
}

fn client() -> reqwest::Client {
    // What can fail is TLS, which plain HTTP on loopback does not have.
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default()
}
