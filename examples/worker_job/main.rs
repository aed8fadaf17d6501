//! Work that nobody requests over HTTP: the consumer of a queue, and a job by the clock.
//!
//! ```text
//! cargo run -p scouter-examples --example worker_job
//! ```
//!
//! The queue is a channel here. With Kafka, AMQP, NATS or SQS the headers of the message take the
//! place of the map: any names and values will do.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use scouter::exporter::{Agent, Memory};
use scouter::record::XLogKind;
use scouter::{Begin, TextKind, Transaction, in_transaction, intern, propagation, scout};
use tokio::sync::mpsc;

/// What a producer puts into the queue.
struct Message {
    headers: HashMap<String, Vec<u8>>,
    order: u64,
}

/// A request that leaves its work to the queue; the message carries its trace.
async fn place_order(queue: &mpsc::Sender<Message>, order: u64) {
    let mut headers = HashMap::new();
    propagation::inject(|name, value| {
        headers.insert(name.to_owned(), value.into());
    });
    if queue.send(Message { headers, order }).await.is_err() {
        scouter::current::error(&"the queue is closed");
    }
}

/// The consumer: each message is a transaction of the trace it came from.
async fn consume(mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        let sender = propagation::extract(&message.headers);
        let service = intern(TextKind::Service, "queue orders");
        let begin = Begin::new(service).kind(XLogKind::Background).context(sender.as_ref());
        // A message that fails is recorded as failed; the loop goes on.
        drop(in_transaction(Transaction::begin(begin), ship(message.order)).await);
    }
}

#[scout(args(order), err)]
async fn ship(order: u64) -> Result<(), String> {
    scouter::wait("warehouse", tokio::time::sleep(Duration::from_millis(5))).await;
    if order == 13 {
        let error = format!("order {order} cannot be shipped");
        scouter::current::error(&error);
        return Err(error);
    }
    Ok(())
}

/// A job by the clock: `service` makes each call a transaction of its own.
#[scout(service, name = "cron clean up")]
async fn clean_up() {
    scouter::current::tag("rows", "0");
    tokio::task::yield_now().await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `scouter::init("worker")?` sends to a collector; here the records are shown instead.
    let records = Memory::new();
    let scouter = Agent::builder("worker").without_collector().sink(records.clone()).start()?;

    let (send, receive) = mpsc::channel(16);
    let consumer = tokio::spawn(consume(receive));
    for order in [7, 13] {
        let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "POST /orders")));
        in_transaction(transaction, place_order(&send, order)).await;
    }
    drop(send);
    consumer.await?;
    let mut clock = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..3 {
        clock.tick().await;
        clean_up().await;
    }

    scouter.flush(Duration::from_secs(5));
    let records = records.content();
    let mut out = std::io::stdout().lock();
    records.xlogs.iter().try_for_each(|row| writeln!(out, "{row}"))?;
    records.profiles.iter().try_for_each(|(txid, tree)| write!(out, "\n{txid}\n{tree}"))?;
    Ok(())
}
