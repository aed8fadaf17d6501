//! The load generator: tenants and users who read, buy, search, give up and leave half-way.
//!
//! It is open: requests start at their rate whatever the shop answers, up to [`MAX_IN_FLIGHT`];
//! past that a request is not sent, and counted as skipped.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::AnyError;
use crate::ledger::{Entry, Ledger};

/// Requests that may be under way at once.
const MAX_IN_FLIGHT: usize = 512;

/// How long a patient customer waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long an impatient one waits before leaving.
const IMPATIENCE: Duration = Duration::from_millis(400);

/// What customers do, and how often among a thousand requests.
const HABITS: [(u32, Habit); 10] = [
    (420, Habit::Order),
    (230, Habit::Checkout),
    (150, Habit::Search),
    (60, Habit::Report),
    (60, Habit::Inventory),
    (30, Habit::Export),
    (15, Habit::LeaveExport),
    (15, Habit::Slow),
    (10, Habit::GiveUp),
    (10, Habit::Fail),
];

/// A connection is leaked about this often.
const REQUESTS_PER_LEAK: u64 = 1_500;

#[derive(Clone, Copy)]
enum Habit {
    Order,
    Checkout,
    Search,
    Report,
    Inventory,
    Export,
    LeaveExport,
    Slow,
    GiveUp,
    Fail,
    Leak,
}

/// How many requests were sent and what became of them.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Totals {
    sent: u64,
    answered: u64,
    left: u64,
    failed: u64,
    skipped: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, answered, left, failed, skipped } = self;
        write!(f, "{sent} requests sent: {answered} answered, {left} left by the customer, ")?;
        write!(f, "{failed} not answered, {skipped} skipped")
    }
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
    left: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Counts {
    fn totals(&self) -> Totals {
        Totals {
            sent: self.sent.load(Relaxed),
            answered: self.answered.load(Relaxed),
            left: self.left.load(Relaxed),
            failed: self.failed.load(Relaxed),
            skipped: self.skipped.load(Relaxed),
        }
    }
}

struct Shared {
    base: String,
    client: Client,
    counts: Counts,
    ledger: Ledger,
    places: Semaphore,
}

/// A running load generator.
pub(crate) struct Load {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    /// Until it was stopped.
    pace: Option<JoinHandle<()>>,
}

impl Load {
    /// Starts sending `rate` requests a second to the front service.
    pub(crate) fn start(
        front: SocketAddr,
        rate: u32,
        ledger: Option<&Path>,
    ) -> Result<Self, AnyError> {
        let shared = Arc::new(Shared {
            base: format!("http://{front}"),
            client: Client::builder().tcp_nodelay(true).build()?,
            counts: Counts::default(),
            ledger: Ledger::create(ledger)?,
            places: Semaphore::new(MAX_IN_FLIGHT),
        });
        let (stop, stopped) = watch::channel(false);
        let pace = tokio::spawn(pace(shared.clone(), rate, stopped));
        Ok(Self { shared, stop, pace: Some(pace) })
    }

    /// What was sent until now.
    pub(crate) fn totals(&self) -> Totals {
        self.shared.counts.totals()
    }

    /// Sends no more, waits for what is under way, and says what was sent.
    pub(crate) async fn stop(&mut self) -> Totals {
        let _ = self.stop.send(true);
        let pace = self.pace.take();
        let under_way = async {
            if let Some(pace) = pace {
                let _ = pace.await;
            }
            let all = u32::try_from(MAX_IN_FLIGHT).unwrap_or(u32::MAX);
            let _ = self.shared.places.acquire_many(all).await;
        };
        let _ = timeout(PATIENCE, under_way).await;
        self.shared.ledger.flush();
        self.shared.counts.totals()
    }
}

async fn pace(shared: Arc<Shared>, rate: u32, mut stopped: watch::Receiver<bool>) {
    let mut tick = interval(Duration::from_secs(1) / rate.max(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = 0_u64;
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = tick.tick() => {}
        }
        number += 1;
        let habit = if number.is_multiple_of(REQUESTS_PER_LEAK) { Habit::Leak } else { choose() };
        let shared = shared.clone();
        tokio::spawn(async move {
            let Ok(_place) = shared.places.try_acquire() else {
                shared.counts.skipped.fetch_add(1, Relaxed);
                return;
            };
            act(&shared, habit).await;
        });
    }
}

fn choose() -> Habit {
    let all: u32 = HABITS.iter().map(|(share, _)| share).sum();
    let mut at = fastrand::u32(..all);
    for (share, habit) in HABITS {
        if at < share {
            return habit;
        }
        at -= share;
    }
    Habit::Order
}

async fn act(shared: &Shared, habit: Habit) {
    const TENANTS: [&str; 6] = ["acme", "acme", "acme", "globex", "globex", "initech"];
    let tenant = TENANTS[fastrand::usize(..TENANTS.len())];
    let request = request(shared, habit, tenant);
    shared.counts.sent.fetch_add(1, Relaxed);
    let patience = if matches!(habit, Habit::GiveUp) { IMPATIENCE } else { PATIENCE };
    let mut entry = Entry { tenant, ..Entry::default() };
    let count = match timeout(patience, request.send()).await {
        Err(_) => {
            entry.end = "left before the answer";
            &shared.counts.left
        }
        Ok(Err(_)) => {
            entry.end = "no answer";
            &shared.counts.failed
        }
        Ok(Ok(mut answer)) => {
            entry.status = answer.status().as_u16();
            let id = answer.headers().get("x-scouter-id").and_then(|id| id.to_str().ok());
            entry.id = id.map(str::to_owned);
            if matches!(habit, Habit::LeaveExport) {
                let _ = answer.chunk().await;
                entry.end = "left within the answer";
                &shared.counts.left
            } else if timeout(patience, answer.bytes()).await.is_ok_and(|body| body.is_ok()) {
                entry.end = "answered";
                &shared.counts.answered
            } else {
                entry.end = "answer broken off";
                &shared.counts.failed
            }
        }
    };
    count.fetch_add(1, Relaxed);
    shared.ledger.write(&entry);
}

fn request(shared: &Shared, habit: Habit, tenant: &str) -> RequestBuilder {
    let (method, path) = match habit {
        Habit::Order => (Method::GET, format!("/orders/{}", 1 + fastrand::u32(..260))),
        Habit::Checkout => (Method::POST, "/checkout".to_owned()),
        Habit::Search => (Method::GET, format!("/search?q=sku-{}", fastrand::u32(..40))),
        Habit::Report => (Method::GET, format!("/report/{tenant}")),
        Habit::Inventory => (Method::GET, "/inventory".to_owned()),
        Habit::Export | Habit::LeaveExport => (Method::GET, "/export".to_owned()),
        Habit::Slow | Habit::GiveUp => (Method::GET, "/slow".to_owned()),
        Habit::Fail => (Method::GET, "/fail".to_owned()),
        Habit::Leak => (Method::GET, "/leak".to_owned()),
    };
    let request = shared.client.request(method, format!("{}{path}", shared.base));
    request
        .header("x-tenant-id", tenant)
        .header("x-user", format!("user-{}", fastrand::u32(..40)))
        .header("user-agent", "scouter-demo/1.0")
}
