//! A generator of realistic transactions, for trials, benches and tests.
//!
//! It plays a fleet: applications with several instances each, every application with services,
//! statements, functions and outbound calls of its own; tenants and users that are used unequally
//! (Zipf); times that are log-normal around a service's own speed; traces that pass from one
//! transaction to the next; profiles of 10 steps on average, the longest with 200. The numbers of a
//! transaction add up from its steps. The same seed gives the same traffic.

mod fill;
mod random;
mod vocabulary;

use scouter_wire::codec::BatchEncoder;
use scouter_wire::record::{
    Detail, EndReason, Outcome, ProfileFate, Step, StepKind, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, TextRef, Txid};

pub use fill::{FillError, MAX_SPAN, MAX_TRANSACTIONS, Plan, fill, fill_unsealed};
pub(crate) use random::Random;
pub use vocabulary::Vocabulary;
use vocabulary::{Application, OBJECTS_PER_APPLICATION};

/// Average number of steps of a profile; single ones have 2 to 200.
pub const MEAN_STEPS: f64 = 9.8;

/// Transactions remembered as possible callers.
const RECENT: usize = 4_096;

/// Where generated transactions go.
pub trait Receiver {
    /// The row of a transaction; its profile follows unless it says that there is none.
    fn xlog(&mut self, xlog: &XLog<'_>);

    /// The next step of its profile.
    fn step(&mut self, step: &Step<'_>);

    /// The profile is complete.
    fn profile_end(&mut self);
}

/// Endless traffic of a fleet.
#[derive(Debug)]
pub struct Traffic {
    vocabulary: Vocabulary,
    random: Random,
    now_us: i64,
    gap_us: f64,
    recent: Vec<(Gxid, Txid)>,
    counters: Vec<u32>,
    steps: Vec<PlannedStep>,
}

#[derive(Debug, Clone, Copy, Default)]
struct PlannedStep {
    kind: StepKind,
    name: TextRef,
    parent: Option<u32>,
    start_us: u64,
    elapsed_us: u64,
    wait_us: u64,
    rows: u64,
    fails: bool,
}

impl Traffic {
    /// Traffic that begins at a time, with this many transactions a second over the whole fleet.
    #[must_use]
    pub fn new(seed: u64, start_unix_us: i64, per_second: f64) -> Self {
        let vocabulary = Vocabulary::new();
        let mut random = Random::new(seed);
        let counters = (0..vocabulary.objects().len()).map(|_| random.low_word()).collect();
        Self {
            vocabulary,
            random,
            now_us: start_unix_us,
            gap_us: 1e6 / per_second,
            recent: Vec::with_capacity(RECENT),
            counters,
            steps: Vec::new(),
        }
    }

    /// All texts the traffic uses, and the names of its objects.
    #[must_use]
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Time of the transaction generated last, unix µs.
    #[must_use]
    pub const fn now_unix_us(&self) -> i64 {
        self.now_us
    }

    /// An object, the busier ones more often.
    pub fn pick_object(&mut self) -> usize {
        self.random.zipf(self.vocabulary.objects().len())
    }

    /// Puts transactions of one object into an encoder, each with its profile unless
    /// `profile_every` says that only every so many have one (0: none).
    pub fn fill(
        &mut self,
        encoder: &mut BatchEncoder,
        object: usize,
        transactions: usize,
        profile_every: usize,
    ) {
        for index in 0..transactions {
            let has_profile = profile_every != 0 && index % profile_every == 0;
            self.transaction(object, has_profile, &mut IntoEncoder(encoder));
        }
    }

    /// The next transaction of one object.
    pub fn transaction(&mut self, object: usize, has_profile: bool, to: &mut impl Receiver) {
        self.now_us += self.random.exponential_us(self.gap_us);
        let application = object / OBJECTS_PER_APPLICATION % self.vocabulary.applications.len();
        let application = self.vocabulary.applications[application].clone();
        let service = self.random.zipf(application.services.len());
        let elapsed_us = self.plan_steps(&application, service);
        let (txid, gxid, caller) = self.ids(object, elapsed_us);
        let error = self.random.one_in(50).then(|| self.random.zipf(vocabulary::ERRORS));
        let random = &mut self.random;
        let user = random.zipf(vocabulary::USERS);
        let sum = |kind: StepKind, of: fn(&PlannedStep) -> u64| -> u64 {
            self.steps.iter().filter(|step| step.kind == kind).map(of).sum()
        };
        let count = |kind: StepKind| sum(kind, |_| 1);
        let login = format!("user{user:05}@example.com");
        let ip = format!("10.{}.{}.{}", user % 20_000 / 5_000, user % 5_000 / 250, user % 250);
        let sql_wait_us = sum(StepKind::Sql, |step| step.wait_us);
        let sql_us = sum(StepKind::Sql, |step| step.elapsed_us) - sql_wait_us;
        let xlog = XLog {
            end_unix_us: self.now_us,
            elapsed_us,
            txid,
            gxid,
            caller,
            kind: XLogKind::Web,
            end: EndReason::Complete,
            profile: if has_profile { ProfileFate::Kept } else { ProfileFate::SampledOut },
            flags: if elapsed_us > 1_000_000 { XLogFlags::SLOW } else { XLogFlags::default() },
            service: application.services[service],
            status: if error.is_some() { 500 } else { random.status() },
            error: error.map_or("", |error| &self.vocabulary.errors[error]),
            busy_us: elapsed_us / 20 + random.below(elapsed_us / 10 + 50),
            polls: 2 + u32::try_from(count(StepKind::Sql) + count(StepKind::Api)).unwrap_or(0),
            ttfb_us: elapsed_us - random.below(elapsed_us / 20 + 1),
            sql_count: u32::try_from(count(StepKind::Sql)).unwrap_or(0),
            sql_us,
            sql_rows: sum(StepKind::Sql, |step| step.rows),
            pool_wait_us: sql_wait_us,
            api_count: u32::try_from(count(StepKind::Api)).unwrap_or(0),
            api_us: sum(StepKind::Api, |step| step.elapsed_us),
            bytes_out: random.log_normal(2_000.0, 1.0),
            alloc_bytes: random.log_normal(60_000.0, 0.8),
            steps: u32::try_from(self.steps.len()).unwrap_or(0),
            steps_dropped: 0,
            tenant: &self.vocabulary.tenants[user % vocabulary::TENANTS],
            login: &login,
            desc: "",
            ip: &ip,
            user_agent: &self.vocabulary.user_agents[user * 7 % vocabulary::USER_AGENTS],
            tags: &[],
        };
        to.xlog(&xlog);
        if has_profile {
            self.give_steps(to);
            to.profile_end();
        }
    }

    /// Txid, gxid and caller: three in ten begin a trace, the others go on with a recent one.
    fn ids(&mut self, object: usize, elapsed_us: u64) -> (Txid, Gxid, Option<Txid>) {
        const FIRST: Txid = Txid::new(1).expect("1 is not 0");
        const FIRST_TRACE: Gxid = Gxid::new(1).expect("1 is not 0");
        let begin_us = self.now_us.saturating_sub_unsigned(elapsed_us);
        let counter = &mut self.counters[object];
        *counter = counter.wrapping_add(1);
        let second = u64::try_from(begin_us / 1_000_000).unwrap_or_default();
        let txid = Txid::new(second << 32 | u64::from(*counter)).unwrap_or(FIRST);
        let (gxid, caller) = if self.recent.is_empty() || self.random.below(10) < 3 {
            (Gxid::new(self.random.id()).unwrap_or(FIRST_TRACE), None)
        } else {
            let place = self.random.index(self.recent.len());
            let (gxid, caller) = self.recent[place];
            (gxid, Some(caller))
        };
        if self.recent.len() < RECENT {
            self.recent.push((gxid, txid));
        } else {
            let place = self.random.index(RECENT);
            self.recent[place] = (gxid, txid);
        }
        (txid, gxid, caller)
    }

    /// Plans the steps of a transaction and answers how long it takes, µs.
    fn plan_steps(&mut self, application: &Application, service: usize) -> u64 {
        let random = &mut self.random;
        // The median of a log-normal with this spread and mean.
        let steps = random.log_normal(7.1, 0.8).clamp(2, 200);
        let speed = 300.0 + 40.0 * (service % 50) as f64;
        self.steps.clear();
        let mut now_us = random.below(200);
        let mut method = None;
        for index in 0..u32::try_from(steps).unwrap_or(2) {
            let elapsed_us = random.log_normal(speed, 0.9);
            let own = |texts: &[TextRef], random: &mut Random| {
                // A service runs through its own few functions and statements.
                texts[(service * 3 + random.zipf(8)) % texts.len()]
            };
            let (kind, name) = match random.below(100) {
                0..40 => (StepKind::Method, own(&application.methods, random)),
                40..78 => (StepKind::Sql, own(&application.sqls, random)),
                78..90 => (StepKind::Api, own(&application.apis, random)),
                _ => (StepKind::Message, TextRef::NONE),
            };
            let is_sql = kind == StepKind::Sql;
            self.steps.push(PlannedStep {
                kind,
                name,
                parent: method,
                start_us: now_us,
                elapsed_us: if kind == StepKind::Message { 0 } else { elapsed_us },
                wait_us: if is_sql && random.one_in(4) {
                    random.below(elapsed_us / 4 + 1)
                } else {
                    0
                },
                rows: if is_sql { random.log_normal(6.0, 1.2) } else { 0 },
                fails: random.one_in(200),
            });
            now_us += random.below(60);
            if kind == StepKind::Method {
                method = random.one_in(2).then_some(index);
            } else if kind != StepKind::Message {
                now_us += elapsed_us;
            }
        }
        let longest = self.steps.iter().map(|step| step.start_us + step.elapsed_us).max();
        longest.unwrap_or_default().max(now_us) + random.below(100)
    }

    fn give_steps(&self, to: &mut impl Receiver) {
        for step in &self.steps {
            let note;
            let values;
            let detail = match step.kind {
                StepKind::Message => {
                    note = format!("cache miss for order {}", 10_000 + step.start_us % 5_000);
                    Detail::Text(&note)
                }
                StepKind::Sql => {
                    values = format!("{}, 'open'", 100_000 + step.elapsed_us * 37 % 800_000);
                    Detail::Sql {
                        pool_wait_us: step.wait_us,
                        first_row_us: (step.rows > 0).then_some(step.elapsed_us * 9 / 10),
                        rows: step.rows,
                        affected: 0,
                        binds: 2,
                        bind_values: &values,
                    }
                }
                StepKind::Api => Detail::Api {
                    status: if step.fails { 503 } else { 200 },
                    callee: None,
                    address: "billing.internal:8080",
                    ttfb_us: step.elapsed_us * 9 / 10,
                },
                _ => Detail::None,
            };
            to.step(&Step {
                kind: step.kind,
                outcome: if step.fails { Outcome::Error } else { Outcome::Ok },
                parent: step.parent,
                name: step.name,
                start_us: step.start_us,
                elapsed_us: step.elapsed_us,
                busy_us: step.elapsed_us,
                polls: 0,
                count: 1,
                max_us: step.elapsed_us,
                error: if step.fails { "connection reset by peer" } else { "" },
                detail,
            });
        }
    }
}

/// Records go into a batch.
struct IntoEncoder<'a>(&'a mut BatchEncoder);

impl Receiver for IntoEncoder<'_> {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        self.0.push_xlog(xlog);
        if xlog.profile == ProfileFate::Kept {
            self.0.begin_profile(xlog.txid, xlog.end_unix_us);
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        self.0.push_step(step);
    }

    fn profile_end(&mut self) {
        self.0.end_profile();
    }
}
