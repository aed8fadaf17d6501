//! Recordings as values and as trees, for tests of applications and of our own crates.
//!
//! The recorder is one per process, so captures take turns: [`capture`] waits until no other runs,
//! turns recording on, runs the code and hands back everything the process recorded meanwhile. A
//! test that records does it inside a capture, or holds [`exclusive`].

mod tree;

use std::future::Future;

use parking_lot::{Condvar, Mutex};
use scouter_wire::record::{
    Detail, EndReason, Outcome, ProfileFate, Step, StepKind, XLog, XLogFlags, XLogKind,
};
use scouter_wire::{Gxid, Txid};

use crate::drain::{DrainVisitor, drain};
use crate::switch;
use crate::text::{TextId, text};

/// Everything recorded in a while, with owned texts.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// Finished rows, in the order they were drained.
    pub xlogs: Vec<RecordedXLog>,
    /// Profiles, in the order they were drained.
    pub profiles: Vec<RecordedProfile>,
}

/// A finished row with owned texts. Fields as in [`XLog`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of XLog")]
pub struct RecordedXLog {
    pub end_unix_us: i64,
    pub elapsed_us: u64,
    pub txid: Txid,
    pub gxid: Gxid,
    pub caller: Option<Txid>,
    pub kind: XLogKind,
    pub end: EndReason,
    pub profile: ProfileFate,
    pub flags: XLogFlags,
    pub service: String,
    pub status: u16,
    /// Error without the place it came from, so that a test need not know lines.
    pub error: String,
    /// That place, `src/orders.rs:12`, or empty.
    pub error_place: String,
    pub busy_us: u64,
    pub polls: u32,
    pub ttfb_us: u64,
    pub sql_count: u32,
    pub sql_us: u64,
    pub sql_rows: u64,
    pub pool_wait_us: u64,
    pub api_count: u32,
    pub api_us: u64,
    pub bytes_out: u64,
    pub alloc_bytes: u64,
    pub steps: u32,
    pub steps_dropped: u32,
    pub tenant: String,
    pub login: String,
    pub desc: String,
    pub ip: String,
    pub user_agent: String,
    pub tags: Vec<(String, String)>,
}

/// A profile with owned texts.
#[derive(Debug, Clone)]
pub struct RecordedProfile {
    /// The transaction it belongs to.
    pub txid: Txid,
    /// Its end, unix µs.
    pub end_unix_us: i64,
    /// Its steps, in the order they began.
    pub steps: Vec<RecordedStep>,
}

/// A step with owned texts. Fields as in [`Step`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are those of Step")]
pub struct RecordedStep {
    pub kind: StepKind,
    pub outcome: Outcome,
    pub parent: Option<u32>,
    /// Name without its place.
    pub name: String,
    /// Place of a method, `src/orders.rs:12`, or empty.
    pub place: String,
    pub start_us: u64,
    pub elapsed_us: u64,
    pub busy_us: u64,
    pub polls: u16,
    pub count: u32,
    pub max_us: u64,
    pub error: String,
    pub detail: RecordedDetail,
}

/// What only some kinds of step have. Fields as in [`Detail`].
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(missing_docs, reason = "the variants are those of Detail")]
#[non_exhaustive]
pub enum RecordedDetail {
    #[default]
    None,
    Text(String),
    Sql {
        pool_wait_us: u64,
        first_row_us: Option<u64>,
        rows: u64,
        affected: u64,
        binds: u32,
        bind_values: String,
    },
    Api {
        status: u16,
        callee: Option<Txid>,
        address: String,
        ttfb_us: u64,
    },
    Attributes(Vec<(String, String)>),
    Spawn {
        child: Option<Txid>,
    },
}

impl Recording {
    /// All transactions as an indented tree without times, in the order they began.
    ///
    /// ```text
    /// GET /orders/{id} 200
    ///     sql SELECT … WHERE id = ?
    ///     api GET billing 503 !error
    /// ```
    #[must_use]
    pub fn tree(&self) -> String {
        tree::print(self)
    }

    /// The only row.
    ///
    /// # Panics
    /// If there is none or more than one; the message shows the tree.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion of tests")]
    pub fn only(&self) -> &RecordedXLog {
        match &self.xlogs[..] {
            [xlog] => xlog,
            all => {
                let shown: String = self.tree().lines().take(50).collect::<Vec<_>>().join("\n");
                panic!("expected one transaction, not {}:\n{shown}", all.len())
            }
        }
    }

    /// The row of the first transaction of a service.
    #[must_use]
    pub fn xlog(&self, service: &str) -> Option<&RecordedXLog> {
        self.xlogs.iter().find(|xlog| xlog.service == service)
    }

    /// The steps of a transaction; empty when its profile was not kept.
    #[must_use]
    pub fn steps(&self, txid: Txid) -> &[RecordedStep] {
        let profile = self.profiles.iter().find(|profile| profile.txid == txid);
        profile.map_or(&[], |profile| &profile.steps)
    }
}

