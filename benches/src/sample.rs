//! Transactions of a shop, made up but with the shape of real ones: a few services, many values
//! that repeat, ids and durations that do not. The same ones on every run.
#![allow(clippy::cast_possible_truncation, reason = "generated numbers stay far below 32 bits")]

use scouter_wire::record::{
    Detail, EndReason, Outcome, ProfileFate, Step, StepKind, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextKind, TextRef, Txid};

/// Steps of each transaction.
pub(crate) const STEPS: usize = 10;

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

/// The texts that the records refer to.
pub(crate) fn texts() -> Vec<(TextKind, TextRef, String)> {
    let mut texts = Vec::new();
    let mut add = |kind, first: u32, count: u32, text: fn(u32) -> String| {
        texts.extend((0..count).map(|index| (kind, TextRef(first + index), text(index))));
    };
    add(TextKind::Service, 1, SERVICES, |n| format!("GET /api/v1/shops/{{shop}}/area{n}/{{id}}"));
    add(TextKind::Method, FIRST_METHOD, METHODS, |n| {
        format!("shop::orders::part{n}::load @ src/orders/part{n}.rs:{}", n * 7 + 12)
    });
    add(TextKind::Sql, FIRST_STATEMENT, STATEMENTS, |n| {
        format!("SELECT id, name, price_{n} FROM orders_{n} WHERE shop = ? AND id = ?")
    });
    add(TextKind::Api, FIRST_CALLEE, CALLEES, |n| format!("GET http://stock-{n}/items/{{id}}"));
    add(TextKind::Pool, FIRST_POOL, POOLS, |n| format!("orders-db-{n}"));
    texts
}

/// `count` transactions that end one after another.
pub(crate) fn transactions(count: usize) -> Vec<Transaction> {
    const FIRST_END_US: i64 = 1_790_000_000_000_000;
    Feed::new(FIRST_END_US).next_chunk(count)
}

/// Makes transactions, each ending after the one before it, 5,000 in a second.
pub(crate) struct Feed {
    random: Random,
    end_unix_us: i64,
    made: usize,
}

impl Feed {
    /// A feed whose transactions end from `first_end_unix_us` on.
    pub(crate) const fn new(first_end_unix_us: i64) -> Self {
        Self { random: Random(0x5eed), end_unix_us: first_end_unix_us, made: 0 }
    }

    /// The next `count` transactions.
    pub(crate) fn next_chunk(&mut self, count: usize) -> Vec<Transaction> {
        (0..count)
            .map(|_| {
                self.end_unix_us += i64::from(self.random.below(2 * AVERAGE_GAP_US));
                self.made += 1;
                transaction(self.made, self.end_unix_us, &mut self.random)
            })
            .collect()
    }
}

/// Time between the ends of two transactions, on average.
pub(crate) const AVERAGE_GAP_US: u32 = 200;

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
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }
}
