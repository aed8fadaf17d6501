//! Statements of plain sqlx pools, read from sqlx's own tracing events (feature `fallback`).
//!
//! A third-party crate holds a plain pool; migrations and listeners run on one. sqlx (0.8 and 0.9)
//! tells of each statement by an event with target `sqlx::query`. [`FallbackLayer`] makes a step
//! of it. An event knows less than the facade: no error, no bound values, no wait, no first row,
//! and a cancelled statement looks finished. What the facade records itself is left alone.
//!
//! PostgreSQL and MySQL emit on the thread that polls the request: the step is written at once.
//! SQLite emits on its worker thread. There the event's span leads to the request: the first span
//! opened inside a transaction carries a mailbox, and the statements in it become steps when the
//! request's thread next enters or leaves that span. So with SQLite the application must have a
//! span per request (tower-http's `TraceLayer`, `#[tracing::instrument]`); without one no
//! statement of a plain SQLite pool is recorded. Those, and a statement whose event comes after
//! the span was left for the last time, are only counted: by [`dropped_statements`], and among the
//! agent's counters as `scouter_sqlx_fallback_dropped_statements`.
//!
//! An event does not tell its database either. So a statement is read such that no value leaves,
//! whichever database it was for: `"x"` may be a string of MySQL and shows as `?`, and a statement
//! ends at a `#` and at a `\'`. Where no MySQL or MariaDB is asked,
//! [`without_mysql`](FallbackLayer::without_mysql) shows quoted identifiers as they are.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use scouter_core::plugin::{self, AgentPlugin, CounterSink, Hooks};
use scouter_core::record::{Outcome, StepKind};
use scouter_core::{OpenStep, SqlOutcome, Txid, current};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::text::{self, Dialect, Statement};

/// Target of sqlx's events.
pub(crate) const TARGET: &str = "sqlx::query";

/// Statements a mailbox keeps until the request's thread comes by; the next ones are counted by
/// [`dropped_statements`] and forgotten.
pub const MAX_MAILBOX_STATEMENTS: usize = 256;

/// Whether a layer was ever made: without one the facade marks nothing.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

static DROPPED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static FACADE_DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Statements that were seen and could not be recorded: full mailbox, no request, or too late.
#[must_use]
pub fn dropped_statements() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Shows [`dropped_statements`] among the agent's counters.
struct Dropped;

impl AgentPlugin for Dropped {
    fn name(&self) -> &str {
        "scouter-sqlx fallback"
    }

    fn hooks(&self) -> Hooks {
        Hooks::COUNTER
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 statements")]
    fn counter(&self, sink: &mut CounterSink<'_>) {
        sink.add("scouter_sqlx_fallback_dropped_statements|", dropped_statements() as f64);
    }
}

/// Records the statements of plain sqlx pools. See the [module](self).
///
/// # Examples
/// ```
/// use tracing_subscriber::prelude::*;
/// let subscriber =
///     tracing_subscriber::registry().with(scouter_sqlx::fallback::FallbackLayer::new());
/// # let _ = subscriber;
/// ```
#[derive(Debug)]
pub struct FallbackLayer {
    dialect: Dialect,
}

impl FallbackLayer {
    /// A layer for a subscriber with a registry. It needs the events of target `sqlx::query` at
    /// level DEBUG to be enabled.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making one switches the marking on")]
    pub fn new() -> Self {
        static COUNTED: Once = Once::new();
        // With too many plugins the count remains readable here.
        COUNTED.call_once(|| plugin::register(Box::new(Dropped)).unwrap_or_default());
        IS_INSTALLED.store(true, Ordering::Relaxed);
        Self { dialect: Dialect::Unknown }
    }

    /// Says that no plain pool of this application talks to MySQL or MariaDB.
    ///
    /// Only then: their strings in double quotes would be taken for identifiers and sent away.
    #[must_use]
    pub fn without_mysql(mut self) -> Self {
        self.dialect = Dialect::Standard;
        self
    }
}

/// The span that goes with a statement of the facade to SQLite's worker, so that the event there
/// is known to be recorded already. It is enabled where sqlx's events are.
#[derive(Debug)]
pub(crate) struct FacadeMark(Option<tracing::Span>);

const MARK_NAME: &str = "scouter_recorded";

impl FacadeMark {
    pub(crate) fn new() -> Self {
        let is_needed = IS_INSTALLED.load(Ordering::Relaxed);
        Self(is_needed.then(|| tracing::debug_span!(target: TARGET, MARK_NAME)))
    }

