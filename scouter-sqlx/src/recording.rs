//! One running statement: its step, what it fetched so far, and when that becomes too much.

use std::task::Poll;

use scouter_core::checkout::{CheckoutGuard, StatementGuard};
use scouter_core::pools::{PoolWait, PoolWaits};
use scouter_core::record::{AlertKind, AlertLevel, Outcome, StepKind};
use scouter_core::{OpenStep, SqlOutcome, alert, current, live, options};
use sqlx::{Database, Either, Error};

use crate::driver::{self, Item};
use crate::fallback::FacadeMark;
use crate::settings::Settings;
use crate::taken::{StartMark, Taken};
use crate::text::{self, Statement};
use crate::{failure, pool_report, repeat};

/// Longest list of bound values that is kept, bytes; a longer one is cut.
pub(crate) const MAX_BIND_VALUES_BYTES: usize = 256;

/// A statement on its way. Dropped before its end it is recorded as cancelled, with the rows it
/// had fetched.
pub(crate) struct Recording {
    /// Begun by the first poll, as streams are often made long before they are polled; gone at
    /// the end.
    step: Option<OpenStep>,
    is_begun: bool,
    tally: Tally,
    bind_values: Option<Box<str>>,
    /// A statement sent to a pool holds a connection while it runs; unset while it waits for it.
    checkout: Option<CheckoutGuard>,
    /// While it runs on a connection that is tracked.
    running: Option<StatementGuard>,
    is_waiting: bool,
    /// Where its wait is counted, if it waits at all.
    waits: Option<&'static PoolWaits>,
    /// From the first poll on, while it waits.
    wait: Option<PoolWait>,
    /// How long it waited, µs.
    waited_us: u64,
    mark: FacadeMark,
}

/// What a statement did so far.
struct Tally {
    settings: Settings,
    statement: Statement,
    binds: u32,
    rows: u64,
    affected: u64,
    /// Rows at which the next thing happens: the alert, then the hard limit.
    next_limit: u64,
}

impl Recording {
    /// Opens the step of a statement on a connection that is held already.
    pub(crate) fn on_connection<DB: Database>(
        query: &Taken<DB>,
        settings: Settings,
        checkout: Option<&CheckoutGuard>,
    ) -> Self {
        let mut recording = Self::new(query, settings);
        if let Some(checkout) = checkout {
            recording.running = Some(checkout.note_statement(recording.tally.statement.name));
        }
        recording
    }

    /// Opens the step of a statement that first waits for a connection of the pool.
    pub(crate) fn on_pool<DB: Database>(
        query: &mut Taken<DB>,
        settings: Settings,
        waits: &'static PoolWaits,
    ) -> Self {
        query.tell_start();
        let mut recording = Self::new(query, settings);
        recording.is_waiting = true;
        recording.waits = Some(waits);
        recording
    }

    fn new<DB: Database>(query: &Taken<DB>, settings: Settings) -> Self {
        let statement = text::statement(query.text(), settings.dialect);
        let bind_values = settings
            .shows_bind_values()
            .then(|| {
                let is_secret = settings.redacts_values_of(query.text());
                driver::bind_values::<DB>(query.arguments()?, is_secret, MAX_BIND_VALUES_BYTES)
            })
            .flatten();
        let tally = Tally {
            next_limit: settings.too_many_rows().min(settings.hard_limit()),
            settings,
            statement,
            binds: query.binds(),
            rows: 0,
            affected: 0,
        };
        Self {
            step: None,
            is_begun: false,
            tally,
            bind_values,
            checkout: None,
            running: None,
            is_waiting: false,
            waits: None,
            wait: None,
            waited_us: 0,
            mark: FacadeMark::new(),
        }
    }

