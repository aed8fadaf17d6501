//! A small shop that is asked a lot: what the demo load's process does.
//!
//! Nothing in it is real but the recording: statements and calls are waits. Who looks finds a report
//! whose statement is slow, one that asks for each order apart, a payment that is refused now and
//! then, and a lock that everybody wants.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::Read;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use scouter_core::record::{EndReason, Outcome, StepKind};
use scouter_core::{
    ApiOutcome, Begin, Field, OpenStep, SqlOutcome, TextKind, TraceContext, Transaction, Txid,
    callsite, current, in_step, intern, wait,
};
use scouter_exporter::{Agent, InitError};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::{PLAY_TIME, TOKEN_VARIABLE};
use crate::generate::Random;

/// Name of the object.
const OBJECT: &str = "demo-shop";

/// Mean time between two requests, µs.
const GAP_US: f64 = 40_000.0;

/// Requests at once; while so many wait, no further one comes.
const MAX_AT_ONCE: usize = 500;

/// How long its last records may take to the collector, which may be gone.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is seen whether the last requests have ended.
const END_PAUSE: Duration = Duration::from_millis(20);

/// Why the demo load is not played.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlayError {
    /// Nobody gave it a token: it is started by a collector only.
    NoToken,
    /// The agent does not start.
    Agent(InitError),
    /// The operating system refused a thread.
    System(std::io::Error),
}

impl fmt::Display for PlayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => f.write_str(
                "the demo load is started by a collector: press the button on its empty page",
            ),
            Self::Agent(error) => write!(f, "the demo load's agent does not start: {error}"),
            Self::System(error) => write!(f, "the demo load does not start: {error}"),
        }
    }
}

impl std::error::Error for PlayError {}

/// Plays the demo load to the collector at this address, for [`PLAY_TIME`] or until standard input
/// ends, which is when the collector is gone.
///
/// # Errors
/// See [`PlayError`].
pub fn play(collector: SocketAddr) -> Result<(), PlayError> {
    let token = std::env::var(TOKEN_VARIABLE).map_err(|_| PlayError::NoToken)?;
    let agent = Agent::builder(OBJECT).without_environment().token(token);
    let agent = agent.collector(collector.to_string());
    let _recording = agent.flush_timeout(FLUSH_TIMEOUT).start().map_err(PlayError::Agent)?;
    let (gone, is_gone) = oneshot::channel::<()>();
    let read = move || {
        let _gone = gone;
        // Nobody writes: it ends, or it is broken, which is the same.
        let _ = std::io::stdin().read(&mut [0]);
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read).map_err(PlayError::System)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(PlayError::System)?.block_on(async {
        tokio::select! {
            () = traffic() => {}
            _ = is_gone => {}
        }
    });
    Ok(())
}

/// Requests in their time.
async fn traffic() {
    let mut random = Random::new(std::process::id().into());
    let shop = Arc::new(Shop::default());
    let mut next = Instant::now();
    let end = next + PLAY_TIME;
    while next < end {
        sleep_until(next).await;
        if Arc::strong_count(&shop) <= MAX_AT_ONCE {
            tokio::spawn(request(Arc::clone(&shop), random.fork()));
        }
        let gap_us = u64::try_from(random.exponential_us(GAP_US)).unwrap_or(0);
        next += Duration::from_micros(gap_us);
    }
    while Arc::strong_count(&shop) > 1 {
        sleep(END_PAUSE).await;
    }
}

/// What all requests share.
#[derive(Debug, Default)]
struct Shop {
    /// Who has it reserves what is in stock.
    stock: Mutex<()>,
}

const TENANTS: [&str; 5] = ["acme", "globex", "initech", "umbrella", "hooli"];
const USERS: usize = 200;

/// One request of one customer.
async fn request(shop: Arc<Shop>, mut random: Random) {
    let user = random.zipf(USERS);
    let customer = Customer { tenant: TENANTS[user % TENANTS.len()], user };
    let mut dice = random.fork();
    match random.below(100) {
        0..50 => serve("GET /orders/{id}", &customer, None, order(&mut dice)).await,
        50..70 => serve("GET /products", &customer, None, products(&mut dice)).await,
        70..86 => serve("POST /orders", &customer, None, buy(&shop, &customer, &mut dice)).await,
        86..96 => serve("GET /customers/{id}/orders", &customer, None, history(&mut dice)).await,
        _ => serve("GET /reports/monthly", &customer, None, report(&mut dice)).await,
    };
}

/// Who asks.
#[derive(Debug)]
struct Customer {
    tenant: &'static str,
    user: usize,
}

/// What a request ends with: nothing is sent anywhere.
type Answer = Result<(), Refusal>;

/// Why a request fails.
#[derive(Debug)]
enum Refusal {
    Declined,
    Unreachable,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("cannot place the order: the card was declined"),
            Self::Unreachable => {
                f.write_str("cannot place the order: payments: connection reset by peer")
            }
        }
    }
}