    /// Runs a poll or a drop of the driver such that its events are ignored.
    #[inline]
    pub(crate) fn inside<T>(&self, run: impl FnOnce() -> T) -> T {
        let Some(span) = &self.0 else { return run() };
        let _depth = Depth::enter();
        span.in_scope(run)
    }
}

struct Depth;

impl Depth {
    fn enter() -> Self {
        FACADE_DEPTH.set(FACADE_DEPTH.get() + 1);
        Self
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        FACADE_DEPTH.set(FACADE_DEPTH.get() - 1);
    }
}

/// What an event told of a statement.
#[derive(Debug, Clone, Copy)]
struct Told {
    statement: Statement,
    elapsed: Duration,
    rows: u64,
    affected: u64,
}

impl Told {
    /// Writes it as a step of the transaction this thread works on.
    fn record(self) {
        let step = OpenStep::begin_past(StepKind::Sql, self.statement.name, self.elapsed);
        step.finish_sql(SqlOutcome {
            rows: self.rows,
            affected: if self.statement.is_read { 0 } else { self.affected },
            outcome: Outcome::Ok,
            ..SqlOutcome::default()
        });
    }
}

/// Statements on their way from a worker thread to the request's thread.
#[derive(Debug)]
struct Mailbox {
    transaction: Txid,
    has_mail: AtomicBool,
    statements: std::sync::Mutex<Vec<Told>>,
}

impl Mailbox {
    fn put(&self, told: Told) {
        let Ok(mut statements) = self.statements.lock() else { return count_dropped(1) };
        if statements.len() < MAX_MAILBOX_STATEMENTS {
            statements.push(told);
            self.has_mail.store(true, Ordering::Release);
        } else {
            count_dropped(1);
        }
    }

    fn empty(&self) -> Vec<Told> {
        if !self.has_mail.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        self.statements
            .lock()
            .map(|mut statements| std::mem::take(&mut *statements))
            .unwrap_or_default()
    }

    /// Records what came, if this thread works on the transaction it belongs to.
    fn deliver(&self) {
        if self.has_mail.load(Ordering::Acquire) && current::txid() == Some(self.transaction) {
            self.empty().into_iter().for_each(Told::record);
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        count_dropped(self.empty().len() as u64);
    }
}

fn count_dropped(statements: u64) {
    DROPPED.fetch_add(statements, Ordering::Relaxed);
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for FallbackLayer {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(transaction), Some(span)) = (current::txid(), context.span(id)) else { return };
        let is_served = span.scope().skip(1).any(|outer| {
            outer
                .extensions()
                .get::<Arc<Mailbox>>()
                .is_some_and(|mailbox| mailbox.transaction == transaction)
        });
        if !is_served {
            span.extensions_mut().insert(Arc::new(Mailbox {
                transaction,
                has_mail: AtomicBool::new(false),
                statements: std::sync::Mutex::default(),
            }));
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        deliver(id, &context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        deliver(id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != TARGET || FACADE_DEPTH.get() > 0 {
            return;
        }
        let mut mailbox = None;
        for span in context.event_scope(event).into_iter().flatten() {
            if span.metadata().name() == MARK_NAME && span.metadata().target() == TARGET {
                return;
            }
            mailbox = mailbox.or_else(|| span.extensions().get::<Arc<Mailbox>>().cloned());
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if current::is_active() {
            fields.told(self.dialect).record();
        } else if let Some(mailbox) = mailbox {
            mailbox.put(fields.told(self.dialect));
        } else {
            count_dropped(1);
        }
    }
}

fn deliver<S: Subscriber + for<'a> LookupSpan<'a>>(id: &Id, context: &Context<'_, S>) {
    let Some(span) = context.span(id) else { return };
    let mailbox = span.extensions().get::<Arc<Mailbox>>().cloned();
    if let Some(mailbox) = mailbox {
        mailbox.deliver();
    }
}

/// The fields of the event, as sqlx 0.8 and 0.9 name them.
#[derive(Default)]
struct Fields {
    summary: String,
    statement: String,
    rows_returned: u64,
    rows_affected: u64,
    elapsed_secs: f64,
}

impl Fields {
    fn told(&self, dialect: Dialect) -> Told {
        // sqlx leaves the statement empty when the summary, its first four words, says it all.
        let sql = if self.statement.is_empty() { &self.summary } else { &self.statement };
        Told {
            statement: text::statement(sql.trim(), dialect),
            elapsed: Duration::try_from_secs_f64(self.elapsed_secs).unwrap_or_default(),
            rows: self.rows_returned,
            affected: self.rows_affected,
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "rows_returned" => self.rows_returned = value,
            "rows_affected" => self.rows_affected = value,
            _ => {}
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed_secs = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
