//! One trial: a fresh process with one fault under load, and what the collector says about it.

mod bank;
mod child;
mod judge;
mod load;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use scouter_collector::Collector;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use self::bank::Bank;
use self::child::Child;
pub(crate) use self::judge::Verdict;
use self::judge::{is_named, shown, surplus};
use crate::expected::{Cause, FAULTS, Fault};
use crate::{AnyError, say, table};

/// In this time a fault must be named.
const LIMIT: Duration = Duration::from_secs(10);

/// Between two questions to the collector.
const PAUSE: Duration = Duration::from_millis(50);

/// How long the service is watched after its fault was named: what is false may come later.
const AFTERMATH: Duration = Duration::from_secs(2);

/// How long the service runs as usual before the bank tires.
const USUAL: Duration = Duration::from_secs(6);

/// Healthy requests a second beside the fault.
const HEALTHY_RATE: u32 = 20;

/// A healthy run counts if one in so many of the requests that were meant to be sent was served: a
/// busy machine does not manage all.
const LEAST_SHARE: u64 = 4;

/// What all trials share.
struct Stage {
    agents: SocketAddr,
    http: SocketAddr,
    database: String,
    client: reqwest::Client,
}

/// Tries one fault, all, or none; whether all was as it should be.
#[tokio::main]
pub(crate) async fn run(
    what: &str,
    database: &str,
    seconds: u64,
    jobs: usize,
) -> Result<bool, AnyError> {
    let faults: Vec<Fault> = match what {
        "healthy" => Vec::new(),
        "all" => FAULTS.to_vec(),
        name => FAULTS.iter().copied().filter(|fault| fault.name == name).collect(),
    };
    if faults.is_empty() && what != "healthy" {
        let known: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        let known = known.join(", ");
        return Err(format!("there is no fault {what:?}; try all, healthy, {known}").into());
    }
    let folder = std::env::temp_dir().join(format!("scouter-gallery-{}", std::process::id()));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let collector = Collector::builder().data(folder.join("data")).agents(any).http(any);
    let running = collector.start().await?;
    let stage = Stage {
        agents: running.agent_addr(),
        http: running.http_addr(),
        database: database.to_owned(),
        client: reqwest::Client::new(),
    };
    let outcome = if what == "healthy" {
        healthy(&stage, seconds).await
    } else {
        gallery(&stage, &faults, jobs).await
    };
    running.shutdown().await?;
    let _ = std::fs::remove_dir_all(folder);
    outcome
}

async fn gallery(stage: &Stage, faults: &[Fault], jobs: usize) -> Result<bool, AnyError> {
    let options = child::OPTIONS.map(|(name, value)| format!("{name}={value}")).join(" ");
    say(format_args!("options of the agent are the defaults, but {options}"));
    table::head();
    let trials = stream::iter(faults).map(|fault| attempt(stage, fault)).buffered(jobs);
    let mut trials = std::pin::pin!(trials);
    let (mut named, mut is_good) = (0, true);
    while let Some(verdict) = trials.next().await {
        let verdict = verdict?;
        table::line(&verdict);
        named += u32::from(verdict.after.is_some());
        is_good &= verdict.is_good();
    }
    say(format_args!("{named} of {} faults were named within {} s", faults.len(), LIMIT.as_secs()));
    Ok(is_good)
}

async fn attempt(stage: &Stage, fault: &Fault) -> Result<Verdict, AnyError> {
    let place = fault.place()?;
    let bank = Bank::open().await?;
    let child = Child::start(stage, fault.name, bank.address).await?;
    let healthy = load::healthy(child.address, HEALTHY_RATE);
    load::warm(child.address).await?;
    let faulty = match fault.cause {
        Cause::Requests(traffic) => load::faulty(child.address, fault.name, traffic),
        Cause::TiredBank => {
            // What is usual must be known first.
            sleep(USUAL).await;
            bank.tire();
            JoinSet::new()
        }
    };
    let began = Instant::now();
    let mut after = None;
    while after.is_none() && began.elapsed() < LIMIT {
        sleep(PAUSE).await;
        let alerts = alerts(stage, fault.name).await?;
        after = alerts.iter().any(|alert| is_named(alert, fault, &place)).then(|| began.elapsed());
    }
    sleep(AFTERMATH).await;
    drop((healthy, faulty));
    let told = alerts(stage, fault.name).await?;
    let surplus = surplus(&told, fault, &place);
    child.end().await;
    Ok(Verdict { fault: fault.name, kind: fault.kind, after, place, surplus })
}

/// All alerts about the process with this name.
async fn alerts(stage: &Stage, name: &str) -> Result<Vec<Value>, AnyError> {
    let url = format!("http://{}/api/v1/alerts?limit=1000", stage.http);
    let answer: Value = stage.client.get(url).send().await?.error_for_status()?.json().await?;
    let alerts = answer["alerts"].as_array().cloned().unwrap_or_default();
    let end = format!("/{name}");
    let is_ours = |alert: &Value| alert["object"].as_str().is_some_and(|name| name.ends_with(&end));
    Ok(alerts.into_iter().filter(is_ours).collect())
}

async fn healthy(stage: &Stage, seconds: u64) -> Result<bool, AnyError> {
    let rate = HEALTHY_RATE * 5;
    let bank = Bank::open().await?;
    let child = Child::start(stage, "healthy", bank.address).await?;
    load::warm(child.address).await?;
    let load = load::healthy(child.address, rate);
    sleep(Duration::from_secs(seconds)).await;
    let (well, badly) = (load.served_well(), load.served_badly());
    // Silence only counts of an agent that was heard all the time.
    let heard = heard(stage, "healthy", well).await?;
    drop(load);
    let alerts = alerts(stage, "healthy").await?;
    for alert in &alerts {
        say(format_args!("{}: {}", shown(alert), alert["message"].as_str().unwrap_or_default()));
    }
    child.end().await;
    say(format_args!(
        "{} alerts in {seconds} s of healthy load: {well} requests were served and {badly} failed, \
         of {heard} the collector knows",
        alerts.len()
    ));
    let is_loaded = well >= u64::from(rate) * seconds / LEAST_SHARE;
    Ok(alerts.is_empty() && is_loaded && badly == 0 && heard >= well)
}

/// How many transactions of a process the collector has stored: asked until there are so many, or
/// for [`LIMIT`].
async fn heard(stage: &Stage, name: &str, least: u64) -> Result<u64, AnyError> {
    let (url, end) = (format!("http://{}/api/v1/objects", stage.http), format!("/{name}"));
    let began = Instant::now();
    loop {
        let answer: Value = stage.client.get(&url).send().await?.error_for_status()?.json().await?;
        let is_it = |object: &&Value| object["name"].as_str().is_some_and(|n| n.ends_with(&end));
        let object = answer["objects"].as_array().and_then(|all| all.iter().find(is_it));
        let stored = object.and_then(|object| object["stored"].as_u64()).unwrap_or(0);
        if stored >= least || began.elapsed() >= LIMIT {
            return Ok(stored);
        }
        sleep(PAUSE).await;
    }
}
