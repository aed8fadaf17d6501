//! Transactions of a shop for the encode zone, the same ones on every run.
//!
//! Small on purpose: the gate compares instruction counts with those of yesterday, not bytes with
//! those of others. The bench measures on the wide traffic of `scouter_collector::generate`.
//! Whatever is changed here makes the baseline stale.
#![allow(clippy::cast_possible_truncation, reason = "generated numbers stay far below 32 bits")]

use scouter_wire::record::{
    Detail, EndReason, Outcome, ProfileFate, Step, StepKind, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextRef, Txid};

/// Steps of each transaction.
const STEPS: usize = 10;

const SERVICES: u32 = 24;
const METHODS: u32 = 80;
const STATEMENTS: u32 = 40;
const CALLEES: u32 = 8;
const POOLS: u32 = 2;

/// First number of each kind of text: all kinds share one dense numbering, as in the recorder.
const FIRST_METHOD: u32 = 1 + SERVICES;
const FIRST_STATEMENT: u32 = FIRST_METHOD + METHODS;
const FIRST_CALLEE: u32 = FIRST_STATEMENT + STATEMENTS;
const FIRST_POOL: u32 = FIRST_CALLEE + CALLEES;

/// A transaction with its steps.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// The row.
    pub(crate) xlog: XLog<'static>,
    /// The profile.
    pub(crate) steps: Vec<Step<'static>>,
}

/// `count` transactions, each ending after the one before it.
pub(crate) fn transactions(count: usize) -> Vec<Transaction> {
    const FIRST_END_US: i64 = 1_790_000_000_000_000;
    const AVERAGE_GAP_US: u32 = 200;
    let mut random = Random(0x5eed);
    let mut end_unix_us = FIRST_END_US;
    (0..count)
        .map(|index| {
            end_unix_us += i64::from(random.below(2 * AVERAGE_GAP_US));
            transaction(index + 1, end_unix_us, &mut random)
        })
        .collect()
}

fn transaction(index: usize, end_unix_us: i64, random: &mut Random) -> Transaction {
    const TENANTS: [&str; 6] = ["acme", "globex", "initech", "umbrella", "stark", "wayne"];
    const LOGINS: [&str; 8] = ["ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal"];
    const ADDRESSES: [&str; 4] = ["10.0.0.17", "10.0.0.18", "10.2.3.4", "192.168.7.9"];
    const AGENTS: [&str; 2] = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "okhttp/5.1.0"];
    let service = random.below(SERVICES);
    let elapsed_us = 800 + u64::from(random.below(40_000));
    let is_error = random.below(100) == 0;
    let begin_second = (end_unix_us - elapsed_us.cast_signed()).div_euclid(1_000_000);
    let id = txid((begin_second.cast_unsigned() << 32) | (0x1234_0000 + 2 * index as u64));
    let pick = |texts: &[&'static str], random: &mut Random| {
        texts[random.below(texts.len() as u32) as usize]
    };
    let xlog = XLog {
        end_unix_us,
        elapsed_us,
        txid: id,
        gxid: gxid(random),
        caller: random.below(2).eq(&0).then(|| txid(random.next())),
        kind: XLogKind::Web,
        end: EndReason::Complete,
        profile: ProfileFate::Kept,
        flags: XLogFlags::default(),
        service: TextRef(1 + service),
        status: if is_error { 500 } else { 200 },
        error: if is_error { "stock service answered 503" } else { "" },
        busy_us: elapsed_us / 9,
        polls: 4 + random.below(5),
        ttfb_us: elapsed_us - 20,
        sql_count: 2,
        sql_us: elapsed_us / 3,
        sql_rows: u64::from(random.below(30)),
        pool_wait_us: u64::from(random.below(50)),
        api_count: 1,
        api_us: elapsed_us / 2,
        bytes_out: 300 + u64::from(random.below(4_000)),
        alloc_bytes: 0,
        steps: STEPS as u32,
        steps_dropped: 0,
        tenant: pick(&TENANTS, random),
        login: pick(&LOGINS, random),
        desc: "",
        ip: pick(&ADDRESSES, random),
        user_agent: pick(&AGENTS, random),
        tags: &[],
    };
    Transaction { xlog, steps: steps(service, elapsed_us, is_error, random) }
}

#[expect(clippy::expect_used, reason = "an odd number is not 0")]
fn txid(value: u64) -> Txid {
    Txid::new(value | 1).expect("an odd number is not 0")
}

#[expect(clippy::expect_used, reason = "an odd number is not 0")]
fn gxid(random: &mut Random) -> Gxid {
    let value = (u128::from(random.next()) << 64) | u128::from(random.next());
    Gxid::new(value | 1).expect("an odd number is not 0")
}

/// Always the same ten places for one service, as code is: five functions, a pool wait, two
/// statements in a function, an outbound call.
fn steps(service: u32, elapsed_us: u64, is_error: bool, random: &mut Random) -> Vec<Step<'static>> {
    let shape: [(StepKind, Option<u32>); STEPS] = [
        (StepKind::Method, None),
        (StepKind::Method, Some(0)),
        (StepKind::PoolWait, Some(1)),
        (StepKind::Sql, Some(1)),
        (StepKind::Method, Some(0)),
        (StepKind::Sql, Some(4)),
        (StepKind::Method, Some(4)),
        (StepKind::Api, Some(0)),
        (StepKind::Method, Some(0)),
        (StepKind::Method, Some(8)),
    ];
    let mut start_us = 3;
    shape
        .into_iter()
        .enumerate()
        .map(|(index, (kind, parent))| {
            start_us += u64::from(random.below(30));
            let place = service * 3 + index as u32;
            let own_us = u64::from(random.below((elapsed_us / 12) as u32 + 1));
            let is_waiting = matches!(kind, StepKind::Sql | StepKind::Api | StepKind::PoolWait);
            let step = Step {
                kind,
                outcome: Outcome::Ok,
                parent,
                name: name(kind, place),
                start_us,
                elapsed_us: own_us,
                busy_us: if is_waiting { own_us / 10 } else { own_us },
                polls: if is_waiting { 2 } else { 0 },
                count: 1,
                max_us: own_us,
                error: "",
                detail: detail(kind, own_us, is_error, random),
            };
            start_us += own_us / 4;
            step
        })
        .collect()
}

fn name(kind: StepKind, place: u32) -> TextRef {
    TextRef(match kind {
        StepKind::Sql => FIRST_STATEMENT + place % STATEMENTS,
        StepKind::Api => FIRST_CALLEE + place % CALLEES,
        StepKind::PoolWait => FIRST_POOL + place % POOLS,
        _ => FIRST_METHOD + place % METHODS,
    })
}

fn detail(kind: StepKind, own_us: u64, is_error: bool, random: &mut Random) -> Detail<'static> {
    match kind {
        StepKind::Sql => Detail::Sql {
            pool_wait_us: 0,
            first_row_us: Some(own_us / 2),
            rows: u64::from(random.below(20)),
            affected: 0,
            binds: 2,
            bind_values: "",
        },
        StepKind::Api => Detail::Api {
            status: if is_error { 503 } else { 200 },
            callee: Some(txid(random.next())),
            address: "10.1.0.7:8080",
            ttfb_us: own_us / 2,
        },
        _ => Detail::None,
    }
}

/// xorshift64*: the same numbers everywhere.
struct Random(u64);

impl Random {
    /// The next number.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }
}
