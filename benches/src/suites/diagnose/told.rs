//! How long it takes until a fault is told, by the agent as an application has it.
//!
//! The alert is timed where it leaves the agent, so that no connection is measured. A fault that is
//! not told fails the run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use scouter_core::options::{ALERT_BLOCKING_POLL_MS, CONNECTION_LEAK_AFTER_MS, set};
use scouter_core::record::{Alert, AlertKind, EndReason};
use scouter_core::{Begin, TextKind, Transaction, intern};
use scouter_exporter::{Agent, Guard, Sink};
use sqlx::sqlite::SqlitePoolOptions;

use crate::clock::{now, percentile};
use crate::peers;
use crate::suites::is_small;

/// How often the agent looks at polls.
const TICK: Duration = Duration::from_millis(10);

/// How long a fault may last until it is given up.
const PATIENCE: Duration = Duration::from_secs(10);

type Times = Receiver<(AlertKind, Instant)>;

/// Says when alerts leave the agent.
struct Told(SyncSender<(AlertKind, Instant)>);

impl Sink for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn alerts(&mut self, alerts: &[Alert]) {
        for alert in alerts {
            // Nobody waits for what came too late.
            let _ = self.0.try_send((alert.kind, now()));
        }
    }
}

/// An agent without a collector, which tells each fault each time.
fn agent() -> Result<(Guard, Times), String> {
    let (tell, told) = sync_channel(1_024);
    let agent = Agent::builder("bench").without_environment().without_collector().sink(Told(tell));
    let guard = agent.start().map_err(|error| error.to_string())?;
    set("alert_send_interval_ms", "0").map_err(|error| error.to_string())?;
    Ok((guard, told))
}

fn wait_for(told: &Times, wanted: AlertKind) -> Result<Instant, String> {
    let until = now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(now());
        match told.recv_timeout(left) {
            Ok((kind, at)) if kind == wanted => return Ok(at),
            Ok(_) => {}
            Err(_) => return Err(format!("{wanted:?} was not told within {PATIENCE:?}")),
        }
    }
}

/// By how many ticks a poll that blocks is told later than its limit says, 99th percentile.
pub(super) fn lateness_ticks_p99(is_floor: bool) -> Result<f64, String> {
    let count = if is_small() { 10 } else { 120 };
    let limit = Duration::from_millis(ALERT_BLOCKING_POLL_MS.value());
    let (mut watcher, mut agent_and_told) = (None, None);
    if is_floor {
        watcher = Some(Watcher::start(limit)?);
    } else {
        agent_and_told = Some(agent()?);
    }
    let mut ticks = Vec::new();
    for round in 0..count {
        // So that polls begin anywhere between two looks.
        std::thread::sleep(Duration::from_micros(1_370 * (round % 17)));
        let (began, at) = match (&watcher, &agent_and_told) {
            (Some(watcher), _) => watcher.block()?,
            (_, Some((_, told))) => block(told)?,
            _ => return Err("nobody watches".to_owned()),
        };
        let late = at.saturating_duration_since(began + limit);
        ticks.push(late.as_secs_f64() / TICK.as_secs_f64());
    }
    drop((watcher.take(), agent_and_told.take()));
    Ok(percentile(&mut ticks, 0.99))
}

/// Blocks in a poll until that is told; when the poll began, and when it was told.
fn block(told: &Times) -> Result<(Instant, Instant), String> {
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "GET /blocks")));
    let began = now();
    let at = {
        let _poll = transaction.enter_poll();
        wait_for(told, AlertKind::BlockingPoll)
    };
    transaction.end(EndReason::Complete);
    Ok((began, at?))
}

/// A thread that looks every tick whether what somebody does has lasted too long.
struct Watcher {
    since: Arc<Mutex<Option<Instant>>>,
    told: Receiver<Instant>,
    is_over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watcher {
    fn start(limit: Duration) -> Result<Self, String> {
        let since = Arc::new(Mutex::new(None::<Instant>));
        let is_over = Arc::new(AtomicBool::new(false));
        let (tell, told) = sync_channel(1);
        let (seen, over) = (Arc::clone(&since), Arc::clone(&is_over));
        let watch = move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                let mut since = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if since.is_some_and(|since| now() >= since + limit) {
                    *since = None;
                    let _ = tell.try_send(now());
                }
            }
        };
        let thread = std::thread::Builder::new().name("watcher".into()).spawn(watch);
        let thread = thread.map_err(|error| error.to_string())?;
        Ok(Self { since, told, is_over, thread: Some(thread) })
    }

    fn block(&self) -> Result<(Instant, Instant), String> {
        let began = now();
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(began);
        let at = self.told.recv_timeout(PATIENCE).map_err(|error| error.to_string())?;
        Ok((began, at))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of it shows as a missing answer.
            let _ = thread.join();
        }
    }
}

/// How long after the end of a transaction its forgotten connection is told, the slowest of ten.
pub(super) fn leak_ms(is_floor: bool) -> Result<f64, String> {
    if is_floor {
        return Ok(CONNECTION_LEAK_AFTER_MS.value() as f64);
    }
    let count = if is_small() { 2 } else { 10 };
    let (_guard, told) = agent()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    // A connection that is dropped starts a task, wherever that happens.
    let _context = runtime.enter();
    let connect = SqlitePoolOptions::new().max_connections(2).connect("sqlite::memory:");
    let plain = runtime.block_on(connect).map_err(|error| error.to_string())?;
    let pool = scouter_sqlx::wrap(plain).build();
    let mut slowest: f64 = 0.0;
    for round in 0..count {
        std::thread::sleep(Duration::from_millis(37 * round));
        let held = runtime.block_on(peers::ours::in_request(async {
            let mut connection = pool.acquire().await?;
            sqlx::query("SELECT 1").execute(&mut *connection).await?;
            Ok::<_, sqlx::Error>(connection)
        }));
        let ended = now();
        let held = held.map_err(|error| error.to_string())?;
        let at = wait_for(&told, AlertKind::ConnectionLeak)?;
        slowest = slowest.max(at.saturating_duration_since(ended).as_secs_f64() * 1e3);
        drop(held);
        // It goes back to the pool.
        runtime.block_on(tokio::task::yield_now());
    }
    Ok(slowest)
}