/// Runs something as a transaction of a service, and answers its id.
async fn serve(
    service: &str,
    customer: &Customer,
    caller: Option<&TraceContext>,
    work: impl Future<Output = Answer>,
) -> Option<Txid> {
    let service = intern(TextKind::Service, service);
    let transaction = Transaction::begin(Begin::new(service).context(caller));
    transaction.set_text(Field::Tenant, customer.tenant);
    let login = format!("user{:03}@{}.example", customer.user, customer.tenant);
    transaction.set_text(Field::Login, &login);
    // The addresses and the agent that nobody has.
    transaction.set_text(Field::Ip, &format!("198.51.100.{}", customer.user % 250));
    transaction.set_text(Field::UserAgent, "demo load");
    let txid = transaction.txid();
    let (mut work, mut transaction) = (pin!(work), Some(transaction));
    poll_fn(move |context| {
        let Some(inside) = &transaction else { return Poll::Ready(()) };
        let poll = inside.enter_poll();
        let answer = ready!(work.as_mut().poll(context));
        if let Err(refusal) = &answer {
            current::error(refusal);
        }
        drop(poll);
        inside.set_status(if answer.is_ok() { 200 } else { 502 });
        if let Some(ended) = transaction.take() {
            ended.end(EndReason::Complete);
        }
        Poll::Ready(())
    })
    .await;
    txid
}

/// A statement that takes about so long.
async fn statement(sql: &str, median_us: f64, rows: u64, random: &mut Random) {
    let mut step = OpenStep::begin(StepKind::Sql, intern(TextKind::Sql, sql));
    pass(&mut step, random.log_normal(median_us, 0.5)).await;
    step.finish_sql(SqlOutcome { rows, binds: 1, ..SqlOutcome::default() });
}

/// Lets time pass inside a step.
async fn pass(step: &mut OpenStep, us: u64) {
    let mut passing = pin!(sleep(Duration::from_micros(us)));
    poll_fn(|context| step.poll(|| passing.as_mut().poll(context))).await;
}

async fn order(random: &mut Random) -> Answer {
    in_step(callsite!(name: "load_order"), async {
        let sql = "SELECT id, state, total FROM orders WHERE id = $1";
        statement(sql, 4_000.0, 1, random).await;
        let sql = "SELECT sku, count, price FROM order_items WHERE order_id = $1";
        statement(sql, 6_000.0, 3, random).await;
    })
    .await;
    Ok(())
}

async fn products(random: &mut Random) -> Answer {
    in_step(callsite!(name: "search_products"), async {
        let sql = "SELECT sku, name, price FROM products WHERE name ILIKE $1 LIMIT 50";
        statement(sql, 20_000.0, 50, random).await;
    })
    .await;
    Ok(())
}

/// Asks for each order apart: what one statement with a join could do.
async fn history(random: &mut Random) -> Answer {
    in_step(callsite!(name: "order_history"), async {
        statement("SELECT id FROM orders WHERE customer_id = $1", 5_000.0, 24, random).await;
        for _ in 0..24 {
            let sql = "SELECT sku, count, price FROM order_items WHERE order_id = $1";
            statement(sql, 3_000.0, 3, random).await;
        }
    })
    .await;
    Ok(())
}

/// Its statement reads every row of the month.
async fn report(random: &mut Random) -> Answer {
    in_step(callsite!(name: "monthly_report"), async {
        let sql = "SELECT customer_id, SUM(total) FROM orders WHERE date_trunc('month', placed_at) = \
                   $1 GROUP BY customer_id ORDER BY 2 DESC";
        statement(sql, 2_500_000.0, 4_000, random).await;
    })
    .await;
    Ok(())
}

async fn buy(shop: &Shop, customer: &Customer, random: &mut Random) -> Answer {
    in_step(callsite!(name: "reserve_stock"), async {
        let _stock = wait("stock lock", shop.stock.lock()).await;
        statement("UPDATE stock SET reserved = reserved + $1 WHERE sku = $2", 25_000.0, 0, random)
            .await;
    })
    .await;
    in_step(callsite!(name: "charge_card"), charge(customer, random)).await?;
    statement("INSERT INTO orders (customer_id, total) VALUES ($1, $2)", 5_000.0, 0, random).await;
    Ok(())
}

/// Calls the payments service, which is this process too.
async fn charge(customer: &Customer, random: &mut Random) -> Answer {
    const ADDRESS: &str = "payments.example:8443";
    let name = intern(TextKind::Api, "POST payments.example:8443/charges");
    let mut step = OpenStep::begin(StepKind::Api, name);
    if random.one_in(15) {
        pass(&mut step, random.log_normal(300_000.0, 0.3)).await;
        let error = "connection reset by peer";
        step.finish_api(ApiOutcome {
            address: ADDRESS,
            outcome: Outcome::Error,
            error,
            ..ApiOutcome::default()
        });
        return Err(Refusal::Unreachable);
    }
    let is_declined = random.one_in(12);
    let caller = current::context();
    let payment = async {
        statement("INSERT INTO charges (card, cents) VALUES ($1, $2)", 30_000.0, 0, random).await;
        if is_declined { Err(Refusal::Declined) } else { Ok(()) }
    };
    let mut serving = pin!(serve("POST /charges", customer, caller.as_ref(), payment));
    let callee = poll_fn(|context| step.poll(|| serving.as_mut().poll(context))).await;
    step.finish_api(ApiOutcome {
        status: if is_declined { 402 } else { 200 },
        callee,
        address: ADDRESS,
        ..ApiOutcome::default()
    });
    if is_declined { Err(Refusal::Declined) } else { Ok(()) }
}
