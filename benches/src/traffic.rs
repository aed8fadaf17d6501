//! Transactions of the fleet that `scouter_collector::generate` plays, kept as records, so that
//! every format encodes the same ones.
//!
//! 2,000 services, 4,000 functions, 3,040 statements, 1,000 tenants, 50,000 users, used unequally
//! (Zipf); times are log-normal; three in ten transactions begin a trace; profiles have 9.8 steps
//! on average, of them 40 % functions, 38 % SQL with bound values, 12 % outbound calls, 10 %
//! messages. A batch is what one agent process sends at once: 500 transactions of one object.

use scouter_collector::generate::{Receiver, Traffic};
pub(crate) use scouter_exporter::BATCH_XLOGS as BATCH;
use scouter_wire::record::{Detail, Step, XLog};
use scouter_wire::{TextKind, TextRef};

/// Transactions of the whole fleet in a second.
pub(crate) const PER_SECOND: u32 = 5_000;
/// The same traffic on every run.
pub(crate) const SEED: u64 = 0x5eed;

/// A transaction with its steps.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// The row.
    pub(crate) xlog: XLog<'static>,
    /// The profile.
    pub(crate) steps: Vec<Step<'static>>,
}

/// `count` batches, each of one object; busier objects have more of them.
pub(crate) fn batches(count: usize) -> (Names, Vec<Vec<Transaction>>) {
    const START_US: i64 = 1_790_000_000_000_000;
    let mut traffic = Traffic::new(SEED, START_US, f64::from(PER_SECOND));
    let batches = (0..count)
        .map(|_| {
            let object = traffic.pick_object();
            let mut kept = Kept(Vec::with_capacity(BATCH));
            for _ in 0..BATCH {
                traffic.transaction(object, true, &mut kept);
            }
            kept.0
        })
        .collect();
    (Names::new(&traffic), batches)
}

/// The texts that the records refer to.
pub(crate) struct Names(Vec<Vec<String>>);

impl Names {
    pub(crate) fn new(traffic: &Traffic) -> Self {
        let mut names = vec![vec![String::new()]; TextKind::ALL.len()];
        for (kind, _, text) in traffic.vocabulary().texts() {
            // They are numbered in this order from 1 on.
            names[*kind as usize].push(text.clone());
        }
        Self(names)
    }

    /// The text with this number; empty if there is none.
    pub(crate) fn text(&self, kind: TextKind, number: TextRef) -> &str {
        let texts = self.0.get(kind as usize);
        texts.and_then(|texts| texts.get(number.0 as usize)).map_or("", String::as_str)
    }
}

/// Keeps records for as long as the process lives, which is as long as it measures.
struct Kept(Vec<Transaction>);

impl Receiver for Kept {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        let xlog = XLog {
            end_unix_us: xlog.end_unix_us,
            elapsed_us: xlog.elapsed_us,
            txid: xlog.txid,
            gxid: xlog.gxid,
            caller: xlog.caller,
            kind: xlog.kind,
            end: xlog.end,
            profile: xlog.profile,
            flags: xlog.flags,
            service: xlog.service,
            status: xlog.status,
            error: keep(xlog.error),
            busy_us: xlog.busy_us,
            polls: xlog.polls,
            ttfb_us: xlog.ttfb_us,
            sql_count: xlog.sql_count,
            sql_us: xlog.sql_us,
            sql_rows: xlog.sql_rows,
            pool_wait_us: xlog.pool_wait_us,
            api_count: xlog.api_count,
            api_us: xlog.api_us,
            bytes_out: xlog.bytes_out,
            alloc_bytes: xlog.alloc_bytes,
            steps: xlog.steps,
            steps_dropped: xlog.steps_dropped,
            tenant: keep(xlog.tenant),
            login: keep(xlog.login),
            desc: keep(xlog.desc),
            ip: keep(xlog.ip),
            user_agent: keep(xlog.user_agent),
            tags: &[],
        };
        self.0.push(Transaction { xlog, steps: Vec::new() });
    }

    fn step(&mut self, step: &Step<'_>) {
        let detail = match step.detail {
            Detail::Text(text) => Detail::Text(keep(text)),
            Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
                let bind_values = keep(bind_values);
                Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values }
            }
            Detail::Api { status, callee, address, ttfb_us } => {
                Detail::Api { status, callee, address: keep(address), ttfb_us }
            }
            // The traffic has no others.
            _ => Detail::None,
        };
        if let Some(transaction) = self.0.last_mut() {
            transaction.steps.push(Step {
                kind: step.kind,
                outcome: step.outcome,
                parent: step.parent,
                name: step.name,
                start_us: step.start_us,
                elapsed_us: step.elapsed_us,
                busy_us: step.busy_us,
                polls: step.polls,
                count: step.count,
                max_us: step.max_us,
                error: keep(step.error),
                detail,
            });
        }
    }

    fn profile_end(&mut self) {}
}

fn keep(text: &str) -> &'static str {
    if text.is_empty() { "" } else { text.to_owned().leak() }
}