impl DrainVisitor for Recording {
    fn xlog(&mut self, xlog: &XLog<'_>) {
        self.xlogs.push(owned_xlog(xlog));
    }

    fn profile_begin(&mut self, txid: Txid, end_unix_us: i64, _: u32) {
        self.profiles.push(RecordedProfile { txid, end_unix_us, steps: Vec::new() });
    }

    fn step(&mut self, step: &Step<'_>) {
        if let Some(profile) = self.profiles.last_mut() {
            profile.steps.push(owned_step(step));
        }
    }
}

/// A recorder of one's own, until it is dropped.
#[derive(Debug)]
pub struct Exclusive(());

static TURN: Mutex<bool> = Mutex::new(false);
static NEXT: Condvar = Condvar::new();

/// Waits until no capture runs and keeps others waiting. What is recorded by then is thrown away;
/// recording is on until this is dropped.
///
/// Two of them in tasks of one single-threaded runtime wait for each other for ever.
#[must_use]
pub fn exclusive() -> Exclusive {
    let mut is_taken = TURN.lock();
    while *is_taken {
        NEXT.wait(&mut is_taken);
    }
    *is_taken = true;
    drop(is_taken);
    let exclusive = Exclusive(());
    drop(exclusive.take());
    switch::set_recording(true);
    exclusive
}

impl Exclusive {
    /// Takes everything that was recorded since the last call.
    #[must_use]
    pub fn take(&self) -> Recording {
        let mut recording = Recording::default();
        loop {
            let drained = drain(&mut recording, usize::MAX);
            if drained.xlogs == 0 && drained.profiles == 0 {
                return recording;
            }
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        switch::set_recording(false);
        *TURN.lock() = false;
        NEXT.notify_one();
    }
}

/// Runs code with recording on and hands back what it recorded.
pub fn capture<T>(code: impl FnOnce() -> T) -> Recording {
    let recorder = exclusive();
    let _ = code();
    recorder.take()
}

/// Runs a future with recording on and hands back what was recorded.
///
/// Waits for its turn by blocking the thread: use it in tests with a runtime of their own.
pub async fn capture_async<F: Future>(future: F) -> Recording {
    let recorder = exclusive();
    let _ = future.await;
    recorder.take()
}

fn name_of(number: u32) -> &'static str {
    text(TextId::from_number(number))
}

fn owned_tags(tags: &[scouter_wire::record::Tag<'_>]) -> Vec<(String, String)> {
    tags.iter().map(|tag| (name_of(tag.key.0).to_owned(), tag.value.to_owned())).collect()
}

fn owned_xlog(xlog: &XLog<'_>) -> RecordedXLog {
    let mut error = xlog.error.to_owned();
    let at = scouter_wire::text::error_place(&error);
    let error_place = at.map(|at| error.drain(at).skip(" at ".len()).collect()).unwrap_or_default();
    RecordedXLog {
        end_unix_us: xlog.end_unix_us,
        elapsed_us: xlog.elapsed_us,
        txid: xlog.txid,
        gxid: xlog.gxid,
        caller: xlog.caller,
        kind: xlog.kind,
        end: xlog.end,
        profile: xlog.profile,
        flags: xlog.flags,
        service: name_of(xlog.service.0).to_owned(),
        status: xlog.status,
        error,
        error_place,
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
        tenant: xlog.tenant.to_owned(),
        login: xlog.login.to_owned(),
        desc: xlog.desc.to_owned(),
        ip: xlog.ip.to_owned(),
        user_agent: xlog.user_agent.to_owned(),
        tags: owned_tags(xlog.tags),
    }
}

fn owned_step(step: &Step<'_>) -> RecordedStep {
    let (name, place) = match step.kind {
        StepKind::Method => scouter_wire::text::split_method_text(name_of(step.name.0)),
        _ => (name_of(step.name.0), ""),
    };
    RecordedStep {
        kind: step.kind,
        outcome: step.outcome,
        parent: step.parent,
        name: name.to_owned(),
        place: place.to_owned(),
        start_us: step.start_us,
        elapsed_us: step.elapsed_us,
        busy_us: step.busy_us,
        polls: step.polls,
        count: step.count,
        max_us: step.max_us,
        error: step.error.to_owned(),
        detail: owned_detail(&step.detail),
    }
}

fn owned_detail(detail: &Detail<'_>) -> RecordedDetail {
    match *detail {
        Detail::Text(text) => RecordedDetail::Text(text.to_owned()),
        Detail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values } => {
            let bind_values = bind_values.to_owned();
            RecordedDetail::Sql { pool_wait_us, first_row_us, rows, affected, binds, bind_values }
        }
        Detail::Api { status, callee, address, ttfb_us } => {
            RecordedDetail::Api { status, callee, address: address.to_owned(), ttfb_us }
        }
        Detail::Attributes(tags) => RecordedDetail::Attributes(owned_tags(tags)),
        Detail::Spawn { child } => RecordedDetail::Spawn { child },
        _ => RecordedDetail::None,
    }
}