    /// Runs one poll of the driver inside the step.
    #[inline]
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if !self.is_begun {
            self.begin();
        }
        if self.is_waiting { self.poll_waiting(poll) } else { self.poll_inside(poll) }
    }

    fn begin(&mut self) {
        self.is_begun = true;
        let step = OpenStep::begin(StepKind::Sql, self.tally.statement.name);
        if step.is_recording() {
            repeat::count(self.tally.statement, &self.tally.settings);
        }
        self.step = Some(step);
        self.wait = self.waits.map(PoolWaits::begin);
    }

    #[inline]
    fn poll_inside<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let Self { step, mark, .. } = self;
        match step {
            Some(step) => step.poll(|| mark.inside(poll)),
            None => mark.inside(poll),
        }
    }

    fn poll_waiting<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let mark = StartMark::arm();
        let polled = self.poll_inside(poll);
        if let Some(started) = mark.started() {
            self.is_waiting = false;
            self.wait = None;
            if let Some(step) = &mut self.step {
                self.waited_us = step.mark_wait_end_at(started);
            }
            let pool = self.tally.settings.pool;
            let checkout = pool_report::statement_checkout(pool);
            self.running = Some(checkout.note_statement(self.tally.statement.name));
            self.checkout = Some(checkout);
        }
        polled
    }

    /// Looks at what the driver answered; a hard limit replaces the row by an error.
    pub(crate) fn observe<DB: Database>(&mut self, item: Option<Item<DB>>) -> Option<Item<DB>> {
        match item {
            Some(Ok(Either::Right(row))) => match self.rows_came(1) {
                Ok(()) => Some(Ok(Either::Right(row))),
                Err(error) => Some(Err(error)),
            },
            Some(Ok(Either::Left(result))) => {
                self.result_came::<DB>(&result);
                Some(Ok(Either::Left(result)))
            }
            Some(Err(error)) => {
                self.finish_failed(&error);
                Some(Err(error))
            }
            None => {
                self.finish_ok();
                None
            }
        }
    }

    /// How many rows may be taken at a time: one until the first was seen, then up to the limit.
    pub(crate) fn rows_at_a_time(&self) -> u64 {
        if self.tally.rows == 0 { 1 } else { (self.tally.next_limit - self.tally.rows).max(1) }
    }

    pub(crate) fn result_came<DB: Database>(&mut self, result: &DB::QueryResult) {
        self.tally.affected += driver::rows_affected::<DB>(result);
    }

    /// Counts rows, right after the poll that gave them; an error when the hard limit is passed.
    pub(crate) fn rows_came(&mut self, rows: u64) -> Result<(), Error> {
        if self.tally.rows == 0
            && rows > 0
            && let Some(step) = &mut self.step
        {
            step.mark_first_row();
        }
        self.tally.rows += rows;
        if self.tally.rows < self.tally.next_limit {
            return Ok(());
        }
        let passed = self.tally.pass_limit();
        if let Err(error) = &passed {
            self.finish_failed(error);
        }
        passed
    }

    /// Drops what the driver holds of the statement; it may tell of its end then.
    pub(crate) fn let_go<T>(&self, held: T) {
        self.mark.inside(|| drop(held));
    }

    /// Ends the step, right after the poll that gave the end.
    pub(crate) fn finish_ok(&mut self) {
        self.finish(Outcome::Ok, "", OpenStep::finish_sql_at_poll);
    }

    /// Ends the step with an error of sqlx, right after the poll that gave it.
    #[cold]
    pub(crate) fn finish_failed(&mut self, error: &Error) {
        if self.is_waiting && matches!(error, Error::PoolTimedOut) {
            pool_report::exhausted(self.tally.settings.pool, None);
        }
        self.finish(Outcome::Error, &failure::describe(error), OpenStep::finish_sql_at_poll);
    }

    #[inline]
    fn finish(
        &mut self,
        outcome: Outcome,
        error: &str,
        end: impl FnOnce(OpenStep, SqlOutcome<'_>) -> u64,
    ) {
        self.running = None;
        self.checkout = None;
        self.wait = None;
        let Some(mut step) = self.step.take() else { return };
        if self.is_waiting {
            step.mark_wait_end();
        }
        let tally = &self.tally;
        let too_many = if error.is_empty() && tally.is_over_limit() {
            tally.complaint()
        } else {
            String::new()
        };
        let outcome = SqlOutcome {
            rows: tally.rows,
            affected: if tally.statement.is_read { 0 } else { tally.affected },
            binds: tally.binds,
            bind_values: self.bind_values.as_deref().unwrap_or(""),
            outcome,
            error: if error.is_empty() { &too_many } else { error },
        };
        let executed_us = end(step, outcome).saturating_sub(self.waited_us);
        // A wait is reported as such; as long as it lasts the statement has not run at all.
        if !self.is_waiting && executed_us >= tally.settings.slow_sql_us() {
            tally.report_slow(executed_us);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // After the end this finds no step and does nothing.
        self.finish(Outcome::Cancelled, "", |step, outcome| {
            let elapsed_us = step.elapsed_us();
            step.finish_sql(outcome);
            elapsed_us
        });
    }
}

impl Tally {
    fn is_over_limit(&self) -> bool {
        self.rows >= self.settings.too_many_rows()
    }

    fn complaint(&self) -> String {
        format!("fetched {} rows or more", self.settings.too_many_rows())
    }

    /// Tells once, while the rows still come, that there are too many.
    #[cold]
    fn pass_limit(&mut self) -> Result<(), Error> {
        let hard = self.settings.hard_limit();
        if self.is_over_limit() {
            current::error(&self.complaint());
            current::keep_profile();
            let sql = scouter_core::text(self.statement.name);
            alert::raise_for_statement(
                AlertKind::TooManyRows,
                AlertLevel::Warn,
                self.statement.name,
                format_args!(
                    "a statement fetched {} rows and is still fetching: {sql}; add a LIMIT, or \
                     raise xlog_error_jdbc_fetch_max",
                    self.rows
                ),
            );
        }
        self.next_limit = if self.rows < hard { hard } else { u64::MAX };
        if self.rows < hard {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!(
            "stopped by scouter-sqlx after {hard} rows: the pool was wrapped with hard_limit({hard})"
        )))
    }

    #[cold]
    fn report_slow(&self, executed_us: u64) {
        current::keep_profile();
        let error_us = options::XLOG_ERROR_SQL_TIME_MAX_MS.value() * 1_000;
        if executed_us >= error_us {
            current::error(&format_args!("a statement took {} ms", executed_us / 1_000));
        }
        let sql = scouter_core::text(self.statement.name);
        let patience = options::statement_patience(sql);
        let limit_us = patience.map(|times| self.settings.slow_sql_us().saturating_mul(times));
        let own_us = executed_us.saturating_sub(live::late_us_within(executed_us));
        if limit_us.is_none_or(|limit_us| own_us < limit_us) {
            return;
        }
        alert::raise_for_statement(
            AlertKind::SlowStatement,
            AlertLevel::Warn,
            self.statement.name,
            format_args!("a statement took {} ms: {sql}", executed_us / 1_000),
        );
    }
}
