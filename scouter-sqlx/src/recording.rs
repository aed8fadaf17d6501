//! One running statement: its step, what it fetched so far, and when that becomes too much.

use std::panic::Location;

use scouter_core::checkout::CheckoutGuard;
use scouter_core::record::{AlertKind, AlertLevel, Outcome, StepKind};
use scouter_core::{OpenStep, SqlOutcome, alert, current};
use sqlx::{Database, Either, Error};

use crate::driver::{self, Item};
use crate::settings::Settings;
use crate::taken::{StartMark, Taken};
use crate::text::{self, Statement};
use crate::{failure, pool_report};

/// Longest list of bound values that is kept, bytes; a longer one is cut.
pub(crate) const MAX_BIND_VALUES_BYTES: usize = 256;

/// A statement on its way. Dropped before its end it is recorded as cancelled, with the rows it
/// had fetched.
pub(crate) struct Recording {
    step: Option<OpenStep>,
    tally: Tally,
    bind_values: Option<Box<str>>,
    /// A statement sent to a pool holds a connection while it runs; unset while it waits for it.
    checkout: Option<CheckoutGuard>,
    is_waiting: bool,
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
        let recording = Self::new(query, settings);
        if let Some(checkout) = checkout {
            checkout.note_statement(recording.tally.statement.name);
        }
        recording
    }

    /// Opens the step of a statement that first waits for a connection of the pool.
    pub(crate) fn on_pool<DB: Database>(query: &mut Taken<DB>, settings: Settings) -> Self {
        query.tell_start();
        let mut recording = Self::new(query, settings);
        recording.is_waiting = true;
        recording
    }

    fn new<DB: Database>(query: &Taken<DB>, settings: Settings) -> Self {
        let statement = text::statement(query.text(), driver::dialect::<DB>());
        let step = OpenStep::begin(StepKind::Sql, statement.name);
        let bind_values = settings
            .shows_bind_values()
            .then(|| driver::bind_values::<DB>(query.arguments()?, MAX_BIND_VALUES_BYTES))
            .flatten();
        let tally = Tally {
            next_limit: settings.too_many_rows().min(settings.hard_limit()),
            settings,
            statement,
            binds: query.binds(),
            rows: 0,
            affected: 0,
        };
        Self { step: Some(step), tally, bind_values, checkout: None, is_waiting: false }
    }

    /// Runs one poll of the driver inside the step.
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        if self.is_waiting {
            return self.poll_waiting(poll);
        }
        let _scope = self.step.as_ref().map(OpenStep::enter_poll);
        poll()
    }

    #[cold]
    fn poll_waiting<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let mark = StartMark::arm();
        let polled = {
            let _scope = self.step.as_ref().map(OpenStep::enter_poll);
            poll()
        };
        if mark.is_started() {
            self.is_waiting = false;
            if let Some(step) = &mut self.step {
                step.mark_wait_end();
            }
            let checkout =
                CheckoutGuard::register(self.tally.settings.pool, "statement", Location::caller());
            checkout.note_statement(self.tally.statement.name);
            self.checkout = Some(checkout);
        }
        polled
    }

    /// Looks at what the driver answered; a hard limit replaces the row by an error.
    pub(crate) fn observe<DB: Database>(&mut self, item: Option<Item<DB>>) -> Option<Item<DB>> {
        match item {
            Some(Ok(Either::Right(row))) => match self.row() {
                Ok(()) => Some(Ok(Either::Right(row))),
                Err(error) => {
                    self.finish_failed(&error);
                    Some(Err(error))
                }
            },
            Some(Ok(Either::Left(result))) => {
                self.tally.affected += driver::rows_affected::<DB>(&result);
                Some(Ok(Either::Left(result)))
            }
            Some(Err(error)) => {
                self.finish_failed(&error);
                Some(Err(error))
            }
            None => {
                self.finish(Outcome::Ok, "");
                None
            }
        }
    }

    /// Counts a row; an error when the hard limit is passed.
    pub(crate) fn row(&mut self) -> Result<(), Error> {
        if self.tally.rows == 0
            && let Some(step) = &mut self.step
        {
            step.mark_first_row();
        }
        self.tally.rows += 1;
        if self.tally.rows < self.tally.next_limit { Ok(()) } else { self.tally.pass_limit() }
    }

    /// Ends the step with an error of sqlx.
    #[cold]
    pub(crate) fn finish_failed(&mut self, error: &Error) {
        if self.is_waiting && matches!(error, Error::PoolTimedOut) {
            pool_report::exhausted(self.tally.settings.pool, None);
        }
        self.finish(Outcome::Error, &failure::describe(error));
    }

    /// Ends the step.
    pub(crate) fn finish(&mut self, outcome: Outcome, error: &str) {
        self.checkout = None;
        let Some(step) = self.step.take() else { return };
        let tally = &self.tally;
        if step.elapsed_us() >= tally.settings.slow_sql_us() {
            current::keep_profile();
        }
        let is_query = tally.statement.is_read;
        step.finish_sql(SqlOutcome {
            rows: tally.rows,
            affected: if is_query { 0 } else { tally.affected },
            binds: tally.binds,
            bind_values: self.bind_values.as_deref().unwrap_or(""),
            outcome,
            error,
        });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // After the end this finds no step and does nothing.
        self.finish(Outcome::Cancelled, "");
    }
}

impl Tally {
    /// Tells once, while the rows still come, that there are too many.
    #[cold]
    fn pass_limit(&mut self) -> Result<(), Error> {
        let (soft, hard) = (self.settings.too_many_rows(), self.settings.hard_limit());
        if self.rows >= soft {
            current::error(&format_args!("a statement fetched more than {soft} rows"));
            current::keep_profile();
            let sql = scouter_core::text(self.statement.name);
            alert::raise(
                AlertKind::TooManyRows,
                AlertLevel::Warn,
                &sql,
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
}
