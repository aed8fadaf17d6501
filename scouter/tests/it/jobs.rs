//! Work that nobody requested over HTTP: a worker loop, a cron job, consumers of queues.

use std::collections::HashMap;

use scouter::record::{EndReason, StepKind, XLogFlags, XLogKind};
use scouter::testing::{Recording, capture, capture_async};
use scouter::{
    Begin, OpenStep, SqlOutcome, TextKind, Transaction, callsite, current, in_transaction, intern,
    propagation, scout, step,
};

use crate::support::block_on;

/// A message of some queue.
#[derive(Debug, Default)]
struct Message {
    headers: HashMap<String, Vec<u8>>,
    body: u32,
}

#[scout(service, err, name = "worker handle")]
async fn handle(body: u32) -> Result<(), String> {
    store(body).await;
    if body == 13 { Err("unlucky".into()) } else { Ok(()) }
}

#[scout]
async fn store(_: u32) {
    let sql = intern(TextKind::Sql, "INSERT INTO jobs VALUES (?)");
    let statement = OpenStep::begin(StepKind::Sql, sql);
    tokio::task::yield_now().await;
    statement.finish_sql(SqlOutcome { affected: 1, ..SqlOutcome::default() });
}

#[test]
fn each_turn_of_a_worker_loop_is_a_transaction_of_its_own() {
    let recording = block_on(capture_async(async {
        let (send, mut receive) = tokio::sync::mpsc::channel(4);
        let worker = tokio::spawn(async move {
            while let Some(body) = receive.recv().await {
                // One bad message does not end the loop.
                drop(handle(body).await);
            }
        });
        for body in [1, 13, 2] {
            send.send(body).await.unwrap();
        }
        drop(send);
        worker.await.unwrap();
    }));
    let good = "worker handle\n    worker handle\n        store\n            \
                sql INSERT INTO jobs VALUES (?)\n";
    let bad = "worker handle !error\n    worker handle !error\n        store\n            \
               sql INSERT INTO jobs VALUES (?)\n";
    assert_eq!(recording.tree(), [good, bad, good].concat());
    assert_eq!(recording.xlogs[1].error, "unlucky");
    let gxids: std::collections::HashSet<_> = recording.xlogs.iter().map(|row| row.gxid).collect();
    assert_eq!(gxids.len(), 3, "each is a trace of its own");
}

#[scout(service, name = "cron sweep")]
fn sweep(rows: u32) -> u32 {
    let _step = step(callsite!(name: "old rows"));
    current::tag("rows", &rows.to_string());
    rows
}

#[test]
fn a_cron_job_is_a_transaction_at_each_tick_on_any_thread() {
    let recording = capture(|| {
        let cron = std::thread::Builder::new().name("cron".into());
        let ticks = cron.spawn(|| (1..=3).map(sweep).sum::<u32>()).unwrap();
        assert_eq!(ticks.join().unwrap(), 6);
    });
    assert_eq!(recording.tree(), "cron sweep\n    cron sweep\n        old rows\n".repeat(3));
    let tags: Vec<_> = recording.xlogs.iter().map(|row| &*row.tags[0].1).collect();
    assert_eq!(tags, ["1", "2", "3"]);
}

fn publish(body: u32, is_trusted: bool) -> Message {
    let mut message = Message { body, ..Message::default() };
    let put = |name: &'static str, value: &str| {
        message.headers.insert(name.to_owned(), value.into());
    };
    if is_trusted {
        propagation::inject_trusted(put)
    } else {
        propagation::inject(put)
    }
    message
}

async fn consume(message: Message) {
    let context = propagation::extract(&message.headers);
    let service = intern(TextKind::Service, "queue orders");
    let begin = Begin::new(service).kind(XLogKind::Background).context(context.as_ref());
    in_transaction(Transaction::begin(begin), async move {
        drop(handle(message.body).await);
    })
    .await;
}

fn within(begin: Begin<'_>, code: impl FnOnce()) {
    let transaction = Transaction::begin(begin);
    {
        let _entered = transaction.enter();
        code();
    }
    transaction.end(EndReason::Complete);
}

#[test]
fn a_consumer_continues_the_trace_of_whoever_sent_the_message() {
    let mut messages = Vec::new();
    let recording: Recording = capture(|| {
        within(Begin::new(intern(TextKind::Service, "POST /orders")), || {
            messages.extend([publish(1, false), publish(2, false)]);
        });
        block_on(async {
            for message in messages.drain(..) {
                consume(message).await;
            }
        });
    });
    let consumed = "queue orders\n    worker handle\n        store\n            \
                    sql INSERT INTO jobs VALUES (?)\n";
    assert_eq!(recording.tree(), ["POST /orders\n", consumed, consumed].concat());
    let sender = recording.xlog("POST /orders").unwrap();
    for row in recording.xlogs.iter().filter(|row| row.service == "queue orders") {
        assert_eq!((row.gxid, row.caller), (sender.gxid, Some(sender.txid)));
        assert_eq!((row.kind, row.sql_count), (XLogKind::Background, 1));
        assert!(row.flags.contains(XLogFlags::CONTINUED));
    }
}

#[test]
fn a_message_without_headers_begins_a_trace_and_bad_ones_are_no_error() {
    let mut bad = Message { body: 2, ..Message::default() };
    bad.headers.insert("traceparent".into(), vec![0xff; 55]);
    let recording = block_on(capture_async(async {
        consume(Message { body: 1, ..Message::default() }).await;
        consume(bad).await;
    }));
    assert_eq!(recording.xlogs.len(), 2);
    for row in &recording.xlogs {
        assert!(row.caller.is_none() && !row.flags.contains(XLogFlags::CONTINUED), "{row:?}");
    }
}

#[test]
fn baggage_is_sent_only_where_the_sender_trusts_the_queue() {
    let context =
        propagation::parse_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let context = context.unwrap().with_tracestate(b"a=1").with_baggage(b"tenant=acme");
    let mut sent = Vec::new();
    let recording = capture(|| {
        let service = intern(TextKind::Service, "POST /orders");
        within(Begin::new(service).context(Some(&context)), || {
            sent.extend([publish(1, false), publish(1, true)]);
        });
        assert!(publish(1, true).headers.is_empty(), "no transaction, no headers");
    });
    let (plain, trusted) = (&sent[0].headers, &sent[1].headers);
    assert_eq!(plain["tracestate"], b"a=1");
    assert!(!plain.contains_key("baggage"));
    assert_eq!(trusted["baggage"], b"tenant=acme");
    let next = propagation::extract_trusted(trusted).unwrap();
    let row = recording.only();
    assert_eq!((next.gxid, next.caller), (row.gxid, Some(row.txid)));
    assert_eq!(next.baggage(), Some("tenant=acme"));
}

#[test]
fn a_consumer_that_is_cancelled_or_panics_says_so() {
    let recording = block_on(capture_async(async {
        let service = intern(TextKind::Service, "queue orders");
        let stuck = in_transaction(
            Transaction::begin(Begin::new(service)),
            scouter::wait("broker", std::future::pending::<()>()),
        );
        tokio::select! {
            biased;
            () = stuck => unreachable!("nobody answers"),
            () = std::future::ready(()) => {}
        }
        let broken = in_transaction(Transaction::begin(Begin::new(service)), async {
            std::panic::panic_any("poison");
        });
        assert!(tokio::spawn(broken).await.is_err());
    }));
    assert_eq!(
        recording.tree(),
        "queue orders !cancelled_before_response\n    wait broker !cancelled\n\
         queue orders !error !panic\n"
    );
}
